package schema

import (
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"iotman/iot"
)

// object applies the keywords of objects.
func (r *run) object(s ref, o map[string]any, ev *evaluated) bool {
	ok := r.count("field", len(o), s.MinProperties, s.MaxProperties)
	ok = r.required(s, o) && ok
	if !ok && r.enough() {
		return false
	}
	for name, v := range ordered(r, o) {
		if !r.member(s, name, v, ev) {
			if ok = false; r.enough() {
				return false
			}
		}
	}
	return r.dependent(s, o, ev) && ok
}

// required applies required and dependentRequired.
func (r *run) required(s ref, o map[string]any) bool {
	ok := true
	for _, name := range s.Required {
		if _, there := o[name]; !there {
			ok = r.failAt(name, "is required")
		}
	}
	if len(s.DependentRequired)+len(s.Dependencies) == 0 {
		return ok
	}
	need := func(given string, names []string) {
		if _, there := o[given]; !there {
			return
		}
		for _, name := range names {
			if _, there := o[name]; !there {
				ok = r.failAt(name, "is required beside %s", iot.Clip(given))
			}
		}
	}
	for name, names := range ordered(r, s.DependentRequired) {
		need(name, names)
	}
	for name, v := range ordered(r, s.Dependencies) {
		if names, is := v.([]string); is {
			need(name, names)
		}
	}
	return ok
}

// dependent applies dependentSchemas.
func (r *run) dependent(s ref, o map[string]any, ev *evaluated) bool {
	if len(s.DependentSchemas)+len(s.Dependencies) == 0 {
		return true
	}
	ok := true
	for name, sub := range ordered(r, s.DependentSchemas) {
		if _, there := o[name]; there {
			ok = r.check(sub, o, ev) && ok
		}
	}
	for name, v := range ordered(r, s.Dependencies) {
		sub, is := v.(ref)
		if _, there := o[name]; there && is {
			ok = r.check(sub, o, ev) && ok
		}
	}
	return ok
}

// member applies properties, patternProperties, additionalProperties and
// propertyNames to a member.
func (r *run) member(s ref, name string, v any, ev *evaluated) bool {
	at := step{name, -1}
	sub, known := s.Properties[name]
	ok := !known || r.within(at, sub, v)
	for _, sub := range r.patterned(s, name) {
		known = true
		ok = r.within(at, sub, v) && ok
	}
	if !known && s.AdditionalProperties != nil {
		known = true
		switch more := s.AdditionalProperties.(type) {
		case bool:
			ok = (more || r.unknown(s, name)) && ok
		case ref:
			ok = r.within(at, more, v) && ok
		}
	}
	if known && ev != nil && r.spend(4) {
		ev.name(name)
	}
	return r.named(s, name) && ok
}

// patterned returns the schemas of the patterns that match a member's name.
func (r *run) patterned(s ref, name string) []ref {
	var fit []jsonschema.Regexp
	for re := range s.PatternProperties {
		if r.matches(re, name) {
			fit = append(fit, re)
		}
	}
	slices.SortFunc(fit, func(a, b jsonschema.Regexp) int { return strings.Compare(a.String(), b.String()) })
	subs := make([]ref, len(fit))
	for i, re := range fit {
		subs[i] = s.PatternProperties[re]
	}
	return subs
}

// unknown writes down that no keyword names a member.
func (r *run) unknown(s ref, name string) bool {
	if r.enough() || !r.spend(2*len(s.Properties)) {
		return false
	}
	return r.failAt(name, "%s", knownFields(s))
}

// named applies propertyNames to a member's name.
func (r *run) named(s ref, name string) bool {
	if s.PropertyNames == nil {
		return true
	}
	ok, why := r.attempt(s.PropertyNames, name, nil, true)
	if !ok {
		r.failAt(name, "as a name: %s", strings.Join(why, ""))
	}
	return ok
}
