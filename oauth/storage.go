package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/ory/fosite"

	"iotman/iot"
	"iotman/store"
)

// How long things live.
const (
	TokenLife    = time.Hour
	codeLife     = time.Minute
	refreshLife  = 30 * 24 * time.Hour // since its last use: each use brings another
	RefreshGrace = time.Minute
)

// storage keeps what fosite gives out in the store's rows. Between BeginTX and
// Commit it gathers what one answer leaves, and writes it as one.
type storage struct{ *Server }

type issueKey struct{}

// pending is an answer that is being put together.
type pending struct {
	store.Issue
	workspace iot.ID
}

// BeginTX begins to gather.
func (st storage) BeginTX(ctx context.Context) (context.Context, error) {
	return context.WithValue(ctx, issueKey{}, &pending{}), nil
}

// Commit writes what was gathered, in one transaction.
func (st storage) Commit(ctx context.Context) error {
	p, ok := ctx.Value(issueKey{}).(*pending)
	if !ok || p.Token == "" {
		return nil // a revocation: it wrote at once
	}
	return st.st.Workspace(p.workspace).Issue(ctx, p.Issue)
}

// Rollback forgets what was gathered.
func (st storage) Rollback(context.Context) error { return nil }

// GetClient returns the client that Authorize found; every other request is
// authenticated by its own.
func (st storage) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	if c, ok := ctx.Value(clientKey{}).(*client); ok && c.ID == id {
		return c, nil
	}
	return nil, fosite.ErrNotFound
}

// clientKey is where Authorize puts the client with the redirect URI it may be
// answered at.
type clientKey struct{}

// ClientAssertionJWTValid refuses: assertions are not taken.
func (st storage) ClientAssertionJWTValid(context.Context, string) error { return fosite.ErrJTIKnown }

// SetClientAssertionJWT refuses: assertions are not taken.
func (st storage) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrJTIKnown
}

// requester puts a stored grant into fosite's form.
func (st storage) requester(s *session, form url.Values) *fosite.Request {
	r := fosite.NewRequest()
	r.ID = requestID(s.workspace, s.grant.ID, "")
	r.Client = &client{Client: iot.Client{ID: s.grant.Client, ClientSettings: iot.ClientSettings{GrantTypes: []string{iot.GrantCode}}}}
	r.Session, r.Form = s, form
	r.RequestedScope = strings.Fields(s.grant.Scope)
	r.GrantedScope = r.RequestedScope
	r.RequestedAudience = fosite.Arguments{s.grant.Audience}
	r.GrantedAudience = r.RequestedAudience
	return r
}

// CreateAuthorizeCodeSession keeps a code.
func (st storage) CreateAuthorizeCodeSession(ctx context.Context, code string, r fosite.Requester) error {
	s, err := sessionOf(r)
	if err != nil {
		return err
	}
	k, ok := parseSecret(store.CodeSecret, code)
	if !ok {
		return fosite.ErrServerError
	}
	return st.st.Workspace(s.workspace).AddCode(ctx, k.hash, store.Code{
		Grant: s.grant, AskedRedirect: r.GetRequestForm().Get("redirect_uri"), Challenge: s.challenge,
		Expires: st.st.Now().Add(codeLife),
	})
}

// code returns a code's row, as storage's callers want errors.
func (st storage) code(ctx context.Context, code string) (sealed, store.Code, error) {
	k, ok := parseSecret(store.CodeSecret, code)
	if !ok {
		return k, store.Code{}, fosite.ErrNotFound
	}
	c, err := st.st.Workspace(k.workspace).Code(ctx, k.hash)
	return k, c, notFound(err)
}

// notFound returns what fosite makes invalid_grant of. The store's own error is
// not wrapped: it would be told instead, as a 404 that no client recovers from.
func notFound(err error) error {
	if iot.KindOf(err) == iot.NotFound {
		return fosite.ErrNotFound
	}
	return err
}

