package store

import (
	"context"
	"strings"
	"testing"

	"iotman/iot"
)

// TestAccountsG17: an address is one account, however it is written.
func TestAccountsG17(t *testing.T) {
	s := openIdle(t, Config{})
	if a, err := s.FirstAccount(t.Context()); err != nil || a != (iot.Account{}) {
		t.Errorf("nobody yet: got %+v, %v, want none", a, err)
	}
	ada, err := s.CreateAccount(t.Context(), " Ada@Example.COM ", "Ada")
	if err != nil || ada.Email != "ada@example.com" {
		t.Fatalf("got %+v, %v", ada, err)
	}
	for _, email := range []string{"ada@example.com", "ADA@EXAMPLE.COM", "\tada@example.com\n"} {
		if got, err := s.AccountByEmail(t.Context(), email); err != nil || got != ada {
			t.Errorf("%q: got %+v, %v, want %+v", email, got, err, ada)
		}
		_, err := s.CreateAccount(t.Context(), email, "Another")
		wantKind(t, err, iot.Conflict)
	}
	if _, err := s.CreateAccount(t.Context(), "bob@example.com", ""); err != nil {
		t.Error(err)
	}
	_, err = s.AccountByEmail(t.Context(), "eve@example.com")
	wantKind(t, err, iot.NotFound)
	if a, err := s.FirstAccount(t.Context()); err != nil || a != ada {
		t.Errorf("the first: got %+v, %v, want %+v", a, err, ada)
	}
	for _, email := range []string{"", "@", "a@", "@b", "ada", "a b@c", "a\r\nbcc:x@y", "a@b\x00c", "a\x1b@b", strings.Repeat("a", 250) + "@b.cd", "a@\xff"} {
		if _, err := s.CreateAccount(t.Context(), email, ""); iot.KindOf(err) != iot.Invalid {
			t.Errorf("%q: got error %v, want invalid", email, err)
		}
	}
}

func TestMembers(t *testing.T) {
	s := openIdle(t, Config{})
	w, other := plant(t, s), plant(t, s)
	owner, err := w.Owner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bob := account(t, s)
	add := func(ctx context.Context, tx *Tx) error {
		if err := tx.AddMember(ctx, bob.ID, iot.Editor); err != nil {
			return err
		}
		role, err := tx.Role(ctx, bob.ID)
		if role != iot.Editor {
			t.Errorf("within the change: got role %q, want editor", role)
		}
		return err
	}
	change(t, w, add)
	wantKind(t, s.Change(t.Context(), owned(t, w, "member_add"), add), iot.Conflict)
	for _, test := range []struct {
		w    *Workspace
		a    iot.ID
		want iot.Role
	}{{w, owner.ID, iot.Owner}, {w, bob.ID, iot.Editor}, {other, bob.ID, ""}, {w, NewID(), ""}} {
		if got, err := test.w.Role(t.Context(), test.a); err != nil || got != test.want {
			t.Errorf("got role %q, %v, want %q", got, err, test.want)
		}
	}
	if o, err := w.Owner(t.Context()); err != nil || o != owner {
		t.Errorf("the owner: got %+v, %v, want %+v", o, err, owner)
	}
	if ws, err := w.Get(t.Context()); err != nil || ws.MemberCount != 2 {
		t.Errorf("got %d members, %v, want 2", ws.MemberCount, err)
	}
}
