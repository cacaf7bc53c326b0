package schema

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"iotman/iot"
)

// run is one check of a value against a schema.
type run struct {
	quiet int // above 0, only the verdict matters
	left  int // steps; below 0 the check has failed for their want
	deep  int // subschemas being applied within one another
	path  []step
	base  int // the steps of path that the pointers of mistakes leave out
	limit int // of mistakes
	out   []iot.Detail
}

// step leads from a value to a member or an element of it.
type step struct {
	name  string
	index int // of an element; -1 for a member
}

// ref is a schema of the library's.
type ref = *jsonschema.Schema

// check reports whether v fits s. It writes down what does not, and in ev,
// unless nil, which members or elements of v the schema had a say on.
func (r *run) check(s ref, v any, ev *evaluated) bool {
	if r.deep == maxNesting {
		r.left = -1
	}
	if !r.spend(1) {
		return false
	}
	r.deep++
	defer func() { r.deep-- }()
	switch {
	case s.Bool != nil:
		return *s.Bool || r.fail("is not allowed here")
	case s.Ref != nil && s.DraftVersion < 2019:
		return r.check(s.Ref, v, ev) // what stands beside $ref counts since 2019-09 only
	case !r.simple(s, v):
		return false // the rest would say no more
	}
	own := ev
	if s.UnevaluatedProperties != nil || s.UnevaluatedItems != nil {
		own = newEvaluated()
	}
	ok := true
	for _, part := range [...]func(*run, ref, any, *evaluated) bool{
		(*run).structure, (*run).inPlace, (*run).anyOf, (*run).oneOf, (*run).conditional,
	} {
		if !part(r, s, v, own) {
			ok = false
			if r.enough() {
				return false
			}
		}
	}
	if ok && own != ev {
		ok = r.unseen(s, v, own)
		r.merge(ev, own)
	}
	return ok
}

// spend takes n steps and reports whether they were there to take.
func (r *run) spend(n int) bool {
	r.left -= n
	return r.left >= 0
}

// enough reports whether nothing is to be gained after a mistake.
func (r *run) enough() bool {
	return r.quiet > 0 || len(r.out) >= r.limit || r.left < 0
}

// fail writes down a mistake in the value being checked and returns false.
func (r *run) fail(format string, args ...any) bool {
	if r.enough() || !r.spend(10) {
		return false
	}
	d := iot.Detail{Field: r.pointer(), Detail: fmt.Sprintf(format, args...)}
	if !slices.Contains(r.out, d) {
		r.out = append(r.out, d)
	}
	return false
}

// failAt writes down a mistake in a member of the value being checked, which
// need not be there, and returns false.
func (r *run) failAt(name, format string, args ...any) bool {
	r.path = append(r.path, step{name, -1})
	r.fail(format, args...)
	r.path = r.path[:len(r.path)-1]
	return false
}

// pointer returns the JSON pointer of the value being checked.
func (r *run) pointer() string {
	var b strings.Builder
	for _, s := range r.path[r.base:] {
		b.WriteByte('/')
		if s.index >= 0 {
			b.WriteString(strconv.Itoa(s.index))
		} else {
			b.WriteString(escape(s.name))
		}
	}
	return iot.ClipPointer(b.String())
}

// within checks a member or an element of the value being checked.
func (r *run) within(at step, s ref, v any) bool {
	r.path = append(r.path, at)
	ok := r.check(s, v, nil)
	r.path = r.path[:len(r.path)-1]
	return ok
}

// silently checks v and writes nothing down.
func (r *run) silently(s ref, v any, ev *evaluated) bool {
	r.quiet++
	ok := r.check(s, v, ev)
	r.quiet--
	return ok
}

// attempt checks v and, if asked why, returns the first mistake instead of
// writing it down.
func (r *run) attempt(s ref, v any, ev *evaluated, why bool) (bool, []string) {
	if r.quiet > 0 || !why {
		return r.silently(s, v, ev), nil
	}
	out, limit, base := r.out, r.limit, r.base
	r.out, r.limit, r.base = nil, 1, len(r.path)
	ok := r.check(s, v, ev)
	var reason []string
	if len(r.out) > 0 {
		reason = []string{strings.TrimSpace(r.out[0].Field + " " + r.out[0].Detail)}
	}
	r.out, r.limit, r.base = out, limit, base
	return ok, reason
}

// ordered returns what m holds: by key if it is to be written about, since
// maps have an order of their own every time.
func ordered[V any](r *run, m map[string]V) iter.Seq2[string, V] {
	if r.quiet > 0 || len(m) < 2 {
		return maps.All(m)
	}
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
