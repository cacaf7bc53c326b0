package oauth_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"iotman/iot"
)

// wellKnown are the documents that clients find the server by, and the resource
// that each is about.
var wellKnown = map[string]string{
	"/.well-known/oauth-authorization-server":            "",
	"/.well-known/openid-configuration":                  "",
	"/.well-known/oauth-protected-resource":              publicURL,
	"/.well-known/oauth-protected-resource/mcp/north":    publicURL + "/mcp/north",
	"/.well-known/oauth-protected-resource/mcp/nowhere":  publicURL + "/mcp/nowhere", // whether there is one stays untold
	"/mcp/north/.well-known/oauth-protected-resource":    publicURL + "/mcp/north",
	"/.well-known/oauth-protected-resource/mcp/north?x=": publicURL + "/mcp/north",
}

// TestA30Host: what the server says of itself is its public URL, whatever a
// request says of the host, and of how it came.
func TestA30Host(t *testing.T) {
	f := newFront(t, nil)
	hostile := []string{
		"Host", "evil.example", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "http", "X-Forwarded-Port", "666", "X-Forwarded-For", "203.0.113.9",
		"Forwarded", "host=evil.example;proto=http", "X-Original-Host", "evil.example", "X-Original-URL", "/evil", "X-Rewrite-URL", "/evil", "Origin", "https://evil.example",
	}
	for path, resource := range wellKnown {
		plain, attacked := f.get(path), f.get(path, hostile...)
		if plain.status != http.StatusOK || attacked.status != http.StatusOK || plain.text != attacked.text || strings.Contains(attacked.text, "evil") {
			t.Errorf("%s: got %d %s, then %d %s, want the same", path, plain.status, plain.text, attacked.status, attacked.text)
		}
		if resource == "" {
			f.described(path, plain)
			continue
		}
		servers, _ := plain.body["authorization_servers"].([]any)
		if plain.str("resource") != resource || len(servers) != 1 || servers[0] != publicURL {
			t.Errorf("%s: got %s, want resource %s", path, plain.text, resource)
		}
	}
	r := f.send(http.MethodPost, "/mcp/north", "{}", "Host", "evil.example", "X-Forwarded-Host", "evil.example", "Content-Type", "application/json")
	if got := r.header.Get("WWW-Authenticate"); r.status != http.StatusUnauthorized || !strings.Contains(got, publicURL) || strings.Contains(got, "evil") {
		t.Errorf("mcp: got %d, %q", r.status, got)
	}
	m := `{"client_name":"A","redirect_uris":["https://app.example.com/cb"]}`
	if r := f.send(http.MethodPost, "/oauth/register", m, hostile...); r.status != http.StatusCreated || strings.Contains(r.text, "evil") {
		t.Errorf("register: got %d %s", r.status, r.text)
	}
	for _, path := range []string{"/.well-known/oauth-protected-resource/mcp/North", "/.well-known/oauth-protected-resource/x", "/.well-known/oauth-protected-resource/mcp/"} {
		if r := f.get(path); r.status != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, r.status)
		}
	}
}

// described fails the test unless the metadata of the authorization server leads
// to routes that there are, and has what clients refuse to go on without.
func (f *front) described(path string, r reply) {
	f.t.Helper()
	if r.str("issuer") != publicURL || r.body["authorization_response_iss_parameter_supported"] != true {
		f.t.Errorf("%s: got %s", path, r.text)
	}
	for member, want := range map[string]string{
		"code_challenge_methods_supported": "S256", "token_endpoint_auth_methods_supported": "none", "scopes_supported": "offline_access", "response_types_supported": "code",
	} {
		if list, _ := r.body[member].([]any); !slices.Contains(list, any(want)) {
			f.t.Errorf("%s: got %s %v, want %s in it", path, member, list, want)
		}
	}
	for _, member := range []string{"token_endpoint", "registration_endpoint", "revocation_endpoint", "introspection_endpoint"} {
		at, ok := strings.CutPrefix(r.str(member), publicURL)
		if got := f.send(http.MethodPost, at, ""); !ok || got.status < 400 || got.str("error") == "" {
			f.t.Errorf("%s: got %s %q, which answers %d", path, member, r.str(member), got.status)
		}
	}
	if at, ok := strings.CutPrefix(r.str("jwks_uri"), publicURL); !ok || f.get(at).status != http.StatusOK {
		f.t.Errorf("%s: got jwks_uri %q", path, r.str("jwks_uri"))
	}
}

// TestA30Iss: every answer of the authorization endpoint names the issuer, good
// or bad, with the state as it came (RFC 9207 section 2).
func TestA30Iss(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	for _, state := range []string{"xyz", "x", "a b&c=d+e%20", strings.Repeat("s", 500)} {
		got := f.answer(set(f.request(a), "state", state), f.consent())
		if got.Get("iss") != publicURL || got.Get("state") != state || got.Get("code") == "" || len(got) != 3 {
			t.Errorf("state %q: got %v", state, got)
		}
		f.sentBack("no PKCE", set(set(f.request(a), "state", state), "code_challenge"), "invalid_request")
	}
	if got := f.answer(set(f.request(a), "state"), f.consent()); got.Has("state") || got.Get("iss") != publicURL {
		t.Errorf("no state: got %v", got)
	}
	f.sentBack("another response type", set(f.request(a), "response_type", "token"), "unsupported_response_type")
	f.sentBack("a request object", set(f.request(a), "request", "x"), "request_not_supported")
	f.sentBack("a request URI", set(f.request(a), "request_uri", "https://evil.example"), "request_uri_not_supported")
	asked, err := f.authorize(f.request(a))
	f.must(err)
	if to := f.server.Refuse(asked, "access_denied", "no \"thanks\"\r\n"); !strings.Contains(to, "iss=https") || !strings.Contains(to, "error=access_denied") || strings.ContainsAny(to, "\"\r\n") {
		t.Errorf("refused: got %s", to)
	}
}

// TestA30Crossing: a page of any origin may find the server and talk to it as a
// client, and reads why it was refused.
func TestA30Crossing(t *testing.T) {
	f := newFront(t, nil)
	paths := []string{"/oauth/token", "/token", "/oauth/register", "/register", "/oauth/register/x", "/oauth/revoke", "/oauth/introspect", "/oauth/jwks"}
	for path := range wellKnown {
		paths = append(paths, path)
	}
	for _, path := range paths {
		r := f.send(http.MethodOptions, path, "", "Origin", "https://inspector.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
		h := r.header
		if r.status != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" ||
			!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") {
			t.Errorf("%s: got %d %v", path, r.status, h)
		}
	}
	r := f.send(http.MethodPost, "/oauth/token", "grant_type=refresh_token", "Origin", "https://inspector.example", "Content-Type", "application/x-www-form-urlencoded")
	if r.status != http.StatusUnauthorized || r.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(r.header.Get("Access-Control-Expose-Headers"), "WWW-Authenticate") {
		t.Errorf("an error: got %d %v", r.status, r.header)
	}
}
