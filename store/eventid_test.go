package store

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"iotman/iot"
)

func TestEventIDIsAUUIDv7(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	now := time.Date(2026, 11, 22, 10, 0, 0, 999_999_000, time.UTC).UnixMicro()
	for i := range 10_000 {
		at, seq, random := now+r.Int64N(1<<40), 1+r.Int64N(maxSeq), uint16(r.Uint32())
		switch i { // the ends
		case 0:
			at, seq, random = 0, 1, 0
		case 1:
			at, seq, random = 1<<48*1000-1, maxSeq, 1<<16-1
		}
		id := eventID(at, seq, random)
		if !iot.IsID(string(id)) {
			t.Fatalf("got %s, want an id", id)
		}
		u, err := uuid.Parse(string(id))
		if err != nil {
			t.Fatal(err)
		}
		if u.Version() != 7 || u.Variant() != uuid.RFC4122 {
			t.Fatalf("%s: got version %d, variant %s, want 7, RFC4122", id, u.Version(), u.Variant())
		}
		if got := millis(u); got != at/1000 {
			t.Fatalf("%s: got the time %d ms, want %d", id, got, at/1000)
		}
		if got, ok := seqOf(id); !ok || got != seq {
			t.Fatalf("seqOf(%s): got %d, %v, want %d", id, got, ok, seq)
		}
	}
}

// millis returns the first 48 bits of a UUIDv7, its time in milliseconds.
func millis(u uuid.UUID) (ms int64) {
	for _, b := range u[:6] {
		ms = ms<<8 | int64(b)
	}
	return ms
}

// TestEventIDsSortAsTheLog: received_at never falls as seq rises.
func TestEventIDsSortAsTheLog(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	at, seq := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixMicro(), int64(1)
	last := eventID(at, seq, uint16(r.Uint32()))
	for range 10_000 {
		seq++
		at += max(0, r.Int64N(2000)-1000)
		id := eventID(at, seq, uint16(r.Uint32()))
		if id <= last {
			t.Fatalf("seq %d: got %s after %s, want a greater one", seq, id, last)
		}
		last = id
	}
}

func TestSeqOfRefuses(t *testing.T) {
	for _, id := range []iot.ID{"", "x", "0", "019ab8d0-0000-7000-8000-00000000000", "019ab8d0-0000-7000-8000-00000000000g"} {
		if seq, ok := seqOf(id); ok {
			t.Errorf("seqOf(%q): got %d, want none", id, seq)
		}
	}
}
