package flow

import (
	"testing"
	"time"
)

// TestC15Limiter: a burst of one second's worth, then the rate; a giant goes
// through whole and is paid for.
func TestC15Limiter(t *testing.T) {
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	type ask struct {
		at   time.Duration // after the start
		n    int
		wait time.Duration // 0: let through
	}
	const ms = time.Millisecond
	for _, test := range []struct {
		name string
		rate int
		asks []ask
	}{
		{"none", 0, []ask{{0, 1_000_000, 0}, {0, 1_000_000, 0}}},
		{"a burst", 10, []ask{{0, 4, 0}, {0, 6, 0}, {0, 1, 100 * ms}, {99 * ms, 1, 1 * ms}, {100 * ms, 1, 0}, {100 * ms, 1, 100 * ms}}},
		{"nothing is charged for what is refused", 10, []ask{{0, 10, 0}, {0, 5, 500 * ms}, {0, 5, 500 * ms}, {500 * ms, 5, 0}}},
		{"rest is not saved up", 10, []ask{{0, 1, 0}, {time.Hour, 10, 0}, {time.Hour, 1, 100 * ms}}},
		{"a giant", 10, []ask{{0, 50, 0}, {0, 1, 4100 * ms}, {4 * time.Second, 1, 100 * ms}, {4100 * ms, 1, 0}}},
		{"a giant in debt waits for all of it", 10, []ask{{0, 10, 0}, {0, 50, time.Second}, {999 * ms, 50, 1 * ms}, {time.Second, 50, 0}, {time.Second, 50, 5 * time.Second}}},
		{"a clock that goes back", 10, []ask{{time.Hour, 10, 0}, {0, 1, time.Hour + 100*ms}}},
		{"the highest rate", 1_000_000, []ask{{0, 1_000_000, 0}, {0, 1, time.Microsecond}, {time.Microsecond, 1, 0}}},
	} {
		var l limiter
		for i, a := range test.asks {
			wait, ok := l.allow(start.Add(a.at), a.n, test.rate)
			if ok != (a.wait == 0) || wait != a.wait {
				t.Errorf("%s, number %d: got %v and %s, want to wait %s", test.name, i, ok, wait, a.wait)
			}
		}
	}
}
