package tools

import (
	"slices"

	"iotman/flow"
	"iotman/store"
)

// Parts are what the operations work on.
type Parts struct {
	Store     *store.Store
	Flow      *flow.Flow
	PublicURL string // scheme and host that clients reach, no trailing slash
}

// Catalogue returns every operation of this package.
func Catalogue(p Parts) []Op {
	return slices.Concat(
		workspaceOps(p.Store),
		httpEndpointOps(p.Store, p.PublicURL),
		eventOps(p.Store, p.Flow),
		sessionOps(p.Store),
		clientOps(p.Store),
		apiKeyOps(p.Store),
	)
}
