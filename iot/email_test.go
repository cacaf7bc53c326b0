package iot

import (
	"strings"
	"testing"
)

func TestParseEmailG17(t *testing.T) {
	for in, want := range map[string]string{
		"ada@example.com": "ada@example.com", " Ada@Example.COM ": "ada@example.com", "a.b+c_d'e@x-y.example": "a.b+c_d'e@x-y.example",
		"admin@localhost": "admin@localhost", "ada@xn--bcher-kva.example": "ada@xn--bcher-kva.example",
	} {
		if got, err := ParseEmail(in); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}
	for _, bad := range []string{
		"", "@", "ada", "ada@", "@example.com", "ada@exa mple.com", "a da@example.com", "ada@example..com", "ada@.com", "ada@com.", "ada@-x.com", "ada@x-.com",
		"ada@bücher.example", "аda@example.com", "ada@example.com\r\nBcc: eve@example.com", "ada\x00@example.com", "a@b@c.com", "<ada@example.com>", `"a b"@example.com`,
		"ada@example.com,eve@example.com", "ada@[127.0.0.1]", "\u202eada@example.com", strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("a.", 130) + "com",
	} {
		if got, err := ParseEmail(bad); KindOf(err) != Invalid {
			t.Errorf("%q: got %q, %v, want it refused", bad, got, err)
		}
	}
}
