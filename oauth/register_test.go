package oauth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"iotman/iot"
	"iotman/store"
)

// registration calls the client configuration endpoint (RFC 7592).
func (f *front) registration(method, id, access string, m map[string]any) reply {
	f.t.Helper()
	text, err := json.Marshal(m)
	f.must(err)
	if m == nil {
		text = nil
	}
	return f.send(method, "/oauth/register/"+id, string(text), "Authorization", "Bearer "+access, "Content-Type", "application/json")
}

// TestRegister: the answer to a registration is whole (RFC 7591 section 3.2.1).
func TestRegister(t *testing.T) {
	f := newFront(t, nil)
	for method, confidential := range map[string]bool{"": true, "none": false, "client_secret_basic": true, "client_secret_post": true} {
		m := map[string]any{"client_name": "App", "redirect_uris": []string{appRedirect}, "logo_uri": "https://evil.example/x.png", "contacts": []string{"x"}}
		if method != "" {
			m["token_endpoint_auth_method"] = method
		}
		r := f.register(m)
		id := r.str("client_id")
		if r.status != http.StatusCreated || id == "" || r.header.Get("Cache-Control") != "no-store" || (r.str("client_secret") != "") != confidential ||
			r.str("registration_client_uri") != publicURL+"/oauth/register/"+id || r.str("registration_access_token") == "" || r.body["client_id_issued_at"] == nil {
			t.Errorf("%q: got %d %s", method, r.status, r.text)
		}
		if _, ok := r.body["client_secret_expires_at"]; ok != confidential { // REQUIRED with a secret
			t.Errorf("%q: got client_secret_expires_at %t", method, ok)
		}
		if strings.Contains(r.text, "logo") { // A12
			t.Errorf("got a logo in %s", r.text)
		}
	}
}

// TestA11Limits: what a registration may hold.
func TestA11Limits(t *testing.T) {
	f := newFront(t, nil)
	uris := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("%s/%d", appRedirect, i))
		}
		return out
	}
	good := map[string]any{"client_name": "App", "redirect_uris": uris(1), "token_endpoint_auth_method": "none"}
	f.wants("11 redirect URIs", f.register(with(good, "redirect_uris", uris(11))), http.StatusBadRequest, "invalid_redirect_uri")
	f.wants("none", f.register(with(good, "redirect_uris", nil)), http.StatusBadRequest, "invalid_redirect_uri")
	f.wants("a body of more than 16 KiB", f.register(with(good, "tos_uri", strings.Repeat("x", 16<<10))), http.StatusRequestEntityTooLarge, "invalid_client_metadata")
	f.wants("a method of assertions", f.register(with(good, "token_endpoint_auth_method", "private_key_jwt")), http.StatusBadRequest, "invalid_client_metadata")
	f.wants("client_credentials", f.register(with(good, "grant_types", []string{"client_credentials"})), http.StatusBadRequest, "invalid_client_metadata")
	f.wants("implicit", f.register(with(good, "response_types", []string{"token"})), http.StatusBadRequest, "invalid_client_metadata")
	f.wants("a script as its page", f.register(with(good, "client_uri", "javascript:alert(1)")), http.StatusBadRequest, "invalid_client_metadata")
	f.wants("no JSON", f.send(http.MethodPost, "/oauth/register", "x"), http.StatusBadRequest, "invalid_client_metadata")
	if r := f.register(with(good, "redirect_uris", uris(10))); r.status != http.StatusCreated {
		t.Errorf("10 redirect URIs: got %d %s, want 201", r.status, r.text)
	}
	r := f.register(with(good, "client_name", strings.Repeat("ä", 200)))
	if got := []rune(r.str("client_name")); len(got) != 64 {
		t.Errorf("got a name of %d characters, want 64", len(got))
	}
}

// TestA11PerAddress: an address registers ten clients in any hour; another is not
// kept from it.
func TestA11PerAddress(t *testing.T) {
	f := newFront(t, nil)
	good := map[string]any{"redirect_uris": []string{appRedirect}}
	try := func(what, address string, want int) {
		t.Helper()
		r := f.register(good, "Test-Address", address, "X-Forwarded-For", string(store.NewID())) // which nobody heeds
		if r.status != want || want == http.StatusTooManyRequests && r.header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d %s, Retry-After %q, want %d", what, r.status, r.text, r.header.Get("Retry-After"), want)
		}
	}
	for range 10 {
		try("within the limit", "192.0.2.1", http.StatusCreated)
		f.add(time.Minute)
	}
	try("the eleventh", "192.0.2.1", http.StatusTooManyRequests)
	try("another address", "192.0.2.2", http.StatusCreated)
	f.add(50*time.Minute - time.Microsecond)
	try("just before the hour", "192.0.2.1", http.StatusTooManyRequests)
	f.add(time.Microsecond)
	try("after the hour", "192.0.2.1", http.StatusCreated)
	try("one a minute from then", "192.0.2.1", http.StatusTooManyRequests)
}

