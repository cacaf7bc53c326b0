package signin

import (
	"crypto/rand"
	"net/url"
	"strings"
)

// LocalPath returns a path of ours to go to, with its query: s if it is one,
// else "/". A browser takes //host and /\host for another site.
func LocalPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > 8<<10 || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n\t") ||
		u.Host != "" || u.Scheme != "" || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	return s
}

// codeLetters are the 32 that people do not take for one another.
const codeLetters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

// newCode returns a code of 40 bits, of which there are five tries.
func newCode() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails (crypto/rand)
	for i, c := range b {
		b[i] = codeLetters[c%32]
	}
	return string(b)
}

// tidyCode reads a code as people type it.
func tidyCode(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		if strings.ContainsRune(codeLetters, r) {
			return r
		}
		return -1
	}, s[:min(len(s), 64)])
}
