package iot_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"iotman/iot"
)

// all are the permissions in the order of operations.md.
const all = "workspace:read workspace:write members:read members:write spec:read spec:write sources:read sources:write " +
	"process:read process:write exports:read exports:write data:read data:write access:read access:write " +
	"mail:read mail:write audit:read account:read account:write workspace:own platform:admin"

func TestAllPermissions(t *testing.T) {
	s := iot.AllPermissions()
	if got := s.String(); got != all {
		t.Errorf("got %q, want %q", got, all)
	}
	if got, want := len(s.List()), 23; got != want {
		t.Errorf("got %d permissions, want %d", got, want)
	}
	for _, p := range s.List() {
		if !p.Valid() || p.Reads() != strings.HasSuffix(string(p), ":read") {
			t.Errorf("%s: got Valid %v, Reads %v", p, p.Valid(), p.Reads())
		}
	}
	if p := iot.Permission("sources:own"); p.Valid() {
		t.Errorf("%s is valid, want unknown", p)
	}
}

func TestParsePermissions(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "",
		" ,, ":                             "",
		"data:read":                        "data:read",
		"data:write data:read":             "data:read data:write", // in their fixed order
		"audit:read,sources:write":         "sources:write audit:read",
		" data:read, data:read ,mail:read": "data:read mail:read",
		all:                                all,
	} {
		s, err := iot.ParsePermissions(in)
		if err != nil || s.String() != want {
			t.Errorf("ParsePermissions(%q): got %q, %v, want %q", in, s, err, want)
		}
		again, err := iot.ParsePermissions(s.String())
		if err != nil || again != s {
			t.Errorf("ParsePermissions(%q): got %#v, %v after a round trip, want %#v", in, again, err, s)
		}
		if got := iot.PermissionsOf(s.List()...); got != s {
			t.Errorf("PermissionsOf the list of %q: got %#v, want %#v", in, got, s)
		}
	}
	for _, in := range []string{"data:red", "data", "DATA:READ", "data:read\tdata:write", "data:read;mail:read", "data:read unknown:thing"} {
		s, err := iot.ParsePermissions(in)
		e, ok := errors.AsType[*iot.Error](err)
		if !ok || e.Kind != iot.Invalid || e.Field != "permissions" || !strings.Contains(e.Hint, all) || s != 0 {
			t.Errorf("ParsePermissions(%q): got %q, %v, want an invalid permissions that lists the known ones", in, s, err)
		}
	}
}

func TestPermissionsHas(t *testing.T) {
	s := iot.PermissionsOf(iot.DataRead, iot.SourcesWrite, "unknown:thing")
	for _, test := range []struct {
		ask  []iot.Permission
		want bool
	}{
		{nil, true},
		{[]iot.Permission{iot.DataRead}, true},
		{[]iot.Permission{iot.SourcesWrite, iot.DataRead}, true},
		{[]iot.Permission{iot.DataWrite}, false},
		{[]iot.Permission{iot.SourcesRead}, false}, // write does not imply read
		{[]iot.Permission{iot.DataRead, iot.MailRead}, false},
		{[]iot.Permission{"unknown:thing"}, false},
		{[]iot.Permission{iot.DataRead, ""}, false},
	} {
		if got := s.Has(test.ask...); got != test.want {
			t.Errorf("Has(%v): got %v, want %v", test.ask, got, test.want)
		}
	}
	if iot.AllPermissions().Has("unknown:thing") {
		t.Error("every permission includes an unknown one, want not")
	}
	if iot.Permissions(0).Has(iot.DataRead) {
		t.Error("the empty set has data:read, want nothing")
	}
}

func TestPermissionsAlgebra(t *testing.T) {
	a := iot.PermissionsOf(iot.DataRead, iot.DataWrite, iot.PlatformAdmin)
	b := iot.PermissionsOf(iot.DataWrite, iot.WorkspaceRead, iot.PlatformAdmin)
	for name, test := range map[string]struct{ got, want iot.Permissions }{
		"a ∩ b":       {a.Intersect(b), iot.PermissionsOf(iot.DataWrite, iot.PlatformAdmin)},
		"a ∪ b":       {a.Union(b), iot.PermissionsOf(iot.DataRead, iot.DataWrite, iot.WorkspaceRead, iot.PlatformAdmin)},
		"a without b": {a.Without(b), iot.PermissionsOf(iot.DataRead)},
		"b without a": {b.Without(a), iot.PermissionsOf(iot.WorkspaceRead)},
		"a ∩ ∅":       {a.Intersect(0), 0},
		"a ∩ all":     {a.Intersect(iot.AllPermissions()), a},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %#v, want %#v", name, test.got, test.want)
		}
	}
	if got, want := a.List(), []iot.Permission{iot.DataRead, iot.DataWrite, iot.PlatformAdmin}; !slices.Equal(got, want) {
		t.Errorf("List: got %v, want %v", got, want)
	}
}
