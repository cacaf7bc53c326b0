package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"iotman/iot"
)

// goWords are the words of Go's libraries, which mean nothing to an agent.
var goWords = regexp.MustCompile(`(?i)unmarshal|json:|go (struct|value)|float64|int64|interface|iot\.|nil\b|SQL|panic|strconv|invalid character`)

// TestF9Arguments gives every argument of every operation values of every wrong
// type. Each is refused as a result, in our own words, by its name.
func TestF9Arguments(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	wrong := map[string][]any{
		"string":  {"", "' OR 1=1 --", "\u0000\u202e", strings.Repeat("A", 10_000)},
		"number":  {json.RawMessage("-1"), json.RawMessage("1.5"), json.RawMessage("9223372036854775808"), json.RawMessage("1e999")},
		"boolean": {true, false},
		"array":   {[]any{}, []any{"x"}},
		"object":  {map[string]any{}, map[string]any{"$ne": ""}},
		"null":    {nil},
	}
	tried := 0
	schemas := map[string]tool{}
	for _, listed := range p.list(token, "") {
		schemas[listed.Name] = listed
	}
	for _, o := range operations {
		if o.ends {
			continue // what is refused here is not, once, if the test is wrong
		}
		var schema struct {
			Properties map[string]struct{ Type any }
		}
		s.must(json.Unmarshal(schemas[o.name].InputSchema, &schema))
		for field, property := range schema.Properties {
			if property.Type == nil {
				continue // any JSON
			}
			for kind, values := range wrong {
				if fits(property.Type, kind) {
					continue
				}
				for _, v := range values {
					tried++
					in := with(o.input(p), field, v)
					problem := p.call(token, o.name, in).small().failed("invalid")
					if problem.Field != "/"+field || goWords.MatchString(problem.Detail) {
						t.Errorf("%s, %s = %.40v: got field %q: %s", o.name, field, v, problem.Field, problem.Detail)
					}
				}
			}
		}
	}
	if tried < 400 {
		t.Errorf("tried %d values, want hundreds", tried)
	}
}

// fits reports whether a JSON Schema type lets a kind of value pass, as far as
// the type goes. Every number is of the type integer here.
func fits(types any, kind string) bool {
	all, ok := types.([]any)
	if !ok {
		all = []any{types}
	}
	return slices.Contains(all, any(kind)) || kind == "number" && slices.Contains(all, "integer")
}

