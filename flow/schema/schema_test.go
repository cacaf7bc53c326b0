package schema

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iotman/iot"
)

// compiled compiles a schema of our own.
func compiled(t testing.TB, doc string) *Schema {
	t.Helper()
	s, err := Compile([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mistakes returns each mistake in doc as its field, a colon and its detail.
func mistakes(s *Schema, doc string) []string {
	var all []string
	for _, d := range s.Validate([]byte(doc)) {
		all = append(all, d.Field+": "+d.Detail)
	}
	return all
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name, schema, doc string
		want              []string
	}{
		{"fits", `{"type":"object"}`, `{}`, nil},
		{"type", `{"properties":{"limit":{"type":"integer"}}}`, `{"limit":"x"}`, []string{"/limit: expected integer, got string"}},
		{"types", `{"type":["string","null"]}`, `1.5`, []string{": expected null or string, got 1.5"}},
		{"whole", `{"type":"string"}`, `1e2`, []string{": expected string, got integer"}},
		{"required", `{"required":["name","id"]}`, `{}`, []string{"/name: is required", "/id: is required"}},
		{"required within", `{"properties":{"a":{"items":{"required":["b/c~d"]}}}}`, `{"a":[{}]}`, []string{"/a/0/b~1c~0d: is required"}},
		{"required beside", `{"dependentRequired":{"a":["b"]}}`, `{"a":1}`, []string{"/b: is required beside a"}},
		{
			"unknown", `{"properties":{"c":true,"a":true,"b":true},"additionalProperties":false}`, `{"z":1,"y":1,"a":1}`,
			[]string{"/y: unknown field; known fields are a, b, c", "/z: unknown field; known fields are a, b, c"},
		},
		{
			"unknown beside patterns", `{"properties":{"a":true},"patternProperties":{"^x-":true},"additionalProperties":false}`, `{"b":1}`,
			[]string{"/b: unknown field; known fields are a, those that match ^x-"},
		},
		{"none known", `{"additionalProperties":false}`, `{"b":1}`, []string{"/b: unknown field; there are no known fields"}},
		{"unevaluated", `{"allOf":[{"properties":{"a":true}}],"unevaluatedProperties":false}`, `{"a":1,"b":1}`, []string{"/b: unknown field"}},
		{"most", `{"maximum":1000}`, `5000`, []string{": at most 1000, got 5000"}},
		{"least", `{"minimum":0.1}`, `-0.10`, []string{": at least 0.1, got -0.10"}},
		{"more", `{"exclusiveMinimum":0}`, `0`, []string{": more than 0, got 0"}},
		{"less", `{"exclusiveMaximum":1e3}`, `1000`, []string{": less than 1000, got 1000"}},
		{"to the digit", `{"maximum":9007199254740992}`, `9007199254740993`, []string{": at most 9007199254740992, got 9007199254740993"}},
		{"digits beyond all others", `{"maximum":0.5,"minimum":0.5}`, "0.5" + strings.Repeat("0", 1000) + "1", []string{": at most 0.5, got 0.5" + strings.Repeat("0", 77) + "…"}},
		{"digits short of it", `{"maximum":-0.5,"exclusiveMinimum":-0.5}`, "-0.5" + strings.Repeat("0", 1000) + "1", []string{": more than -0.5, got -0.5" + strings.Repeat("0", 76) + "…"}},
		{"multiple", `{"multipleOf":0.5}`, `0.3`, []string{": a multiple of 0.5, got 0.3"}},
		{"pattern", `{"pattern":"^[a-z]+$"}`, `"A"`, []string{": does not match ^[a-z]+$"}},
		{"short", `{"minLength":2}`, `"é"`, []string{": at least 2 characters, got 1"}},
		{"long", `{"maxLength":1}`, `"ab"`, []string{": at most 1 character, got 2"}},
		{"format", `{"format":"date-time"}`, `"noon"`, []string{`: expected the format date-time, got "noon"`}},
		{"enum", `{"enum":["a","b",1,null,[]]}`, `"x"`, []string{`: one of a, b, 1, null, array; got "x"`}},
		{"const", `{"const":"a"}`, `{}`, []string{`: expected "a", got object`}},
		{"few", `{"minItems":1}`, `[]`, []string{": at least 1 item, got 0"}},
		{"many", `{"maxItems":0}`, `[1]`, []string{": at most 0 items, got 1"}},
		{"twice", `{"uniqueItems":true}`, `[1,2,1.0]`, []string{": items 0 and 2 are equal"}},
		{"contains", `{"contains":{"type":"null"}}`, `[1]`, []string{`: at least 1 item that "contains" describes, got 0`}},
		{"contains many", `{"contains":true,"maxContains":1}`, `[1,2]`, []string{`: at most 1 item that "contains" describes, got 2`}},
		{"few fields", `{"minProperties":2}`, `{}`, []string{": at least 2 fields, got 0"}},
		{"name", `{"items":{"propertyNames":{"pattern":"^a"}}}`, `[{"a":1},{"b":1},{"a":1}]`, []string{"/1/b: as a name: does not match ^a"}},
		{"forbidden", `{"properties":{"a":false}}`, `{"a":1}`, []string{"/a: is not allowed here"}},
		{"closed", `{"prefixItems":[true],"items":false}`, `[1,2]`, []string{"/1: is not allowed here"}},
		{"not", `{"not":{"type":"null"}}`, `null`, []string{`: fits what "not" rules out`}},
		{"one alternative", `{"anyOf":[{"required":["a"]}]}`, `{}`, []string{": /a is required"}},
		{
			"alternatives", `{"properties":{"x":{"anyOf":[{"type":"string"},{"properties":{"a":{"type":"null"}}}]}}}`, `{"x":{"a":1}}`,
			[]string{"/x: fits no alternative: /a expected null, got integer; or: expected string, got object"},
		},
		{"two alternatives", `{"oneOf":[{"type":"null"},{"minimum":1},{"type":"integer"}]}`, `2`, []string{": expected to fit one alternative, fits number 2 and number 3"}},
		{"then", `{"if":{"type":"string"},"then":{"maxLength":1}}`, `"abc"`, []string{": at most 1 character, got 3"}},
		{"reference", `{"$ref":"#/$defs/p","$defs":{"p":{"type":"null"}}}`, `1`, []string{": expected null, got integer"}},
		{"said once", `{"allOf":[{"type":"null"},{"type":"null"}]}`, `1`, []string{": expected null, got integer"}},
		{"not JSON", `true`, `{"a":01}`, []string{": is not valid JSON: invalid character '1' after object value (expecting ',' or '}')"}},
		{"no JSON", `true`, ``, []string{": expected a value, got nothing"}},
		{"twice a key", `true`, `{"x":{"a":1,"a":1}}`, []string{"/x/a: is there twice"}},
		{"more JSON", `true`, `{} {}`, []string{": expected one value, got another after it"}},
		{
			"all at once",
			`{"properties":{"b":{"type":"integer"},"a":{"items":{"properties":{"n":{"maximum":1}}}},"s":{"minLength":3,"pattern":"^x"}},
			"required":["id"],"additionalProperties":false,"maxProperties":3}`,
			`{"s":"y","b":"1","a":[{"n":1},{"n":2}],"c":0}`,
			[]string{
				": at most 3 fields, got 4", "/id: is required", "/a/1/n: at most 1, got 2", "/b: expected integer, got string",
				"/c: unknown field; known fields are a, b, s", "/s: at least 3 characters, got 1", "/s: does not match ^x",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := compiled(t, tt.schema)
			for range 5 { // maps have a new order each time
				if diff := cmp.Diff(tt.want, mistakes(s, tt.doc)); diff != "" {
					t.Fatal(diff)
				}
			}
		})
	}
}

func TestValidateIsBounded(t *testing.T) {
	s := compiled(t, `{"additionalProperties":{"type":"null"}}`)
	long := strings.Repeat("x", 100_000)
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `"%s%03d":1,`, long[:100], i)
	}
	got := s.Validate([]byte("{" + b.String() + `"z":1}`))
	if len(got) != MaxMistakes || got[0].Field != "/"+long[:100]+"000" || got[19].Field != "/"+long[:100]+"019" {
		t.Errorf("got %d mistakes, %v, want the first %d by name", len(got), got, MaxMistakes)
	}
	for _, tt := range []struct{ schema, doc string }{
		{`{"const":"` + long + `"}`, `"` + long + `y"`}, {`{"type":"null"}`, `1.` + long[:0] + strings.Repeat("1", 100_000)},
		{`{"additionalProperties":false}`, `{"` + long + `":1}`}, {`{"required":["` + long + `"]}`, `{}`},
		{`{"additionalProperties":false}`, `{"\u0007":1}`},
		{`{"enum":["` + long + `"]}`, `"\u0007"`}, {`{"properties":{"` + long + `":true},"additionalProperties":false}`, `{"a":1}`},
	} {
		for _, d := range compiled(t, tt.schema).Validate([]byte(tt.doc)) {
			if len(d.Detail) > 300 || len(d.Field) > 300 || strings.ContainsRune(d.Detail+d.Field, 7) {
				t.Errorf("got a field of %d bytes and the detail %q", len(d.Field), d.Detail)
			}
		}
	}
}

