package mcp

import (
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/server"
)

// Server returns the library's server behind the Handler, for tests to add
// fixtures to.
func (h *Handler) Server() *server.MCPServer { return h.server }

// Arguments returns the arguments of the tools/call that is being answered. The
// library does not get them.
func Arguments(ctx context.Context) json.RawMessage { return requestOf(ctx).arguments }
