// Gosdk talks to a server as a program on the official Go SDK does, in both
// eras of the protocol:
//
//	go run . MCP-URL TOKEN READ-ONLY-TOKEN
//
// It is a module of its own, so that the SDK is no dependency of iotman.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"golang.org/x/oauth2"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "expected MCP-URL TOKEN READ-ONLY-TOKEN")
		os.Exit(2)
	}
	for _, version := range []string{"2025-11-25", "2026-07-28"} {
		if err := try(ctx, version, os.Args[1], os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintf(os.Stderr, "FAILED: go-sdk, protocol %s: %v\n", version, err)
			os.Exit(1)
		}
		fmt.Printf("- go-sdk, protocol %s: list, call, create, schema, mistakes, scope\n", version)
	}
}

// try goes through everything with one version of the protocol.
func try(ctx context.Context, version, url, token, readOnly string) error {
	c, err := connect(ctx, version, url, token)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.work(ctx, "Go "+version); err != nil {
		return err
	}
	if err := c.mistakes(ctx); err != nil {
		return err
	}
	if err := insufficient(ctx, version, url, readOnly); err != nil {
		return err
	}
	return unauthenticated(ctx, version, url)
}

// client is a connected session, and the tools it was shown.
type client struct {
	*mcp.ClientSession
	tools map[string]*mcp.Tool
	login *login
}

func connect(ctx context.Context, version, url, token string) (*client, error) {
	c := &client{tools: map[string]*mcp.Tool{}, login: &login{token: token}}
	var err error
	c.ClientSession, err = mcp.NewClient(&mcp.Implementation{Name: "iotman-e2e", Version: "1.0.0"}, nil).Connect(ctx,
		&mcp.StreamableClientTransport{Endpoint: url, OAuthHandler: c.login, MaxRetries: -1},
		&mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		return c, fmt.Errorf("connect: %w", err)
	}
	if got := c.InitializeResult(); got.ProtocolVersion != version || got.ServerInfo.Name != "iotman" || !strings.Contains(got.Instructions, "workspace") {
		return c, fmt.Errorf("connect: got %+v, want version %s of iotman, with instructions", got, version)
	}
	for t, err := range c.Tools(ctx, nil) {
		if err != nil {
			return c, fmt.Errorf("list: %w", err)
		}
		c.tools[t.Name] = t
	}
	return c, nil
}

