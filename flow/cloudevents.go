package flow

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"iotman/iot"
)

// maxEventName is how many bytes a CloudEvent's source and id may each have:
// together they are a key of an index.
const maxEventName = 1024

// structuredEvent decodes a CloudEvent in the JSON format (CloudEvents JSON
// Event Format 1.0.2).
func (d *decoder) structuredEvent() error {
	if err := d.open('{', "a CloudEvent, an object"); err != nil {
		return err
	}
	attrs := make(map[string]any, 8)
	var payload, base64 json.RawMessage
	for d.dec.PeekKind() != '}' {
		name, err := d.dec.ReadToken()
		if err != nil {
			return d.fault(err)
		}
		key := name.String() // copies: the token does not outlive the next read
		raw, err := d.value()
		if err != nil {
			return err
		}
		switch key {
		case "data":
			payload, err = d.tidy(raw)
		case "data_base64":
			if base64, err = d.tidy(raw); err == nil && raw[0] != '"' {
				err = d.unexpected("string", raw)
			}
		default:
			err = d.attribute(attrs, key, raw)
		}
		if err != nil {
			return err
		}
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return d.fault(err)
	}
	switch {
	case payload != nil && base64 != nil:
		return d.invalid("expected data or data_base64; got both")
	case base64 != nil:
		payload = base64
	case payload == nil:
		payload = json.RawMessage("null")
	}
	return d.cloudEvent(attrs, payload, d.pointer()+"/")
}

// attribute sets a context attribute to the JSON value raw. null unsets it.
func (d *decoder) attribute(attrs map[string]any, name string, raw []byte) error {
	if !isAttribute(name) {
		return d.invalid("an attribute's name is of a-z and 0-9; got %q", iot.Clip(name)).Hinting("put the payload under \"data\"")
	}
	switch raw[0] {
	case 'n':
	case 't', 'f':
		attrs[name] = raw[0] == 't'
	case '"':
		if survey(raw).nul {
			return d.locate(raw)
		}
		s, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return d.fault(err)
		}
		attrs[name] = string(s)
	case '{', '[':
		return d.unexpected("string, number or boolean", raw)
	default:
		attrs[name] = json.Number(raw)
	}
	return nil
}

// cloudEvent checks an event's attributes (CloudEvents 1.0.2 section 3) and
// adds it. All mistakes are told at once; prefix and an attribute's name make
// the field of each.
func (d *decoder) cloudEvent(attrs map[string]any, payload json.RawMessage, prefix string) error {
	var wrong []iot.Detail
	mistake := func(name, format string, args ...any) {
		wrong = append(wrong, iot.Detail{Field: prefix + name, Detail: fmt.Sprintf(format, args...)})
	}
	for _, name := range []string{"specversion", "id", "source", "type"} {
		switch s, ok := attrs[name].(string); {
		case attrs[name] == nil:
			mistake(name, "is required: a CloudEvent has specversion, id, source and type")
		case !ok || s == "":
			mistake(name, "expected a string that is not empty")
		case name == "specversion" && s != "1.0":
			mistake(name, `expected "1.0", got %q`, iot.Clip(s))
		case (name == "id" || name == "source") && len(s) > maxEventName:
			mistake(name, "at most %d bytes, got %d", maxEventName, len(s))
		}
	}
	var at iot.Time
	if v, ok := attrs["time"]; ok {
		var t time.Time
		s, _ := v.(string)
		if err := t.UnmarshalText([]byte(s)); err != nil {
			mistake("time", "expected an RFC 3339 time such as 2026-11-22T10:00:00Z, got %q", iot.Clip(fmt.Sprint(v)))
		}
		at = iot.Micros(t.UnixMicro())
	}
	if len(wrong) > 0 {
		e := d.invalid("%s", wrong[0].Detail).At(wrong[0].Field)
		e.Details = wrong[1:]
		return e
	}
	source := attrs["source"].(string)
	key := fmt.Sprintf("%d:%s%s", len(source), source, attrs["id"])
	return d.add(Item{Payload: payload, OccurredAt: at, Key: key, CloudEvent: attrs})
}

// isAttribute reports whether name may name a context attribute (CloudEvents
// 1.0.2, Attribute Naming Convention).
func isAttribute(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}
