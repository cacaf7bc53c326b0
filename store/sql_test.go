package store

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEverySQLConstantPrepares(t *testing.T) {
	s := openIdle(t, Config{})
	for _, st := range statements(t) {
		p, err := s.writer.conn.PrepareContext(t.Context(), st.text)
		if err != nil {
			t.Errorf("%s: %v", st.name, err)
			continue
		}
		defer p.Close()
	}
}

// everyTenant are the statements that may touch rows of more than one
// workspace, each with its reason.
var everyTenant = map[string]string{
	"selectWorkspaceBySlug": "finds which workspace a slug names; answers only its id",
	"selectWorkspacesOf":    "an account's own workspaces, by its memberships",
	"countLastOf":           "whether a workspace's owners have others; answers only how many have none",
	"selectRetentions":      "a sweep: which workspaces keep their events for a while only",
	"selectDeleted":         "a sweep: the next workspace whose log is to be removed",
	"deleteOldTokens":       "a sweep: expired tokens of all workspaces",
	"deleteIdleGrants":      "a sweep: grants of all workspaces that have no token left",
	"deleteOldNames":        "a sweep: expired idempotency keys of all workspaces",
	"deleteOldCodes":        "a sweep: expired authorization codes of all workspaces",
	"deleteOldRefresh":      "a sweep: expired refresh tokens of all workspaces",
	"selectClientByID":      "finds whose a client is: OAuth names clients by their id alone",
}

// TestTenancyB9 checks on the text of every statement that it reaches the rows
// of one workspace only.
func TestTenancyB9(t *testing.T) {
	tenants := tenantTables(t, openIdle(t, Config{}))
	if len(tenants) < 10 || !tenants["event_blocks"] || !tenants["http_endpoints"] || tenants["accounts"] {
		t.Fatalf("got the tenant tables %v, want those with a workspace_id", slices.Sorted(maps.Keys(tenants)))
	}
	needless := maps.Clone(everyTenant)
	for _, st := range statements(t) {
		bad := reaches(st.text, tenants)
		_, allowed := everyTenant[st.name]
		if bad != "" && allowed {
			delete(needless, st.name)
		} else if bad != "" {
			t.Errorf("%s reaches other workspaces: %s\n%s", st.name, bad, st.text)
		}
	}
	for name := range needless {
		t.Errorf("%s is on the list of statements that may reach every workspace, and does not", name)
	}
}

func tenantTables(t *testing.T, s *Store) map[string]bool {
	t.Helper()
	tenants := map[string]bool{}
	for _, table := range tables(t, s) {
		if count(t, s, `SELECT COUNT(*) FROM pragma_table_info(?) WHERE name = 'workspace_id'`, table) > 0 {
			tenants[table] = true
		}
	}
	return tenants
}

