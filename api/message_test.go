package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"iotman/iot"
	"iotman/tools"
)

// TestF2Messages: a message has a limit, is one, and is flat enough.
func TestF2Messages(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	token := p.owner()
	call := func(body string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"iotman_call","arguments":{"method":"POST","path":"/data/north/gh","body":` + body + `}}}`
	}
	frame := len(call(""))
	p.message(token, "", call(padded(1<<20-frame))).rpc().outcome().ok(nil)
	p.message(token, "", call(padded(1<<20-frame+1))).problem(http.StatusRequestEntityTooLarge, "too_large")
	body := &endless{}
	if a, err := s.try(req{method: http.MethodPost, path: "/mcp/north", token: token, header: accepts, body: body}); err == nil {
		a.problem(http.StatusRequestEntityTooLarge, "too_large")
	}
	if n := body.sent.Load(); n > 32<<20 {
		t.Errorf("an endless message: %d bytes were taken", n)
	}
	for _, batch := range []string{`[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, " \n\t[]", `[` + call("{}") + `,` + call("{}") + `]`} {
		problem := p.message(token, "", batch).problem(http.StatusBadRequest, "invalid")
		if !strings.Contains(problem.Detail+problem.Hint, "batch") {
			t.Errorf("got %q, want words about batches", problem.Detail)
		}
	}
	nest := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	p.message(token, "", call(nest(iot.MaxDepth))).rpc().outcome().ok(nil)
	p.message(token, "", call(nest(iot.MaxDepth+1))).rpc().outcome().failed("invalid")
	p.message(token, "", call(`"`+strings.Repeat(`[{`, 100)+`\"[["`)).rpc().outcome().failed("invalid") // in a string, brackets are text
	for _, deep := range []string{call(nest(100)), strings.Repeat("[", 1<<19), strings.Repeat(`{"a":`, 9000), call(`"\\"`)[:10] + nest(5000)} {
		p.message(token, "", deep).want(http.StatusBadRequest)
	}
	for _, broken := range []string{"", "{", "null", "7", `"x"`, `{"jsonrpc":"2.0"}`, "\xff", `{"jsonrpc":"2.0","id":1,"method":7}`} {
		if a := p.message(token, "", broken); a.status >= 500 || strings.Contains(string(a.body), `"result"`) {
			t.Errorf("%q: got %d %s", broken, a.status, a.body)
		}
	}
	if n := p.count(); n != 2 {
		t.Errorf("got %d events, want 2", n)
	}
}

// TestF3HeaderMismatch: a proxy that looks at the headers and the server that
// looks at the body see the same call.
func TestF3HeaderMismatch(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	create := map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": map[string]any{
		"_meta": modern, "name": "http_endpoint_create", "arguments": map[string]any{"name": "Sneaked in"},
	}}
	const version, method, name = "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"
	for _, header := range [][]string{
		{version, "2026-07-28", method, "tools/list", name, "http_endpoint_create"},
		{version, "2026-07-28", method, "tools/call", name, "http_endpoint_list"},
		{version, "2026-07-28", method, "TOOLS/CALL", name, "http_endpoint_create"},
		{version, "2026-07-28", method, "tools/call"},
		{version, "2026-07-28", name, "http_endpoint_create"},
		{version, "2026-07-28"},
		{version, "2025-11-25", method, "tools/call", name, "http_endpoint_create"},
		{method, "tools/call", name, "http_endpoint_create"},
		{},
	} {
		if r := p.message(token, "", create, header...).rpc(); r.status != http.StatusBadRequest || r.Error == nil || r.Error.Code != headerMismatch {
			t.Errorf("%v: got %d %.200s, want 400 and HeaderMismatch", header, r.status, r.body)
		}
	}
	unsaid := map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": map[string]any{"name": "http_endpoint_create", "arguments": map[string]any{"name": "Sneaked in"}}}
	if r := p.message(token, "", unsaid, version, "2026-07-28", method, "tools/call", name, "http_endpoint_create").rpc(); r.status != http.StatusBadRequest || r.Error == nil {
		t.Errorf("a version in the header alone: got %d %.200s, want 400", r.status, r.body)
	}
	var all []json.RawMessage
	if p.get(token, p.rest("/http-endpoints")).into(&all); len(all) != 0 {
		t.Errorf("got %d endpoints, want none", len(all))
	}
}

