package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestF1Origin: a page may call /mcp if it is the server's own, allowed, or on
// the same machine as a server that is there for that machine.
func TestF1Origin(t *testing.T) {
	local := newSite(t, setup{origins: []string{"https://app.example"}})
	public := newSite(t, setup{publicURL: "https://iot.example.com", origins: []string{"https://app.example"}})
	const open, shut = true, false
	for _, test := range []struct {
		origin            []string
		atLocal, atPublic bool
	}{
		{nil, open, open},
		{[]string{"https://app.example"}, open, open},
		{[]string{local.url}, open, shut},
		{[]string{"https://iot.example.com"}, shut, open},
		{[]string{"http://localhost:6274"}, open, shut},
		{[]string{"http://127.0.0.1:6274"}, open, shut},
		{[]string{"https://[::1]:443"}, open, shut},
		{[]string{"http://localhost"}, open, shut},
		{[]string{"null"}, shut, shut},
		{[]string{""}, shut, shut},
		{[]string{"https://evil.example"}, shut, shut},
		{[]string{"http://iot.example.com"}, shut, shut},
		{[]string{"https://iot.example.com:8443"}, shut, shut},
		{[]string{"https://iot.example.com.evil.example"}, shut, shut},
		{[]string{"https://app.example.evil.example"}, shut, shut},
		{[]string{"http://app.example"}, shut, shut},
		{[]string{"http://localhost.evil.example"}, shut, shut},
		{[]string{"http://127.0.0.1.evil.example"}, shut, shut},
		{[]string{"http://localhost@evil.example"}, shut, shut},
		{[]string{"http://evil.example/?localhost"}, shut, shut},
		{[]string{"http://evil.example#localhost"}, shut, shut},
		{[]string{"http://192.168.0.7"}, shut, shut},
		{[]string{"http://0.0.0.0"}, shut, shut},
		{[]string{"file://localhost"}, shut, shut},
		{[]string{"chrome-extension://localhost"}, shut, shut},
		{[]string{"localhost"}, shut, shut},
		{[]string{"https://app.example", "https://evil.example"}, shut, shut},
		{[]string{"https://evil.example", "https://app.example"}, shut, shut},
	} {
		var header []string
		for _, o := range test.origin {
			header = append(header, "Origin", o)
		}
		for s, want := range map[*site]bool{local: test.atLocal, public: test.atPublic} {
			host := strings.TrimPrefix(map[*site]string{local: local.url, public: "https://iot.example.com"}[s], "https://")
			host = strings.TrimPrefix(host, "http://")
			for _, method := range []string{http.MethodPost, http.MethodOptions, http.MethodGet} {
				a := s.do(req{method: method, path: "/mcp/north", host: host, header: append(header, accepts...), body: `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`})
				if !want {
					a.problem(http.StatusForbidden, "forbidden")
					if h := a.header.Get("Access-Control-Allow-Origin"); h != "" {
						t.Errorf("%q: got Access-Control-Allow-Origin %q on a refusal", test.origin, h)
					}
					continue
				}
				a.want(map[string]int{http.MethodOptions: http.StatusNoContent}[method] + map[bool]int{true: http.StatusUnauthorized}[method != http.MethodOptions])
				if len(test.origin) == 1 && (a.header.Get("Access-Control-Allow-Origin") != test.origin[0] || a.header.Get("Vary") != "Origin" ||
					!strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "WWW-Authenticate")) {
					t.Errorf("%q: got %v, want CORS headers", test.origin, a.header)
				}
				if h := a.header.Get("Access-Control-Allow-Credentials"); h != "" {
					t.Errorf("%q: got Access-Control-Allow-Credentials %q; nothing here reads cookies", test.origin, h)
				}
			}
		}
	}
}

// TestF1Host: a name that was rebound to this machine is not this machine's.
func TestF1Host(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	own := strings.TrimPrefix(s.url, "http://")
	_, port, _ := strings.Cut(own, ":")
	for host, want := range map[string]int{
		own: http.StatusOK, "localhost": http.StatusOK, "localhost:" + port: http.StatusOK, "127.0.0.1": http.StatusOK, "127.8.9.10:1": http.StatusOK,
		"[::1]:" + port: http.StatusOK, "[::1]": http.StatusOK,
		"evil.example": http.StatusForbidden, "evil.example:" + port: http.StatusForbidden, "localhost.evil.example": http.StatusForbidden,
		"127.0.0.1.evil.example:" + port: http.StatusForbidden, "192.168.0.7:" + port: http.StatusForbidden, "0.0.0.0:" + port: http.StatusForbidden,
		"[fe80::1]:" + port: http.StatusForbidden, "localhost@evil.example": http.StatusForbidden,
	} {
		a := s.do(req{method: http.MethodPost, path: "/mcp/north", token: p.owner(), host: host, header: accepts, body: `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`})
		if a.status != want && (a.status != http.StatusBadRequest || want == http.StatusOK) { // net/http refuses some by itself
			t.Errorf("Host %q: got %d %.200s, want %d", host, a.status, a.body, want)
		}
	}
	s.do(req{method: http.MethodPost, path: "/mcp/north", host: "evil.example", header: accepts, body: `{}`}).problem(http.StatusForbidden, "forbidden")
	s.do(req{method: http.MethodOptions, path: "/mcp/north", host: "evil.example", header: []string{"Origin", s.url}}).problem(http.StatusForbidden, "forbidden")

	public := newSite(t, setup{publicURL: "https://iot.example.com"}) // behind a proxy, which says what it wants
	p = public.plant("north")
	public.do(req{method: http.MethodPost, path: "/mcp/north", token: p.owner(), host: "backend:8080", header: accepts, body: `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`}).want(http.StatusOK)
	a := public.do(req{method: http.MethodPost, path: "/mcp/north", host: "evil.example", header: accepts, body: `{}`}).want(http.StatusUnauthorized) // A30
	if h := a.header.Get("WWW-Authenticate"); !strings.Contains(h, `resource_metadata="https://iot.example.com/`) || strings.Contains(h, "evil") {
		t.Errorf("got WWW-Authenticate %q, want the public URL whatever the Host", h)
	}
}
