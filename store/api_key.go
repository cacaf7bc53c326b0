package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"iotman/iot"
)

const (
	apiKeyColumns    = `id, slug, name, prefix, scope, account_id, version, created_at, expires_at, used_at`
	selectAPIKey     = `SELECT ` + apiKeyColumns + ` FROM api_keys WHERE workspace_id = ? AND id = ?`
	selectAPIKeys    = `SELECT ` + apiKeyColumns + ` FROM api_keys WHERE workspace_id = ? AND id > ? ORDER BY id LIMIT ?`
	selectAPIKeyHash = `SELECT k.id, k.slug, k.name, k.prefix, k.scope, k.account_id, k.version, k.created_at, k.expires_at, k.used_at, w.slug
		FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id WHERE k.workspace_id = ? AND k.hash = ?`
	selectAPIKeySlug = `SELECT id FROM api_keys WHERE workspace_id = ? AND slug = ?`
	countAPIKeys     = `SELECT COUNT(*) FROM api_keys WHERE workspace_id = ?`
	insertAPIKey     = `INSERT INTO api_keys (workspace_id, id, slug, name, prefix, hash, scope, account_id, version, created_at, expires_at, used_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`
	touchAPIKey   = `UPDATE api_keys SET used_at = ? WHERE workspace_id = ? AND id = ?`
	deleteAPIKey  = `DELETE FROM api_keys WHERE workspace_id = ? AND id = ?`
	deleteAPIKeys = `DELETE FROM api_keys WHERE workspace_id = ?`
)

// MaxAPIKeys is how many API keys a workspace may have.
const MaxAPIKeys = 1000

func noAPIKey() error {
	return iot.Errorf(iot.NotFound, "no API key has this id").At("key_id").Hinting("api_key_list shows the ids")
}

// APIKeys returns up to limit API keys by id, after the one with the id after.
func (c config) APIKeys(ctx context.Context, after iot.ID, limit int) ([]iot.APIKey, error) {
	var out []iot.APIKey
	err := rows(ctx, c.r, selectAPIKeys, []any{c.ws, after, limit}, func(rs *sql.Rows) (bool, error) {
		k, err := scanAPIKey(rs.Scan)
		out = append(out, k)
		return true, err
	})
	return out, err
}

// APIKey returns the API key with the id.
func (c config) APIKey(ctx context.Context, id iot.ID) (iot.APIKey, error) {
	k, err := scanAPIKey(func(dst ...any) error { return row(ctx, c.r, selectAPIKey, []any{c.ws, id}, dst...) })
	if errors.Is(err, sql.ErrNoRows) {
		return k, noAPIKey()
	}
	return k, err
}

func scanAPIKey(scan func(...any) error) (iot.APIKey, error) {
	var k iot.APIKey
	var created, expires, used int64
	err := scan(&k.ID, &k.Slug, &k.Name, &k.Prefix, &k.Scope, &k.CreatedBy, &k.Version, &created, &expires, &used)
	k.CreatedAt = iot.Micros(created)
	if expires > 0 {
		k.ExpiresAt = iot.Micros(expires)
	}
	if used > 0 {
		k.LastUsedAt = iot.Micros(used)
	}
	return k, err
}

// touchEvery is how exactly the last use of a key is known.
const touchEvery = time.Hour

// APIKeyOf returns the key of the digest and the workspace's slug. One that is
// unknown or has expired is Unauthenticated.
func (w *Workspace) APIKeyOf(ctx context.Context, hash Digest) (k iot.APIKey, slug iot.Slug, err error) {
	k, err = scanAPIKey(func(dst ...any) error {
		return row(ctx, w.r, selectAPIKeyHash, []any{w.id, hash.bytes()}, append(dst, &slug)...)
	})
	now := w.s.Now()
	if errors.Is(err, sql.ErrNoRows) || err == nil && !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt.Time) {
		return k, "", iot.Errorf(iot.Unauthenticated, "the API key is unknown, was deleted or has expired").Hinting("use another key; api_key_create makes one")
	}
	if err == nil && now.Sub(k.LastUsedAt.Time) > touchEvery {
		err = w.s.writer.write(ctx, func(ctx context.Context) error {
			_, err := exec(ctx, w.s.writer, touchAPIKey, now.UnixMicro(), w.id, k.ID)
			return err
		})
	}
	return k, slug, err
}

// CreateAPIKey adds a key, known by its digest. Its slug is derived from its
// name.
func (t *Tx) CreateAPIKey(ctx context.Context, k iot.APIKey, hash Digest) (iot.APIKey, error) {
	var n int
	if err := row(ctx, t.r, countAPIKeys, []any{t.ws}, &n); err != nil {
		return k, err
	}
	if n >= MaxAPIKeys {
		return k, iot.Errorf(iot.Conflict, "a workspace has at most %d API keys", MaxAPIKeys).Hinting("delete keys that are no longer used")
	}
	if err := iot.CheckName(k.Name); err != nil {
		return k, err
	}
	k.ID, k.Version, k.CreatedAt, k.CreatedBy = NewID(), t.version, t.now, t.by.Account
	if k.Slug = iot.Slugify(string(k.Name)); k.Slug == "" {
		k.Slug = "key"
	}
	err := uniqueSlug(&k.Slug, "key", true, func(s iot.Slug) (bool, error) { return t.found(ctx, selectAPIKeySlug, s) })
	if err != nil {
		return k, err
	}
	var expires int64
	if !k.ExpiresAt.IsZero() {
		expires = k.ExpiresAt.UnixMicro()
	}
	_, err = exec(ctx, t.r, insertAPIKey, t.ws, k.ID, k.Slug, k.Name, k.Prefix, hash.bytes(), k.Scope, k.CreatedBy, k.Version, t.now.UnixMicro(), expires)
	if err != nil {
		return k, err
	}
	return k, t.changed("api_key", k.ID, nil, k)
}

// DeleteAPIKey removes the key; it works no more.
func (t *Tx) DeleteAPIKey(ctx context.Context, id iot.ID) error {
	before, err := t.APIKey(ctx, id)
	if err != nil {
		return err
	}
	if _, err := exec(ctx, t.r, deleteAPIKey, t.ws, id); err != nil {
		return err
	}
	return t.changed("api_key", id, before, nil)
}