// TestF4UnsupportedVersion names the versions that are.
func TestF4UnsupportedVersion(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	for _, asked := range []string{"2026-07-29", "2027-01-01", "9999-12-31"} {
		meta := map[string]any{"io.modelcontextprotocol/protocolVersion": asked, "io.modelcontextprotocol/clientCapabilities": map[string]any{}}
		r := p.message(p.owner(), "", map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": map[string]any{"_meta": meta}},
			"MCP-Protocol-Version", asked, "Mcp-Method", "tools/list").rpc()
		if r.status != http.StatusBadRequest || r.Error == nil || r.Error.Code != -32022 {
			t.Fatalf("%s: got %d %s, want the error -32022", asked, r.status, r.body)
		}
		var data struct {
			Supported []string
			Requested string
		}
		s.must(json.Unmarshal(r.Error.Data, &data))
		if data.Requested != asked || len(data.Supported) < 4 || data.Supported[0] != "2026-07-28" {
			t.Errorf("%s: got data %+v", asked, data)
		}
	}
	for _, asked := range []string{"2020-01-01", "1.0", "latest"} {
		p.message(p.owner(), "", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`, "MCP-Protocol-Version", asked).want(http.StatusBadRequest)
	}
}

// TestF5NoToken: who has no token learns where to get one, before anything else
// is said.
func TestF5NoToken(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	for name, header := range map[string][]string{
		"nothing": {}, "another scheme": {"Authorization", "Basic dTpw"}, "no token": {"Authorization", "Bearer"}, "a blank": {"Authorization", "Bearer  "},
		"garbage": {"Authorization", "Bearer x"}, "two": {"Authorization", "Bearer " + p.owner(), "Authorization", "Bearer " + p.owner()},
		"a cookie": {"Cookie", "access_token=" + p.owner()}, "another header": {"X-Access-Token", p.owner()},
	} {
		for _, body := range []string{`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `{`, padded(2 << 20)} {
			a := p.message("", "", body, header...)
			a.problem(http.StatusUnauthorized, "unauthenticated")
			want := `Bearer resource_metadata="` + s.url + `/.well-known/oauth-protected-resource/mcp/north", `
			if h := a.header.Get("WWW-Authenticate"); !strings.HasPrefix(h, want) || !strings.Contains(h, `scope="workspace:read `) || strings.Contains(h, "account:write") {
				t.Errorf("%s: got WWW-Authenticate %q, want it to begin with %s", name, h, want)
			}
		}
	}
	p.message("", "", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, "Authorization", "bearer "+p.owner()).want(http.StatusOK) // RFC 9110: schemes in any case
	for _, path := range []string{"/.well-known/oauth-protected-resource/mcp/north", "/mcp/north/.well-known/oauth-protected-resource", "/mcp/north/.well-known/oauth-protected-resource?mode=lean"} {
		var metadata struct {
			Resource string
			Servers  []string `json:"authorization_servers"`
			Methods  []string `json:"bearer_methods_supported"`
		}
		s.get("", path).want(http.StatusOK).into(&metadata)
		if metadata.Resource != s.url+"/mcp/north" || len(metadata.Servers) != 1 || metadata.Servers[0] != s.url || len(metadata.Methods) != 1 || metadata.Methods[0] != "header" {
			t.Errorf("%s: got %+v", path, metadata)
		}
	}
}

// TestD11HeaderInjection: nothing of a URL gets out of the header that it is
// answered in.
func TestD11HeaderInjection(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("one", nil)
	p.endpoint("two", nil)
	const hostile = "x%22,%20evil=%22%0d%0aX-Evil:%201%0d%0a%0d%0a<script>%3e"
	for _, r := range []req{
		{method: http.MethodPost, path: "/mcp/" + hostile}, {method: http.MethodGet, path: "/api/v1/workspaces/" + hostile},
		{method: http.MethodPost, path: "/data/" + hostile + "/" + hostile}, {method: http.MethodGet, path: "/" + hostile},
		{method: http.MethodGet, path: "/.well-known/oauth-protected-resource/mcp/" + hostile},
		{method: http.MethodGet, path: p.rest("/http-endpoints?limit=1&cursor=%s", hostile), token: p.owner()},
		{method: http.MethodGet, path: p.rest("/http-endpoints?limit=1&%s=1", hostile), token: p.owner()},
		{method: http.MethodPost, path: "/mcp/north?" + hostile + "=" + hostile, token: p.owner()},
		{method: http.MethodOptions, path: "/mcp/north", header: []string{"Origin", `http://localhost:1"evil`}},
	} {
		a := s.do(r)
		if a.status < 400 || a.header.Get("X-Evil") != "" {
			t.Errorf("%s: got %d with %v", a.what, a.status, a.header)
		}
		for name, values := range a.header {
			if v := strings.Join(values, " "); strings.Contains(v, "evil") || strings.Contains(v, "script") {
				t.Errorf("%s: got %s %q", a.what, name, v)
			}
		}
	}
	if next := p.get(p.owner(), p.rest("/http-endpoints?limit=%%31")).want(http.StatusOK).next("limit"); next != "1" {
		t.Errorf("got limit %q in the next page's URL, want 1", next)
	}
}

