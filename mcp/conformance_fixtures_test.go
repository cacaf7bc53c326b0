package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	lib "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"iotman/mcp"
)

// A pixel and a silence.
const (
	png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
	wav = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
)

// fixedTools are the fixtures that answer always the same: a result as JSON.
var fixedTools = map[string]string{
	"test_simple_text":       `{"content": [{"type": "text", "text": "This is a simple text response for testing."}]}`,
	"test_image_content":     `{"content": [{"type": "image", "data": "` + png + `", "mimeType": "image/png"}]}`,
	"test_audio_content":     `{"content": [{"type": "audio", "data": "` + wav + `", "mimeType": "audio/wav"}]}`,
	"test_embedded_resource": `{"content": [{"type": "resource", "resource": {"uri": "test://embedded-resource", "mimeType": "text/plain", "text": "This is an embedded resource content."}}]}`,
	"test_multiple_content_types": `{"content": [{"type": "text", "text": "Multiple content types test:"},
		{"type": "image", "data": "` + png + `", "mimeType": "image/png"},
		{"type": "resource", "resource": {"uri": "test://mixed-content-resource", "mimeType": "application/json", "text": "{\"test\":\"data\",\"value\":123}"}}]}`,
	"test_error_handling": `{"isError": true, "content": [{"type": "text", "text": "This tool intentionally returns an error for testing"}]}`,
}

// schema2020 uses the parts of JSON Schema that SEP-1613 and SEP-2106 name.
const schema2020 = `{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
"$defs": {"address": {"$anchor": "addressDef", "type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
"properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}, "contactMethod": {"type": "string", "enum": ["phone", "email"]}, "phone": {"type": "string"}, "email": {"type": "string"}},
"allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
"if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]}, "then": {"required": ["phone"]}, "else": {"required": ["email"]},
"additionalProperties": false}`

// addFixtures makes of the program's server one that the suite can try: what it
// describes in `conformance list`, and the capabilities that go with it.
func addFixtures(t *testing.T, s *server.MCPServer) {
	t.Helper()
	for _, option := range []server.ServerOption{
		server.WithToolCapabilities(true), server.WithResourceCapabilities(true, true), server.WithPromptCapabilities(true),
		server.WithCompletions(), server.WithLogging(), server.WithElicitation(), server.WithRoots(),
	} {
		option(s)
	}
	s.EnableSampling()
	for name, result := range fixedTools {
		raw := json.RawMessage(result)
		r, err := lib.ParseCallToolResult(&raw)
		must(t, err)
		addTool(s, name, func(context.Context, lib.CallToolRequest) (*lib.CallToolResult, error) { return r, nil })
	}
	s.AddTool(lib.NewToolWithRawSchema("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", json.RawMessage(schema2020)), echo)
	s.AddTool(lib.NewToolWithRawSchema("test_echo", "Says what was said", json.RawMessage(
		`{"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}`)), echo)
	addTalking(s)
	addAsking(t, s)
	addResources(s)
	addPrompts(s)
}

func addTool(s *server.MCPServer, name string, h server.ToolHandlerFunc) {
	s.AddTool(lib.NewTool(name, lib.WithDescription("A fixture of the conformance suite")), h)
}

// echo answers an argument, to show that arguments arrive.
func echo(ctx context.Context, _ lib.CallToolRequest) (*lib.CallToolResult, error) {
	var in struct{ Text string }
	if err := json.Unmarshal(mcp.Arguments(ctx), &in); err != nil {
		return nil, err
	}
	return lib.NewToolResultText(fmt.Sprintf("You said %q", in.Text)), nil
}

// addTalking adds the fixtures that tell something before they answer, or
// change what is listed.
func addTalking(s *server.MCPServer) {
	addTool(s, "test_tool_with_logging", func(ctx context.Context, _ lib.CallToolRequest) (*lib.CallToolResult, error) {
		return talk(ctx, func(i int) error {
			return sendLog(ctx, s, []string{"Tool execution started", "Tool processing data", "Tool execution completed"}[i])
		})
	})
	addTool(s, "test_logging_tool", func(ctx context.Context, _ lib.CallToolRequest) (*lib.CallToolResult, error) {
		return lib.NewToolResultText("logged"), sendLog(ctx, s, "only if asked for")
	})
	addTool(s, "test_tool_with_progress", func(ctx context.Context, r lib.CallToolRequest) (*lib.CallToolResult, error) {
		if r.Params.Meta == nil || r.Params.Meta.ProgressToken == nil {
			return lib.NewToolResultText("nobody asked for progress"), nil
		}
		return talk(ctx, func(i int) error {
			return s.SendNotificationToClient(ctx, string(lib.MethodNotificationProgress), map[string]any{
				"progressToken": r.Params.Meta.ProgressToken, "progress": i * 50, "total": 100,
			})
		})
	})
	addTool(s, "test_missing_capability", func(context.Context, lib.CallToolRequest) (*lib.CallToolResult, error) {
		return nil, lib.MissingRequiredClientCapabilityError{Capability: "sampling"}
	})
	addTool(s, "test_trigger_tool_change", func(context.Context, lib.CallToolRequest) (*lib.CallToolResult, error) {
		addTool(s, "test_passing", func(context.Context, lib.CallToolRequest) (*lib.CallToolResult, error) {
			return lib.NewToolResultText("here"), nil
		})
		s.DeleteTools("test_passing")
		return lib.NewToolResultText("changed"), nil
	})
	addTool(s, "test_trigger_prompt_change", func(context.Context, lib.CallToolRequest) (*lib.CallToolResult, error) {
		s.AddPrompt(lib.NewPrompt("test_passing"), fixedPrompt(lib.NewTextContent("here")))
		s.DeletePrompts("test_passing")
		return lib.NewToolResultText("changed"), nil
	})
}

