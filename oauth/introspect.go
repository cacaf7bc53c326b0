package oauth

import (
	"context"
	"net/http"
	"strings"

	"iotman/iot"
)

// Introspection is what is told of a token (RFC 7662 section 2.2).
type Introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	Username  string `json:"username,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Expires   int64  `json:"exp,omitempty"`
	IssuedAt  int64  `json:"iat,omitempty"`
	Subject   string `json:"sub,omitempty"`
	Audience  string `json:"aud,omitempty"`
	Issuer    string `json:"iss,omitempty"`
	ID        iot.ID `json:"jti,omitempty"`
	Workspace iot.ID `json:"wid,omitempty"`
}

// ServeIntrospect is the introspection endpoint (RFC 7662). A client learns of
// its own tokens, and one that holds access:read of every token of its
// workspace, as a server that takes them needs; of any other it learns that it
// is not active.
func (s *Server) ServeIntrospect(w http.ResponseWriter, r *http.Request) {
	f, err := form(w, r)
	if err == nil && f.Get("token") == "" {
		err = errOAuth("invalid_request", "token is missing")
	}
	var asker *client
	if err == nil {
		c, aerr := s.authenticate(r.Context(), r, f)
		asker, _ = c.(*client)
		if err = aerr; err == nil && asker.Public {
			err = errOAuth("invalid_client", "a public client cannot prove who it is, and may not ask")
		}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	told, err := s.Introspect(r.Context(), f.Get("token"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	all := told.Workspace == asker.Workspace && permissionsIn(asker.Scope).Has(iot.AccessRead)
	if told.ClientID != asker.ID && !all {
		told = Introspection{}
	}
	s.answer(w, http.StatusOK, told)
}

// Introspect tells of an access token what holds now: its scope is what is left
// of what it was issued with. A token that opens nothing is not active.
func (s *Server) Introspect(ctx context.Context, token string) (Introspection, error) {
	a, err := s.issuer.Verify(ctx, token)
	if iot.KindOf(err) == iot.Unauthenticated {
		return Introspection{}, nil
	}
	if err != nil {
		return Introspection{}, err
	}
	var scope string
	if a.Audience == s.issuer.MCPURL(a.Slug) {
		c, err := s.issuer.Manages(a, iot.REST)
		if err != nil {
			return Introspection{}, nil //nolint:nilerr // it opens nothing any more
		}
		scope = c.Rights().String()
	} else if a.Audience != string(a.Slug) {
		return Introspection{}, nil
	} else {
		scope = both(a.Scope, a.Grant.Scope)
	}
	subject := string(a.Account)
	if subject == "" {
		subject = "client:" + a.Client
	}
	return Introspection{
		Active: true, Scope: scope, ClientID: a.Client, Username: a.Email, TokenType: "Bearer",
		Expires: a.Expires, IssuedAt: a.IssuedAt, Subject: subject, Audience: a.Audience, Issuer: s.url, ID: a.Token, Workspace: a.Workspace,
	}, nil
}

// IntrospectIn tells of an access token of the workspace; of any other that it
// is not active.
func (s *Server) IntrospectIn(ctx context.Context, workspace iot.ID, token string) (any, error) {
	told, err := s.Introspect(ctx, token)
	if err != nil || told.Workspace != workspace {
		return Introspection{}, err
	}
	return told, nil
}

// both returns the names that are in both scopes.
func both(a, b string) string {
	var out []string
	for name := range strings.FieldsSeq(a) {
		for other := range strings.FieldsSeq(b) {
			if name == other {
				out = append(out, name)
				break
			}
		}
	}
	return strings.Join(out, " ")
}
