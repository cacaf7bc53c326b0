package mcp

import (
	"slices"
	"strings"

	"iotman/iot"
	"iotman/tools"
)

// selection is the part of the catalogue that a URL asks for: ?mode=lean for
// what only reads, ?toolsets=a,b for some groups.
type selection struct {
	lean     bool
	toolsets string // sorted, separated by commas; "" for all
}

// selectionOf reads the URL's query. A parameter or a value that means nothing
// is an error, never ignored: who misspells lean must not get writing tools.
func (h *Handler) selectionOf(query string) (selection, error) {
	var s selection
	q, err := tools.ParseQuery(query)
	if err != nil {
		return s, err
	}
	for name, values := range q {
		if len(values) != 1 {
			return s, iot.Errorf(iot.Invalid, "the parameter %.80q is given %d times", name, len(values)).At(name)
		}
		switch name {
		case "mode":
			if values[0] != "lean" {
				return s, iot.Errorf(iot.Invalid, "unknown mode %.80q", values[0]).At("mode").Hinting("the only mode is lean; leave it out for all tools")
			}
			s.lean = true
		case "toolsets":
			sets := strings.Split(values[0], ",")
			for _, t := range sets {
				if !slices.Contains(h.toolsets, t) {
					return s, iot.Errorf(iot.Invalid, "unknown toolset %.80q", t).At("toolsets").Hinting("the toolsets are %s", strings.Join(h.toolsets, ","))
				}
			}
			slices.Sort(sets)
			s.toolsets = strings.Join(slices.Compact(sets), ",")
		default:
			return s, iot.Errorf(iot.Invalid, "unknown parameter %.80q", name).At(name).Hinting("the MCP URL takes mode=lean and toolsets=a,b")
		}
	}
	return s, nil
}

// offers reports whether the selection has the operation.
func (s selection) offers(op tools.Op) bool {
	return (!s.lean || op.Lean()) &&
		(s.toolsets == "" || slices.Contains(strings.Split(s.toolsets, ","), op.Toolset()))
}

// offersCall reports whether the selection has iotman_call, which reaches past
// any narrowing and so is in none.
func (s selection) offersCall() bool { return !s.lean && s.toolsets == "" }
