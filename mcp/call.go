package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"iotman/flow"
	"iotman/iot"
	"iotman/tools"
)

// callName is the one tool that is no operation.
const callName = "iotman_call"

// callSchema is the schema of its input.
const callSchema = `{"type":"object","additionalProperties":false,"required":["method","path"],"properties":{
"method":{"type":"string","enum":["GET","POST","PUT","DELETE"],"description":"as the path's operation has it"},
"path":{"type":"string","description":"begins with /data/ or /api/v1/, or is /oauth/introspect"},
"query":{"type":"object","description":"query parameters"},
"body":{"description":"JSON; a string is sent as it is, e.g. NDJSON"}}}`

func callTool() mcp.Tool {
	t := mcp.NewToolWithRawSchema(callName,
		"Call a path of this server that has no tool of its own. "+
			"POST /data/<workspace-slug>/<url_path> sends a test event as a device would; POST /oauth/introspect {token} tells of a token; any path of the REST API under /api/v1 works too. "+
			"The call is judged like the tool it stands for, and reaches only this workspace.",
		json.RawMessage(callSchema))
	t.Title = "Call any path"
	t.Annotations = mcp.ToolAnnotation{
		Title: t.Title, ReadOnlyHint: new(false), DestructiveHint: new(true), IdempotentHint: new(false), OpenWorldHint: new(false),
	}
	return t
}

// callInput is the input of iotman_call.
type callInput struct {
	Method string                     `json:"method"`
	Path   string                     `json:"path"`
	Query  map[string]json.RawMessage `json:"query"`
	Body   json.RawMessage            `json:"body"`
}

func (h *Handler) parseCall(raw json.RawMessage) (in callInput, err error) {
	if mistakes := h.input.Validate(raw); len(mistakes) > 0 {
		return in, tools.Invalid(mistakes)
	}
	return in, json.Unmarshal(raw, &in)
}

// reached is what a call reaches: an operation with its path's variables, a
// source to post to, or the introspection of a token.
type reached struct {
	op         tools.Op
	vars       map[string]string
	source     iot.URLPath
	introspect bool
}

func (t reached) allows(c iot.Caller) error {
	switch {
	case t.source != "":
		return c.Can(iot.SourcesWrite)
	case t.introspect:
		return c.Can(iot.AccessRead)
	}
	return t.op.Allows(c)
}

// introspectPath is where tokens are introspected over HTTP (RFC 7662).
const introspectPath = "/oauth/introspect"

// target returns what the call reaches.
func (h *Handler) target(c iot.Caller, in callInput) (reached, error) {
	if rest, ok := strings.CutPrefix(in.Path, "/data/"); ok && in.Method == http.MethodPost {
		slug, path, _ := strings.Cut(rest, "/")
		if slug != string(c.Slug) {
			return reached{}, elsewhere(c)
		}
		if path == "" {
			return reached{}, iot.Errorf(iot.NotFound, "no source listens here").At("path").Hinting("http_endpoint_list shows the URLs")
		}
		return reached{source: iot.URLPath(path)}, nil
	}
	if in.Path == introspectPath && in.Method == http.MethodPost {
		return reached{introspect: true}, nil
	}
	op, vars, ok := h.reg.Match(in.Method, in.Path)
	if !ok {
		return reached{}, iot.Errorf(iot.NotFound, "no operation answers %s %.120q", in.Method, in.Path).At("path").
			Hinting("paths begin with /api/v1/ or, to post events, /data/%s/", c.Slug)
	}
	if w, ok := vars["workspace"]; ok && w != string(c.Slug) && w != string(c.Workspace) {
		return reached{}, elsewhere(c)
	}
	return reached{op: op, vars: vars}, nil
}

func elsewhere(c iot.Caller) error {
	return iot.Errorf(iot.NotFound, "iotman_call reaches only the workspace %s", c.Slug).At("path")
}

