package oauth

import (
	"context"
	"errors"

	"iotman/store"
)

// verifyKey looks up what an API key gives access to: its workspace, as a
// machine that holds what the key holds.
func (i *Issuer) verifyKey(ctx context.Context, secret string) (Access, error) {
	k, ok := parseSecret(store.APIKeySecret, secret)
	if !ok {
		return Access{}, refused(errors.New("not an API key"))
	}
	row, slug, err := i.st.Workspace(k.workspace).APIKeyOf(ctx, k.hash)
	if err != nil {
		return Access{}, err
	}
	g := store.Grant{ID: row.ID, Client: "api-key:" + string(row.ID), Audience: i.MCPURL(slug), Scope: row.Scope, ClientName: string(row.Name)}
	a := Access{
		Workspace: k.workspace, Token: row.ID, Audience: g.Audience, Scope: g.Scope, IssuedAt: row.CreatedAt.Unix(),
		Session: store.Session{Grant: g, Slug: slug},
	}
	if !row.ExpiresAt.IsZero() {
		a.Expires = row.ExpiresAt.Unix()
	}
	return a, nil
}
