package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"iotman/iot"
)

// Grant is one authorization: what a person, or a machine of its own, let one
// client do. It is an authorization, not a pair of person and client: signing
// in on a second device is a second grant.
type Grant struct {
	ID       iot.ID
	Account  iot.ID // empty for a machine
	Client   string
	Audience string // the MCP URL for management, the workspace's slug for data
	Scope    string // what was granted, names separated by spaces
}

// Session is what an access token stands for at this moment.
type Session struct {
	Grant
	Slug  iot.Slug // the workspace's, now
	Email string
	Role  iot.Role // the person's, now; "" for who is no longer a member
}

const (
	insertGrant   = `INSERT INTO grants (workspace_id, id, account_id, client_id, audience, scope, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`
	insertToken   = `INSERT INTO tokens (workspace_id, id, grant_id, expires_at) VALUES (?, ?, ?, ?)`
	selectSession = `SELECT g.id, g.account_id, g.client_id, g.audience, g.scope, w.slug, COALESCE(a.email, ''), COALESCE(m.role, '')
		FROM tokens t
		JOIN grants g ON g.workspace_id = t.workspace_id AND g.id = t.grant_id
		JOIN workspaces w ON w.id = t.workspace_id
		LEFT JOIN members m ON m.workspace_id = t.workspace_id AND m.account_id = g.account_id
		LEFT JOIN accounts a ON a.id = g.account_id
		WHERE t.workspace_id = ? AND t.id = ? AND t.expires_at > ?`
	deleteGrant       = `DELETE FROM grants WHERE workspace_id = ? AND id = ?`
	deleteGrantTokens = `DELETE FROM tokens WHERE workspace_id = ? AND grant_id = ?`
	deleteOldTokens   = `DELETE FROM tokens WHERE expires_at < ?`
	deleteIdleGrants  = `DELETE FROM grants WHERE NOT EXISTS
		(SELECT 1 FROM tokens t WHERE t.workspace_id = grants.workspace_id AND t.grant_id = grants.id)`
	selectSigningKeys = `SELECT id, private, created_at FROM signing_keys ORDER BY id DESC`
	insertSigningKey  = `INSERT INTO signing_keys (id, private, created_at) VALUES (?, ?, ?)`
)

// IssueToken records a grant and its first access token, which is known by id
// alone (jti).
func (w *Workspace) IssueToken(ctx context.Context, g Grant, token iot.ID, expires time.Time) error {
	return w.s.writer.write(ctx, func(ctx context.Context) error {
		if _, err := w.s.version(ctx, w.id); err != nil {
			return err
		}
		at := w.s.now().UnixMicro()
		if _, err := exec(ctx, w.s.writer, insertGrant, w.id, g.ID, g.Account, g.Client, g.Audience, g.Scope, at); err != nil {
			return fmt.Errorf("record a grant: %w", err)
		}
		_, err := exec(ctx, w.s.writer, insertToken, w.id, token, g.ID, expires.UnixMicro())
		return err
	})
}

// RevokeGrant ends a grant and all its tokens.
func (w *Workspace) RevokeGrant(ctx context.Context, id iot.ID) error {
	err := w.s.writer.write(ctx, func(ctx context.Context) error {
		if _, err := exec(ctx, w.s.writer, deleteGrantTokens, w.id, id); err != nil {
			return err
		}
		_, err := exec(ctx, w.s.writer, deleteGrant, w.id, id)
		return err
	})
	w.s.generation.Add(1)
	return err
}

// Session returns what the token with the id stands for now. A token that was
// revoked, has expired or was never issued is Unauthenticated.
func (w *Workspace) Session(ctx context.Context, token iot.ID) (Session, error) {
	var s Session
	err := row(ctx, w.r, selectSession, []any{w.id, token, w.s.now().UnixMicro()},
		&s.ID, &s.Account, &s.Client, &s.Audience, &s.Scope, &s.Slug, &s.Email, &s.Role)
	if errors.Is(err, sql.ErrNoRows) {
		return s, iot.Errorf(iot.Unauthenticated, "the access token is expired or was revoked").Hinting("sign in again")
	}
	return s, err
}

// SigningKey is a private key, opened, in whatever form its owner wrote it.
type SigningKey struct {
	ID        iot.ID
	Private   []byte
	CreatedAt iot.Time
}

// SigningKeys returns the keys that sign tokens, the newest first.
func (s *Store) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	var out []SigningKey
	err := rows(ctx, s.readers, selectSigningKeys, nil, func(rs *sql.Rows) (bool, error) {
		var k SigningKey
		var at int64
		var sealed []byte
		err := rs.Scan(&k.ID, &sealed, &at)
		if err == nil {
			k.CreatedAt = iot.Micros(at)
			k.Private, err = s.key.Open("signing_keys:private:"+string(k.ID), sealed)
		}
		out = append(out, k)
		return true, err
	})
	return out, err
}

// AddSigningKey seals and keeps a new signing key.
func (s *Store) AddSigningKey(ctx context.Context, private []byte) (SigningKey, error) {
	k := SigningKey{ID: NewID(), Private: private, CreatedAt: s.Now()}
	sealed := s.key.Seal("signing_keys:private:"+string(k.ID), private)
	err := s.writer.write(ctx, func(ctx context.Context) error {
		_, err := exec(ctx, s.writer, insertSigningKey, k.ID, sealed, k.CreatedAt.UnixMicro())
		return err
	})
	return k, err
}