// TestA11Unused: a client that never got a token goes after a day; one that did
// stays.
func TestA11Unused(t *testing.T) {
	f := newFront(t, nil)
	used, unused := f.app(iot.AuthMethodNone), f.app(iot.AuthMethodNone)
	f.signIn(used)
	f.add(24*time.Hour - time.Second)
	f.must(f.store.Sweep(t.Context()))
	f.answer(f.request(unused), f.consent())
	f.add(2 * time.Second)
	f.must(f.store.Sweep(t.Context()))
	f.shown("a client that was never used", f.request(unused))
	f.answer(f.request(used), f.consent())
}

// TestRegistrationAccess: a registration is read, changed and ended with its own
// token, and no other (RFC 7592 section 2).
func TestRegistrationAccess(t *testing.T) {
	f := newFront(t, nil)
	a, other := f.app(iot.AuthMethodPost), f.app(iot.AuthMethodNone)
	robot, person := f.machine("data:read"), f.token()
	m := map[string]any{"client_id": a.id, "client_name": "Renamed", "redirect_uris": []string{"https://app.example.com/new"}, "token_endpoint_auth_method": "client_secret_post"}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		for what, access := range map[string]string{"another's": other.access, "none": "", "its secret": a.secret, "a person's": person, "more": a.access + "x"} {
			f.wants(method+" with "+what, f.registration(method, a.id, access, m), http.StatusUnauthorized, "invalid_token")
		}
		none := f.registration(method, string(store.NewID()), a.access, m)
		f.wants("a client that there is none", none, http.StatusUnauthorized, "invalid_token")
		if h := none.header.Get("WWW-Authenticate"); !strings.HasPrefix(h, "Bearer ") {
			t.Errorf("%s: got WWW-Authenticate %q, want the scheme that is taken", method, h)
		}
		f.wants("a workspace's client", f.registration(method, robot.id, a.access, m), http.StatusUnauthorized, "invalid_token")
	}
	r := f.registration(http.MethodGet, a.id, a.access, nil)
	if r.status != http.StatusOK || r.str("client_name") != "App" || r.str("client_id") != a.id {
		t.Errorf("get: got %d %s", r.status, r.text)
	}
	f.wants("put of another id", f.registration(http.MethodPut, a.id, a.access, with(m, "client_id", other.id)), http.StatusBadRequest, "invalid_client_metadata")
	f.wants("put without its secret", f.registration(http.MethodPut, a.id, a.access, with(m, "token_endpoint_auth_method", "none")), http.StatusBadRequest, "invalid_client_metadata")
	if r := f.registration(http.MethodPut, a.id, a.access, m); r.status != http.StatusOK || r.str("client_name") != "Renamed" {
		t.Errorf("put: got %d %s", r.status, r.text)
	}
	f.shown("the redirect URI before", f.request(a))
	a.redirect = "https://app.example.com/new"
	got := f.signIn(a)
	if r := f.registration(http.MethodDelete, a.id, a.access, nil); r.status != http.StatusNoContent || r.text != "" {
		t.Errorf("delete: got %d %q, want 204", r.status, r.text)
	}
	f.wants("get after its end", f.registration(http.MethodGet, a.id, a.access, nil), http.StatusUnauthorized, "invalid_token")
	f.wants("refresh after its end", f.post("/oauth/token", a.refresh(got.refresh)), http.StatusUnauthorized, "invalid_client")
}

// FuzzRegister: whatever is registered is refused or taken, and never a fault.
func FuzzRegister(f *testing.F) {
	h := newFront(f, nil)
	for _, seed := range []string{
		`{"redirect_uris":["https://app.example.com/cb"],"client_name":"A"}`, `{}`, `null`, `[]`, `"x"`, ``, `{"redirect_uris":"x"}`, `{"redirect_uris":[null]}`,
		`{"redirect_uris":["cursor://a"],"client_name":"\u202e\u0000<b>"}`, `{"redirect_uris":["http://[::1%25lo]/"],"grant_types":[""]}`,
		`{"redirect_uris":["https://a/"],"client_uri":"https://%zz"}`, `{"redirect_uris":["https://a/"],"client_name":"` + "\xff" + `"}`,
	} {
		f.Add(seed)
	}
	n := 0
	f.Fuzz(func(t *testing.T, body string) {
		n++ // each from a network of its own
		r, err := h.try(http.MethodPost, "/oauth/register", body, "Test-Address", fmt.Sprintf("%d.%d.%d.1", n>>16&255, n>>8&255, n&255))
		switch {
		case err != nil:
			t.Fatal(err)
		case r.status == http.StatusCreated && (r.str("client_id") == "" || len([]rune(r.str("client_name"))) > 64), r.status >= 500 && r.status != http.StatusServiceUnavailable,
			r.status >= 400 && r.str("error") == "":
			t.Errorf("%q: got %d %s", body, r.status, r.text)
		}
	})
}
