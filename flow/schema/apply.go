package schema

import (
	"slices"

	"iotman/iot"
)

// structure applies the keywords of the value's type.
func (r *run) structure(s ref, v any, ev *evaluated) bool {
	switch v := v.(type) {
	case map[string]any:
		return r.object(s, v, ev)
	case []any:
		return r.array(s, v, ev)
	}
	return r.scalar(s, v)
}

// inPlace applies what must hold of the value itself: $ref and allOf.
func (r *run) inPlace(s ref, v any, ev *evaluated) bool {
	ok := s.Ref == nil || r.check(s.Ref, v, ev)
	for _, sub := range s.AllOf {
		if !ok && r.enough() {
			return false
		}
		ok = r.check(sub, v, ev) && ok
	}
	return ok
}

// anyOf applies anyOf.
func (r *run) anyOf(s ref, v any, ev *evaluated) bool {
	if s.AnyOf == nil {
		return true
	}
	fits := false
	var reasons []string
	for _, sub := range s.AnyOf {
		mine := ev.fresh()
		ok, why := r.attempt(sub, v, mine, len(reasons) <= few)
		if !ok {
			reasons = append(reasons, why...)
			continue
		}
		fits = true
		r.merge(ev, mine)
		if ev == nil {
			break
		}
	}
	return fits || r.none(reasons)
}

// oneOf applies oneOf.
func (r *run) oneOf(s ref, v any, ev *evaluated) bool {
	if s.OneOf == nil {
		return true
	}
	first := -1
	var reasons []string
	for i, sub := range s.OneOf {
		mine := ev.fresh()
		if first >= 0 {
			if r.silently(sub, v, mine) {
				return r.fail("expected to fit one alternative, fits number %d and number %d", first+1, i+1)
			}
			continue
		}
		ok, why := r.attempt(sub, v, mine, len(reasons) <= few)
		if ok {
			first = i
			r.merge(ev, mine)
		} else {
			reasons = append(reasons, why...)
		}
	}
	return first >= 0 || r.none(reasons)
}

// merge adds to ev what an alternative that fits had its say on.
func (r *run) merge(ev, mine *evaluated) {
	if r.spend(mine.cost()) {
		ev.add(mine)
	}
}

// few is how many reasons a message gives.
const few = 5

// none says why no alternative fits.
func (r *run) none(reasons []string) bool {
	if r.enough() {
		return false
	}
	slices.Sort(reasons)
	reasons = slices.Compact(reasons)
	if len(reasons) == 1 {
		return r.fail("%s", reasons[0])
	}
	if len(reasons) > few {
		reasons = append(reasons[:few:few], "…")
	}
	return r.fail("fits no alternative: %s", join(reasons, "; or: ", func(s string) string { return iot.ClipPointer(s) }))
}

// conditional applies not, and if with then and else.
func (r *run) conditional(s ref, v any, ev *evaluated) bool {
	ok := true
	if s.Not != nil && r.silently(s.Not, v, nil) {
		ok = r.fail(`fits what "not" rules out`)
	}
	if s.If == nil {
		return ok
	}
	mine := ev.fresh()
	branch := s.Else
	if r.silently(s.If, v, mine) {
		r.merge(ev, mine)
		branch = s.Then
	}
	return (branch == nil || r.check(branch, v, ev)) && ok
}

// unseen applies unevaluatedProperties and unevaluatedItems to what no other
// keyword had a say on.
func (r *run) unseen(s ref, v any, ev *evaluated) bool {
	ok := true
	switch v := v.(type) {
	case map[string]any:
		if s.UnevaluatedProperties == nil || ev.all {
			return true
		}
		for name, member := range ordered(r, v) {
			if ev.names[name] || r.surplus(s.UnevaluatedProperties, name, member) {
				continue
			}
			if ok = false; r.enough() {
				break
			}
		}
		ev.everything()
	case []any:
		if s.UnevaluatedItems == nil || ev.all {
			return true
		}
		for i, item := range v {
			if i < ev.first || ev.items[i] || r.within(step{index: i}, s.UnevaluatedItems, item) {
				continue
			}
			if ok = false; r.enough() {
				break
			}
		}
		ev.everything()
	}
	return ok
}

// surplus checks a member that no keyword named.
func (r *run) surplus(s ref, name string, v any) bool {
	if s.Bool != nil && !*s.Bool {
		return r.failAt(name, "unknown field")
	}
	return r.within(step{name, -1}, s, v)
}
