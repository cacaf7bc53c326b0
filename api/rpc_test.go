package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"

	"iotman/iot"
)

// rpc is an answer of the MCP endpoint.
type rpc struct {
	*answer
	ID     json.RawMessage
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
		Data    json.RawMessage
	}
}

// outcome is a tool's result.
type outcome struct {
	*rpc
	IsError           bool
	StructuredContent json.RawMessage
	Content           []struct{ Type, Text string }
}

// modern are the members of a message's _meta in the stateless era.
var modern = map[string]any{
	"io.modelcontextprotocol/protocolVersion":    "2026-07-28",
	"io.modelcontextprotocol/clientCapabilities": map[string]any{},
	"io.modelcontextprotocol/clientInfo":         map[string]any{"name": "test", "version": "1"},
}

// accepts are the headers of every MCP request.
var accepts = []string{"Content-Type", "application/json", "Accept", "application/json, text/event-stream"}

// message sends one message to the workspace's MCP endpoint, query and all.
func (p *plant) message(token, query string, body any, header ...string) *answer {
	p.t.Helper()
	return p.do(req{method: http.MethodPost, path: "/mcp/" + string(p.slug) + query, token: token, body: body, header: append(slices.Clone(accepts), header...)})
}

// ask sends a request in the handshake era and decodes the answer.
func (p *plant) ask(token, query, method string, params any) *rpc {
	p.t.Helper()
	return p.message(token, query, map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).rpc()
}

// askModern sends a request in the stateless era and decodes the answer.
func (p *plant) askModern(token, method string, params map[string]any) *rpc {
	p.t.Helper()
	header := []string{"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", method}
	if name, ok := params["name"].(string); ok {
		header = append(header, "Mcp-Name", name)
	}
	all := map[string]any{"_meta": modern}
	maps.Copy(all, params)
	return p.message(token, "", map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": all}, header...).rpc()
}

// rpc decodes a JSON-RPC answer.
func (a *answer) rpc() *rpc {
	a.t.Helper()
	r := &rpc{answer: a}
	if a.status == http.StatusUnauthorized || a.status == http.StatusForbidden {
		return r
	}
	a.into(r)
	return r
}

// call calls a tool.
func (p *plant) call(token, tool string, arguments any) *outcome {
	p.t.Helper()
	return p.ask(token, "", "tools/call", map[string]any{"name": tool, "arguments": arguments}).outcome()
}

// outcome decodes a tool's result.
func (r *rpc) outcome() *outcome {
	r.t.Helper()
	o := &outcome{rpc: r}
	if r.Result != nil {
		r.must(json.Unmarshal(r.Result, o))
	}
	return o
}

// ok fails the test unless the call went well, and decodes what it answered.
func (o *outcome) ok(v any) *outcome {
	o.t.Helper()
	if o.status != http.StatusOK || o.Error != nil || o.IsError || o.StructuredContent == nil {
		o.t.Fatalf("%s: got %d %.600s, want a result", o.what, o.status, o.body)
	}
	if v != nil {
		o.must(json.Unmarshal(o.StructuredContent, v))
	}
	return o
}

// failed fails the test unless the call was refused with the code, as a
// result, and returns the problem.
func (o *outcome) failed(code string) iot.Problem {
	o.t.Helper()
	var p iot.Problem
	if o.status != http.StatusOK || o.Error != nil || !o.IsError {
		o.t.Fatalf("%s: got %d %.600s, want a result with isError", o.what, o.status, o.body)
	}
	if o.StructuredContent != nil {
		o.t.Errorf("%s: got structured content %s, which clients hold against the output schema", o.what, o.StructuredContent)
	}
	o.must(json.Unmarshal([]byte(o.Content[0].Text), &p))
	if p.Code != code || p.Detail == "" {
		o.t.Errorf("%s: got problem %+v, want code %s", o.what, p, code)
	}
	return p
}

// tool is an entry of tools/list.
type tool struct {
	Name         string          `json:"name"`
	Title        string          `json:"title"`
	Description  string          `json:"description"`
	InputSchema  json.RawMessage `json:"inputSchema"`
	OutputSchema json.RawMessage `json:"outputSchema,omitempty"`
	Annotations  map[string]any  `json:"annotations"`
}

// list returns what tools/list shows.
func (p *plant) list(token, query string) []tool {
	p.t.Helper()
	var got struct {
		Tools      []tool
		NextCursor string
	}
	r := p.ask(token, query, "tools/list", map[string]any{})
	p.must(json.Unmarshal(r.want(http.StatusOK).rpc().Result, &got))
	if got.NextCursor != "" {
		p.t.Errorf("tools/list: got a second page, want all tools on one")
	}
	return got.Tools
}

func names(tools []tool) []string {
	all := make([]string, len(tools))
	for i, t := range tools {
		all[i] = t.Name
	}
	return all
}

// sameStrings fails the test unless two lists hold the same, whatever the order.
func sameStrings(t testing.TB, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
