package api_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"iotman/iot"
	"iotman/store"
)

// foreign are the members of an input that name something of a workspace.
var foreign = []string{"source_id", "event_id"}

// TestB2ForeignIsMissing: what another workspace has and what nobody has answer
// alike, to the byte, and neither is touched (B2, B3).
func TestB2ForeignIsMissing(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	tried := 0
	for _, o := range operations {
		for _, field := range foreign {
			theirs := o.input(other)
			if theirs[field] == nil {
				continue
			}
			tried++
			missing := maps.Clone(theirs)
			missing[field] = store.NewID()
			version := other.version()
			token := p.owner()
			ask := func(in map[string]any) (*answer, *outcome, *outcome) {
				r := o.request(p, in)
				r.token = token
				return s.do(r), p.call(token, o.name, in), p.call(token, "iotman_call", o.inner(p, in))
			}
			fREST, fTool, fCall := ask(theirs)
			mREST, mTool, mCall := ask(missing)
			fREST.problem(http.StatusNotFound, "not_found")
			fTool.failed("not_found")
			fCall.failed("not_found")
			if !bytes.Equal(fREST.body, mREST.body) || mREST.status != fREST.status || !maps.EqualFunc(fREST.header, mREST.header, func(a, b []string) bool {
				return slices.Equal(a, b) || len(a) == 1 && strings.HasSuffix(a[0], "GMT") // Date
			}) {
				t.Errorf("%s over REST: got %s for another's, %s for nobody's", o.name, fREST.body, mREST.body)
			}
			if !bytes.Equal(fTool.body, mTool.body) || !bytes.Equal(fCall.body, mCall.body) || !bytes.Equal(fTool.body, fCall.body) {
				t.Errorf("%s over MCP: got %s for another's, %s for nobody's", o.name, fTool.body, mTool.body)
			}
			if got := other.version(); got != version {
				t.Errorf("%s: the other workspace went from version %d to %d", o.name, version, got)
			}
		}
	}
	if tried < 5 {
		t.Errorf("tried %d operations, want all that take an id", tried)
	}
}

// version returns the workspace's version.
func (p *plant) version() int64 {
	p.t.Helper()
	w, err := p.store.Workspace(p.id).Get(p.t.Context())
	p.must(err)
	return w.Version
}

// TestB2NobodyLearnsWhichWorkspacesExist: neither does who comes with a token
// of another, nor a device.
func TestB2NobodyLearnsWhichWorkspacesExist(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	other.endpoint("open", nil)
	other.endpoint("off", map[string]any{"enabled": false})
	same := func(what string, paths []string, ask func(path string) *answer) {
		t.Helper()
		first := ask(paths[0])
		for _, path := range paths[1:] {
			a := ask(path)
			challenge := func(a *answer, path string) string { // names the workspace asked for, whether it exists or not
				return strings.ReplaceAll(a.header.Get("WWW-Authenticate"), "/"+path, "/*")
			}
			if a.status != first.status || !bytes.Equal(a.body, first.body) || challenge(a, path) != challenge(first, paths[0]) {
				t.Errorf("%s %s: got %d %s %s, want as for %s: %d %s %s", what, path, a.status, a.header, a.body, paths[0], first.status, first.header, first.body)
			}
		}
	}
	token := p.owner()
	for _, rest := range []string{"", "/events", "/http-endpoints", "/settings"} {
		same("REST"+rest, []string{"south", "nowhere"}, func(name string) *answer { return s.get(token, "/api/v1/workspaces/"+name+rest) })
		same("REST by id"+rest, []string{string(other.id), string(store.NewID()), "Not_A-Slug!"}, func(name string) *answer { return s.get(token, "/api/v1/workspaces/"+name+rest) })
		same("anonymous"+rest, []string{"south", "nowhere", "north"}, func(name string) *answer { return s.get("", "/api/v1/workspaces/"+name+rest) })
	}
	for _, auth := range []string{token, ""} {
		same("MCP", []string{"south", "nowhere"}, func(name string) *answer {
			return s.do(req{method: http.MethodPost, path: "/mcp/" + name, token: auth, header: accepts, body: `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`})
		})
	}
	same("metadata", []string{"south", "nowhere"}, func(name string) *answer {
		a := s.get("", "/.well-known/oauth-protected-resource/mcp/"+name).want(http.StatusOK)
		a.body = bytes.ReplaceAll(a.body, []byte(name), nil)
		return a
	})
	for _, auth := range []string{"", other.owner()} {
		same("data", []string{"nowhere/x", "south/nothing", "south/off", "south/-", "north/open", "So_uth/open", string(other.id) + "/open", "south/OPEN"}, func(path string) *answer {
			return s.do(req{method: http.MethodPost, path: "/data/" + path, token: auth, body: `{}`})
		})
	}
}

