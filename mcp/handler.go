package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"iotman/flow"
	"iotman/flow/schema"
	"iotman/iot"
	"iotman/tools"
)

// Config is what a Handler is made of.
type Config struct {
	Version  string // of the program
	Log      *slog.Logger
	Registry *tools.Registry
	Flow     *flow.Flow // for what iotman_call posts
	// Introspect tells of a workspace's access token; of any other that it is not
	// active (RFC 7662).
	Introspect func(ctx context.Context, workspace iot.ID, token string) (any, error)
}

// Handler answers the MCP endpoints of all workspaces.
type Handler struct {
	log  *slog.Logger
	reg  *tools.Registry
	flow *flow.Flow

	introspect func(ctx context.Context, workspace iot.ID, token string) (any, error)

	toolsets []string
	input    *schema.Schema // of iotman_call
	server   *server.MCPServer
	http     *server.StreamableHTTPServer
	lists    *listCache
}

// New returns the Handler that serves the registry's operations.
func New(cfg Config) (*Handler, error) {
	lists, err := newListCache()
	if err != nil {
		return nil, err
	}
	input, err := schema.Compile([]byte(callSchema))
	if err != nil {
		return nil, fmt.Errorf("tool %s: %w", callName, err)
	}
	h := &Handler{log: cfg.Log, reg: cfg.Registry, flow: cfg.Flow, introspect: cfg.Introspect, input: input, lists: lists}
	hooks := &server.Hooks{}
	hooks.AddAfterInitialize(func(ctx context.Context, _ any, _ *mcp.InitializeRequest, r *mcp.InitializeResult) {
		r.Instructions = h.instructions(ctx)
	})
	hooks.AddAfterDiscover(func(ctx context.Context, _ any, _ *mcp.DiscoverRequest, r *mcp.DiscoverResult) {
		r.Instructions = h.instructions(ctx)
	})
	h.server = server.NewMCPServer("iotman", cfg.Version,
		server.WithTitle("iotman"),
		server.WithToolCapabilities(false),
		server.WithHooks(hooks),
		server.WithToolFilter(h.filter),
		server.WithCacheHints(listTTL.Milliseconds(), mcp.CacheScopePrivate),
		server.WithToolHandlerMiddleware(h.recovering),
	)
	for op := range cfg.Registry.All() {
		t, err := toolOf(op)
		if err != nil {
			return nil, fmt.Errorf("tool %s: %w", op.Name, err)
		}
		h.server.AddTool(t, h.operation(op))
		if !slices.Contains(h.toolsets, op.Toolset()) {
			h.toolsets = append(h.toolsets, op.Toolset())
		}
	}
	h.server.AddTool(callTool(), h.call)
	h.http = server.NewStreamableHTTPServer(h.server,
		server.WithStateLess(true),
		server.WithDisableStreaming(true),
		server.WithDisableLocalhostProtection(true), // package api checks Origin and Host
		server.WithStreamableHTTPLogger(slog.New(slog.DiscardHandler)),
	)
	return h, nil
}

// request is what is known of the request that is being answered.
type request struct {
	caller    iot.Caller
	selection selection
	listing   bool            // tools/list: show only what the caller may call
	arguments json.RawMessage // tools/call: as sent; empty for none
	denied    *error          // tools/call: where the call notes that the token lacks a permission
}

type requestKey struct{}

func requestOf(ctx context.Context) request {
	r, ok := ctx.Value(requestKey{}).(request)
	if !ok {
		return request{} // holds no right
	}
	return r
}

// maxDepth is how deep a message may nest.
const maxDepth = 64 + 8 // a payload, and what wraps it

// Serve answers a message that an authenticated caller posted. An error is for
// the caller to render: a malformed URL, what is no single message, or a
// permission that the token lacks, which a client mends by asking for more at
// sign-in.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, c iot.Caller, body []byte) error {
	sel, err := h.selectionOf(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) {
		return iot.Errorf(iot.Invalid, "expected one JSON-RPC message, got an array").Hinting("batches are not taken: post each message by itself")
	}
	if tooDeep(body, maxDepth) {
		return iot.Errorf(iot.Invalid, "the message nests deeper than %d levels", maxDepth).Hinting("send a flatter message")
	}
	req := request{caller: c, selection: sel}
	var env envelope
	if json.Unmarshal(body, &env) != nil {
		env.Method = "" // for the library to refuse
	}
	if err := unambiguous(body, env); err != nil {
		return err
	}
	switch env.Method {
	case string(mcp.MethodToolsCall):
		call, ok := parseToolCall(env.Params)
		if !ok {
			break // for the library to refuse
		}
		if err := h.permitted(req, call); err != nil {
			return err
		}
		if string(call.Arguments) != "null" {
			req.arguments = call.Arguments
		}
		if body, err = withoutArguments(body); err != nil {
			return err
		}
	case string(mcp.MethodToolsList):
		req.listing = true
		r.Body = io.NopCloser(bytes.NewReader(body))
		return h.lists.serve(w, r, req, env, h.http)
	case string(mcp.MethodNotificationCancelled):
		// The library would end whatever call has the id that is named, and ids
		// are every client's to choose: another tenant's call, as likely as not.
		// A call ends when its connection does.
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	held := &heldBack{ResponseWriter: w}
	req.denied = &held.denied
	h.http.ServeHTTP(held, r.WithContext(context.WithValue(r.Context(), requestKey{}, req)))
	return held.denied
}