func TestValidateValue(t *testing.T) {
	s := compiled(t, `{"properties":{"a":{"const":12345678901234567890}}}`)
	if got := s.ValidateValue(map[string]any{"a": json.Number("12345678901234567890.0")}); got != nil {
		t.Errorf("got %v, want no mistake", got)
	}
	want := []iot.Detail{{Field: "/a", Detail: "expected 12345678901234567890, got 12345678901234567891"}}
	if diff := cmp.Diff(want, s.ValidateValue(map[string]any{"a": json.Number("12345678901234567891")})); diff != "" {
		t.Error(diff)
	}
	if got := s.ValidateValue(map[string]any{"a": 1}); got == nil {
		t.Error("an int, which is no JSON value here, fits")
	}
}

// TestValidateRecursive sees to it that our own schemas may refer to
// themselves, and that one that never gets anywhere ends.
func TestValidateRecursive(t *testing.T) {
	tree := compiled(t, `{"properties":{"kids":{"items":{"$ref":"#"}},"n":{"type":"integer"}}}`)
	if diff := cmp.Diff([]string{"/kids/0/kids/1/n: expected integer, got string"}, mistakes(tree, `{"kids":[{"kids":[{},{"n":"x"}]}]}`)); diff != "" {
		t.Error(diff)
	}
	for _, doc := range []string{`{"$ref":"#"}`, `{"not":{"$ref":"#"}}`, `{"not":{"not":{"not":{"$ref":"#"}}}}`, `{"allOf":[{"not":{"$ref":"#"}}]}`, `{"anyOf":[{"type":"null"},{"$ref":"#"}]}`} {
		if got := mistakes(compiled(t, doc), "1"); !slices.Equal(got, []string{": takes too long to check; send less at once, or simplify the schema"}) {
			t.Errorf("%s: got %q, want it cut short", doc, got)
		}
	}
}

