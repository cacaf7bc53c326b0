// Package schema holds JSON against JSON Schema 2020-12 and the drafts before
// it: the schemas of our own operations, and those that strangers attach to an
// endpoint. It says every mistake at once, in words for who made it.
//
// It loads nothing, ever: a schema is one document. It has no $dynamicRef and
// no $id within a document, so that a $ref means what it says. Formats are
// asserted.
//
// github.com/santhosh-tekuri/jsonschema compiles; the checking is done here.
// The library's own collects an error, with its cause and its path, for every
// value and subschema that disagree (100 MB for one body of 1 MiB), takes
// milliseconds for 1e999999 and panics on 1e9999999. Here a check ends after a
// set number of steps, and keeps a set number of mistakes.
package schema

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"iotman/iot"
)

// Limits of a schema by a stranger, beside [iot.MaxSchemaBytes].
const (
	MaxDepth      = 64     // how deep its JSON nests
	MaxSubschemas = 2000   // how many subschemas it has, each $ref counting as what it refers to
	MaxPattern    = 512    // how many bytes a pattern has
	maxProgram    = 10_000 // how many instructions a pattern compiles to: x{1000} is a thousand
	maxPrograms   = 40_000 // how many all its patterns do
)

// Limits of a validation.
const (
	MaxMistakes = 20         // how many mistakes are told at once
	maxSteps    = 10_000_000 // how many steps it may take: a second or two
	maxNesting  = 2000       // how deep subschemas apply within one another
)

// Schema is a compiled schema. It is safe for concurrent use.
type Schema struct {
	root  *jsonschema.Schema
	steps int // how many a validation may take
}

// Compile compiles a schema of our own, which may refer to itself and counts no
// subschemas. An error is a fault of ours.
func Compile(doc []byte) (*Schema, error) {
	s, err := compile(doc, false)
	if err != nil {
		return nil, fmt.Errorf("compile schema: %s; %s", err.Msg, err.Hint)
	}
	return s, nil
}

// CompileUntrusted compiles a stranger's schema: at most [iot.MaxSchemaBytes],
// within the limits above, and without recursion. An error is an [iot.Error]
// of kind Invalid about "payload_schema".
func CompileUntrusted(doc []byte) (*Schema, error) {
	s, err := compile(doc, true)
	if err != nil {
		return nil, err.At("payload_schema")
	}
	return s, nil
}

// compile compiles doc, within the limits if it is a stranger's.
func compile(doc []byte, stranger bool) (*Schema, *iot.Error) {
	if stranger && len(doc) > iot.MaxSchemaBytes {
		return nil, iot.Errorf(iot.Invalid, "expected at most %d bytes, got %d", iot.MaxSchemaBytes, len(doc)).
			Hinting("shorten the schema")
	}
	v, mistake := decode(doc, MaxDepth)
	if mistake != nil {
		return nil, wrong(mistake.Field, "%s", mistake.Detail).Hinting("send a JSON Schema as JSON")
	}
	if err := inspect(v, stranger); err != nil {
		return nil, err
	}
	const url = "urn:iotman:schema"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(refuser{})
	c.UseRegexpEngine(compilePattern)
	if err := c.AddResource(url, v); err != nil {
		return nil, wrong("", "not a JSON Schema").Because(err)
	}
	root, err := c.Compile(url)
	if err != nil {
		return nil, explain(err)
	}
	return &Schema{root, maxSteps}, nil
}

// refuser is a loader of no schema.
type refuser struct{}

// Load refuses.
func (refuser) Load(string) (any, error) { return nil, errors.New("a schema is one document") }

// explain says why the library did not compile a schema.
func explain(err error) *iot.Error {
	e := wrong("", "not a JSON Schema").Because(err)
	bad, ok := errors.AsType[*jsonschema.SchemaValidationError](err)
	if !ok {
		return e
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](bad.Err)
	if !ok {
		return e
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	out := invalid.BasicOutput()
	if out.Error == nil {
		return e
	}
	e.Msg = wrong(out.InstanceLocation, "%s", iot.Clip(out.Error.String())).Msg
	return e
}

// wrong returns an error about a place in a schema.
func wrong(at, format string, args ...any) *iot.Error {
	return iot.Errorf(iot.Invalid, "at #%s: %s", iot.ClipPointer(at), fmt.Sprintf(format, args...)).
		Hinting("see https://json-schema.org/draft/2020-12/schema")
}

// Validate returns every mistake in a JSON document, at most [MaxMistakes], in
// an order that stays the same. A mistake's Field is the JSON pointer
// (RFC 6901) of the value at fault: of the missing property if one is missing,
// of the unknown one if one is unknown.
func (s *Schema) Validate(doc []byte) []iot.Detail {
	v, mistake := decode(doc, 0)
	if mistake != nil {
		return []iot.Detail{*mistake}
	}
	return s.ValidateValue(v)
}

// ValidateValue does as Validate does for a document decoded into nil, bool,
// json.Number, string, []any and map[string]any.
func (s *Schema) ValidateValue(v any) []iot.Detail {
	quick := run{quiet: 1, left: s.steps}
	if quick.check(s.root, v, nil) && quick.left >= 0 {
		return nil
	}
	full := run{limit: MaxMistakes, left: quick.left}
	full.check(s.root, v, nil)
	if len(full.out) == 0 {
		return []iot.Detail{{Detail: "takes too long to check; send less at once, or simplify the schema"}}
	}
	return full.out
}

// decode decodes a document of I-JSON (RFC 7493), numbers to the digit. depth,
// unless 0, is how deep it may nest.
func decode(doc []byte, depth int) (any, *iot.Detail) {
	r := reader{depth: depth}
	r.dec.Reset(bytes.NewBuffer(doc))
	v, err := r.value()
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, r.mistake(err)
	}
	return v, nil
}
