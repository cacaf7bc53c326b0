package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"iotman/iot"
)

// Credentials are the digests of what a client proves itself by.
type Credentials struct {
	Secret       Digest // zero for a public client
	Registration Digest // of its registration access token (RFC 7592); zero where an admin made it
}

const (
	clientColumns    = `workspace_id, id, slug, name, settings, secret, registration, version, created_at, updated_at, used_at`
	selectClientByID = `SELECT ` + clientColumns + ` FROM clients WHERE id = ?`
	selectClient     = `SELECT ` + clientColumns + ` FROM clients WHERE workspace_id = ? AND id = ?`
	selectClients    = `SELECT ` + clientColumns + ` FROM clients WHERE workspace_id = ? AND id > ? ORDER BY id LIMIT ?`
	selectClientSlug = `SELECT id FROM clients WHERE workspace_id = ? AND slug = ?`
	countClients     = `SELECT COUNT(*) FROM clients WHERE workspace_id = ?`
	insertClient     = `INSERT INTO clients (workspace_id, id, slug, name, settings, secret, registration, version, created_at, updated_at, used_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`
	updateClient       = `UPDATE clients SET name = ?, settings = ?, version = ?, updated_at = ? WHERE workspace_id = ? AND id = ?`
	updateClientSecret = `UPDATE clients SET secret = ?, version = ?, updated_at = ? WHERE workspace_id = ? AND id = ?`
	touchClient        = `UPDATE clients SET used_at = ? WHERE workspace_id = ? AND id = ? AND used_at < ?`
	deleteClient       = `DELETE FROM clients WHERE workspace_id = ? AND id = ?`
	deleteClients      = `DELETE FROM clients WHERE workspace_id = ?`
	deleteIdleClients  = `DELETE FROM clients WHERE workspace_id = ? AND used_at >= ? AND used_at < ? AND created_at < ?`
	selectClientGrants = `SELECT id FROM grants WHERE workspace_id = ? AND client_id = ?`
)

// Bounds of clients: how many may have registered themselves, and how many a
// workspace may have.
const (
	MaxRegistered = 1000
	MaxClients    = 1000
)

// How long a client that registered itself is kept: one that never got a token,
// one that did, since then; and one that never did where room is needed.
const (
	unusedClientFor = 24 * time.Hour
	idleClientFor   = 100 * 24 * time.Hour
	crowdedFor      = time.Hour
)

// nobody is the workspace of clients that registered themselves.
const nobody iot.ID = ""

func noClient() error {
	return iot.Errorf(iot.NotFound, "no client has this id").At("client_id").Hinting("client_list shows the ids")
}

// Client returns the client with the id, whoever it belongs to.
func (s *Store) Client(ctx context.Context, id string) (iot.Client, Credentials, error) {
	return client(ctx, s.readers, selectClientByID, id)
}

// Client returns the workspace's client with the id.
func (c config) Client(ctx context.Context, id string) (iot.Client, error) {
	got, _, err := client(ctx, c.r, selectClient, c.ws, id)
	return got, err
}

func client(ctx context.Context, r runner, query string, args ...any) (iot.Client, Credentials, error) {
	c, cred, err := scanClient(func(dst ...any) error { return row(ctx, r, query, args, dst...) })
	if errors.Is(err, sql.ErrNoRows) {
		return c, cred, noClient()
	}
	return c, cred, err
}

// Clients returns up to limit of the workspace's clients by id, after the one
// with the id after.
func (c config) Clients(ctx context.Context, after string, limit int) ([]iot.Client, error) {
	var out []iot.Client
	err := rows(ctx, c.r, selectClients, []any{c.ws, after, limit}, func(rs *sql.Rows) (bool, error) {
		v, _, err := scanClient(rs.Scan)
		out = append(out, v)
		return true, err
	})
	return out, err
}

func scanClient(scan func(...any) error) (iot.Client, Credentials, error) {
	var c iot.Client
	var cred Credentials
	var settings string
	var secret, registration []byte
	var created, updated, used int64
	err := scan(&c.Workspace, &c.ID, &c.Slug, &c.Name, &settings, &secret, &registration, &c.Version, &created, &updated, &used)
	if err != nil {
		return c, cred, err
	}
	if err := json.Unmarshal([]byte(settings), &c.ClientSettings); err != nil {
		return c, cred, fmt.Errorf("settings of client %s: %w", c.ID, err)
	}
	cred.Secret, cred.Registration = digest(secret), digest(registration)
	c.Public = cred.Secret == Digest{}
	c.CreatedAt, c.UpdatedAt = iot.Micros(created), iot.Micros(updated)
	if used > 0 {
		c.LastUsedAt = iot.Micros(used)
	}
	return c, cred, nil
}

// RegisterClient keeps a client that registers itself.
func (s *Store) RegisterClient(ctx context.Context, c iot.Client, cred Credentials) (iot.Client, error) {
	c.ID, c.Workspace, c.CreatedAt, c.UpdatedAt = string(NewID()), nobody, s.Now(), s.Now()
	c.Slug = iot.Slug(c.ID)
	err := s.writer.write(ctx, func(ctx context.Context) error {
		var n int
		if err := row(ctx, s.writer, countClients, []any{nobody}, &n); err != nil {
			return err
		}
		if n >= MaxRegistered {
			gone, err := s.dropClients(ctx, crowdedFor)
			if err != nil {
				return err
			}
			n -= gone
		}
		if n >= MaxRegistered {
			e := iot.Errorf(iot.Unavailable, "this server knows %d registered clients and takes no more", MaxRegistered)
			e.RetryAfter = time.Hour
			return e.Hinting("those that nobody uses go within a day: try again later, or use a client ID metadata document")
		}
		return s.insertClient(ctx, c, cred)
	})
	return c, err
}

