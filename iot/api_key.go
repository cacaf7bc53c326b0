package iot

// APIKey lets a script call the API without signing in. It belongs to the
// workspace, holds permissions of its own, and survives the person who made it.
type APIKey struct {
	ID         ID     `json:"id"`
	Name       Name   `json:"name" untrusted:"true"`
	Slug       Slug   `json:"slug"`
	Prefix     string `json:"prefix"` // the key's first characters, to tell keys apart by
	Scope      string `json:"scope"`  // permissions, separated by spaces
	CreatedBy  ID     `json:"created_by,omitempty"`
	CreatedAt  Time   `json:"created_at"`
	ExpiresAt  Time   `json:"expires_at,omitzero"`
	LastUsedAt Time   `json:"last_used_at,omitzero"` // to the hour
	Version    int64  `json:"version"`
}
