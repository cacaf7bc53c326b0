package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"iotman/iot"
)

// configuration returns what a refused change must leave as it was: every
// table but the log's.
func configuration(t *testing.T, s *Store) (out string) {
	t.Helper()
	for _, table := range tables(t, s) {
		out += fmt.Sprintf("%s %d\n", table, count(t, s, `SELECT COUNT(*) FROM `+table))
	}
	return out + fmt.Sprint(count(t, s, `SELECT COALESCE(SUM(version), 0) FROM workspaces`), s.Generation())
}

// everything makes one change of each kind.
func everything(ctx context.Context, tx *Tx) error {
	e, err := tx.CreateHTTPEndpoint(ctx, iot.HTTPEndpoint{Name: "Half-made", EndpointSettings: iot.EndpointSettings{Auth: iot.AuthNone}})
	if err != nil {
		return err
	}
	ws, err := tx.Get(ctx)
	if err != nil {
		return err
	}
	ws.Slug += "-moved"
	if _, err := tx.UpdateWorkspace(ctx, ws); err != nil {
		return err
	}
	return errors.Join(tx.SetBasicPassword(ctx, e.ID, []byte("hunter2")), tx.AddMember(ctx, NewID(), iot.Viewer))
}

// TestRefusedChangeLeavesNothing breaks a change at its end, in every way.
func TestRefusedChangeLeavesNothing(t *testing.T) {
	s := openIdle(t, Config{})
	w := plant(t, s)
	was := configuration(t, s)
	refused := errors.New("refused")
	failing := func(table string) func(*testing.T) error {
		return func(t *testing.T) error {
			raw(t, s, `ALTER TABLE `+table+` RENAME TO hidden`)
			defer raw(t, s, `ALTER TABLE hidden RENAME TO `+table)
			return s.Change(t.Context(), owned(t, w, "test"), everything)
		}
	}
	for name, attempt := range map[string]func(*testing.T) error{
		"the operation fails": func(t *testing.T) error {
			return s.Change(t.Context(), owned(t, w, "test"), func(ctx context.Context, tx *Tx) error {
				return errors.Join(everything(ctx, tx), refused)
			})
		},
		"the operation panics": func(t *testing.T) (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			return s.Change(t.Context(), owned(t, w, "test"), func(ctx context.Context, tx *Tx) error {
				panic(errors.Join(everything(ctx, tx), refused))
			})
		},
		"the version row fails": failing("versions"),
		"the audit row fails":   failing("audit"),
	} {
		t.Run(name, func(t *testing.T) {
			if err := attempt(t); err == nil {
				t.Error("got no error, want one")
			}
			if diff := cmp.Diff(was, configuration(t, s)); diff != "" {
				t.Error(diff)
			}
		})
	}
	change(t, w, everything) // and now it goes
	if configuration(t, s) == was {
		t.Error("an accepted change changed nothing: this test sees nothing")
	}
}

