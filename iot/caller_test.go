package iot_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"iotman/iot"
)

func TestCallerCan(t *testing.T) {
	const (
		yes = "" // no error
		ask = "insufficient_scope"
		no  = "forbidden"
	)
	read := iot.PermissionsOf(iot.DataRead, iot.SourcesRead)
	person := func(r iot.Role, token iot.Permissions) iot.Caller {
		return iot.Caller{Account: uuid, Role: r, Held: r.Rights(), Token: token}
	}
	machine := func(held, token iot.Permissions) iot.Caller { return iot.Caller{Held: held, Token: token} }
	for _, test := range []struct {
		name   string
		caller iot.Caller
		ask    iot.Permission
		want   string
	}{
		{"role and token hold it", person(iot.Editor, iot.AllPermissions()), iot.SourcesWrite, yes},
		{"only the token lacks it", person(iot.Editor, read), iot.SourcesWrite, ask},
		{"only the role lacks it", person(iot.Viewer, iot.AllPermissions()), iot.SourcesWrite, no},
		{"both lack it", person(iot.Viewer, read), iot.SourcesWrite, no},
		{"an owner is no platform admin", person(iot.Owner, iot.AllPermissions()), iot.PlatformAdmin, no},
		{"no token at all", person(iot.Owner, 0), iot.DataRead, ask},
		{"nobody", iot.Caller{}, iot.DataRead, no},
		{"a machine holds it", machine(read, read), iot.DataRead, yes},
		{"a machine's token lacks it", machine(read, 0), iot.DataRead, ask},
		{"a machine lacks it", machine(read, iot.AllPermissions()), iot.DataWrite, no},
		{"an unknown permission", person(iot.Owner, iot.AllPermissions()), "data:own", no},
		{"no permission", person(iot.Owner, iot.AllPermissions()), "", no},
	} {
		err := test.caller.Can(test.ask)
		if test.want == yes {
			if err != nil {
				t.Errorf("%s: got %v, want no error", test.name, err)
			}
			continue
		}
		e, ok := errors.AsType[*iot.Error](err)
		if !ok || e.Kind.Slug() != test.want || e.Hint == "" || !strings.Contains(e.Msg, string(test.ask)) {
			t.Errorf("%s: got %v, want %s with a hint", test.name, err, test.want)
			continue
		}
		var needs []iot.Permission
		if test.want == ask {
			needs = []iot.Permission{test.ask}
		}
		if !slices.Equal(e.Needs, needs) {
			t.Errorf("%s: got needs %v, want %v", test.name, e.Needs, needs)
		}
	}
}

func TestCallerForbiddenSaysWho(t *testing.T) {
	for _, test := range []struct {
		role iot.Role
		want string
	}{{iot.Viewer, "the role viewer"}, {"", "this client"}} {
		err := iot.Caller{Role: test.role}.Can(iot.DataWrite)
		if got := iot.ProblemOf(err).Detail; !strings.HasPrefix(got, test.want) {
			t.Errorf("role %q: got %q, want it to begin with %q", test.role, got, test.want)
		}
	}
}

func TestCallerRights(t *testing.T) {
	c := iot.Caller{Held: iot.PermissionsOf(iot.DataRead, iot.MailRead), Token: iot.PermissionsOf(iot.DataRead, iot.DataWrite)}
	if got, want := c.Rights(), iot.PermissionsOf(iot.DataRead); got != want {
		t.Errorf("got %#v, want %#v", got, want)
	}
}
