package store

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestAttempts: as many as the limit says within any span of its length, to the
// microsecond; what is refused does not count.
func TestAttempts(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	l := Limit{Most: 3, Per: time.Minute}
	attempt := func(name string, want time.Duration) {
		t.Helper()
		may, err := s.Allowed(t.Context(), name, l)
		if err != nil || may != want {
			t.Errorf("allowed: got %s, %v, want %s", may, err, want)
		}
		wait, err := s.Attempt(t.Context(), name, l)
		if err != nil || wait != want {
			t.Errorf("attempt: got %s, %v, want %s", wait, err, want)
		}
	}
	for range 3 { // at 0, 10 and 20 s
		attempt("a", 0)
		now.add(10 * time.Second)
	}
	attempt("a", 30*time.Second)
	attempt("b", 0)
	now.add(30*time.Second - time.Microsecond)
	attempt("a", time.Microsecond)
	now.add(time.Microsecond) // the one at 0 s is out of the window
	attempt("a", 0)
	attempt("a", 10*time.Second)
	now.add(10 * time.Second)
	attempt("a", 0)
	now.add(time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT COUNT(*) FROM attempts`); n != 0 {
		t.Errorf("got %d rows after a sweep, want none", n)
	}
	attempt("a", 0)
}

// TestAttemptsAtOnce: of many at the same time as many pass as the limit says.
func TestAttemptsAtOnce(t *testing.T) {
	s := openIdle(t, Config{Now: newClock().now})
	var all sync.WaitGroup
	var passed atomic.Int64
	for range 50 {
		all.Go(func() {
			wait, err := s.Attempt(t.Context(), "a", Limit{Most: 7, Per: time.Minute})
			if err != nil {
				t.Error(err)
			}
			if wait == 0 {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	if passed.Load() != 7 {
		t.Errorf("got %d that passed, want 7", passed.Load())
	}
}
