package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iotman/iot"
)

// granted is a grant of the workspace's owner.
func granted(t *testing.T, w *Workspace) Grant {
	t.Helper()
	a, err := w.Owner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return Grant{ID: NewID(), Account: a.ID, Client: "client", ClientName: "App", Audience: "https://example.com/mcp/x", Scope: "data:read", RedirectURI: "https://app/cb"}
}

// TestCode: a code is found by its digest in its own workspace, tried once,
// spent once, and forgotten a day after its end.
func TestCode(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	w, other := plant(t, s), plant(t, s)
	hash := DigestOf("code")
	want := Code{Grant: granted(t, w), AskedRedirect: "https://app/cb", Challenge: "c", Expires: now.now().Add(time.Minute)}
	if err := w.AddCode(t.Context(), hash, want); err != nil {
		t.Fatal(err)
	}
	check := func(what string) {
		t.Helper()
		got, err := w.Code(t.Context(), hash)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", what, err, diff)
		}
	}
	check("new")
	_, err := other.Code(t.Context(), hash)
	wantKind(t, err, iot.NotFound)
	if err := other.TryCode(t.Context(), hash); !errors.Is(err, ErrSpent) {
		t.Errorf("tried in another workspace: got %v, want ErrSpent", err)
	}
	if err := w.TryCode(t.Context(), hash); err != nil {
		t.Fatal(err)
	}
	want.Tried = true
	check("tried")
	if err := w.TryCode(t.Context(), hash); !errors.Is(err, ErrSpent) {
		t.Errorf("tried twice: got %v, want ErrSpent", err)
	}
	issue := Issue{Grant: want.Grant, NewGrant: true, Code: hash, Token: NewID(), Expires: now.now().Add(time.Hour), Refresh: DigestOf("r"), RefreshExpires: now.now().Add(time.Hour)}
	if err := w.Issue(t.Context(), issue); err != nil {
		t.Fatal(err)
	}
	want.Used = true
	check("used")
	issue.Grant.ID, issue.Token, issue.Refresh = NewID(), NewID(), DigestOf("r2")
	if err := w.Issue(t.Context(), issue); !errors.Is(err, ErrSpent) {
		t.Errorf("used twice: got %v, want ErrSpent", err)
	}
	if n := count(t, s, `SELECT (SELECT COUNT(*) FROM grants) + (SELECT COUNT(*) FROM tokens) + (SELECT COUNT(*) FROM refresh_tokens)`); n != 3 {
		t.Errorf("got %d rows, want the 3 of the first use: nothing stays of the second", n)
	}
	now.add(time.Minute + 24*time.Hour)
	sweep(t, s)
	check("a day after its end")
	now.add(time.Microsecond)
	sweep(t, s)
	_, err = w.Code(t.Context(), hash)
	wantKind(t, err, iot.NotFound)
}

func sweep(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestRefreshToken: a refresh token is used anew within its grace, which its
// first use begins, and goes with its grant.
func TestRefreshToken(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	w := plant(t, s)
	g := granted(t, w)
	first := Issue{Grant: g, NewGrant: true, Token: NewID(), Expires: now.now().Add(time.Hour), Refresh: DigestOf("0"), RefreshExpires: now.now().Add(time.Hour)}
	if err := w.Issue(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	began := now.now()
	rotate := func(name string) error {
		return w.Issue(t.Context(), Issue{Grant: g, Rotated: DigestOf("0"), Grace: time.Minute, Token: NewID(), Expires: now.now().Add(time.Hour), Refresh: DigestOf(name), RefreshExpires: now.now().Add(time.Hour)})
	}
	for _, name := range []string{"1", "2", "3"} {
		if err := rotate(name); err != nil {
			t.Fatal(err)
		}
		got, err := w.RefreshToken(t.Context(), DigestOf("0"))
		if err != nil || !got.Used.Equal(began) || got.ID != g.ID {
			t.Errorf("got used %v, %v, want %v, its first use", got.Used, err, began)
		}
		now.add(30 * time.Second)
	}
	if err := rotate("4"); !errors.Is(err, ErrSpent) {
		t.Errorf("after its grace: got %v, want ErrSpent", err)
	}
	if err := w.RevokeGrant(t.Context(), g.ID); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"0", "1", "2", "3"} {
		_, err := w.RefreshToken(t.Context(), DigestOf(name))
		wantKind(t, err, iot.NotFound)
	}
	if err := rotate("5"); !errors.Is(err, ErrSpent) {
		t.Errorf("revoked: got %v, want ErrSpent", err)
	}
}
