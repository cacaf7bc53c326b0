package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"iotman/iot"
)

// Workspace is the handle through which the rows of one workspace are read,
// and no others.
type Workspace struct {
	s  *Store
	id iot.ID
	config
}

// Workspace returns the handle of the workspace with the id. Whether there is
// one shows when it is used.
func (s *Store) Workspace(id iot.ID) *Workspace {
	return &Workspace{s: s, id: id, config: config{s: s, r: s.readers, ws: id}}
}

// config reads a workspace's configuration: from the pool of readers, or
// within a transaction as it stands there.
type config struct {
	s  *Store
	r  runner
	ws iot.ID
}

const (
	workspaceColumns = `w.id, w.slug, w.name, w.avatar_url, w.default_role, w.settings, w.organization_id, w.version, w.created_at, w.updated_at,
		(SELECT COUNT(*) FROM members m WHERE m.workspace_id = w.id)`
	selectWorkspace       = `SELECT ` + workspaceColumns + ` FROM workspaces w WHERE w.id = ?`
	selectWorkspaceBySlug = `SELECT id FROM workspaces WHERE slug = ?`
	selectWorkspacesOf    = `SELECT ` + workspaceColumns + ` FROM members mine JOIN workspaces w ON w.id = mine.workspace_id
		WHERE mine.account_id = ? AND w.id > ? ORDER BY w.id LIMIT ?`
	countLastOf = `SELECT COUNT(*) FROM members o WHERE o.workspace_id = ? AND o.role = 'owner' AND NOT EXISTS
		(SELECT 1 FROM members m WHERE m.account_id = o.account_id AND m.workspace_id <> o.workspace_id)`
)

// Get returns the workspace itself.
func (c config) Get(ctx context.Context) (iot.Workspace, error) {
	w, err := scanWorkspace(func(dst ...any) error { return row(ctx, c.r, selectWorkspace, []any{c.ws}, dst...) })
	if errors.Is(err, sql.ErrNoRows) {
		return iot.Workspace{}, iot.Errorf(iot.NotFound, "no such workspace")
	}
	return w, err
}

func scanWorkspace(scan func(...any) error) (iot.Workspace, error) {
	var w iot.Workspace
	var settings string
	var org sql.NullString
	var created, updated int64
	err := scan(&w.ID, &w.Slug, &w.Name, &w.AvatarURL, &w.DefaultRole, &settings, &org, &w.Version, &created, &updated, &w.MemberCount)
	if err != nil {
		return iot.Workspace{}, err
	}
	if org.Valid {
		id := iot.ID(org.String)
		w.OrganizationID = &id
	}
	w.CreatedAt, w.UpdatedAt = iot.Micros(created), iot.Micros(updated)
	if err := json.Unmarshal([]byte(settings), &w.Settings); err != nil {
		return iot.Workspace{}, fmt.Errorf("settings of workspace %s: %w", w.ID, err)
	}
	return w, nil
}

// Resolve returns the id of the workspace that a slug or an id names, "" where
// there is none.
func (s *Store) Resolve(ctx context.Context, name string) (iot.ID, error) {
	if iot.IsID(name) {
		return iot.ID(name), nil
	}
	return findSlug(ctx, s.readers, iot.Slug(name))
}

