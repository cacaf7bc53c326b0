package flow

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iotman/iot"
)

// at returns the time that s is in RFC 3339.
func at(t *testing.T, s string) iot.Time {
	t.Helper()
	p, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return iot.Micros(p.UnixMicro())
}

const structured = `{
	"specversion": "1.0", "id": "A234-1234", "source": "/sensors/tn-1234", "type": "com.example.reading",
	"time": "2026-04-05T19:31:00.123456789+02:00", "datacontenttype": "application/json",
	"sampled": true, "count": 12, "unset": null,
	"data": {"t": 21.50, "tags": [ "a b" ]}
}`

// structuredItem is what structured decodes to.
func structuredItem(t *testing.T) Item {
	return Item{
		Payload:    json.RawMessage(`{"t":21.50,"tags":["a b"]}`),
		OccurredAt: at(t, "2026-04-05T17:31:00.123456Z"),
		Key:        "16:/sensors/tn-1234A234-1234",
		CloudEvent: map[string]any{
			"specversion": "1.0", "id": "A234-1234", "source": "/sensors/tn-1234", "type": "com.example.reading",
			"time": "2026-04-05T19:31:00.123456789+02:00", "datacontenttype": "application/json",
			"sampled": true, "count": json.Number("12"),
		},
	}
}

func TestStructuredEvent(t *testing.T) {
	b, err := decode("application/cloudevents+json; charset=utf-8", structured)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Item{structuredItem(t)}, b.Items); diff != "" {
		t.Error(diff)
	}
}

func TestEventBatch(t *testing.T) {
	const plain = `{"specversion":"1.0","id":"2","source":"s","type":"t"}`
	b, err := decode("application/cloudevents-batch+json", "["+structured+", "+plain+"]")
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{structuredItem(t), {
		Payload:    json.RawMessage("null"),
		Key:        "1:s2",
		CloudEvent: map[string]any{"specversion": "1.0", "id": "2", "source": "s", "type": "t"},
	}}
	if diff := cmp.Diff(want, b.Items); diff != "" {
		t.Error(diff)
	}
}

func TestEventData(t *testing.T) {
	for data, want := range map[string]string{
		``:                              `null`,
		`,"data":null`:                  `null`,
		`,"data":[1, 2]`:                `[1,2]`,
		`,"data":"<much wow=\"xml\"/>"`: `"<much wow=\"xml\"/>"`,
		`,"data":-0.0`:                  `-0.0`,
		`,"data_base64":"AAEC"`:         `"AAEC"`,
	} {
		b, err := decode("application/cloudevents+json", `{"specversion":"1.0","id":"1","source":"s","type":"t"`+data+`}`)
		if err != nil || string(b.Items[0].Payload) != want {
			t.Errorf("%s: got %s and %v, want %s", data, payloads(b), err, want)
		}
	}
}

// TestEventKey sees to it that two pairs of source and id never share a key.
func TestEventKey(t *testing.T) {
	keys := map[string]string{}
	for _, pair := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"1:a", "b"}, {"1", "1:ab"}, {"1:1", "ab"}} {
		b, err := decode("application/cloudevents+json", `{"specversion":"1.0","source":"`+pair[0]+`","id":"`+pair[1]+`","type":"t"}`)
		if err != nil {
			t.Fatal(err)
		}
		key := b.Items[0].Key
		if other, ok := keys[key]; ok {
			t.Errorf("%v and %s share the key %q", pair, other, key)
		}
		keys[key] = strings.Join(pair[:], " ")
	}
}

func TestEventRefused(t *testing.T) {
	const one, batch = "application/cloudevents+json", "application/cloudevents-batch+json"
	with := func(more string) string { return `{"specversion":"1.0","id":"1","source":"s","type":"t",` + more + `}` }
	for _, tt := range []struct{ contentType, body, field, want string }{
		{one, `{"id":"1","source":"s","type":"t"}`, "/specversion", "is required"},
		{one, `{"specversion":"0.3","id":"1","source":"s","type":"t"}`, "/specversion", `expected "1.0", got "0.3"`},
		{one, `{"specversion":"1.0","id":"","source":"s","type":"t"}`, "/id", "not empty"},
		{one, `{"specversion":"1.0","id":7,"source":"s","type":"t"}`, "/id", "expected a string"},
		{one, `{"specversion":"1.0","id":"1","source":null,"type":"t"}`, "/source", "is required"},
		{one, `{"specversion":"1.0","id":"1","source":"` + strings.Repeat("s", 1025) + `","type":"t"}`, "/source", "at most 1024 bytes, got 1025"},
		{one, with(`"time":"yesterday"`), "/time", `RFC 3339`},
		{one, with(`"time":"2026-04-05 17:31:00Z"`), "/time", `RFC 3339`},
		{one, with(`"time":1775410260`), "/time", `got "1775410260"`},
		{one, with(`"subject":{"a":1}`), "/subject", "expected string, number or boolean, got object"},
		{one, with(`"subject":"\u0000"`), "/subject", "U+0000"},
		{one, with(`"Temperature":1`), "/Temperature", `under "data"`},
		{one, with(`"data":1,"data_base64":"AA=="`), "", "got both"},
		{one, with(`"data_base64":{}`), "/data_base64", "expected string, got object"},
		{one, `[]`, "", "expected a CloudEvent, an object, got array"},
		{one, with(`"a":1`) + "{}", "", "expected one value"},
		{one, `{"specversion":"1.0"`, "", "ends too early"},
		{batch, with(`"a":1`), "", "expected an array of CloudEvents, got object"},
		{batch, `[]`, "", "at least one event"},
		{batch, `[` + with(`"a":1`) + `,{"specversion":"1.0","id":"1","source":"s"}]`, "/1/type", "is required"},
		{batch, `[` + with(`"a":1`) + `,7]`, "/1", "got number"},
		{batch, `[` + with(`"a":1`) + `,` + with(`"data":{"a":"\u0000"}`) + `]`, "/1/data/a", "U+0000"},
	} {
		_, err := decode(tt.contentType, tt.body)
		refused(t, err, iot.Invalid, tt.field, tt.want)
	}
}