// heldBack lets an answer through unless the call was denied for a permission
// that the token lacks: that is for the caller to render, as HTTP's 403, since a
// client asks the person for more only then.
type heldBack struct {
	http.ResponseWriter
	denied error
}

func (w *heldBack) WriteHeader(status int) {
	if w.denied == nil {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *heldBack) Write(b []byte) (int, error) {
	if w.denied == nil {
		return w.ResponseWriter.Write(b)
	}
	return len(b), nil
}

// Flush sends what was written: the library streams where its client lets it.
func (w *heldBack) Flush() {
	if w.denied == nil {
		_ = http.NewResponseController(w.ResponseWriter).Flush() // one that cannot is no fault of the call
	}
}

// settled makes of a call's outcome the tool's result, and notes what only more
// permissions would mend.
func (r request) settled(out any, untrusted []string, err error) *mcp.CallToolResult {
	if iot.KindOf(err) == iot.Insufficient && r.denied != nil {
		*r.denied = err
	}
	return result(out, untrusted, err)
}

// toolCall is what a tools/call asks for.
type toolCall struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// withoutArguments returns a tools/call for the library, which gets all but the
// arguments: it would read their numbers as floats, and refuse 1e999 in words
// about Go.
func withoutArguments(body []byte) ([]byte, error) {
	var message, params map[string]json.RawMessage
	if err := json.Unmarshal(body, &message); err != nil {
		return nil, fmt.Errorf("take the arguments out: %w", err)
	}
	for name, raw := range message {
		if !strings.EqualFold(name, "params") { // encoding/json takes any case, as the library does
			continue
		}
		if err := json.Unmarshal(raw, &params); err != nil {
			return nil, fmt.Errorf("take the arguments out: %w", err)
		}
		maps.DeleteFunc(params, func(name string, _ json.RawMessage) bool { return strings.EqualFold(name, "arguments") })
		var err error
		if message[name], err = json.Marshal(params); err != nil {
			return nil, err
		}
	}
	return json.Marshal(message)
}

// parseToolCall reads the parameters of tools/call; false where they are none.
func parseToolCall(params json.RawMessage) (call toolCall, ok bool) {
	err := json.Unmarshal(params, &call)
	return call, err == nil
}

// permitted refuses a call that the person's role allows and the token does
// not, with every permission that the operation needs.
func (h *Handler) permitted(req request, call toolCall) error {
	var err error
	if op, ok := h.reg.Lookup(call.Name); ok && req.selection.offers(op) {
		err = op.Allows(req.caller)
	} else if call.Name == callName && req.selection.offersCall() {
		err = h.innerAllows(req.caller, call.Arguments)
	}
	if iot.KindOf(err) == iot.Insufficient {
		return err
	}
	return nil
}

// filter is asked by the library what a caller may see, and whether a tool that
// is called exists. A tool outside the selection does not. One that the role
// does not allow is not listed; called by name all the same, the registry
// refuses it in words that an agent can act on.
func (h *Handler) filter(ctx context.Context, all []mcp.Tool) []mcp.Tool {
	req := requestOf(ctx)
	return slices.DeleteFunc(slices.Clone(all), func(t mcp.Tool) bool {
		op, ok := h.reg.Lookup(t.Name)
		if !ok {
			return !req.selection.offersCall()
		}
		return !req.selection.offers(op) || req.listing && op.Allows(req.caller) != nil
	})
}

// operation returns the tool handler of an operation.
func (h *Handler) operation(op tools.Op) server.ToolHandlerFunc {
	return func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		req := requestOf(ctx)
		out, err := h.reg.Call(ctx, req.caller, op.Name, req.arguments)
		return req.settled(out, op.Untrusted, err), nil
	}
}

// recovering makes of a panic that call's failure alone, which tells its caller
// nothing; the library's own recovery tells the panic's value.
func (h *Handler) recovering(next server.ToolHandlerFunc) server.ToolHandlerFunc {
	return func(ctx context.Context, r mcp.CallToolRequest) (result *mcp.CallToolResult, err error) {
		defer func() {
			if v := recover(); v != nil {
				h.log.ErrorContext(ctx, "panic", "op", r.Params.Name, "panic", v, "stack", string(debug.Stack()))
				result, err = failure(fmt.Errorf("panic: %v", v)), nil
			}
		}()
		return next(ctx, r)
	}
}

// tooDeep reports whether brackets nest deeper than most, without decoding.
func tooDeep(b []byte, most int) bool {
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
