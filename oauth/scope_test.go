package oauth_test

import (
	"net/http"
	"strings"
	"testing"

	"iotman/iot"
)

// scopeOf is the scope that the server says a token has now.
func (f *front) scopeOf(token string) string {
	f.t.Helper()
	told, err := f.server.Introspect(f.t.Context(), token)
	f.must(err)
	return told.Scope
}

// TestA16Authorize: nobody grants what was not asked for, or what their role
// does not hold, whatever they tick.
func TestA16Authorize(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	says := f.consent()
	grant := func(asked string) string {
		t.Helper()
		got := f.exchange(a.redeem(f.answer(set(f.request(a), "scope", asked), says).Get("code")))
		if _, claims := f.parts(got.access); claims["scope"] != got.scope {
			t.Errorf("%s: got a token with %v, said to be %s", asked, claims["scope"], got.scope)
		}
		return got.scope
	}
	for asked, want := range map[string]string{
		"data:read":                            "data:read",
		"data:read workspace:own":              "data:read workspace:own",
		"data:read platform:admin":             "data:read", // no role holds it
		"  data:read  openid offline_access  ": "data:read",
		"data:read data:read":                  "data:read",
	} {
		if got := grant(asked); got != want {
			t.Errorf("the owner, asked for %q: got %q, want %q", asked, got, want)
		}
	}
	if got := grant("openid profile"); strings.Contains(got, "workspace:own") || strings.Contains(got, "account:write") || !strings.Contains(got, "data:write") {
		t.Errorf("asked for nothing in particular: got %q, want what is not sensitive", got)
	}
	says.Person = f.member("viewer@example.com", iot.Viewer)
	if got := grant("data:read data:write sources:write members:write"); got != "data:read" {
		t.Errorf("a viewer: got %q, want data:read", got)
	}
	says.Granted = iot.PermissionsOf(iot.SourcesRead)
	if got := grant("data:read sources:read"); got != "sources:read" {
		t.Errorf("a viewer who ticked one: got %q", got)
	}
	asked, err := f.authorize(set(f.request(a), "scope", "members:write"))
	f.must(err)
	if to, err := f.server.Grant(t.Context(), asked, says); err == nil {
		t.Errorf("nothing is left: got %s, want it refused", to)
	}
	stranger, err := f.store.CreateAccount(t.Context(), "eve@example.com", "Eve")
	f.must(err)
	says.Person = stranger
	asked, err = f.authorize(f.request(a))
	f.must(err)
	if to, err := f.server.Grant(t.Context(), asked, says); err == nil {
		t.Errorf("no member: got %s, want it refused", to)
	}
	for _, unknown := range []string{"everything", "data:*", "data:read,data:write", "data:read\tworkspace:all", "DATA:READ"} {
		f.sentBack(unknown, set(f.request(a), "scope", unknown), "invalid_scope")
	}
}

// TestA16Token: the token endpoint gives no more than was granted, whatever it is
// asked for.
func TestA16Token(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	got := f.exchange(set(a.redeem(f.code(a)), "scope", "data:read workspace:own members:write"))
	for range 3 {
		_, claims := f.parts(got.access)
		if got.scope != "sources:write data:read" || claims["scope"] != got.scope {
			t.Errorf("got scope %q, a token with %v, want what was granted", got.scope, claims["scope"])
		}
		r := f.send(http.MethodGet, "/api/v1/workspaces/north/members", "", "Authorization", "Bearer "+got.access)
		if r.status == http.StatusOK {
			t.Errorf("got %s with a token that does not hold it", r.text)
		}
		got = f.exchange(set(a.refresh(got.refresh), "scope", "data:read workspace:own members:write platform:admin"))
	}
	got = f.exchange(set(a.refresh(got.refresh), "scope", "data:read")) // less, for this one token
	if _, claims := f.parts(got.access); got.scope != "data:read" || claims["scope"] != got.scope {
		t.Errorf("asked for less: got scope %q, a token with %v", got.scope, claims["scope"])
	}
	if got = f.exchange(a.refresh(got.refresh)); got.scope != "sources:write data:read" {
		t.Errorf("the refresh after: got scope %q, want what was granted", got.scope)
	}
}

// TestA16Lowered: what a role does not hold any more, tokens do not hold from that
// moment on, and a refresh brings none of it back.
func TestA16Lowered(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	bob := f.member("bob@example.com", iot.Editor)
	says := f.consent()
	says.Person = bob
	got := f.exchange(a.redeem(f.answer(f.request(a), says).Get("code")))
	if scope := f.scopeOf(got.access); scope != "sources:write data:read" {
		t.Errorf("an editor: got %q", scope)
	}
	f.sql(`UPDATE members SET role = 'viewer' WHERE account_id = ?`, bob.ID)
	next := f.exchange(a.refresh(got.refresh))
	for what, token := range map[string]string{"before": got.access, "refreshed": next.access} {
		if scope := f.scopeOf(token); scope != "data:read" {
			t.Errorf("lowered to viewer, %s: got %q, want data:read", what, scope)
		}
		r := f.send(http.MethodPost, "/api/v1/workspaces/north/http-endpoints", `{"name":"X"}`, "Authorization", "Bearer "+token, "Content-Type", "application/json")
		if r.status != http.StatusForbidden {
			t.Errorf("lowered to viewer, %s: got %d %.200s, want 403", what, r.status, r.text)
		}
	}
	f.sql(`DELETE FROM members WHERE account_id = ?`, bob.ID)
	f.open("no longer a member", false, got.access, next.access)
	if r := f.post("/oauth/token", a.refresh(next.refresh)); r.status == http.StatusOK {
		f.open("no longer a member, refreshed", false, r.str("access_token"))
	}
}
