package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"iotman/iot"
)

// reject keeps a refusal of the source and returns its id.
func reject(t *testing.T, w *Workspace, source iot.ID, at iot.Time) iot.ID {
	t.Helper()
	r := iot.Reject{EventID: NewID(), SourceID: source, ReceivedAt: at, Code: "invalid", Reason: "r", Payload: "p"}
	if err := w.AddReject(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r.EventID
}

func rejects(t *testing.T, w *Workspace, source iot.ID) (ids []iot.ID) {
	t.Helper()
	got, err := w.Rejects(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		ids = append(ids, r.EventID)
	}
	return ids
}

func TestRejectsAreARing(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	w, other := plant(t, s), plant(t, s)
	a, b := NewID(), NewID()
	var want []iot.ID // newest first
	for i := range 2*RejectsKept + 7 {
		now.add(time.Duration(i%5) * time.Second) // some at the same moment
		want = slices.Insert(want, 0, reject(t, w, a, s.Now()))
		wantIDs(t, fmt.Sprintf("after %d", i+1), rejects(t, w, a), want[:min(i+1, RejectsKept)])
	}
	one, two := reject(t, w, b, s.Now()), reject(t, other, a, s.Now())
	wantIDs(t, "another source", rejects(t, w, b), []iot.ID{one})
	wantIDs(t, "another workspace", rejects(t, other, a), []iot.ID{two})
	wantIDs(t, "the first source", rejects(t, w, a), want[:RejectsKept])
	if n := count(t, s, `SELECT COUNT(*) FROM rejects`); n != RejectsKept+2 {
		t.Errorf("got %d rows, want %d", n, RejectsKept+2)
	}
}

// TestRejectsUnderABackwardClockI10: what comes later is newer, whatever the
// clock of its request said.
func TestRejectsUnderABackwardClockI10(t *testing.T) {
	s := openIdle(t, Config{})
	w, a := plant(t, s), NewID()
	at := s.Now()
	var want []iot.ID
	for i := range RejectsKept + 20 {
		id := reject(t, w, a, iot.Time{Time: at.Add(-time.Duration(i) * time.Second)})
		want = slices.Insert(want, 0, id)
	}
	wantIDs(t, "received ever earlier", rejects(t, w, a), want[:RejectsKept])
}

func TestRejectIsKeptWhole(t *testing.T) {
	s := openIdle(t, Config{})
	w := plant(t, s)
	want := iot.Reject{EventID: NewID(), SourceID: NewID(), ReceivedAt: s.Now(), Code: "unprocessable", Reason: "at /t: a number", Payload: `{"t":"ü"`}
	if err := w.AddReject(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Rejects(t.Context(), want.SourceID); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}
