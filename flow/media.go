package flow

import (
	"mime"
	"net/http"
	"strings"

	"iotman/iot"
)

// form is how a body holds its events.
type form int

const (
	formJSON   form = iota // an object, or an array of them
	formLines              // NDJSON: an object a line
	formEvent              // one CloudEvent, structured
	formBatch              // an array of structured CloudEvents
	formBinary             // one CloudEvent: its attributes in headers, its data the body
)

// hintForms says which bodies are understood.
const hintForms = "send application/json (an object, or an array of them), application/x-ndjson (an object a line), " +
	"application/cloudevents+json or application/cloudevents-batch+json"

// media is what the headers say of a body.
type media struct {
	name string // the media type in lower case, without parameters; "" if none was named
	full string // Content-Type as sent
	form form
	json bool // the text is JSON
}

// mediaOf reads Content-Type, and ce-specversion for the binary mode of
// CloudEvents (HTTP Protocol Binding 1.0.2 section 3).
func mediaOf(h http.Header) (media, error) {
	var m media
	types := h.Values("Content-Type")
	if len(types) > 1 {
		return m, unsupported("Content-Type", "expected one Content-Type; got %d", len(types))
	}
	if len(types) == 1 && types[0] != "" {
		name, err := mediaType(types[0])
		if err != nil {
			return m, err
		}
		m.name, m.full = name, types[0]
	}
	_, binary := h["Ce-Specversion"]
	m.json = m.name == "" || m.name == "application/json" ||
		strings.HasPrefix(m.name, "application/") && strings.HasSuffix(m.name, "+json")
	switch m.name {
	case "application/cloudevents+json":
		m.form = formEvent
		return m, nil
	case "application/cloudevents-batch+json":
		m.form = formBatch
		return m, nil
	}
	if binary {
		m.form = formBinary
		return m, nil
	}
	switch m.name {
	case "application/x-ndjson", "application/ndjson", "application/jsonl":
		m.form = formLines
		return m, nil
	case "text/plain", "application/octet-stream", "application/x-www-form-urlencoded":
		return m, nil // what clients say when they were told nothing: curl, scripts, small devices
	}
	if !m.json {
		return m, unsupported("Content-Type", "the media type %q is not understood", iot.Clip(m.name))
	}
	return m, nil
}

// mediaType returns the media type of a Content-Type in lower case. Any charset
// but UTF-8, or ASCII within it, is refused.
func mediaType(s string) (string, error) {
	if s == "application/json" || s == "application/x-ndjson" {
		return s, nil
	}
	name, params, err := mime.ParseMediaType(s)
	if err != nil {
		return "", unsupported("Content-Type", "expected a media type such as application/json; got %q", iot.Clip(s))
	}
	switch charset := params["charset"]; strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii":
		return name, nil
	default:
		return "", unsupported("Content-Type", "the charset %q is not understood", iot.Clip(charset)).Hinting("send UTF-8")
	}
}

// gzipped reports whether Content-Encoding says gzip. Anything but one gzip is
// refused.
func gzipped(h http.Header) (bool, error) {
	var codings []string
	for _, v := range h.Values("Content-Encoding") {
		for c := range strings.SplitSeq(v, ",") {
			if c = strings.ToLower(strings.TrimSpace(c)); c != "" && c != "identity" {
				codings = append(codings, c)
			}
		}
	}
	switch {
	case len(codings) == 0:
		return false, nil
	case len(codings) == 1 && (codings[0] == "gzip" || codings[0] == "x-gzip"):
		return true, nil
	}
	return false, unsupported("Content-Encoding", "expected gzip, once, or no coding at all; got %q", iot.Clip(strings.Join(codings, ", "))).
		Hinting("compress the body once with gzip, or send it as it is")
}

// unsupported returns an error about the header.
func unsupported(name, format string, args ...any) *iot.Error {
	return iot.Errorf(iot.Unsupported, format, args...).At(name).Hinting(hintForms)
}
