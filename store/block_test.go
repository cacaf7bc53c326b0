package store

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"iotman/iot"
)

// sameRecords compares records; absent bytes and none are the same.
func sameRecords(want, got []record) string {
	if slices.EqualFunc(want, got, func(w, g record) bool {
		return w.seq == g.seq && w.receivedAt == g.receivedAt && w.occurredAt == g.occurredAt && w.random == g.random && w.source == g.source &&
			string(w.meta) == string(g.meta) && string(w.tags) == string(g.tags) && string(w.payload) == string(g.payload)
	}) {
		return "" // cmp takes its time
	}
	return cmp.Diff(want, got, cmp.AllowUnexported(record{}), cmpopts.EquateEmpty())
}

// someRecords returns 1 to 40 records in sequence.
func someRecords(r *rand.Rand) []record {
	sources := []iot.ID{NewID(), NewID(), NewID()}
	metas := [][]byte{nil, []byte(`{}`), []byte(`{"source_ip":"192.0.2.7","auth_method":"none"}`)}
	tags := [][]byte{nil, []byte(`{"line":3}`)}
	out := make([]record, 1+r.IntN(40))
	seq, at := 1+r.Int64N(maxSeq-1000), r.Int64N(1<<51)
	for i := range out {
		payload := make([]byte, r.IntN(300))
		for j := range payload {
			payload[j] = byte(r.Uint32())
		}
		out[i] = record{
			seq: seq, receivedAt: at, occurredAt: at - r.Int64N(1<<52), random: uint16(r.Uint32()),
			source: sources[r.IntN(len(sources))], meta: metas[r.IntN(len(metas))], tags: tags[r.IntN(len(tags))], payload: payload,
		}
		seq, at = seq+1+r.Int64N(3), at+r.Int64N(1000)
	}
	switch r.IntN(4) {
	case 0:
		out[0].occurredAt = math.MinInt64
	case 1:
		out[0].occurredAt = math.MaxInt64
	}
	return out
}

func TestBlockRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		want := someRecords(r)
		b, err := encodeBlock(want)
		if err != nil {
			t.Fatal(err)
		}
		before := []record{{seq: 7}}
		got, err := decodeBlock(before, want[0].seq, b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := sameRecords(append(before, want...), got); diff != "" {
			t.Fatal(diff)
		}
	}
}

// TestBlockSharesOrigins checks what makes blocks small: a source and its meta
// are written once.
func TestBlockSharesOrigins(t *testing.T) {
	meta := []byte(`{"source_ip":"` + strings.Repeat("2", 200) + `"}`)
	a, b := NewID(), NewID()
	var records []record
	for i := range 100 {
		records = append(records, record{seq: int64(i + 1), source: []iot.ID{a, b}[i%2], meta: meta, payload: []byte(`{}`)})
	}
	block, err := encodeBlock(records)
	if err != nil {
		t.Fatal(err)
	}
	if most := 2*(len(meta)+18) + 100*12; len(block) > most {
		t.Errorf("got %d bytes for 100 events of 2 origins, want at most %d", len(block), most)
	}
}

func TestEncodeBlockRefusesASourceThatIsNoUUID(t *testing.T) {
	if _, err := encodeBlock([]record{{seq: 1, source: "thermometer"}}); err == nil {
		t.Error("got no error, want one")
	}
}

func TestDecodeBlockRefuses(t *testing.T) {
	good, err := encodeBlock([]record{{seq: 1, source: NewID(), meta: []byte(`{}`), payload: []byte(`{"t":21}`)}})
	if err != nil {
		t.Fatal(err)
	}
	head := len(good) - 16 // where the event begins: 8 bytes of its own and its payload
	for i := range good {
		if i == head {
			continue // a block of no events
		}
		if _, err := decodeBlock(nil, 1, good[:i]); !errors.Is(err, errBlock) {
			t.Errorf("cut to %d of %d bytes: got error %v, want %v", i, len(good), err, errBlock)
		}
	}
	if got, err := decodeBlock(nil, 1, good[:head]); err != nil || len(got) != 0 {
		t.Errorf("an empty block: got %d events, %v", len(got), err)
	}
	for i := range good { // whatever is in a byte: events, or an error, and no panic
		b := slices.Clone(good)
		for v := range 256 {
			b[i] = byte(v)
			if got, err := decodeBlock(nil, 1, b); err != nil && got != nil {
				t.Errorf("byte %d as %d: got %d events and error %v", i, v, len(got), err)
			}
		}
	}
	unknown := append([]byte{blockVersion + 1}, good[1:]...)
	if _, err := decodeBlock(nil, 1, unknown); !errors.Is(err, errBlock) {
		t.Errorf("another version: got error %v, want %v", err, errBlock)
	}
}

// mostAllocated is what decoding n bytes may allocate: a record takes 15 times
// the least bytes of an event, a slice that grows doubles that and more.
func mostAllocated(n int) uint64 { return 64<<10 + 64*uint64(n) }

// TestDecodeBlockAllocatesLittle gives it a block whose count of origins is as
// great as its length allows.
func TestDecodeBlockAllocatesLittle(t *testing.T) {
	const size = 1 << 20
	b := make([]byte, size)
	b[0] = blockVersion
	copy(b[2:], []byte{0xff, 0xff, 0x3f}) // 1,048,575 origins
	if got := allocated(func() { _, _ = decodeBlock(nil, 1, b) }); got > size {
		t.Errorf("a count of origins that cannot be true: %d bytes were allocated, want at most %d", got, size)
	}
}

func FuzzDecodeBlock(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 10 {
		records := someRecords(r)
		b, err := encodeBlock(records)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(records[0].seq, b)
	}
	f.Add(int64(1), []byte{})
	f.Add(int64(1), []byte{blockVersion, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add(int64(1), []byte{blockVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0})
	f.Fuzz(func(t *testing.T, first int64, b []byte) {
		var records []record
		var err error
		if got := allocated(func() { records, err = decodeBlock(nil, first, b) }); got > mostAllocated(len(b)) {
			t.Errorf("decoding %d bytes allocates %d, want at most %d", len(b), got, mostAllocated(len(b)))
		}
		if err != nil {
			if records != nil || !errors.Is(err, errBlock) {
				t.Errorf("got %d records and error %v, want none and %v", len(records), err, errBlock)
			}
			return
		}
		if len(records) == 0 {
			return
		}
		again, err := encodeBlock(records)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeBlock(nil, records[0].seq, again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := sameRecords(records, got); diff != "" {
			t.Error(diff)
		}
	})
}
