package oauth

import (
	"context"
	"errors"
	"fmt"

	"iotman/iot"
	"iotman/store"
)

// prefixShown is how many characters of an API key are kept to tell keys apart
// by.
const prefixShown = len(keyPrefix) + 6

// NewAPIKey returns a fresh API key of a workspace, what is kept of it, and what
// is shown of it.
func NewAPIKey(ws iot.ID) (secret string, hash store.Digest, prefix string, err error) {
	secret, err = newSecret(keyPrefix, ws)
	if err != nil {
		return "", hash, "", fmt.Errorf("make an API key: %w", err)
	}
	return secret, store.DigestOf(secret), secret[:prefixShown], nil
}

// NewClientSecret returns a fresh client secret and what is kept of it.
func NewClientSecret() (secret string, hash store.Digest) {
	secret = randomSecret(secretPrefix)
	return secret, store.DigestOf(secret)
}

// verifyKey looks up what an API key gives access to: its workspace, as a
// machine that holds what the key holds.
func (i *Issuer) verifyKey(ctx context.Context, secret string) (Access, error) {
	k, ok := parseSecret(keyPrefix, secret)
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
