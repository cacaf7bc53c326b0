package schema

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// array applies the keywords of arrays.
func (r *run) array(s ref, a []any, ev *evaluated) bool {
	ok := r.count("item", len(a), s.MinItems, s.MaxItems)
	ok = (!s.UniqueItems || r.unique(a)) && ok
	if !ok && r.enough() {
		return false
	}
	first, rest, closed := itemSchemas(s)
	for i, item := range a {
		sub := rest
		if i < len(first) {
			sub = first[i]
		}
		if sub == nil {
			continue
		}
		if !r.within(step{index: i}, sub, item) {
			if ok = false; r.enough() {
				return false
			}
		}
	}
	if ev.prefix(len(first)); rest != nil {
		ev.everything()
	}
	if closed && len(a) > len(first) {
		ok = r.fail("expected at most %s, got %d", plural(len(first), "item"), len(a))
	}
	return r.contains(s, a, ev) && ok
}

// itemSchemas returns the schemas of the first items and of the rest, and
// whether there may be a rest at all. nil allows anything.
func itemSchemas(s ref) (first []ref, rest ref, closed bool) {
	if s.DraftVersion >= 2020 {
		return s.PrefixItems, s.Items2020, false
	}
	switch items := s.Items.(type) {
	case ref:
		return nil, items, false
	case []ref:
		first = items
	}
	switch more := s.AdditionalItems.(type) {
	case ref:
		rest = more
	case bool:
		closed = !more
	}
	return first, rest, closed
}

// contains applies contains with minContains and maxContains.
func (r *run) contains(s ref, a []any, ev *evaluated) bool {
	if s.Contains == nil {
		return true
	}
	n := 0
	for i, item := range a {
		if r.silently(s.Contains, item, nil) {
			n++
			if ev != nil && s.DraftVersion >= 2020 && r.spend(4) {
				ev.item(i)
			}
		}
	}
	least := 1
	if s.MinContains != nil {
		least = *s.MinContains
	}
	if n < least {
		return r.fail(`at least %s that "contains" describes, got %d`, plural(least, "item"), n)
	}
	if s.MaxContains != nil && n > *s.MaxContains {
		return r.fail(`at most %s that "contains" describes, got %d`, plural(*s.MaxContains, "item"), n)
	}
	return true
}

// unique applies uniqueItems.
func (r *run) unique(a []any) bool {
	at := map[string]int{} // grows as far as there are steps
	var key []byte
	for i, item := range a {
		key = canonical(key[:0], item)
		if !r.spend(1 + len(key)/64) {
			return false
		}
		if j, ok := at[string(key)]; ok {
			return r.fail("items %d and %d are equal", j, i)
		}
		at[string(key)] = i
	}
	return true
}

// canonical appends a form of v that equal values share and others do not.
func canonical(b []byte, v any) []byte {
	text := func(kind byte, s string) {
		b = append(binary.AppendUvarint(append(b, kind), uint64(len(s))), s...)
	}
	switch v := v.(type) {
	case bool:
		b = strconv.AppendBool(b, v)
	case string:
		text('"', v)
	case json.Number:
		d := parse(v)
		text('0', d.digits)
		b = binary.AppendVarint(strconv.AppendBool(b, d.negative), d.exp)
	case []any:
		b = binary.AppendUvarint(append(b, '['), uint64(len(v)))
		for _, item := range v {
			b = canonical(b, item)
		}
	case map[string]any:
		b = binary.AppendUvarint(append(b, '{'), uint64(len(v)))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			text('"', name)
			b = canonical(b, v[name])
		}
	default:
		b = append(b, 'n')
	}
	return b
}
