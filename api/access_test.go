package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"iotman/iot"
	"iotman/store"
)

// TestA14DataTokens: a data token posts to its own workspace's endpoints and
// opens nothing else; a management token posts if it may write sources.
func TestA14DataTokens(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	for _, w := range []*plant{p, other} {
		w.endpoint("any", map[string]any{"auth": "oauth2"})
		w.endpoint("narrow", map[string]any{"auth": "oauth2", "oauth2_client_id": "pump", "oauth2_scope": "plant:write"})
	}
	send := func(w *plant, path, token string) *answer {
		t.Helper()
		return s.do(req{method: http.MethodPost, path: "/data/" + string(w.slug) + "/" + path, token: token, body: `{}`})
	}
	pump := p.data("pump", "plant:write "+everything)
	id := send(p, "narrow", pump).accepted(1)[0]
	if m := p.event(id).Meta; m.AuthMethod != "oauth2" || m.OAuth2ClientID != "pump" || m.SourceIP != "127.0.0.1" {
		t.Errorf("got meta %+v, want oauth2 by pump", m)
	}
	send(p, "any", p.data("meter", "")).accepted(1)
	send(p, "narrow", p.owner()).accepted(1)
	send(p, "any", p.machine("sources:write")).accepted(1)
	send(p, "narrow", p.data("meter", "plant:write")).problem(http.StatusForbidden, "forbidden")
	send(p, "narrow", p.data("pump", "plant:read")).problem(http.StatusForbidden, "insufficient_scope")
	send(p, "any", p.token(iot.Viewer, everything)).problem(http.StatusForbidden, "forbidden")
	lacking := send(p, "any", p.token(iot.Owner, but("sources:write")))
	lacking.problem(http.StatusForbidden, "insufficient_scope")
	if h := lacking.header.Get("WWW-Authenticate"); !strings.Contains(h, `error="insufficient_scope"`) || !strings.Contains(h, `scope="sources:write"`) {
		t.Errorf("got WWW-Authenticate %q, want the permission in it", h)
	}
	for what, token := range map[string]string{
		"another workspace's data token": other.data("pump", "plant:write"), "another workspace's owner": other.owner(),
		"none": "", "garbage": "a.b.c",
	} {
		a := send(p, "any", token)
		a.problem(http.StatusUnauthorized, "unauthenticated")
		if h := a.header.Values("WWW-Authenticate"); len(h) == 0 || !strings.Contains(strings.Join(h, " "), "Bearer realm=") {
			t.Errorf("%s: got WWW-Authenticate %q, want Bearer", what, h)
		}
	}
	if n := p.count(); n != 4 {
		t.Errorf("got %d events, want 4", n)
	}
	for _, o := range operations {
		r := o.request(p, o.input(p))
		r.token = pump
		s.do(r).problem(http.StatusUnauthorized, "unauthenticated")
		p.call(pump, o.name, o.input(p)).problem(http.StatusUnauthorized, "unauthenticated")
	}
	p.ask(pump, "", "tools/list", map[string]any{}).problem(http.StatusUnauthorized, "unauthenticated")
}

// TestA14StrayTokensAreNoted in the audit log of the workspace they are for,
// once a minute each.
func TestA14StrayTokensAreNoted(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	token := p.token(iot.Editor, everything)
	for range 5 {
		s.get(token, other.rest("/events")).problem(http.StatusUnauthorized, "unauthenticated")
		other.ask(token, "", "tools/list", map[string]any{}).problem(http.StatusUnauthorized, "unauthenticated")
	}
	for w, want := range map[*plant]int{p: 1, other: 0} {
		var audit []iot.AuditEntry
		w.get(w.owner(), w.rest("/audit")).want(http.StatusOK).into(&audit)
		n := 0
		for _, e := range audit {
			if e.Operation == "token_refused" {
				n++
				if e.AccountID != p.members[iot.Editor].ID || e.ClientID != "agent" {
					t.Errorf("got %+v, want who it was", e)
				}
			}
		}
		if n != want {
			t.Errorf("%s: got %d audit rows, want %d", w.slug, n, want)
		}
	}
}

