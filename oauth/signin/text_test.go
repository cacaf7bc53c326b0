package signin_test

import (
	"net/url"
	"strings"
	"testing"

	"iotman/oauth/signin"
)

// TestG9LocalPath: a path of ours is kept to the byte, all else is the root.
func TestG9LocalPath(t *testing.T) {
	for _, good := range []string{
		"/", "/signin?next=%2F", "/oauth/authorize?redirect_uri=https://app.example/cb&state=//x", "/a//b", "/?x=//evil.example", "/a:b", "/@evil.example", "/%5Cevil.example", "/ü",
	} {
		if got := signin.LocalPath(good); got != good {
			t.Errorf("%q: got %q, want it kept", good, got)
		}
	}
	for _, bad := range []string{
		"", " ", "//evil.example", "///evil.example", "////", `/\evil.example`, `\/evil.example`, `\\evil.example`, `/a\b`, "http://evil.example", "HTTPS://evil.example/",
		"http:evil.example", "https:/evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example", "a/b", "?x", "#x", " /a", "/\t/evil.example", "\t//evil.example",
		"/\n/evil.example", "/a\r\nSet-Cookie: x=1", "/\x00", "/%zz", "/%2F/evil.example", "/%2f%2fevil.example", "/" + strings.Repeat("x", 8<<10),
	} {
		if got := signin.LocalPath(bad); got != "/" {
			t.Errorf("%q: got %q, want /", bad, got)
		}
	}
}

// FuzzG9LocalPath: wherever a browser goes from what is let through, it stays
// here (URL Standard: it drops tabs and newlines, and takes \ for /).
func FuzzG9LocalPath(f *testing.F) {
	for _, s := range []string{"/", "//evil.example", `/\evil.example`, "/\t/evil.example", "http:evil.example", "/.//evil.example", "/a/..//evil.example", "/%2F/evil.example", "/?x#y"} {
		f.Add(s)
	}
	base := &url.URL{Scheme: "https", Host: "iot.example.com", Path: "/signin/confirm"}
	f.Fuzz(func(t *testing.T, s string) {
		got := signin.LocalPath(s)
		seen := strings.NewReplacer("\t", "", "\r", "", "\n", "", `\`, "/").Replace(strings.TrimFunc(got, func(r rune) bool { return r <= ' ' }))
		u, err := url.Parse(seen)
		if err != nil || !strings.HasPrefix(got, "/") || strings.HasPrefix(seen, "//") {
			t.Fatalf("%q: got %q (%v), which is no path", s, got, err)
		}
		if to := base.ResolveReference(u); to.Host != base.Host || to.Scheme != base.Scheme {
			t.Errorf("%q: got %q, which leads to %s", s, got, to)
		}
		if got != "/" && got != s || signin.LocalPath(got) != got {
			t.Errorf("%q: got %q, want it kept or refused", s, got)
		}
	})
}
