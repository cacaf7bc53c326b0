package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"

	"iotman/api"
	"iotman/flow"
	"iotman/iot"
	"iotman/mcp"
	"iotman/oauth"
	"iotman/spec"
	"iotman/store"
	"iotman/tools"
)

// listenEnv names the address at which TestConformance serves the fixtures of
// the official suite (npm @modelcontextprotocol/conformance) instead of testing
// them itself; e2e/conformance.sh sets it.
const listenEnv = "IOTMAN_CONFORMANCE_LISTEN"

// TestConformance puts the suite's fixtures behind the whole edge of the
// program. With listenEnv it prints the MCP URL and a token as one line of
// JSON, and serves until SIGTERM.
func TestConformance(t *testing.T) {
	addr := os.Getenv(listenEnv)
	if addr == "" {
		e := newEdge(t, "127.0.0.1:0")
		t.Run("list", e.testList)
		t.Run("call", e.testCall)
		t.Run("arguments", e.testArguments)
		t.Run("ask", e.testAsk)
		return
	}
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	e := newEdge(t, addr)
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"url": e.url, "token": e.token}); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
}

// edge is the program's server with the suite's fixtures added, reached over
// HTTP by the owner of a workspace.
type edge struct{ url, token string }

// newEdge starts an edge that stops with the test.
func newEdge(t *testing.T, addr string) *edge {
	t.Helper()
	ctx := t.Context()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	st := newStore(t, log)
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	must(t, err)
	publicURL := "http://" + l.Addr().String()
	issuer, err := oauth.New(ctx, st, publicURL)
	must(t, err)
	data, err := flow.New(st, log, 0)
	must(t, err)
	reg, err := tools.NewRegistry(st, log, tools.Catalogue(tools.Parts{Store: st, Flow: data, PublicURL: publicURL})...)
	must(t, err)
	document, err := spec.OpenAPI(reg, publicURL)
	must(t, err)
	agents, err := mcp.New(mcp.Config{Version: "conformance", Log: log, Registry: reg, Flow: data})
	must(t, err)
	addFixtures(t, agents.Server())
	s, err := api.New(api.Config{
		PublicURL: publicURL, Log: log, Store: st, Flow: data, Registry: reg, Issuer: issuer, MCP: agents, OpenAPI: document,
		OAuth: oauth.NewServer(oauth.Config{Store: st, Issuer: issuer, Log: log, ClientIP: api.ClientIP}),
	})
	must(t, err)
	srv := s.HTTPServer(addr)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		must(t, srv.Close())
		<-served
	})
	return &edge{issuer.MCPURL(slug), newToken(t, st, issuer)}
}

// newStore opens a store that is closed with the test.
func newStore(t *testing.T, log *slog.Logger) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Key: store.Key{1, 2, 3}, Log: log})
	must(t, err)
	running, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- st.Run(running) }()
	t.Cleanup(func() {
		stop()
		must(t, <-done)
		must(t, st.Close())
	})
	return st
}

const slug iot.Slug = "conformance"

// newToken makes a workspace and returns its owner's token for all there is.
func newToken(t *testing.T, st *store.Store, issuer *oauth.Issuer) string {
	t.Helper()
	ctx := t.Context()
	owner, err := st.CreateAccount(ctx, "owner@example.com", "Owner")
	must(t, err)
	by := store.By{Account: owner.ID, Email: owner.Email, Operation: "workspace_create"}
	w, err := st.CreateWorkspace(ctx, by, iot.Workspace{Name: "Conformance", Slug: slug, DefaultRole: iot.Viewer})
	must(t, err)
	token, err := issuer.Issue(ctx, oauth.Request{
		Workspace: w.ID, Account: owner.ID, Client: "conformance", Audience: issuer.MCPURL(slug),
		Scope: iot.AllPermissions().String(), Life: oauth.MaxTokenLife,
	})
	must(t, err)
	return token
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is the result of a message, as far as these tests look at it.
type answer struct {
	Tools         []listed
	Content       []struct{ Text string }
	ResultType    string
	InputRequests map[string]json.RawMessage
	IsError       bool
}

// ask sends a message of the stateless era and returns its result.
func (e *edge) ask(t *testing.T, method string, params map[string]any) answer {
	t.Helper()
	all := map[string]any{"_meta": map[string]any{
		"io.modelcontextprotocol/protocolVersion":    "2026-07-28",
		"io.modelcontextprotocol/clientCapabilities": map[string]any{"elicitation": map[string]any{}},
	}}
	maps.Copy(all, params)
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": all})
	must(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url, bytes.NewReader(body))
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+e.token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("MCP-Protocol-Version", "2026-07-28")
	r.Header.Set("Mcp-Method", method)
	if name, ok := params["name"].(string); ok {
		r.Header.Set("Mcp-Name", name)
	}
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	var message struct{ Result *answer }
	if err := json.Unmarshal(text, &message); err != nil || res.StatusCode != http.StatusOK || message.Result == nil {
		t.Fatalf("%s: got %d %.400s, want a result", method, res.StatusCode, text)
	}
	return *message.Result
}

// call calls a fixture and fails the test unless it answers the text.
func (e *edge) call(t *testing.T, want string, params map[string]any) {
	t.Helper()
	got := e.ask(t, "tools/call", params)
	if got.IsError || len(got.Content) != 1 || got.Content[0].Text != want {
		t.Errorf("call %v: got %+v, want the text %q", params, got, want)
	}
}

func (e *edge) testList(t *testing.T) {
	var got []string
	for _, tool := range e.ask(t, "tools/list", nil).Tools {
		got = append(got, tool.Name)
		objects(t, tool.Name, tool.InputSchema)
		objects(t, tool.Name, tool.OutputSchema)
	}
	want := slices.Collect(maps.Keys(fixedTools))
	for _, a := range askingTools {
		want = append(want, a.name)
	}
	for _, name := range append(want, "http_endpoint_list") { // and the program's own
		if !slices.Contains(got, name) {
			t.Errorf("tools/list: got %v, want %s among them", got, name)
		}
	}
}

// objects fails the test unless the schema of every property is an object. Up
// to revision 2025-11-25 it has to be, and the TypeScript SDK v1 refuses the
// whole list over one that is the boolean true.
func objects(t *testing.T, tool string, schema json.RawMessage) {
	t.Helper()
	var s struct{ Properties map[string]json.RawMessage }
	if schema == nil {
		return
	}
	must(t, json.Unmarshal(schema, &s))
	for name, p := range s.Properties {
		if p[0] != '{' {
			t.Errorf("tool %s: got %s as the schema of %s, want an object", tool, p, name)
		}
	}
}

func (e *edge) testCall(t *testing.T) {
	e.call(t, "This is a simple text response for testing.", map[string]any{"name": "test_simple_text"})
}

func (e *edge) testArguments(t *testing.T) {
	e.call(t, `You said "hello"`, map[string]any{"name": "test_echo", "arguments": map[string]any{"text": "hello"}})
}

// testAsk lets a fixture ask back, and answers it.
func (e *edge) testAsk(t *testing.T) {
	const name = "test_input_required_result_elicitation"
	got := e.ask(t, "tools/call", map[string]any{"name": name})
	if got.ResultType != "input_required" || got.InputRequests["user_name"] == nil {
		t.Fatalf("call %s: got %+v, want it to ask for user_name", name, got)
	}
	e.call(t, fmt.Sprintf("%s has all it asked for", name), map[string]any{"name": name, "inputResponses": map[string]any{
		"user_name": map[string]any{"action": "accept", "content": map[string]any{"name": "Alice"}},
	}})
}
