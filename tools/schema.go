package tools

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"iotman/iot"
)

// Limit is how many rows a page may have: 1 to 1000, 100 where absent.
type Limit int

// Confirm is the slug or name of what is to be deleted, as a confirmation.
type Confirm string

// schemas gives types their constraints, so that they are written once, on the
// type, and not in a tag on every field.
func schemas() map[reflect.Type]*jsonschema.Schema {
	id := func() *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Pattern: iot.IDPattern} }
	return map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[iot.ID]():           id(),
		reflect.TypeFor[iot.Slug]():         {Type: "string", Pattern: iot.SlugPattern, MaxLength: new(63)},
		reflect.TypeFor[iot.URLPath]():      {Type: "string", Pattern: iot.URLPathPattern, MaxLength: new(64)},
		reflect.TypeFor[iot.Name]():         {Type: "string", MinLength: new(1), MaxLength: new(iot.MaxName)},
		reflect.TypeFor[iot.Time]():         {Type: "string", Format: "date-time"},
		reflect.TypeFor[iot.EndpointAuth](): {Type: "string", Enum: []any{iot.AuthNone, iot.AuthBasic, iot.AuthOAuth2}},
		reflect.TypeFor[iot.Permission]():   {Type: "string"},
		reflect.TypeFor[Limit]():            {Type: "integer", Minimum: new(1.0), Maximum: new(1000.0)},
		reflect.TypeFor[Confirm]():          {Type: "string"},
		reflect.TypeFor[json.RawMessage]():  {Description: "any JSON"}, // not true, which clients refuse
	}
}

// inputSchema returns the schema of an input: closed, so that a misspelt field
// is refused by name.
func inputSchema(t reflect.Type) (*jsonschema.Schema, error) {
	known := schemas()
	addOptional(t, known)
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: known})
	if err != nil {
		return nil, fmt.Errorf("input %s: %w", t, err)
	}
	if s.Type != "object" {
		return nil, fmt.Errorf("input %s is not a struct", t)
	}
	tidy(s, false)
	return s, nil
}

// outputSchema returns the schema of an output: open, so that a new field
// breaks no client.
func outputSchema(t reflect.Type) (*jsonschema.Schema, error) {
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: schemas()})
	if err != nil {
		return nil, fmt.Errorf("output %s: %w", t, err)
	}
	tidy(s, true)
	return s, nil
}

// tidy makes a null slice an array, which is how we write one, and opens
// outputs.
func tidy(s *jsonschema.Schema, open bool) {
	if s == nil {
		return
	}
	if slices.Equal(s.Types, []string{"null", "array"}) {
		s.Type, s.Types = "array", nil
	}
	if open && s.Type == "object" && s.Properties != nil {
		s.AdditionalProperties = nil
	}
	for _, p := range s.Properties {
		tidy(p, open)
	}
	tidy(s.Items, open)
}

// addOptional adds a schema for every iot.Opt among t's fields: that of what
// it holds, or null.
func addOptional(t reflect.Type, known map[reflect.Type]*jsonschema.Schema) {
	if t.Kind() != reflect.Struct {
		return
	}
	for _, f := range reflect.VisibleFields(t) {
		if f.Type.PkgPath() != reflect.TypeFor[iot.ID]().PkgPath() || !strings.HasPrefix(f.Type.Name(), "Opt[") {
			continue
		}
		value, _ := f.Type.FieldByName("Value")
		held, err := jsonschema.ForType(value.Type, &jsonschema.ForOptions{TypeSchemas: known})
		if err != nil {
			continue // reported where the field itself is met
		}
		tidy(held, false)
		if held.Type != "" {
			held.Types, held.Type = []string{held.Type, "null"}, ""
		}
		if held.Enum != nil {
			held.Enum = append(held.Enum, nil)
		}
		known[f.Type] = held
	}
}

// untrusted returns the paths of the fields of t that are tagged
// untrusted:"true": text and data that devices sent.
func untrusted(t reflect.Type, prefix string) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct {
		return untrusted(t.Elem(), prefix+"[]")
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var out []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" {
			continue
		}
		path := strings.TrimPrefix(prefix+"."+name, ".")
		if f.Tag.Get("untrusted") == "true" {
			out = append(out, path)
			continue
		}
		out = append(out, untrusted(f.Type, path)...)
	}
	return out
}
