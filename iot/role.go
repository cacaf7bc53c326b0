package iot

import "strings"

// Role is what a member may do in a workspace: owner > admin > editor > viewer.
type Role string

// The built-in roles.
const (
	Owner  Role = "owner"
	Admin  Role = "admin"
	Editor Role = "editor"
	Viewer Role = "viewer"
)

// roles is the one table that maps a role to its permissions; nothing else
// decides what a role may do. The ids are fixed, so that clients can compare
// them whatever a role is called.
var roles = map[Role]struct {
	id     string
	rights Permissions
}{
	Owner:  {"00000000-0000-0000-0000-000000000001", AllPermissions().Without(PermissionsOf(PlatformAdmin))},
	Admin:  {"00000000-0000-0000-0000-000000000002", AllPermissions().Without(PermissionsOf(PlatformAdmin, WorkspaceOwn))},
	Editor: {"00000000-0000-0000-0000-000000000003", editorRights()},
	Viewer: {"00000000-0000-0000-0000-000000000004", viewerRights()},
}

func viewerRights() Permissions {
	var s Permissions
	for _, p := range permissions {
		if p.Reads() && p != AuditRead {
			s |= p.bit()
		}
	}
	return s | AccountWrite.bit() // everyone's own account
}

func editorRights() Permissions {
	return viewerRights() | PermissionsOf(SpecWrite, SourcesWrite, ProcessWrite, ExportsWrite, MailWrite)
}

// ParseRole reads a role in any case; "member" means editor.
func ParseRole(s string) (Role, error) {
	r := Role(strings.ToLower(strings.TrimSpace(s)))
	if r == "member" {
		r = Editor
	}
	if _, ok := roles[r]; !ok {
		return "", Errorf(Invalid, "unknown role %q", Clip(s)).At("role").
			Hinting("use owner, admin, editor or viewer")
	}
	return r, nil
}

// ID returns the role's fixed UUID.
func (r Role) ID() string { return roles[r].id }

// Rights returns the permissions that the role holds; none for an unknown role.
func (r Role) Rights() Permissions { return roles[r].rights }
