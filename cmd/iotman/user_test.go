package main

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// visitor is a browser at a server.
type visitor struct {
	s      *server
	client *http.Client
}

func (s *server) visitor() visitor {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return visitor{s, &http.Client{Jar: jar}}
}

func (v visitor) do(r *http.Request, err error) reply {
	v.s.t.Helper()
	if err != nil {
		v.s.t.Fatal(err)
	}
	got, err := receiveBy(v.client, r)
	if err != nil {
		v.s.t.Fatal(err)
	}
	return got
}

func (v visitor) get(path string) reply {
	v.s.t.Helper()
	return v.do(http.NewRequestWithContext(v.s.t.Context(), http.MethodGet, v.s.url+path, nil))
}

var formToken = regexp.MustCompile(`name="form" value="([^"]+)"`)

// post fills in a form of the page at from, and sends it.
func (v visitor) post(from, path string, fields url.Values) reply {
	v.s.t.Helper()
	token := formToken.FindSubmatch(v.get(from).body)
	if token == nil {
		v.s.t.Fatalf("%s has no form", from)
	}
	fields.Set("form", string(token[1]))
	r, err := http.NewRequestWithContext(v.s.t.Context(), http.MethodPost, v.s.url+path, strings.NewReader(fields.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return v.do(r, err)
}

// enters reports whether a password signs in.
func (v visitor) enters(email, password string) bool {
	v.s.t.Helper()
	got := v.post("/signin?again=1", "/signin/password", url.Values{"email": {email}, "password": {password}})
	if got.status != http.StatusOK && got.status != http.StatusUnauthorized {
		v.s.t.Fatalf("got status %d: %s", got.status, got.body)
	}
	return got.status == http.StatusOK
}

// signedIn returns whom the server takes the visitor for, "" for nobody.
func (v visitor) signedIn() string {
	v.s.t.Helper()
	found := regexp.MustCompile(`Signed in as</span> <b>([^<]*)</b>`).FindSubmatch(v.get("/").body)
	if found == nil {
		return ""
	}
	return string(found[1])
}

// withPassword runs iotman user -password with a text on standard input.
func withPassword(t *testing.T, dir, stdin string, args ...string) outcome {
	t.Helper()
	cmd := program(t, nil, append([]string{"user", "-data", dir, "-password"}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	return execute(t, cmd)
}

// TestUser makes an account beside a server, gives it a password, another, and
// none.
func TestUser(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	const first, second = "correct horse battery staple", "four other random words"
	got := withPassword(t, dir, first+"\r\nnot this line\n", "-email", " Bob@Example.com", "-name", "Bob")
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("got exit code %d: %s", got.code, got.stderr)
	}
	match(t, "stdout", got.stdout, `^made the account bob@example\.com and the workspace bob\nset the password of bob@example\.com and signed them out everywhere\n$`)
	v := s.visitor()
	if v.enters("bob@example.com", first+"\r") || !v.enters("bob@example.com", first) || v.signedIn() != "bob@example.com" {
		t.Error("the password, and it alone, does not sign in")
	}
	if page := string(v.get("/").body); !strings.Contains(page, s.url+"/mcp/bob") {
		t.Errorf("got %s, want the MCP URL of bob's workspace", page)
	}
	tokenFor(t, dir, "-workspace", "bob", "-email", "bob@example.com")

	if got = iotman(t, "user", "-data", dir, "-email", "bob@example.com"); got != (outcome{}) {
		t.Errorf("an account that there is: got %+v, want nothing", got)
	}
	for stdin, message := range map[string]string{
		"short\n":                 `^iotman: .*a password has 12 to 1024 bytes; got 5`,
		strings.Repeat("x", 2000): `^iotman: .*a password has 12 to 1024 bytes; got `,
		"":                        `^iotman: read the password from standard input: EOF\n$`,
	} {
		got := withPassword(t, dir, stdin, "-email", "bob@example.com")
		if got.code != 1 || got.stdout != "" {
			t.Errorf("got exit code %d and %q, want 1 and nothing", got.code, got.stdout)
		}
		match(t, "stderr", got.stderr, message)
	}
	if v.signedIn() == "" {
		t.Error("a password that was refused signed out")
	}

	withPassword(t, dir, second, "-email", "bob@example.com")
	if v.signedIn() != "" || v.enters("bob@example.com", first) || !v.enters("bob@example.com", second) {
		t.Error("another password did not sign out, or does not count")
	}
	got = withPassword(t, dir, "\n", "-email", "bob@example.com")
	match(t, "stdout", got.stdout, `^took the password away from bob@example\.com and signed them out everywhere\n$`)
	if v.signedIn() != "" || v.enters("bob@example.com", second) || v.enters("bob@example.com", "") {
		t.Error("a password that was taken away signs in")
	}
	for what, text := range map[string]string{"the log": s.stderr.String(), "its output": s.stdout.String()} {
		if strings.Contains(text, first) || strings.Contains(text, second) {
			t.Errorf("a password stands in %s", what)
		}
	}
	s.stop()
}

// TestUserRefused: what is no account says so.
func TestUserRefused(t *testing.T) {
	dir := t.TempDir()
	got := iotman(t, "user", "-data", dir, "-email", "bob@example.com")
	if got.code != 1 {
		t.Errorf("no data folder: got exit code %d, want 1", got.code)
	}
	match(t, "stderr", got.stderr, `is not a data folder: run iotman serve first`)
	start(t, dir).stop()
	got = iotman(t, "user", "-data", dir)
	if got.code != 2 {
		t.Errorf("no -email: got exit code %d, want 2", got.code)
	}
	got = iotman(t, "user", "-data", dir, "-email", "bob")
	if got.code != 1 {
		t.Errorf("no address: got exit code %d, want 1", got.code)
	}
	match(t, "stderr", got.stderr, `^iotman: .*expected an email address`)
}

// TestLoginLink prints links beside a server: each works once, in any browser,
// and ends the one before.
func TestLoginLink(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	link := func(args ...string) string {
		t.Helper()
		got := iotman(t, append([]string{"login-link", "-data", dir}, args...)...)
		found := regexp.MustCompile(`^` + regexp.QuoteMeta(s.url) + `/signin/link\?token=([A-Z2-7]{52})\n$`).FindStringSubmatch(got.stdout)
		if got.code != 0 || got.stderr != "" || found == nil {
			t.Fatalf("got %+v, want a link and nothing else", got)
		}
		return found[1]
	}
	opened := func(v visitor, token string) int {
		t.Helper()
		return v.post("/signin?again=1", "/signin/confirm", url.Values{"token": {token}}).status
	}
	v := s.visitor()
	before, token := link(), link()
	if got := opened(v, before); got != http.StatusNotFound {
		t.Errorf("a link that another followed: got %d, want 404", got)
	}
	if got := opened(v, token); got != http.StatusOK || v.signedIn() != "admin@localhost" {
		t.Errorf("got %d and %q, want admin@localhost signed in", got, v.signedIn())
	}
	if got := opened(s.visitor(), token); got != http.StatusNotFound {
		t.Errorf("a used link: got %d, want 404", got)
	}
	if got := iotman(t, "user", "-data", dir, "-email", "bob@example.com"); got.code != 0 {
		t.Fatalf("got %+v", got)
	}
	v = s.visitor()
	if opened(v, link("-email", "BOB@example.com")); v.signedIn() != "bob@example.com" {
		t.Errorf("got %q signed in, want bob@example.com", v.signedIn())
	}
	got := iotman(t, "login-link", "-data", dir, "-email", "eve@example.com")
	if got.code != 1 || got.stdout != "" {
		t.Errorf("nobody's address: got %+v, want exit code 1", got)
	}
	match(t, "stderr", got.stderr, `^iotman: .*no account has the address "eve@example\.com"`)
	s.stop()
}

// TestConsoleMail: a server without mail prints what it would send, to its
// console and not to its log.
func TestConsoleMail(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, "-log", "debug")
	v := s.visitor()
	page := v.post("/signin", "/signin/link", url.Values{"email": {"admin@localhost"}, "next": {"/?mailed=1"}})
	if !strings.Contains(string(page.body), "the link is on its console") {
		t.Errorf("got %s, want to read where the link is", page.body)
	}
	mail := regexp.MustCompile(`(?s)Mail to admin@localhost: Sign in to iotman\n.*?/signin/link\?token=([A-Z2-7]{52})\n`)
	s.until("printing the mail", startLimit, func() bool { return mail.MatchString(s.stdout.String()) })
	token := mail.FindStringSubmatch(s.stdout.String())[1]
	if strings.Contains(s.stderr.String(), token) {
		t.Error("the link stands in the log")
	}
	got := v.post("/signin/link?token="+token, "/signin/confirm", url.Values{"token": {token}})
	if got.status != http.StatusOK || v.signedIn() != "admin@localhost" {
		t.Errorf("got %d and %q signed in", got.status, v.signedIn())
	}
	s.stop()
}
