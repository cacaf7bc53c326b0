package store

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"iotman/iot"
)

var (
	update = flag.Bool("update", false, "rewrite the goldens in testdata")
	seed   = flag.Uint64("seed", 1, "what the model-based tests draw from")
)

// testKey seals what the tests seal.
var testKey = Key{1, 2, 3}

// clock is a clock that goes where a test sends it.
type clock struct{ us atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.us.Store(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) now() time.Time      { return time.UnixMicro(c.us.Load()) }
func (c *clock) add(d time.Duration) { c.us.Add(d.Microseconds()) }

// openStore opens a store in a folder of its own and runs it until the test
// ends.
func openStore(t testing.TB, cfg Config) *Store {
	t.Helper()
	s := openIdle(t, cfg)
	run(t, s)
	return s
}

// openIdle opens a store that does not run.
func openIdle(t testing.TB, cfg Config) *Store {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Key == (Key{}) {
		cfg.Key = testKey
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) { // a test may have closed it
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// run runs the store until the test ends.
func run(t testing.TB, s *Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

var made atomic.Int64 // numbers accounts and names, so that none clashes

func account(t testing.TB, s *Store) iot.Account {
	t.Helper()
	a, err := s.CreateAccount(t.Context(), fmt.Sprintf("a%d@example.com", made.Add(1)), "Ada")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// by returns who changes things in a test.
func by(a iot.Account, op string) By {
	return By{Account: a.ID, Email: a.Email, Client: "client", Operation: op}
}

// workspace makes a workspace that a owns and returns its handle.
func workspace(t testing.TB, s *Store, a iot.Account) *Workspace {
	t.Helper()
	w, err := s.CreateWorkspace(t.Context(), by(a, "workspace_create"), iot.Workspace{
		Name: iot.Name(fmt.Sprintf("Plant %d", made.Add(1))), DefaultRole: iot.Viewer,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.Workspace(w.ID)
}

// plant returns a workspace of a new account.
func plant(t testing.TB, s *Store) *Workspace {
	t.Helper()
	return workspace(t, s, account(t, s))
}

// owned returns By for the workspace's owner.
func owned(t testing.TB, w *Workspace, op string) By {
	t.Helper()
	a, err := w.Owner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := by(a, op)
	b.Workspace = w.id
	return b
}

// change runs f as a change of w and fails the test where it is refused.
func change(t testing.TB, w *Workspace, f func(context.Context, *Tx) error) {
	t.Helper()
	if err := w.s.Change(t.Context(), owned(t, w, "test"), f); err != nil {
		t.Fatal(err)
	}
}

// endpoint adds an HTTP endpoint to w.
func endpoint(t testing.TB, w *Workspace, name iot.Name) (e iot.HTTPEndpoint) {
	t.Helper()
	change(t, w, func(ctx context.Context, tx *Tx) (err error) {
		e, err = tx.CreateHTTPEndpoint(ctx, iot.HTTPEndpoint{
			Name: name, Enabled: true, EndpointSettings: iot.EndpointSettings{Auth: iot.AuthNone},
		})
		return err
	})
	return e
}

// batch returns a batch of events with these payloads.
func batch(source iot.ID, payloads ...string) Batch {
	b := Batch{Source: source}
	for _, p := range payloads {
		b.Events = append(b.Events, NewEvent{Payload: []byte(p), Meta: []byte(`{}`)})
	}
	return b
}

func appendOK(t testing.TB, w *Workspace, b Batch) Receipt {
	t.Helper()
	r, err := w.Append(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.IDs) != len(b.Events) {
		t.Fatalf("append: got %d ids, want one for each of %d events", len(r.IDs), len(b.Events))
	}
	return r
}

// list returns what the query selects.
func list(t testing.TB, w *Workspace, q Query) []iot.Event {
	t.Helper()
	var out []iot.Event
	if err := w.Events(t.Context(), q, func(e iot.Event) bool { out = append(out, e); return true }); err != nil {
		t.Fatal(err)
	}
	return out
}

// payloads returns the payloads of what the query selects.
func payloads(t testing.TB, w *Workspace, q Query) (out []string) {
	t.Helper()
	for _, e := range list(t, w, q) {
		out = append(out, string(e.Payload))
	}
	return out
}

func wantKind(t testing.TB, err error, want iot.Kind) {
	t.Helper()
	if err == nil || iot.KindOf(err) != want {
		t.Errorf("got error %v, want one of kind %s", err, want.Slug())
	}
}

func wantSame(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// count returns the one number that a query finds, past the store.
func count(t testing.TB, s *Store, query string, args ...any) (n int) {
	t.Helper()
	if err := s.readers.db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// raw runs a statement on the writer's connection, past the store.
func raw(t testing.TB, s *Store, query string, args ...any) {
	t.Helper()
	s.writer.mu.Lock()
	defer s.writer.mu.Unlock()
	if _, err := s.writer.conn.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// files returns the contents of the folder's files but for the lock.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if n.Name() == "lock" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, n.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[n.Name()] = string(b)
	}
	return out
}

// allocated returns how many bytes f allocates, and the rest of the program
// meanwhile.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
