package oauth_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"iotman/iot"
	"iotman/store"
)

// basic is the header of HTTP Basic, form-encoded first (RFC 6749 section 2.3.1).
func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// TestA23Mixed: a client proves itself in one way, at every endpoint that asks.
func TestA23Mixed(t *testing.T) {
	f := newFront(t, nil)
	a, other, public := f.app(iot.AuthMethodPost), f.app(iot.AuthMethodBasic), f.app(iot.AuthMethodNone)
	token := f.signIn(a).access
	none := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "token": {token}}
	body := func(id, secret string) url.Values { return set(set(none, "client_id", id), "client_secret", secret) }
	n := 0
	for what, c := range map[string]struct {
		form   url.Values
		header []string
	}{
		"nothing":                         {none, nil},
		"no secret":                       {set(none, "client_id", a.id), nil},
		"an empty secret":                 {body(a.id, ""), nil},
		"a wrong secret":                  {body(a.id, other.secret), nil},
		"Basic and the body":              {body(a.id, a.secret), []string{"Authorization", basic(a.id, a.secret)}},
		"Basic and another in the body":   {body(other.id, other.secret), []string{"Authorization", basic(a.id, a.secret)}},
		"Basic and a secret alone":        {set(none, "client_secret", a.secret), []string{"Authorization", basic(a.id, a.secret)}},
		"Basic and another id":            {set(none, "client_id", other.id), []string{"Authorization", basic(a.id, a.secret)}},
		"Basic twice":                     {none, []string{"Authorization", basic(a.id, a.secret), "Authorization", basic(a.id, a.secret)}},
		"Basic with another's secret":     {none, []string{"Authorization", basic(a.id, other.secret)}},
		"Basic without a secret":          {none, []string{"Authorization", basic(a.id, "")}},
		"Basic that is none":              {none, []string{"Authorization", "Basic !!"}},
		"Basic without a colon":           {none, []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(a.id))}},
		"a bearer token":                  {body(a.id, a.secret), []string{"Authorization", "Bearer " + token}},
		"a secret of a public client":     {body(public.id, "x"), nil},
		"Basic of a public client":        {none, []string{"Authorization", basic(public.id, "x")}},
		"an assertion":                    {set(body(a.id, a.secret), "client_assertion", "x"), nil},
		"an assertion's type":             {set(body(a.id, a.secret), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), nil},
		"an unknown client":               {body("nobody", "x"), nil},
		"an unknown client with a secret": {body(string(store.NewID()), a.secret), nil},
	} {
		for _, path := range []string{"/oauth/token", "/token", "/oauth/revoke", "/oauth/introspect"} {
			n++
			r := f.post(path, c.form, append([]string{"Test-Address", fmt.Sprintf("192.0.2.%d", n)}, c.header...)...)
			if r.status != http.StatusUnauthorized || r.str("error") != "invalid_client" || r.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s at %s: got %d %s, want 401 invalid_client with WWW-Authenticate", what, path, r.status, r.text)
			}
		}
	}
	f.wants("two secrets", f.post("/oauth/token", set(body(a.id, a.secret), "client_secret", a.secret, a.secret)), http.StatusBadRequest, "invalid_request")
	f.wants("two ids", f.post("/oauth/token", set(body(a.id, a.secret), "client_id", a.id, other.id)), http.StatusBadRequest, "invalid_request")
	f.open("after all this", true, token)
	// A secret in the URL is none.
	r := f.post("/oauth/token?client_id="+a.id+"&client_secret="+a.secret, none)
	f.wants("in the URL", r, http.StatusUnauthorized, "invalid_client")
	for _, header := range []string{basic(a.id, a.secret), basic(other.id, other.secret)} {
		f.wants("good, for no token", f.post("/oauth/token", set(none, "client_id"), "Authorization", header), http.StatusBadRequest, "invalid_grant")
	}
	f.wants("good, and the same id", f.post("/oauth/token", set(none, "client_id", a.id), "Authorization", basic(a.id, a.secret)), http.StatusBadRequest, "invalid_grant")
}

