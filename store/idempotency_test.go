package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iotman/iot"
)

// request names a batch, as Idempotency-Key does.
func request(b Batch, key string, digest byte) Batch {
	b.Key, b.Digest = key, [32]byte{digest}
	return b
}

// cloud returns a batch of named events, each written "key=payload", or just
// the payload of one without a name.
func cloud(source iot.ID, events ...string) Batch {
	b := Batch{Source: source}
	for _, e := range events {
		key, payload, named := strings.Cut(e, "=")
		if !named {
			key, payload = "", e
		}
		b.Events = append(b.Events, NewEvent{Payload: []byte(payload), Meta: []byte(`{}`), Key: key})
	}
	return b
}

// stored returns what an append that stores nothing must not change.
func stored(t *testing.T, w *Workspace) string {
	t.Helper()
	head, err := w.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(head, payloads(t, w, Query{}), count(t, w.s, `SELECT COUNT(*) FROM idempotency`), count(t, w.s, `SELECT COUNT(*) FROM event_blocks`))
}

func wantIDs(t *testing.T, what string, got, want []iot.ID) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got the ids %v, want %v", what, got, want)
	}
}

func TestRepeatedRequestC9(t *testing.T) {
	now := newClock()
	s := openStore(t, Config{Now: now.now})
	w, other := plant(t, s), plant(t, s)
	a, b := NewID(), NewID()
	first := appendOK(t, w, request(batch(a, "1", "2"), "k", 1))
	empty := appendOK(t, w, request(batch(a), "none", 1))
	was := stored(t, w)
	for _, after := range []time.Duration{0, time.Hour, -2 * time.Hour, KeyLife} { // up to a microsecond before its end
		now.add(after)
		wantIDs(t, "again", appendOK(t, w, request(batch(a, "1", "2"), "k", 1)).IDs, first.IDs)
		wantIDs(t, "again, empty", appendOK(t, w, request(batch(a), "none", 1)).IDs, empty.IDs)
		_, err := w.Append(t.Context(), request(batch(a, "1", "3"), "k", 2))
		wantKind(t, err, iot.Conflict)
		if got := stored(t, w); got != was {
			t.Errorf("got %s, want %s as before", got, was)
		}
	}
	// The name is this source's, in this workspace, and no event's.
	for _, fresh := range []struct {
		w *Workspace
		b Batch
	}{
		{w, request(batch(b, "1", "2"), "k", 2)}, {other, request(batch(a, "1", "2"), "k", 2)}, {w, cloud(a, "k=x")},
		{w, request(batch(a, "1", "2"), "K", 2)}, {w, batch(a, "1", "2")}, {w, batch(a, "1", "2")},
	} {
		if r := appendOK(t, fresh.w, fresh.b); slices.Contains(r.IDs, first.IDs[0]) {
			t.Errorf("%+v: got the ids %v of another request", fresh.b, r.IDs)
		}
	}
}