// TestChangeIsOneCommit reads on other connections while changes are made: an
// entity, the version and the audit row come together.
func TestChangeIsOneCommit(t *testing.T) {
	s := openIdle(t, Config{})
	w := plant(t, s)
	const changes = 60
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				var version, newest, audited, endpoints int
				err := s.readers.db.QueryRowContext(t.Context(), `SELECT version, (SELECT MAX(version) FROM versions WHERE workspace_id = w.id),
					(SELECT COUNT(*) FROM audit WHERE workspace_id = w.id), (SELECT COUNT(*) FROM http_endpoints WHERE workspace_id = w.id)
					FROM workspaces w WHERE id = ?`, w.id).Scan(&version, &newest, &audited, &endpoints)
				if err != nil || newest != version || audited != version || endpoints != version-1 {
					t.Errorf("got version %d, its row %d, %d audit rows, %d endpoints, %v, want them to agree", version, newest, audited, endpoints, err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	var writers sync.WaitGroup
	for i := range 3 {
		writers.Go(func() {
			for j := range changes / 3 {
				endpoint(t, w, iot.Name(fmt.Sprintf("E %d %d", i, j)))
			}
		})
	}
	writers.Wait()
	close(stop)
	wg.Wait()
	ws, err := w.Get(t.Context())
	if err != nil || ws.Version != 1+changes {
		t.Errorf("got version %d, %v after %d changes of version 1", ws.Version, err, changes)
	}
}

func TestChangeOfNothingIsAnError(t *testing.T) {
	s := openIdle(t, Config{})
	w := plant(t, s)
	was := configuration(t, s)
	err := s.Change(t.Context(), owned(t, w, "workspace_update"), func(context.Context, *Tx) error { return nil })
	wantKind(t, err, iot.Internal)
	b := owned(t, w, "test")
	b.Workspace = NewID()
	wantKind(t, s.Change(t.Context(), b, everything), iot.NotFound)
	if diff := cmp.Diff(was, configuration(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestGenerationRises(t *testing.T) {
	s := openIdle(t, Config{})
	w := plant(t, s)
	last := s.Generation()
	rises := func(what string) {
		t.Helper()
		if now := s.Generation(); now <= last {
			t.Errorf("%s: got generation %d after %d, want it to rise", what, now, last)
		} else {
			last = now
		}
	}
	endpoint(t, w, "E")
	rises("a change")
	plant(t, s)
	rises("a new workspace")
	if err := w.RevokeGrant(t.Context(), NewID()); err != nil {
		t.Fatal(err)
	}
	rises("a revocation")
	if err := s.Change(t.Context(), owned(t, w, "test"), func(context.Context, *Tx) error { return errors.New("refused") }); err == nil {
		t.Error("got no error, want one")
	}
	if s.Generation() != last {
		t.Error("a refused change raised the generation")
	}
}

func TestCheckVersion(t *testing.T) {
	current := iot.Workspace{Name: "as it is"}
	for _, want := range []int64{0, 7} {
		if err := CheckVersion(want, 7, current); err != nil {
			t.Errorf("%d against 7: %v", want, err)
		}
	}
	for _, want := range []int64{6, 8, -1} {
		err := CheckVersion(want, 7, current)
		wantKind(t, err, iot.Stale)
		if e, ok := errors.AsType[*iot.Error](err); !ok || e.Current != any(current) || e.Field != "version" {
			t.Errorf("%d against 7: got %+v, want the current state in it", want, err)
		}
	}
}

func TestAuditLog(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	w, other := plant(t, s), plant(t, s)
	e := endpoint(t, w, "Line 3")
	endpoint(t, other, "Theirs")
	b := owned(t, w, "http_endpoint_delete")
	if err := s.Change(t.Context(), b, func(ctx context.Context, tx *Tx) error { return tx.DeleteHTTPEndpoint(ctx, e.ID) }); err != nil {
		t.Fatal(err)
	}
	b.Operation = "attempt"
	if err := s.Audit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf(`{"id":%q,"name":"Line 3","slug":"line-3","url_path":"line-3","url":"","enabled":true,"version":2,`+
		`"created_at":"2026-11-22T10:00:00.000000Z","updated_at":"2026-11-22T10:00:00.000000Z","auth":"none"}`, e.ID)
	got, err := w.Audit(t.Context(), "", 3)
	if err != nil {
		t.Fatal(err)
	}
	want := []iot.AuditEntry{
		{Operation: "attempt", Changes: []iot.Change{}},
		{Operation: "http_endpoint_delete", Version: 3, Changes: []iot.Change{{Entity: "http_endpoint", ID: e.ID, Before: []byte(shown)}}},
		{Operation: "test", Version: 2, Changes: []iot.Change{{Entity: "http_endpoint", ID: e.ID, After: []byte(shown)}}},
	}
	for i := range want {
		want[i].AccountID, want[i].Email, want[i].ClientID, want[i].At = b.Account, b.Email, b.Client, s.Now()
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(iot.AuditEntry{}, "ID")); diff != "" {
		t.Fatal(diff)
	}
	older, err := w.Audit(t.Context(), got[2].ID, 100)
	if err != nil || len(older) != 1 || older[0].Operation != "workspace_create" || older[0].Version != 1 {
		t.Errorf("the page after: got %+v, %v, want the workspace's creation", older, err)
	}
}
