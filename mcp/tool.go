package mcp

import (
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"iotman/tools"
)

// toolOf returns the tool that an operation is. Every hint is set: what is
// absent a client takes for destructive.
func toolOf(op tools.Op) (mcp.Tool, error) {
	in, err := json.Marshal(op.In)
	if err != nil {
		return mcp.Tool{}, err
	}
	out, err := json.Marshal(op.Out)
	if err != nil {
		return mcp.Tool{}, err
	}
	t := mcp.NewToolWithRawSchema(op.Name, op.Doc, in)
	t.Title = op.Title()
	t.RawOutputSchema = out
	t.Annotations = mcp.ToolAnnotation{
		Title:           op.Title(),
		ReadOnlyHint:    new(op.ReadOnly()),
		DestructiveHint: new(op.Destructive()),
		IdempotentHint:  new(op.Idempotent()),
		OpenWorldHint:   new(op.OpenWorld),
	}
	return t, nil
}
