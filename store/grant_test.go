package store

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iotman/iot"
)

func TestSession(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	a := account(t, s)
	w, other := workspace(t, s, a), workspace(t, s, a)
	ws, err := w.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g := Grant{ID: NewID(), Account: a.ID, Client: "client", Audience: "https://example.com/mcp/x", Scope: "data:read"}
	machine := Grant{ID: NewID(), Client: "sensor", Audience: string(ws.Slug), Scope: "plant:write"}
	token, second, robot := NewID(), NewID(), NewID()
	for id, g := range map[iot.ID]Grant{token: g, robot: machine} {
		if err := w.IssueToken(t.Context(), g, id, now.now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	again := g
	again.ID = NewID()
	if err := w.IssueToken(t.Context(), again, second, now.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	wantSession := func(what string, id iot.ID, want Session) {
		t.Helper()
		got, err := w.Session(t.Context(), id)
		got.CreatedAt, got.UsedAt = iot.Time{}, iot.Time{}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", what, err, diff)
		}
	}
	wantSession("a person", token, Session{Grant: g, Slug: ws.Slug, Email: a.Email, Role: iot.Owner})
	wantSession("a machine", robot, Session{Grant: machine, Slug: ws.Slug})
	for what, id := range map[string]iot.ID{"never issued": NewID(), "a grant's id": g.ID, "nothing": ""} {
		if _, err := w.Session(t.Context(), id); iot.KindOf(err) != iot.Unauthenticated {
			t.Errorf("%s: got error %v, want unauthenticated", what, err)
		}
	}
	_, err = other.Session(t.Context(), token) // A14
	wantKind(t, err, iot.Unauthenticated)
	// The role and the slug are those of now (A16, B4).
	raw(t, s, `UPDATE members SET role = 'viewer' WHERE account_id = ? AND workspace_id = ?`, a.ID, w.id)
	wantSession("as a viewer", token, Session{Grant: g, Slug: ws.Slug, Email: a.Email, Role: iot.Viewer})
	raw(t, s, `DELETE FROM members WHERE account_id = ? AND workspace_id = ?`, a.ID, w.id)
	wantSession("no longer a member", token, Session{Grant: g, Slug: ws.Slug, Email: a.Email})
	if err := w.RevokeGrant(t.Context(), g.ID); err != nil {
		t.Fatal(err)
	}
	_, err = w.Session(t.Context(), token)
	wantKind(t, err, iot.Unauthenticated)
	if n := count(t, s, `SELECT COUNT(*) FROM tokens WHERE grant_id = ?`, g.ID); n != 0 {
		t.Errorf("got %d tokens of a revoked grant, want 0", n)
	}
	wantSession("the other grant of the same client", second, Session{Grant: again, Slug: ws.Slug, Email: a.Email})
	if err := w.RevokeGrant(t.Context(), g.ID); err != nil {
		t.Errorf("revoked twice: %v", err)
	}
	now.add(time.Hour - time.Microsecond)
	wantSession("in the last microsecond", robot, Session{Grant: machine, Slug: ws.Slug})
	now.add(time.Microsecond)
	_, err = w.Session(t.Context(), robot)
	wantKind(t, err, iot.Unauthenticated)
	now.add(time.Microsecond)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT COUNT(*) FROM tokens`); n != 0 {
		t.Errorf("got %d tokens after their time and a sweep, want 0", n)
	}
}

func TestSessionAfterDeletionB4(t *testing.T) {
	s := openIdle(t, Config{})
	a := account(t, s)
	workspace(t, s, a)
	w, token := workspace(t, s, a), NewID()
	if err := w.IssueToken(t.Context(), Grant{ID: NewID(), Account: a.ID}, token, s.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Session(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	deleteIt(t, w)
	_, err := w.Session(t.Context(), token)
	wantKind(t, err, iot.Unauthenticated)
}

func TestSigningKeys(t *testing.T) {
	s := openIdle(t, Config{})
	var want []SigningKey // the newest first
	for _, private := range []string{"one", "two", "three"} {
		k, err := s.AddSigningKey(t.Context(), []byte(private))
		if err != nil {
			t.Fatal(err)
		}
		want = append([]SigningKey{k}, want...)
	}
	got, err := s.SigningKeys(t.Context())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestFacts(t *testing.T) {
	s := openIdle(t, Config{})
	for _, want := range []string{"", "https://a.example", "https://b.example"} {
		if want != "" {
			if err := s.SetFact(t.Context(), "public_url", want); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.Fact(t.Context(), "public_url"); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if free, err := s.FreeBytes(); err != nil || free == 0 {
		t.Errorf("got %d bytes free, %v", free, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(context.WithoutCancel(t.Context())); err == nil {
		t.Error("a closed store answers a ping")
	}
}
