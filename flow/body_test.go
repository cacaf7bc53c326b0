package flow

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iotman/iot"
)

// headers returns the headers that pairs of name and value make.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// decode decodes a body of the content type.
func decode(contentType, body string) (Body, error) {
	return DecodeBody(headers("Content-Type", contentType), strings.NewReader(body))
}

// payloads returns the payloads of b.
func payloads(b Body) []string {
	var s []string
	for _, it := range b.Items {
		s = append(s, string(it.Payload))
	}
	return s
}

// refused checks that err is an iot.Error of the kind, at the field, whose
// message and hint hold want.
func refused(t *testing.T, err error, kind iot.Kind, field, want string) {
	t.Helper()
	e, ok := errors.AsType[*iot.Error](err)
	if !ok {
		t.Fatalf("got error %v, want an iot.Error", err)
	}
	if e.Kind != kind || e.Field != field || !strings.Contains(e.Msg+"; "+e.Hint, want) {
		t.Errorf("got %s %q: %s; %s\nwant %s %q: …%s…", e.Kind.Slug(), e.Field, e.Msg, e.Hint, kind.Slug(), field, want)
	}
}

func TestDecodeBody(t *testing.T) {
	const js, nd = "application/json", "application/x-ndjson"
	for _, tt := range []struct {
		name, contentType, body string
		want                    []string
	}{
		{"object", js, `{"a":1}`, []string{`{"a":1}`}},
		{"no type", "", `{"a":1}`, []string{`{"a":1}`}},
		{"curl's default", "application/x-www-form-urlencoded", `{"a":1}`, []string{`{"a":1}`}},
		{"text", "text/plain; charset=UTF-8", `[{"a":1}]`, []string{`{"a":1}`}},
		{"bytes", "application/octet-stream", ` {"a":1} `, []string{`{"a":1}`}},
		{"suffix", "application/senml+json", `[{"a":1},{}]`, []string{`{"a":1}`, `{}`}},
		{"array", js, ` [ {"a":1} , {"b": [ ] } ] `, []string{`{"a":1}`, `{"b":[]}`}},
		{"white space", js, "{\r\n\t\"a b\" : \" x \\\" y\\\\\" , \"c\":[ 1 , 2 ]}\n", []string{`{"a b":" x \" y\\","c":[1,2]}`}},
		{"escapes stay", js, `{"\u0061":"\/\u00e9é\ud83d\ude00"}`, []string{`{"\u0061":"\/\u00e9é\ud83d\ude00"}`}},
		{"lines", nd, "{\"a\":1}\n{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},
		{"lines, no last newline", nd, "{\"a\":1}\n{\"a\":2}", []string{`{"a":1}`, `{"a":2}`}},
		{"lines, blank and CRLF", "application/jsonl", "\r\n\n {\"a\": 1}\t\r\n \r\n{}\r\n", []string{`{"a":1}`, `{}`}},
		{"ndjson", "application/ndjson;charset=us-ascii", "{}", []string{`{}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := decode(tt.contentType, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, payloads(b)); diff != "" {
				t.Error(diff)
			}
			if string(b.Text) != tt.body {
				t.Errorf("got text %q, want it as sent", b.Text)
			}
			for _, it := range b.Items {
				if it.Key != "" || it.CloudEvent != nil || !it.OccurredAt.IsZero() {
					t.Errorf("got %+v, want a payload and no more", it)
				}
			}
		})
	}
}

func TestDecodeBodyRefuses(t *testing.T) {
	const js, nd = "application/json", "application/x-ndjson"
	for _, tt := range []struct {
		name, contentType, body string
		field, want             string
	}{
		{"empty", js, "", "", "empty"},
		{"blank", js, " \r\n", "", "empty"},
		{"blank lines", nd, "\n \r\n", "", "empty"},
		{"empty array", js, "[ ]", "", "at least one event"},
		{"number", js, "42", "", "expected an object or an array of objects, got number"},
		{"string", js, `"x"`, "", "got string"},
		{"null", js, `null`, "", "got null"},
		{"bool in array", js, `[{},true]`, "/1", "expected an object, got boolean"},
		{"array in array", js, `[{},[]]`, "/1", "expected an object, got array"},
		{"array in a line", nd, "{}\n\n[]", "/1", "line 3: expected an object, got array"},
		{"line", nd, "{}\r\n\r\n{\"a\":\n1}", "/1/a", "line 3: not valid JSON: it ends too early"},
		{"two on a line", nd, "{}\n{} {}", "/1", "line 2: expected one value"},
		{"two values", js, "{}\n{}", "", "application/x-ndjson"},
		{"garbage after", js, `{"a":1} x`, "", "invalid character 'x'"},
		{"garbage after array", js, `[{}]]`, "", "not valid JSON"},
		{"form", "application/x-www-form-urlencoded", "a=1", "", "not valid JSON at byte 0"},
		{"cut", js, `[{"a":1},{"a":{"b":`, "/1/a/b", "ends too early"},
		{"trailing comma", js, `[{"a":[1,]}]`, "/0/a/1", "invalid character ']'"},
		{"single quotes", js, `{'a':1}`, "", "invalid character '\\''"},
		{"byte order mark", js, "\ufeff{}", "", "byte order mark"},
		{"leading zero", js, `{"a":01}`, "", "not valid JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := decode(tt.contentType, tt.body)
			refused(t, err, iot.Invalid, tt.field, tt.want)
			if b.Items != nil || string(b.Text) != tt.body {
				t.Errorf("got %d items and text %q, want no items and the text", len(b.Items), b.Text)
			}
		})
	}
}

func TestDecodeBodyMediaTypes(t *testing.T) {
	for _, tt := range []struct {
		h           http.Header
		field, want string
	}{
		{headers("Content-Type", "text/csv"), "Content-Type", "application/x-ndjson"},
		{headers("Content-Type", "application/cloudevents+avro"), "Content-Type", "not understood"},
		{headers("Content-Type", "multipart/form-data; boundary=x"), "Content-Type", "not understood"},
		{headers("Content-Type", "nonsense; ="), "Content-Type", "expected a media type"},
		{headers("Content-Type", "application/json; charset=iso-8859-1"), "Content-Type", "UTF-8"},
		{headers("Content-Type", "application/json", "Content-Type", "text/plain"), "Content-Type", "got 2"},
		{headers("Content-Encoding", "br"), "Content-Encoding", "gzip"},
		{headers("Content-Encoding", "gzip, gzip"), "Content-Encoding", "once"},
		{headers("Content-Encoding", "gzip", "Content-Encoding", "deflate"), "Content-Encoding", "once"},
	} {
		_, err := DecodeBody(tt.h, strings.NewReader("{}"))
		refused(t, err, iot.Unsupported, tt.field, tt.want)
	}
	for _, coding := range []string{"identity", "", "Identity, "} {
		if _, err := DecodeBody(headers("Content-Encoding", coding), strings.NewReader("{}")); err != nil {
			t.Errorf("Content-Encoding %q: %v", coding, err)
		}
	}
}

func TestDecodeBodyMaxItems(t *testing.T) {
	body := "[" + strings.Repeat("{},", MaxItems-1) + "{}]"
	if b, err := decode("", body); err != nil || len(b.Items) != MaxItems {
		t.Fatalf("got %d items and %v, want %d", len(b.Items), err, MaxItems)
	}
	_, err := decode("", "[{},"+body[1:])
	refused(t, err, iot.TooLarge, "", "at most 20000 events")
	_, err = decode("application/x-ndjson", strings.Repeat("{}\n", MaxItems+1))
	refused(t, err, iot.TooLarge, "", "at most 20000 events")
}

func TestDigest(t *testing.T) {
	ce := func(id string) http.Header {
		return headers("Ce-Specversion", "1.0", "Ce-Id", id, "Ce-Source", "s", "Ce-Type", "t")
	}
	gz := headers("Content-Type", "application/json", "Content-Encoding", "gzip")
	digest := func(h http.Header, body string) [32]byte {
		t.Helper()
		b, err := DecodeBody(h, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return b.Digest
	}
	plain := digest(headers("Content-Type", "application/json"), "{}")
	if digest(headers("Content-Type", "Application/JSON; charset=utf-8"), "{}") != plain {
		t.Error("case and parameters of the media type count")
	}
	if digest(gz, zip("{}")) != plain {
		t.Error("compression counts")
	}
	seen := map[[32]byte]string{plain: "plain"}
	for name, sum := range map[string][32]byte{
		"body":       digest(headers("Content-Type", "application/json"), "{} "),
		"media type": digest(headers("Content-Type", "text/plain"), "{}"),
		"binary":     digest(ce("1"), "{}"),
		"id":         digest(ce("2"), "{}"),
	} {
		if other, ok := seen[sum]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[sum] = name
	}
}

// zip returns s as gzip.
func zip(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.String()
}

// endless yields c for ever and counts.
type endless struct {
	c byte
	n int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.c
	}
	e.n += len(p)
	return len(p), nil
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestC1BodyTooLarge(t *testing.T) {
	fits := `{"a":"` + strings.Repeat("x", iot.MaxBody-8) + `"}`
	if _, err := decode("", fits); err != nil {
		t.Errorf("a body of %d bytes: %v", len(fits), err)
	}
	_, err := decode("", fits+" ")
	refused(t, err, iot.TooLarge, "", "1048576 bytes")

	src := &endless{c: ' '}
	n := allocated(func() { _, err = DecodeBody(nil, src) })
	refused(t, err, iot.TooLarge, "", "1048576 bytes")
	if src.n > iot.MaxBody+1 || n > 12*iot.MaxBody {
		t.Errorf("read %d bytes and allocated %d, want at most %d and %d", src.n, n, iot.MaxBody+1, 12*iot.MaxBody)
	}
	_, err = DecodeBody(nil, http.MaxBytesReader(nil, io.NopCloser(strings.NewReader(fits)), 100))
	refused(t, err, iot.TooLarge, "", "1048576 bytes")
}

func TestBrokenOff(t *testing.T) {
	cut := errors.New("connection reset")
	for _, h := range []http.Header{nil, headers("Content-Encoding", "gzip")} {
		_, err := DecodeBody(h, io.MultiReader(strings.NewReader(zip("{}")[:15]), &failing{cut}))
		refused(t, err, iot.Invalid, "", "broke off")
		if !errors.Is(err, cut) {
			t.Errorf("got %v, want the cause within", err)
		}
	}
}

// failing fails with err.
type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestC2Depth(t *testing.T) {
	nest := func(n int) string { return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1) }
	deep := strings.Repeat("/a", iot.MaxDepth)
	if _, err := decode("", nest(iot.MaxDepth)); err != nil {
		t.Errorf("%d levels: %v", iot.MaxDepth, err)
	}
	if _, err := decode("", "["+nest(iot.MaxDepth)+"]"); err != nil {
		t.Errorf("%d levels in an array of events: %v", iot.MaxDepth, err)
	}
	for _, tt := range []struct{ contentType, body, field string }{
		{"", nest(iot.MaxDepth + 1), deep},
		{"", "[{}," + nest(iot.MaxDepth+1) + "]", "/1" + deep},
		{"application/x-ndjson", "{}\n" + nest(iot.MaxDepth+1), "/1" + deep},
		{"application/cloudevents+json", `{"data":` + nest(iot.MaxDepth+1) + "}", "/data" + deep},
		{"", `{"a":` + strings.Repeat("[", iot.MaxDepth) + strings.Repeat("]", iot.MaxDepth) + "}", "/a" + strings.Repeat("/0", iot.MaxDepth-1)},
		{"", nest(9_999), deep},
		{"", `{"a":` + nest(iot.MaxDepth) + `,"b":{}}`, deep},
		{"", strings.Repeat("[", 100_000), ""},
	} {
		_, err := decode(tt.contentType, tt.body)
		if len(tt.body) > 20_000 { // beyond the JSON decoder's own limit the place is only roughly told
			if iot.KindOf(err) != iot.Invalid || !strings.Contains(err.Error(), "deeper than 64 levels") {
				t.Errorf("got %v, want it refused", err)
			}
			continue
		}
		refused(t, err, iot.Invalid, tt.field, "deeper than 64 levels")
	}
}

func TestC3Text(t *testing.T) {
	for _, tt := range []struct{ name, body, field, want string }{
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "/a", "invalid UTF-8"},
		{"invalid UTF-8 in a name", "{\"\xc3\x28\":1}", "", "invalid UTF-8"},
		{"overlong", "{\"a\":\"\xc0\x80\"}", "/a", "invalid UTF-8"},
		{"encoded surrogate", "{\"a\":\"\xed\xa0\x80\"}", "/a", "invalid UTF-8"},
		{"lone high surrogate", `{"a":["\ud800"]}`, "/a/0", "surrogate"},
		{"lone low surrogate", `{"a":"\udc00x"}`, "/a", "surrogate"},
		{"reversed surrogates", `{"a":"\udc00\ud800"}`, "/a", "surrogate"},
		{"raw NUL", "{\"a\":\"\x00\"}", "/a", "invalid character"},
		{"escaped NUL", `{"x":0,"a":[1,"y\u0000z"]}`, "/a/1", "U+0000"},
		{"NUL after escapes", `{"a":"\\\u0000"}`, "/a", "U+0000"},
		{"NUL in a name", `{"a":{"\u0000":1}}`, "/a/\ufffd", "U+0000"},
		{"raw line feed", "{\"a\":\"\n\"}", "/a", "invalid character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := decode("", tt.body)
			refused(t, err, iot.Invalid, tt.field, tt.want)
			_, err = decode("", "[{},"+tt.body+"]")
			refused(t, err, iot.Invalid, "/1"+tt.field, tt.want)
			_, err = decode("application/x-ndjson", "{}\n"+tt.body)
			if tt.name != "raw line feed" { // which ends a line
				refused(t, err, iot.Invalid, "/1"+tt.field, tt.want)
			}
			_, err = decode("application/cloudevents+json", `{"specversion":"1.0","id":"1","source":"s","type":"t","data":`+tt.body+`}`)
			refused(t, err, iot.Invalid, "/data"+tt.field, tt.want)
		})
	}
	const fine = `{"a":"\\u0000","b\\\\u0000":"\u0001","c":"u0000"}`
	if b, err := decode("", fine); err != nil || string(b.Items[0].Payload) != fine {
		t.Errorf("got %s and %v, want the text %s, which holds no U+0000", payloads(b), err, fine)
	}
}

func TestC4Numbers(t *testing.T) {
	const body = `{"a":1e999,"b":9007199254740993,"c":-0,"d":1.10,"e":1E+5,"f":-1e-400,"g":123456789012345678901234567890.5}`
	b, err := decode("", body)
	if err != nil || string(b.Items[0].Payload) != body {
		t.Errorf("got %s and %v, want %s to the digit", payloads(b), err, body)
	}
	for _, n := range []string{"NaN", "Infinity", "-Infinity"} {
		_, err := decode("", `[{"a":`+n+`}]`)
		refused(t, err, iot.Invalid, "/0/a", "JSON has no NaN")
	}
	for _, n := range []string{"+1", ".5", "1.", "0x1", "1e", "1_000", "--1"} {
		if _, err := decode("", `{"a":`+n+`}`); iot.KindOf(err) != iot.Invalid {
			t.Errorf("%s: got %v, want it refused", n, err)
		}
	}
}

func TestC5DuplicateKeys(t *testing.T) {
	const ce = `"specversion":"1.0","id":"1","source":"s","type":"t"`
	for _, tt := range []struct{ contentType, body, field string }{
		{"", `{"a":1,"a":2}`, "/a"},
		{"", `{"a":1,"\u0061":2}`, "/a"},
		{"", `[{},{"x":[{"a/b":1,"a/b":1}]}]`, "/1/x/0/a~1b"},
		{"application/x-ndjson", "{}\n{\"a\":1,\"a\":1}", "/1/a"},
		{"application/cloudevents+json", `{` + ce + `,"id":"2"}`, "/id"},
		{"application/cloudevents+json", `{` + ce + `,"data":{"a":1,"a":1}}`, "/data/a"},
		{"application/cloudevents-batch+json", `[{` + ce + `,"data":{"a":1,"a":1}}]`, "/0/data/a"},
	} {
		_, err := decode(tt.contentType, tt.body)
		refused(t, err, iot.Invalid, tt.field, "duplicate key")
	}
	h := headers("Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "s", "Ce-Type", "t")
	_, err := DecodeBody(h, strings.NewReader(`{"a":1,"a":1}`))
	refused(t, err, iot.Invalid, "/a", "duplicate key")
	h.Add("Ce-Id", "2")
	_, err = DecodeBody(h, strings.NewReader(`{}`))
	refused(t, err, iot.Invalid, "ce-id", "got it 2 times")
}

func TestC6Compression(t *testing.T) {
	h := headers("Content-Encoding", "gzip")
	for _, coding := range []string{"gzip", "x-gzip", "GZIP", "identity, gzip"} {
		b, err := DecodeBody(headers("Content-Encoding", coding), strings.NewReader(zip(`{"a":1}`)))
		if err != nil || string(b.Text) != `{"a":1}` {
			t.Errorf("%s: got %q and %v", coding, b.Text, err)
		}
	}
	if b, err := DecodeBody(h, strings.NewReader(zip(`{"a":`)+zip(`1}`))); err != nil || string(b.Text) != `{"a":1}` {
		t.Errorf("two members (RFC 1952 section 2.2): got %q and %v", b.Text, err)
	}

	whole := zip(`{"a":1}`)
	for name, body := range map[string]string{
		"plain": `{"a":1}`, "empty": "", "cut": whole[:len(whole)-3], "garbage after": whole + "x",
		"checksum": whole[:len(whole)-8] + "\x00\x00\x00\x00" + whole[len(whole)-4:],
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeBody(h, strings.NewReader(body))
			refused(t, err, iot.Invalid, "Content-Encoding", "not valid gzip")
		})
	}
	_, err := DecodeBody(h, strings.NewReader(zip(zip("{}"))))
	refused(t, err, iot.Unsupported, "Content-Encoding", "gzip within gzip")

	bomb := zip(strings.Repeat(" ", 32<<20))
	n := allocated(func() { _, err = DecodeBody(h, strings.NewReader(bomb)) })
	refused(t, err, iot.TooLarge, "", "after decompression")
	if n > 12*iot.MaxBody { // of which most is the growing of a buffer
		t.Errorf("a bomb of %d bytes made it allocate %d bytes, want at most %d", len(bomb), n, 12*iot.MaxBody)
	}
	// Compressed bytes that decompress to nothing: a member of 20-odd bytes, again and again.
	_, err = DecodeBody(h, strings.NewReader(strings.Repeat(zip(""), iot.MaxBody/20)))
	refused(t, err, iot.TooLarge, "", "before and after")
}

func TestC12OneBadItem(t *testing.T) {
	const n, bad = 10_000, 7_777
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"i":%d}`, i)
	}
	for _, wrong := range []struct{ item, field string }{
		{`{"a":{"b":1,"b":2}}`, "/7777/a/b"},
		{`{"a":"\u0000"}`, "/7777/a"},
		{`7`, "/7777"},
	} {
		items[bad] = wrong.item
		b, err := decode("", "["+strings.Join(items, ", ")+"]")
		refused(t, err, iot.Invalid, wrong.field, "")
		_, err2 := decode("application/x-ndjson", strings.Join(items, "\n"))
		refused(t, err2, iot.Invalid, wrong.field, "line 7778: ")
		if b.Items != nil {
			t.Errorf("got %d items beside the error, want none", len(b.Items))
		}
	}
}
