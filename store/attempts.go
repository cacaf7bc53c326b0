package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"time"
)

// Limit bounds how often something may be done: Most times within any span of
// Per. It is kept in the database, so that it holds across a restart and for
// all nodes.
type Limit struct {
	Most int
	Per  time.Duration
}

const (
	selectAttempts    = `SELECT moments FROM attempts WHERE name = ?`
	upsertAttempts    = `INSERT INTO attempts (name, moments, expires_at) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET moments = excluded.moments, expires_at = excluded.expires_at`
	deleteOldAttempts = `DELETE FROM attempts WHERE expires_at < ?`
)

// Attempt counts one attempt at what name says, unless the limit is reached:
// then it returns how long to wait, and counts nothing.
func (s *Store) Attempt(ctx context.Context, name string, l Limit) (wait time.Duration, err error) {
	key := sha256.Sum256([]byte(name))
	err = s.writer.write(ctx, func(ctx context.Context) error {
		moments, err := s.moments(ctx, s.writer, key[:], l)
		if err != nil {
			return err
		}
		if wait = s.wait(moments, l); wait > 0 {
			return nil
		}
		now := s.now()
		moments = binary.LittleEndian.AppendUint64(moments, uint64(now.UnixMicro())) //nolint:gosec // after 1970
		_, err = exec(ctx, s.writer, upsertAttempts, key[:], moments, now.Add(l.Per).UnixMicro())
		return err
	})
	return wait, err
}

// Allowed returns how long to wait before the next attempt, 0 for not at all.
// It counts nothing.
func (s *Store) Allowed(ctx context.Context, name string, l Limit) (wait time.Duration, err error) {
	key := sha256.Sum256([]byte(name))
	moments, err := s.moments(ctx, s.readers, key[:], l)
	return s.wait(moments, l), err
}

// moments returns the attempts that still count, oldest first, 8 bytes each.
func (s *Store) moments(ctx context.Context, r runner, key []byte, l Limit) ([]byte, error) {
	var all []byte
	err := row(ctx, r, selectAttempts, []any{key}, &all)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	since := s.now().Add(-l.Per).UnixMicro()
	for len(all) >= 8 && int64(binary.LittleEndian.Uint64(all)) <= since { //nolint:gosec // as it was written
		all = all[8:]
	}
	return all, err
}

func (s *Store) wait(moments []byte, l Limit) time.Duration {
	if len(moments)/8 < l.Most {
		return 0
	}
	oldest := int64(binary.LittleEndian.Uint64(moments[len(moments)-8*l.Most:])) //nolint:gosec // as it was written
	return time.UnixMicro(oldest).Add(l.Per).Sub(s.now())
}
