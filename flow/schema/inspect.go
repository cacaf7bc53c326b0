package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"iotman/iot"
)

// inspector looks through a schema before it is compiled: at whatever could
// lead outside the document, and at whatever could make a check long.
type inspector struct {
	doc      any
	stranger bool
	id       string         // the keyword that names a schema in its draft
	programs int            // instructions of the patterns so far
	sizes    map[string]int // how many subschemas those seen have, by pointer; 0 while one is looked through
}

// saturated is where counting stops, far beyond every limit.
const saturated = 1 << 30

// inspect refuses what a schema must not hold. It removes the $id of the whole
// document, which nothing can refer to.
func inspect(doc any, stranger bool) *iot.Error {
	in := inspector{doc: doc, stranger: stranger, sizes: map[string]int{}}
	if root, ok := doc.(map[string]any); ok {
		var err *iot.Error
		if in.id, err = idKeyword(root); err != nil {
			return err
		}
		delete(root, in.id)
	}
	if err := numbers("", doc); err != nil {
		return err
	}
	n, err := in.subschema("", doc)
	if err != nil {
		return err
	}
	if stranger && n > MaxSubschemas {
		return wrong("", "expected at most %d subschemas, got %d, each $ref counted as what it refers to", MaxSubschemas, n).
			Hinting("simplify the schema: nested $refs multiply")
	}
	return nil
}

// idKeyword returns the keyword that names a schema in the draft that $schema
// names, which is 2020-12 if it names none.
func idKeyword(root map[string]any) (string, *iot.Error) {
	v, ok := root["$schema"]
	if !ok {
		return "$id", nil
	}
	s, _ := v.(string)
	s = strings.TrimSuffix(s, "#")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "http://"), "https://")
	switch strings.TrimPrefix(s, "json-schema.org/") {
	case "draft/2020-12/schema", "draft/2019-09/schema", "draft-07/schema", "draft-06/schema":
		return "$id", nil
	case "draft-04/schema":
		return "id", nil
	}
	return "", wrong("/$schema", "expected https://json-schema.org/draft/2020-12/schema or a draft before it, got %s", show(v)).
		Hinting("leave $schema out for 2020-12")
}

