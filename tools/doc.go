// Package tools is the catalogue of operations: everything a caller can do,
// declared once beside its handler, one file a noun. The MCP tools, the REST
// routes and the OpenAPI document are projections of it, made by packages mcp,
// api and spec.
//
// Registry.Call is the one way in: it authorizes the caller, validates the
// input against the operation's schema, runs the handler (a change in one
// transaction with its version and audit rows) and logs what failed. Nothing
// here knows a transport.
package tools
