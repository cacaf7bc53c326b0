package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"iotman/iot"
)

// wait queues batches of w as Append does, for a store that does not run yet.
func wait(s *Store, w *Workspace, batches ...Batch) (group []*pending) {
	for _, b := range batches {
		p := &pending{workspace: w.id, batch: b, done: make(chan struct{})}
		s.appends <- p
		group = append(group, p)
	}
	return group
}

// TestGroupCommit: many that wait for the writer become one commit, one row a
// workspace.
func TestGroupCommit(t *testing.T) {
	s := openIdle(t, Config{})
	one, two := plant(t, s), plant(t, s)
	var group []*pending
	for i := range 400 {
		w := []*Workspace{one, two}[i%2]
		group = append(group, wait(s, w, batch(NewID(), fmt.Sprint(i)))...)
	}
	run(t, s)
	for i, p := range group {
		if <-p.done; p.err != nil || len(p.receipt.IDs) != 1 || p.receipt.Head != 200 {
			t.Errorf("batch %d: got %+v, %v, want one id and head 200", i, p.receipt, p.err)
		}
	}
	if n := count(t, s, `SELECT COUNT(*) FROM event_blocks`); n != 2 {
		t.Errorf("got %d blocks for 400 batches in 2 workspaces, want 2", n)
	}
	if got := payloads(t, two, Query{}); len(got) != 200 || got[0] != "1" || got[199] != "399" {
		t.Errorf("got %d events, want 200 in the order in which they waited", len(got))
	}
}

// TestGroupIsBounded: a commit takes no more than its bounds and one batch.
func TestGroupIsBounded(t *testing.T) {
	s := openIdle(t, Config{})
	w := s.Workspace(NewID())
	big := batch(NewID(), strings.Repeat("x", maxGroupBytes/4))
	wait(s, w, big, big, big, big, big, big)
	if n := len(s.gather(<-s.appends)); n != 4 {
		t.Errorf("got a group of %d great payloads, want 4", n)
	}
	for range 2 {
		<-s.appends
	}
	many := Batch{Events: make([]NewEvent, maxGroupEvents/2)}
	wait(s, w, many, many, many)
	if n := len(s.gather(<-s.appends)); n != 2 {
		t.Errorf("got a group of %d batches of many events, want 2", n)
	}
}

// TestOneOfAGroupRefused: who is refused does not spoil it for the others.
func TestOneOfAGroupRefused(t *testing.T) {
	s := openIdle(t, Config{})
	a := account(t, s)
	stays, goes := workspace(t, s, a), workspace(t, s, a)
	deleteIt(t, goes)
	never := s.Workspace(NewID())
	group := append(wait(s, stays, batch(NewID(), "1")), wait(s, goes, batch(NewID(), "2"))...)
	group = append(append(group, wait(s, never, batch(NewID(), "3"))...), wait(s, stays, batch(NewID(), "4"))...)
	run(t, s)
	for i, p := range group {
		<-p.done
		if i == 1 || i == 2 {
			wantKind(t, p.err, iot.NotFound)
		} else if p.err != nil {
			t.Errorf("batch %d: %v", i, p.err)
		}
	}
	wantSame(t, "the log", payloads(t, stays, Query{}), []string{"1", "4"})
	if n := count(t, s, `SELECT COUNT(*) FROM event_blocks`); n != 1 {
		t.Errorf("got %d blocks, want 1", n)
	}
}

// deleteIt deletes the workspace.
func deleteIt(t testing.TB, w *Workspace) {
	t.Helper()
	change(t, w, func(ctx context.Context, tx *Tx) error { return tx.DeleteWorkspace(ctx) })
}

// TestCommitFails: where the commit fails, everyone in it hears so and nothing
// is left of it.
func TestCommitFails(t *testing.T) {
	s := openIdle(t, Config{})
	w := plant(t, s)
	raw(t, s, `ALTER TABLE event_blocks RENAME TO hidden`)
	group := wait(s, w, request(cloud(NewID(), "a=1"), "k", 1), batch(NewID(), "2"))
	run(t, s)
	for _, p := range group {
		<-p.done
		wantKind(t, p.err, iot.Internal)
		if len(p.receipt.IDs) > 0 {
			t.Errorf("got %+v, want no receipt", p.receipt)
		}
	}
	raw(t, s, `ALTER TABLE hidden RENAME TO event_blocks`)
	if got, want := stored(t, w), "0 [] 0 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if r := appendOK(t, w, batch(NewID(), "3")); r.Head != 1 {
		t.Errorf("got head %d afterwards, want 1", r.Head)
	}
}

// TestDiskFullI4 fills the disk, as far as SQLite can tell.
func TestDiskFullI4(t *testing.T) {
	s := openStore(t, Config{})
	w := plant(t, s)
	appendOK(t, w, batch(NewID(), "before"))
	raw(t, s, fmt.Sprintf(`PRAGMA max_page_count = %d`, count(t, s, `SELECT page_count FROM pragma_page_count()`)+4))
	_, err := w.Append(t.Context(), batch(NewID(), strings.Repeat("x", 100_000)))
	wantKind(t, err, iot.Full)
	err = s.Change(t.Context(), owned(t, w, "test"), func(ctx context.Context, tx *Tx) error {
		_, err := tx.CreateHTTPEndpoint(ctx, iot.HTTPEndpoint{Name: "Great", EndpointSettings: iot.EndpointSettings{
			Auth: iot.AuthNone, Schema: []byte(`{"title":"` + strings.Repeat("x", 60_000) + `"}`),
		}})
		return err
	})
	wantKind(t, err, iot.Full)
	wantSame(t, "the log", payloads(t, w, Query{}), []string{"before"})
	raw(t, s, `PRAGMA max_page_count = 1073741823`)
	appendOK(t, w, batch(NewID(), "after"))
	wantSame(t, "the log", payloads(t, w, Query{}), []string{"before", "after"})
}

// TestStopI8: what was taken is committed, what comes later is told at once.
func TestStopI8(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for range 8 { // whatever Run looks at first
		s := openIdle(t, Config{})
		w := plant(t, s)
		group := wait(s, w, batch(NewID(), "1"), batch(NewID(), "2"))
		if err := s.Run(ended); err != nil {
			t.Fatal(err)
		}
		for _, p := range group {
			select {
			case <-p.done:
			default:
				t.Fatal("Run has ended, and one that it had taken has no answer")
			}
			if p.err != nil {
				t.Errorf("taken before the stop: %v", p.err)
			}
		}
		_, err := w.Append(t.Context(), batch(NewID(), "3"))
		wantKind(t, err, iot.Unavailable)
		wantSame(t, "the log", payloads(t, w, Query{}), []string{"1", "2"})
	}
}

// TestGreatEvents: a block holds more than its bound only where one event does.
func TestGreatEvents(t *testing.T) {
	s := openStore(t, Config{})
	w := plant(t, s)
	third := strings.Repeat("x", maxBlockBytes/3)
	appendOK(t, w, batch(NewID(), third, third, third, third, strings.Repeat("y", 2*maxBlockBytes), "z"))
	if n := count(t, s, `SELECT COUNT(*) FROM event_blocks`); n != 4 {
		t.Errorf("got %d blocks, want 4: three thirds, one third, the great one, the last", n)
	}
	if got := payloads(t, w, Query{}); len(got) != 6 || len(got[4]) != 2*maxBlockBytes || got[5] != "z" {
		t.Errorf("got %d events, want the 6", len(got))
	}
}
