package store

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestSchemaGolden shows in a diff what a migration makes of the schema.
func TestSchemaGolden(t *testing.T) {
	got := schema(t, openIdle(t, Config{}))
	golden := filepath.Join("testdata", "schema.sql")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the schema differs from %s (go test ./store -update rewrites it):\n%s", golden, diff)
	}
}

// schema returns the statements that would make the database's schema.
func schema(t *testing.T, s *Store) string {
	t.Helper()
	rs, err := s.readers.db.QueryContext(t.Context(), `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC, name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rs.Close()
	var b strings.Builder
	for rs.Next() {
		var text string
		if err := rs.Scan(&text); err != nil {
			t.Fatal(err)
		}
		b.WriteString(text + ";\n")
	}
	if err := rs.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOpenTwiceChangesNothing(t *testing.T) {
	dir := t.TempDir()
	s := openIdle(t, Config{Dir: dir})
	first := schema(t, s)
	account(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	again, err := Open(t.Context(), Config{Dir: dir, Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, schema(t, again)); diff != "" {
		t.Errorf("the schema after opening again:\n%s", diff)
	}
	if n := count(t, again, `SELECT COUNT(*) FROM accounts`); n != 1 {
		t.Errorf("got %d accounts after opening again, want 1", n)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, before)
}

// wantFiles fails the test where a file of the folder changed.
func wantFiles(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	got := files(t, dir)
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is new", name)
		}
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s was changed or removed", name)
		}
	}
	if len(want["iotman.db"]) < 4096 {
		t.Errorf("iotman.db had %d bytes: this test compares nothing", len(want["iotman.db"]))
	}
}

func TestOpenRefusesANewerDatabase(t *testing.T) {
	dir := t.TempDir()
	s := openIdle(t, Config{Dir: dir})
	raw(t, s, `INSERT INTO schema_version (version) VALUES (4711)`)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	_, err := Open(t.Context(), Config{Dir: dir, Key: testKey})
	if err == nil || !strings.Contains(err.Error(), "version 4711") || !strings.Contains(err.Error(), "newer iotman") {
		t.Errorf("got error %v, want one that names version 4711 and a newer iotman", err)
	}
	wantFiles(t, dir, before)
}

// next returns the migrations and one more.
func next(t *testing.T, text string) fstest.MapFS {
	t.Helper()
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("got the migrations %v, %v, want some", names, err)
	}
	out := fstest.MapFS{"migrations/9999_next.sql": {Data: []byte(text)}}
	for _, name := range names {
		b, err := migrations.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = &fstest.MapFile{Data: b}
	}
	return out
}

func TestNextMigrationI13(t *testing.T) {
	s := openIdle(t, Config{})
	was, version := schema(t, s), count(t, s, selectSchemaVersion)
	unchanged := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: got no error, want one", what)
		}
		if diff := cmp.Diff(was, schema(t, s)); diff != "" || count(t, s, selectSchemaVersion) != version {
			t.Errorf("%s: got version %d, want %d as before %s", what, count(t, s, selectSchemaVersion), version, diff)
		}
	}
	half := next(t, "CREATE TABLE next (a TEXT);\nDROP TABLE meta;\nCREATE TABLE next (a TEXT);")
	unchanged("a migration that fails at its end", migrate(t.Context(), s.writer, half, s.checkKey))
	whole := next(t, "CREATE TABLE next (a TEXT); ALTER TABLE accounts ADD COLUMN age BIGINT;")
	other := &Store{dir: s.dir, key: Key{9}, writer: s.writer}
	unchanged("H4, a key that does not fit", migrate(t.Context(), s.writer, whole, other.checkKey))
	for range 2 {
		if err := migrate(t.Context(), s.writer, whole, s.checkKey); err != nil {
			t.Fatal(err)
		}
		if got := count(t, s, selectSchemaVersion); got != version+1 || !strings.Contains(schema(t, s), "CREATE TABLE next") {
			t.Errorf("got version %d, want %d with its table", got, version+1)
		}
	}
	if _, err := Open(t.Context(), Config{Dir: s.dir, Key: testKey}); err == nil || !strings.Contains(err.Error(), "newer iotman") {
		t.Errorf("by the former program: got error %v, want one that asks for a newer iotman", err)
	}
}

// TestOpenTogether lets several processes, here several stores, find an empty
// folder at the same moment.
func TestOpenTogether(t *testing.T) {
	for range 5 {
		dir := t.TempDir()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				s, err := Open(t.Context(), Config{Dir: dir, Key: testKey})
				if err != nil {
					t.Errorf("open beside others: %v", err)
					return
				}
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
		}
		wg.Wait()
	}
}

// TestFirstGrantsMigrateI13: grants of the first schema go on, last used when they
// were given.
func TestFirstGrantsMigrateI13(t *testing.T) {
	first := next(t, "")
	for name := range first {
		if !strings.HasSuffix(name, "0001_first.sql") {
			delete(first, name)
		}
	}
	w, err := openWriter(t.Context(), filepath.Join(t.TempDir(), "iotman.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	open := func(context.Context) error { return nil }
	if err := migrate(t.Context(), w, first, open); err != nil {
		t.Fatal(err)
	}
	_, err = w.conn.ExecContext(t.Context(), `INSERT INTO grants (workspace_id, id, account_id, client_id, audience, scope, created_at) VALUES ('w', 'g', 'a', 'c', 'aud', 's', 7)`)
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), w, migrations, open); err != nil {
		t.Fatal(err)
	}
	var used int64
	if err := w.conn.QueryRowContext(t.Context(), `SELECT used_at FROM grants WHERE id = 'g'`).Scan(&used); err != nil || used != 7 {
		t.Errorf("got used_at %d, %v, want 7, when it was given", used, err)
	}
}