// GetAuthorizeCodeSession returns the request that a code was given for. A code
// that was used is ErrInvalidatedAuthorizeCode, with which fosite ends all that
// it brought; but only for the client it was given to, or anybody who saw it
// could end what others were granted.
func (st storage) GetAuthorizeCodeSession(ctx context.Context, code string, _ fosite.Session) (fosite.Requester, error) {
	k, c, err := st.code(ctx, code)
	if err != nil {
		return nil, err
	}
	if asker := askerOf(ctx); asker != "" && asker != c.Client {
		return nil, fosite.ErrNotFound
	}
	r := st.requester(&session{workspace: k.workspace, grant: c.Grant, fresh: true, challenge: c.Challenge},
		url.Values{"redirect_uri": {c.AskedRedirect}})
	switch {
	case c.Used:
		return r, fosite.ErrInvalidatedAuthorizeCode
	case !st.st.Now().Before(c.Expires):
		return nil, fosite.ErrNotFound
	}
	return r, nil
}

// askerOf returns the client that a request to the token endpoint was
// authenticated as, "" elsewhere.
func askerOf(ctx context.Context) string {
	r, ok := ctx.Value(fosite.AccessRequestContextKey).(*fosite.AccessRequest)
	if !ok || r.GetClient() == nil {
		return ""
	}
	return r.GetClient().GetID()
}

// InvalidateAuthorizeCodeSession marks the code as used.
func (st storage) InvalidateAuthorizeCodeSession(ctx context.Context, code string) error {
	p, ok := ctx.Value(issueKey{}).(*pending)
	k, good := parseSecret(store.CodeSecret, code)
	if !ok || !good {
		return fosite.ErrServerError
	}
	p.Code = k.hash
	return nil
}

// CreatePKCERequestSession does nothing: the challenge is in the code's row.
func (st storage) CreatePKCERequestSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetPKCERequestSession returns the challenge of a code, once.
func (st storage) GetPKCERequestSession(ctx context.Context, code string, _ fosite.Session) (fosite.Requester, error) {
	k, c, err := st.code(ctx, code)
	if err != nil {
		return nil, err
	}
	if c.Tried {
		return nil, fosite.ErrNotFound
	}
	return st.requester(&session{workspace: k.workspace, grant: c.Grant},
		url.Values{"code_challenge": {c.Challenge}, "code_challenge_method": {"S256"}}), nil
}

// DeletePKCERequestSession notes that a verifier is held against the challenge:
// after a wrong one the code is worth nothing.
func (st storage) DeletePKCERequestSession(ctx context.Context, code string) error {
	k, ok := parseSecret(store.CodeSecret, code)
	if !ok {
		return fosite.ErrNotFound
	}
	return st.st.Workspace(k.workspace).TryCode(ctx, k.hash)
}

// CreateAccessTokenSession keeps a token by its jti.
func (st storage) CreateAccessTokenSession(ctx context.Context, jti string, r fosite.Requester) error {
	s, err := sessionOf(r)
	if err != nil {
		return err
	}
	p, gathering := ctx.Value(issueKey{}).(*pending)
	if !gathering {
		p = &pending{}
	}
	p.workspace, p.Grant, p.NewGrant = s.workspace, s.grant, s.fresh
	p.Token, p.Expires = iot.ID(jti), st.st.Now().Add(TokenLife)
	if gathering {
		return nil
	}
	return st.st.Workspace(p.workspace).Issue(ctx, p.Issue)
}

