package main

import (
	"os"
	"strings"
	"testing"
)

// TestH8ConstantTime: what compares with a secret takes as long for a good
// guess as for a bad one. A new comparison belongs into this table. Access
// tokens are signed with RSA, and what is stored is found by its digest.
func TestH8ConstantTime(t *testing.T) {
	for _, c := range []struct {
		file, function, with string
		times                int
	}{
		{"../../flow/source.go", "func (s *Source) BasicOK(", "subtle.ConstantTimeCompare(", 2},
		{"../../store/cursor.go", "func (w *Workspace) Position(", "hmac.Equal(", 1},
	} {
		text, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		_, body, found := strings.Cut(string(text), "\n"+c.function)
		body, _, _ = strings.Cut(body, "\n}\n")
		if n := strings.Count(body, c.with); !found || n != c.times || strings.Contains(body, "bytes.Equal(") {
			t.Errorf("%s: %s) compares %d times by %s), want %d", c.file, c.function, n, c.with, c.times)
		}
	}
}
