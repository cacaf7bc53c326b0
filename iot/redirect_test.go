package iot

import (
	"net/url"
	"strings"
	"testing"
)

func TestCheckRedirectURIA9(t *testing.T) {
	for _, good := range []string{
		"https://app.example.com/callback", "https://app.example.com/cb?tenant=7", "https://app.example.com",
		"http://127.0.0.1/callback", "http://127.0.0.1:33418/", "http://[::1]:9/cb", "http://localhost:3334/oauth/callback",
		"cursor://anysphere.cursor-retrieval/oauth/callback", "vscode://vscode.github-authentication/did-authenticate",
		"com.example.app:/oauth2redirect",
	} {
		if err := CheckRedirectURI(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "callback", "/callback", "//evil.example/cb", "https:", "https:///cb", "http://app.example.com/cb", "http://127.0.0.1.evil.example/cb",
		"http://localhost.evil.example/", "http://localhost@evil.example/cb", "https://user@app.example.com/cb", "https://app.example.com@evil.example/",
		"https://app.example.com/cb#x", "https://app.example.com/cb#", "https://app.example.com/a/../cb", "https://app.example.com/a/%2e%2e/cb", "https://app.example.com/./cb",
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://a.example/1", "about:blank",
		"https://app.example.com/c b", "https://app.example.com/\tcb", "https://app.example.com\\@evil.example/", "https://*.example.com/cb",
		"https://bücher.example/cb", "https://app.example.com/" + strings.Repeat("a", MaxRedirectURI), "cursor:", "x\x00://y",
	} {
		if err := CheckRedirectURI(bad); KindOf(err) != Invalid {
			t.Errorf("%q: got %v, want it refused", bad, err)
		}
	}
}

func TestMatchesRedirectA9A10(t *testing.T) {
	registered := []string{"https://app.example.com/cb", "http://127.0.0.1:1234/cb", "http://localhost/cb?x=1", "http://[::1]/cb", "cursor://app/cb"}
	for _, good := range []string{
		"https://app.example.com/cb", "http://127.0.0.1:1234/cb", "http://127.0.0.1:99/cb", "http://127.0.0.1/cb",
		"http://localhost:4321/cb?x=1", "http://[::1]:5/cb", "cursor://app/cb",
	} {
		if !MatchesRedirect(registered, good) {
			t.Errorf("%s does not match", good)
		}
	}
	for _, bad := range []string{
		"", "https://app.example.com/CB", "https://APP.example.com/cb", "https://app.example.com/cb/", "https://app.example.com/cb?", "https://app.example.com/cb?y=1",
		"https://app.example.com/x/../cb", "https://app.example.com:443/cb", "https://app.example.com@evil.example/cb", "https://evil.app.example.com/cb",
		"https://app.example.com/cb#f", "http://app.example.com/cb", "https://app.example.com/cb%20",
		"http://127.0.0.1:99/other", "http://127.0.0.1:99/cb/", "http://127.0.0.2:99/cb", "http://localhost:99/cb", "http://user@127.0.0.1:99/cb",
		"http://127.0.0.1:99/cb#f", "https://127.0.0.1:99/cb", "http://127.0.0.1:99/cb?x", "http://127.0.0.1.evil.example/cb", "cursor://app/cb/",
		"cursor://APP/cb", "CURSOR://app/cb", "javascript:alert(1)", "http://127.0.0.1:99/./cb", "http://[::1%25lo]:5/cb",
	} {
		if MatchesRedirect(registered, bad) {
			t.Errorf("%s matches", bad)
		}
	}
}

// FuzzRedirectA9 looks for a URI that matches and leads elsewhere.
func FuzzRedirectA9(f *testing.F) {
	registered := []string{"https://app.example.com/cb", "http://127.0.0.1:1234/cb", "http://localhost/cb"}
	for _, s := range append(registered, "http://127.0.0.1:1@evil.example/cb", "http://127.0.0.1:1/cb#x", "http://localhost:/cb", "http://LOCALHOST/cb") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		if !MatchesRedirect(registered, asked) {
			return
		}
		u, err := url.Parse(asked)
		if err != nil || u.User != nil || u.Fragment != "" || u.Path != "/cb" || u.RawQuery != "" {
			t.Fatalf("%q matches", asked)
		}
		if asked != registered[0] && (u.Scheme != "http" || u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost") {
			t.Fatalf("%q matches and leads to %q", asked, u.Host)
		}
	})
}
