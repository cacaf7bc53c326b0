package signin_test

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"iotman/iot"
	"iotman/oauth/signin"
	"iotman/store"
)

// front is a desk on a store of its own, with one account.
type front struct {
	t     *testing.T
	store *store.Store
	desk  *signin.Desk
	us    atomic.Int64 // the clock
	ada   iot.Account
}

func newFront(t *testing.T) *front {
	t.Helper()
	f := &front{t: t}
	f.us.Store(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixMicro())
	var err error
	f.store, err = store.Open(t.Context(), store.Config{Dir: t.TempDir(), Key: store.Key{1}, Now: func() time.Time { return time.UnixMicro(f.us.Load()) }})
	f.must(err)
	t.Cleanup(func() {
		if err := f.store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	f.ada, err = f.store.CreateAccount(t.Context(), "ada@example.com", "Ada")
	f.must(err)
	f.desk = signin.New(signin.Config{Store: f.store, Log: slog.New(slog.DiscardHandler), URL: "https://iot.example.com"})
	return f
}

func (f *front) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// enter tries a password, each time as another sender.
func (f *front) enter(password string) error {
	f.t.Helper()
	_, err := f.desk.Password(f.t.Context(), signin.Ask{Email: f.ada.Email, Sender: string(store.NewID())}, password)
	return err
}

// TestPasswordHash: argon2id in the form that others read, with a salt of its
// own each time (RFC 9106; OWASP's parameters).
func TestPasswordHash(t *testing.T) {
	f := newFront(t)
	form := regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)
	seen := map[string]bool{}
	for range 3 {
		f.must(f.desk.SetPassword(t.Context(), f.ada.ID, "correct horse battery staple"))
		hash, err := f.store.PasswordHash(t.Context(), f.ada.ID)
		f.must(err)
		if !form.MatchString(hash) || seen[hash] {
			t.Errorf("got %q, want a fresh one in PHC form", hash)
		}
		seen[hash] = true
	}
	// One of before the parameters were raised, as the argon2 command makes it:
	// printf 'an old password' | argon2 somesaltsomesalt -id -t 1 -k 64 -p 2 -e
	f.must(f.store.SetPasswordHash(t.Context(), f.ada.ID, "$argon2id$v=19$m=64,t=1,p=2$c29tZXNhbHRzb21lc2FsdA$uY9Vrs9Q3UrtcDGxJ3eALdhEkjVWJzaZs/B2S4m+IfI"))
	f.must(f.enter("an old password"))
	for _, broken := range []string{"x", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ", "$argon2id$v=19$m=8$c29tZXNhbHQ$AAAA", "$argon2id$v=19$m=8,t=1,p=1$!$AAAA", "$argon2id$v=19$m=8,t=1,p=1$AAAA$!"} {
		f.must(f.store.SetPasswordHash(t.Context(), f.ada.ID, broken))
		if err := f.enter("a password of ada's"); err == nil || iot.KindOf(err) != iot.Internal {
			t.Errorf("%s: got %v, want an error of ours", broken, err)
		}
	}
}

// TestPasswordBounds: 12 to 1024 bytes, each of which counts.
func TestPasswordBounds(t *testing.T) {
	for n, good := range map[int]bool{1: false, 11: false, 12: true, 72: true, 1024: true, 1025: false} {
		f := newFront(t)
		password := strings.Repeat("p", n-1) + "x"
		err := f.desk.SetPassword(t.Context(), f.ada.ID, password)
		if (err == nil) != good {
			t.Errorf("%d bytes: got %v", n, err)
		}
		if !good {
			p := iot.ProblemOf(err)
			if iot.KindOf(err) != iot.Invalid || p.Field != "password" || strings.Contains(fmt.Sprint(p, err), password) {
				t.Errorf("%d bytes: got %v, want what is wrong, without the password", n, err)
			}
			if err := f.enter(password); iot.KindOf(err) != iot.Unauthenticated {
				t.Errorf("%d bytes: got %v, want Unauthenticated", n, err)
			}
			continue
		}
		f.must(f.enter(password))
		for _, wrong := range []string{password[:n-1] + "y", password + "x", password[:n-1], "", strings.ToUpper(password)} {
			if err := f.enter(wrong); iot.KindOf(err) != iot.Unauthenticated {
				t.Errorf("%d bytes, and %d of another: got %v, want Unauthenticated", n, len(wrong), err)
			}
		}
	}
	f := newFront(t)
	if err := f.desk.SetPassword(t.Context(), store.NewID(), "correct horse battery staple"); iot.KindOf(err) != iot.NotFound {
		t.Errorf("no such account: got %v, want NotFound", err)
	}
	if err := f.enter(""); iot.KindOf(err) != iot.Unauthenticated {
		t.Errorf("no password was set: got %v, want Unauthenticated", err)
	}
}

// stuck is mail that nobody takes until it is told.
type stuck struct {
	free chan struct{}
	sent atomic.Int64
}

func (s *stuck) Send(ctx context.Context, _ iot.Mail) error {
	select {
	case <-s.free:
		s.sent.Add(1)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestMailIsNotWaitedFor: who asks for a link is answered though the mail server
// hangs, which is given up on after a minute; and the next mails leave.
func TestMailIsNotWaitedFor(t *testing.T) {
	f := newFront(t)
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{free: make(chan struct{})}
		desk := signin.New(signin.Config{Store: f.store, Mail: s, Log: slog.New(slog.DiscardHandler), URL: "https://iot.example.com"})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- desk.Run(ctx) }()
		begun := time.Now()
		for range 3 {
			f.must(desk.Link(t.Context(), signin.Ask{Email: f.ada.Email, Browser: "b", Sender: "192.0.2.1"}))
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("asking waited %s for the mail server", took)
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		close(s.free)
		synctest.Wait()
		if n := s.sent.Load(); n != 2 {
			t.Errorf("%d mails left, want 2 after the one that was given up on", n)
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}
