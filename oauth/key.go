package oauth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"iotman/store"
)

// keyBits is the size of a signing key (RFC 7518 section 3.3 asks for 2048 at
// the least).
const keyBits = 2048

// keys are the signing keys: the newest signs, all verify.
type keys struct {
	signer jose.Signer
	byID   map[string]*rsa.PublicKey
	jwks   []byte
}

// loadKeys reads the signing keys and makes one where there is none.
func loadKeys(ctx context.Context, st *store.Store) (keys, error) {
	rows, err := st.SigningKeys(ctx)
	if err != nil {
		return keys{}, fmt.Errorf("read the signing keys: %w", err)
	}
	if len(rows) == 0 {
		k, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			return keys{}, fmt.Errorf("make a signing key: %w", err)
		}
		row, err := st.AddSigningKey(ctx, x509.MarshalPKCS1PrivateKey(k))
		if err != nil {
			return keys{}, fmt.Errorf("keep a signing key: %w", err)
		}
		rows = append(rows, row)
	}
	ks := keys{byID: map[string]*rsa.PublicKey{}}
	var set jose.JSONWebKeySet
	for i, row := range rows {
		private, err := x509.ParsePKCS1PrivateKey(row.Private)
		if err != nil {
			return keys{}, fmt.Errorf("signing key %s: %w", row.ID, err)
		}
		kid := string(row.ID)
		ks.byID[kid] = &private.PublicKey
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &private.PublicKey, KeyID: kid, Algorithm: string(jose.RS256), Use: "sig"})
		if i > 0 {
			continue
		}
		ks.signer, err = jose.NewSigner(
			jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: private, KeyID: kid}},
			(&jose.SignerOptions{}).WithType(tokenType))
		if err != nil {
			return keys{}, fmt.Errorf("signing key %s: %w", kid, err)
		}
	}
	ks.jwks, err = json.Marshal(set)
	return ks, err
}
