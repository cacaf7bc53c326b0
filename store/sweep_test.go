package store

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// retain sets how many days the workspace keeps its events.
func retain(t *testing.T, w *Workspace, days int) {
	t.Helper()
	change(t, w, func(ctx context.Context, tx *Tx) error {
		ws, err := tx.Get(ctx)
		if err != nil {
			return err
		}
		ws.Settings.RetentionDays = days
		_, err = tx.UpdateWorkspace(ctx, ws)
		return err
	})
}

const day = 24 * time.Hour

func TestRetention(t *testing.T) {
	now := newClock()
	s := openStore(t, Config{Now: now.now})
	week, always, wiser := plant(t, s), plant(t, s), plant(t, s)
	retain(t, week, 7)
	retain(t, wiser, 1)
	retain(t, wiser, 0)
	source := NewID()
	for i := range 10 { // one a day
		for _, w := range []*Workspace{week, always, wiser} {
			appendOK(t, w, batch(source, fmt.Sprint(i)))
		}
		now.add(day)
	}
	all := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	for range 2 {
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantSame(t, "kept a week", payloads(t, week, Query{}), all[3:])
		wantSame(t, "kept", payloads(t, always, Query{}), all)
		wantSame(t, "kept again", payloads(t, wiser, Query{}), all)
	}
	entries, err := week.Audit(t.Context(), "", 10)
	if err != nil || len(entries) == 0 || entries[0].Operation != "retention" || entries[0].AccountID != "" || len(entries[0].Changes) != 1 ||
		string(entries[0].Changes[0].Before) != `{"events":3,"from_seq":1,"to_seq":4}` {
		t.Errorf("the audit log begins with %+v, %v, want the 3 events that went, and how far was looked", entries[0], err)
	}
	now.add(-10 * day) // I10: a clock that went back expires nothing
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSame(t, "kept a week", payloads(t, week, Query{}), all[3:])
	now.add(100 * day)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSame(t, "kept a week, later", payloads(t, week, Query{}), nil)
	if r := appendOK(t, week, batch(source, "new")); r.Head != 11 {
		t.Errorf("got head %d, want 11: the sequence keeps its numbers", r.Head)
	}
}

// TestRetentionOfOneFails: a damaged log is no reason to keep the others'.
func TestRetentionOfOneFails(t *testing.T) {
	now := newClock()
	s := openStore(t, Config{Now: now.now})
	var all []*Workspace
	for range 3 {
		w := plant(t, s)
		retain(t, w, 1)
		appendOK(t, w, batch(NewID(), "1"))
		all = append(all, w)
	}
	raw(t, s, `UPDATE event_blocks SET events = x'ff' WHERE workspace_id = ?`, all[0].id)
	now.add(2 * day)
	if err := s.Sweep(t.Context()); err == nil {
		t.Error("got no error, want one that names the damaged log")
	}
	for _, w := range all[1:] {
		wantSame(t, "past its time", payloads(t, w, Query{}), nil)
	}
}

// TestRunSweeps uses a clock of its own: it sweeps at once and every minute.
func TestRunSweeps(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := openIdle(t, Config{Dir: dir})
		quarantine := func() {
			raw(t, s, `INSERT INTO quarantined_slugs (slug, free_at) VALUES ('s', ?)`, time.Now().Add(-time.Second).UnixMicro())
		}
		left := func() int { return count(t, s, `SELECT COUNT(*) FROM quarantined_slugs`) }
		quarantine()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.RunSweeps(ctx) }()
		time.Sleep(time.Second)
		if left() != 0 {
			t.Error("nothing was swept at the start")
		}
		quarantine()
		time.Sleep(SweepEvery - 2*time.Second)
		if left() != 1 {
			t.Error("it was swept before the minute was over")
		}
		time.Sleep(2 * time.Second)
		if left() != 0 {
			t.Error("nothing was swept after a minute")
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("got error %v, want none at the end", err)
		}
	})
}

// TestWatch: another process's change is noticed, and one's own events are no
// change.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, Config{Dir: dir})
		other := openIdle(t, Config{Dir: dir})
		w := plant(t, s)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Watch(ctx) }()
		time.Sleep(2 * watchEvery)
		last := s.Generation()
		for range 3 {
			appendOK(t, w, batch(NewID(), "1"))
			time.Sleep(2 * watchEvery)
		}
		if got := s.Generation(); got != last {
			t.Errorf("got generation %d after %d and three events of its own, want no change", got, last)
		}
		endpoint(t, other.Workspace(w.id), "E")
		time.Sleep(2 * watchEvery)
		if got := s.Generation(); got <= last {
			t.Errorf("got generation %d after another's change, want more than %d", got, last)
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("got error %v, want none at the end", err)
		}
	})
}

// TestSweepResumes: stopped half-way, a sweep goes on where it was.
func TestSweepResumes(t *testing.T) {
	s := openStore(t, Config{})
	a := account(t, s)
	workspace(t, s, a)
	w := workspace(t, s, a)
	for range 3 {
		appendOK(t, w, batch(NewID(), "1"))
	}
	deleteIt(t, w)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Sweep(ctx); err == nil {
		t.Error("got no error from a sweep that was stopped, want one")
	}
	if n := rowsOf(t, w)["deleted_workspaces"]; n != 1 {
		t.Errorf("got %d notes that the workspace is to be removed, want 1", n)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for table, n := range rowsOf(t, w) {
		if n != 0 {
			t.Errorf("got %d rows in %s, want 0", n, table)
		}
	}
}

// TestSweepGrants: a grant goes with its last token, and not before.
func TestSweepGrants(t *testing.T) {
	c := newClock()
	s := openIdle(t, Config{Now: c.now})
	w := plant(t, s)
	for _, life := range []time.Duration{time.Minute, time.Hour} {
		if err := w.IssueToken(t.Context(), Grant{ID: NewID()}, NewID(), c.now().Add(life)); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{time.Second, 2}, {2 * time.Minute, 1}, {time.Hour, 0}} {
		c.add(step.pass)
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := count(t, s, `SELECT COUNT(*) FROM grants`); got != step.want {
			t.Errorf("after %s: got %d grants, want %d", step.pass, got, step.want)
		}
	}
}
