package oauth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"iotman/iot"
	"iotman/oauth"
)

// shown fails the test unless the request ends on a page of ours, and nothing is
// sent anywhere.
func (f *front) shown(what string, q url.Values) {
	f.t.Helper()
	a, err := f.authorize(q)
	if _, sent := errors.AsType[*oauth.Redirected](err); sent || err == nil {
		f.t.Errorf("%s: got %v, %v, want a page that says what is wrong", what, a, err)
		return
	}
	if e, ok := errors.AsType[*iot.Error](err); !ok || e.Kind == iot.Internal || e.Msg == "" {
		f.t.Errorf("%s: got %v, want an error for the person", what, err)
	}
}

// TestA9Redirect: the answer goes where the client said it would, or nowhere,
// whatever else is wrong with the request.
func TestA9Redirect(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	for _, to := range []string{
		"https://app.example.com/CB", "https://APP.example.com/cb", "HTTPS://app.example.com/cb", "https://app.example.com/cb/", "https://app.example.com/cb?x=1",
		"https://app.example.com/cb?", "https://app.example.com/../cb", "https://app.example.com/cb/../cb", "https://app.example.com/x/%2e%2e/cb",
		"https://app.example.com/cb/..;/x", "https://user@app.example.com/cb", "https://app.example.com@evil.example/cb", "https://evil.app.example.com/cb",
		"https://app.example.com.evil.example/cb", "https://evilapp.example.com/cb", "https://example.com/cb", "https://app.example.com/cb#x", "https://app.example.com/cb#",
		"https://app.example.com:443/cb", "https://app.example.com:8443/cb", "http://app.example.com/cb", "//app.example.com/cb", "/cb", "cb",
		"javascript:alert(1)", "data:text/html,x", "https://app.example.com\\@evil.example/cb", "https://app.example.com/cb%0d%0aX:y", "https://app.example.com/cb\r\nX: y",
		"https://app.example.com/cb\x00", " https://app.example.com/cb", "https://app.example.com/cb ", "http://127.0.0.1/cb", "http://localhost/cb", "https://evil.example/cb",
	} {
		q := set(f.request(a), "redirect_uri", to)
		f.shown(to, q)
		// What else is wrong does not make it an answer to send.
		f.shown("without PKCE, "+to, set(q, "code_challenge"))
		f.shown("another response type, "+to, set(q, "response_type", "token"))
		f.shown("another scope, "+to, set(q, "scope", "everything"))
	}
	f.shown("an unknown client", set(f.request(a), "client_id", "nobody"))
	f.shown("no client", set(f.request(a), "client_id"))
	f.shown("two redirect URIs", set(f.request(a), "redirect_uri", a.redirect, "https://evil.example/cb"))
	f.shown("two clients", set(f.request(a), "client_id", a.id, "nobody"))
	f.shown("a client with a space", set(f.request(a), "client_id", a.id+" "))
	// One that is left out is the one there is (RFC 6749 section 3.1.2.3).
	f.answer(set(f.request(a), "redirect_uri"), f.consent())
}

// TestA9Registered: redirect URIs that no client may have are refused when it
// registers, and where one changes its registration.
func TestA9Registered(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	for _, bad := range []string{
		"javascript:alert(1)", "data:text/html,x", "http://app.example.com/cb", "https://app.example.com/cb#x", "https://user@app.example.com/cb",
		"https://app.example.com/../cb", "https://*.example.com/cb", "/cb", "", "https://app.example.com/c b", "http://localhost.evil.example/cb",
	} {
		m := map[string]any{"redirect_uris": []string{appRedirect, bad}, "token_endpoint_auth_method": "none", "client_id": a.id}
		f.wants(bad, f.register(m), http.StatusBadRequest, "invalid_redirect_uri")
		f.wants("put "+bad, f.registration(http.MethodPut, a.id, a.access, m), http.StatusBadRequest, "invalid_redirect_uri")
	}
}

// TestA10Loopback: on this machine any port is as good as the one registered, and
// nothing else may differ.
func TestA10Loopback(t *testing.T) {
	f := newFront(t, nil)
	r := f.register(map[string]any{"client_name": "Native", "token_endpoint_auth_method": "none", "redirect_uris": []string{
		"http://127.0.0.1:1234/cb", "http://localhost:1234/cb", "http://[::1]/cb", "cursor://app/cb",
	}})
	a := app{id: r.str("client_id")}
	for _, to := range []string{"http://127.0.0.1:9/cb", "http://127.0.0.1/cb", "http://localhost:50123/cb", "http://[::1]:50123/cb", "cursor://app/cb"} {
		a.redirect = to
		// The very port goes through the whole flow.
		f.exchange(a.redeem(f.code(a)))
	}
	for _, to := range []string{
		"http://127.0.0.1:9/other", "http://127.0.0.1:9/cb/", "http://127.0.0.1:9/cb?x=1", "http://127.0.0.2:9/cb", "http://localhost.evil.example:9/cb", "https://localhost:9/cb",
		"http://127.0.0.1@evil.example/cb", "http://user@127.0.0.1:9/cb", "http://127.0.0.1:9/cb#x", "http://0.0.0.0:9/cb", "http://[::]:9/cb", "http://127.1:9/cb",
		"http://2130706433:9/cb", "http://LOCALHOST:9/cb", "http://localhost.:9/cb", "http://10.0.0.1:9/cb", "cursor://app/cb/x", "cursor://other/cb", "vscode://app/cb",
	} {
		f.shown(to, set(f.request(a), "redirect_uri", to))
	}
	// The port that was asked for is the port that counts when the code is used.
	a.redirect = "http://127.0.0.1:7001/cb"
	code := f.code(a)
	f.wants("another port", f.post("/oauth/token", set(a.redeem(code), "redirect_uri", "http://127.0.0.1:7002/cb")), http.StatusBadRequest, "invalid_grant")
	f.exchange(a.redeem(code))
}

// FuzzA9Authorize looks for a request that is answered anywhere but at what the
// client registered.
func FuzzA9Authorize(f *testing.F) {
	h := newFront(f, nil)
	a := h.app(iot.AuthMethodNone)
	f.Add(h.request(a).Encode())
	for _, name := range []string{"redirect_uri", "response_mode", "state", "resource", "scope", "prompt", "request_uri", "code_challenge"} {
		for _, v := range []string{"", "https://evil.example/cb", "form_post", "\r\nX: y", "https://app.example.com/cb?x", "a b", "\xff"} {
			f.Add(set(h.request(a), name, v).Encode())
		}
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequestWithContext(h.ctx, http.MethodGet, publicURL+"/oauth/authorize", http.NoBody)
		r.URL.RawQuery = query
		got, err := h.server.Authorize(r)
		to := ""
		if sent, ok := errors.AsType[*oauth.Redirected](err); ok {
			to = sent.URL
		} else if err == nil {
			to, err = h.server.Grant(t.Context(), got, h.consent())
		}
		if to == "" {
			if iot.KindOf(err) == iot.Internal {
				t.Errorf("%q: got %v, want an error for the person", query, err)
			}
			return
		}
		u, err := url.Parse(to)
		if err != nil || u.Scheme+"://"+u.Host+u.Path != appRedirect || u.Query().Get("iss") != publicURL || u.Fragment != "" {
			t.Errorf("%q: got an answer at %q", query, to)
		}
	})
}
