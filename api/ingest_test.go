package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"iotman/api"
	"iotman/iot"
)

// gzipped compresses a text, once for each time.
func gzipped(t testing.TB, text string, times int) []byte {
	t.Helper()
	b := []byte(text)
	for range times {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b = out.Bytes()
	}
	return b
}

// padded is a valid body of n bytes.
func padded(n int) string { return `{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}` }

// endless is a body that never ends.
type endless struct{ sent atomic.Int64 }

func (e *endless) Read(b []byte) (int, error) {
	if e.sent.Add(int64(len(b))) > 1<<30 {
		return 0, io.ErrUnexpectedEOF
	}
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func TestC1BodyTooLarge(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	p.send("gh", padded(iot.MaxBody)).accepted(1)
	for name, a := range map[string]*answer{
		"a byte too many": p.send("gh", padded(iot.MaxBody+1)),
		"chunked":         p.send("gh", struct{ io.Reader }{strings.NewReader(padded(iot.MaxBody + 1))}),
		"zipped":          p.send("gh", gzipped(t, padded(iot.MaxBody+1), 1), "Content-Encoding", "gzip"),
		"NDJSON":          p.send("gh", strings.Repeat("{}\n", iot.MaxBody/3+1), "Content-Type", "application/x-ndjson"),
	} {
		problem := a.problem(http.StatusRequestEntityTooLarge, "too_large")
		if !strings.Contains(problem.Detail, "1048576") {
			t.Errorf("%s: got detail %q, want the limit in it", name, problem.Detail)
		}
	}
	var before, after runtime.MemStats
	body := &endless{}
	runtime.ReadMemStats(&before)
	a, err := s.try(req{method: http.MethodPost, path: "/data/north/gh", body: body})
	runtime.ReadMemStats(&after)
	if err == nil { // else the connection was cut before the answer could be read
		a.problem(http.StatusRequestEntityTooLarge, "too_large")
	}
	if grown := after.TotalAlloc - before.TotalAlloc; body.sent.Load() > 32<<20 || grown > 32<<20 {
		t.Errorf("an endless body: %d bytes were taken and %d allocated, want at most 32 MiB", body.sent.Load(), grown)
	}
	if n := p.count(); n != 1 {
		t.Errorf("got %d events, want 1", n)
	}
}

func TestC2Depth(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	nest := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	id := p.send("gh", nest(iot.MaxDepth)).accepted(1)[0]
	if e := p.event(id); string(e.Payload) != nest(iot.MaxDepth) {
		t.Errorf("got payload %s", e.Payload)
	}
	var e struct{ Payload json.RawMessage }
	if p.call(p.owner(), "event_get", map[string]any{"event_id": id}).ok(&e); string(e.Payload) != nest(iot.MaxDepth) {
		t.Errorf("over MCP got payload %s", e.Payload)
	}
	problem := p.send("gh", nest(iot.MaxDepth+1)).problem(http.StatusBadRequest, "invalid")
	if problem.Field != strings.Repeat("/a", iot.MaxDepth) {
		t.Errorf("got field %q, want the place", problem.Field)
	}
	p.send("gh", strings.Repeat("[", 100_000)).problem(http.StatusBadRequest, "invalid")
}

// TestC3C5Text: what no store can hold, and what two readers would read in two
// ways, is refused on every path.
func TestC3C5Text(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	ce := func(rest string) string {
		return `{"specversion":"1.0","id":"1","source":"/s","type":"t",` + rest + `}`
	}
	for _, test := range []struct{ name, text string }{
		{"C3 invalid UTF-8", "{\"a\":\"\xff\"}"},
		{"C3 overlong UTF-8", "{\"a\":\"\xc0\xaf\"}"},
		{"C3 invalid UTF-8 in a key", "{\"\xff\":1}"},
		{"C3 lone surrogate", `{"a":"\ud800"}`},
		{"C3 surrogates the wrong way round", `{"a":"\udc00\ud800"}`},
		{"C3 U+0000", `{"a":"\u0000"}`},
		{"C3 U+0000 in a key", `{"a\u0000":1}`},
		{"C3 raw U+0000", "{\"a\":\"\x00\"}"},
		{"C4 NaN", `{"a":NaN}`},
		{"C4 Infinity", `{"a":-Infinity}`},
		{"C4 leading zero", `{"a":01}`},
		{"C5 twice", `{"a":1,"a":2}`},
		{"C5 twice the same", `{"a":1,"a":1}`},
		{"C5 twice, once escaped", `{"a":1,"\u0061":2}`},
		{"C5 twice, deep", `{"b":[{"a":1,"a":2}]}`},
	} {
		for kind, body := range map[string]string{
			"application/json":                   test.text,
			"application/json ":                  "[{}," + test.text + "]",
			"application/x-ndjson":               "{}\n" + test.text + "\n",
			"application/cloudevents+json":       ce(`"data":` + test.text),
			"application/cloudevents-batch+json": "[" + ce(`"data":`+test.text) + "]",
		} {
			p.send("gh", body, "Content-Type", strings.TrimSpace(kind)).problem(http.StatusBadRequest, "invalid")
		}
		binary := p.send("gh", test.text, "Content-Type", "application/json", "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t")
		binary.problem(http.StatusBadRequest, "invalid")
	}
	p.send("gh", ce(`"type":"again","data":{}`), "Content-Type", "application/cloudevents+json").problem(http.StatusBadRequest, "invalid")
	p.send("gh", ce(`"subject":"a\u0000"`), "Content-Type", "application/cloudevents+json").problem(http.StatusBadRequest, "invalid")
	if n := p.count(); n != 0 {
		t.Errorf("got %d events, want none", n)
	}
}

// TestC4Numbers: a number comes back as it was sent, to the digit, whichever
// way in and whichever way out.
func TestC4Numbers(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	const sent = `{"big":9007199254740993,"huge":1e999,"negative":-0,"decimal":1.10,"exponent":1E+2,"tiny":-1.0e-400,"long":3.14159265358979323846264338327950288,"deep":[[12345678901234567890123]]}`
	token := p.owner()
	bodies := map[string]func() iot.ID{
		"plain":  func() iot.ID { return p.send("gh", sent).accepted(1)[0] },
		"spaced": func() iot.ID { return p.send("gh", strings.ReplaceAll(sent, ",", " ,\n\t")).accepted(1)[0] },
		"NDJSON": func() iot.ID { return p.send("gh", sent+"\n", "Content-Type", "application/x-ndjson").accepted(1)[0] },
		"array":  func() iot.ID { return p.send("gh", "["+sent+"]").accepted(1)[0] },
		"gzip":   func() iot.ID { return p.send("gh", gzipped(t, sent, 1), "Content-Encoding", "gzip").accepted(1)[0] },
		"CloudEvent": func() iot.ID {
			return p.send("gh", `{"specversion":"1.0","id":"n","source":"/s","type":"t","data":`+sent+`}`, "Content-Type", "application/cloudevents+json").accepted(1)[0]
		},
		"iotman_call": func() (id iot.ID) {
			var out struct{ IDs []iot.ID }
			p.call(token, "iotman_call", map[string]any{"method": "POST", "path": "/data/north/gh", "body": json.RawMessage(sent)}).ok(&out)
			return out.IDs[0]
		},
		"iotman_call, text": func() (id iot.ID) {
			var out struct{ IDs []iot.ID }
			p.call(token, "iotman_call", map[string]any{"method": "POST", "path": "/data/north/gh", "body": sent}).ok(&out)
			return out.IDs[0]
		},
	}
	for name, send := range bodies {
		id := send()
		if e := p.event(id); string(e.Payload) != sent {
			t.Errorf("%s: got %s over REST, want %s", name, e.Payload, sent)
		}
		var e struct{ Payload json.RawMessage }
		out := p.call(token, "event_get", map[string]any{"event_id": id}).ok(&e)
		if string(e.Payload) != sent || !strings.Contains(out.Content[0].Text, sent) {
			t.Errorf("%s: got %s over MCP, and in text %s, want %s", name, e.Payload, out.Content[0].Text, sent)
		}
		var part []event
		p.get(token, p.rest("/events?limit=1&fields=payload.big,payload.decimal,payload.huge")).want(http.StatusOK).into(&part)
		if want := `{"big":9007199254740993,"decimal":1.10,"huge":1e999}`; string(part[0].Payload) != want {
			t.Errorf("%s: got fields %s, want %s", name, part[0].Payload, want)
		}
	}
}

func TestC6Compression(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	bomb := gzipped(t, strings.Repeat(" ", 16<<20), 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p.send("gh", bomb, "Content-Encoding", "gzip").problem(http.StatusRequestEntityTooLarge, "too_large")
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
		t.Errorf("a bomb of %d bytes made it allocate %d, want at most 32 MiB", len(bomb), grown)
	}
	p.send("gh", gzipped(t, strings.Repeat("{}\n", 4<<20), 1), "Content-Encoding", "gzip", "Content-Type", "application/x-ndjson").want(http.StatusRequestEntityTooLarge)
	for _, test := range []struct {
		coding string
		body   []byte
		status int
	}{
		{"gzip", gzipped(t, `{}`, 1), http.StatusAccepted},
		{"x-gzip", gzipped(t, `{}`, 1), http.StatusAccepted},
		{"GZIP", gzipped(t, `{}`, 1), http.StatusAccepted},
		{"identity", []byte(`{}`), http.StatusAccepted},
		{"gzip", gzipped(t, `{}`, 2), http.StatusUnsupportedMediaType},
		{"gzip, gzip", gzipped(t, `{}`, 2), http.StatusUnsupportedMediaType},
		{"br", []byte(`{}`), http.StatusUnsupportedMediaType},
		{"deflate", []byte(`{}`), http.StatusUnsupportedMediaType},
		{"zstd", []byte(`{}`), http.StatusUnsupportedMediaType},
		{"gzip", []byte(`{}`), http.StatusBadRequest},
		{"gzip", gzipped(t, `{}`, 1)[:10], http.StatusBadRequest},
		{"", gzipped(t, `{}`, 1), http.StatusBadRequest},
	} {
		a := p.send("gh", test.body, "Content-Encoding", test.coding)
		if a.status != test.status {
			t.Errorf("%q with %.12q: got %d %s, want %d", test.coding, test.body, a.status, a.body, test.status)
		}
	}
	if n := p.count(); n != 4 {
		t.Errorf("got %d events, want 4", n)
	}
}

// TestC12AllOrNothing: one bad event among many, and nothing is stored; the
// answer says which.
func TestC12AllOrNothing(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	p.endpoint("strict", map[string]any{"payload_schema": json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer"}}}`)})
	many := func(n int, bad string, sep string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = fmt.Sprintf(`{"n":%d}`, i)
		}
		items[n*7/10] = bad
		return strings.Join(items, sep)
	}
	for _, test := range []struct {
		path, body, kind, field string
		status                  int
	}{
		{"gh", "[" + many(10_000, `{"a":1,"a":2}`, ",") + "]", "application/json", "/7000/a", http.StatusBadRequest},
		{"gh", "[" + many(10_000, `7`, ",") + "]", "application/json", "/7000", http.StatusBadRequest},
		{"gh", many(10_000, `{"a":"\u0000"}`, "\n"), "application/x-ndjson", "/7000/a", http.StatusBadRequest},
		{"strict", "[" + many(10_000, `{"n":"seven"}`, ",") + "]", "application/json", "/7000/n", http.StatusUnprocessableEntity},
		{"strict", many(1_000, `{"n":1.5}`, "\n"), "application/x-ndjson", "/700/n", http.StatusUnprocessableEntity},
		{"gh", "[" + many(20_001, `{}`, ",") + "]", "application/json", "", http.StatusRequestEntityTooLarge},
	} {
		var problem iot.Problem
		p.send(test.path, test.body, "Content-Type", test.kind).want(test.status).into(&problem)
		if problem.Field != test.field {
			t.Errorf("got field %q (%s), want %q", problem.Field, problem.Detail, test.field)
		}
	}
	if n := p.count(); n != 0 {
		t.Errorf("got %d events, want none", n)
	}
}

// TestAcceptedJSON: what the answer writes of itself is what encoding/json
// would.
func TestAcceptedJSON(t *testing.T) {
	for _, ids := range [][]iot.ID{{}, {"01a201f1-fb9b-76a0-8000-000000014e13"}, {"01a201f1-fb9b-76a0-8000-000000014e13", "01a201f1-fb93-7ae3-bed5-cd9f57456d03"}} {
		want, err := json.Marshal(api.Accepted{IDs: ids})
		if err != nil {
			t.Fatal(err)
		}
		if got := (api.Accepted{IDs: ids}).AppendJSON([]byte("x")); string(got) != "x"+string(want) {
			t.Errorf("got %s, want x%s", got, want)
		}
	}
}
