package schema

import (
	"errors"
	"strings"
	"testing"

	"iotman/iot"
)

// FuzzUntrusted asserts of strangers' schemas that they are refused in words
// or check as the library does, and of values that their mistakes are bounded.
func FuzzUntrusted(f *testing.F) {
	for i, doc := range schemas() {
		f.Add(doc, values()[i%len(values())])
	}
	f.Fuzz(func(t *testing.T, doc, value string) {
		s, err := CompileUntrusted([]byte(doc))
		if err != nil {
			if e, ok := errors.AsType[*iot.Error](err); !ok || e.Kind != iot.Invalid || e.Msg == "" || len(e.Msg) > 1000 {
				t.Fatalf("got the error %#v", err)
			}
			return
		}
		got := s.Validate([]byte(value))
		if len(got) > MaxMistakes {
			t.Fatalf("got %d mistakes", len(got))
		}
		for _, d := range got {
			if d.Detail == "" || len(d.Detail) > 3000 || len(d.Field) > 400 {
				t.Fatalf("got the mistake %q", d)
			}
		}
		v, mistake := decode([]byte(value), 0)
		if mistake != nil || numbers("", v) != nil || strings.Contains(doc, `"$schema"`) && strings.Contains(doc, `"$ref"`) {
			return // what the library panics on, and drafts in which it lets const stand beside $ref
		}
		if want := s.root.Validate(v) == nil; want != (got == nil) {
			t.Fatalf("%s against %s: got %v, the library says %t", value, doc, got, want)
		}
	})
}
