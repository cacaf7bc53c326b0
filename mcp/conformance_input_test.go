package mcp_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	lib "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// asking is a fixture that asks its client for input, round by round, and then
// is done (SEP-2322). Clients of the handshake era the library asks by requests
// of its own.
type asking struct {
	name   string
	rounds []string // lib.InputRequests as JSON
	sealed bool     // the round travels in a signed requestState
}

const (
	nameQuestion  = `"user_name": {"method": "elicitation/create", "params": {"message": "What is your name?", "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}}}`
	okQuestion    = `"confirm": {"method": "elicitation/create", "params": {"message": "Please confirm", "requestedSchema": {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}}}`
	modelQuestion = `"capital_question": {"method": "sampling/createMessage", "params": {"messages": [{"role": "user", "content": {"type": "text", "text": "What is the capital of France?"}}], "maxTokens": 100}}`
	rootsQuestion = `"client_roots": {"method": "roots/list", "params": {}}`
)

var askingTools = []asking{
	{name: "test_sampling", rounds: []string{`{` + modelQuestion + `}`}},
	{name: "test_elicitation", rounds: []string{`{"user": {"method": "elicitation/create", "params": {"message": "Please answer", "requestedSchema": {"type": "object",
		"properties": {"username": {"type": "string", "description": "User's response"}, "email": {"type": "string", "description": "User's email address"}},
		"required": ["username", "email"]}}}}`}},
	{name: "test_elicitation_sep1034_defaults", rounds: []string{`{"user": {"method": "elicitation/create", "params": {"message": "Please review", "requestedSchema": {"type": "object", "properties": {
		"name": {"type": "string", "default": "John Doe"},
		"age": {"type": "integer", "default": 30},
		"score": {"type": "number", "default": 95.5},
		"status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
		"verified": {"type": "boolean", "default": true}}}}}}`}},
	{name: "test_elicitation_sep1330_enums", rounds: []string{`{"user": {"method": "elicitation/create", "params": {"message": "Please choose", "requestedSchema": {"type": "object", "properties": {
		"untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
		"titledSingle": {"type": "string", "oneOf": [{"const": "value1", "title": "First Option"}, {"const": "value2", "title": "Second Option"}]},
		"legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
		"untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2"]}},
		"titledMulti": {"type": "array", "items": {"anyOf": [{"const": "value1", "title": "First Choice"}, {"const": "value2", "title": "Second Choice"}]}}}}}}}`}},
	{name: "test_streaming_elicitation", rounds: []string{`{` + nameQuestion + `}`}},
	{name: "test_input_required_result_elicitation", rounds: []string{`{` + nameQuestion + `}`}},
	{name: "test_input_required_result_sampling", rounds: []string{`{` + modelQuestion + `}`}},
	{name: "test_input_required_result_list_roots", rounds: []string{`{` + rootsQuestion + `}`}},
	{name: "test_input_required_result_capabilities", rounds: []string{`{` + nameQuestion + `,` + modelQuestion + `}`}},
	{name: "test_input_required_result_request_state", rounds: []string{`{` + okQuestion + `}`}, sealed: true},
	{name: "test_input_required_result_tampered_state", rounds: []string{`{` + okQuestion + `}`}, sealed: true},
	{name: "test_input_required_result_multiple_inputs", rounds: []string{`{` + nameQuestion + `,` + modelQuestion + `,` + rootsQuestion + `}`}, sealed: true},
	{name: "test_input_required_result_multi_round", rounds: []string{`{` + nameQuestion + `}`, `{` + okQuestion + `}`}, sealed: true},
}

var askingPrompt = asking{name: "test_input_required_result_prompt", rounds: []string{`{"user_context": {"method": "elicitation/create",
	"params": {"message": "What context should the prompt use?", "requestedSchema": {"type": "object", "properties": {"context": {"type": "string"}}, "required": ["context"]}}}}`}}