// TestB5MassAssignment: what is not the caller's to set is refused by name, and
// nothing is set.
func TestB5MassAssignment(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	token := p.owner()
	tried := 0
	for _, o := range operations {
		method, _, _ := strings.Cut(o.route, " ")
		if method != http.MethodPost && method != http.MethodPut {
			continue
		}
		tried++
		in := o.input(p)
		version, state := p.version(), p.state()
		for field, value := range map[string]any{
			"id": store.NewID(), "workspace_id": other.id, "workspace": "south", "role": "owner", "role_id": iot.Owner.ID(), "account_id": p.members[iot.Viewer].ID,
			"organization_id": store.NewID(), "member_count": 7, "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z", "url": "http://evil.example/",
			"secret": "mine", "version": "1", "__proto__": map[string]any{"role": "owner"}, "Name": "case", "settings": map[string]any{"retention_days": 1}, "permissions": []string{"workspace:own"},
		} {
			if _, takes := in[field]; takes {
				continue
			}
			with := maps.Clone(in)
			with[field] = value
			r := o.request(p, with)
			r.token = token
			problem := s.do(r).problem(http.StatusBadRequest, "invalid")
			for _, problem := range []iot.Problem{problem, p.call(token, o.name, with).failed("invalid"), p.call(token, "iotman_call", o.inner(p, with)).failed("invalid")} {
				if problem.Field != "/"+field {
					t.Errorf("%s with %s: got field %q (%s), want /%s", o.name, field, problem.Field, problem.Detail, field)
				}
			}
		}
		if p.version() != version || p.state() != state {
			t.Errorf("%s: the workspace went from version %d to %d\n%s\n%s", o.name, version, p.version(), state, p.state())
		}
	}
	if tried < 5 {
		t.Errorf("tried %d operations, want all that take a body", tried)
	}
}

// state is what the workspace's configuration is, as text.
func (p *plant) state() string {
	p.t.Helper()
	var b strings.Builder
	for _, path := range []string{"", "/settings", "/http-endpoints", "/audit"} {
		b.Write(p.get(p.owner(), p.rest("%s", path)).want(http.StatusOK).body)
	}
	return b.String()
}

// TestB8Cursors: a cursor opens in its own list, with its own filters, in its
// own workspace, and nowhere else.
func TestB8Cursors(t *testing.T) {
	s := newSite(t, setup{})
	people := s.people()
	p := s.plantOf("north", people)
	s.plantOf("south", people) // a second workspace to list
	other := s.plant("west")
	s.plantOf("east", other.members)
	lists := map[string]string{} // by name, the query that says which
	for _, w := range []*plant{p, other} {
		e := w.made("Probe")
		w.made("Second")
		for range 3 {
			w.send("probe", `{"a":1}`).accepted(1)
			w.send("probe", `{`).want(http.StatusBadRequest)
		}
		if w == p {
			lists = map[string]string{
				"/events": "", "/events ": "source=" + string(e.ID), "/events  ": "from=2020-01-01T00:00:00Z", "/events   ": "to=2100-01-01T00:00:00Z",
				"/http-endpoints": "", "/audit": "", "/rejects": "source_id=" + string(e.ID), "/api/v1/workspaces": "",
			}
		}
	}
	at := func(w *plant, list, query, cursor string) *answer {
		path := strings.TrimSpace(list)
		if !strings.HasPrefix(path, "/api/") {
			path = w.rest("%s", path)
		}
		return s.get(w.owner(), path+"?limit=1&"+query+"&cursor="+cursor)
	}
	cursors := map[string]string{}
	for list, query := range lists {
		a := at(p, list, query, "")
		a.want(http.StatusOK)
		if cursors[list] = a.next("cursor"); cursors[list] == "" {
			t.Fatalf("%s: got no next page", list)
		}
		at(p, list, query, cursors[list]).want(http.StatusOK)
		at(p, list, query+"&limit=2", cursors[list]).problem(http.StatusBadRequest, "invalid") // limit twice
	}
	for list, query := range lists {
		for from, cursor := range cursors {
			if from == list {
				continue
			}
			at(p, list, query, cursor).problem(http.StatusNotFound, "not_found")
		}
		good := cursors[list]
		flipped := []byte(good)
		flipped[len(flipped)/2] ^= 1
		for _, forged := range []string{"x", "AAAA", good + "A", good[1:], good[:len(good)-1], string(flipped), good + "=", strings.ToUpper(good), "../../etc/passwd", "1'%20OR%201=1", "%00", strings.Repeat("A", 8000)} {
			if forged == good {
				continue
			}
			problem := at(p, list, query, forged).problem(http.StatusNotFound, "not_found")
			if problem.Field != "cursor" || problem.Hint == "" {
				t.Errorf("%s: got problem %+v, want field cursor and a hint", list, problem)
			}
		}
		if strings.HasPrefix(query, "source") {
			continue // other has no such source
		}
		at(other, list, query, good).problem(http.StatusNotFound, "not_found")
	}
	p.call(p.owner(), "event_list", map[string]any{"cursor": cursors["/audit"]}).failed("not_found")
	p.call(p.owner(), "event_list", map[string]any{"cursor": cursors["/events"], "fields": []string{"id"}, "limit": 7}).ok(nil)
	colleague := p.token(iot.Viewer, everything) // of the same workspace, with a list of their own
	s.get(colleague, "/api/v1/workspaces?limit=1").want(http.StatusOK)
	s.get(colleague, "/api/v1/workspaces?limit=1&cursor="+cursors["/api/v1/workspaces"]).problem(http.StatusNotFound, "not_found")
	// The same person's list, with the token of another of their workspaces.
	var all []json.RawMessage
	p.get(p.owner(), "/api/v1/workspaces").want(http.StatusOK).into(&all)
	if len(all) != 2 {
		t.Errorf("got %d workspaces, want 2", len(all))
	}
}
