package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"iotman/iot"
)

const (
	deleteOldNames   = `DELETE FROM idempotency WHERE expires_at < ?`
	deleteFreeSlugs  = `DELETE FROM quarantined_slugs WHERE free_at < ?`
	selectDeleted    = `SELECT workspace_id FROM deleted_workspaces ORDER BY workspace_id LIMIT 1`
	forgetDeleted    = `DELETE FROM deleted_workspaces WHERE workspace_id = ?`
	selectRetentions = `SELECT id FROM workspaces WHERE settings LIKE '%"retention_days":%' ORDER BY id`
	dropBlocks       = `DELETE FROM event_blocks WHERE workspace_id = ? AND first_seq IN
		(SELECT first_seq FROM event_blocks WHERE workspace_id = ? ORDER BY first_seq LIMIT 500)`
	dropTerms = `DELETE FROM event_terms WHERE workspace_id = ? AND page IN
		(SELECT page FROM event_terms WHERE workspace_id = ? ORDER BY page LIMIT 500)`
	dropNamed = `DELETE FROM idempotency WHERE workspace_id = ? AND (source_id, name) IN
		(SELECT source_id, name FROM idempotency WHERE workspace_id = ? LIMIT 2000)`
	dropRejects = `DELETE FROM rejects WHERE workspace_id = ? AND source_id IN
		(SELECT source_id FROM rejects WHERE workspace_id = ? LIMIT 500)`
)

// expired are the statements that remove what has run out by a moment.
var expired = []string{
	deleteOldTokens, deleteOldRefresh, deleteOldBrowsers, deleteOldSignLinks, deleteOldConsents, deleteOldAttempts, deleteOldClientDocs,
	deleteIdleGrants, deleteOldNames, deleteFreeSlugs,
}

// codeMemory is how long an authorization code is remembered after its end, so
// that its reuse still ends what it brought.
const codeMemory = 24 * time.Hour

// Sweep removes what has run out: tokens, links, sessions and the grants that
// have none left, clients that nobody uses, remembered names, slugs that are
// free again, events past their workspace's retention, and the logs of deleted
// workspaces.
func (s *Store) Sweep(ctx context.Context) error {
	now := s.now().UnixMicro()
	err := s.writer.write(ctx, func(ctx context.Context) error {
		for _, query := range expired {
			if _, err := exec(ctx, s.writer, query, now); err != nil {
				return err
			}
		}
		if _, err := exec(ctx, s.writer, deleteOldCodes, now-codeMemory.Microseconds()); err != nil {
			return err
		}
		_, err := s.dropClients(ctx, unusedClientFor)
		return err
	})
	if err != nil {
		return fmt.Errorf("sweep what has expired: %w", err)
	}
	if err := s.sweepDeleted(ctx); err != nil {
		return fmt.Errorf("sweep deleted workspaces: %w", err)
	}
	return s.sweepRetention(ctx)
}

// sweepDeleted removes the logs of deleted workspaces, a bite at a time.
func (s *Store) sweepDeleted(ctx context.Context) error {
	for ctx.Err() == nil {
		var ws iot.ID
		err := row(ctx, s.readers, selectDeleted, nil, &ws)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, query := range []string{dropBlocks, dropTerms, dropNamed, dropRejects} {
			for n := int64(1); n > 0 && ctx.Err() == nil; {
				err := s.writer.write(ctx, func(ctx context.Context) (err error) {
					n, err = exec(ctx, s.writer, query, ws, ws)
					return err
				})
				if err != nil {
					return err
				}
			}
		}
		if ctx.Err() != nil {
			break
		}
		err = s.writer.write(ctx, func(ctx context.Context) error {
			_, err := exec(ctx, s.writer, forgetDeleted, ws)
			return err
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// sweepRetention removes the events that are older than their workspace keeps.
// One that fails does not keep the others from it.
func (s *Store) sweepRetention(ctx context.Context) error {
	var ids []iot.ID
	err := rows(ctx, s.readers, selectRetentions, nil, func(rs *sql.Rows) (bool, error) {
		var id iot.ID
		err := rs.Scan(&id)
		ids = append(ids, id)
		return true, err
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		w, err := s.Workspace(id).Get(ctx)
		if days := w.Settings.RetentionDays; err == nil && days > 0 {
			until := iot.Micros(s.now().AddDate(0, 0, -days).UnixMicro())
			_, err = s.Purge(ctx, By{Workspace: id, Operation: "retention"}, Query{To: until})
		}
		if err != nil && iot.KindOf(err) != iot.NotFound { // that one was deleted meanwhile
			errs = append(errs, fmt.Errorf("retention of workspace %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// SweepEvery is how often RunSweeps sweeps.
const SweepEvery = time.Minute

// RunSweeps sweeps at once and then every minute until ctx ends.
func (s *Store) RunSweeps(ctx context.Context) error {
	tick := time.NewTicker(SweepEvery)
	defer tick.Stop()
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "sweep", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// watchEvery is how soon another process's change is noticed.
const watchEvery = 200 * time.Millisecond

// Watch raises the generation when another process changed the database
// (iotman token, a second node), so that what it did is soon seen here.
func (s *Store) Watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var seen int64
	for {
		v, err := s.writer.foreign(ctx)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("watch the database: %w", err)
		}
		if err == nil && v != seen {
			seen = v
			s.generation.Add(1)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
