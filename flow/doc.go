// Package flow is the data plane: the way of an event from a source into the
// log and on to whoever waits for it.
//
// A body is decoded whole, checked against its source's schema and rate limit,
// appended to the workspace's log in one batch, and only then acknowledged; the
// hub then tells whoever waits that the log has grown. Nothing here waits for
// a reader. Who may post is decided by the caller.
package flow
