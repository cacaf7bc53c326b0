package oauth

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"

	"iotman/flow/egress"
	"iotman/iot"
	"iotman/store"
)

// Config is what a Server is made of.
type Config struct {
	Store  *store.Store
	Issuer *Issuer
	Log    *slog.Logger
	// Egress fetches client ID metadata documents. Without it none are taken, and
	// the metadata says so: clients register instead.
	Egress *egress.Guard
	// ClientIP returns the address that a request came from.
	ClientIP func(*http.Request) string
	// Reused tells the person of a refresh token that was used again, which
	// ended the session; nil tells nobody.
	Reused func(ctx context.Context, ws iot.ID, g store.Grant) error
}

// Server is the authorization server. Its methods may be called by many
// goroutines at once.
type Server struct {
	st        *store.Store
	issuer    *Issuer
	log       *slog.Logger
	url       string
	documents *documents // nil where none are taken
	clientIP  func(*http.Request) string
	reuse     func(ctx context.Context, ws iot.ID, g store.Grant) error
	provider  fosite.OAuth2Provider
}

// NewServer returns the authorization server of an Issuer.
func NewServer(cfg Config) *Server {
	s := &Server{
		st: cfg.Store, issuer: cfg.Issuer, log: cfg.Log, url: cfg.Issuer.url,
		clientIP: cfg.ClientIP, reuse: cfg.Reused,
	}
	if cfg.Egress != nil {
		s.documents = &documents{st: cfg.Store, egress: cfg.Egress}
	}
	anything := func([]string, string) bool { return true } // see scope
	config := &fosite.Config{
		AccessTokenLifespan: TokenLife, AuthorizeCodeLifespan: codeLife, RefreshTokenLifespan: refreshLife,
		AccessTokenIssuer: s.url,
		EnforcePKCE:       true, EnforcePKCEForPublicClients: true, EnablePKCEPlainChallengeMethod: false,
		RefreshTokenScopes:           []string{}, // a refresh token for everyone
		ScopeStrategy:                anything,
		AudienceMatchingStrategy:     func([]string, []string) error { return nil }, // see resource
		ClientAuthenticationStrategy: s.authenticate,
		OmitRedirectScopeParam:       true,
	}
	s.provider = compose.Compose(config, storage{s}, strategy{cfg.Issuer},
		compose.OAuth2AuthorizeExplicitFactory, compose.OAuth2RefreshTokenGrantFactory, compose.OAuth2ClientCredentialsGrantFactory,
		compose.OAuth2TokenRevocationFactory, compose.OAuth2PKCEFactory)
	return s
}
