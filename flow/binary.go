package flow

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"iotman/iot"
)

// header is a ce- header of an event in binary mode.
type header struct{ name, value string } // the name without ce-, in lower case; the value decoded

// eventHeaders returns the ce- headers by name, decoded as the CloudEvents
// HTTP Protocol Binding 1.0.2 section 3.1.3.2 says: unquoted, then
// percent-decoded once.
func eventHeaders(h http.Header) ([]header, error) {
	var found []header
	for name, values := range h {
		key, ok := strings.CutPrefix(strings.ToLower(name), "ce-")
		if !ok {
			continue
		}
		name = "ce-" + key
		if !isAttribute(key) {
			return nil, iot.Errorf(iot.Invalid, "an attribute's name is of a-z and 0-9; got %q", iot.Clip(key)).At(iot.Clip(name))
		}
		if len(values) != 1 {
			return nil, iot.Errorf(iot.Invalid, "expected the header once; got it %d times", len(values)).At(iot.Clip(name))
		}
		value, err := url.PathUnescape(unquote(values[0]))
		if err != nil || !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0 {
			return nil, iot.Errorf(iot.Invalid, "expected percent-encoded UTF-8 without U+0000, got %q", iot.Clip(values[0])).At(iot.Clip(name)).
				Hinting("write %% as %%25")
		}
		found = append(found, header{key, value})
	}
	slices.SortFunc(found, func(a, b header) int { return strings.Compare(a.name, b.name) })
	return found, nil
}

// binaryEvent decodes a CloudEvent whose attributes are headers and whose data
// is the body: JSON as it is, any other text as a JSON string, and bytes that
// are no text as base64, which the attribute datacontentencoding then says.
func (d *decoder) binaryEvent(m media, headers []header, blank bool) error {
	attrs := make(map[string]any, len(headers)+1)
	for _, h := range headers {
		attrs[h.name] = h.value
	}
	if m.full != "" {
		attrs["datacontenttype"] = m.full
	}
	payload := json.RawMessage("null")
	var err error
	switch {
	case m.json && blank, len(d.text) == 0:
	case m.json:
		d.begin(d.text)
		raw, err := d.value()
		if err != nil {
			return err
		}
		if payload, err = d.tidy(raw); err != nil {
			return err
		}
		if err := d.end(); err != nil {
			return err
		}
	case utf8.Valid(d.text) && bytes.IndexByte(d.text, 0) < 0:
		if payload, err = jsontext.AppendQuote(nil, d.text); err != nil {
			return d.fault(err)
		}
	default:
		attrs["datacontentencoding"] = "base64"
		payload = json.RawMessage(`"` + base64.StdEncoding.EncodeToString(d.text) + `"`)
	}
	if len(payload) > iot.MaxBody {
		return iot.Errorf(iot.TooLarge, "the body is at most %d bytes as JSON; got %d", iot.MaxBody, len(payload))
	}
	return d.cloudEvent(attrs, payload, "ce-")
}

// unquote returns what a quoted-string (RFC 9110 section 5.6.4) holds, or s if
// it is none.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
