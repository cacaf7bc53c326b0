package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"iotman/iot"
	"iotman/store"
)

// operation is a row of the catalogue in operations.md, with an input that is
// valid in a plant.
type operation struct {
	name, route string // W stands for the workspace
	needs       string // the permission
	own         string // the permission that is enough for one's own
	input       func(*plant) map[string]any
	ends        bool // it ends the workspace that it is called in
}

// operations are all of them. An operation without a row fails TestB1.
var operations = []operation{
	{name: "workspace_list", route: "GET /api/v1/workspaces", needs: "account:read", input: fixed("limit", 10)},
	{name: "workspace_create", route: "POST /api/v1/workspaces", needs: "account:write", input: fixed("name", "Another plant")},
	{name: "workspace_get", route: "GET W", needs: "workspace:read", input: fixed()},
	{name: "workspace_update", route: "PUT W", needs: "workspace:write", input: fixed("name", "Renamed", "default_role", "member")},
	{name: "workspace_delete", route: "DELETE W", needs: "workspace:write", ends: true, input: confirming()},
	{name: "workspace_settings_get", route: "GET W/settings", needs: "workspace:read", input: fixed()},
	{name: "workspace_settings_update", route: "PUT W/settings", needs: "workspace:write", input: fixed("timezone", "Europe/Zurich")},
	{name: "audit_list", route: "GET W/audit", needs: "audit:read", input: fixed("limit", 5)},
	{name: "http_endpoint_list", route: "GET W/http-endpoints", needs: "sources:read", input: fixed("limit", 5)},
	{name: "http_endpoint_get", route: "GET W/http-endpoints/{source_id}", needs: "sources:read", input: aSource()},
	{name: "http_endpoint_create", route: "POST W/http-endpoints", needs: "sources:write",
		input: fixed("name", "Pump", "payload_schema", json.RawMessage(`{"type":"object"}`), "capture_headers", []string{"X-Device"})},
	{name: "http_endpoint_update", route: "PUT W/http-endpoints/{source_id}", needs: "sources:write", input: aSource("name", "Renamed")},
	{name: "http_endpoint_delete", route: "DELETE W/http-endpoints/{source_id}", needs: "sources:write", input: aSource()},
	{name: "reject_list", route: "GET W/rejects", needs: "sources:read", input: aSource()},
	{name: "event_list", route: "GET W/events", needs: "data:read", input: fixed("limit", 5)},
	{name: "event_get", route: "GET W/events/{event_id}", needs: "data:read", input: anEvent},
	{name: "event_wait", route: "GET W/events/wait", needs: "data:read", input: fixed("since", 0, "timeout", 0)},
	{name: "event_purge", route: "DELETE W/events", needs: "data:write", input: confirming("to", "2020-01-01T00:00:00Z")},
	{name: "session_list", route: "GET W/sessions", needs: "access:read", input: fixed("limit", 5)},
	{name: "session_update", route: "PUT W/sessions/{session_id}", needs: "access:write", own: "access:read",
		input: aSession("permissions", []string{"data:read"})},
	{name: "session_revoke", route: "DELETE W/sessions/{session_id}", needs: "access:write", own: "access:read", input: aSession()},
	{name: "client_list", route: "GET W/clients", needs: "access:read", input: fixed("limit", 5)},
	{name: "client_get", route: "GET W/clients/{client_id}", needs: "access:read", input: aClient()},
	{name: "client_create", route: "POST W/clients", needs: "access:write", input: fixed("name", "Robot", "scope", []string{"data:read", "plant:read"})},
	{name: "client_update", route: "PUT W/clients/{client_id}", needs: "access:write", input: aClient("name", "Renamed")},
	{name: "client_rotate_secret", route: "POST W/clients/{client_id}/rotate-secret", needs: "access:write", input: aClient()},
	{name: "client_delete", route: "DELETE W/clients/{client_id}", needs: "access:write", input: aClient()},
	{name: "api_key_list", route: "GET W/api-keys", needs: "access:read", input: fixed("limit", 5)},
	{name: "api_key_create", route: "POST W/api-keys", needs: "access:write", input: fixed("name", "Nightly", "permissions", []string{"data:read"})},
	{name: "api_key_delete", route: "DELETE W/api-keys/{key_id}", needs: "access:write", input: aKey},
}

// aSession names a session that another person than any caller gave.
func aSession(pairs ...any) func(*plant) map[string]any {
	return func(p *plant) map[string]any {
		p.t.Helper()
		a, err := p.store.CreateAccount(p.t.Context(), "guest-"+string(store.NewID())+"@example.com", "A guest")
		p.must(err)
		g := store.Grant{ID: store.NewID(), Account: a.ID, Client: "agent", Audience: "aud", Scope: "data:read sources:read", ClientName: "Agent"}
		p.must(p.store.Workspace(p.id).IssueToken(p.t.Context(), g, store.NewID(), p.clock.now().Add(time.Hour)))
		return with(map[string]any{"session_id": g.ID}, pairs...)
	}
}

