package api_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"iotman/iot"
	"iotman/tools"
)

// FuzzBind: whatever a request says, binding it makes an input that the
// registry takes or refuses in words; nothing panics, and nothing is internal.
//
//	go test -fuzz FuzzBind -fuzztime 1m ./api
func FuzzBind(f *testing.F) {
	s := newSite(f, setup{})
	p := s.plant("north")
	var ops []tools.Op
	for op := range s.reg.All() {
		ops = append(ops, op)
	}
	c := iot.Caller{Workspace: p.id, Slug: p.slug, Via: iot.REST} // holds no right: nothing is executed
	for i := range ops {
		f.Add(byte(i), "limit=1&fields=id", "", "", "x", "")
		f.Add(byte(i), "limit=x&limit=2", "application/json", `"1"`, "", `{"name":"a"}`)
		f.Add(byte(i), "from=99999999999999&to=-1&since=9223372036854775808", "text/plain", "*", "../..", `{"name":1e999}`)
		f.Add(byte(i), "a=b;c=%zz&%00=\xff", "application/json; charset=\xff", `W/"0"`, "\x00", `{"a":"\ud800","a":`)
		f.Add(byte(i), "confirm=north", "", `W/"-1"`, "ü", "null")
	}
	f.Fuzz(func(t *testing.T, n byte, query, contentType, ifMatch, variable, body string) {
		op := ops[int(n)%len(ops)]
		shown := func(what string, err error) {
			e, ok := errors.AsType[*iot.Error](err)
			if !ok || e.Kind == iot.Internal || e.Msg == "" {
				t.Errorf("%s: %s: got %#v, want an error in words", op.Name, what, err)
			}
		}
		q, err := tools.ParseQuery(query)
		if err != nil {
			shown("query", err)
			q = url.Values{}
		}
		in, err := op.Bind(tools.Request{
			PathVars: func(string) string { return variable }, Query: q, ContentType: contentType, IfMatch: ifMatch, Body: []byte(body),
		})
		if err != nil {
			shown("bind", err)
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(in, &members); err != nil {
			t.Fatalf("%s: got %q, want an object: %v", op.Name, in, err)
		}
		if _, err := s.reg.Call(t.Context(), c, op.Name, in); err != nil {
			shown("call", err)
		}
	})
}

// FuzzMessage: whatever is posted to an MCP endpoint, a bounded answer comes
// that is no failure of the server.
//
//	go test -fuzz FuzzMessage -fuzztime 1m ./api
func FuzzMessage(f *testing.F) {
	s := newSite(f, setup{})
	p := s.plant("north")
	token := p.token(iot.Viewer, iot.AllPermissions().String())
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"ping"}`, `{"jsonrpc":"2.0","id":null,"method":"tools/list"}`, `{"jsonrpc":"2.0","id":1.5,"method":"tools/list","params":{"cursor":"x"}}`,
		`{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"workspace_get","arguments":null}}`, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","PARAMS":{"name":"event_list","ARGUMENTS":{"limit":1e999}}}`, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"iotman_call","arguments":{"method":"GET","path":"/api/v1/workspaces/north"}}}`,
		`{"jsonrpc":"2.0","id":{},"method":{}}`, `{"jsonrpc":"1.0"}`, `{"jsonrpc":"2.0","id":1,"result":{}}`, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`,
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":7}}`, `{"jsonrpc":"2.0","id":1,"method":"server/discover"}`, `[]`, `[{}]`, `null`, `1`, ``, `{`, "\x00", "\ufeff{}", "{\"a\":\"\xff\"}",
		strings.Repeat("[", 200), strings.Repeat(`{"a":`, 80), `{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"debug"}}`, `{"jsonrpc":"2.0","id":1,"method":"completion/complete"}`,
	} {
		f.Add(body, "", "")
		f.Add(body, "2026-07-28", "tools/call")
		f.Add(body, "x", "\x01")
	}
	f.Fuzz(func(t *testing.T, body, version, method string) {
		if strings.Contains(body, "event_wait") {
			return // is asked to take long
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/mcp/north", strings.NewReader(body))
		for name, v := range map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json", "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": version, "Mcp-Method": method} {
			if v != "" {
				r.Header.Set(name, v)
			}
		}
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code < 200 || w.Body.Len() > 1<<20 {
			t.Errorf("%q: got %d and %d bytes: %.300s", body, w.Code, w.Body.Len(), w.Body)
		}
		if ct := w.Header().Get("Content-Type"); w.Body.Len() > 0 && strings.Contains(ct, "json") && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q: got %.300q, want JSON", body, w.Body)
		}
	})
}