func TestNamesExpireC9(t *testing.T) {
	now := newClock()
	s := openStore(t, Config{Now: now.now})
	w, a := plant(t, s), NewID()
	first := appendOK(t, w, request(cloud(a, "e=1"), "k", 1))
	now.add(KeyLife - time.Microsecond)
	wantIDs(t, "a microsecond before", appendOK(t, w, request(cloud(a, "e=1"), "k", 1)).IDs, first.IDs)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, "a microsecond before, swept", appendOK(t, w, cloud(a, "e=1")).IDs, first.IDs)
	now.add(time.Microsecond)
	second := appendOK(t, w, request(cloud(a, "e=2"), "k", 2))
	wantSame(t, "the log", payloads(t, w, Query{}), []string{"1", "2"})
	wantIDs(t, "named anew", appendOK(t, w, request(cloud(a, "e=2"), "k", 2)).IDs, second.IDs)
	now.add(2 * KeyLife)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT COUNT(*) FROM idempotency`); n != 0 {
		t.Errorf("got %d names after their time and a sweep, want 0", n)
	}
}

func TestNamedEventsC9(t *testing.T) {
	s := openStore(t, Config{})
	w, a := plant(t, s), NewID()
	first := appendOK(t, w, cloud(a, "x=1", "-", "y=2", "x=1"))
	wantIDs(t, "twice in one batch", first.IDs[3:], first.IDs[:1])
	wantSame(t, "the log", payloads(t, w, Query{}), []string{"1", "-", "2"})
	was := stored(t, w)
	wantIDs(t, "all known", appendOK(t, w, cloud(a, "y=2", "x=1", "y=2")).IDs, []iot.ID{first.IDs[2], first.IDs[0], first.IDs[2]})
	for _, clash := range []Batch{
		cloud(a, "x=other"),
		cloud(a, "new=1", "x=other"),
		cloud(a, "new=1", "new=2"),
		request(cloud(a, "new=1", "x=other"), "k", 1),
	} {
		_, err := w.Append(t.Context(), clash)
		wantKind(t, err, iot.Conflict)
	}
	if got := stored(t, w); got != was {
		t.Errorf("got %s, want %s as before", got, was)
	}
	// What was refused left its names free.
	mixed := appendOK(t, w, request(cloud(a, "new=3", "x=1", "--"), "k", 2))
	wantIDs(t, "the known one of three", mixed.IDs[1:2], first.IDs[:1])
	wantSame(t, "the log", payloads(t, w, Query{}), []string{"1", "-", "2", "3", "--"})
	if mixed.Head != 5 {
		t.Errorf("got head %d, want 5", mixed.Head)
	}
	appendOK(t, w, cloud(NewID(), "x=another source's"))
	for _, id := range slices.Concat(first.IDs, mixed.IDs) {
		if _, err := w.Event(t.Context(), id); err != nil {
			t.Errorf("event %s: %v", id, err)
		}
	}
}

// TestNamesInOneGroupC9: what waits together in one commit sees each other.
func TestNamesInOneGroupC9(t *testing.T) {
	s := openIdle(t, Config{})
	w, a := plant(t, s), NewID()
	var group []*pending
	for _, b := range []Batch{
		request(batch(a, "1"), "k", 1), request(batch(a, "1"), "k", 1), request(batch(a, "2"), "k", 2),
		cloud(a, "x=3"), cloud(a, "4", "x=other"), cloud(a, "5", "x=3"),
	} {
		group = append(group, &pending{workspace: w.id, batch: b, done: make(chan struct{})})
	}
	s.commit(group)
	for i, refused := range []bool{false, false, true, false, true, false} {
		<-group[i].done
		if err := group[i].err; refused {
			wantKind(t, err, iot.Conflict)
		} else if err != nil {
			t.Errorf("batch %d: %v", i, err)
		}
	}
	wantIDs(t, "the repeated request", group[1].receipt.IDs, group[0].receipt.IDs)
	wantIDs(t, "the repeated event", group[5].receipt.IDs[1:], group[3].receipt.IDs)
	wantSame(t, "the log", payloads(t, w, Query{}), []string{"1", "3", "5"})
}

// TestTwoNodesC10 lets two processes, here two stores, receive the same at
// once: a request with a name, and a request without one whose event has one.
func TestTwoNodesC10(t *testing.T) {
	one := openStore(t, Config{})
	two := openStore(t, Config{Dir: one.dir})
	a := NewID()
	for name, b := range map[string]Batch{"request": request(batch(a, "1"), "k", 1), "event": cloud(a, "x=1")} {
		w := plant(t, one)
		var mu sync.Mutex
		ids := map[iot.ID]bool{}
		var wg sync.WaitGroup
		for i := range 20 {
			w := []*Workspace{w, two.Workspace(w.id)}[i%2]
			wg.Go(func() {
				r, err := w.Append(t.Context(), b)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				ids[r.IDs[0]] = true
			})
		}
		wg.Wait()
		if got := payloads(t, w, Query{}); len(ids) != 1 || len(got) != 1 {
			t.Errorf("one %s: got %d ids and the log %q, want one event", name, len(ids), got)
		}
	}
}

// TestCutClientC13 cuts a client off after it has sent, and lets it repeat.
func TestCutClientC13(t *testing.T) {
	s := openIdle(t, Config{})
	w, a := plant(t, s), NewID()
	ctx, cut := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := w.Append(ctx, request(batch(a, "1"), "k", 1))
		done <- err
	}()
	for len(s.appends) == 0 {
		runtime.Gosched()
	}
	cut()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	run(t, s)
	r := appendOK(t, w, request(batch(a, "1"), "k", 1))
	wantSame(t, "the log", payloads(t, w, Query{}), []string{"1"})
	if _, err := w.Event(t.Context(), r.IDs[0]); err != nil {
		t.Error(err)
	}
}
