package tools

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// AppendJSON appends v as JSON: with < and & as they are, for no page holds
// it, and without the white space that encoding/json ends with. Pages of
// events, which are most of what is read, write themselves: reflection and a
// second look at every payload took nine tenths of the time.
func AppendJSON(b []byte, v any) ([]byte, error) {
	if a, ok := v.(Appender); ok {
		return a.AppendJSON(b), nil
	}
	buf := bytes.NewBuffer(b)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return b, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// Appender is what writes itself as JSON, and always can.
type Appender interface {
	AppendJSON(b []byte) []byte
}

// eventRows are the rows of a page of events.
type eventRows []Event

// AppendJSON appends the rows.
func (rows eventRows) AppendJSON(b []byte) []byte {
	size := 2
	for i := range rows {
		size += 256 + len(rows[i].Payload) + len(rows[i].Tags) + len(rows[i].Meta)
	}
	b = append(slices.Grow(b, size), '[')
	for i := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = rows[i].append(b)
	}
	return append(b, ']')
}

// append writes the event as its tags say; ids, times and JSON need no
// escaping.
func (e *Event) append(b []byte) []byte {
	start := len(b)
	if e.ID != "" {
		b = append(append(append(b, `,"id":"`...), e.ID...), '"')
	}
	if e.Seq != 0 {
		b = strconv.AppendInt(append(b, `,"seq":`...), e.Seq, 10)
	}
	if !e.ReceivedAt.IsZero() {
		b = append(e.ReceivedAt.Append(append(b, `,"received_at":"`...)), '"')
	}
	if !e.OccurredAt.IsZero() {
		b = append(e.OccurredAt.Append(append(b, `,"occurred_at":"`...)), '"')
	}
	if e.SourceID != "" {
		b = append(append(append(b, `,"source_id":"`...), e.SourceID...), '"')
	}
	if len(e.Payload) > 0 {
		b = append(append(b, `,"payload":`...), e.Payload...)
	}
	if len(e.Tags) > 0 {
		b = append(append(b, `,"tags":`...), e.Tags...)
	}
	if len(e.Meta) > 0 {
		b = append(append(b, `,"meta":`...), e.Meta...)
	}
	if e.Omitted != "" {
		b = strconv.AppendQuote(append(b, `,"omitted":`...), e.Omitted)
	}
	if len(b) == start {
		return append(b, "{}"...)
	}
	b[start] = '{'
	return append(b, '}')
}
