package flow

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"

	"iotman/iot"
)

// FuzzDecodeBody asserts what holds of every body that is accepted: its
// payloads are valid JSON in its shortest form, within the limits, and an
// object among them decodes to itself.
func FuzzDecodeBody(f *testing.F) {
	types := []string{
		"", "application/json", "application/x-ndjson", "application/cloudevents+json",
		"application/cloudevents-batch+json", "text/plain", "image/png",
	}
	for _, body := range []string{
		`{"a": [1, -0, 1e999, "\u0061 \\", null, true]}`, "[{}, {}]", "{}\n\n{\"a\":1}\r\n", structured, "[" + structured + "]",
		`{"a":1,"a":2}`, `{"a":"\ud800"}`, `{"a":"\u0000"}`, "{\"a\":\"\xff\"}", strings.Repeat("[", 100), zip("{}"), "\x00\xff", "",
		`{"a":NaN}`, "{}{}", "\ufeff{}",
	} {
		for kind := range types {
			f.Add(body, byte(kind), "1", false)
		}
	}
	f.Add(zip(`{"a" : 1}`), byte(1), "", true)
	f.Add("x", byte(6), "%41", false)
	f.Fuzz(func(t *testing.T, body string, kind byte, id string, zipped bool) {
		h := headers("Content-Type", types[int(kind)%len(types)])
		if id != "" && kind >= 128 {
			maps.Copy(h, binaryMode("ce-id", id))
		}
		if zipped {
			h.Set("Content-Encoding", "gzip")
		}
		b, err := DecodeBody(h, strings.NewReader(body))
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if len(b.Items) == 0 || len(b.Items) > MaxItems || len(b.Text) > iot.MaxBody {
			t.Fatalf("got %d items of %d bytes", len(b.Items), len(b.Text))
		}
		again, err := DecodeBody(h, strings.NewReader(body))
		if err != nil || again.Digest != b.Digest {
			t.Fatalf("the second time: %v, another digest: %t", err, again.Digest != b.Digest)
		}
		for _, it := range b.Items {
			checkItem(t, it)
		}
	})
}

// checkRefusal asserts that err tells its sender something.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*iot.Error](err)
	if !ok || e.Kind == iot.Internal || e.Msg == "" || len(e.Msg) > 400 || len(e.Field) > 400 {
		t.Fatalf("got the error %#v", err)
	}
}

// checkItem asserts what holds of every item.
func checkItem(t *testing.T, it Item) {
	t.Helper()
	if it.CloudEvent != nil && it.Key == "" {
		t.Fatal("a CloudEvent without a key")
	}
	var short bytes.Buffer
	if err := json.Compact(&short, it.Payload); err != nil || short.String() != string(it.Payload) {
		t.Fatalf("got the payload %q, compact %q, %v", it.Payload, short.String(), err)
	}
	if it.Payload[0] != '{' {
		return
	}
	again, err := DecodeBody(http.Header{}, bytes.NewReader(it.Payload))
	if err != nil || len(again.Items) != 1 || string(again.Items[0].Payload) != string(it.Payload) {
		t.Fatalf("%s decodes to %v and %v", it.Payload, payloads(again), err)
	}
}
