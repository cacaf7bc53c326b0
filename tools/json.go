package tools

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"iotman/iot"
)

// AppendJSON appends v as JSON: with < and & as they are, for no page holds
// it, and without the white space that encoding/json ends with. Pages of
// events, which are most of what is read, write themselves: reflection and a
// second look at every payload took nine tenths of the time.
func AppendJSON(b []byte, v any) ([]byte, error) {
	if rows, ok := v.(eventRows); ok {
		return rows.append(b), nil
	}
	buf := bytes.NewBuffer(b)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return b, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// eventRows are the rows of a page of events.
type eventRows []Event

func (rows eventRows) append(b []byte) []byte {
	size := 2
	for _, e := range rows {
		size += 256 + len(e.Payload) + len(e.Tags) + len(e.Meta)
	}
	b = append(slices.Grow(b, size), '[')
	for i, e := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.append(b)
	}
	return append(b, ']')
}

// append writes the event as its tags say; ids, times and JSON need no
// escaping.
func (e Event) append(b []byte) []byte {
	first := true
	field := func(name string) {
		if b = append(b, ','); first {
			b[len(b)-1], first = '{', false
		}
		b = append(append(append(b, '"'), name...), '"', ':')
	}
	quoted := func(name string, value iot.ID) {
		if value != "" {
			field(name)
			b = append(append(append(b, '"'), value...), '"')
		}
	}
	moment := func(name string, t iot.Time) {
		if !t.IsZero() {
			field(name)
			b = append(t.UTC().AppendFormat(append(b, '"'), iot.TimeLayout), '"')
		}
	}
	raw := func(name string, value json.RawMessage) {
		if len(value) > 0 {
			field(name)
			b = append(b, value...)
		}
	}
	quoted("id", e.ID)
	if e.Seq != 0 {
		field("seq")
		b = strconv.AppendInt(b, e.Seq, 10)
	}
	moment("received_at", e.ReceivedAt)
	moment("occurred_at", e.OccurredAt)
	quoted("source_id", e.SourceID)
	raw("payload", e.Payload)
	raw("tags", e.Tags)
	raw("meta", e.Meta)
	if e.Omitted != "" {
		field("omitted")
		b = strconv.AppendQuote(b, e.Omitted)
	}
	if first {
		b = append(b, '{')
	}
	return append(b, '}')
}
