package schema

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iotman/iot"
)

// refused checks that doc is refused as a stranger's schema, with an error
// that holds want.
func refused(t *testing.T, doc, want string) {
	t.Helper()
	s, err := CompileUntrusted([]byte(doc))
	e, ok := errors.AsType[*iot.Error](err)
	if !ok || s != nil {
		t.Fatalf("%.100s: got %v and error %v, want an iot.Error", doc, s, err)
	}
	if e.Kind != iot.Invalid || e.Field != "payload_schema" || !strings.Contains(e.Msg, want) || e.Hint == "" || len(e.Msg) > 500 {
		t.Errorf("%.100s: got %s %q: %s; %s\nwant invalid %q: …%s…", doc, e.Kind.Slug(), e.Field, e.Msg, e.Hint, "payload_schema", want)
	}
}

// TestNothingIsLoaded sees to it that no schema, ours or a stranger's, makes
// anything be fetched or read.
func TestNothingIsLoaded(t *testing.T) {
	var hits atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		fmt.Fprint(w, `{"type":"null"}`)
	}))
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "s.json")
	if err := os.WriteFile(file, []byte(`{"type":"null"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{
		srv.URL, srv.URL + "/#/$defs/a", "file://" + file, file, "s.json", "?x", "", "//localhost/x", "urn:x", "urn:iotman:schema", "#anchor",
		"https://json-schema.org/draft/2020-12/schema",
	} {
		for _, doc := range []string{
			`{"$ref":"` + url + `"}`, `{"properties":{"a":{"items":[{"$ref":"` + url + `"}]}}}`, `{"$defs":{"a":{"$ref":"` + url + `"}}}`,
			`{"$ref":"#/x/y","x":{"y":{"$ref":"` + url + `"}}}`, `{"anyOf":[{"$ref":"#/enum/0"}],"enum":[{"$ref":"` + url + `"}]}`,
			`{"dependencies":{"a":{"$ref":"` + url + `"}}}`, `{"contentSchema":{"$ref":"` + url + `"}}`,
		} {
			refused(t, doc, "expected a place in this document")
			if _, err := Compile([]byte(doc)); err == nil {
				t.Errorf("%s: compiled as our own", doc)
			}
		}
		if url != "https://json-schema.org/draft/2020-12/schema" {
			refused(t, `{"$schema":"`+url+`"}`, "at #/$schema: expected https://json-schema.org")
		}
		refused(t, `{"$dynamicRef":"`+url+`"}`, "expected $ref")
		refused(t, `{"not":{"$recursiveRef":"`+url+`"}}`, "expected $ref")
		refused(t, `{"not":{"$id":"`+url+`"}}`, "expected no $id within")
	}
	if n := hits.Load(); n > 0 {
		t.Errorf("%d requests went out", n)
	}
}

// TestRootID sees to it that the $id of a document changes nothing.
func TestRootID(t *testing.T) {
	for _, doc := range []string{
		`{"$id":"https://example.com/a.json","$ref":"#/$defs/p","$defs":{"p":{"type":"null"}}}`,
		`{"$schema":"http://json-schema.org/draft-04/schema#","id":"https://example.com/","properties":{"id":{"type":"string"}},"type":"null"}`,
		`{"$id":"http://%zz","type":"null"}`,
		`{"$schema":"http://json-schema.org/draft-07/schema","$id":"file:///etc/passwd","type":"null"}`,
	} {
		s, err := CompileUntrusted([]byte(doc))
		if err != nil {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		if s.Validate([]byte("null")) != nil || s.Validate([]byte("1")) == nil {
			t.Errorf("%s: checks something else", doc)
		}
	}
	refused(t, `{"$schema":"http://json-schema.org/draft-04/schema#","not":{"id":"x"}}`, "expected no id within")
	refused(t, `{"$id":"https://example.com/a.json","items":{"$ref":"https://example.com/a.json#/$defs/p"},"$defs":{"p":true}}`, "expected a place")
}

func TestCompileUntrustedRefuses(t *testing.T) {
	nest := func(n int) string { return strings.Repeat(`{"not":`, n) + "true" + strings.Repeat("}", n) }
	for _, tt := range []struct{ name, doc, want string }{
		{"size", `{"title":"` + strings.Repeat("x", iot.MaxSchemaBytes) + `"}`, "expected at most 65536 bytes, got 65548"},
		{"not JSON", `{"type":}`, "at #/type: is not valid JSON"},
		{"empty", ``, "expected a value, got nothing"},
		{"two", `{} {}`, "expected one value"},
		{"duplicate key", `{"type":"string","type":"null"}`, "at #/type: is there twice"},
		{"depth", nest(MaxDepth + 1), "nested deeper than 64 levels"},
		{"depth elsewhere", `{"default":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, "nested deeper than 64 levels"},
		{"no schema", `[]`, "expected a schema, an object or a boolean, got array"},
		{"no schema within", `{"properties":{"a":1}}`, "at #/properties/a: expected a schema"},
		{"unknown type", `{"properties":{"a":{"type":"int"}}}`, "at #/properties/a/type: "},
		{"wrong keyword", `{"minimum":"1"}`, "at #/minimum: "},
		{"wrong list", `{"allOf":{}}`, "at #/allOf: "},
		{"ref to nothing", `{"$ref":"#/$defs/a"}`, `at #/$ref: there is nothing at "#/$defs/a"`},
		{"ref to no schema", `{"$ref":"#/$defs/a","$defs":{"a":{"enum":[1]},"b":{"$ref":"#/$defs/a/enum/0"}}}`, "expected a schema"},
		{"ref of another type", `{"$ref":1}`, "expected a place in this document"},
		{"ref with a leading zero", `{"anyOf":[{"$ref":"#/anyOf/01"},true]}`, "there is nothing at"},
		{"ref with a bad escape", `{"$ref":"#/%zz"}`, "there is nothing at"},
		{"recursion", `{"$ref":"#"}`, "the schema refers to itself"},
		{"recursion through a place", `{"properties":{"kids":{"items":{"$ref":"#"}}}}`, "the schema refers to itself"},
		{"recursion of two", `{"$ref":"#/$defs/a","$defs":{"a":{"items":{"$ref":"#/$defs/b"}},"b":{"not":{"$ref":"#/%24defs/a"}}}}`, "the schema refers to itself"},
		{"recursion out of reach", `{"$defs":{"a":{"$ref":"#/$defs/a"}}}`, "the schema refers to itself"},
		{"long pattern", `{"pattern":"` + strings.Repeat("a", MaxPattern+1) + `"}`, "at #/pattern: expected a pattern of at most 512 bytes, got 513"},
		{"long pattern of names", `{"not":{"patternProperties":{"` + strings.Repeat("a", MaxPattern+1) + `":true}}}`, "expected a pattern of at most 512 bytes"},
		{"look-ahead", `{"pattern":"(?=a)"}`, "expected an RE2 pattern"},
		{"back-reference", `{"patternProperties":{"(a)\\1":true}}`, "expected an RE2 pattern"},
		{"repetitions", `{"pattern":"` + strings.Repeat(".{1000}", 20) + `"}`, "smaller repetitions"},
		{"repetitions in many", `{"allOf":[` + strings.Repeat(`{"pattern":"x{999}"},`, 50) + `true]}`, "expected fewer patterns"},
		{"nested repetitions", `{"pattern":"((a{100}){100}){100}"}`, "expected an RE2 pattern"},
		{"large number", `{"maximum":1e9999999}`, "at #/maximum: expected a number of at most 400 digits"},
		{"small number", `{"items":{"enum":[1,{"a":1e-401}]}}`, "at #/items/enum/1/a: expected a number"},
		{"long number", `{"multipleOf":` + strings.Repeat("7", 401) + `}`, "expected a number"},
	} {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.doc, tt.want) })
	}
	for name, doc := range map[string]string{
		"depth":   nest(MaxDepth),
		"pattern": `{"pattern":"` + strings.Repeat("a", MaxPattern) + `"}`,
		"number":  `{"maximum":1e399,"minimum":-1.7976931348623157e308,"multipleOf":5e-324}`,
		"names":   `{"properties":{"$ref":{"type":"string"},"$id":true,"$dynamicRef":true,"pattern":{"pattern":"^a"}}}`,
		"draft":   `{"$schema":"https://json-schema.org/draft/2020-12/schema#","$comment":"x","$defs":{"a":{"type":"string"}},"$ref":"#/$defs/a"}`,
	} {
		if _, err := CompileUntrusted([]byte(doc)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestExponential sees to it that subschemas that double with each level are
// refused, and soon.
func TestExponential(t *testing.T) {
	var defs []string
	for i := range 50 {
		defs = append(defs, fmt.Sprintf(`"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]}`, i, i+1, i+1))
	}
	doc := `{"$ref":"#/$defs/d0","$defs":{` + strings.Join(defs, ",") + `,"d50":{"type":"object"}}}`
	start := time.Now()
	refused(t, doc, "expected at most 2000 subschemas, got 1073741824")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	// As our own it compiles, and its checks are cut short.
	ours := compiled(t, doc)
	ours.steps /= 10
	if got := mistakes(ours, "{}"); len(got) != 1 || !strings.Contains(got[0], "too long") {
		t.Errorf("got %q, want it cut short", got)
	}

	wide := func(n int) string { return `{"allOf":[` + strings.Repeat("true,", n-2) + `true]}` }
	if _, err := CompileUntrusted([]byte(wide(MaxSubschemas))); err != nil {
		t.Errorf("%d subschemas: %v", MaxSubschemas, err)
	}
	refused(t, wide(MaxSubschemas+1), "got 2001")
}

// TestCompileCost sees to it that compiling takes no time either.
func TestCompileCost(t *testing.T) {
	for name, doc := range map[string]string{
		"definitions": `{"$defs":{` + properties(5000) + `}}`,
		"enum":        `{"enum":[` + strings.Repeat("[0],", 16_000) + `0]}`,
		"required":    `{"required":[` + strings.Repeat("0,", 32_000) + `0]}`,
		"subschemas":  `{"allOf":[` + strings.Repeat(`{"type":"string","minLength":1},`, 1900) + `true]}`,
		"patterns":    `{"allOf":[` + strings.Repeat(`{"pattern":".{1000}.{1000}.{1000}.{1000}.{1000}.{1000}"},`, 1100) + `true]}`,
	} {
		start := time.Now()
		_, err := CompileUntrusted([]byte(doc))
		took := time.Since(start)
		t.Logf("%s: %v, %.120v", name, took, err)
		if took > 10*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}