func findSlug(ctx context.Context, r runner, slug iot.Slug) (iot.ID, error) {
	var id iot.ID
	err := row(ctx, r, selectWorkspaceBySlug, []any{slug}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// WorkspacesOf returns up to limit workspaces that the account is a member
// of, by id, after the one with the id after.
func (s *Store) WorkspacesOf(ctx context.Context, account, after iot.ID, limit int) ([]iot.Workspace, error) {
	var out []iot.Workspace
	err := rows(ctx, s.readers, selectWorkspacesOf, []any{account, after, limit}, func(rs *sql.Rows) (bool, error) {
		w, err := scanWorkspace(rs.Scan)
		out = append(out, w)
		return true, err
	})
	return out, err
}

const (
	insertWorkspace = `INSERT INTO workspaces (id, slug, name, avatar_url, default_role, settings, organization_id, version, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, NULL, 0, ?, ?)`
	updateWorkspace  = `UPDATE workspaces SET slug = ?, name = ?, avatar_url = ?, default_role = ?, settings = ? WHERE id = ?`
	deleteWorkspace  = `DELETE FROM workspaces WHERE id = ?`
	insertLogHead    = `INSERT INTO log_heads (workspace_id, seq, received_at) VALUES (?, 0, 0)`
	insertMember     = `INSERT INTO members (workspace_id, account_id, role, created_at) VALUES (?, ?, ?, ?)`
	selectQuarantine = `SELECT free_at FROM quarantined_slugs WHERE slug = ? AND free_at > ? AND holder <> ?`
	upsertQuarantine = `INSERT INTO quarantined_slugs (slug, free_at, holder) VALUES (?, ?, ?)
		ON CONFLICT (slug) DO UPDATE SET free_at = excluded.free_at, holder = excluded.holder`
	endQuarantine   = `DELETE FROM quarantined_slugs WHERE slug = ? AND holder = ?`
	insertDeleted   = `INSERT INTO deleted_workspaces (workspace_id, deleted_at) VALUES (?, ?)`
	deleteHead      = `DELETE FROM log_heads WHERE workspace_id = ?`
	deleteMembers   = `DELETE FROM members WHERE workspace_id = ?`
	deleteGrants    = `DELETE FROM grants WHERE workspace_id = ?`
	deleteTokens    = `DELETE FROM tokens WHERE workspace_id = ?`
	deleteVersions  = `DELETE FROM versions WHERE workspace_id = ?`
	deleteAudit     = `DELETE FROM audit WHERE workspace_id = ?`
	deleteEndpoints = `DELETE FROM http_endpoints WHERE workspace_id = ?`
	deleteCodes     = `DELETE FROM codes WHERE workspace_id = ?`
	deleteRefresh   = `DELETE FROM refresh_tokens WHERE workspace_id = ?`
)

// CreateWorkspace makes a workspace that by.Account owns, in one transaction
// with its first version. An empty slug is derived from the name.
func (s *Store) CreateWorkspace(ctx context.Context, by By, w iot.Workspace) (iot.Workspace, error) {
	w.ID = NewID()
	by.Workspace = w.ID
	err := s.writer.write(ctx, func(ctx context.Context) error {
		tx := s.tx(by)
		tx.version = 1
		derived := w.Slug == ""
		if derived {
			w.Slug = iot.Slugify(string(w.Name))
		}
		err := uniqueSlug(&w.Slug, "workspace", derived, func(c iot.Slug) (bool, error) { return tx.slugTaken(ctx, c) })
		if err != nil {
			return err
		}
		if err := w.Check(); err != nil {
			return err
		}
		w.CreatedAt, w.UpdatedAt, w.Version, w.MemberCount = tx.now, tx.now, 1, 1
		if err := tx.insertWorkspace(ctx, w); err != nil {
			return err
		}
		return tx.finish(ctx)
	})
	if err != nil {
		return iot.Workspace{}, err
	}
	s.generation.Add(1)
	return w, nil
}

func (t *Tx) insertWorkspace(ctx context.Context, w iot.Workspace) error {
	settings, err := json.Marshal(w.Settings)
	if err != nil {
		return err
	}
	at := t.now.UnixMicro()
	if _, err := exec(ctx, t.r, insertWorkspace, w.ID, w.Slug, w.Name, w.AvatarURL, w.DefaultRole, string(settings), at, at); err != nil {
		return err
	}
	if _, err := exec(ctx, t.r, insertLogHead, w.ID); err != nil {
		return err
	}
	if _, err := exec(ctx, t.r, insertMember, w.ID, t.by.Account, iot.Owner, at); err != nil {
		return err
	}
	return t.changed("workspace", w.ID, nil, w)
}

// UpdateWorkspace writes the workspace's own fields. A slug that it gives up
// is quarantined for all others.
func (t *Tx) UpdateWorkspace(ctx context.Context, w iot.Workspace) (iot.Workspace, error) {
	before, err := t.Get(ctx)
	if err != nil {
		return iot.Workspace{}, err
	}
	if err := w.Check(); err != nil {
		return iot.Workspace{}, err
	}
	if w.Slug != before.Slug {
		if err := t.moveTo(ctx, w.Slug, before.Slug); err != nil {
			return iot.Workspace{}, err
		}
	}
	settings, err := json.Marshal(w.Settings)
	if err != nil {
		return iot.Workspace{}, err
	}
	if _, err := exec(ctx, t.r, updateWorkspace, w.Slug, w.Name, w.AvatarURL, w.DefaultRole, string(settings), t.ws); err != nil {
		return iot.Workspace{}, err
	}
	w.Version, w.UpdatedAt = t.version, t.now
	return w, t.changed("workspace", t.ws, before, w)
}

// moveTo takes a slug for the workspace and quarantines its former one. Every
// session ends: its tokens name the former URL, and must not be good again
// should the workspace move back.
func (t *Tx) moveTo(ctx context.Context, slug, former iot.Slug) error {
	taken, err := t.slugTaken(ctx, slug)
	if err != nil {
		return err
	}
	if taken {
		return slugTaken("workspace", slug)
	}
	if _, err := exec(ctx, t.r, endQuarantine, slug, t.ws); err != nil {
		return err
	}
	for _, query := range []string{deleteTokens, deleteRefresh, deleteCodes, deleteGrants} {
		if _, err := exec(ctx, t.r, query, t.ws); err != nil {
			return err
		}
	}
	return t.quarantine(ctx, former, t.ws)
}

// DeleteWorkspace removes the workspace and everything in it. Its log leaves
// in steps afterwards (Sweep), out of anyone's reach already. The last
// workspace of one of its owners cannot go.
func (t *Tx) DeleteWorkspace(ctx context.Context) error {
	w, err := t.Get(ctx)
	if err != nil {
		return err
	}
	var n int
	if err := row(ctx, t.r, countLastOf, []any{t.ws}, &n); err != nil {
		return err
	}
	if n > 0 {
		return iot.Errorf(iot.Conflict, "this is the last workspace of its owner").Hinting("its owner creates another workspace first, then this one can be deleted")
	}
	if err := t.quarantine(ctx, w.Slug, ""); err != nil {
		return err
	}
	if _, err := exec(ctx, t.r, insertDeleted, t.ws, t.now.UnixMicro()); err != nil {
		return err
	}
	for _, query := range []string{
		deleteHead, deleteMembers, deleteTokens, deleteRefresh, deleteCodes, deleteGrants, deleteClients, deleteAPIKeys,
		deleteVersions, deleteAudit, deleteEndpoints, deleteWorkspace,
	} {
		if _, err := exec(ctx, t.r, query, t.ws); err != nil {
			return err
		}
	}
	t.gone = true
	return nil
}

// quarantine keeps a freed slug from all but its holder.
func (t *Tx) quarantine(ctx context.Context, slug iot.Slug, holder iot.ID) error {
	_, err := exec(ctx, t.r, upsertQuarantine, slug, t.now.Add(iot.SlugQuarantine).UnixMicro(), holder)
	return err
}

func (t *Tx) slugTaken(ctx context.Context, slug iot.Slug) (bool, error) {
	id, err := findSlug(ctx, t.r, slug)
	if err != nil || id != "" {
		return true, err
	}
	var until int64
	err = row(ctx, t.r, selectQuarantine, []any{slug, t.now.UnixMicro(), t.ws}, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// uniqueSlug refuses a slug that is taken, or, where it was derived from a
// name, adds the first of -2, -3 … that makes it free.
func uniqueSlug(slug *iot.Slug, what string, derived bool, taken func(iot.Slug) (bool, error)) error {
	if *slug == "" {
		return iot.Errorf(iot.Invalid, "the name has no letter a-z or digit to make a slug of").At("slug").Hinting("give a slug of your own")
	}
	base := *slug
	for n := 2; ; n++ {
		used, err := taken(*slug)
		if err != nil || !used {
			return err
		}
		if !derived || n > 1000 {
			return slugTaken(what, *slug)
		}
		*slug = iot.Slug(fmt.Sprintf("%s-%d", base, n))
	}
}

func slugTaken(what string, slug iot.Slug) error {
	return iot.Errorf(iot.Conflict, "the slug %q is taken by another %s, or was until lately", slug, what).At("slug").Hinting("choose another slug")
}
