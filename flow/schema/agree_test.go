package schema

import (
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas are what TestAgree holds values against: every keyword, alone and
// with those it works with.
func schemas() []string {
	const d7, d19, d4 = `"$schema":"http://json-schema.org/draft-07/schema#"`, `"$schema":"https://json-schema.org/draft/2019-09/schema"`,
		`"$schema":"http://json-schema.org/draft-04/schema#"`
	return []string{
		`true`, `false`, `{}`,
		`{"type":"integer"}`, `{"type":["string","null"]}`, `{"type":"number"}`, `{"type":"array"}`, `{"type":"object"}`, `{"type":"boolean"}`,
		`{"const":1}`, `{"const":{"a":[1,2]}}`, `{"const":null}`, `{"enum":[1,"a",null,[1],{"a":1.0}]}`,
		`{"minimum":1}`, `{"maximum":1.5}`, `{"exclusiveMinimum":1}`, `{"exclusiveMaximum":1e2}`, `{"multipleOf":0.1}`, `{"multipleOf":3}`,
		`{"minimum":-1e300,"maximum":9007199254740993}`,
		`{"minLength":2}`, `{"maxLength":1}`, `{"pattern":"^a+$"}`, `{"format":"date-time"}`, `{"format":"ipv4"}`, `{"format":"unheard"}`,
		`{"minItems":1}`, `{"maxItems":1}`, `{"uniqueItems":true}`, `{"items":{"type":"integer"}}`,
		`{"prefixItems":[{"type":"string"},{"type":"integer"}]}`, `{"prefixItems":[{"type":"integer"}],"items":false}`,
		`{"prefixItems":[true],"items":{"type":"integer"}}`,
		`{"contains":{"type":"integer"}}`, `{"contains":{"const":1},"minContains":2}`, `{"contains":{"const":1},"minContains":0,"maxContains":1}`,
		`{"minProperties":1}`, `{"maxProperties":1}`, `{"required":["a","b"]}`, `{"properties":{"a":{"type":"integer"},"b":false}}`,
		`{"patternProperties":{"^a":{"type":"integer"},"b$":{"type":"string"}}}`,
		`{"properties":{"a":true},"additionalProperties":false}`, `{"properties":{"a":true},"patternProperties":{"^b":true},"additionalProperties":{"type":"string"}}`,
		`{"propertyNames":{"maxLength":1}}`, `{"dependentRequired":{"a":["b"]}}`, `{"dependentSchemas":{"a":{"required":["b"]}}}`,
		`{"allOf":[{"type":"integer"},{"minimum":2}]}`, `{"anyOf":[{"type":"integer"},{"required":["a"]}]}`,
		`{"oneOf":[{"type":"integer"},{"minimum":2},{"type":"string"}]}`, `{"not":{"type":"integer"}}`, `{"not":{"not":{"required":["a"]}}}`,
		`{"if":{"type":"integer"},"then":{"minimum":2},"else":{"type":"object"}}`, `{"if":true,"then":{"type":"string"}}`, `{"if":{"type":"string"},"else":{"type":"integer"}}`,
		`{"$defs":{"p":{"type":"integer"}},"$ref":"#/$defs/p","minimum":2}`, `{"properties":{"a":{"$ref":"#/$defs/a~1b"}},"$defs":{"a/b":{"type":"string"}}}`,
		`{"properties":{"a":{"$ref":"#/$defs/a%25b"}},"$defs":{"a%b":{"type":"string"}}}`,
		`{"unevaluatedProperties":false}`, `{"properties":{"a":true},"unevaluatedProperties":false}`,
		`{"allOf":[{"properties":{"a":true}}],"patternProperties":{"^b":true},"unevaluatedProperties":{"type":"integer"}}`,
		`{"anyOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":true},"required":["b"]}],"unevaluatedProperties":false}`,
		`{"oneOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":true},"required":["b"]}],"unevaluatedProperties":false}`,
		`{"if":{"properties":{"a":{"const":1}},"required":["a"]},"then":{"properties":{"b":true}},"else":{"properties":{"c":true}},"unevaluatedProperties":false}`,
		`{"$ref":"#/$defs/p","unevaluatedProperties":false,"$defs":{"p":{"properties":{"a":true},"additionalProperties":true}}}`,
		`{"dependentSchemas":{"a":{"properties":{"b":true}}},"properties":{"a":true},"unevaluatedProperties":false}`,
		`{"allOf":[{"unevaluatedProperties":false}],"properties":{"a":true}}`, `{"not":{"properties":{"a":true}},"unevaluatedProperties":false}`,
		`{"allOf":[{"properties":{"a":true},"unevaluatedProperties":{"type":"integer"}}],"unevaluatedProperties":false}`,
		`{"unevaluatedItems":false}`, `{"prefixItems":[true],"unevaluatedItems":false}`, `{"contains":{"type":"integer"},"unevaluatedItems":{"type":"string"}}`,
		`{"anyOf":[{"prefixItems":[{"const":1}]},{"prefixItems":[true,{"const":2}]}],"unevaluatedItems":false}`,
		`{"allOf":[{"items":{"type":"integer"}}],"unevaluatedItems":false}`, `{"if":{"prefixItems":[{"const":1}]},"unevaluatedItems":false}`,
		`{"properties":{"a":{"items":{"properties":{"b":{"type":"integer"}}}}}}`,
		`{` + d7 + `,"items":[{"type":"integer"}],"additionalItems":false}`, `{` + d7 + `,"items":[{"type":"integer"}],"additionalItems":{"type":"string"}}`,
		`{` + d7 + `,"dependencies":{"a":["b"],"b":{"required":["a"]}}}`, `{` + d7 + `,"definitions":{"p":{"type":"integer"}},"properties":{"a":{"$ref":"#/definitions/p","minimum":5}}}`,
		`{` + d7 + `,"contains":{"const":1}}`, `{` + d7 + `,"format":"date"}`,
		`{` + d19 + `,"items":[{"type":"integer"}],"unevaluatedItems":false}`, `{` + d19 + `,"contains":{"const":1},"unevaluatedItems":false}`, `{` + d19 + `,"items":{"type":"integer"},"unevaluatedItems":false}`,
		`{` + d4 + `,"minimum":1,"exclusiveMinimum":true}`, `{` + d4 + `,"id":"x","properties":{"a":{"type":"integer"}}}`,
	}
}

// values are what TestAgree holds against the schemas.
func values() []string {
	return []string{
		`null`, `true`, `false`, `0`, `-0`, `1`, `1.0`, `1e0`, `2`, `3`, `1.5`, `1.50`, `0.3`, `0.30000001`, `100`, `9007199254740992`, `9007199254740993`,
		`9007199254740994`, `-1e300`, `-1.1e300`, `1e999`, `1e-999`, `12345678901234567890123456789`,
		`""`, `"a"`, `"aa"`, `"é"`, `"b"`, `"2026-01-02T03:04:05Z"`, `"2026-01-02"`, `"1.2.3.4"`,
		`[]`, `[1]`, `[1.0,1]`, `[1,1]`, `[1,2]`, `[2,1]`, `["a"]`, `["a",1]`, `[1,"a"]`, `["a",1,2]`, `[null,[],{}]`, `[[1],[1.0]]`, `[{"a":1},{"a":1e0}]`, `["a","b","a"]`,
		`[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,1.0]`,
		`{}`, `{"a":1}`, `{"a":1.0}`, `{"a":"x"}`, `{"b":1}`, `{"a":1,"b":"x"}`, `{"a":1,"b":2}`, `{"a":2,"b":2,"c":"x"}`, `{"a":1,"c":1}`, `{"c":1}`, `{"c":"x"}`,
		`{"ab":1}`, `{"bc":"x"}`, `{"a":[1,2]}`, `{"a":[{"b":1},{"b":"x"}]}`, `{"a":null}`,
	}
}

// TestAgree holds every value against every schema and sees to it that the
// verdict is the library's own.
func TestAgree(t *testing.T) {
	for _, doc := range schemas() {
		for name, compile := range map[string]func([]byte) (*Schema, error){"ours": Compile, "a stranger's": CompileUntrusted} {
			s, err := compile([]byte(doc))
			if err != nil {
				t.Errorf("%s as %s: %v", doc, name, err)
				continue
			}
			for _, value := range values() {
				v, err := jsonschema.UnmarshalJSON(strings.NewReader(value))
				if err != nil {
					t.Fatal(err)
				}
				want := s.root.Validate(v) == nil
				got := s.Validate([]byte(value))
				if (got == nil) != want {
					t.Errorf("%s against %s: got %v, the library says %t", value, doc, got, want)
				}
				for _, d := range got {
					if d.Detail == "" || strings.Contains(d.Detail, "%!") || strings.Contains(d.Detail, "too long") {
						t.Errorf("%s against %s: got the mistake %q", value, doc, d)
					}
				}
			}
		}
	}
}
