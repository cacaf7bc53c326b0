package schema

import "maps"

// evaluated is which members of an object, or elements of an array, a schema
// has had its say on; the unevaluated keywords are about the others (JSON
// Schema 2020-12 Core section 11). A nil evaluated takes no notes.
type evaluated struct {
	all   bool
	first int // as many elements from the first
	names map[string]bool
	items map[int]bool // elements beside those
}

// newEvaluated returns notes of nothing.
func newEvaluated() *evaluated { return &evaluated{names: map[string]bool{}, items: map[int]bool{}} }

// fresh returns notes of nothing, or nil if e is nil.
func (e *evaluated) fresh() *evaluated {
	if e == nil {
		return nil
	}
	return newEvaluated()
}

// name notes a member.
func (e *evaluated) name(name string) {
	if e != nil {
		e.names[name] = true
	}
}

// item notes an element.
func (e *evaluated) item(i int) {
	if e != nil {
		e.items[i] = true
	}
}

// prefix notes the first n elements.
func (e *evaluated) prefix(n int) {
	if e != nil {
		e.first = max(e.first, n)
	}
}

// everything notes all there is.
func (e *evaluated) everything() {
	if e != nil {
		e.all = true
	}
}

// cost returns how many steps adding e to another takes.
func (e *evaluated) cost() int {
	if e == nil {
		return 0
	}
	return 4 * (len(e.names) + len(e.items))
}

// add notes what another has noted.
func (e *evaluated) add(other *evaluated) {
	if e != nil && other != nil {
		e.all, e.first = e.all || other.all, max(e.first, other.first)
		maps.Copy(e.names, other.names)
		maps.Copy(e.items, other.items)
	}
}
