package tools_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"iotman/iot"
	"iotman/store"
	"iotman/tools"
)

type (
	byID struct {
		ThingID iot.ID `json:"thing_id"`
	}
	answer struct {
		ID iot.ID `json:"id"`
	}
)

func define[In any](name, route string, permission iot.Permission) tools.Op {
	return tools.Define(tools.Spec{Name: name, Route: route, Permission: permission, Doc: "Do it."},
		func(context.Context, iot.Caller, In) (answer, error) { return answer{}, nil })
}

func change(name, route string, permission iot.Permission) tools.Op {
	return tools.Change(tools.Spec{Name: name, Route: route, Permission: permission, Doc: "Do it."},
		func(context.Context, *store.Tx, iot.Caller, byID) (answer, error) { return answer{}, nil })
}

// TestRegistryMistakes: every mistake in a declaration is told, all at once.
func TestRegistryMistakes(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	good := func() []tools.Op {
		return []tools.Op{
			define[tools.None]("thing_list", "GET /things", iot.SourcesRead), define[byID]("thing_get", "GET /things/{thing_id}", iot.SourcesRead),
			change("thing_update", "PUT /things/{thing_id}", iot.SourcesWrite), define[tools.None]("thing_report", "POST /things/report", iot.SourcesRead),
		}
	}
	if _, err := tools.NewRegistry(nil, log, good()...); err != nil {
		t.Fatalf("what is right: got %v", err)
	}
	undocumented := define[tools.None]("thing_wave", "GET /wave", iot.SourcesRead)
	undocumented.Doc = ""
	mistakes := []struct {
		op   tools.Op
		want string
	}{
		{define[tools.None]("thing_list", "GET /others", iot.SourcesRead), "operation thing_list: declared twice"},
		{define[byID]("thing_find", "GET /things/{other_id}", iot.SourcesRead), `operation thing_find: path variable "other_id" is not a field of tools_test.byID`},
		{define[tools.None]("thing_clash", "GET /things", iot.SourcesRead), `operation thing_clash: route "GET /things" is taken by thing_list`},
		{define[tools.None]("thing_absolute", "GET /api/v1/workspaces/{workspace}/things", iot.SourcesRead), "operation thing_absolute: route"},
		{undocumented, "operation thing_wave: no documentation"},
		{define[tools.None]("thing_odd", "GET /odd", "sources:admin"), `operation thing_odd: unknown permission "sources:admin"`},
		{define[tools.None]("thing_none", "GET /none", ""), `operation thing_none: unknown permission ""`},
		{change("thing_peek", "PUT /peek/{thing_id}", iot.SourcesRead), "operation thing_peek: a change needs a writing permission"},
		{change("thing_look", "GET /look/{thing_id}", iot.SourcesWrite), "operation thing_look: a change needs a writing permission"},
		{define[tools.None]("thing_sneak", "POST /sneak", iot.SourcesWrite), "operation thing_sneak: declare it with Change, or say OwnCommit"},
		{define[tools.None]("thing_with_a_very_long_name", "GET /long", iot.SourcesRead), "operation thing_with_a_very_long_name: a name is noun_verb, at most 25 characters"},
		{define[tools.None]("thing", "GET /thing", iot.SourcesRead), "operation thing: a name is noun_verb"},
		{define[tools.None]("Thing_Get", "GET /capital", iot.SourcesRead), "operation Thing_Get: a name is noun_verb"},
		{define[string]("thing_text", "GET /text", iot.SourcesRead), "operation thing_text: input string is not a struct"},
		{define[struct {
			C chan int `json:"c"`
		}]("thing_channel", "GET /channel", iot.SourcesRead), "operation thing_channel: input struct"},
	}
	ops := good()
	for _, m := range mistakes {
		if _, err := tools.NewRegistry(nil, log, append(good(), m.op)...); err == nil || !strings.Contains(err.Error(), m.want) {
			t.Errorf("alone: got %v, want %s", err, m.want)
		}
		ops = append(ops, m.op)
	}
	_, err := tools.NewRegistry(nil, log, ops...)
	if err == nil {
		t.Fatal("all mistakes together: got no error")
	}
	for _, m := range mistakes {
		if !strings.Contains(err.Error(), m.want) {
			t.Errorf("all mistakes together: got %v, want %s in it", err, m.want)
		}
	}
}

// TestDeadEnds: what names no operation reaches none.
func TestDeadEnds(t *testing.T) {
	reg, err := tools.NewRegistry(nil, slog.New(slog.DiscardHandler), define[byID]("thing_get", "GET /things/{thing_id}", iot.SourcesRead),
		define[tools.None]("thing_wait", "GET /things/wait", iot.SourcesRead))
	if err != nil {
		t.Fatal(err)
	}
	all := iot.AllPermissions()
	caller := iot.Caller{Role: iot.Owner, Held: all, Token: all}
	for _, name := range []string{"", "thing", "THING_GET", "thing_get "} {
		if _, err := reg.Call(t.Context(), caller, name, nil); iot.KindOf(err) != iot.NotFound {
			t.Errorf("%q: got %v, want NotFound", name, err)
		}
	}
	if _, err := reg.Call(t.Context(), iot.Caller{}, "thing_get", nil); iot.KindOf(err) != iot.Forbidden {
		t.Errorf("a caller of no rights: got %v, want Forbidden", err)
	}
	if _, err := tools.Do[string](t.Context(), reg, caller, "thing_wait", tools.None{}); err == nil {
		t.Error("another type than the operation answers: got no error")
	}
	if got, err := tools.Do[answer](t.Context(), reg, caller, "thing_wait", tools.None{}); err != nil || got.ID != "" {
		t.Errorf("got %v, %v", got, err)
	}
	const base = "/api/v1/workspaces/"
	for path, want := range map[string]string{
		base + "north/things/wait": "thing_wait", base + "north/things/7": "thing_get", base + "north/things/": "", base + "north/things": "", base + "/things/7": "", "things/7": "",
		base + "north/things/7/": "", base + "north//things/7": "", "/": "", "": "",
	} {
		op, vars, ok := reg.Match("GET", path)
		if op.Name != want || ok != (want != "") || ok && vars["workspace"] != "north" {
			t.Errorf("GET %s: got %q, %v", path, op.Name, vars)
		}
		if _, _, ok := reg.Match("POST", path); ok {
			t.Errorf("POST %s: got an operation, want none", path)
		}
	}
}
