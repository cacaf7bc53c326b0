package iot

import (
	"fmt"
	"math/bits"
	"strings"
)

// Permission is one management right, written "noun:verb". Permissions are
// what an agent asks for at consent, what a token carries as scope, and what
// each operation needs.
type Permission string

// The permissions. The order of the table below is their order everywhere.
const (
	WorkspaceRead  Permission = "workspace:read"
	WorkspaceWrite Permission = "workspace:write"
	MembersRead    Permission = "members:read"
	MembersWrite   Permission = "members:write"
	SpecRead       Permission = "spec:read"
	SpecWrite      Permission = "spec:write"
	SourcesRead    Permission = "sources:read"
	SourcesWrite   Permission = "sources:write"
	ProcessRead    Permission = "process:read"
	ProcessWrite   Permission = "process:write"
	ExportsRead    Permission = "exports:read"
	ExportsWrite   Permission = "exports:write"
	DataRead       Permission = "data:read"
	DataWrite      Permission = "data:write"
	AccessRead     Permission = "access:read"
	AccessWrite    Permission = "access:write"
	MailRead       Permission = "mail:read"
	MailWrite      Permission = "mail:write"
	AuditRead      Permission = "audit:read"
	AccountRead    Permission = "account:read"
	AccountWrite   Permission = "account:write"
	WorkspaceOwn   Permission = "workspace:own"
	PlatformAdmin  Permission = "platform:admin"
)

var permissions = []Permission{
	WorkspaceRead, WorkspaceWrite, MembersRead, MembersWrite, SpecRead, SpecWrite,
	SourcesRead, SourcesWrite, ProcessRead, ProcessWrite, ExportsRead, ExportsWrite,
	DataRead, DataWrite, AccessRead, AccessWrite, MailRead, MailWrite, AuditRead,
	AccountRead, AccountWrite, WorkspaceOwn, PlatformAdmin,
}

// Reads reports whether the permission lets its holder change nothing.
func (p Permission) Reads() bool { return strings.HasSuffix(string(p), ":read") }

// places are the bits of the permissions in a set.
var places = func() map[Permission]Permissions {
	m := make(map[Permission]Permissions, len(permissions))
	for i, p := range permissions {
		m[p] = 1 << i
	}
	return m
}()

// bit is p as a set; of an unknown name it is the empty one.
func (p Permission) bit() Permissions { return places[p] }

// Valid reports whether p is one of the permissions above.
func (p Permission) Valid() bool { return p.bit() != 0 }

// Permissions is a set of permissions; the zero value is the empty set. Two
// equal sets are ==, so that a set can be a map key.
type Permissions uint32

// AllPermissions returns the set of every permission there is.
func AllPermissions() Permissions { return PermissionsOf(permissions...) }

// Sensitive returns the permissions that are granted only where the person ticks
// them: they reach beyond the daily work in a workspace.
func Sensitive() Permissions { return PermissionsOf(WorkspaceOwn, AccountWrite, PlatformAdmin) }

// PermissionsOf returns the set of ps. Unknown names are left out.
func PermissionsOf(ps ...Permission) Permissions {
	var s Permissions
	for _, p := range ps {
		s |= p.bit()
	}
	return s
}

// ParsePermissions reads a space- or comma-separated list, such as the scope
// of a token (RFC 6749 section 3.3). An unknown name is an error that lists
// the known ones.
func ParsePermissions(list string) (Permissions, error) {
	var s Permissions
	for _, f := range strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' }) {
		b := Permission(f).bit()
		if b == 0 {
			return 0, Errorf(Invalid, "unknown permission %q", Clip(f)).At("permissions").
				Hinting("the permissions are: %s", AllPermissions())
		}
		s |= b
	}
	return s, nil
}

// Has reports whether every one of ps is in the set.
func (s Permissions) Has(ps ...Permission) bool {
	for _, p := range ps {
		if b := p.bit(); b == 0 || s&b == 0 {
			return false
		}
	}
	return true
}

// Intersect returns what is in both sets.
func (s Permissions) Intersect(t Permissions) Permissions { return s & t }

// Without returns what is in s and not in t.
func (s Permissions) Without(t Permissions) Permissions { return s &^ t }

// Union returns what is in either set.
func (s Permissions) Union(t Permissions) Permissions { return s | t }

// List returns the permissions in the set, in their fixed order.
func (s Permissions) List() []Permission {
	out := make([]Permission, 0, bits.OnesCount32(uint32(s)))
	for i, p := range permissions {
		if s&(1<<i) != 0 {
			out = append(out, p)
		}
	}
	return out
}

// String returns the set as an OAuth scope: names separated by spaces.
func (s Permissions) String() string {
	var b strings.Builder
	for i, p := range s.List() {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(p))
	}
	return b.String()
}

// GoString makes a set readable in test failures.
func (s Permissions) GoString() string { return fmt.Sprintf("iot.Permissions(%s)", s) }
