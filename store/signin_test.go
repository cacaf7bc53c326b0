package store

import (
	"testing"
	"time"

	"iotman/iot"
)

// TestSignInSwept: what signs in, and what waits for an answer, is gone once it
// is worth nothing, and not before.
func TestSignInSwept(t *testing.T) {
	clock := newClock()
	s := openIdle(t, Config{Now: clock.now})
	a := account(t, s)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.SignIn(ctx, DigestOf("cookie"), a.ID))
	must(s.AddSignInLink(ctx, DigestOf("link"), SignInLink{Account: a.ID, Email: a.Email}))
	must(s.AddConsent(ctx, DigestOf("consent"), DigestOf("cookie"), "client_id=x"))
	_, err := s.Attempt(ctx, "link:"+a.Email, Limit{Most: 3, Per: time.Hour})
	must(err)
	left := func() (n [4]int) {
		t.Helper()
		must(s.Sweep(ctx))
		for i, table := range []string{"browsers", "signin_links", "consents", "attempts"} {
			n[i] = count(t, s, `SELECT COUNT(*) FROM `+table)
		}
		return n
	}
	was := time.Duration(0)
	for _, step := range []struct {
		at   time.Duration
		want [4]int
	}{
		{SignInLinkLife - time.Microsecond, [4]int{1, 1, 1, 1}},
		{SignInLinkLife + time.Microsecond, [4]int{1, 0, 0, 1}},
		{time.Hour + time.Microsecond, [4]int{1, 0, 0, 0}},
		{BrowserLife, [4]int{1, 0, 0, 0}},
		{BrowserLife + time.Microsecond, [4]int{}},
	} {
		clock.add(step.at - was)
		was = step.at
		if got := left(); got != step.want {
			t.Errorf("after %s: got %v rows, want %v", step.at, got, step.want)
		}
	}
}

// TestG8Attempts: a limit holds within any span of its length, for each name by
// itself, and across a restart; asking whether one may counts nothing.
func TestG8Attempts(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	s := openIdle(t, Config{Dir: dir, Now: clock.now})
	limit := Limit{Most: 3, Per: 15 * time.Minute}
	try := func(name string, want time.Duration) {
		t.Helper()
		if wait, err := s.Allowed(t.Context(), name, limit); err != nil || wait != want {
			t.Errorf("%s: may in %s, %v; want %s", name, wait, err, want)
		}
		if wait, err := s.Attempt(t.Context(), name, limit); err != nil || wait != want {
			t.Errorf("%s: wait %s, %v; want %s", name, wait, err, want)
		}
	}
	try("a", 0)
	clock.add(5 * time.Minute)
	try("a", 0)
	clock.add(5 * time.Minute)
	try("a", 0)
	try("a", 5*time.Minute)
	try("b", 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openIdle(t, Config{Dir: dir, Now: clock.now})
	clock.add(5*time.Minute - time.Microsecond)
	try("a", time.Microsecond)
	clock.add(time.Microsecond)
	try("a", 0) // what was refused did not count
	try("a", 5*time.Minute)
	clock.add(15 * time.Minute)
	for range 3 {
		try("a", 0)
	}
	try("a", 15*time.Minute)
}

// TestSignedOut: signing out everywhere ends what waited for an answer there,
// too, and touches nobody else.
func TestSignedOut(t *testing.T) {
	s := openIdle(t, Config{})
	ctx := t.Context()
	ada, bob := account(t, s), account(t, s)
	for cookie, a := range map[string]iot.Account{"one": ada, "two": ada, "bob": bob} {
		if err := s.SignIn(ctx, DigestOf(cookie), a.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.AddConsent(ctx, DigestOf("for "+cookie), DigestOf(cookie), "client_id="+cookie); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SignOutEverywhere(ctx, ada.ID); err != nil {
		t.Fatal(err)
	}
	for _, cookie := range []string{"one", "two"} {
		_, err := s.SignedIn(ctx, DigestOf(cookie))
		wantKind(t, err, iot.Unauthenticated)
		_, err = s.TakeConsent(ctx, DigestOf("for "+cookie), DigestOf(cookie))
		wantKind(t, err, iot.NotFound)
	}
	if a, err := s.SignedIn(ctx, DigestOf("bob")); err != nil || a.ID != bob.ID {
		t.Errorf("got %v, %v; want bob still signed in", a, err)
	}
	if request, err := s.TakeConsent(ctx, DigestOf("for bob"), DigestOf("bob")); err != nil || request != "client_id=bob" {
		t.Errorf("got %q, %v; want bob's request", request, err)
	}
	_, err := s.SignedIn(ctx, DigestOf(""))
	wantKind(t, err, iot.Unauthenticated)
}

// TestG7NoBrowser: a printed link, which no browser asked for, awaits no code.
func TestG7NoBrowser(t *testing.T) {
	s := openIdle(t, Config{})
	a := account(t, s)
	if err := s.AddSignInLink(t.Context(), DigestOf("link"), SignInLink{Account: a.ID, Email: a.Email}); err != nil {
		t.Fatal(err)
	}
	for range MaxCodeTries + 1 {
		_, err := s.UseSignInCode(t.Context(), Digest{}, "", DigestOf("x"))
		wantKind(t, err, iot.NotFound)
	}
	if _, err := s.UseSignInLink(t.Context(), DigestOf("link"), DigestOf("cookie")); err != nil {
		t.Errorf("the link: %v", err)
	}
}