// numbers refuses numbers that are no use in a schema and hard to calculate
// with.
func numbers(at string, v any) *iot.Error {
	switch v := v.(type) {
	case json.Number:
		if d := parse(v); len(v) > maxDigits || d.magnitude() > maxDigits || d.exp < -maxDigits {
			return wrong(at, "expected a number of at most %d digits, got %s", maxDigits, iot.Clip(string(v)))
		}
	case []any:
		for i, item := range v {
			if err := numbers(at+"/"+strconv.Itoa(i), item); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if err := numbers(at+"/"+escape(name), v[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// subschema inspects the schema at a JSON pointer and returns how many
// subschemas it has, itself included.
func (in *inspector) subschema(at string, v any) (int, *iot.Error) {
	if n, ok := in.sizes[at]; ok {
		if n == 0 && in.stranger {
			return 0, wrong(at, "the schema refers to itself").Hinting("write out as many levels as there are")
		}
		return max(n, 1), nil
	}
	s, ok := v.(map[string]any)
	if _, isBool := v.(bool); !ok && !isBool {
		return 0, wrong(at, "expected a schema, an object or a boolean, got %s", typeName(v))
	}
	in.sizes[at] = 0
	n := 1
	for _, keyword := range slices.Sorted(maps.Keys(s)) {
		more, err := in.keyword(at, keyword, s[keyword])
		if err != nil {
			return 0, err
		}
		n = min(n+more, saturated)
	}
	in.sizes[at] = n
	return n, nil
}

// keyword inspects a keyword of the schema at a pointer and returns how many
// subschemas it brings.
func (in *inspector) keyword(at, keyword string, v any) (int, *iot.Error) {
	here := at + "/" + escape(keyword)
	switch keyword {
	case in.id, "$schema":
		if at == "" {
			return 0, nil
		}
		return 0, wrong(here, "expected no %s within a schema", keyword).Hinting("refer to a schema by its place, such as #/$defs/name")
	case "$dynamicRef", "$recursiveRef":
		return 0, wrong(here, "expected $ref; %s is not supported", keyword).Hinting("use $ref with a place, such as #/$defs/name")
	case "$ref":
		return in.ref(here, v)
	case "pattern":
		if s, ok := v.(string); ok {
			return 0, in.pattern(here, s)
		}
	case "not", "additionalProperties", "additionalItems", "contains", "propertyNames", "if", "then", "else",
		"unevaluatedItems", "unevaluatedProperties", "contentSchema":
		return in.subschema(here, v)
	case "allOf", "anyOf", "oneOf", "prefixItems":
		return in.list(here, v)
	case "items":
		if _, ok := v.([]any); ok {
			return in.list(here, v)
		}
		return in.subschema(here, v)
	case "properties", "patternProperties", "dependentSchemas", "dependencies":
		return in.named(here, keyword, v)
	case "$defs", "definitions":
		_, err := in.named(here, keyword, v) // they count where they are referred to
		return 0, err
	}
	return 0, nil
}

// list inspects an array of schemas.
func (in *inspector) list(at string, v any) (int, *iot.Error) {
	a, _ := v.([]any)
	n := 0
	for i, item := range a {
		more, err := in.subschema(at+"/"+strconv.Itoa(i), item)
		if err != nil {
			return 0, err
		}
		n = min(n+more, saturated)
	}
	return n, nil
}

// named inspects an object of schemas.
func (in *inspector) named(at, keyword string, v any) (int, *iot.Error) {
	o, _ := v.(map[string]any)
	n := 0
	for _, name := range slices.Sorted(maps.Keys(o)) {
		here := at + "/" + escape(name)
		if keyword == "patternProperties" {
			if err := in.pattern(here, name); err != nil {
				return 0, err
			}
		}
		if _, ok := o[name].([]any); ok && keyword == "dependencies" {
			continue // names of properties, not a schema
		}
		more, err := in.subschema(here, o[name])
		if err != nil {
			return 0, err
		}
		n = min(n+more, saturated)
	}
	return n, nil
}

// pattern refuses a pattern that does not compile within the limits.
func (in *inspector) pattern(at, s string) *iot.Error {
	const hint = "see https://github.com/google/re2/wiki/Syntax"
	n, err := programSize(s)
	if err != nil {
		return wrong(at, "%s", err).Hinting(hint)
	}
	if in.programs += n; in.stranger && in.programs > maxPrograms {
		return wrong(at, "expected fewer patterns, or smaller repetitions in them").Hinting(hint)
	}
	return nil
}

// ref inspects what a $ref refers to.
func (in *inspector) ref(at string, v any) (int, *iot.Error) {
	s, _ := v.(string)
	place, ok := strings.CutPrefix(s, "#")
	if !ok || place != "" && place[0] != '/' {
		return 0, wrong(at, "expected a place in this document, such as #/$defs/name, got %s", show(v)).
			Hinting("copy what it refers to under $defs")
	}
	target, found, err := in.resolve(place)
	if err != nil {
		return 0, wrong(at, "there is nothing at %s", show(v)).Hinting("refer to what is there, such as #/$defs/name")
	}
	return in.subschema(target, found)
}

// resolve returns the value at a JSON pointer in a URI fragment (RFC 6901
// section 6), and the pointer in its one plain form.
func (in *inspector) resolve(place string) (string, any, error) {
	plain, err := url.PathUnescape(place)
	if err != nil {
		return "", nil, err
	}
	v, at := in.doc, ""
	for i, token := range strings.Split(plain, "/") {
		if i == 0 {
			continue
		}
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		ok := false
		switch parent := v.(type) {
		case map[string]any:
			v, ok = parent[token]
		case []any:
			n, err := strconv.Atoi(token)
			if ok = err == nil && strconv.Itoa(n) == token && n >= 0 && n < len(parent); ok {
				v = parent[n]
			}
		}
		if !ok {
			return "", nil, fmt.Errorf("nothing at %s", plain)
		}
		at += "/" + escape(token)
	}
	return at, v, nil
}
