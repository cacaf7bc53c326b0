package store

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"iotman/iot"
)

// TestLogModelI10 does the same to the log and to a plain slice, and compares
// them: concurrent batches of several sources in several workspaces under a
// clock that also goes back, queries of every kind, purges of every kind. One
// log has few great blocks, the other many small ones.
func TestLogModelI10(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 0))
	now := newClock()
	s := openStore(t, Config{Now: now.now})
	great, small := newModel(t, s), newModel(t, s)
	purged, blocks, purges := 0, 0, []int{8 | 16, 2 | 4, 1 | 8 | 16, 1 | 2 | 4, 2 | 4 | 8 | 16 | 32, 1 | 8}
	for range 3 {
		var wg sync.WaitGroup
		for i := range 4 {
			own := rand.New(rand.NewPCG(*seed, r.Uint64()))
			wg.Go(func() {
				for range 60 {
					now.add(time.Duration(own.IntN(3_000_000)-1_000_000) * time.Microsecond) // -1 s to 2 s
					small.append(t, own, 1+own.IntN(12))
				}
				great.append(t, own, []int{1 + own.IntN(3000), pageSize - 1 + own.IntN(3)}[i%2])
			})
		}
		wg.Wait()
		now.add(-time.Minute)
		blocks = max(blocks, count(t, s, `SELECT COUNT(*) FROM event_blocks WHERE workspace_id = ?`, small.w.id))
		for _, m := range []*model{great, small} {
			m.settle(t)
			m.check(t, r)
			for _, which := range purges {
				gone := m.purge(t, m.query(r, which))
				purged += len(gone)
				for j := 0; j < len(gone); j += 97 {
					_, err := m.w.Event(t.Context(), gone[j].ID)
					wantKind(t, err, iot.NotFound)
				}
				m.check(t, r)
			}
		}
	}
	if blocks < 50 || small.head < 3*pageSize || great.head < 3*pageSize || purged < 1000 {
		t.Errorf("got %d small blocks, logs of %d and %d events, %d of them purged: this test does little", blocks, small.head, great.head, purged)
	}
	for _, m := range []*model{great, small} {
		m.purge(t, Query{Source: m.sources[0]})
		m.check(t, r)
		m.purge(t, Query{})
		m.check(t, r)
	}
	for _, table := range []string{"event_blocks", "event_terms"} {
		if n := count(t, s, `SELECT COUNT(*) FROM `+table); n != 0 {
			t.Errorf("got %d rows in %s after everything was purged, want 0", n, table)
		}
	}
}

// TestPurgeIsAudited: the audit log tells what went, and by whose hand.
func TestPurgeIsAudited(t *testing.T) {
	m := newModel(t, openStore(t, Config{}))
	r := rand.New(rand.NewPCG(1, 1))
	for range 3 {
		for range 10 {
			m.append(t, r, 1+r.IntN(2000))
		}
		m.settle(t)
		var audited int64
		gone := int64(len(m.purge(t, m.query(r, 1|8|16))))
		entries, err := m.w.Audit(t.Context(), "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Operation != "event_purge" || e.AccountID == "" || e.Version != 0 || len(e.Changes) != 1 {
				continue
			}
			var what struct {
				Events  int64
				FromSeq int64 `json:"from_seq"`
				ToSeq   int64 `json:"to_seq"`
			}
			if err := json.Unmarshal(e.Changes[0].Before, &what); err != nil {
				t.Fatal(err)
			}
			if what.FromSeq < 1 || what.FromSeq > what.ToSeq || what.Events < 1 || what.Events > what.ToSeq-what.FromSeq+1 {
				t.Errorf("got %d events from %d to %d", what.Events, what.FromSeq, what.ToSeq)
			}
			audited += what.Events
		}
		if audited != gone {
			t.Errorf("the audit log tells of %d events, want %d", audited, gone)
		}
		raw(t, m.w.s, `DELETE FROM audit`)
	}
}

