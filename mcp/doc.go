// Package mcp serves the registry to agents: every operation as a tool of the
// Model Context Protocol, at one URL a workspace, in the stateless revision
// 2026-07-28 and in those that begin with a handshake.
//
// It decides what is shown to whom (permissions, lean mode, toolsets), how an
// outcome reads to a model, and where data ends that devices sent. What an
// operation does, and whether it may be called, the registry decides. Who
// calls, and from which page, was settled before (package api).
package mcp
