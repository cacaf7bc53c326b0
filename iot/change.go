package iot

import "encoding/json"

// Change is what a writing operation did to one entity. Before is null for a
// creation, After for a deletion. Neither ever holds a secret, since no entity
// shows one.
type Change struct {
	Entity string          `json:"entity"` // http_endpoint, workspace …
	ID     ID              `json:"id"`
	Before json.RawMessage `json:"before,omitempty" untrusted:"true"`
	After  json.RawMessage `json:"after,omitempty" untrusted:"true"`
}

// AuditEntry is one row of a workspace's audit log: who did what, with which
// agent, and what it changed.
type AuditEntry struct {
	ID        ID       `json:"id"`
	At        Time     `json:"at"`
	AccountID ID       `json:"account_id,omitempty"`
	Email     string   `json:"email,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Operation string   `json:"operation"`
	Version   int64    `json:"version,omitempty"` // the workspace's version that the change made
	Changes   []Change `json:"changes"`
}