// TestQueryEnds gives the bounds their least and greatest values.
func TestQueryEnds(t *testing.T) {
	const most = 1<<63 - 1
	w := plant(t, openStore(t, Config{}))
	a := NewID()
	appendOK(t, w, batch(a, "1", "2", "3"))
	for _, test := range []struct {
		q    Query
		want []string
	}{
		{Query{After: most}, nil},
		{Query{After: most - 1}, nil},
		{Query{After: -most - 1}, []string{"1", "2", "3"}},
		{Query{Before: most}, []string{"1", "2", "3"}},
		{Query{Before: 1}, nil},
		{Query{Before: 1, Descending: true}, nil},
		{Query{After: 1, Before: 3}, []string{"2"}},
		{Query{After: 2, Before: 2}, nil},
		{Query{From: iot.Time{Time: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}}, nil},
		{Query{To: iot.Time{Time: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)}}, nil},
		{Query{Descending: true}, []string{"3", "2", "1"}},
	} {
		for _, source := range []iot.ID{"", a} {
			test.q.Source = source
			wantSame(t, "", payloads(t, w, test.q), test.want)
		}
	}
}

// TestReadingEndsWithItsCaller: who hangs up while the log is read for him gets
// no more than the block at hand.
func TestReadingEndsWithItsCaller(t *testing.T) {
	w := plant(t, openStore(t, Config{}))
	for range 3 {
		appendOK(t, w, batch(NewID(), "1", "2"))
	}
	ctx, hangUp := context.WithCancel(t.Context())
	n := 0
	err := w.Events(ctx, Query{}, func(iot.Event) bool { hangUp(); n++; return true })
	if !errors.Is(err, context.Canceled) || n != 2 {
		t.Errorf("got %d events, %v, want 2, %v", n, err, context.Canceled)
	}
	if _, err := w.Head(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("head: got %v, want %v", err, context.Canceled)
	}
}

// TestReadingWithinReading: what is read while something is read disturbs
// neither.
func TestReadingWithinReading(t *testing.T) {
	w := plant(t, openStore(t, Config{}))
	appendOK(t, w, batch(NewID(), "1", "2", "3"))
	appendOK(t, w, batch(NewID(), "4", "5", "6"))
	wantSame(t, "alone", payloads(t, w, Query{}), []string{"1", "2", "3", "4", "5", "6"})
	var got []string
	err := w.Events(t.Context(), Query{Before: 4}, func(e iot.Event) bool {
		wantSame(t, "within", payloads(t, w, Query{After: 3}), []string{"4", "5", "6"})
		got = append(got, string(e.Payload))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, "around", got, []string{"1", "2", "3"})
}

// TestForeignEventB2: another workspace's id finds nothing here, nor does any
// other id.
func TestForeignEventB2(t *testing.T) {
	s := openStore(t, Config{})
	w, other := plant(t, s), plant(t, s)
	mine := appendOK(t, w, batch(NewID(), "1")).IDs[0]
	theirs := appendOK(t, other, batch(NewID(), "1")).IDs[0]
	if e, err := w.Event(t.Context(), mine); err != nil || e.ID != mine {
		t.Errorf("got %v, %v, want the event", e, err)
	}
	upper := iot.ID("urn:uuid:" + string(mine))
	for _, id := range []iot.ID{theirs, upper, NewID(), "", "1", w.id, iot.ID(string(mine[:35]) + "x")} {
		_, err := w.Event(t.Context(), id)
		wantKind(t, err, iot.NotFound)
	}
	if got := len(list(t, w, Query{})); got != 1 {
		t.Errorf("got %d events, want 1", got)
	}
	gone := s.Workspace(NewID())
	_, err := gone.Head(t.Context())
	wantKind(t, err, iot.NotFound)
	_, err = gone.Event(t.Context(), mine)
	wantKind(t, err, iot.NotFound)
	if got := list(t, gone, Query{}); len(got) != 0 {
		t.Errorf("a workspace that is none has %d events, want 0", len(got))
	}
}