// TestF6TokenInTheURL is no token.
func TestF6TokenInTheURL(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	for _, name := range []string{"access_token", "token", "api_key", "authorization", "bearer"} {
		query := "?" + name + "=" + p.owner()
		p.message("", query, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`).problem(http.StatusUnauthorized, "unauthenticated")
		p.message(p.owner(), query, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`).problem(http.StatusBadRequest, "invalid")
	}
}

// TestF15CancelReachesNoOtherCall: whoever names a call's id ends nobody
// else's; a connection that goes ends its own.
func TestF15CancelReachesNoOtherCall(t *testing.T) {
	began, ended, release := make(chan string, 1), make(chan error, 1), make(chan struct{})
	s := newSite(t, setup{ops: []tools.Op{tools.Define(tools.Spec{
		Name: "probe_wait", Route: "GET /probe", Permission: iot.DataRead, Doc: "Wait for a test.",
	}, func(ctx context.Context, c iot.Caller, _ tools.None) (tools.Deleted, error) {
		began <- string(c.Slug)
		select {
		case <-release:
		case <-ctx.Done():
		}
		ended <- ctx.Err()
		return tools.Deleted{Status: "waited"}, nil
	})}})
	p, other := s.plant("north"), s.plant("south")
	token, theirs := p.owner(), other.owner()
	eras := map[string]func(token string, w *plant) *rpc{
		"handshake": func(token string, w *plant) *rpc {
			return w.ask(token, "", "tools/call", map[string]any{"name": "probe_wait"})
		},
		"stateless": func(token string, w *plant) *rpc {
			return w.askModern(token, "tools/call", map[string]any{"name": "probe_wait"})
		},
	}
	for name, call := range eras {
		answered := make(chan *rpc, 1)
		go func() { answered <- call(token, p) }()
		<-began
		for _, header := range [][]string{nil, {"Mcp-Session-Id", ""}, {"MCP-Protocol-Version", "2025-11-25"}} {
			for _, id := range []string{"1", `"1"`, "1.0"} {
				other.message(theirs, "", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":`+id+`}}`, header...).want(http.StatusAccepted)
			}
		}
		cancel, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": map[string]any{"requestId": 1, "_meta": modern}})
		s.must(err)
		other.message(theirs, "", cancel, "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "notifications/cancelled").want(http.StatusAccepted)
		select {
		case release <- struct{}{}:
			s.must(<-ended)
			(<-answered).outcome().ok(nil)
		case err := <-ended:
			t.Errorf("%s: another tenant ended the call: %v", name, err)
			<-answered
		}
	}
	gone, hangUp := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(gone, http.MethodPost, s.url+"/mcp/north", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"probe_wait"}}`))
	s.must(err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	hung := make(chan error, 1)
	go func() {
		res, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			err = fmt.Errorf("got %d, want none", res.StatusCode)
			res.Body.Close()
		}
		hung <- err
	}()
	<-began
	hangUp()
	if err := <-ended; err == nil {
		t.Error("the call went on without its connection")
	}
	if err := <-hung; gone.Err() == nil || !strings.Contains(err.Error(), "canceled") {
		t.Error(err)
	}
}

// TestPanicTellsNothing: a panic is that call's failure alone.
func TestPanicTellsNothing(t *testing.T) {
	s := newSite(t, setup{ops: []tools.Op{tools.Define(tools.Spec{
		Name: "probe_panic", Route: "GET /panic", Permission: iot.DataRead, Doc: "Panic for a test.",
	}, func(context.Context, iot.Caller, tools.None) (tools.Deleted, error) { panic("the secret of the house") })}})
	p := s.plant("north")
	answers := [][]byte{p.get(p.owner(), p.rest("/panic")).want(http.StatusInternalServerError).body}
	for _, call := range []*outcome{
		p.call(p.owner(), "probe_panic", map[string]any{}),
		p.call(p.owner(), "iotman_call", map[string]any{"method": "GET", "path": p.rest("/panic")}),
		p.askModern(p.owner(), "tools/call", map[string]any{"name": "probe_panic"}).outcome(),
	} {
		call.failed("internal")
		answers = append(answers, call.body)
	}
	for _, body := range answers {
		if strings.Contains(string(body), "secret") || strings.Contains(string(body), "goroutine") || strings.Contains(string(body), "panic:") {
			t.Errorf("got %s, want nothing of the panic", body)
		}
	}
	if n := strings.Count(s.log.String(), "the secret of the house"); n < 4 {
		t.Errorf("the log has the panic %d times, want every time", n)
	}
	p.call(p.owner(), "workspace_get", nil).ok(nil)
}