// call calls a tool that has to succeed, and decodes what it answers, which has
// to fit the tool's output schema.
func (c *client) call(ctx context.Context, name string, arguments map[string]any, into any) error {
	tool := c.tools[name]
	if tool == nil {
		return fmt.Errorf("%s is not among the %d tools", name, len(c.tools))
	}
	result, err := c.CallTool(ctx, &mcp.CallToolParams{Name: name, Arguments: arguments})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if result.IsError || len(result.Content) != 1 {
		return fmt.Errorf("%s: got %s, want a result", name, text(result))
	}
	raw, err := json.Marshal(tool.OutputSchema)
	if err != nil {
		return err
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(raw, &schema); err != nil {
		return fmt.Errorf("%s: output schema: %w", name, err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return fmt.Errorf("%s: output schema: %w", name, err)
	}
	if err := resolved.Validate(result.StructuredContent); err != nil {
		return fmt.Errorf("%s: the answer does not fit the output schema: %w", name, err)
	}
	if raw, err = json.Marshal(result.StructuredContent); err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// work makes an endpoint, posts to it as a device does, and reads it back.
func (c *client) work(ctx context.Context, endpoint string) error {
	var before, after struct{ Items []struct{ Name string } }
	if err := c.call(ctx, "http_endpoint_list", nil, &before); err != nil {
		return err
	}
	var made struct{ ID, URL string }
	if err := c.call(ctx, "http_endpoint_create", map[string]any{"name": endpoint}, &made); err != nil {
		return err
	}
	if err := c.call(ctx, "http_endpoint_list", nil, &after); err != nil {
		return err
	}
	if len(after.Items) != len(before.Items)+1 {
		return fmt.Errorf("http_endpoint_list: got %v after %v and one more", after, before)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, made.URL, strings.NewReader(`{"temperature": 21.5}`))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("POST %s: got %s, want 202", made.URL, res.Status)
	}
	var events struct {
		Items     []struct{ Payload map[string]any }
		Untrusted []string
	}
	if err := c.call(ctx, "event_list", map[string]any{"source": made.ID}, &events); err != nil {
		return err
	}
	if len(events.Items) != 1 || events.Items[0].Payload["temperature"] != 21.5 || len(events.Untrusted) == 0 {
		return fmt.Errorf("event_list: got %+v, want the event that was posted", events)
	}
	return nil
}

// mistakes makes some, and wants to be told which.
func (c *client) mistakes(ctx context.Context) error {
	for field, arguments := range map[string]map[string]any{
		"limt": {"limt": 5}, "limit": {"limit": "many"},
	} {
		result, err := c.CallTool(ctx, &mcp.CallToolParams{Name: "event_list", Arguments: arguments})
		if err != nil {
			return fmt.Errorf("event_list %v: %w", arguments, err)
		}
		if !result.IsError || !strings.Contains(text(result), field) {
			return fmt.Errorf("event_list %v: got %s, want an error that names %s", arguments, text(result), field)
		}
	}
	_, err := c.CallTool(ctx, &mcp.CallToolParams{Name: "event_lost"})
	if wire, ok := errors.AsType[*jsonrpc.Error](err); !ok || wire.Code != jsonrpc.CodeInvalidParams {
		return fmt.Errorf("an unknown tool: got %v, want a protocol error with code %d", err, jsonrpc.CodeInvalidParams)
	}
	return nil
}

// insufficient calls with a token that lacks the permission: the tool is not
// shown, and a call of it is told what to ask for at sign-in.
func insufficient(ctx context.Context, version, url, token string) error {
	c, err := connect(ctx, version, url, token)
	if err != nil {
		return err
	}
	defer c.Close()
	if c.tools["event_list"] == nil || c.tools["http_endpoint_create"] != nil {
		return fmt.Errorf("with a token that only reads: got the tools %v", c.tools)
	}
	_, err = c.CallTool(ctx, &mcp.CallToolParams{Name: "http_endpoint_create", Arguments: map[string]any{"name": "Never"}})
	const want = `error="insufficient_scope", scope="sources:write"`
	if err == nil || c.login.status != http.StatusForbidden || !strings.HasSuffix(c.login.challenge, want) {
		return fmt.Errorf("insufficient scope: got %v, %d %s, want 403 %s", err, c.login.status, c.login.challenge, want)
	}
	return nil
}

func unauthenticated(ctx context.Context, version, url string) error {
	c, err := connect(ctx, version, url, "nonsense")
	if err == nil || c.login.status != http.StatusUnauthorized || !strings.Contains(c.login.challenge, "resource_metadata=") {
		return fmt.Errorf("with no token: got %v, %d %s, want 401 with resource_metadata", err, c.login.status, c.login.challenge)
	}
	return nil
}

func text(r *mcp.CallToolResult) string {
	if len(r.Content) == 1 {
		if t, ok := r.Content[0].(*mcp.TextContent); ok {
			return t.Text
		}
	}
	return fmt.Sprintf("%d contents", len(r.Content))
}

// login sends a token, and remembers why it was refused instead of asking for
// another. The SDK calls it for one request at a time here.
type login struct {
	token     string
	status    int
	challenge string
}

// TokenSource implements [auth.OAuthHandler].
func (l *login) TokenSource(context.Context) (oauth2.TokenSource, error) {
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: l.token}), nil
}

// Authorize implements [auth.OAuthHandler].
func (l *login) Authorize(_ context.Context, _ *http.Request, res *http.Response) error {
	defer res.Body.Close()
	l.status, l.challenge = res.StatusCode, res.Header.Get("WWW-Authenticate")
	return errors.New("refused: " + res.Status)
}
