package mcp

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"iotman/iot"
)

// envelope is a JSON-RPC message as far as it is looked at before the library
// takes it (https://www.jsonrpc.org/specification).
type envelope struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   json.RawMessage `json:"error"`
}

// The names that decide what a message means, in it and in its parameters.
var (
	messageNames = []string{"jsonrpc", "id", "method", "params", "result", "error"}
	paramNames   = []string{"name", "arguments", "cursor", "_meta", "requestId"}
)

// unambiguous refuses a message in which one of these names stands twice, or in
// another case: encoding/json, the library's reader, takes names in any case
// and the last of several, so that what is looked at here and what the library
// then does could be two things.
func unambiguous(body []byte, env envelope) error {
	for _, part := range []struct {
		raw   []byte
		names []string
	}{{body, messageNames}, {env.Params, paramNames}} {
		if name := doubtful(part.raw, part.names); name != "" {
			return iot.Errorf(iot.Invalid, "expected the name %q once, and written so", name).At(name).
				Hinting("send the message as JSON-RPC 2.0 spells it")
		}
	}
	return nil
}

// doubtful returns the first of the names that an object has twice or in
// another case, "" where there is none, or no object.
func doubtful(object []byte, names []string) string {
	dec := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowDuplicateNames(true))
	if dec.PeekKind() != '{' {
		return ""
	}
	if _, err := dec.ReadToken(); err != nil {
		return ""
	}
	seen := make([]bool, len(names))
	for dec.PeekKind() == '"' {
		token, err := dec.ReadToken()
		if err != nil {
			return ""
		}
		got := token.String()
		i := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, got) })
		if i >= 0 && (seen[i] || names[i] != got) {
			return names[i]
		}
		if i >= 0 {
			seen[i] = true
		}
		if dec.SkipValue() != nil {
			return ""
		}
	}
	return ""
}