func TestEventRefusedAllAtOnce(t *testing.T) {
	_, err := decode("application/cloudevents+json", `{"id":"","time":"x"}`)
	e, ok := errors.AsType[*iot.Error](err)
	if !ok || e.Field != "/specversion" {
		t.Fatalf("got %v, want an error at /specversion", err)
	}
	var fields []string
	for _, d := range e.Details {
		fields = append(fields, d.Field)
	}
	if diff := cmp.Diff([]string{"/id", "/source", "/type", "/time"}, fields); diff != "" {
		t.Error(diff)
	}
}

// binaryMode returns the headers of an event in binary mode.
func binaryMode(pairs ...string) http.Header {
	h := headers("ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t")
	maps.Copy(h, headers(pairs...))
	return h
}

func TestBinaryEvent(t *testing.T) {
	for _, tt := range []struct {
		name, contentType, body, want string
		encoding                      any
	}{
		{"json", "application/json; charset=utf-8", ` {"a": 1} `, `{"a":1}`, nil},
		{"no type", "", `[1, 2]`, `[1,2]`, nil},
		{"suffix", "application/senml+json", `7`, `7`, nil},
		{"text", "text/plain", `{"a": "é"}`, `"{\"a\": \"é\"}"`, nil},
		{"xml", "application/xml", "<a>\n</a>", `"<a>\n</a>"`, nil},
		{"image", "image/png", "\x89PNG\r\n", `"iVBORw0K"`, "base64"},
		{"text with NUL", "text/plain", "a\x00", `"YQA="`, "base64"},
		{"no data", "", "", `null`, nil},
		{"no text", "text/plain", "", `null`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := DecodeBody(binaryMode("Content-Type", tt.contentType), strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			it := b.Items[0]
			if string(it.Payload) != tt.want || it.Key != "2:/s1" {
				t.Errorf("got %s with key %q, want %s with key 2:/s1", it.Payload, it.Key, tt.want)
			}
			want := map[string]any{"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
			if tt.contentType != "" {
				want["datacontenttype"] = tt.contentType
			}
			if tt.encoding != nil {
				want["datacontentencoding"] = tt.encoding
			}
			if diff := cmp.Diff(want, it.CloudEvent); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBinaryEventHeaders(t *testing.T) {
	b, err := DecodeBody(binaryMode(
		"ce-id", "100%25%20%E2%82%AC", "ce-subject", `"a \"b\" %41"`, "ce-time", "2026-04-05T17:31:00Z", "ce-ext1", "a+b",
	), strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	it := b.Items[0]
	for name, want := range map[string]any{"id": "100% €", "subject": `a "b" A`, "ext1": "a+b"} {
		if it.CloudEvent[name] != want {
			t.Errorf("%s: got %q, want %q", name, it.CloudEvent[name], want)
		}
	}
	if !it.OccurredAt.Equal(at(t, "2026-04-05T17:31:00Z").Time) {
		t.Errorf("got time %v", it.OccurredAt)
	}
}

func TestBinaryEventRefused(t *testing.T) {
	for _, tt := range []struct {
		h                 http.Header
		body, field, want string
	}{
		{binaryMode("ce-type", ""), "{}", "ce-type", "not empty"},
		{headers("ce-specversion", "1.0", "ce-id", "1", "ce-type", "t"), "{}", "ce-source", "is required"},
		{binaryMode("ce-specversion", "2.0"), "{}", "ce-specversion", `expected "1.0"`},
		{binaryMode("ce-time", "noon"), "{}", "ce-time", "RFC 3339"},
		{binaryMode("ce-id", "100%"), "{}", "ce-id", "percent-encoded"},
		{binaryMode("ce-id", "%00"), "{}", "ce-id", "U+0000"},
		{binaryMode("ce-id", "%ff"), "{}", "ce-id", "UTF-8"},
		{binaryMode("ce-a-b", "x"), "{}", "ce-a-b", "of a-z and 0-9"},
		{binaryMode(), "{} {}", "", "expected one value"},
		{binaryMode(), `{"a":"\u0000"}`, "/a", "U+0000"},
		{binaryMode(), `nope`, "", "not valid JSON"},
	} {
		_, err := DecodeBody(tt.h, strings.NewReader(tt.body))
		refused(t, err, iot.Invalid, tt.field, tt.want)
	}
	_, err := DecodeBody(binaryMode("Content-Type", "image/png"), strings.NewReader("\xff"+strings.Repeat("x", iot.MaxBody*4/5)))
	refused(t, err, iot.TooLarge, "", "as JSON")
	_, err = DecodeBody(binaryMode("Content-Type", "text/plain; charset=latin1"), strings.NewReader("x"))
	refused(t, err, iot.Unsupported, "Content-Type", "UTF-8")
}
