package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"iotman/iot"
)

// By says who makes a change, in which workspace and by which operation.
type By struct {
	Workspace iot.ID
	Account   iot.ID // empty for a machine
	Email     string
	Client    string
	Operation string
}

// Tx is a transaction that changes one workspace's configuration.
type Tx struct {
	config
	by      By
	version int64    // what the workspace's version becomes
	now     iot.Time // the moment of the change
	changes []iot.Change
	gone    bool // the workspace was deleted, its history with it
}

func (s *Store) tx(by By) *Tx {
	return &Tx{config: config{s: s, r: s.writer, ws: by.Workspace}, by: by, now: s.Now()}
}

const (
	raiseVersion  = `UPDATE workspaces SET version = ?, updated_at = ? WHERE id = ?`
	insertVersion = `INSERT INTO versions (workspace_id, version, created_at, account_id, client_id, operation) VALUES (?, ?, ?, ?, ?, ?)`
	insertAudit   = `INSERT INTO audit (workspace_id, id, created_at, account_id, email, client_id, operation, version, changes)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	selectAudit = `SELECT id, created_at, account_id, email, client_id, operation, version, changes FROM audit
		WHERE workspace_id = ? AND id < ? ORDER BY id DESC LIMIT ?`
	selectVersion = `SELECT version FROM workspaces WHERE id = ?`
)

// Change runs f in one transaction that also raises the workspace's version
// and writes its version and audit rows. If f fails, nothing is left of it.
func (s *Store) Change(ctx context.Context, by By, f func(context.Context, *Tx) error) error {
	err := s.writer.write(ctx, func(ctx context.Context) error {
		tx := s.tx(by)
		have, err := s.version(ctx, by.Workspace)
		if err != nil {
			return err
		}
		tx.version = have + 1
		if err := f(ctx, tx); err != nil {
			return err
		}
		return tx.finish(ctx)
	})
	if err == nil {
		s.generation.Add(1)
	}
	return err
}

// version returns the workspace's version, within a transaction. Whoever adds
// rows to a workspace asks first: one that is gone is NotFound, and rows that
// came after its end would stay for ever.
func (s *Store) version(ctx context.Context, ws iot.ID) (v int64, err error) {
	err = row(ctx, s.writer, selectVersion, []any{ws}, &v)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, iot.Errorf(iot.NotFound, "no such workspace")
	}
	return v, err
}

// finish writes the rows that every change leaves.
func (t *Tx) finish(ctx context.Context) error {
	if t.gone {
		return nil
	}
	if len(t.changes) == 0 {
		return fmt.Errorf("operation %s changed nothing", t.by.Operation)
	}
	if _, err := exec(ctx, t.r, raiseVersion, t.version, t.now.UnixMicro(), t.ws); err != nil {
		return err
	}
	_, err := exec(ctx, t.r, insertVersion, t.ws, t.version, t.now.UnixMicro(), t.by.Account, t.by.Client, t.by.Operation)
	if err != nil {
		return err
	}
	return t.s.audit(ctx, t.by, t.version, t.changes)
}

// changed notes what became of an entity; before or after is nil for what was
// made or deleted. Entities show no secrets, so neither do the notes.
func (t *Tx) changed(entity string, id iot.ID, before, after any) error {
	c := iot.Change{Entity: entity, ID: id}
	var err error
	if before != nil {
		if c.Before, err = json.Marshal(before); err != nil {
			return err
		}
	}
	if after != nil {
		if c.After, err = json.Marshal(after); err != nil {
			return err
		}
	}
	t.changes = append(t.changes, c)
	return nil
}

// Now returns the moment of the change.
func (t *Tx) Now() iot.Time { return t.now }

// CheckVersion refuses a change that is based on a version other than the
// entity's current one; want 0 is based on none.
func CheckVersion(want, have int64, current any) error {
	if want == 0 || want == have {
		return nil
	}
	e := iot.Errorf(iot.Stale, "version %d was named, and the current one is %d", want, have).At("version")
	e.Current = current
	return e.Hinting("look at the current state, then repeat with version %d or without one", have)
}

func (s *Store) audit(ctx context.Context, by By, version int64, changes []iot.Change) error {
	if changes == nil {
		changes = []iot.Change{}
	}
	text, err := json.Marshal(changes)
	if err != nil {
		return err
	}
	_, err = exec(ctx, s.writer, insertAudit, by.Workspace, NewID(), s.now().UnixMicro(), by.Account, by.Email, by.Client,
		by.Operation, version, string(text))
	return err
}

// Audit writes an audit row for what changed no configuration: a purge, or an
// attempt to get where the caller may not go.
func (s *Store) Audit(ctx context.Context, by By, changes ...iot.Change) error {
	return s.writer.write(ctx, func(ctx context.Context) error {
		if _, err := s.version(ctx, by.Workspace); err != nil {
			return err
		}
		return s.audit(ctx, by, 0, changes)
	})
}

// Audit returns up to limit audit rows, newest first, before the one with the
// id before ("" for the newest).
func (w *Workspace) Audit(ctx context.Context, before iot.ID, limit int) ([]iot.AuditEntry, error) {
	if before == "" {
		before = "g" // sorts after every id
	}
	var out []iot.AuditEntry
	err := rows(ctx, w.r, selectAudit, []any{w.id, before, limit}, func(rs *sql.Rows) (bool, error) {
		var e iot.AuditEntry
		var at int64
		var changes string
		err := rs.Scan(&e.ID, &at, &e.AccountID, &e.Email, &e.ClientID, &e.Operation, &e.Version, &changes)
		if err == nil {
			e.At = iot.Micros(at)
			err = json.Unmarshal([]byte(changes), &e.Changes)
		}
		out = append(out, e)
		return true, err
	})
	return out, err
}
