package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
)

const fositeClient, fositeSecret = "bench", "a secret that only this run knows"

// digest hashes client secrets as iotman does: one that a machine made needs no
// slow hash, and bcrypt would be all that is measured.
type digest struct{}

func (digest) Hash(_ context.Context, data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	return sum[:], nil
}

func (d digest) Compare(ctx context.Context, hash, data []byte) error {
	if got, _ := d.Hash(ctx, data); subtle.ConstantTimeCompare(got, hash) != 1 {
		return fosite.ErrInvalidClient
	}
	return nil
}

// fositeAlone serves fosite as it comes, with everything in memory: what the
// library and the signature cost.
func fositeAlone([]string) (http.Handler, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	st := storage.NewMemoryStore()
	hash, err := digest{}.Hash(context.Background(), []byte(fositeSecret))
	if err != nil {
		return nil, err
	}
	st.Clients[fositeClient] = &fosite.DefaultClient{
		ID: fositeClient, Secret: hash, GrantTypes: []string{"client_credentials"}, Scopes: []string{"data:read"},
	}
	cfg := &fosite.Config{GlobalSecret: []byte("a secret of thirty-two bytes ...")[:32], ClientSecretsHasher: digest{}, AccessTokenIssuer: "http://fosite.test"}
	get := func(context.Context) (any, error) { return key, nil }
	strategy := &compose.CommonStrategy{
		CoreStrategy: compose.NewOAuth2JWTStrategy(get, compose.NewOAuth2HMACStrategy(cfg), cfg), Signer: &jwt.DefaultSigner{GetPrivateKey: get},
	}
	p := compose.Compose(cfg, st, strategy, compose.OAuth2ClientCredentialsGrantFactory, compose.OAuth2TokenIntrospectionFactory)
	session := func() *oauth2.JWTSession {
		return &oauth2.JWTSession{JWTClaims: &jwt.JWTClaims{}, JWTHeader: &jwt.Headers{}}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		ar, err := p.NewAccessRequest(ctx, r, session())
		if err != nil {
			p.WriteAccessError(ctx, w, ar, err)
			return
		}
		ar.GrantScope("data:read")
		answer, err := p.NewAccessResponse(ctx, ar)
		if err != nil {
			p.WriteAccessError(ctx, w, ar, err)
			return
		}
		p.WriteAccessResponse(ctx, w, ar, answer)
	})
	mux.HandleFunc("POST /introspect", func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		answer, err := p.NewIntrospectionRequest(ctx, r, session())
		if err != nil {
			p.WriteIntrospectionError(ctx, w, err)
			return
		}
		p.WriteIntrospectionResponse(ctx, w, answer)
	})
	return mux, nil
}
