package oauth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"iotman/iot"
	"iotman/oauth"
)

// TestA12Name: whatever a client calls itself, what is kept holds nothing that
// could pass for something else, in one line of 64 characters; markup stays what
// it is, for pages to escape.
func TestA12Name(t *testing.T) {
	f := newFront(t, nil)
	n := 0
	for name, want := range map[string]string{
		"Claude":                               "Claude",
		"Claude\u202egnp.exe":                  "Claudegnp.exe",
		"\u2066Claude\u2069 \u200fby\u200e A":  "Claude by A",
		"Cl\u200baude\u200d\ufeff\u2060\u00ad": "Claude",
		"  Claude \t\r\n by\u00a0\u3000 A  ":   "Claude by A",
		"a\x00b\x1b[31mc\u0085d\u2028e":        "ab[31mcde",
		"<script>alert(1)</script>":            "<script>alert(1)</script>",
		"\U000e0041\U000e0042x":                "x", // tags, which nobody sees
		"":                                     "An app without a name",
		" \u200b\u202e ":                       "An app without a name",
		strings.Repeat("é", 65):                strings.Repeat("é", 64),
		strings.Repeat("\u202e", 500) + "Z":    "Z",
		"Сlaude":                               "Сlaude", // Cyrillic: the host that is shown beside it tells them apart
	} {
		n++
		r := f.register(map[string]any{"client_name": name, "redirect_uris": []string{appRedirect}, "token_endpoint_auth_method": "none"}, "Test-Address", fmt.Sprintf("192.0.2.%d", n))
		got := r.str("client_name")
		if got != want || strings.ContainsFunc(got, func(r rune) bool { return unicode.Is(unicode.Cf, r) || unicode.IsControl(r) }) {
			t.Errorf("%q: got %q, want %q (%d %s)", name, got, want, r.status, r.text)
		}
		a, err := f.authorize(f.request(app{id: r.str("client_id"), redirect: appRedirect}))
		f.must(err)
		if string(a.Client.Name) != want || a.Verified() {
			t.Errorf("%q: got %q, verified %t, want that nobody vouches for it", name, a.Client.Name, a.Verified())
		}
	}
	f.wants("a name of 1 MB", f.register(map[string]any{"client_name": strings.Repeat("x", 1<<20), "redirect_uris": []string{appRedirect}}), http.StatusRequestEntityTooLarge, "invalid_client_metadata")
}

// TestA12Verified: somebody vouches for a client only where its document is at
// the host that the answer goes to, or an admin gave it a secret.
func TestA12Verified(t *testing.T) {
	document := iot.Client{ID: "https://app.example.com/a.json", Document: true, Public: true}
	for redirect, want := range map[string]bool{
		"https://app.example.com/cb": true, "https://APP.example.com/cb": true, "https://evil.example/cb": false, "https://x.app.example.com/cb": false,
		"https://app.example.com:8443/cb": false, "http://app.example.com/cb": false, "http://127.0.0.1/cb": false, "app://app.example.com/cb": false,
	} {
		a := &oauth.Authorization{Client: document, Redirect: redirect}
		if got := a.Verified(); got != want {
			t.Errorf("%s: got verified %t, want %t", redirect, got, want)
		}
	}
	for what, c := range map[string]struct {
		client iot.Client
		want   bool
	}{
		"an admin's": {iot.Client{ID: "x", Workspace: "w"}, true}, "an admin's, without a secret": {iot.Client{ID: "x", Workspace: "w", Public: true}, false},
		"registered": {iot.Client{ID: "x"}, false},
	} {
		if got := (&oauth.Authorization{Client: c.client, Redirect: "https://app.example.com/cb"}).Verified(); got != c.want {
			t.Errorf("%s: got verified %t, want %t", what, got, c.want)
		}
	}
}
