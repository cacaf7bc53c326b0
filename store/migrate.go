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

// migrate brings the database up to the newest migration, each in one
// transaction. There is no way back: a backup is.
func migrate(ctx context.Context, w *writer) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(names)
	var have int
	err = w.write(ctx, func(ctx context.Context) error {
		if _, err := exec(ctx, w, createSchemaVersion); err != nil {
			return err
		}
		return row(ctx, w, selectSchemaVersion, nil, &have)
	})
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if have > len(names) {
		return fmt.Errorf("the database has schema version %d and this program knows only %d: use a newer iotman", have, len(names))
	}
	for i, name := range names[have:] {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		err = w.write(ctx, func(ctx context.Context) error {
			if _, err := w.conn.ExecContext(ctx, string(text)); err != nil {
				return err
			}
			_, err := exec(ctx, w, insertSchemaVersion, have+i+1)
			return err
		})
		if err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	return nil
}