// next returns what to ask for now, nil if nothing is left.
func (a asking) next(ctx context.Context, p lib.MultiRoundTripParams) (*lib.MultiRoundTripResult, error) {
	at := 0
	if p.RequestState != "" {
		var err error
		if at, err = a.open(p.RequestState); err != nil {
			return nil, err
		}
	}
	wanted, err := a.round(ctx, at)
	if err != nil {
		return nil, err
	}
	if answered(wanted, p.InputResponses) {
		if at++; at == len(a.rounds) {
			return nil, nil
		}
		if wanted, err = a.round(ctx, at); err != nil {
			return nil, err
		}
	}
	r := &lib.MultiRoundTripResult{InputRequests: wanted}
	if a.sealed {
		r.RequestState = a.seal(at)
	}
	return r, nil
}

// round returns the questions of a round as far as the client can answer them.
// A client of the handshake era has not told that with this message.
func (a asking) round(ctx context.Context, at int) (wanted lib.InputRequests, err error) {
	if err := json.Unmarshal([]byte(a.rounds[at]), &wanted); err != nil {
		return nil, fmt.Errorf("fixture %s: %w", a.name, err)
	}
	info := server.RequestProtocolInfoFromContext(ctx)
	if info == nil || info.ClientCapabilities == nil {
		return wanted, nil
	}
	can := map[lib.MCPMethod]bool{
		lib.MethodElicitationCreate:     info.ClientCapabilities.Elicitation != nil,
		lib.MethodSamplingCreateMessage: info.ClientCapabilities.Sampling != nil,
		lib.MethodListRoots:             info.ClientCapabilities.Roots != nil,
	}
	maps.DeleteFunc(wanted, func(_ string, r lib.InputRequest) bool { return !can[r.Method] })
	return wanted, nil
}

// answered reports whether every question has an answer of its kind.
func answered(wanted lib.InputRequests, given lib.InputResponses) bool {
	for id, q := range wanted {
		switch {
		case q.Elicitation != nil && server.ElicitationResponse(given, id) == nil,
			q.Sampling != nil && server.SamplingResponse(given, id) == nil,
			q.Roots != nil && server.RootsResponse(given, id) == nil:
			return false
		}
	}
	return true
}

var stateKey = []byte(rand.Text())

func (a asking) mac(at int) string {
	h := hmac.New(sha256.New, stateKey)
	fmt.Fprintf(h, "%s %d", a.name, at)
	return hex.EncodeToString(h.Sum(nil))
}

func (a asking) seal(at int) string { return strconv.Itoa(at) + "." + a.mac(at) }

func (a asking) open(state string) (int, error) {
	number, mac, _ := strings.Cut(state, ".")
	at, err := strconv.Atoi(number)
	if err != nil || at < 0 || at >= len(a.rounds) || !hmac.Equal([]byte(mac), []byte(a.mac(at))) {
		return 0, fmt.Errorf("%s: the requestState is not one of ours", a.name)
	}
	return at, nil
}

// addAsking adds the fixtures that ask back.
func addAsking(t *testing.T, s *server.MCPServer) {
	t.Helper()
	for _, a := range askingTools {
		s.AddTool(lib.NewTool(a.name, lib.WithDescription("Asks its client for input")),
			func(ctx context.Context, r lib.CallToolRequest) (*lib.CallToolResult, error) {
				more, err := a.next(ctx, r.Params.MultiRoundTripParams)
				if err != nil {
					return nil, err
				}
				if more != nil {
					return &lib.CallToolResult{Result: lib.Result{ResultType: lib.ResultTypeInputRequired}, MultiRoundTripResult: *more}, nil
				}
				return lib.NewToolResultText(a.name + " has all it asked for"), nil
			})
	}
	s.AddPrompt(lib.NewPrompt(askingPrompt.name, lib.WithPromptDescription("Asks its client for input")),
		func(ctx context.Context, r lib.GetPromptRequest) (*lib.GetPromptResult, error) {
			more, err := askingPrompt.next(ctx, r.Params.MultiRoundTripParams)
			if err != nil {
				return nil, err
			}
			if more != nil {
				return &lib.GetPromptResult{Result: lib.Result{ResultType: lib.ResultTypeInputRequired}, MultiRoundTripResult: *more}, nil
			}
			return userPrompt(lib.NewTextContent("Use the context that was given.")), nil
		})
}
