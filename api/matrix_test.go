package api_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iotman/iot"
	"iotman/oauth"
)

type ctx = context.Context

// caller is a kind of caller in the matrix.
type caller struct {
	name  string
	token func(m *matrix, p *plant, needs string) string
	may   func(needs string) string // what comes of it
}

// What comes of a call.
const (
	done         = "done"
	unknown      = "unauthenticated"
	insufficient = "insufficient_scope"
	forbidden    = "forbidden"
)

const stranger = "another workspace's owner"

// matrix is the site on which every operation is called by everyone.
type matrix struct {
	*site
	other  *plant
	people map[iot.Role]iot.Account
	shapes *shapes
}

var callers = []caller{
	{"anonymous", func(*matrix, *plant, string) string { return "" }, always(unknown)},
	{"viewer", as(iot.Viewer), role(iot.Viewer)},
	{"editor", as(iot.Editor), role(iot.Editor)},
	{"admin", as(iot.Admin), role(iot.Admin)},
	{"owner", as(iot.Owner), role(iot.Owner)},
	{stranger, func(m *matrix, _ *plant, _ string) string { return m.other.owner() }, always(unknown)},
	{"owner, token without the permission", func(_ *matrix, p *plant, needs string) string { return p.token(iot.Owner, but(needs)) }, always(insufficient)},
	{"owner, token expired", func(_ *matrix, p *plant, _ string) string {
		token := p.issue(oauth.Request{Account: p.members[iot.Owner].ID, Client: "agent", Scope: everything, Life: time.Second})
		p.clock.add(2 * time.Second)
		return token
	}, always(unknown)},
	{"owner, grant revoked", func(_ *matrix, p *plant, _ string) string {
		token := p.owner()
		p.revoke(token)
		return token
	}, always(unknown)},
	{"machine", func(_ *matrix, p *plant, _ string) string { return p.machine(everything) }, func(needs string) string {
		if strings.HasPrefix(needs, "account:") { // what a person may do for themselves
			return forbidden
		}
		return done
	}},
}

func always(outcome string) func(string) string { return func(string) string { return outcome } }

func as(role iot.Role) func(*matrix, *plant, string) string {
	return func(_ *matrix, p *plant, _ string) string { return p.token(role, everything) }
}

func role(r iot.Role) func(string) string {
	return func(needs string) string {
		if holds(r, needs) {
			return done
		}
		return forbidden
	}
}

// TestB1EveryOperation calls every operation as everyone, through REST, as a
// tool and through iotman_call (B1, A14). Every answer is held against its
// schema. New operations fail it until they have a row.
func TestB1EveryOperation(t *testing.T) {
	s := newSite(t, setup{})
	m := &matrix{site: s, people: s.people(), other: s.plant("other")}
	m.shapes = m.other.shapes()
	var have, rows []string
	for op := range s.reg.All() {
		have = append(have, op.Name)
	}
	for _, o := range operations {
		rows = append(rows, o.name)
	}
	sameStrings(t, "rows of the table operations", rows, have)
	for _, o := range operations {
		s.sub(o.name, func() { m.row(o) })
	}
}

// row calls one operation as everyone.
func (m *matrix) row(o operation) {
	m.t.Helper()
	p := m.plantOf(iot.Slug("p-"+strings.ReplaceAll(o.name, "_", "-")), m.people)
	for i, c := range callers {
		want := c.may(o.needs)
		for j, way := range []func(*matrix, operation, *plant, string, string){(*matrix).overREST, (*matrix).asTool, (*matrix).throughCall} {
			if o.ends {
				p = m.plantOf(iot.Slug("end-"+string(rune('a'+i))+string(rune('a'+j))), m.people)
			}
			token := c.token(m, p, o.needs)
			want := want
			if c.name == stranger && j == 0 && !strings.Contains(o.route, " W") {
				want = done // it is about whoever calls, in no workspace
			}
			m.sub(c.name+"/"+[]string{"REST", "MCP", "iotman_call"}[j], func() { way(m, o, p, token, want) })
		}
	}
}

func (m *matrix) overREST(o operation, p *plant, token, want string) {
	m.t.Helper()
	r := o.request(p, o.input(p))
	r.token = token
	a := m.do(r)
	switch want {
	case done:
		status := http.StatusOK
		if strings.HasSuffix(o.name, "_create") {
			status = http.StatusCreated
		}
		a.want(status)
		m.shapes.rest(o, a)
	case unknown:
		a.problem(http.StatusUnauthorized, unknown)
		a.challenged(token != "", "invalid_token")
		m.shapes.problem(a)
	case insufficient:
		problem := a.problem(http.StatusForbidden, insufficient)
		a.lacks(o.needs)
		if !slices.Equal(problem.Permissions, []iot.Permission{iot.Permission(o.needs)}) {
			m.t.Errorf("got permissions %v, want %s", problem.Permissions, o.needs)
		}
	case forbidden:
		a.problem(http.StatusForbidden, forbidden)
		if h := a.header.Get("WWW-Authenticate"); h != "" {
			m.t.Errorf("got WWW-Authenticate %q for what no token mends, want none", h)
		}
		m.shapes.problem(a)
	}
}

func (m *matrix) asTool(o operation, p *plant, token, want string) {
	m.t.Helper()
	m.overMCP(o, p.call(token, o.name, o.input(p)), token, want)
}

func (m *matrix) throughCall(o operation, p *plant, token, want string) {
	m.t.Helper()
	m.overMCP(o, p.call(token, "iotman_call", o.inner(p, o.input(p))), token, want)
}

func (m *matrix) overMCP(o operation, out *outcome, token, want string) {
	m.t.Helper()
	switch want {
	case done:
		out.ok(nil)
		m.shapes.tool(o, out)
	case unknown:
		out.problem(http.StatusUnauthorized, unknown)
		out.challenged(token != "", "invalid_token")
	case insufficient:
		out.problem(http.StatusForbidden, insufficient)
		out.lacks(o.needs)
	default:
		out.failed(want)
	}
}

// challenged fails the test unless the answer says how to get a token, and, if
// one was sent, what was wrong with it (RFC 6750 section 3, RFC 9728 section 5.1).
func (a *answer) challenged(sent bool, code string) {
	a.t.Helper()
	h := a.header.Get("WWW-Authenticate")
	if !strings.HasPrefix(h, "Bearer ") || !strings.Contains(h, `scope="workspace:read `) || strings.Contains(h, `error="`+code+`"`) != sent {
		a.t.Errorf("%s: got WWW-Authenticate %q, want a challenge with scope, and with error=%q: %v", a.what, h, code, sent)
	}
	inWorkspace := strings.Contains(a.what, "/mcp/") || strings.Contains(a.what, "/workspaces/")
	if strings.Contains(h, `resource_metadata="`+a.url+`/.well-known/oauth-protected-resource/mcp/`) != inWorkspace {
		a.t.Errorf("%s: got WWW-Authenticate %q, want resource_metadata: %v", a.what, h, inWorkspace)
	}
}

// lacks fails the test unless the answer names the permission to ask for.
func (a *answer) lacks(permission string) {
	a.t.Helper()
	h := a.header.Get("WWW-Authenticate")
	if !strings.Contains(h, `error="insufficient_scope"`) || !strings.Contains(h, `scope="`+permission+`"`) {
		a.t.Errorf("%s: got WWW-Authenticate %q, want insufficient_scope and scope %s", a.what, h, permission)
	}
}
