package mcp

import (
	"bytes"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"iotman/iot"
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

// failure is a call that went wrong, as the problem of RFC 9457.
func failure(err error) *mcp.CallToolResult {
	p, merr := marshal(iot.ProblemOf(err))
	if merr != nil {
		p = []byte(`{"code":"internal","detail":"internal error","error":"internal error","status":500}`)
	}
	r := mcp.NewToolResultStructured(json.RawMessage(p), string(p))
	r.IsError = true
	return r
}

// marshal writes JSON as it is, with < and & unescaped: no page holds it.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
