package oauth_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"iotman/iot"
)

// told asks the introspection endpoint.
func (f *front) told(a app, token string) reply {
	f.t.Helper()
	r := f.post("/oauth/introspect", a.as(url.Values{"token": {token}}))
	if r.status != http.StatusOK || r.header.Get("Cache-Control") != "no-store" {
		f.t.Errorf("introspect: got %d %s, want 200 that nobody keeps", r.status, r.text)
	}
	return r
}

// TestA29Introspect: a client learns of its own tokens; of another's, of one that
// has ended and of one that never was it learns the same: nothing.
func TestA29Introspect(t *testing.T) {
	f := newFront(t, nil)
	a, other := f.app(iot.AuthMethodPost), f.app(iot.AuthMethodPost)
	clerk, robot := f.machine("access:read"), f.machine("data:read")
	got := f.signIn(a)
	for what, asker := range map[string]app{"its own": a, "one that reads access": clerk} {
		r := f.told(asker, got.access)
		if r.body["active"] != true || r.str("client_id") != a.id || r.str("sub") != string(f.account.ID) || r.str("scope") != "sources:write data:read" ||
			r.str("aud") != publicURL+"/mcp/north" || r.str("iss") != publicURL || r.str("token_type") != "Bearer" || r.str("username") != f.account.Email {
			t.Errorf("%s: got %s", what, r.text)
		}
	}
	nothing := f.told(a, "no token").text
	if nothing != `{"active":false}` {
		t.Errorf("no token: got %s", nothing)
	}
	for what, r := range map[string]reply{
		"another client": f.told(other, got.access), "another machine": f.told(robot, got.access),
		"a refresh token": f.told(a, got.refresh), "another's, gone": f.told(other, got.access+"x"),
	} {
		if r.text != nothing {
			t.Errorf("%s: got %s, want %s", what, r.text, nothing)
		}
	}
	public := f.app(iot.AuthMethodNone)
	f.wants("a public client", f.post("/oauth/introspect", public.as(url.Values{"token": {got.access}})), http.StatusUnauthorized, "invalid_client")
	f.wants("no token", f.post("/oauth/introspect", a.as(url.Values{})), http.StatusBadRequest, "invalid_request")
	// A clerk of another workspace sees nothing.
	f.ws = f.workspace("south")
	if r := f.told(f.machine("access:read"), got.access); r.text != nothing {
		t.Errorf("a clerk of another workspace: got %s", r.text)
	}
	f.add(time.Hour)
	if r := f.told(a, got.access); r.text != nothing {
		t.Errorf("expired: got %s", r.text)
	}
}

// TestA29Revoke: a client ends its own grant by any token of it, at once; of
// another's it is told the same, and nothing ends.
func TestA29Revoke(t *testing.T) {
	f := newFront(t, nil)
	for _, method := range []string{iot.AuthMethodNone, iot.AuthMethodPost} {
		a, other := f.app(method), f.app(iot.AuthMethodNone)
		revoke := func(by app, token, hint string) {
			t.Helper()
			r := f.post("/oauth/revoke", by.as(url.Values{"token": {token}, "token_type_hint": {hint}}))
			if r.status != http.StatusOK || r.text != "" {
				t.Errorf("revoke: got %d %q, want 200 without a word", r.status, r.text)
			}
		}
		for _, hint := range []string{"", "access_token", "refresh_token", "nonsense"} {
			elsewhere, got := f.signIn(a), f.signIn(a)
			next := f.exchange(a.refresh(got.refresh))
			f.open("before", true, got.access, next.access)
			for _, token := range []string{got.access, next.refresh, got.refresh, "no token"} {
				revoke(other, token, hint)
			}
			f.open("after another client's", true, got.access, next.access)
			token := next.access
			if hint == "refresh_token" {
				token = next.refresh
			}
			revoke(a, token, hint)
			f.open("revoked", false, got.access, next.access)
			f.wants("revoked", f.post("/oauth/token", a.refresh(next.refresh)), http.StatusBadRequest, "invalid_grant")
			revoke(a, token, hint) // again
			f.open("another sign-in", true, elsewhere.access)
		}
	}
	robot := f.machine("data:read")
	form := set(robot.credentials(), "resource", publicURL+"/mcp/north")
	one, two := f.exchange(form), f.exchange(form)
	f.post("/oauth/revoke", robot.as(url.Values{"token": {one.access}}))
	f.open("a machine's token that was revoked", false, one.access)
	f.open("its other token", true, two.access)
}
