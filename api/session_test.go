package api_test

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"iotman/iot"
)

// TestF7SessionID: the server keeps no session, so that one that is stolen,
// guessed or used again after its owner's token was revoked gives nothing: the
// answer is that of the caller's own token.
func TestF7SessionID(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	victim := p.owner()
	const stolen = "mcp-session-5f0c8f2e-7b0e-4a37-9a10-0e6f6b1f1d11"
	begin := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
	if h := p.message(victim, "?mode=lean", begin, "Mcp-Session-Id", stolen).want(http.StatusOK).header.Get("Mcp-Session-Id"); h != "" {
		t.Errorf("got session %q, want none", h)
	}
	const list, get = `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"workspace_get"}}`
	check := func(what string) {
		t.Helper()
		for who, token := range map[string]string{"another tenant": other.owner(), "a viewer there": other.token(iot.Viewer, "data:read workspace:read")} {
			for _, body := range []string{list, get} {
				for _, id := range []string{stolen, "mcp-session-1", "", strings.Repeat("x", 4096)} {
					own := other.message(token, "", body).want(http.StatusOK)
					a := other.message(token, "", body, "Mcp-Session-Id", id).want(http.StatusOK)
					if string(a.body) != string(own.body) || a.header.Get("Mcp-Session-Id") != "" || strings.Contains(string(a.body), string(p.id)) {
						t.Errorf("%s, %s with session %.50q: got %.300s, want %.300s", what, who, id, a.body, own.body)
					}
				}
			}
			p.message(token, "", get, "Mcp-Session-Id", stolen).problem(http.StatusUnauthorized, "unauthenticated")
		}
		p.message("", "", get, "Mcp-Session-Id", stolen).problem(http.StatusUnauthorized, "unauthenticated")
	}
	check("in use")
	p.revoke(victim)
	check("after the revocation")
	p.message(victim, "", get, "Mcp-Session-Id", stolen).problem(http.StatusUnauthorized, "unauthenticated")
}

// TestF15HangUpFreesTheWait: who hangs up while waiting for events leaves
// nothing running, long before the wait would have ended.
func TestF15HangUpFreesTheWait(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for what, r := range map[string][3]string{
		"REST": {http.MethodGet, p.rest("/events/wait?timeout=25"), ""},
		"MCP":  {http.MethodPost, "/mcp/north", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"event_wait","arguments":{"timeout":25}}}`},
	} {
		base := runtime.NumGoroutine()
		ctx, hangUp := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		const waiters = 50
		for range waiters {
			clients.Go(func() {
				hr, err := http.NewRequestWithContext(ctx, r[0], s.url+r[1], strings.NewReader(r[2]))
				if err != nil {
					t.Error(err)
					return
				}
				hr.Header.Set("Authorization", "Bearer "+token)
				hr.Header.Set("Content-Type", "application/json")
				hr.Header.Set("Accept", "application/json, text/event-stream")
				if res, err := transport.RoundTrip(hr); err == nil {
					text, _ := io.ReadAll(res.Body)
					t.Errorf("%s: got %d %s before the hang-up", what, res.StatusCode, text)
					res.Body.Close()
				}
			})
		}
		within := func(state string, reached func(goroutines int) bool) {
			t.Helper()
			for deadline := time.Now().Add(8 * time.Second); !reached(runtime.NumGoroutine()); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%s: %d goroutines, at first %d: not %s", what, runtime.NumGoroutine(), base, state)
				}
			}
		}
		within("all waiting", func(n int) bool {
			return waitingIn("tools.(*events)") >= waiters || waitingIn("flow.(*Flow).Waiter") >= waiters
		})
		hangUp()
		clients.Wait()
		transport.CloseIdleConnections()
		within("free", func(n int) bool { return n <= base+3 }) // the site's own idle connections come and go
	}
}

// waitingIn returns how many goroutines have the function in their stack.
func waitingIn(function string) int {
	stacks := make([]byte, 4<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), function)
}
