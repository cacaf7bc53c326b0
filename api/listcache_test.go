package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"iotman/iot"
)

// eras are the ways to say which revision of the protocol is meant.
var eras = []struct {
	name   string
	params map[string]any
	header []string
}{
	{"2025-03-26, which sends no header", nil, nil},
	{"2025-11-25", map[string]any{}, []string{"MCP-Protocol-Version", "2025-11-25"}},
	{"2026-07-28", map[string]any{"_meta": modern}, []string{"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/list"}},
}

// TestListCache: tools/list from the cache is what it would be without one, for
// every right, selection and revision.
func TestListCache(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	ask := func(token, query string, era int, id any) *answer {
		message := map[string]any{"jsonrpc": "2.0", "id": id, "method": "tools/list"}
		if eras[era].params != nil {
			message["params"] = eras[era].params
		}
		return p.message(token, query, message, eras[era].header...).want(http.StatusOK)
	}
	first := map[string][]byte{}
	for round := range 3 { // cold, warm, and warm after a change of the configuration
		for _, r := range roles {
			for _, without := range []string{"", "sources:write", "data:read"} {
				token := p.token(r, but(without))
				for _, query := range []string{"", "?mode=lean", "?toolsets=data", "?toolsets=sources", "?mode=lean&toolsets=data"} {
					for era := range eras {
						what := fmt.Sprintf("%s without %q, %q, %s", r, without, query, eras[era].name)
						a := ask(token, query, era, round)
						var got struct {
							ID     int
							Result struct {
								Tools      []tool
								ResultType string
								TTLMS      *int `json:"ttlMs"`
								CacheScope string
							}
						}
						a.into(&got)
						if got.ID != round {
							t.Errorf("%s: got id %d, want %d", what, got.ID, round)
						}
						may := func(needs string) bool { return holds(r, needs) && needs != without }
						sameStrings(t, what, names(got.Result.Tools), shown(may, bytes.Contains([]byte(query), []byte("lean")), part(query)))
						if stateless := era == 2; stateless != (got.Result.TTLMS != nil && *got.Result.TTLMS == 60_000 && got.Result.CacheScope == "private" && got.Result.ResultType == "complete") {
							t.Errorf("%s: got resultType %q, ttlMs %v and cacheScope %q", what, got.Result.ResultType, got.Result.TTLMS, got.Result.CacheScope)
						}
						var r rpc
						a.into(&r)
						if before, ok := first[what]; ok && !bytes.Equal(before, r.Result) {
							t.Errorf("%s, round %d: got another result than at first", what, round)
						}
						first[what] = r.Result
						if ct := a.header.Get("Content-Type"); ct != "application/json" {
							t.Errorf("%s: got content type %q, want application/json", what, ct)
						}
					}
				}
			}
		}
		if round == 1 {
			p.endpoint("new", nil)
		}
	}
}

// part is the toolset that a query asks for.
func part(query string) string {
	for _, name := range []string{"data", "sources"} {
		if bytes.HasSuffix([]byte(query), []byte("toolsets="+name)) {
			return name
		}
	}
	return ""
}

// TestListCacheEchoesIDs: an id comes back as it was sent, to the digit.
func TestListCacheEchoesIDs(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	for range 2 {
		for _, id := range []string{`1`, `"1"`, `0`, `-1`, `9007199254740993`, `123456789012345678901234567890`, `1.50`, `1e3`, `-0`, `""`, `"a\u00e9\ud83d\ude00\"}"`, `"é"`, `"<&>"`, `true`, `{"a":1}`, `[1]`} {
			a := p.message(token, "", `{"jsonrpc":"2.0","id":`+id+`,"method":"tools/list","params":{}}`).want(http.StatusOK)
			if !bytes.HasPrefix(a.body, []byte(`{"jsonrpc":"2.0","id":`+id+`,"result":{`)) || !json.Valid(a.body) {
				t.Errorf("id %s: got %.80s", id, a.body)
			}
		}
		p.message(token, "", `{"jsonrpc":"2.0","id":null,"method":"tools/list","params":{}}`).want(http.StatusAccepted)
		p.message(token, "", `{"jsonrpc":"2.0","method":"tools/list","params":{}}`).want(http.StatusAccepted)
	}
}

// TestListCacheIsBehindTheGuards: what is refused cold is refused warm.
func TestListCacheIsBehindTheGuards(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	token, revoked := p.owner(), p.owner()
	good := map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": eras[2].params}
	legacy := map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": map[string]any{}}
	p.message(revoked, "", good, eras[2].header...).want(http.StatusOK)
	p.revoke(revoked)
	p.message(token, "", good, eras[2].header...).want(http.StatusOK)
	p.message(token, "", legacy).want(http.StatusOK)
	for range 2 {
		for name, refused := range map[string]string{"no token": "", "another workspace's": other.owner(), "revoked": revoked, "garbage": "a.b.c"} {
			if a := p.message(refused, "", good, eras[2].header...); a.status != http.StatusUnauthorized {
				t.Errorf("%s: got %d, want 401", name, a.status)
			}
		}
		for name, header := range map[string][]string{
			"another method":   {"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call"},
			"no method":        {"MCP-Protocol-Version", "2026-07-28"},
			"another version":  {"MCP-Protocol-Version", "2025-11-25", "Mcp-Method", "tools/list"},
			"no version":       {"Mcp-Method", "tools/list"},
			"a stream resumed": {"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/list", "Last-Event-ID", "1"},
		} {
			r := p.message(token, "", good, header...).rpc()
			if r.status != http.StatusBadRequest || r.Error == nil || r.Error.Code != headerMismatch {
				t.Errorf("%s: got %d %.200s, want 400 and HeaderMismatch", name, r.status, r.body)
			}
		}
		if r := p.message(token, "", `{"jsonrpc":"1.0","id":1,"method":"tools/list","params":{}}`).rpc(); r.Error == nil || r.Result != nil {
			t.Errorf("JSON-RPC 1.0: got %.200s, want an error", r.body)
		}
		if r := p.message(token, "", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"b64?"}}`).rpc(); r.Error == nil || r.Result != nil {
			t.Errorf("a made-up cursor: got %.200s, want an error", r.body)
		}
		a := p.do(req{method: http.MethodPost, path: "/mcp/north", token: token, body: legacy, header: []string{"Content-Type", "text/plain"}})
		if a.status != http.StatusBadRequest && a.status != http.StatusUnsupportedMediaType {
			t.Errorf("text/plain: got %d, want 400 or 415", a.status)
		}
	}
	if got := names(p.list(p.token(iot.Viewer, everything), "")); len(got) >= len(names(p.list(token, ""))) {
		t.Errorf("a viewer got %d tools, an owner %d", len(got), len(names(p.list(token, ""))))
	}
}

// headerMismatch is the code of HeaderMismatch in the revision 2026-07-28.
const headerMismatch = -32020