// pause is the time that the suite wants between notifications.
const pause = 50 * time.Millisecond

// talk tells three things and answers. The pause after the last is not the
// suite's: mcp-go v1.2.1 drops a notification that is being forwarded when the
// handler returns (handlePost in streamable_http.go: the forwarder has taken it
// off the channel, finds done closed, and returns), and at random, so that no
// baseline could hold it.
func talk(ctx context.Context, tell func(i int) error) (*lib.CallToolResult, error) {
	for i := range 3 {
		if err := tell(i); err != nil {
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return lib.NewToolResultText("told"), nil
}

func sendLog(ctx context.Context, s *server.MCPServer, text string) error {
	return s.SendLogMessageToClient(ctx, lib.NewLoggingMessageNotification(lib.LoggingLevelInfo, "conformance", text))
}

func addResources(s *server.MCPServer) {
	s.AddResource(lib.NewResource("test://static-text", "static-text", lib.WithMIMEType("text/plain")),
		fixedResource(lib.TextResourceContents{URI: "test://static-text", MIMEType: "text/plain", Text: "This is the content of the static text resource."}))
	s.AddResource(lib.NewResource("test://static-binary", "static-binary", lib.WithMIMEType("image/png")),
		fixedResource(lib.BlobResourceContents{URI: "test://static-binary", MIMEType: "image/png", Blob: png}))
	s.AddResource(lib.NewResource("test://watched-resource", "watched-resource", lib.WithMIMEType("text/plain")),
		fixedResource(lib.TextResourceContents{URI: "test://watched-resource", MIMEType: "text/plain", Text: "Watched."}))
	s.AddResourceTemplate(lib.NewResourceTemplate("test://template/{id}/data", "template", lib.WithTemplateMIMEType("application/json")),
		func(_ context.Context, r lib.ReadResourceRequest) ([]lib.ResourceContents, error) {
			id := strings.Split(r.Params.URI, "/")[3]
			return []lib.ResourceContents{lib.TextResourceContents{URI: r.Params.URI, MIMEType: "application/json",
				Text: fmt.Sprintf(`{"id":%q,"templateTest":true,"data":%q}`, id, "Data for ID: "+id)}}, nil
		})
}

func fixedResource(c lib.ResourceContents) server.ResourceHandlerFunc {
	return func(context.Context, lib.ReadResourceRequest) ([]lib.ResourceContents, error) {
		return []lib.ResourceContents{c}, nil
	}
}

func addPrompts(s *server.MCPServer) {
	s.AddPrompt(lib.NewPrompt("test_simple_prompt", lib.WithPromptDescription("A simple prompt without arguments")),
		fixedPrompt(lib.NewTextContent("This is a simple prompt for testing.")))
	s.AddPrompt(lib.NewPrompt("test_prompt_with_image", lib.WithPromptDescription("A prompt that includes an image")),
		fixedPrompt(lib.NewImageContent(png, "image/png"), lib.NewTextContent("Please analyze the image above.")))
	s.AddPrompt(lib.NewPrompt("test_prompt_with_arguments", lib.WithPromptDescription("A prompt with required arguments"),
		lib.WithArgument("arg1", lib.RequiredArgument()), lib.WithArgument("arg2", lib.RequiredArgument())),
		func(_ context.Context, r lib.GetPromptRequest) (*lib.GetPromptResult, error) {
			return userPrompt(lib.NewTextContent(fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", r.Params.Arguments["arg1"], r.Params.Arguments["arg2"]))), nil
		})
	s.AddPrompt(lib.NewPrompt("test_prompt_with_embedded_resource", lib.WithPromptDescription("A prompt that embeds a resource"),
		lib.WithArgument("resourceUri", lib.RequiredArgument())),
		func(_ context.Context, r lib.GetPromptRequest) (*lib.GetPromptResult, error) {
			return userPrompt(
				lib.NewEmbeddedResource(lib.TextResourceContents{URI: r.Params.Arguments["resourceUri"], MIMEType: "text/plain", Text: "Embedded resource content for testing."}),
				lib.NewTextContent("Please process the embedded resource above.")), nil
		})
}

func fixedPrompt(cs ...lib.Content) server.PromptHandlerFunc {
	return func(context.Context, lib.GetPromptRequest) (*lib.GetPromptResult, error) {
		return userPrompt(cs...), nil
	}
}

// userPrompt returns a prompt in which the user says all of it.
func userPrompt(cs ...lib.Content) *lib.GetPromptResult {
	r := &lib.GetPromptResult{}
	for _, c := range cs {
		r.Messages = append(r.Messages, lib.NewPromptMessage(lib.RoleUser, c))
	}
	return r
}
