package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"iotman/iot"
)

// Grant is one authorization: what a person, or a machine of its own, let one
// client do. It is an authorization, not a pair of person and client: signing
// in on a second device is a second grant.
type Grant struct {
	ID          iot.ID
	Account     iot.ID // empty for a machine
	Client      string
	Audience    string // the MCP URL for management, the workspace's slug for data
	Scope       string // what was granted, names separated by spaces
	ClientName  string // as the client called itself when it asked
	RedirectURI string // where the answer went; empty for a machine
	CreatedAt   iot.Time
	UsedAt      iot.Time // when a token was last issued for it
}

// Session is what an access token stands for at this moment.
type Session struct {
	Grant
	Slug  iot.Slug // the workspace's, now
	Email string
	Role  iot.Role // the person's, now; "" for who is no longer a member
}

const (
	insertGrant = `INSERT INTO grants (workspace_id, id, account_id, client_id, audience, scope, client_name, redirect_uri, created_at, used_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertToken   = `INSERT INTO tokens (workspace_id, id, grant_id, expires_at) VALUES (?, ?, ?, ?)`
	grantColumns  = `g.id, g.account_id, g.client_id, g.audience, g.scope, g.client_name, g.redirect_uri, g.created_at, g.used_at`
	selectSession = `SELECT ` + grantColumns + `, w.slug, COALESCE(a.email, ''), COALESCE(m.role, ''), COALESCE(c.settings, '')
		FROM tokens t
		JOIN grants g ON g.workspace_id = t.workspace_id AND g.id = t.grant_id
		JOIN workspaces w ON w.id = t.workspace_id
		LEFT JOIN members m ON m.workspace_id = t.workspace_id AND m.account_id = g.account_id
		LEFT JOIN accounts a ON a.id = g.account_id
		LEFT JOIN clients c ON c.workspace_id = t.workspace_id AND c.id = g.client_id
		WHERE t.workspace_id = ? AND t.id = ? AND t.expires_at > ?`
	selectGrant = `SELECT ` + grantColumns + `, COALESCE(a.email, '') FROM grants g LEFT JOIN accounts a ON a.id = g.account_id
		WHERE g.workspace_id = ? AND g.id = ?`
	selectGrants = `SELECT ` + grantColumns + `, COALESCE(a.email, '') FROM grants g LEFT JOIN accounts a ON a.id = g.account_id
		WHERE g.workspace_id = ? AND g.id > ? ORDER BY g.id LIMIT ?`
	selectMachineGrant = `SELECT ` + grantColumns + ` FROM grants g
		WHERE g.workspace_id = ? AND g.account_id = '' AND g.client_id = ? AND g.audience = ? ORDER BY g.id LIMIT 1`
	selectConsented = `SELECT g.scope FROM grants g
		WHERE g.workspace_id = ? AND g.account_id = ? AND g.client_id = ? AND g.audience = ? AND g.redirect_uri = ? ORDER BY g.id DESC`
	updateGrantScope = `UPDATE grants SET scope = ? WHERE workspace_id = ? AND id = ?`
	touchGrant       = `UPDATE grants SET used_at = ?, issued = CASE WHEN issued_since < ? THEN 1 ELSE issued + 1 END,
		issued_since = CASE WHEN issued_since < ? THEN ? ELSE issued_since END WHERE workspace_id = ? AND id = ? RETURNING issued`
	deleteGrant       = `DELETE FROM grants WHERE workspace_id = ? AND id = ?`
	deleteToken       = `DELETE FROM tokens WHERE workspace_id = ? AND id = ?`
	deleteGrantTokens = `DELETE FROM tokens WHERE workspace_id = ? AND grant_id = ?`
	deleteGrantFamily = `DELETE FROM refresh_tokens WHERE workspace_id = ? AND grant_id = ?`
	deleteOldTokens   = `DELETE FROM tokens WHERE expires_at < ?`
	deleteIdleGrants  = `DELETE FROM grants WHERE used_at < ? AND NOT EXISTS
		(SELECT 1 FROM tokens t WHERE t.workspace_id = grants.workspace_id AND t.grant_id = grants.id) AND NOT EXISTS
		(SELECT 1 FROM refresh_tokens r WHERE r.workspace_id = grants.workspace_id AND r.grant_id = grants.id)`
)

// IssueToken records a grant and its first access token, which is known by id
// alone (jti).
func (w *Workspace) IssueToken(ctx context.Context, g Grant, token iot.ID, expires time.Time) error {
	return w.Issue(ctx, Issue{Grant: g, NewGrant: true, Token: token, Expires: expires})
}

// RevokeToken ends one access token.
func (w *Workspace) RevokeToken(ctx context.Context, id iot.ID) error {
	err := w.s.writer.write(ctx, func(ctx context.Context) error {
		_, err := exec(ctx, w.s.writer, deleteToken, w.id, id)
		return err
	})
	w.s.generation.Add(1)
	return err
}

// RevokeGrant ends a grant and all its tokens. One that has ended is no error.
func (w *Workspace) RevokeGrant(ctx context.Context, id iot.ID) error {
	err := w.s.writer.write(ctx, func(ctx context.Context) error { return w.s.endGrant(ctx, w.id, id) })
	w.s.generation.Add(1)
	return err
}

func (s *Store) endGrant(ctx context.Context, ws, id iot.ID) error {
	for _, query := range []string{deleteGrantTokens, deleteGrantFamily, deleteGrant} {
		if _, err := exec(ctx, s.writer, query, ws, id); err != nil {
			return err
		}
	}
	return nil
}

// Session returns what the token with the id stands for now. A token that was
// revoked, has expired or was never issued is Unauthenticated. A workspace's own
// client holds what it holds now.
func (w *Workspace) Session(ctx context.Context, token iot.ID) (Session, error) {
	var s Session
	var settings string
	err := scanGrant(&s.Grant, func(dst ...any) error {
		return row(ctx, w.r, selectSession, []any{w.id, token, w.s.now().UnixMicro()}, append(dst, &s.Slug, &s.Email, &s.Role, &settings)...)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return s, iot.Errorf(iot.Unauthenticated, "the access token is expired or was revoked").Hinting("sign in again")
	}
	if err == nil && s.Account == "" && settings != "" {
		var c iot.ClientSettings
		err = json.Unmarshal([]byte(settings), &c)
		s.Scope = c.Scope
	}
	return s, err
}

func scanGrant(g *Grant, scan func(...any) error) error {
	var created, used int64
	err := scan(&g.ID, &g.Account, &g.Client, &g.Audience, &g.Scope, &g.ClientName, &g.RedirectURI, &created, &used)
	g.CreatedAt, g.UsedAt = iot.Micros(created), iot.Micros(used)
	return err
}

// Granted is a grant with the address of the person who gave it.
type Granted struct {
	Grant
	Email string // "" for a machine
}

func noGrant() error {
	return iot.Errorf(iot.NotFound, "no session has this id").At("session_id").Hinting("session_list shows the ids")
}

// Grant returns the grant with the id.
func (c config) Grant(ctx context.Context, id iot.ID) (Granted, error) {
	var g Granted
	err := scanGrant(&g.Grant, func(dst ...any) error {
		return row(ctx, c.r, selectGrant, []any{c.ws, id}, append(dst, &g.Email)...)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return g, noGrant()
	}
	return g, err
}

// Grants returns up to limit grants by id, after the one with the id after.
func (c config) Grants(ctx context.Context, after iot.ID, limit int) ([]Granted, error) {
	var out []Granted
	err := rows(ctx, c.r, selectGrants, []any{c.ws, after, limit}, func(rs *sql.Rows) (bool, error) {
		var g Granted
		err := scanGrant(&g.Grant, func(dst ...any) error { return rs.Scan(append(dst, &g.Email)...) })
		out = append(out, g)
		return true, err
	})
	return out, err
}

// MachineGrant returns the grant of a workspace's own client for an audience,
// the zero Grant where it has none yet.
func (w *Workspace) MachineGrant(ctx context.Context, client, audience string) (g Grant, err error) {
	err = scanGrant(&g, func(dst ...any) error {
		return row(ctx, w.r, selectMachineGrant, []any{w.id, client, audience}, dst...)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Grant{}, nil
	}
	return g, err
}

// Consented returns the scopes that the account let the client have before, for
// the same audience and the same redirect URI.
func (w *Workspace) Consented(ctx context.Context, g Grant) (scopes []string, err error) {
	args := []any{w.id, g.Account, g.Client, g.Audience, g.RedirectURI}
	err = rows(ctx, w.r, selectConsented, args, func(rs *sql.Rows) (bool, error) {
		var scope string
		err := rs.Scan(&scope)
		scopes = append(scopes, scope)
		return true, err
	})
	return scopes, err
}

// UpdateGrant gives the grant another scope. Tokens that carry more have less
// from now on; those that carry less get more when they are refreshed.
func (t *Tx) UpdateGrant(ctx context.Context, before Granted, scope string) (Granted, error) {
	after := before
	after.Scope = scope
	if _, err := exec(ctx, t.r, updateGrantScope, scope, t.ws, before.ID); err != nil {
		return before, err
	}
	return after, t.changed("session", before.ID, map[string]string{"scope": before.Scope}, map[string]string{"scope": scope})
}

// DeleteGrant ends the grant and all its tokens.
func (t *Tx) DeleteGrant(ctx context.Context, g Granted) error {
	if err := t.s.endGrant(ctx, t.ws, g.ID); err != nil {
		return err
	}
	return t.changed("session", g.ID, map[string]string{"client_id": g.Client, "scope": g.Scope}, nil)
}