// TestValidateCost holds hostile values against hostile schemas, both within
// their limits, and sees to it that each ends soon and stays small.
func TestValidateCost(t *testing.T) {
	array := func(item string) string {
		return "[" + strings.Repeat(item+",", (iot.MaxBody-8)/(len(item)+1)) + item + "]"
	}
	parts := strings.Repeat(`{"type":"string"},`, 1900)
	nested := `{"required":["x"]}`
	for range 7 { // each level asks the one within twice
		nested = `{"anyOf":[` + nested + `,{"not":{"not":{}},"type":"null"},` + nested + `]}`
	}
	var splits strings.Builder // all hash alike where strings are hashed without their length
	for i := range 12_000 {
		splits.WriteString(`["`)
		for bit := range 14 {
			if i>>bit&1 == 1 {
				splits.WriteString(`x","x`)
			} else {
				splits.WriteString(`x\u0004x`)
			}
		}
		splits.WriteString(`"],`)
	}
	each := func(schema string) string { return `{"items":{"anyOf":[` + strings.Repeat(schema+",", 500) + `true]}}` }
	for _, tt := range []struct{ name, schema, doc string }{
		{"mistakes", `{"items":{"type":"string"}}`, array("0")},
		{"mistakes times schemas", `{"items":{"allOf":[` + parts + `true]}}`, array("0")},
		{"alternatives", `{"items":{"anyOf":[` + parts + `true]}}`, array("0")},
		{"reasons", `{"items":{"anyOf":[{"type":"string"},{"type":"null"},{"minimum":1},true]},"maxItems":1}`, array("0")},
		{"contains", `{"allOf":[` + strings.Repeat(`{"contains":{"const":1}},`, 900) + `true]}`, array("0")},
		{"nested alternatives", nested, `{}`},
		{"large exponents", each(`{"exclusiveMaximum":1,"multipleOf":7}`), array("1e999999")},
		{"larger exponents", each(`{"minimum":1,"multipleOf":0.3,"enum":[1]}`), array("-1e9999999999999999999")},
		{"small exponents", each(`{"maximum":-1,"multipleOf":7}`), array("1e-999999")},
		{"middling exponents", each(`{"multipleOf":7}`), array("1e399")},
		{"digits after the point", `{"minimum":1.1}`, "0." + strings.Repeat("7", iot.MaxBody)},
		{"uniqueness of many", `{"allOf":[` + strings.Repeat(`{"uniqueItems":true},`, 1900) + `true]}`, distinct(100_000)},
		{"long multiples", each(`{"multipleOf":` + strings.Repeat("7", 100) + `}`), array(strings.Repeat("7", 80) + "1e-100")},
		{"fine multiples", each(`{"multipleOf":` + strings.Repeat("7", 90) + `e-300}`), array("1.5e77")},
		{"finer multiples", `{"items":{"anyOf":[{"multipleOf":0.` + strings.Repeat("7", 300) + `e-90},true]}}`, array(strings.Repeat("1", 400))},
		{"digits", `{"minimum":1.1,"multipleOf":0.7,"type":"integer"}`, strings.Repeat("7", iot.MaxBody)},
		{"more digits", each(`{"maximum":7.1,"multipleOf":7}`), array(strings.Repeat("7", 3000))},
		{"numbers among numbers", `{"items":{"anyOf":[{"enum":[` + strings.Repeat("1.5,", 15_000) + `1.5]},true]}}`, array("0")},
		{"unknown fields", `{"items":{"anyOf":[{"additionalProperties":false,"properties":{` + properties(1900) + `}},true]},"maxItems":1}`, array(`{"":0}`)},
		{"collisions", `{"uniqueItems":true}`, "[" + strings.TrimSuffix(splits.String(), ",") + "]"},
		{"uniqueness", `{"allOf":[` + strings.Repeat(`{"uniqueItems":true},`, 1900) + `true]}`, array(`{"a":"b"}`)},
		{"pattern", `{"pattern":"(a?b?.{0,900})*x"}`, `"` + strings.Repeat("ab", iot.MaxBody/2-2) + `"`},
		{"pattern within the limit", `{"pattern":"(a?b?.{0,900})*x"}`, `"` + strings.Repeat("ab", 2_500) + `"`},
		{"small pattern", `{"pattern":"(a?b?.{0,9})*x"}`, `"` + strings.Repeat("ab", iot.MaxBody/2-2) + `"`},
		{"pattern of a name", `{"patternProperties":{"(.{0,400})*y":true}}`, `{"` + strings.Repeat("x", iot.MaxBody-8) + `":1}`},
		{"formats", `{"allOf":[` + strings.Repeat(`{"format":"regex"},{"format":"email"},{"format":"uri-template"},`, 600) + `true]}`, `"` + strings.Repeat("{a}", iot.MaxBody/3) + `"`},
		{"notes", `{"unevaluatedItems":true,"allOf":[` + strings.Repeat(`{"contains":true},`, 900) + `true]}`, array("0")},
		{"unevaluated", `{"allOf":[` + strings.Repeat(`{"unevaluatedItems":true},`, 900) + `true]}`, array("0")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := CompileUntrusted([]byte(tt.schema))
			if err != nil {
				t.Fatal(err)
			}
			s.steps /= 10 // the race detector takes its time
			v, mistake := decode([]byte(tt.doc), 0)
			if mistake != nil {
				t.Fatal(mistake)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			got := s.ValidateValue(v)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			t.Logf("%v, %d MB, %.100v", took.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20, got)
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 20*time.Second || mb > 200 {
				t.Errorf("took %v and %d MB", took, mb)
			}
		})
	}
}