// tables returns the names of the database's tables.
func tables(t *testing.T, s *Store) (out []string) {
	t.Helper()
	rs, err := s.readers.db.QueryContext(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rs.Close()
	for rs.Next() {
		var name string
		if err := rs.Scan(&name); err != nil {
			t.Fatal(err)
		}
		out = append(out, name)
	}
	if err := rs.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

var (
	reference = regexp.MustCompile(`\b(FROM|JOIN|INTO|UPDATE)\s+(\w+)(?:\s+(?:AS\s+)?([a-z]\w*))?`)
	insertion = regexp.MustCompile(`^INSERT INTO (\w+) \((\w+)[,)].*?(?:VALUES|SELECT)\s*\(?\s*(\S)`)
	spaces    = regexp.MustCompile(`\s+`)
)

// reaches returns how a statement reaches rows of more than one workspace, or
// "". Every use of a tenant's table must be bound to a workspace id that is a
// parameter, or to that of another table which is.
func reaches(query string, tenants map[string]bool) string {
	query = strings.TrimSpace(spaces.ReplaceAllString(query, " "))
	if strings.HasPrefix(query, "CREATE") {
		return ""
	}
	touches, rooted, plain := false, false, map[string]int{}
	for _, ref := range reference.FindAllStringSubmatch(query, -1) {
		verb, table, alias := ref[1], ref[2], ref[3]
		column := "workspace_id"
		switch {
		case table == "workspaces":
			column = "id"
		case !tenants[table]:
			continue
		}
		touches = true
		switch {
		case verb == "INTO":
			in := insertion.FindStringSubmatch(query)
			if in == nil || in[1] != table || in[2] != column || in[3] != "?" {
				return "an INSERT must name " + column + " first, and take it from a parameter"
			}
		case alias == "":
			plain[column]++
		default:
			bound := regexp.MustCompile(`\b` + alias + `\.` + column + ` = (\?|\w+\.(workspace_)?id\b)|\b\w+\.workspace_id = ` + alias + `\.` + column + `\b`)
			if !bound.MatchString(query) {
				return fmt.Sprintf("%s %s is bound to no workspace", table, alias)
			}
			rooted = rooted || strings.Contains(query, alias+"."+column+" = ?")
		}
	}
	for column, n := range plain {
		if got := len(regexp.MustCompile(`(^|[ (])`+column+` = \?`).FindAllString(query, -1)); got < n {
			return fmt.Sprintf("%d of %d uses of tables have the predicate %s = ?", got, n, column)
		}
		rooted = true
	}
	switch {
	case !touches || strings.HasPrefix(query, "INSERT"):
		return ""
	case strings.Contains(query, " OR "):
		return "an OR may undo the predicate"
	case !rooted:
		return "no workspace id is a parameter"
	}
	return ""
}

// TestReachesFinds gives the rule what it must find and what it must let pass.
func TestReachesFinds(t *testing.T) {
	tenants := map[string]bool{"grants": true, "tokens": true, "members": true}
	for query, want := range map[string]string{
		`SELECT id FROM grants WHERE id = ?`:                                                                                "predicate",
		`SELECT id FROM grants`:                                                                                             "predicate",
		"SELECT id\n\tFROM grants\n\tWHERE id = ?":                                                                          "predicate",
		`SELECT id FROM grants WHERE workspace_id > ?`:                                                                      "predicate",
		`SELECT id FROM grants WHERE workspace_id = ? OR id = ?`:                                                            "OR",
		`SELECT g.id FROM grants g WHERE g.id = ?`:                                                                          "grants g",
		`SELECT 1 FROM grants g JOIN tokens t ON t.grant_id = g.id WHERE g.workspace_id = ?`:                                "tokens t",
		`SELECT 1 FROM grants g JOIN tokens t ON t.workspace_id = g.workspace_id WHERE g.id = ?`:                            "parameter",
		`DELETE FROM tokens WHERE expires_at < ?`:                                                                           "predicate",
		`DELETE FROM tokens WHERE workspace_id = ? AND id IN (SELECT id FROM tokens LIMIT 9)`:                               "1 of 2",
		`UPDATE grants SET scope = ? WHERE id = ?`:                                                                          "predicate",
		`UPDATE workspaces SET name = ? WHERE slug = ?`:                                                                     "predicate id",
		`INSERT INTO grants (id, workspace_id) VALUES (?, ?)`:                                                               "first",
		`INSERT INTO grants (workspace_id, id) VALUES ('w', ?)`:                                                             "first",
		`INSERT INTO grants (workspace_id, id) SELECT workspace_id, id FROM tokens WHERE workspace_id = ?`:                  "first",
		`INSERT INTO grants (workspace_id, id) SELECT ?, id FROM tokens`:                                                    "predicate",
		`SELECT id FROM accounts`:                                                                                           "",
		`SELECT id FROM grants WHERE workspace_id = ? AND id = ?`:                                                           "",
		`SELECT w.id, (SELECT COUNT(*) FROM members m WHERE m.workspace_id = w.id) FROM workspaces w WHERE w.id = ?`:        "",
		`SELECT 1 FROM tokens t JOIN grants g ON g.workspace_id = t.workspace_id WHERE t.workspace_id = ?`:                  "",
		`DELETE FROM tokens WHERE workspace_id = ? AND id IN (SELECT id FROM tokens WHERE workspace_id = ? LIMIT 9)`:        "",
		`INSERT INTO grants (workspace_id, id) VALUES (?, ?) ON CONFLICT (workspace_id, id) DO UPDATE SET id = excluded.id`: "",
		`UPDATE workspaces SET name = ? WHERE id = ?`:                                                                       "",
		`CREATE TABLE grants (id TEXT)`:                                                                                     "",
	} {
		got := reaches(query, tenants)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s\n\tgot %q, want %q in it", query, got, want)
		}
	}
}

// wholeTables are the statements that may read all rows of a table, each with
// its reason.
var wholeTables = map[string]string{
	"selectSigningKeys":    "a handful of rows, all wanted",
	"selectFirstAccount":   "in the order of the key, one row",
	"selectDeleted":        "in the order of the key, one row",
	"selectRetentions":     "a sweep over all workspaces, once a minute",
	"deleteIdleGrants":     "a sweep over all grants, once a minute",
	"countClientDocuments": "at most 10,000 rows, when another is fetched",
}

// TestPlans checks that no statement reads a whole table.
func TestPlans(t *testing.T) {
	s := openIdle(t, Config{})
	needless := maps.Clone(wholeTables)
	for _, st := range statements(t) {
		if strings.HasPrefix(st.text, "CREATE") {
			continue
		}
		scan, err := scans(t.Context(), s, st.text)
		if err != nil {
			t.Errorf("%s: %v", st.name, err)
			continue
		}
		_, allowed := wholeTables[st.name]
		if scan != "" && allowed {
			delete(needless, st.name)
		} else if scan != "" {
			t.Errorf("%s reads a whole table: %s\n%s", st.name, scan, st.text)
		}
	}
	for name := range needless {
		t.Errorf("%s is on the list of statements that may scan, and does not", name)
	}
}

// scans returns the step of the statement's plan that reads a whole table or
// index, or "".
func scans(ctx context.Context, s *Store, query string) (string, error) {
	rs, err := s.readers.db.QueryContext(ctx, `EXPLAIN QUERY PLAN `+query, make([]any, strings.Count(query, "?"))...)
	if err != nil {
		return "", err
	}
	defer rs.Close()
	var found string
	for rs.Next() {
		var id, parent, unused int
		var step string
		if err := rs.Scan(&id, &parent, &unused, &step); err != nil {
			return "", err
		}
		if strings.HasPrefix(step, "SCAN ") && step != "SCAN CONSTANT ROW" {
			found = step
		}
	}
	return found, rs.Err()
}

func TestScansFinds(t *testing.T) {
	s := openIdle(t, Config{})
	for query, want := range map[string]string{
		`SELECT email FROM accounts`:                                                     "SCAN accounts",
		`SELECT email FROM accounts WHERE name = ?`:                                      "SCAN accounts",
		`DELETE FROM tokens WHERE grant_id = ?`:                                          "SCAN tokens",
		`SELECT a.email FROM members m JOIN accounts a ON a.name = m.role`:               "SCAN",
		`SELECT email FROM accounts WHERE id = ?`:                                        "",
		`SELECT id FROM grants WHERE workspace_id = ? AND client_id = ?`:                 "",
		`INSERT INTO quarantined_slugs (slug, free_at) VALUES (?, ?)`:                    "",
		`UPDATE workspaces SET name = ? WHERE slug = ?`:                                  "",
		`SELECT id FROM accounts WHERE id IN (SELECT account_id FROM members)`:           "SCAN",
		`SELECT email FROM accounts WHERE email = ? OR name = ?`:                         "SCAN",
		`DELETE FROM members WHERE workspace_id = ? AND account_id IN (SELECT ?)`:        "",
		`SELECT first_seq FROM event_blocks WHERE last_at >= ? ORDER BY last_at LIMIT 1`: "SCAN",
	} {
		got, err := scans(t.Context(), s, query)
		if err != nil || (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%s\n\tgot %q, %v, want %q", query, got, err, want)
		}
	}
}

// TestCollectFinds checks the collector that the tests above stand on.
func TestCollectFinds(t *testing.T) {
	got, err := collect(map[string]string{"a.go": "package a\nconst columns = `id, ` + \"name\"\n" +
		"const (\n\tone = `SELECT ` + columns + (` FROM t`)\n\ttwo, three = \"DELETE FROM t\", 3\n\tfour = `selection`\n)\n" +
		"const five = \"\\n\\tUPDATE t SET a = 1\"\n"})
	if err != nil {
		t.Fatal(err)
	}
	want := []statement{{"one", "SELECT id, name FROM t"}, {"two", "DELETE FROM t"}, {"five", "\n\tUPDATE t SET a = 1"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(statement{})); diff != "" {
		t.Error(diff)
	}
	for _, stray := range []string{"var q = `SELECT 1`", "func f() { g(`INSERT INTO ` + table) }", "func f() { const q = 1; g(\"DELETE FROM t\") }"} {
		if _, err := collect(map[string]string{"a.go": "package a\n" + stray}); err == nil {
			t.Errorf("%s: got no error, want one", stray)
		}
	}
}
