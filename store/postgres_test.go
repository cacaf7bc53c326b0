package store

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	process "os/exec"
	"strings"
	"testing"
)

// executed are the statements that PostgreSQL cannot prepare (PREPARE takes
// only what reads or writes rows), so that the test runs them.
var executed = map[string]bool{"createSchemaVersion": true}

// TestPostgresSQL migrates a schema of its own on PostgreSQL and prepares
// every SQL constant there. Placeholders and the name of the type for bytes
// are all that is rewritten. BEGIN IMMEDIATE and the pragmas are SQLite's.
func TestPostgresSQL(t *testing.T) {
	conninfo := os.Getenv("IOTMAN_TEST_POSTGRES")
	if conninfo == "" {
		t.Skip("IOTMAN_TEST_POSTGRES, a libpq connection string, is not set")
	}
	schema := fmt.Sprintf("iotman_test_%d", os.Getpid())
	mustPsql(t, conninfo, "CREATE SCHEMA "+schema+";")
	t.Cleanup(func() { mustPsql(t, conninfo, "DROP SCHEMA "+schema+" CASCADE;") })
	there := "SET search_path TO " + schema + ";\nSET client_min_messages TO warning;\n"
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("got the migrations %v, %v, want some", names, err)
	}
	for _, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		mustPsql(t, conninfo, there+strings.ReplaceAll(string(text), " BLOB", " BYTEA"))
	}
	mustPsql(t, conninfo, there+createSchemaVersion+";")
	prepared := 0
	for _, st := range statements(t) {
		script := there + "PREPARE p AS " + rebind(st.text) + ";"
		if executed[st.name] {
			script = there + st.text + ";"
		}
		if out, err := psql(t.Context(), conninfo, script); err != nil {
			t.Errorf("%s: %v\n%s\n%s", st.name, err, out, rebind(st.text))
			continue
		}
		prepared++
	}
	t.Logf("PostgreSQL accepts %d statements", prepared)
	if out, err := psql(t.Context(), conninfo, there+"PREPARE p AS SELECT no_such_column FROM workspaces;"); err == nil {
		t.Errorf("a statement with a mistake: got no error and %q, want one: this test sees nothing", out)
	}
}

// rebind writes placeholders as PostgreSQL does.
func rebind(query string) string {
	var b strings.Builder
	n := 0
	for _, c := range query {
		if c == '?' {
			n++
			fmt.Fprintf(&b, "$%d", n)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func TestRebind(t *testing.T) {
	if got, want := rebind("SELECT ? FROM t WHERE a = ?"), "SELECT $1 FROM t WHERE a = $2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func psql(ctx context.Context, conninfo, script string) (string, error) {
	cmd := process.CommandContext(ctx, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", conninfo)
	cmd.Stdin = strings.NewReader(script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func mustPsql(t *testing.T, conninfo, script string) {
	t.Helper()
	// Also at the test's end, when its context has ended.
	if out, err := psql(context.WithoutCancel(t.Context()), conninfo, script); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
}