// dropClients removes the clients that registered themselves and never got a
// token, or got none for long.
func (s *Store) dropClients(ctx context.Context, unused time.Duration) (int, error) {
	now := s.now()
	never, err := exec(ctx, s.writer, deleteIdleClients, nobody, 0, 1, now.Add(-unused).UnixMicro())
	if err != nil {
		return 0, err
	}
	idle, err := exec(ctx, s.writer, deleteIdleClients, nobody, 1, now.Add(-idleClientFor).UnixMicro(), now.UnixMicro())
	return int(never + idle), err
}

func (s *Store) insertClient(ctx context.Context, c iot.Client, cred Credentials) error {
	settings, err := json.Marshal(c.ClientSettings)
	if err != nil {
		return err
	}
	_, err = exec(ctx, s.writer, insertClient, c.Workspace, c.ID, c.Slug, c.Name, string(settings), cred.Secret.bytes(), cred.Registration.bytes(),
		c.Version, c.CreatedAt.UnixMicro(), c.UpdatedAt.UnixMicro())
	return err
}

// UpdateRegistered writes a client that registered itself, as it now is.
func (s *Store) UpdateRegistered(ctx context.Context, c iot.Client) error {
	return s.writer.write(ctx, func(ctx context.Context) error {
		return s.updateClient(ctx, nobody, c)
	})
}

func (s *Store) updateClient(ctx context.Context, ws iot.ID, c iot.Client) error {
	settings, err := json.Marshal(c.ClientSettings)
	if err != nil {
		return err
	}
	n, err := exec(ctx, s.writer, updateClient, c.Name, string(settings), c.Version, s.now().UnixMicro(), ws, c.ID)
	if err == nil && n == 0 {
		return noClient()
	}
	return err
}

// DeleteRegistered removes a client that registered itself. What it was granted
// it cannot refresh any more.
func (s *Store) DeleteRegistered(ctx context.Context, id string) error {
	return s.writer.write(ctx, func(ctx context.Context) error {
		_, err := exec(ctx, s.writer, deleteClient, nobody, id)
		return err
	})
}

// CreateClient adds a client to the workspace. Its slug is derived from its
// name.
func (t *Tx) CreateClient(ctx context.Context, c iot.Client, secret Digest) (iot.Client, error) {
	var n int
	if err := row(ctx, t.r, countClients, []any{t.ws}, &n); err != nil {
		return c, err
	}
	if n >= MaxClients {
		return c, iot.Errorf(iot.Conflict, "a workspace has at most %d clients", MaxClients).Hinting("delete clients that are no longer used")
	}
	c.ID, c.Workspace, c.Version, c.CreatedAt, c.UpdatedAt = string(NewID()), t.ws, t.version, t.now, t.now
	if c.Slug = iot.Slugify(string(c.Name)); c.Slug == "" {
		c.Slug = "client"
	}
	err := uniqueSlug(&c.Slug, "client", true, func(s iot.Slug) (bool, error) { return t.found(ctx, selectClientSlug, s) })
	if err != nil {
		return c, err
	}
	if err := c.Check(); err != nil {
		return c, err
	}
	if err := t.s.insertClient(ctx, c, Credentials{Secret: secret}); err != nil {
		return c, err
	}
	return c, t.changed("client", iot.ID(c.ID), nil, c)
}

// UpdateClient writes the workspace's client as it now is. What it holds no
// more, its tokens hold no more.
func (t *Tx) UpdateClient(ctx context.Context, c iot.Client) (iot.Client, error) {
	before, err := t.Client(ctx, c.ID)
	if err != nil {
		return c, err
	}
	if err := c.Check(); err != nil {
		return c, err
	}
	c.Version, c.UpdatedAt = t.version, t.now
	if err := t.s.updateClient(ctx, t.ws, c); err != nil {
		return c, err
	}
	return c, t.changed("client", iot.ID(c.ID), before, c)
}

// SetClientSecret gives a confidential client another secret. The old one, and
// every token that it brought, work no more.
func (t *Tx) SetClientSecret(ctx context.Context, id string, secret Digest) (iot.Client, error) {
	before, err := t.Client(ctx, id)
	if err != nil {
		return before, err
	}
	if _, err := exec(ctx, t.r, updateClientSecret, secret.bytes(), t.version, t.now.UnixMicro(), t.ws, id); err != nil {
		return before, err
	}
	if err := t.endClient(ctx, id); err != nil {
		return before, err
	}
	after := before
	after.Version, after.UpdatedAt = t.version, t.now
	return after, t.changed("client", iot.ID(id), before, after)
}

// DeleteClient removes the workspace's client with all that it was granted.
func (t *Tx) DeleteClient(ctx context.Context, id string) error {
	before, err := t.Client(ctx, id)
	if err != nil {
		return err
	}
	if err := t.endClient(ctx, id); err != nil {
		return err
	}
	if _, err := exec(ctx, t.r, deleteClient, t.ws, id); err != nil {
		return err
	}
	return t.changed("client", iot.ID(id), before, nil)
}

// endClient ends every grant of the client in the workspace.
func (t *Tx) endClient(ctx context.Context, id string) error {
	var grants []iot.ID
	err := rows(ctx, t.r, selectClientGrants, []any{t.ws, id}, func(rs *sql.Rows) (bool, error) {
		var g iot.ID
		err := rs.Scan(&g)
		grants = append(grants, g)
		return true, err
	})
	for _, g := range grants {
		err = errors.Join(err, t.s.endGrant(ctx, t.ws, g))
	}
	return err
}
