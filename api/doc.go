// Package api is the HTTP edge: the mux, who is calling, the REST projection
// of the registry under /api/v1, ingest under /data, the guard in front of
// /mcp, and the documents that clients discover the server by.
//
// Handlers return an error; one function renders it, as problem+json
// (RFC 9457) with the challenge that belongs to it. Nothing here decides what
// an operation does or who may call it.
package api