// aClient names a client made for the call.
func aClient(pairs ...any) func(*plant) map[string]any {
	return func(p *plant) map[string]any {
		p.t.Helper()
		var c iot.Client
		p.change(func(ctx ctx, tx *store.Tx) (err error) {
			settings := iot.ClientSettings{GrantTypes: []string{iot.GrantCredentials}, Scope: "data:read plant:read"}
			c, err = tx.CreateClient(ctx, iot.Client{Name: "Probe", ClientSettings: settings}, store.DigestOf("secret"))
			return err
		})
		return with(map[string]any{"client_id": c.ID}, pairs...)
	}
}

func aKey(p *plant) map[string]any {
	p.t.Helper()
	var k iot.APIKey
	p.change(func(ctx ctx, tx *store.Tx) (err error) {
		k, err = tx.CreateAPIKey(ctx, iot.APIKey{Name: "Probe", Scope: "data:read"}, store.DigestOf(string(store.NewID())))
		return err
	})
	return map[string]any{"key_id": k.ID}
}

// fixed is an input that is the same everywhere: name, value, name, value …
func fixed(pairs ...any) func(*plant) map[string]any {
	return func(*plant) map[string]any { return with(map[string]any{}, pairs...) }
}

func with(in map[string]any, pairs ...any) map[string]any {
	for i := 0; i < len(pairs); i += 2 {
		in[pairs[i].(string)] = pairs[i+1]
	}
	return in
}

func confirming(pairs ...any) func(*plant) map[string]any {
	return func(p *plant) map[string]any { return with(map[string]any{"confirm": p.slug}, pairs...) }
}

// aSource names an endpoint made for the call, which had something to refuse.
func aSource(pairs ...any) func(*plant) map[string]any {
	return func(p *plant) map[string]any {
		p.t.Helper()
		e := p.made("Probe")
		p.send(string(e.URLPath), `{"broken":`).want(http.StatusBadRequest)
		return with(map[string]any{"source_id": e.ID}, pairs...)
	}
}

func anEvent(p *plant) map[string]any {
	p.t.Helper()
	return map[string]any{"event_id": p.send(string(p.made("Probe").URLPath), `{"temperature":21.50}`).accepted(1)[0]}
}

// made makes an endpoint past all that is being tested.
func (p *plant) made(name iot.Name) (e iot.HTTPEndpoint) {
	p.t.Helper()
	p.change(func(ctx ctx, tx *store.Tx) (err error) {
		e, err = tx.CreateHTTPEndpoint(ctx, iot.HTTPEndpoint{Name: name, Enabled: true, EndpointSettings: iot.EndpointSettings{Auth: iot.AuthNone}})
		return err
	})
	return e
}

// request makes the HTTP request that the route says of an input.
func (o operation) request(p *plant, in map[string]any) req {
	method, path, _ := strings.Cut(o.route, " ")
	if rest, ok := strings.CutPrefix(path, "W"); ok {
		path = p.rest("%s", rest)
	}
	query, body := url.Values{}, map[string]any{}
	for name, v := range in {
		text := plain(v)
		switch {
		case strings.Contains(path, "{"+name+"}"):
			path = strings.ReplaceAll(path, "{"+name+"}", text)
		case method == http.MethodGet || method == http.MethodDelete:
			query.Set(name, text)
		default:
			body[name] = v
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	r := req{method: method, path: path}
	if method == http.MethodPost || method == http.MethodPut {
		r.body = body
	}
	return r
}

// inner makes the arguments of the iotman_call that does the same.
func (o operation) inner(p *plant, in map[string]any) map[string]any {
	r := o.request(p, in)
	path, query, _ := strings.Cut(r.path, "?")
	args := map[string]any{"method": r.method, "path": path}
	if q, err := url.ParseQuery(query); err == nil && len(q) > 0 {
		flat := map[string]string{}
		for name := range q {
			flat[name] = q.Get(name)
		}
		args["query"] = flat
	}
	if r.body != nil {
		args["body"] = r.body
	}
	return args
}

// plain writes a value as a URL does.
func plain(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return strings.Trim(string(b), `"`)
}

// grants says which roles hold which permission: the paragraph on permissions
// in operations.md, written out once more.
var grants = map[string]string{
	"workspace:read": "owner admin editor viewer", "workspace:write": "owner admin",
	"members:read": "owner admin editor viewer", "members:write": "owner admin",
	"spec:read": "owner admin editor viewer", "spec:write": "owner admin editor",
	"sources:read": "owner admin editor viewer", "sources:write": "owner admin editor",
	"process:read": "owner admin editor viewer", "process:write": "owner admin editor",
	"exports:read": "owner admin editor viewer", "exports:write": "owner admin editor",
	"data:read": "owner admin editor viewer", "data:write": "owner admin",
	"access:read": "owner admin editor viewer", "access:write": "owner admin",
	"mail:read": "owner admin editor viewer", "mail:write": "owner admin editor",
	"audit:read":   "owner admin",
	"account:read": "owner admin editor viewer", "account:write": "owner admin editor viewer",
	"workspace:own": "owner", "platform:admin": "",
}

// holds reports whether the role's holder may do what needs the permission.
func holds(role iot.Role, permission string) bool {
	return slices.Contains(strings.Fields(grants[permission]), string(role))
}

// but is the scope of everything without one permission.
func but(permission string) string {
	var rest []string
	for p := range grants {
		if p != permission {
			rest = append(rest, p)
		}
	}
	return strings.Join(rest, " ")
}