// TestF9Texts gives every string argument hostile strings: each is refused by
// its name, or taken as it is.
func TestF9Texts(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	big, long := strings.Repeat("A", 1_000_000), strings.Repeat("A", 20_000)
	for _, test := range []struct {
		tool, field string
		value       any
		code        string
	}{
		{"event_list", "source", "' OR 1=1 --", "invalid"}, {"event_list", "source", big, "invalid"}, {"event_list", "cursor", big, "not_found"},
		{"event_list", "cursor", "' OR 1=1 --", "not_found"}, {"event_list", "from", "now'; --", "invalid"}, {"event_list", "to", long, "invalid"},
		{"event_list", "fields", []string{long}, "invalid"}, {"event_list", "fields", slices.Repeat([]string{"id"}, 65), "invalid"}, {"event_list", "fields", []string{"payload." + long}, ""},
		{"event_list", "limit", json.RawMessage("9007199254740993"), "invalid"}, {"event_list", "limit", json.RawMessage("1e2"), "invalid"}, {"event_list", "limit", json.RawMessage("100.0"), "invalid"},
		{"event_list", "limit", 0, "invalid"}, {"event_list", "limit", -5, "invalid"},
		{"event_wait", "since", json.RawMessage("9223372036854775808"), "invalid"}, {"event_wait", "timeout", 26, "invalid"}, {"event_wait", "timeout", -1, "invalid"},
		{"event_wait", "timeout", json.RawMessage("9223372036854775807"), "invalid"},
		{"event_get", "event_id", strings.ToUpper(string(p.id)), "invalid"}, {"event_get", "event_id", string(p.id) + " ", "invalid"},
		{"http_endpoint_create", "name", big, "invalid"}, {"http_endpoint_create", "name", " ", "invalid"}, {"http_endpoint_create", "name", "a\nb", "invalid"}, {"http_endpoint_create", "name", "a\u0000", "invalid"},
		{"http_endpoint_create", "url_path", big, "invalid"}, {"http_endpoint_create", "url_path", "../x", "invalid"}, {"http_endpoint_create", "url_path", "A", "invalid"},
		{"http_endpoint_create", "auth", "Basic", "invalid"}, {"http_endpoint_create", "basic_password", long, "invalid"}, {"http_endpoint_create", "capture_headers", []string{"Cookie"}, "invalid"},
		{"http_endpoint_create", "capture_headers", []string{"X\r\nSet-Cookie: a=b"}, "invalid"}, {"http_endpoint_create", "rate_limit", json.RawMessage("9007199254740993"), "invalid"},
		{"http_endpoint_create", "payload_schema", json.RawMessage(`{"$ref":"http://169.254.169.254/latest"}`), "invalid"}, {"http_endpoint_create", "payload_schema", json.RawMessage(`{"$ref":"file:///etc/passwd"}`), "invalid"},
		{"http_endpoint_create", "payload_schema", json.RawMessage(`{"pattern":"(a+)+$","type":7}`), "invalid"}, {"http_endpoint_create", "payload_schema", json.RawMessage(`"object"`), "invalid"},
		{"workspace_update", "slug", "Not A Slug", "invalid"}, {"workspace_update", "slug", string(p.id), "invalid"}, {"workspace_update", "default_role", long, "invalid"}, {"workspace_update", "default_role", "owner", "invalid"},
		{"workspace_update", "avatar_url", long, "invalid"}, {"workspace_update", "avatar_url", "javascript:alert(1)", "invalid"},
		{"workspace_update", "version", json.RawMessage("9007199254740993"), "stale"},
		{"workspace_settings_update", "timezone", "../../etc/passwd", "invalid"}, {"workspace_settings_update", "timezone", "Local", "invalid"}, {"workspace_settings_update", "timezone", long, "invalid"},
		{"workspace_settings_update", "retention_days", -1, "invalid"}, {"workspace_settings_update", "retention_days", json.RawMessage("36501"), "invalid"},
		{"event_purge", "confirm", big, "invalid"}, {"workspace_delete", "confirm", "NORTH", "invalid"},
		{"iotman_call", "method", "PATCH", "invalid"}, {"iotman_call", "method", long, "invalid"}, {"iotman_call", "method", "get", "invalid"}, {"iotman_call", "method", 7, "invalid"},
		{"iotman_call", "path", big, "not_found"}, {"iotman_call", "path", "http://evil.example/", "not_found"}, {"iotman_call", "path", "/api/v1/workspaces/north/../south", "not_found"},
		{"iotman_call", "path", "/api/v1/workspaces/south/events", "not_found"}, {"iotman_call", "path", "/mcp/north", "not_found"}, {"iotman_call", "path", "", "not_found"},
		{"iotman_call", "path", "/api/v1/workspaces/north/events?limit=1", "not_found"}, {"iotman_call", "query", "limit=1", "invalid"}, {"iotman_call", "extra", 1, "invalid"},
	} {
		in := map[string]any{}
		for _, o := range operations {
			if o.name == test.tool {
				in = o.input(p)
			}
		}
		if test.tool == "iotman_call" {
			in = map[string]any{"method": "GET", "path": p.rest("/events")}
		}
		out := p.call(token, test.tool, with(maps.Clone(in), test.field, test.value)).small()
		if test.code == "" {
			out.ok(nil)
			continue
		}
		problem := out.failed(test.code)
		if field := strings.TrimPrefix(problem.Field, "/"); field != test.field && !strings.HasPrefix(field, test.field+"/") && field != "version" || goWords.MatchString(problem.Detail) {
			t.Errorf("%s, %s = %.40v: got field %q: %.200s", test.tool, test.field, test.value, problem.Field, problem.Detail)
		}
	}
	stale := p.call(token, "workspace_update", map[string]any{"name": "x", "version": json.RawMessage("9007199254740993")}).failed("stale")
	if !strings.Contains(stale.Detail, "9007199254740993") {
		t.Errorf("got %q, want the version to the digit", stale.Detail)
	}
	for _, path := range []string{"/data/north/", "/data/north", "/data/south/x", "/data//x"} {
		for _, query := range []map[string]any{nil, {"a": 1}} {
			in := map[string]any{"method": "POST", "path": path, "body": map[string]any{}}
			if query != nil {
				in["query"] = query
			}
			p.call(token, "iotman_call", in).failed("not_found")
		}
	}
	for _, arguments := range []any{[]any{}, "x", 7, true} {
		for _, tool := range []string{"workspace_get", "event_list", "iotman_call"} {
			p.call(token, tool, arguments).failed("invalid")
		}
	}
	twice := p.message(token, "", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"http_endpoint_create","arguments":{"name":"a","name":"b"}}}`).rpc().outcome().failed("invalid")
	if twice.Field != "/name" {
		t.Errorf("a name twice: got field %q, want /name", twice.Field)
	}
}

// TestF12Confirm: over MCP what loses data needs a confirmation, whichever way
// it is called; over REST one is checked where it is given.
func TestF12Confirm(t *testing.T) {
	s := newSite(t, setup{})
	people := s.people()
	s.plantOf("spare", people)
	for _, o := range operations {
		in := o.input(s.plantOf(iot.Slug("look-"+strings.ReplaceAll(o.name, "_", "-")), people))
		if in["confirm"] == nil {
			continue
		}
		p := s.plantOf(iot.Slug("lose-"+strings.ReplaceAll(o.name, "_", "-")), people)
		token := p.owner()
		p.endpoint("gh", nil)
		p.send("gh", `{}`).accepted(1)
		in = o.input(p)
		delete(in, "to") // everything
		for _, confirm := range []any{nil, "", "yes", "spare", strings.ToUpper(string(p.slug)), string(p.slug) + " ", p.id, true} {
			wrong := with(maps.Clone(in), "confirm", confirm)
			if confirm == nil {
				delete(wrong, "confirm")
			}
			p.call(token, o.name, wrong).failed("invalid")
			p.call(token, "iotman_call", o.inner(p, wrong)).failed("invalid")
			if confirm != nil && confirm != "" {
				r := o.request(p, wrong)
				r.token = token
				s.do(r).problem(http.StatusBadRequest, "invalid")
			}
		}
		if n := p.count(); n != 1 {
			t.Errorf("%s: got %d events, want the one that no one confirmed to lose", o.name, n)
		}
		delete(in, "confirm")
		r := o.request(p, in)
		r.token = token
		s.do(r).want(http.StatusOK)
	}
	p := s.plant("hints")
	for _, listed := range p.list(p.owner(), "") {
		got := map[string]any{}
		for _, hint := range []string{"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"} {
			got[hint] = listed.Annotations[hint]
		}
		i := slices.IndexFunc(operations, func(o operation) bool { return o.name == listed.Name })
		if i < 0 {
			continue // iotman_call
		}
		method, _, _ := strings.Cut(operations[i].route, " ")
		reads := method == http.MethodGet || strings.HasSuffix(operations[i].needs, ":read")
		want := map[string]any{
			"readOnlyHint": reads, "destructiveHint": method == http.MethodDelete || slices.Contains([]string{"workspace_settings_update", "client_rotate_secret"}, listed.Name),
			"idempotentHint": reads || method != http.MethodPost, "openWorldHint": false,
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: got hints %v, want %v", listed.Name, got, want)
		}
		var schema struct{ Properties map[string]any }
		s.must(json.Unmarshal(listed.InputSchema, &schema))
		if _, asks := schema.Properties["confirm"]; asks != (operations[i].input(p)["confirm"] != nil) {
			t.Errorf("%s: has confirm %v", listed.Name, asks)
		}
	}
}
