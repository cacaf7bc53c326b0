package oauth_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"iotman/iot"
	"iotman/oauth"
	"iotman/store"
)

// reuses counts the audit rows about refresh tokens that were used again, and
// the persons who were told.
func (f *front) reuses() (rows, mails int) {
	f.t.Helper()
	audit, err := f.store.Workspace(f.ws.ID).Audit(f.t.Context(), "", 100)
	f.must(err)
	for _, a := range audit {
		if a.Operation == "session_reused" {
			rows++
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return rows, len(f.mails)
}

// TestA17Reuse: a refresh token that comes back after its grace ends the family,
// and the workspace and the person learn of it, once.
func TestA17Reuse(t *testing.T) {
	f := newFront(t, nil)
	for n, method := range []string{iot.AuthMethodNone, iot.AuthMethodPost} {
		a := f.app(method)
		first := f.signIn(a)
		second := f.exchange(a.refresh(first.refresh))
		third := f.exchange(a.refresh(second.refresh))
		elsewhere := f.signIn(a)
		f.add(oauth.RefreshGrace + time.Second)
		f.open("before", true, first.access, second.access, third.access, elsewhere.access)
		f.wants("reuse", f.post("/oauth/token", a.refresh(first.refresh)), http.StatusBadRequest, "invalid_grant")
		f.open("after the reuse", false, first.access, second.access, third.access)
		for _, dead := range []string{first.refresh, second.refresh, third.refresh} {
			f.wants("after the reuse", f.post("/oauth/token", a.refresh(dead)), http.StatusBadRequest, "invalid_grant")
		}
		f.open("another sign-in", true, elsewhere.access)
		f.exchange(a.refresh(elsewhere.refresh))
		if rows, mails := f.reuses(); rows != n+1 || mails != n+1 || f.mails[n] != f.account.ID {
			t.Errorf("got %d audit rows, %d mails to %v, want %d of each, to %s", rows, mails, f.mails, n+1, f.account.ID)
		}
	}
}

// TestA17Grace: until a minute after its first use a token answers, at any time
// of it, and no later; its uses do not prolong it.
func TestA17Grace(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	got := f.signIn(a)
	f.exchange(a.refresh(got.refresh))
	for range 4 {
		f.add(oauth.RefreshGrace / 4)
		f.exchange(a.refresh(got.refresh))
	}
	f.add(time.Microsecond)
	f.wants("after the grace", f.post("/oauth/token", a.refresh(got.refresh)), http.StatusBadRequest, "invalid_grant")
}

// TestA18AtOnce: a hundred sessions of one client refresh one token at once. Each
// gets tokens of its own, and the family lives.
func TestA18AtOnce(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	got := f.signIn(a)
	var all sync.WaitGroup
	var mu sync.Mutex
	refreshes := map[string]bool{}
	var access []string
	for range 100 {
		all.Go(func() {
			r := f.post("/oauth/token", a.refresh(got.refresh))
			mu.Lock()
			defer mu.Unlock()
			if r.status != http.StatusOK {
				t.Errorf("got %d %s, want tokens", r.status, r.text)
				return
			}
			refreshes[r.str("refresh_token")] = true
			access = append(access, r.str("access_token"))
		})
	}
	all.Wait()
	if len(refreshes) != 100 {
		t.Errorf("got %d refresh tokens, want 100, one each", len(refreshes))
	}
	f.open("each", true, access...)
	f.add(2 * oauth.RefreshGrace)
	for token := range refreshes {
		f.exchange(a.refresh(token))
	}
	if rows, _ := f.reuses(); rows != 0 {
		t.Errorf("got %d reuses, want none", rows)
	}
}

// TestA18TwoSessions: two sessions that refreshed at once go on apart for as long
// as they like, and a second device knows nothing of it.
func TestA18TwoSessions(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	device, got := f.signIn(a), f.signIn(a)
	one, two := f.exchange(a.refresh(got.refresh)), f.exchange(a.refresh(got.refresh))
	for range 30 { // a day and more, an hour each
		f.add(time.Hour)
		one = f.exchange(a.refresh(one.refresh))
		f.add(time.Minute)
		two = f.exchange(a.refresh(two.refresh))
		f.must(f.store.Sweep(t.Context()))
		f.open("both", true, one.access, two.access)
	}
	f.exchange(a.refresh(device.refresh))
}

// TestA18Busy: two sessions that refresh every hour for three weeks, which is
// more often than a family remembers, are never refused.
func TestA18Busy(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	got := f.signIn(a)
	one, two := f.exchange(a.refresh(got.refresh)), f.exchange(a.refresh(got.refresh))
	for range store.MaxFamily/2 + 50 {
		f.add(time.Hour)
		one, two = f.exchange(a.refresh(one.refresh)), f.exchange(a.refresh(two.refresh))
	}
	f.open("at last", true, one.access, two.access)
}

// TestA18Bound: who refreshes without end is held back, and told when to try
// again; the session lives.
func TestA18Bound(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	got := f.signIn(a)
	for range store.MaxFamily - 1 {
		got = f.exchange(a.refresh(got.refresh))
	}
	r := f.post("/oauth/token", a.refresh(got.refresh))
	if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") == "" {
		t.Errorf("got %d %s, want 429 with Retry-After", r.status, r.text)
	}
	f.open("held back", true, got.access)
	f.add(24*time.Hour + time.Second)
	f.exchange(a.refresh(got.refresh)) // it was not used up by the refusal
}

// TestA19Another: a refresh token is nothing to another client, whatever it
// proves itself by, and that is no reuse.
func TestA19Another(t *testing.T) {
	f := newFront(t, nil)
	for _, method := range []string{iot.AuthMethodNone, iot.AuthMethodPost} {
		a := f.app(method)
		got := f.signIn(a)
		next := f.exchange(a.refresh(got.refresh))
		f.add(2 * oauth.RefreshGrace) // now the first would be reuse
		for _, thief := range []app{f.app(iot.AuthMethodNone), f.app(iot.AuthMethodPost)} {
			for _, token := range []string{got.refresh, next.refresh} {
				f.wants("another client", f.post("/oauth/token", thief.refresh(token)), http.StatusBadRequest, "invalid_grant")
			}
		}
		if method == iot.AuthMethodPost {
			f.wants("without its secret", f.post("/oauth/token", app{id: a.id}.refresh(got.refresh)), http.StatusUnauthorized, "invalid_client")
			f.wants("with a wrong one", f.post("/oauth/token", app{id: a.id, secret: "wrong"}.refresh(got.refresh)), http.StatusUnauthorized, "invalid_client")
		}
		if rows, mails := f.reuses(); rows != 0 || mails != 0 {
			t.Errorf("got %d audit rows, %d mails, want none", rows, mails)
		}
		f.open("after that", true, next.access)
		f.exchange(a.refresh(next.refresh))
	}
}

// TestRefreshDead: a refresh token that is none, or has expired, is
// invalid_grant, which clients mend by asking the person.
func TestRefreshDead(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	got := f.signIn(a)
	stranger, err := store.NewSecret(store.RefreshSecret, store.NewID())
	f.must(err)
	for what, token := range map[string]string{
		"none": "", "text": "x", "an access token": got.access, "a bent one": bent(got.refresh), "another workspace's": stranger, "in capitals": "IOT_RT_" + got.refresh[7:],
	} {
		if r := f.post("/oauth/token", a.refresh(token)); r.status != http.StatusBadRequest || r.str("error") != "invalid_grant" {
			t.Errorf("%s: got %d %s, want 400 invalid_grant", what, r.status, r.text)
		}
	}
	f.add(30*24*time.Hour - time.Second)
	got = f.exchange(a.refresh(got.refresh))
	f.add(30 * 24 * time.Hour)
	f.wants("a month unused", f.post("/oauth/token", a.refresh(got.refresh)), http.StatusBadRequest, "invalid_grant")
}
