package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"iotman/iot"
	"iotman/store"
)

// client is a client as fosite sees it. Its redirect URIs are the one that a
// request asks for, if the client may be answered there, and no other: fosite's
// own comparison knows no localhost, and takes a user in a loopback URI.
type client struct {
	iot.Client
	store.Credentials
	redirect string // "" for none
}

func (c *client) GetID() string                      { return c.ID }
func (c *client) GetHashedSecret() []byte            { return nil } // see authenticate
func (c *client) GetScopes() fosite.Arguments        { return nil } // see Server.scope
func (c *client) GetAudience() fosite.Arguments      { return nil } // see Server.resource
func (c *client) IsPublic() bool                     { return c.Public }
func (c *client) GetResponseTypes() fosite.Arguments { return fosite.Arguments{"code"} }

// GetResponseModes returns the one mode in which an answer is given.
func (c *client) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeQuery}
}

// GetGrantTypes returns the client's grant types. Who may ask for a person's
// consent may keep it: a client that says nothing of refresh tokens gets them
// as well, or it would ask the person anew every hour.
func (c *client) GetGrantTypes() fosite.Arguments {
	if slices.Contains(c.GrantTypes, iot.GrantCode) && !slices.Contains(c.GrantTypes, iot.GrantRefresh) {
		return append(slices.Clone(c.GrantTypes), iot.GrantRefresh)
	}
	return c.GrantTypes
}

func (c *client) GetRedirectURIs() []string {
	if c.redirect == "" {
		return nil
	}
	return []string{c.redirect}
}

// network is what limits on callers count by.
func (s *Server) network(r *http.Request) string { return iot.NetworkOf(s.clientIP(r)) }

// lookup returns the client with the id: one that published a metadata
// document under it, or one that is known here.
func (s *Server) lookup(r *http.Request, id string) (*client, error) {
	if s.documents != nil && (strings.HasPrefix(id, "https://") || strings.HasPrefix(id, "http://")) {
		c, err := s.documents.client(r.Context(), id, s.network(r))
		return &client{Client: c}, err
	}
	c, cred, err := s.st.Client(r.Context(), id)
	return &client{Client: c, Credentials: cred}, err
}

// claimed returns the client that somebody claims to be. One that is known by its
// metadata document has no secret to prove it by, and its codes and tokens are
// bound to its id: so nothing is fetched, and a session goes on while the
// document cannot be had.
func (s *Server) claimed(r *http.Request, id string) (*client, error) {
	if s.documents == nil || checkDocumentURL(id) != nil {
		return s.lookup(r, id)
	}
	return &client{Client: iot.Client{ID: id, Public: true, ClientSettings: iot.ClientSettings{GrantTypes: []string{iot.GrantCode, iot.GrantRefresh}}}}, nil
}

// The bound on wrong secrets of one client from one address.
var secretLimit = store.Limit{Most: 10, Per: time.Minute}

// authenticate proves who calls the token, revocation or introspection endpoint
// (RFC 6749 section 2.3): in exactly one way, in the time of a comparison, with
// the same answer for an unknown client as for a wrong secret.
func (s *Server) authenticate(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	id, secret, err := presented(r, form)
	if err != nil {
		return nil, err
	}
	c, err := s.claimed(r, id)
	if iot.KindOf(err) == iot.NotFound || iot.KindOf(err) == iot.Invalid {
		c, err = &client{Credentials: store.Credentials{Secret: unknownSecret}}, nil
		c.Client.ID = "unknown"
	}
	if err != nil {
		return nil, err
	}
	if c.Public && c.ID != "unknown" {
		if secret != "" {
			return nil, fosite.ErrInvalidClient.WithHint("This client is public and has no secret.")
		}
		return c, nil
	}
	name := "secret:" + c.ID + ":" + s.network(r)
	if wait, err := s.st.Allowed(ctx, name, secretLimit); err != nil || wait > 0 {
		return nil, errors.Join(err, tooFast("wrong client secrets", wait))
	}
	if !c.Secret.Is(secret) {
		if _, err := s.st.Attempt(ctx, name, secretLimit); err != nil {
			return nil, err
		}
		return nil, fosite.ErrInvalidClient.WithHint("The client is unknown, or its secret is wrong.")
	}
	return c, nil
}

// unknownSecret is what a secret is compared with where there is none.
var unknownSecret = store.DigestOf("of no client")

func tooFast(what string, wait time.Duration) error {
	e := iot.Errorf(iot.Limited, "too many %s", what)
	e.RetryAfter = wait
	return e.Hinting("try again after the time in Retry-After")
}

// presented returns what a client presents itself by. Two ways at once are
// refused (RFC 6749 section 2.3: MUST NOT use more than one).
func presented(r *http.Request, form url.Values) (id, secret string, err error) {
	_, basic := r.Header["Authorization"]
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		return "", "", fosite.ErrInvalidClient.WithHint("Client assertions are not taken here; use client_secret_basic or client_secret_post.")
	}
	if !basic {
		if id = form.Get("client_id"); id == "" {
			return "", "", fosite.ErrInvalidClient.WithHint("The request names no client: send client_id, or an Authorization header.")
		}
		return id, form.Get("client_secret"), nil
	}
	user, password, ok := r.BasicAuth()
	if ok {
		// RFC 6749 section 2.3.1: both are form-encoded first.
		id, err = url.QueryUnescape(user)
		if err == nil {
			secret, err = url.QueryUnescape(password)
		}
	}
	if !ok || err != nil || id == "" || len(r.Header["Authorization"]) > 1 {
		return "", "", fosite.ErrInvalidClient.WithHint("The Authorization header is not HTTP Basic with a client's id and secret.")
	}
	if form.Has("client_secret") || form.Has("client_id") && form.Get("client_id") != id {
		return "", "", fosite.ErrInvalidClient.WithHint("The request names a client, or its secret, in two ways.")
	}
	return id, secret, nil
}
