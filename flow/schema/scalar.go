package schema

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"iotman/iot"
)

// simple applies the keywords of any type: type, const, enum and format.
func (r *run) simple(s ref, v any) bool {
	if s.Types != nil && !s.Types.IsEmpty() && !hasType(*s.Types, v) {
		return !r.enough() && r.mistyped(*s.Types, v)
	}
	if s.Const != nil && !same(*s.Const, v) {
		return !r.enough() && r.fail("expected %s, got %s", show(*s.Const), show(v))
	}
	if s.Enum != nil && !r.oneOfValues(s.Enum.Values, v) {
		return false
	}
	if text, ok := v.(string); ok && s.Format != nil {
		r.spend(len(text) / 16)
		if s.Format.Validate(v) != nil {
			return r.fail("expected the format %s, got %s", s.Format.Name, show(v))
		}
	}
	return true
}

// mistyped writes down that v is of none of the types.
func (r *run) mistyped(types jsonschema.Types, v any) bool {
	got := typeName(v)
	if n, ok := v.(json.Number); ok && got == "number" {
		got = iot.Clip(string(n))
	}
	return r.fail("expected %s, got %s", strings.Join(types.ToStrings(), " or "), got)
}

// hasType reports whether v is of one of the types.
func hasType(types jsonschema.Types, v any) bool {
	var t jsonschema.Types
	switch name := typeName(v); name {
	case "integer":
		t.Add("integer")
		t.Add("number")
	default:
		t.Add(name)
	}
	return types&t != 0
}

// oneOfValues applies enum.
func (r *run) oneOfValues(values []any, v any) bool {
	r.spend(len(values) / 2)
	if slices.ContainsFunc(values, func(want any) bool { return same(want, v) }) {
		return true
	}
	return !r.enough() && r.fail("one of %s; got %s", list(values), show(v))
}

// same reports whether two values are equal (JSON Schema 2020-12 Core section
// 4.2.2): numbers by what they stand for.
func same(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		n, ok := b.(json.Number)
		return ok && (a == n || parse(a) == parse(n))
	case []any:
		l, ok := b.([]any)
		return ok && slices.EqualFunc(a, l, same)
	case map[string]any:
		o, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, o, same)
	}
	return a == b
}

// scalar applies the keywords of strings and numbers.
func (r *run) scalar(s ref, v any) bool {
	switch v := v.(type) {
	case string:
		return r.text(s, v)
	case json.Number:
		return r.number(s, v)
	}
	return true
}

// text applies the keywords of strings.
func (r *run) text(s ref, v string) bool {
	ok := true
	if s.MinLength != nil || s.MaxLength != nil {
		r.spend(len(v) / 256)
		ok = r.count("character", utf8.RuneCountInString(v), s.MinLength, s.MaxLength)
	}
	if s.Pattern != nil && !r.matches(s.Pattern, v) {
		ok = r.fail("does not match %s", iot.Clip(s.Pattern.String()))
	}
	return ok
}

// matches reports whether a pattern matches.
func (r *run) matches(re jsonschema.Regexp, v string) bool {
	if p, ok := re.(pattern); ok && !r.spend(1+len(v)*p.size/16) {
		return false
	}
	return re.MatchString(v)
}

// number applies the keywords of numbers.
func (r *run) number(s ref, n json.Number) bool {
	if s.Minimum == nil && s.Maximum == nil && s.ExclusiveMinimum == nil && s.ExclusiveMaximum == nil && s.MultipleOf == nil {
		return true
	}
	r.spend(len(n) / 64)
	d := parse(n)
	than := func(bound *big.Rat) int {
		r.spend(d.cost(bound))
		return d.compare(bound)
	}
	ok := s.Minimum == nil || than(s.Minimum) >= 0 || r.outside("at least", s.Minimum, n)
	ok = (s.Maximum == nil || than(s.Maximum) <= 0 || r.outside("at most", s.Maximum, n)) && ok
	ok = (s.ExclusiveMinimum == nil || than(s.ExclusiveMinimum) > 0 || r.outside("more than", s.ExclusiveMinimum, n)) && ok
	ok = (s.ExclusiveMaximum == nil || than(s.ExclusiveMaximum) < 0 || r.outside("less than", s.ExclusiveMaximum, n)) && ok
	if s.MultipleOf == nil {
		return ok
	}
	r.spend(d.cost(s.MultipleOf))
	yes, known := d.isMultiple(s.MultipleOf)
	if !known {
		return r.fail("has too many digits for multipleOf")
	}
	return (yes || r.outside("a multiple of", s.MultipleOf, n)) && ok
}

// outside writes down that n is not as a number of the schema wants it.
func (r *run) outside(words string, bound *big.Rat, n json.Number) bool {
	return !r.enough() && r.fail("%s %s, got %s", words, plain(bound), show(n))
}

// count applies a least and a greatest count of something.
func (r *run) count(what string, n int, least, most *int) bool {
	ok := true
	if least != nil && n < *least {
		ok = r.fail("at least %s, got %d", plural(*least, what), n)
	}
	if most != nil && n > *most {
		ok = r.fail("at most %s, got %d", plural(*most, what), n)
	}
	return ok
}

// plural writes n of something.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
