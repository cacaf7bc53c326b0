package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	gosdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	listBody = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	callBody = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"workspace_settings_get","arguments":{}}}`
)

// mcpJobs compares tools/list with the very tools that iotman has, and a call
// that does next to nothing.
func mcpJobs(ctx context.Context, o options) error {
	m, err := startIotman(ctx, o, "mcp")
	if err != nil {
		return err
	}
	defer func() { _ = m.stop() }()
	listed, err := m.post(ctx, listBody)
	if err != nil {
		return err
	}
	header := map[string]string{"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
	authorized := map[string]string{"Content-Type": "application/json", "Accept": header["Accept"], "Authorization": "Bearer " + m.token}
	type peer struct{ name, url string }
	var peers []peer
	for _, kind := range []string{"bytes", "mcp-go", "go-sdk"} {
		p, err := self(ctx, kind, string(listed))
		if err != nil {
			return err
		}
		defer func() { _ = p.stop() }()
		peers = append(peers, peer{kind, p.url})
	}
	names := map[string]string{"bytes": "pre-marshalled bytes (limit)", "mcp-go": "mcp-go as it comes", "go-sdk": "go-sdk"}
	for job, body := range map[string]string{"tools/list": listBody, "tools/call of a trivial operation": callBody} {
		turn := func(name, url string, h map[string]string) contestant {
			return contestant{name: name, turn: func(ctx context.Context) (outcome, error) {
				return load(ctx, request{http.MethodPost, url, h, []byte(body), http.StatusOK}, 16, o.seconds)
			}}
		}
		cs := []contestant{turn("iotman, authorized", m.url+"/mcp/default", authorized)}
		for _, p := range peers {
			cs = append(cs, turn(names[p.name]+", open to all", p.url+"/", header))
		}
		if err := compare(ctx, o, fmt.Sprintf("%s, %d kB of tools, c = 16", job, len(listed)/1000), "requests", cs); err != nil {
			return err
		}
	}
	return nil
}

// post sends one message to iotman's MCP endpoint and returns the answer.
func (m *iotman) post(ctx context.Context, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url+"/mcp/default", bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+m.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

// toolsIn returns the tools of an answer to tools/list.
func toolsIn(answer string) ([]mcpgo.Tool, error) {
	var a struct {
		Result struct {
			Tools []mcpgo.Tool `json:"tools"`
		} `json:"result"`
	}
	err := json.Unmarshal([]byte(answer), &a)
	return a.Result.Tools, err
}

// preMarshalled is the limit: bytes that were ready beforehand.
func preMarshalled(args []string) (http.Handler, error) {
	list := []byte(args[0])
	call := []byte(`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{}"}],"structuredContent":{}}}`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if bytes.Contains(body, []byte("tools/list")) {
			_, _ = w.Write(list)
			return
		}
		_, _ = w.Write(call)
	}), nil
}

func stockMCPGo(args []string) (http.Handler, error) {
	tools, err := toolsIn(args[0])
	if err != nil {
		return nil, err
	}
	s := server.NewMCPServer("bench", "1", server.WithToolCapabilities(false))
	for _, t := range tools {
		s.AddTool(t, func(context.Context, mcpgo.CallToolRequest) (*mcpgo.CallToolResult, error) {
			return mcpgo.NewToolResultStructured(map[string]any{}, "{}"), nil
		})
	}
	return server.NewStreamableHTTPServer(s, server.WithStateLess(true), server.WithDisableStreaming(true)), nil
}

func goSDK(args []string) (http.Handler, error) {
	tools, err := toolsIn(args[0])
	if err != nil {
		return nil, err
	}
	s := gosdk.NewServer(&gosdk.Implementation{Name: "bench", Version: "1"}, nil)
	for _, t := range tools {
		in, err := json.Marshal(t.InputSchema)
		if err != nil {
			return nil, err
		}
		s.AddTool(&gosdk.Tool{Name: t.Name, Title: t.Title, Description: t.Description, InputSchema: json.RawMessage(in)},
			func(context.Context, *gosdk.CallToolRequest) (*gosdk.CallToolResult, error) {
				return &gosdk.CallToolResult{Content: []gosdk.Content{&gosdk.TextContent{Text: "{}"}}, StructuredContent: map[string]any{}}, nil
			})
	}
	return gosdk.NewStreamableHTTPHandler(func(*http.Request) *gosdk.Server { return s },
		&gosdk.StreamableHTTPOptions{Stateless: true, JSONResponse: true}), nil
}
