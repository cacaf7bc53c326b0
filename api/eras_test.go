package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"iotman/iot"
)

// TestHandshakeEra speaks the revisions that begin with initialize.
func TestHandshakeEra(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	for asked, want := range map[string]string{
		"2025-11-25": "2025-11-25", "2025-06-18": "2025-06-18", "2025-03-26": "2025-03-26",
		"1999-01-01": "2025-11-25", // the newest that has a handshake
	} {
		r := p.ask(token, "", "initialize", map[string]any{"protocolVersion": asked, "capabilities": map[string]any{}, "clientInfo": map[string]any{"name": "test", "version": "1"}})
		var got struct {
			ProtocolVersion string
			Capabilities    map[string]json.RawMessage
			ServerInfo      struct{ Name, Title, Version string }
			Instructions    string
		}
		r.want(http.StatusOK)
		s.must(json.Unmarshal(r.Result, &got))
		if got.ProtocolVersion != want || got.ServerInfo.Name != "iotman" || got.ServerInfo.Version != "test" || len(got.Capabilities) != 1 || string(got.Capabilities["tools"]) != "{}" {
			t.Errorf("%s: got %+v, want version %s and no capability but tools", asked, got, want)
		}
		if !strings.HasPrefix(got.Instructions, "iotman runs the data plumbing") {
			t.Errorf("%s: got instructions %.60q", asked, got.Instructions)
		}
		if h := r.header.Get("Mcp-Session-Id"); h != "" {
			t.Errorf("%s: got session %q, want none", asked, h)
		}
		header := []string{"MCP-Protocol-Version", want}
		if want == "2025-03-26" {
			header = nil // it has no such header
		}
		p.message(token, "", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, header...).want(http.StatusAccepted)
		p.message(token, "", `{"jsonrpc":"2.0","id":"p","method":"ping"}`, header...).want(http.StatusOK)
		a := p.message(token, "", `{"jsonrpc":"2.0","id":"l","method":"tools/list"}`, header...).want(http.StatusOK)
		var list struct{ Tools []tool }
		s.must(json.Unmarshal(a.rpc().Result, &list))
		sameStrings(t, asked, names(list.Tools), names(p.list(token, "")))
		p.message(token, "", `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"workspace_get"}}`, header...).rpc().outcome().ok(nil)
		p.message(token, "", `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"workspace_get","arguments":{}}}`, append(header, "Mcp-Session-Id", "made-up")...).rpc().outcome().ok(nil)
		if r := p.message(token, "", `{"jsonrpc":"2.0","id":3,"method":"server/discover"}`, header...).rpc(); r.Error == nil || r.Error.Code != -32601 {
			t.Errorf("%s: server/discover: got %s, want the error -32601", asked, r.body)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPut, http.MethodPatch, http.MethodHead} {
		a := s.do(req{method: method, path: "/mcp/north", token: token, header: accepts})
		if a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "POST, OPTIONS" {
			t.Errorf("%s: got %d with Allow %q, want 405", method, a.status, a.header.Get("Allow"))
		}
		s.do(req{method: method, path: "/mcp/north", header: accepts}).want(http.StatusUnauthorized)
	}
}

// TestStatelessEra speaks the revision 2026-07-28.
func TestStatelessEra(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	var got struct {
		SupportedVersions      []string
		Capabilities           map[string]json.RawMessage
		Instructions           string
		ResultType, CacheScope string
		TTLMS                  *int           `json:"ttlMs"`
		Meta                   map[string]any `json:"_meta"`
		Tools                  []tool
	}
	s.must(json.Unmarshal(p.askModern(token, "server/discover", nil).want(http.StatusOK).rpc().Result, &got))
	if len(got.SupportedVersions) < 4 || got.SupportedVersions[0] != "2026-07-28" || got.Capabilities["tools"] == nil || got.Instructions == "" {
		t.Errorf("server/discover: got %+v", got)
	}
	private := func(method string) {
		t.Helper()
		if got.ResultType != "complete" || got.CacheScope != "private" || got.TTLMS == nil || got.Meta["io.modelcontextprotocol/serverInfo"] == nil {
			t.Errorf("%s: got %+v, want a complete result that is private", method, got)
		}
	}
	private("server/discover")
	got.TTLMS, got.CacheScope = nil, ""
	s.must(json.Unmarshal(p.askModern(token, "tools/list", nil).want(http.StatusOK).rpc().Result, &got))
	private("tools/list")
	sameStrings(t, "tools/list", names(got.Tools), names(p.list(token, "")))

	out := p.askModern(token, "tools/call", map[string]any{"name": "http_endpoint_create", "arguments": map[string]any{"name": "Made"}}).outcome().ok(nil)
	if !strings.Contains(string(out.Result), `"resultType":"complete"`) {
		t.Errorf("tools/call: got %s, want resultType", out.Result)
	}
	p.askModern(token, "tools/call", map[string]any{"name": "http_endpoint_get", "arguments": map[string]any{"source_id": "7"}}).outcome().failed("invalid")
	p.askModern(p.token(iot.Viewer, everything), "tools/call", map[string]any{"name": "http_endpoint_create", "arguments": map[string]any{"name": "No"}}).outcome().failed("forbidden")
	p.askModern(p.token(iot.Owner, "data:read"), "tools/call", map[string]any{"name": "http_endpoint_create", "arguments": map[string]any{"name": "No"}}).lacks("sources:write")
	for method, status := range map[string]int{"initialize": http.StatusNotFound, "ping": http.StatusNotFound, "nothing/at_all": http.StatusNotFound, "logging/setLevel": http.StatusNotFound} {
		if r := p.askModern(token, method, nil); r.status != status || r.Error == nil || r.Error.Code != -32601 {
			t.Errorf("%s: got %d %s, want %d and the error -32601", method, r.status, r.body, status)
		}
	}
	if r := p.askModern(token, "tools/call", map[string]any{"name": "nothing_at_all"}); r.status != http.StatusBadRequest || r.Error == nil || r.Error.Code != -32602 {
		t.Errorf("an unknown tool: got %d %s, want 400 and the error -32602", r.status, r.body)
	}
	a := s.do(req{method: http.MethodGet, path: "/mcp/north", token: token, header: []string{"MCP-Protocol-Version", "2026-07-28"}})
	a.problem(http.StatusMethodNotAllowed, "method_not_allowed")
}

// TestInstructions name what signing in again would add, and nothing that it
// would not (F5).
func TestInstructions(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	told := func(token string) (both []string) {
		t.Helper()
		var got struct{ Instructions string }
		s.must(json.Unmarshal(p.ask(token, "", "initialize", map[string]any{"protocolVersion": "2025-11-25", "capabilities": map[string]any{}, "clientInfo": map[string]any{"name": "t", "version": "1"}}).Result, &got))
		both = append(both, got.Instructions)
		s.must(json.Unmarshal(p.askModern(token, "server/discover", nil).Result, &got))
		return append(both, got.Instructions)
	}
	const missing = "This sign-in does not carry"
	for _, test := range []struct {
		name, token    string
		names, silence []string
	}{
		{"all", p.owner(), nil, []string{missing}},
		{"a viewer with all", p.token(iot.Viewer, everything), nil, []string{missing, "sources:write"}},
		{"no writing", p.token(iot.Owner, "workspace:read sources:read data:read audit:read account:read"),
			[]string{missing, "sources:write", "workspace:write", "data:write", "account:write"}, []string{"mail:write", "workspace:own", "platform:admin", "data:read"}},
		{"a viewer without data", p.token(iot.Viewer, but("data:read")), []string{missing, "data:read"}, []string{"data:write", "sources"}},
	} {
		for _, text := range told(test.token) {
			tail := text[strings.LastIndex(text, "\n"):]
			for _, want := range test.names {
				if !strings.Contains(tail, want) {
					t.Errorf("%s: got %q, want %s in it", test.name, tail, want)
				}
			}
			for _, not := range test.silence {
				if strings.Contains(tail, not) {
					t.Errorf("%s: got %q, want no %s in it", test.name, tail, not)
				}
			}
		}
	}
}
