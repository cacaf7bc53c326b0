package tools

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"iotman/iot"
)

// fields is what of each event is answered: everything where names is empty.
type fields struct {
	names []string   // top-level fields
	paths [][]string // parts of the payload; none is all of it
}

var eventFields = []string{"id", "seq", "received_at", "occurred_at", "source_id", "payload", "tags", "meta"}

// MaxFields is how many fields a call may name.
const MaxFields = 64

func parseFields(asked []string) (fields, error) {
	var f fields
	if len(asked) > MaxFields {
		return f, iot.Errorf(iot.Invalid, "at most %d fields; got %d", MaxFields, len(asked)).At("fields")
	}
	whole := false
	for _, a := range asked {
		name, rest, deep := strings.Cut(a, ".")
		if !slices.Contains(eventFields, name) || deep && (name != "payload" || rest == "") {
			return f, iot.Errorf(iot.Invalid, "unknown field %.80q", a).At("fields").
				Hinting("the fields are %s, and payload.<name> for parts of the payload", strings.Join(eventFields, ", "))
		}
		f.names = append(f.names, name)
		if deep {
			f.paths = append(f.paths, strings.Split(rest, "."))
		} else if name == "payload" {
			whole = true
		}
	}
	if whole {
		f.paths = nil
	}
	return f, nil
}

// of returns the event as it is answered to the caller.
func (f fields) of(e iot.Event, c iot.Caller) (Event, error) {
	all := eventOf(e)
	if len(f.names) == 0 {
		return all.fit(c), nil
	}
	var out Event
	for _, name := range f.names {
		switch name {
		case "id":
			out.ID = all.ID
		case "seq":
			out.Seq = all.Seq
		case "received_at":
			out.ReceivedAt = all.ReceivedAt
		case "occurred_at":
			out.OccurredAt = all.OccurredAt
		case "source_id":
			out.SourceID = all.SourceID
		case "tags":
			out.Tags = all.Tags
		case "meta":
			out.Meta = all.Meta
		case "payload":
			out.Payload = all.Payload
		}
	}
	if out.Payload != nil && f.paths != nil {
		part := node{}
		for _, path := range f.paths {
			part.add(all.Payload, path)
		}
		b, err := AppendJSON(nil, part)
		if err != nil {
			return out, fmt.Errorf("parts of event %s: %w", e.ID, err)
		}
		out.Payload = b
	}
	return out.fit(c), nil
}

// node is an object that is put together from parts of another: each member a
// node or a json.RawMessage.
type node map[string]any

// add copies what is at the path, if anything is.
func (n node) add(from json.RawMessage, path []string) {
	var members map[string]json.RawMessage
	if json.Unmarshal(from, &members) != nil {
		return // not an object: nothing is there
	}
	v, ok := members[path[0]]
	if !ok {
		return
	}
	if len(path) == 1 {
		n[path[0]] = v
		return
	}
	below, ok := n[path[0]].(node)
	if !ok {
		if n[path[0]] != nil {
			return // all of it is there already
		}
		below = node{}
	}
	if below.add(v, path[1:]); len(below) > 0 {
		n[path[0]] = below
	}
}
