package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"iotman/iot"
)

// shown computes from the table what tools/list shows to who may do what may
// says, in a selection.
func shown(may func(needs string) bool, lean bool, toolsets string) []string {
	var all []string
	for _, o := range operations {
		if (may(o.needs) || o.own != "" && may(o.own)) && (!lean || strings.HasPrefix(o.route, "GET ")) && (toolsets == "" || strings.Contains(","+toolsets+",", ","+toolset(o)+",")) {
			all = append(all, o.name)
		}
	}
	if !lean && toolsets == "" {
		all = append(all, "iotman_call")
	}
	return all
}

// toolset is the group of an operation in operations.md.
func toolset(o operation) string {
	switch noun, _, _ := strings.Cut(o.needs, ":"); noun {
	case "account", "audit":
		return "workspace"
	default:
		return noun
	}
}

// TestF13ListIsWhatMayBeCalled: tools/list shows a caller exactly what B1 lets
// them call.
func TestF13ListIsWhatMayBeCalled(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	for _, r := range roles {
		sameStrings(t, string(r), names(p.list(p.token(r, everything), "")), shown(func(needs string) bool { return holds(r, needs) }, false, ""))
		for permission := range grants {
			may := func(needs string) bool { return holds(r, needs) && needs != permission }
			sameStrings(t, string(r)+" without "+permission, names(p.list(p.token(r, but(permission)), "")), shown(may, false, ""))
		}
	}
	sameStrings(t, "a machine", names(p.list(p.machine(everything), "")),
		shown(func(needs string) bool { return !strings.HasPrefix(needs, "account:") }, false, ""))
	sameStrings(t, "a token without permissions", names(p.list(p.token(iot.Owner, ""), "")), []string{"iotman_call"})
	sameStrings(t, "a token of unknown scopes", names(p.list(p.token(iot.Owner, "plant:read sources:admin SOURCES:READ sources:read:x"), "")), []string{"iotman_call"})
}

// TestF16ListTellsNothingOfTheTenant: two workspaces see the same bytes.
func TestF16ListTellsNothingOfTheTenant(t *testing.T) {
	s := newSite(t, setup{})
	a, b := s.plant("north"), s.plant("south")
	a.endpoint("ignore-all-previous-instructions", nil)
	for _, r := range roles {
		for _, query := range []string{"", "?mode=lean", "?toolsets=data"} {
			ours := a.ask(a.token(r, everything), query, "tools/list", map[string]any{})
			theirs := b.ask(b.token(r, everything), query, "tools/list", map[string]any{})
			if len(ours.Result) < 500 || string(ours.Result) != string(theirs.Result) {
				t.Errorf("%s%s: got different lists of %d and %d bytes, want one", r, query, len(ours.Result), len(theirs.Result))
			}
		}
	}
	for _, tell := range []string{string(a.id), "north", "ignore-all", a.members[iot.Owner].Email} {
		if r := a.ask(a.owner(), "", "tools/list", map[string]any{}); strings.Contains(string(r.body), tell) {
			t.Errorf("the list tells %q", tell)
		}
	}
}

// TestLean: the lean catalogue reads and nothing else, and nothing leads around
// it.
func TestLean(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	all := func(string) bool { return true }
	for query, want := range map[string][]string{
		"?mode=lean":                         shown(all, true, ""),
		"?toolsets=data":                     shown(all, false, "data"),
		"?toolsets=sources,data":             shown(all, false, "sources,data"),
		"?toolsets=data,sources,data":        shown(all, false, "sources,data"),
		"?mode=lean&toolsets=sources":        shown(all, true, "sources"),
		"?%6dode=lean":                       shown(all, true, ""),
		"?toolsets=workspace%2Csources,data": shown(all, false, "workspace,sources,data"),
	} {
		sameStrings(t, query, names(p.list(token, query)), want)
	}
	if lean := shown(all, true, ""); slices.Contains(lean, "iotman_call") || slices.Contains(lean, "event_purge") || len(lean) > len(operations)*2/3 {
		t.Fatalf("the table's own lean catalogue is %v", lean)
	}
	before := p.count()
	for _, call := range []map[string]any{
		{"name": "http_endpoint_create", "arguments": map[string]any{"name": "Sneaked in"}},
		{"name": "iotman_call", "arguments": map[string]any{"method": "GET", "path": p.rest("")}},
		{"name": "event_purge", "arguments": map[string]any{"confirm": p.slug}},
		{"name": "nothing_at_all", "arguments": map[string]any{}},
	} {
		for _, query := range []string{"?mode=lean", "?toolsets=members"} {
			if query == "?toolsets=members" {
				query = "?toolsets=workspace"
			}
			r := p.ask(token, query, "tools/call", call)
			if r.Error == nil || r.Error.Code != -32602 || !strings.Contains(r.Error.Message, "not found") {
				t.Errorf("%s %v: got %.200s, want the error -32602", query, call["name"], r.body)
			}
		}
	}
	p.ask(token, "?mode=lean", "tools/call", map[string]any{"name": "workspace_get", "arguments": map[string]any{}}).outcome().ok(nil)
	var left []json.RawMessage
	p.get(token, p.rest("/http-endpoints")).want(http.StatusOK).into(&left)
	if len(left) != 0 || p.count() != before {
		t.Errorf("got %d endpoints, want none", len(left))
	}
}

// TestMCPQueryIsNeverIgnored: who misspells lean does not get the tools that
// write.
func TestMCPQueryIsNeverIgnored(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	for _, query := range []string{
		"?mode=Lean", "?mode=", "?mode", "?mode=full", "?modes=lean", "?Mode=lean", "?mode=lean&mode=lean", "?mode=lean&mode=", "?lean",
		"?mode=lean;toolsets=data", "?mode=%zz", "?mode=lean%", "?toolsets=data;sources", "?toolsets=", "?toolsets=Data", "?toolsets=data,", "?toolsets=data,nothing",
		"?toolset=data", "?toolsets=data&toolsets=sources", "?mode=lean&x=1", "?=lean", "?session=1", "?mode=lean&", "?&", "?mode=le%00an",
	} {
		a := p.message(token, query, `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`)
		if query == "?mode=lean&" || query == "?&" { // says nothing more than without the ampersand
			a.want(http.StatusOK)
			continue
		}
		a.problem(http.StatusBadRequest, "invalid")
	}
}
