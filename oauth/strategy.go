package oauth

import (
	"context"
	"fmt"
	"strings"

	"github.com/ory/fosite"

	"iotman/iot"
	"iotman/store"
)

// strategy makes codes and tokens for fosite. The signature of one is the secret
// itself: what of it is stored, and how its age is judged, is storage's.
type strategy struct{ issuer *Issuer }

func (strategy) AuthorizeCodeSignature(_ context.Context, code string) string { return code }
func (strategy) RefreshTokenSignature(_ context.Context, token string) string { return token }
func (strategy) AccessTokenSignature(_ context.Context, token string) string  { return token }

func (strategy) ValidateAuthorizeCode(context.Context, fosite.Requester, string) error { return nil }
func (strategy) ValidateRefreshToken(context.Context, fosite.Requester, string) error  { return nil }
func (strategy) ValidateAccessToken(context.Context, fosite.Requester, string) error   { return nil }

func (strategy) GenerateAuthorizeCode(_ context.Context, r fosite.Requester) (code, signature string, err error) {
	s, err := sessionOf(r)
	if err != nil {
		return "", "", err
	}
	code, err = store.NewSecret(store.CodeSecret, s.workspace)
	return code, code, err
}

func (strategy) GenerateRefreshToken(_ context.Context, r fosite.Requester) (token, signature string, err error) {
	s, err := sessionOf(r)
	if err != nil {
		return "", "", err
	}
	token, err = store.NewSecret(store.RefreshSecret, s.workspace)
	return token, token, err
}

// GenerateAccessToken signs a token; its signature, for fosite, is its jti.
func (t strategy) GenerateAccessToken(_ context.Context, r fosite.Requester) (token, signature string, err error) {
	s, err := sessionOf(r)
	if err != nil {
		return "", "", err
	}
	token, id, err := t.issuer.sign(Request{
		Workspace: s.workspace, Account: s.grant.Account, Client: s.grant.Client, Audience: s.grant.Audience,
		Scope: strings.Join(r.GetGrantedScopes(), " "), Life: TokenLife,
	})
	return token, string(id), err
}

func sessionOf(r fosite.Requester) (*session, error) {
	s, ok := r.GetSession().(*session)
	if !ok || s == nil {
		return nil, fmt.Errorf("fosite's session is a %T", r.GetSession())
	}
	return s, nil
}

// requestID names a grant among all workspaces, and for a machine, whose grant
// lasts, the one token: it is what fosite revokes by.
func requestID(workspace, grant, token iot.ID) string {
	id := string(workspace) + "/" + string(grant)
	if token != "" {
		id += "/" + string(token)
	}
	return id
}