// TestB4RenameEndsTokens: what was issued for a slug ends with it, and never
// opens what has the slug next.
func TestB4RenameEndsTokens(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", map[string]any{"auth": "oauth2"})
	token, data := p.owner(), p.data("pump", "")
	p.get(token, p.rest("")).want(http.StatusOK)
	p.put(token, p.rest(""), map[string]any{"slug": "renamed"}).want(http.StatusOK)
	for _, slug := range []string{"north", "renamed", string(p.id)} {
		s.get(token, "/api/v1/workspaces/"+slug).problem(http.StatusUnauthorized, "unauthenticated")
		s.do(req{method: http.MethodPost, path: "/mcp/" + slug, token: token, header: accepts, body: `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`}).problem(http.StatusUnauthorized, "unauthenticated")
	}
	s.do(req{method: http.MethodPost, path: "/data/renamed/gh", token: data, body: `{}`}).problem(http.StatusUnauthorized, "unauthenticated")
	p.send("gh", `{}`).problem(http.StatusNotFound, "not_found") // the old URL
	fresh := *p
	fresh.slug = "renamed"
	fresh.get(fresh.owner(), fresh.rest("")).want(http.StatusOK)

	second := s.plant("west")
	second.post(second.owner(), "/api/v1/workspaces", map[string]any{"name": "Thief", "slug": "north"}).problem(http.StatusConflict, "conflict")
	second.put(second.owner(), second.rest(""), map[string]any{"slug": "north"}).problem(http.StatusConflict, "conflict")
	s.clock.add(iot.SlugQuarantine + 1e9)
	second.post(second.owner(), "/api/v1/workspaces", map[string]any{"name": "Heir", "slug": "north"}).want(http.StatusCreated)
	s.get(token, "/api/v1/workspaces/north").problem(http.StatusUnauthorized, "unauthenticated")
}

// TestRevokedAtOnce: over HTTP, a token that was good a moment ago.
func TestRevokedAtOnce(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	p.get(token, p.rest("")).want(http.StatusOK)
	p.list(token, "")
	p.revoke(token)
	p.get(token, p.rest("")).problem(http.StatusUnauthorized, "unauthenticated")
	p.ask(token, "", "tools/list", map[string]any{}).problem(http.StatusUnauthorized, "unauthenticated")
	forged := p.owner()
	head, rest, _ := strings.Cut(forged, ".")
	_, sig, _ := strings.Cut(rest, ".")
	for what, token := range map[string]string{ // A20: package oauth has the whole table
		"alg none": "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + strings.Split(forged, ".")[1] + ".", "another payload": head + "." + strings.Split(p.owner(), ".")[1] + "." + sig,
	} {
		p.get(token, p.rest("")).problem(http.StatusUnauthorized, "unauthenticated")
		if a := p.ask(token, "", "tools/list", map[string]any{}); a.status != http.StatusUnauthorized {
			t.Errorf("%s over MCP: got %d, want 401", what, a.status)
		}
	}
}

// TestWorkspaceHeader: X-Workspace-ID agrees with the path and the token, or is
// refused.
func TestWorkspaceHeader(t *testing.T) {
	s := newSite(t, setup{})
	people := s.people()
	p, other := s.plantOf("north", people), s.plantOf("south", people)
	for name, want := range map[string]int{
		"north": http.StatusOK, string(p.id): http.StatusOK, "": http.StatusOK,
		"south": http.StatusBadRequest, string(other.id): http.StatusBadRequest, "nowhere": http.StatusBadRequest, "NORTH": http.StatusBadRequest, "north,south": http.StatusBadRequest,
	} {
		for _, path := range []string{p.rest("/events"), "/api/v1/workspaces/" + string(p.id) + "/events", "/api/v1/workspaces"} {
			s.do(req{method: http.MethodGet, path: path, token: p.owner(), header: []string{"X-Workspace-ID", name}}).want(want)
		}
		p.message(p.owner(), "", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, "X-Workspace-ID", name).want(want)
	}
}