// distinct returns an array of n numbers.
func distinct(n int) string {
	b := []byte{'['}
	for i := range n {
		b = append(strconv.AppendInt(b, int64(i), 10), ',')
	}
	return string(b[:len(b)-1]) + "]"
}

// properties returns n properties of a schema.
func properties(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"p%d":true,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func BenchmarkValidate(b *testing.B) {
	s := compiled(b, `{"type":"object","required":["device","ts"],"additionalProperties":false,"properties":{
		"device":{"type":"string","pattern":"^[a-z]+-[0-9]+$"},"ts":{"type":"string","format":"date-time"},
		"temperature":{"type":"number","minimum":-90,"maximum":90},"ok":{"type":"boolean"},
		"position":{"type":"object","properties":{"lat":{"type":"number"},"lon":{"type":"number"}}},
		"tags":{"type":"array","items":{"enum":["north","roof"]},"uniqueItems":true},"seq":{"type":"integer"}}}`)
	doc := []byte(`{"device":"tn-1234","ts":"2026-11-22T10:00:00.000000Z","temperature":21.53,"ok":true,` +
		`"position":{"lat":48.137154,"lon":11.576124},"tags":["north","roof"],"seq":9007199}`)
	b.ReportAllocs()
	for b.Loop() {
		if got := s.Validate(doc); got != nil {
			b.Fatal(got)
		}
	}
}