// GetAccessTokenSession returns what a token stands for, for a revocation.
func (st storage) GetAccessTokenSession(ctx context.Context, token string, _ fosite.Session) (fosite.Requester, error) {
	a, err := st.issuer.Verify(ctx, token)
	if iot.KindOf(err) == iot.Unauthenticated {
		return nil, fosite.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	r := st.requester(&session{workspace: a.Workspace, grant: a.Grant}, nil)
	if a.Account == "" {
		r.ID = requestID(a.Workspace, a.Grant.ID, a.Token)
	}
	return r, nil
}

// DeleteAccessTokenSession does nothing: fosite calls it in no flow that is
// served.
func (st storage) DeleteAccessTokenSession(context.Context, string) error { return nil }

// CreateRefreshTokenSession keeps a refresh token.
func (st storage) CreateRefreshTokenSession(ctx context.Context, token, _ string, _ fosite.Requester) error {
	p, ok := ctx.Value(issueKey{}).(*pending)
	k, good := parseSecret(store.RefreshSecret, token)
	if !ok || !good {
		return fosite.ErrServerError
	}
	p.Refresh, p.RefreshExpires = k.hash, st.st.Now().Add(refreshLife)
	return nil
}

// GetRefreshTokenSession returns what a refresh token was given for, with the
// scope as it is now. One that was used is good for a moment longer, since one
// client refreshes in several sessions at once; after that it is
// ErrInactiveToken, and fosite ends the family.
func (st storage) GetRefreshTokenSession(ctx context.Context, token string, _ fosite.Session) (fosite.Requester, error) {
	k, ok := parseSecret(store.RefreshSecret, token)
	if !ok {
		return nil, fosite.ErrNotFound
	}
	t, err := st.st.Workspace(k.workspace).RefreshToken(ctx, k.hash)
	if err != nil {
		return nil, notFound(err)
	}
	now := st.st.Now()
	// Another client that holds it learns nothing, and ends nothing.
	if asker := askerOf(ctx); asker != "" && asker != t.Client || !now.Before(t.Expires) {
		return nil, fosite.ErrNotFound
	}
	if open, err := st.opens(ctx, k.workspace, t.Grant); err != nil || !open {
		return nil, errors.Join(err, fosite.ErrNotFound)
	}
	r := st.requester(&session{workspace: k.workspace, grant: t.Grant}, nil)
	if !t.Used.IsZero() && now.Sub(t.Used.Time) > RefreshGrace {
		return r, fosite.ErrInactiveToken
	}
	return r, nil
}

// opens reports whether a grant's tokens would open anything: the workspace is
// still where it was, and the person still a member. Else the client is told to
// ask anew, and not given tokens that are refused.
func (s *Server) opens(ctx context.Context, ws iot.ID, g store.Grant) (bool, error) {
	h := s.st.Workspace(ws)
	w, err := h.Get(ctx)
	if err != nil || g.Audience != s.issuer.MCPURL(w.Slug) && g.Audience != string(w.Slug) {
		return false, err
	}
	role, err := h.Role(ctx, g.Account)
	return role != "", err
}

// RotateRefreshToken marks a refresh token as used.
func (st storage) RotateRefreshToken(ctx context.Context, _, token string) error {
	p, ok := ctx.Value(issueKey{}).(*pending)
	k, good := parseSecret(store.RefreshSecret, token)
	if !ok || !good {
		return fosite.ErrServerError
	}
	p.Rotated, p.Grace = k.hash, RefreshGrace
	return nil
}

// DeleteRefreshTokenSession is called for a refresh token that was used again
// too late: somebody else may hold it. What it brought is ended, the person and
// the workspace learn of it.
func (st storage) DeleteRefreshTokenSession(ctx context.Context, token string) error {
	k, ok := parseSecret(store.RefreshSecret, token)
	if !ok {
		return nil
	}
	w := st.st.Workspace(k.workspace)
	t, err := w.RefreshToken(ctx, k.hash)
	if err != nil {
		return notFound(err)
	}
	if err := w.RevokeGrant(ctx, t.ID); err != nil {
		return err
	}
	return st.reused(ctx, k.workspace, t.Grant)
}

// RevokeRefreshToken ends what a request ID names.
func (st storage) RevokeRefreshToken(ctx context.Context, id string) error {
	return st.revoke(ctx, id)
}

// RevokeAccessToken ends what a request ID names.
func (st storage) RevokeAccessToken(ctx context.Context, id string) error { return st.revoke(ctx, id) }

func (st storage) revoke(ctx context.Context, id string) error {
	workspace, rest, _ := strings.Cut(id, "/")
	grant, token, one := strings.Cut(rest, "/")
	w := st.st.Workspace(iot.ID(workspace))
	if one {
		return w.RevokeToken(ctx, iot.ID(token))
	}
	return w.RevokeGrant(ctx, iot.ID(grant))
}

// reused tells of a refresh token that was used again.
func (s *Server) reused(ctx context.Context, ws iot.ID, g store.Grant) error {
	what, err := json.Marshal(map[string]string{"client": g.Client, "reason": "a refresh token was used again after its time"})
	if err != nil {
		return err
	}
	by := store.By{Workspace: ws, Account: g.Account, Client: g.Client, Operation: "session_reused"}
	err = s.st.Audit(ctx, by, iot.Change{Entity: "session", ID: g.ID, Before: what})
	s.log.WarnContext(ctx, "a refresh token was used again after its time; the session is ended", "workspace", ws)
	if s.reuse != nil {
		err = errors.Join(err, s.reuse(ctx, ws, g))
	}
	return err
}