// TestNoRoute: what is not there is a problem, too, and says what is.
func TestNoRoute(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	for _, path := range []string{"/", "/api", "/api/v1", "/api/v1/workspaces/", "/api/v2/workspaces", p.rest("/nothing"), p.rest("/events/"), "/data/north", "/mcp", "/mcp/", "/mcp/north/x", "/favicon.ico", "/debug/pprof/", "/metrics", "/.well-known/oauth-protected-resource/mcp/", "/.env"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			if problem := s.do(req{method: method, path: path, token: token}).problem(http.StatusNotFound, "not_found"); problem.Hint == "" {
				t.Errorf("%s %s: got no hint", method, path)
			}
		}
	}
	for path, allow := range map[string]string{
		"/api/v1/workspaces": "GET, POST", p.rest(""): "GET, PUT, DELETE", p.rest("/events"): "GET, DELETE", p.rest("/http-endpoints"): "GET, POST",
		p.rest("/settings"): "GET, PUT", "/data/north/gh": "POST", "/openapi.json": "GET", "/healthz": "GET", "/oauth/jwks": "GET, OPTIONS",
		"/.well-known/oauth-protected-resource/mcp/north": "GET, OPTIONS", "/oauth/token": "POST, OPTIONS", "/oauth/register/x": "GET, PUT, DELETE, OPTIONS",
	} {
		for _, method := range []string{http.MethodPatch, http.MethodOptions, "PROPFIND", http.MethodTrace, http.MethodPost, http.MethodPut} {
			if strings.Contains(allow, method) {
				continue
			}
			a := s.do(req{method: method, path: path, token: token})
			a.problem(http.StatusMethodNotAllowed, "method_not_allowed")
			if got := strings.Join(a.header.Values("Allow"), ", "); got != allow {
				t.Errorf("%s %s: got Allow %q, want %q", method, path, got, allow)
			}
		}
	}
	for path, kind := range map[string]string{"/healthz": "text/plain", "/readyz": "text/plain", "/openapi.json": "application/json", "/oauth/jwks": "application/jwk-set+json"} {
		a := s.get("", path).want(http.StatusOK)
		if ct := a.header.Get("Content-Type"); !strings.HasPrefix(ct, kind) {
			t.Errorf("%s: got content type %q, want %s", path, ct, kind)
		}
	}
	for _, a := range []*answer{s.get("", "/nothing"), s.get(token, p.rest("")), s.get("", "/openapi.json"), p.ask(token, "", "ping", nil).answer} {
		if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Referrer-Policy") != "no-referrer" || a.header.Get("Cache-Control") == "" {
			t.Errorf("%s: got headers %v", a.what, a.header)
		}
	}
	s.server.Drain()
	s.get("", "/readyz").problem(http.StatusServiceUnavailable, "unavailable")
	s.get("", "/healthz").want(http.StatusOK)
}

// TestOpaqueErrors: an internal fault tells its receiver nothing.
func TestOpaqueErrors(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	p.change(func(ctx context.Context, tx *store.Tx) error { // a schema that no operation lets in
		_, err := tx.CreateHTTPEndpoint(ctx, iot.HTTPEndpoint{Name: "Odd", Enabled: true, EndpointSettings: iot.EndpointSettings{Auth: iot.AuthNone, Schema: json.RawMessage(`{"type":"canary"}`)}})
		return err
	})
	a := p.send("odd", `{}`)
	if a.status < 400 || strings.Contains(string(a.body), "canary") {
		t.Errorf("got %d %s, want a fault that tells nothing of the schema", a.status, a.body)
	}
	p.call(token, "iotman_call", map[string]any{"method": "POST", "path": "/data/north/odd", "body": map[string]any{}}).small().failed("internal")
	if log := s.log.String(); !strings.Contains(log, `msg="request failed"`) {
		t.Errorf("the log does not tell the operator what is wrong: %s", log)
	}
}
