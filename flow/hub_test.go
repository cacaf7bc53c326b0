package flow

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"iotman/iot"
)

// TestWaiter: who asked before the log grew is woken, once, and nobody else.
func TestWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := New(nil, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		const north, south iot.ID = "n", "s"
		var mu sync.Mutex
		all := map[string]error{}
		begin := func(ctx context.Context, name string, ws iot.ID) {
			wait := f.Waiter(ws)
			go func() {
				err := wait(ctx)
				mu.Lock()
				defer mu.Unlock()
				all[name] = err
			}()
		}
		ended := func(name string) (bool, error) {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			err, ok := all[name]
			return ok, err
		}
		still := func(names ...string) {
			t.Helper()
			for _, name := range names {
				if ok, err := ended(name); ok {
					t.Errorf("%s: ended with %v, want it to wait", name, err)
				}
			}
		}
		over := func(name string, want error) {
			t.Helper()
			if ok, err := ended(name); !ok || !errors.Is(err, want) {
				t.Errorf("%s: got %v, ended %v, want %v", name, err, ok, want)
			}
		}
		early := f.Waiter(north)
		f.hub.publish(north) // between asking and waiting
		if err := early(t.Context()); err != nil {
			t.Errorf("a growth before the wait: got %v", err)
		}
		begin(t.Context(), "one", north)
		begin(t.Context(), "two", north)
		begin(t.Context(), "other", south)
		still("one", "two", "other")
		f.hub.publish(north)
		over("one", nil)
		over("two", nil)
		still("other")
		begin(t.Context(), "three", north)
		still("three") // what grew before is not waited for

		limited, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		begin(limited, "limited", south)
		time.Sleep(24 * time.Second) // in the bubble's time
		still("limited")
		time.Sleep(2 * time.Second)
		over("limited", context.DeadlineExceeded)
		for range 1000 {
			f.hub.publish("nobody waits here")
		}
		if n := len(f.hub.waiting); n != 2 {
			t.Errorf("the hub holds %d channels, want the 2 that are waited for", n)
		}
		f.Drain()
		f.Drain()
		for _, name := range []string{"other", "three"} {
			if _, err := ended(name); iot.KindOf(err) != iot.Unavailable {
				t.Errorf("%s: got %v after Drain, want Unavailable", name, err)
			}
		}
		if err := f.Waiter(north)(t.Context()); iot.KindOf(err) != iot.Unavailable {
			t.Errorf("after Drain: got %v, want Unavailable", err)
		}
	})
}