// innerAllows reports whether the caller may make the call: nil also where it
// reaches nothing.
func (h *Handler) innerAllows(c iot.Caller, raw json.RawMessage) error {
	in, err := h.parseCall(raw)
	if err != nil {
		return nil //nolint:nilerr // told when the call is made
	}
	t, err := h.target(c, in)
	if err != nil {
		return nil //nolint:nilerr // told when the call is made
	}
	return t.allows(c)
}

// call runs iotman_call.
func (h *Handler) call(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	req := requestOf(ctx)
	c := req.caller
	in, err := h.parseCall(req.arguments)
	if err != nil {
		return failure(err), nil
	}
	t, err := h.target(c, in)
	if err != nil {
		return failure(err), nil
	}
	if t.source != "" {
		out, err := h.post(ctx, c, t.source, in)
		return result(out, nil, err), nil
	}
	if t.introspect {
		out, err := h.introspected(ctx, c, in)
		return result(out, nil, err), nil
	}
	input, err := t.op.Bind(tools.Request{PathVars: func(name string) string { return t.vars[name] }, Query: in.query(), Body: in.body(true)})
	if err != nil {
		return failure(err), nil
	}
	out, err := h.reg.Call(ctx, c, t.op.Name, input)
	return req.settled(out, t.op.Untrusted, err), nil
}

// introspected tells of a token of this workspace; of any other it tells that it
// is not active.
func (h *Handler) introspected(ctx context.Context, c iot.Caller, in callInput) (any, error) {
	if err := c.Can(iot.AccessRead); err != nil {
		return nil, err
	}
	var body struct {
		Token string `json:"token"`
	}
	if json.Unmarshal(in.Body, &body) != nil || body.Token == "" {
		return nil, iot.Errorf(iot.Invalid, `expected the body {"token": "…"}`).At("body")
	}
	return h.introspect(ctx, c.Workspace, body.Token)
}

// query returns the parameters as a URL would carry them.
func (in callInput) query() url.Values {
	q := url.Values{}
	for name, raw := range in.Query {
		var text string
		var list []string
		switch {
		case json.Unmarshal(raw, &text) == nil:
			q.Set(name, text)
		case json.Unmarshal(raw, &list) == nil:
			q[name] = list
		default:
			q.Set(name, string(raw))
		}
	}
	return q
}

// body returns the body's bytes: those of a string as they are, unless only
// JSON is meant.
func (in callInput) body(onlyJSON bool) []byte {
	var text string
	if !onlyJSON && json.Unmarshal(in.Body, &text) == nil {
		return []byte(text)
	}
	if string(in.Body) == "null" {
		return nil
	}
	return in.Body
}

// maxIDs is how many ids an answer over MCP holds.
const maxIDs = 200

// posted is the answer to events sent through iotman_call.
type posted struct {
	IDs    []iot.ID `json:"ids"`
	Events int      `json:"events"`
	Note   string   `json:"note,omitempty"`
}

// post sends a body to a source, as a device would.
func (h *Handler) post(ctx context.Context, c iot.Caller, path iot.URLPath, in callInput) (posted, error) {
	if err := c.Can(iot.SourcesWrite); err != nil {
		return posted{}, err
	}
	if len(in.Query) > 0 {
		return posted{}, iot.Errorf(iot.Invalid, "ingest takes no query parameters").At("query")
	}
	src, err := h.flow.Source(ctx, c.Slug, path)
	if err != nil {
		return posted{}, err
	}
	if src.Workspace != c.Workspace {
		return posted{}, elsewhere(c)
	}
	header := http.Header{}
	if len(in.Body) > 0 && in.Body[0] == '"' {
		header.Set("Content-Type", "application/x-ndjson")
	}
	ids, err := h.flow.Accept(ctx, src, flow.Post{
		Header: header, Body: bytes.NewReader(in.body(false)),
		Meta: iot.Meta{AuthMethod: "account", OAuth2ClientID: c.Client},
	})
	if err != nil {
		return posted{}, err
	}
	out := posted{IDs: ids, Events: len(ids)}
	if len(ids) > maxIDs {
		out.IDs, out.Note = ids[:maxIDs], fmt.Sprintf("the first %d ids of %d; all events are stored", maxIDs, len(ids))
	}
	return out, nil
}
