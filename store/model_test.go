package store

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"iotman/iot"
)

// model is a workspace's log as a plain slice, in sequence, beside the real
// one. It learns from the receipts.
type model struct {
	w       *Workspace
	sources []iot.ID
	mu      sync.Mutex
	events  []iot.Event
	added   int64 // events ever
	head    int64
}

func newModel(t testing.TB, s *Store) *model {
	m := &model{w: plant(t, s)}
	for i := range 3 {
		m.sources = append(m.sources, endpoint(t, m.w, iot.Name(fmt.Sprintf("Source %d", i))).ID)
	}
	return m
}

// append adds n events of one source to the log and to the model.
func (m *model) append(t testing.TB, r *rand.Rand, n int) {
	b := Batch{Source: m.sources[r.IntN(len(m.sources))]}
	for range n {
		e := NewEvent{Payload: fmt.Appendf(nil, `{"n":%d}`, made.Add(1)), Meta: fmt.Appendf(nil, `{"source_ip":"192.0.2.%d"}`, r.IntN(3))}
		if r.IntN(2) == 0 {
			e.Tags = []byte(`{"odd":true}`)
		}
		if r.IntN(3) == 0 {
			e.OccurredAt = iot.Micros(r.Int64N(4e15) - 1e15)
		}
		b.Events = append(b.Events, e)
	}
	receipt, err := m.w.Append(t.Context(), b)
	if err != nil || len(receipt.IDs) != n {
		t.Errorf("append: got %d ids, %v, want %d", len(receipt.IDs), err, n)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, id := range receipt.IDs {
		e := b.Events[i]
		seq, _ := seqOf(id)
		got := iot.Event{ID: id, Seq: seq, ReceivedAt: timeOf(t, id), OccurredAt: e.OccurredAt, SourceID: b.Source, Payload: e.Payload, Tags: e.Tags, Meta: e.Meta}
		if e.OccurredAt.IsZero() {
			got.OccurredAt = got.ReceivedAt
		}
		if e.Tags == nil {
			got.Tags = []byte(`{}`)
		}
		m.events = append(m.events, got)
		m.head = max(m.head, seq)
	}
	m.added += int64(n)
	if receipt.Head < m.events[len(m.events)-1].Seq {
		t.Errorf("append: got head %d, want at least its own last event, %d", receipt.Head, m.events[len(m.events)-1].Seq)
	}
}

// timeOf returns the microsecond in an event's id.
func timeOf(t testing.TB, id iot.ID) iot.Time {
	t.Helper()
	u, err := uuid.Parse(string(id))
	if err != nil {
		t.Fatal(err)
	}
	return iot.Micros(millis(u)*1000 + int64(binary.BigEndian.Uint16(u[6:8])&0xfff>>2))
}

// settle puts what was appended concurrently in sequence, and checks that the
// sequence is gapless and received_at never falls.
func (m *model) settle(t *testing.T) {
	t.Helper()
	slices.SortFunc(m.events, func(a, b iot.Event) int { return int(a.Seq - b.Seq) })
	if m.head != m.added {
		t.Fatalf("got head %d after %d events, want no gap", m.head, m.added)
	}
	for i := 1; i < len(m.events); i++ {
		a, b := m.events[i-1], m.events[i]
		if a.Seq == b.Seq {
			t.Fatalf("seq %d was given twice", b.Seq)
		}
		if b.ReceivedAt.Before(a.ReceivedAt.Time) || b.ID <= a.ID {
			t.Fatalf("I10: seq %d was received at %s under %s, and seq %d at %s under %s", a.Seq, a.ReceivedAt, a.ID, b.Seq, b.ReceivedAt, b.ID)
		}
	}
}

// selects reports whether the query selects the event: what Query says, and
// nothing else.
func selects(q Query, e iot.Event) bool {
	return (q.Source == "" || e.SourceID == q.Source) && e.Seq > q.After && (q.Before == 0 || e.Seq < q.Before) &&
		(q.From.IsZero() || !e.ReceivedAt.Before(q.From.Time)) && (q.To.IsZero() || e.ReceivedAt.Before(q.To.Time))
}

// query returns a query with the parts that the bits of which name. Two bounds
// mostly leave a short range between them.
func (m *model) query(r *rand.Rand, which int) (q Query) {
	if which&1 != 0 {
		if q.Source = NewID(); r.IntN(10) > 0 {
			q.Source = m.sources[r.IntN(len(m.sources))]
		}
	}
	first, last := m.span(r)
	if which&2 != 0 {
		q.From = around(r, first.ReceivedAt)
	}
	if which&4 != 0 {
		q.To = around(r, last.ReceivedAt)
	}
	if r.IntN(4) == 0 { // bounds of time and of sequence that do not agree
		first, last = m.span(r)
	}
	if which&8 != 0 {
		q.After = max(0, first.Seq-r.Int64N(3))
	}
	if which&16 != 0 {
		q.Before = max(1, last.Seq+r.Int64N(3))
	}
	q.Descending = which&32 != 0
	return q
}

// span returns two events of the log, mostly the first before the last.
func (m *model) span(r *rand.Rand) (first, last iot.Event) {
	n := len(m.events)
	if n == 0 {
		return first, last
	}
	i := r.IntN(n)
	j := min(n-1, i+r.IntN(1+r.IntN(2*pageSize)))
	if r.IntN(10) == 0 {
		i, j = r.IntN(n), r.IntN(n)
	}
	return m.events[i], m.events[j]
}

// around returns a time at t, a microsecond beside it, or far from it.
func around(r *rand.Rand, t iot.Time) iot.Time {
	switch r.IntN(20) {
	case 0:
		return iot.Micros(1)
	case 1:
		return iot.Micros(1 << 52)
	default:
		return iot.Time{Time: t.Add(time.Duration(r.IntN(3)-1) * time.Microsecond)}
	}
}

// check compares the real log with the model: all of it, then by queries of
// every kind, half of them stopped early.
func (m *model) check(t *testing.T, r *rand.Rand) {
	t.Helper()
	if head, err := m.w.Head(t.Context()); err != nil || head != m.head {
		t.Errorf("got head %d, %v, want %d", head, err, m.head)
	}
	all := list(t, m.w, Query{})
	if diff := firstDiff(m.events, all); diff != "" {
		t.Fatalf("the whole log:\n%s", diff)
	}
	for range 32 {
		q := m.query(r, r.IntN(64))
		var want []iot.Event
		for _, e := range m.events {
			if selects(q, e) {
				want = append(want, e)
			}
		}
		if q.Descending {
			slices.Reverse(want)
		}
		most := len(want) + 1
		if r.IntN(2) == 0 {
			most = 1 + r.IntN(most)
		}
		var got []iot.Event
		err := m.w.Events(t.Context(), q, func(e iot.Event) bool { got = append(got, e); return len(got) < most })
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if diff := firstDiff(want[:min(most, len(want))], got); diff != "" {
			t.Fatalf("%+v stopped after %d of a log of %d:\n%s", q, most, len(m.events), diff)
		}
	}
	for i := r.IntN(97); i < len(m.events); i += 97 {
		if got, err := m.w.Event(t.Context(), m.events[i].ID); err != nil || firstDiff(m.events[i:i+1], []iot.Event{got}) != "" {
			t.Fatalf("event %s: got %v, %v", m.events[i].ID, got, err)
		}
	}
}

// firstDiff returns how and where two logs differ first, or "".
func firstDiff(want, got []iot.Event) string {
	for i := range min(len(want), len(got)) {
		w, g := want[i], got[i]
		if w.ID != g.ID || w.Seq != g.Seq || w.ReceivedAt != g.ReceivedAt || w.OccurredAt != g.OccurredAt || w.SourceID != g.SourceID ||
			string(w.Payload) != string(g.Payload) || string(w.Tags) != string(g.Tags) || string(w.Meta) != string(g.Meta) {
			return fmt.Sprintf("at %d of %d and %d (-want, +got):\n%s", i, len(want), len(got), cmp.Diff(w, g))
		}
	}
	if len(want) != len(got) {
		return fmt.Sprintf("got %d events, want %d", len(got), len(want))
	}
	return ""
}

// purge removes what the query selects from both logs.
func (m *model) purge(t *testing.T, q Query) (gone []iot.Event) {
	t.Helper()
	n, err := m.w.s.Purge(t.Context(), owned(t, m.w, "event_purge"), q)
	if err != nil {
		t.Fatalf("purge %+v: %v", q, err)
	}
	m.events = slices.DeleteFunc(m.events, func(e iot.Event) bool {
		if selects(q, e) {
			gone = append(gone, e)
			return true
		}
		return false
	})
	if n != int64(len(gone)) {
		t.Errorf("purge %+v: got %d events, want %d", q, n, len(gone))
	}
	return gone
}
