package mcp

import (
	"encoding/json"
	"slices"

	"github.com/mark3labs/mcp-go/mcp"

	"iotman/iot"
	"iotman/tools"
)

// result turns an outcome into a tool's result: the answer as structured
// content and as text, where what devices sent is fenced. A failed call is a
// result too, with isError set; only a broken protocol is a JSON-RPC error.
func result(out any, untrusted []string, err error) *mcp.CallToolResult {
	if err != nil {
		return failure(err)
	}
	structured, err := marshal(out)
	if err != nil {
		return failure(err)
	}
	text := structured
	if len(untrusted) > 0 {
		if structured, err = mark(structured, untrusted); err != nil {
			return failure(err)
		}
		if text, err = marshal(fence(out)); err != nil {
			return failure(err)
		}
	}
	return mcp.NewToolResultStructured(json.RawMessage(structured), string(text))
}

// failure is a call that went wrong: the problem of RFC 9457 as text. It is no
// structured content, because clients hold that against the tool's output
// schema even where isError is set, and would show the person their own
// complaint in place of ours.
func failure(err error) *mcp.CallToolResult {
	text, err := problem(iot.ProblemOf(err))
	if err != nil {
		text = []byte(`{"code":"internal","detail":"internal error","error":"internal error","status":500}`)
	}
	return mcp.NewToolResultError(string(text))
}

// problem writes a problem. The state that a stale version is answered with
// holds what the entity holds.
func problem(p iot.Problem) ([]byte, error) {
	if p.EventID != "" || p.Status == iot.Unprocessable.Status() {
		return refusal(p)
	}
	if p.Current == nil {
		return marshal(p)
	}
	text, err := marshal(fence(p))
	if err != nil {
		return nil, err
	}
	return mark(text, []string{"current"})
}

// refusal writes a problem with what a device sent: its words quote the
// payload, and the schema that a member wrote.
func refusal(p iot.Problem) ([]byte, error) {
	f := newFencer()
	p.Detail, p.Error, p.Field = f.text(p.Detail), f.text(p.Error), f.text(p.Field)
	p.Errors = slices.Clone(p.Errors)
	for i, e := range p.Errors {
		p.Errors[i] = iot.Detail{Field: f.text(e.Field), Detail: f.text(e.Detail)}
	}
	text, err := marshal(p)
	if err != nil {
		return nil, err
	}
	return mark(text, []string{"detail", "error", "field", "errors"})
}

func marshal(v any) ([]byte, error) { return tools.AppendJSON(nil, v) }
