package iot_test

import (
	"testing"

	"iotman/iot"
)

// roleTable says who holds what: the table of product.md section 2 and the
// paragraph on permissions of operations.md, written out.
var roleTable = map[iot.Permission]struct{ owner, admin, editor, viewer bool }{
	"workspace:read":  {true, true, true, true},
	"workspace:write": {true, true, false, false},
	"members:read":    {true, true, true, true},
	"members:write":   {true, true, false, false},
	"spec:read":       {true, true, true, true},
	"spec:write":      {true, true, true, false},
	"sources:read":    {true, true, true, true},
	"sources:write":   {true, true, true, false},
	"process:read":    {true, true, true, true},
	"process:write":   {true, true, true, false},
	"exports:read":    {true, true, true, true},
	"exports:write":   {true, true, true, false},
	"data:read":       {true, true, true, true},
	"data:write":      {true, true, false, false},
	"access:read":     {true, true, true, true},
	"access:write":    {true, true, false, false},
	"mail:read":       {true, true, true, true},
	"mail:write":      {true, true, true, false},
	"audit:read":      {true, true, false, false},
	"account:read":    {true, true, true, true},
	"account:write":   {true, true, true, true},
	"workspace:own":   {true, false, false, false},
	"platform:admin":  {false, false, false, false},
}

func TestRoleRights(t *testing.T) {
	for _, p := range iot.AllPermissions().List() {
		row, ok := roleTable[p]
		if !ok {
			t.Errorf("%s is in no row of the table, want one", p)
			continue
		}
		for role, want := range map[iot.Role]bool{
			iot.Owner: row.owner, iot.Admin: row.admin, iot.Editor: row.editor, iot.Viewer: row.viewer,
			"": false, "root": false, "Owner": false,
		} {
			if got := role.Rights().Has(p); got != want {
				t.Errorf("role %q has %s: got %v, want %v", role, p, got, want)
			}
		}
	}
	for p := range roleTable {
		if !p.Valid() {
			t.Errorf("the table has a row for %s, which is no permission", p)
		}
	}
}

func TestRoleID(t *testing.T) {
	for role, want := range map[iot.Role]string{
		iot.Owner:  "00000000-0000-0000-0000-000000000001",
		iot.Admin:  "00000000-0000-0000-0000-000000000002",
		iot.Editor: "00000000-0000-0000-0000-000000000003",
		iot.Viewer: "00000000-0000-0000-0000-000000000004",
		"root":     "",
	} {
		if got := role.ID(); got != want {
			t.Errorf("id of %q: got %q, want %q", role, got, want)
		}
	}
}

func TestParseRole(t *testing.T) {
	for in, want := range map[string]iot.Role{
		"owner": iot.Owner, "admin": iot.Admin, "editor": iot.Editor, "viewer": iot.Viewer,
		"ADMIN": iot.Admin, " Viewer ": iot.Viewer, "member": iot.Editor, "MEMBER": iot.Editor,
		"": "", "user": "", "owner admin": "", "0wner": "",
	} {
		got, err := iot.ParseRole(in)
		if got != want {
			t.Errorf("ParseRole(%q): got %q, %v, want %q", in, got, err, want)
		}
		if p := iot.ProblemOf(err); want == "" && (p.Code != "invalid" || p.Field != "role" || p.Hint == "") {
			t.Errorf("ParseRole(%q): got %v, want an invalid role with a hint", in, err)
		}
	}
}
