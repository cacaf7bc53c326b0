package flow

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"iotman/iot"
)

// MaxItems is how many events one body may hold.
const MaxItems = 20_000

// MaxNamed is how many of them may be CloudEvents: each costs a look-up of its
// own.
const MaxNamed = 2_000

// Item is one event of a body, decoded and checked.
type Item struct {
	Payload    json.RawMessage // without insignificant white space; numbers and strings exactly as sent
	OccurredAt iot.Time        // zero: the sender named none (CloudEvents "time")
	Key        string          // CloudEvents source and id joined unambiguously, to deduplicate; "" if none
	CloudEvent map[string]any  // its context attributes: strings, bools and json.Numbers; nil if none
}

// Body is a decoded request body. The payloads may share memory with Text and
// with each other: neither may be written to, and keeping one keeps them all.
type Body struct {
	Items  []Item   // at least one
	Digest [32]byte // what makes two bodies the same: SHA-256 over media type, ce- headers and Text
	Text   []byte   // the decompressed bytes as sent
}

// DecodeBody reads a request body from r according to the Content-Type,
// Content-Encoding and ce-* headers of h: JSON (an object, or an array of
// them), NDJSON, and CloudEvents 1.0 in structured, batched and binary mode.
//
// JSON is held to I-JSON (RFC 7493): valid UTF-8, no lone surrogates, no
// duplicate names; and U+0000 and nesting beyond [iot.MaxDepth] are refused.
// A body is all or nothing. Errors are of kind [iot.Invalid], [iot.TooLarge]
// (over [iot.MaxBody], compressed or not, or over [MaxItems]) and
// [iot.Unsupported]; their Field is the name of a header, or a JSON pointer
// (RFC 6901) whose first token is the event's index if the body may hold
// several. With an error, the Body has only the Text, as far as it was read.
func DecodeBody(h http.Header, r io.Reader) (Body, error) {
	came, err := receive(r)
	return decodeBody(h, came, err)
}

// decodeBody decodes what came of a body until broke, or to its end. The Body
// may keep came.
func decodeBody(h http.Header, came []byte, broke error) (Body, error) {
	m, err := mediaOf(h)
	if err != nil {
		return Body{}, err
	}
	var headers []header
	if m.form == formBinary {
		if headers, err = eventHeaders(h); err != nil {
			return Body{}, err
		}
	}
	b := benches.Get().(*bench)
	defer b.release()
	text, err := b.text(h, came, broke)
	if err != nil {
		return Body{}, err
	}
	d := decoder{bench: b, text: text}
	if err := d.body(m, headers); err != nil {
		return Body{Text: text}, err
	}
	return Body{Items: d.items, Digest: b.digest(m.name, headers, text), Text: text}, nil
}

// body decodes the whole text.
func (d *decoder) body(m media, headers []header) error {
	blank := len(bytes.TrimLeft(d.text, " \t\r\n")) == 0
	switch {
	case m.form == formBinary:
		return d.binaryEvent(m, headers, blank)
	case blank:
		return iot.Errorf(iot.Invalid, "the body is empty; expected JSON").Hinting(hintForms)
	case m.form == formLines:
		return d.lines()
	}
	d.begin(d.text)
	next := func() error { return d.plainEvent("an object or an array of objects") }
	switch {
	case m.form == formEvent:
		next = d.structuredEvent
	case m.form == formBatch:
		next = func() error { return d.array(d.structuredEvent) }
	case d.dec.PeekKind() == '[':
		next = func() error { return d.array(func() error { return d.plainEvent("an object") }) }
	}
	if err := next(); err != nil {
		return err
	}
	return d.end()
}

// array decodes an array whose elements next decodes.
func (d *decoder) array(next func() error) error {
	if err := d.open('[', "an array of CloudEvents"); err != nil {
		return err
	}
	for d.dec.PeekKind() != ']' {
		if err := next(); err != nil {
			return err
		}
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return d.fault(err)
	}
	if len(d.items) == 0 {
		return iot.Errorf(iot.Invalid, "the array is empty; expected at least one event")
	}
	return nil
}

// lines decodes NDJSON: a value a line, blank lines skipped.
func (d *decoder) lines() error {
	rest := d.text
	for more := true; more; {
		var line []byte
		line, rest, more = bytes.Cut(rest, []byte("\n"))
		d.line++
		if line = bytes.Trim(line, " \t\r"); len(line) == 0 {
			continue
		}
		d.begin(line)
		if err := d.plainEvent("an object"); err != nil {
			return err
		}
	}
	return nil
}

// plainEvent decodes an event that is its payload and no more.
func (d *decoder) plainEvent(expected string) error {
	raw, err := d.value()
	if err != nil {
		return err
	}
	if raw[0] != '{' {
		return d.unexpected(expected, raw)
	}
	payload, err := d.tidy(raw)
	if err != nil {
		return err
	}
	if d.line > 0 { // a line has no more
		if err := d.end(); err != nil {
			return err
		}
	}
	return d.add(Item{Payload: payload})
}

// add appends an event to the body's.
func (d *decoder) add(it Item) error {
	if it.Key != "" && len(d.items) == MaxNamed {
		return iot.Errorf(iot.TooLarge, "a body holds at most %d CloudEvents; got more", MaxNamed).Hinting("send them in several requests")
	}
	if len(d.items) == MaxItems {
		return iot.Errorf(iot.TooLarge, "a body holds at most %d events; got more", MaxItems).Hinting("send them in several requests")
	}
	d.items = append(d.items, it)
	return nil
}
