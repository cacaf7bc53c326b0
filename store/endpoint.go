package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"iotman/iot"
)

const (
	endpointColumns    = `id, slug, name, url_path, enabled, settings, version, created_at, updated_at`
	selectEndpoint     = `SELECT ` + endpointColumns + ` FROM http_endpoints WHERE workspace_id = ? AND id = ?`
	selectEndpoints    = `SELECT ` + endpointColumns + ` FROM http_endpoints WHERE workspace_id = ? AND id > ? ORDER BY id LIMIT ?`
	selectEndpointSlug = `SELECT id FROM http_endpoints WHERE workspace_id = ? AND slug = ?`
	selectEndpointPath = `SELECT id FROM http_endpoints WHERE workspace_id = ? AND url_path = ?`
	selectEndpointAt   = `SELECT ` + endpointColumns + `, basic_password FROM http_endpoints WHERE workspace_id = ? AND url_path = ?`
	insertEndpoint     = `INSERT INTO http_endpoints (workspace_id, id, slug, name, url_path, enabled, settings, version, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateEndpoint = `UPDATE http_endpoints SET name = ?, url_path = ?, enabled = ?, settings = ?, version = ?, updated_at = ?
		WHERE workspace_id = ? AND id = ?`
	updatePassword = `UPDATE http_endpoints SET basic_password = ? WHERE workspace_id = ? AND id = ?` //nolint:gosec // no credential
	deleteEndpoint = `DELETE FROM http_endpoints WHERE workspace_id = ? AND id = ?`
	countEndpoints = `SELECT COUNT(*) FROM http_endpoints WHERE workspace_id = ?`
)

// MaxSources is how many sources a workspace may have.
const MaxSources = 10_000

// HTTPEndpoint returns the endpoint with the id.
func (c config) HTTPEndpoint(ctx context.Context, id iot.ID) (iot.HTTPEndpoint, error) {
	e, err := scanEndpoint(func(dst ...any) error { return row(ctx, c.r, selectEndpoint, []any{c.ws, id}, dst...) })
	if errors.Is(err, sql.ErrNoRows) {
		return e, noEndpoint()
	}
	return e, err
}

func noEndpoint() error {
	return iot.Errorf(iot.NotFound, "no HTTP endpoint has this id").At("source_id").Hinting("http_endpoint_list shows the ids")
}

// HTTPEndpoints returns up to limit endpoints by id, after the one with the id
// after.
func (c config) HTTPEndpoints(ctx context.Context, after iot.ID, limit int) ([]iot.HTTPEndpoint, error) {
	var out []iot.HTTPEndpoint
	err := rows(ctx, c.r, selectEndpoints, []any{c.ws, after, limit}, func(rs *sql.Rows) (bool, error) {
		e, err := scanEndpoint(rs.Scan)
		out = append(out, e)
		return true, err
	})
	return out, err
}

func scanEndpoint(scan func(...any) error) (iot.HTTPEndpoint, error) {
	var e iot.HTTPEndpoint
	var settings string
	var created, updated int64
	err := scan(&e.ID, &e.Slug, &e.Name, &e.URLPath, &e.Enabled, &settings, &e.Version, &created, &updated)
	if err != nil {
		return e, err
	}
	e.CreatedAt, e.UpdatedAt = iot.Micros(created), iot.Micros(updated)
	if err := json.Unmarshal([]byte(settings), &e.EndpointSettings); err != nil {
		return e, fmt.Errorf("settings of endpoint %s: %w", e.ID, err)
	}
	return e, nil
}

// EndpointAt returns the endpoint with the URL path and, where it has one, its
// basic password.
func (w *Workspace) EndpointAt(ctx context.Context, path iot.URLPath) (e iot.HTTPEndpoint, password []byte, err error) {
	var sealed []byte // in one read, so that it is the password of these settings
	e, err = scanEndpoint(func(dst ...any) error {
		return row(ctx, w.r, selectEndpointAt, []any{w.id, path}, append(dst, &sealed)...)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return e, nil, iot.Errorf(iot.NotFound, "no source listens here").Hinting("http_endpoint_list shows the URLs")
	}
	if err == nil && sealed != nil {
		password, err = w.s.key.Open(passwordPlace(e.ID), sealed)
	}
	return e, password, err
}

func passwordPlace(id iot.ID) string { return "http_endpoints:basic_password:" + string(id) }

// CreateHTTPEndpoint adds an endpoint. Its slug is derived from its name; an
// empty URL path is the slug.
func (t *Tx) CreateHTTPEndpoint(ctx context.Context, e iot.HTTPEndpoint) (iot.HTTPEndpoint, error) {
	var n int
	if err := row(ctx, t.r, countEndpoints, []any{t.ws}, &n); err != nil {
		return e, err
	}
	if n >= MaxSources {
		return e, iot.Errorf(iot.Conflict, "a workspace has at most %d HTTP endpoints", MaxSources).Hinting("delete endpoints that are no longer used")
	}
	e.ID, e.Version, e.CreatedAt, e.UpdatedAt = NewID(), t.version, t.now, t.now
	e.Slug = iot.Slugify(string(e.Name))
	if e.Slug == "" {
		e.Slug = "endpoint"
	}
	err := uniqueSlug(&e.Slug, "endpoint", true, func(c iot.Slug) (bool, error) {
		used, err := t.found(ctx, selectEndpointSlug, c)
		if err != nil || used || e.URLPath != "" {
			return used, err
		}
		return t.found(ctx, selectEndpointPath, c)
	})
	if err != nil {
		return e, err
	}
	if e.URLPath == "" {
		e.URLPath = iot.URLPath(e.Slug)
	}
	if err := e.Check(); err != nil {
		return e, err
	}
	if err := t.pathFree(ctx, e.URLPath); err != nil {
		return e, err
	}
	settings, err := json.Marshal(e.EndpointSettings)
	if err != nil {
		return e, err
	}
	at := t.now.UnixMicro()
	_, err = exec(ctx, t.r, insertEndpoint, t.ws, e.ID, e.Slug, e.Name, e.URLPath, e.Enabled, string(settings), e.Version, at, at)
	if err != nil {
		return e, err
	}
	return e, t.changed("http_endpoint", e.ID, nil, e)
}

// UpdateHTTPEndpoint writes the endpoint as it now is.
func (t *Tx) UpdateHTTPEndpoint(ctx context.Context, e iot.HTTPEndpoint) (iot.HTTPEndpoint, error) {
	before, err := t.HTTPEndpoint(ctx, e.ID)
	if err != nil {
		return e, err
	}
	if err := e.Check(); err != nil {
		return e, err
	}
	if e.URLPath != before.URLPath {
		if err := t.pathFree(ctx, e.URLPath); err != nil {
			return e, err
		}
	}
	settings, err := json.Marshal(e.EndpointSettings)
	if err != nil {
		return e, err
	}
	e.Version, e.UpdatedAt = t.version, t.now
	_, err = exec(ctx, t.r, updateEndpoint, e.Name, e.URLPath, e.Enabled, string(settings), e.Version, t.now.UnixMicro(), t.ws, e.ID)
	if err != nil {
		return e, err
	}
	return e, t.changed("http_endpoint", e.ID, before, e)
}

// SetBasicPassword seals the password that devices send to the endpoint; nil
// removes it.
func (t *Tx) SetBasicPassword(ctx context.Context, id iot.ID, password []byte) error {
	var sealed []byte
	if password != nil {
		sealed = t.s.key.Seal(passwordPlace(id), password)
	}
	n, err := exec(ctx, t.r, updatePassword, sealed, t.ws, id)
	if err == nil && n == 0 {
		return noEndpoint()
	}
	return err
}

// DeleteHTTPEndpoint removes the endpoint; its events stay.
func (t *Tx) DeleteHTTPEndpoint(ctx context.Context, id iot.ID) error {
	before, err := t.HTTPEndpoint(ctx, id)
	if err != nil {
		return err
	}
	if _, err := exec(ctx, t.r, deleteEndpoint, t.ws, id); err != nil {
		return err
	}
	return t.changed("http_endpoint", id, before, nil)
}

func (t *Tx) pathFree(ctx context.Context, path iot.URLPath) error {
	used, err := t.found(ctx, selectEndpointPath, path)
	if err != nil {
		return err
	}
	if used {
		return iot.Errorf(iot.Conflict, "the url_path %q is taken by another source", path).At("url_path").Hinting("choose another url_path")
	}
	return nil
}

// found reports whether a query of the workspace and one value finds a row.
func (t *Tx) found(ctx context.Context, query string, value any) (bool, error) {
	var id string
	err := row(ctx, t.r, query, []any{t.ws, value}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