// TestA24Guess: ten wrong secrets a minute, for a client and an address; then not
// even the right one is heard from there. Another address is not kept out.
func TestA24Guess(t *testing.T) {
	f := newFront(t, nil)
	a, second := f.app(iot.AuthMethodPost), f.app(iot.AuthMethodPost)
	here, there := []string{"Test-Address", "192.0.2.1"}, []string{"Test-Address", "192.0.2.2"}
	wrong := func(id string) url.Values { return app{id: id, secret: "wrong"}.refresh("x") }
	var known, unknown reply
	for range 10 {
		known = f.post("/oauth/token", wrong(a.id), here...)
		f.wants("a wrong secret", known, http.StatusUnauthorized, "invalid_client")
		unknown = f.post("/oauth/token", wrong("nobody"), here...)
		f.wants("an unknown client", unknown, http.StatusUnauthorized, "invalid_client")
	}
	if known.text != unknown.text { // which of the two it is stays untold
		t.Errorf("got %s for a wrong secret, %s for an unknown client", known.text, unknown.text)
	}
	for what, form := range map[string]url.Values{"the eleventh": wrong(a.id), "the right secret": a.refresh("x"), "an unknown client": wrong("nobody")} {
		r := f.post("/oauth/token", form, here...)
		if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") != "60" {
			t.Errorf("%s: got %d %s, Retry-After %q, want 429 and 60", what, r.status, r.text, r.header.Get("Retry-After"))
		}
	}
	f.wants("elsewhere", f.post("/oauth/token", a.refresh("x"), there...), http.StatusBadRequest, "invalid_grant")
	f.wants("another client", f.post("/oauth/token", second.refresh("x"), here...), http.StatusBadRequest, "invalid_grant")
	for _, path := range []string{"/oauth/revoke", "/oauth/introspect"} {
		if r := f.post(path, a.as(url.Values{"token": {"x"}}), here...); r.status != http.StatusTooManyRequests {
			t.Errorf("%s: got %d %s, want 429", path, r.status, r.text)
		}
	}
	f.add(time.Minute)
	f.wants("a minute later", f.post("/oauth/token", a.refresh("x"), here...), http.StatusBadRequest, "invalid_grant")
	for range 20 { // right secrets are not counted
		f.wants("right", f.post("/oauth/token", a.refresh("x"), here...), http.StatusBadRequest, "invalid_grant")
	}
}

// FuzzTokenForm: whatever form the token endpoint is sent, it answers as RFC 6749
// section 5 has it, and is not at fault.
func FuzzTokenForm(f *testing.F) {
	h := newFront(f, nil)
	a, robot := h.app(iot.AuthMethodNone), h.machine("data:read")
	got := h.signIn(a)
	seeds := []url.Values{a.redeem(h.code(a)), a.refresh(got.refresh), robot.credentials(), {}, {"grant_type": {"implicit"}}}
	for _, form := range seeds {
		f.Add(form.Encode())
		for _, name := range []string{"grant_type", "scope", "resource", "audience", "client_id", "code", "code_verifier", "redirect_uri", "refresh_token"} {
			for _, v := range []string{"", " ", "\x00", "\xff", "authorization_code refresh_token client_credentials", "https://x/"} {
				f.Add(set(form, name, v).Encode())
			}
		}
	}
	f.Add("grant_type=%zz")
	f.Add("a;b=c&&&=")
	f.Fuzz(func(t *testing.T, form string) {
		r, err := h.try(http.MethodPost, "/oauth/token", form, "Content-Type", "application/x-www-form-urlencoded")
		switch {
		case err != nil:
			t.Fatal(err)
		case r.status == http.StatusOK && r.str("access_token") != "" && r.str("scope") != "":
		case r.status < 400 || r.status >= 500 || r.str("error") == "" || r.header.Get("Cache-Control") != "no-store":
			t.Errorf("%q: got %d %s", form, r.status, r.text)
		}
	})
}

// TestGrantTypes: a grant that is not served is told as such (RFC 6749 section
// 5.2), with those that are.
func TestGrantTypes(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	for _, g := range []string{"", "password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "authorization_code refresh_token"} {
		r := f.post("/oauth/token", a.as(url.Values{"grant_type": {g}}))
		f.wants(g, r, http.StatusBadRequest, "unsupported_grant_type")
		if !strings.Contains(r.str("error_description"), "client_credentials") {
			t.Errorf("%q: got %s, want the grants that are served", g, r.text)
		}
	}
}
