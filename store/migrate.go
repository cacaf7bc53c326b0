package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	createSchemaVersion = `CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)`
	selectSchemaVersion = `SELECT COALESCE(MAX(version), 0) FROM schema_version`
	insertSchemaVersion = `INSERT INTO schema_version (version) VALUES (?)`
)

// migrate brings the database up to the newest migration of from, each in one
// transaction that also looks where the database stands: several processes may
// find it old at once. Whatever check refuses stays as it is. There is no way
// back: a backup is.
func migrate(ctx context.Context, w *writer, from fs.FS, check func(context.Context) error) error {
	names, err := fs.Glob(from, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(names)
	for done := false; !done; {
		err := w.write(ctx, func(ctx context.Context) error {
			if _, err := exec(ctx, w, createSchemaVersion); err != nil {
				return err
			}
			var have int
			if err := row(ctx, w, selectSchemaVersion, nil, &have); err != nil {
				return err
			}
			if have > len(names) {
				return fmt.Errorf("the database has schema version %d and this program knows only %d: use a newer iotman", have, len(names))
			}
			if have > 0 {
				if err := check(ctx); err != nil {
					return err
				}
			}
			if done = have == len(names); done {
				return nil
			}
			text, err := fs.ReadFile(from, names[have])
			if err != nil {
				return err
			}
			if _, err := w.conn.ExecContext(ctx, string(text)); err != nil {
				return fmt.Errorf("%s: %w", names[have], err)
			}
			_, err = exec(ctx, w, insertSchemaVersion, have+1)
			return err
		})
		if err != nil {
			return fmt.Errorf("open the database: %w", err)
		}
	}
	return nil
}
