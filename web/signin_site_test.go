package web_test

import (
	"encoding/base32"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"iotman/iot"
	"iotman/store"
)

// TestG4Link: a link has 256 random bits, works for 15 minutes and once, and of
// it only the digest is kept.
func TestG4Link(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	b.ask(h.ada.Email, "/").want(http.StatusOK).says("If ada@example.com has an account here, a link is on its way.")
	link := h.link(h.ada.Email)
	token := tokenOf(link)
	if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(token); err != nil || len(raw)*8 < 256 {
		t.Errorf("got the token %q of %d bits (%v), want 256", token, len(raw)*8, err)
	}
	if l, err := h.store.SignInLink(t.Context(), store.DigestOf(token)); err != nil || l.Account != h.ada.ID || l.Browser != store.DigestOf(b.cookie("iotman_browser")) {
		t.Errorf("got the link %+v, %v; want one of ada, for the browser that asked", l, err)
	}

	h.add(15*time.Minute - time.Microsecond)
	p := b.get(link).want(http.StatusOK).says("You are about to sign in as ada@example.com.")
	h.add(time.Microsecond)
	p.form("/signin/confirm").send().want(http.StatusNotFound).says("used already, or is older than 15 minutes", "Go to the start page")
	b.get(link).want(http.StatusNotFound)
	if b.signedIn() {
		t.Error("a link signed in after its time")
	}

	h.add(time.Minute)
	b.ask(h.ada.Email, "/")
	p = b.get(h.link(h.ada.Email))
	p.form("/signin/confirm").send().leads("/")
	if !b.signedIn() {
		t.Fatal("a link did not sign in")
	}
	b.get(p.path).want(http.StatusNotFound)
	again := b.get("/signin?again=1").form("/signin/link")
	b.post("/signin/confirm", url.Values{"form": again.fields["form"], "token": {tokenOf(p.path)}}).want(http.StatusNotFound)
}

// TestG4Parallel: of a hundred that use one link at once, one is signed in.
func TestG4Parallel(t *testing.T) {
	h := newHouse(t)
	link := h.printed(h.ada)
	const n = 100
	sheets := make([]sheet, n)
	for i := range sheets {
		sheets[i] = h.browser().get(link).want(http.StatusOK).form("/signin/confirm")
	}
	var wg sync.WaitGroup
	answers := make([]page, n)
	for i, s := range sheets {
		wg.Go(func() { answers[i] = s.page.b.post(s.action, s.fields) })
	}
	wg.Wait()
	in := 0
	for _, p := range answers {
		if p.status == http.StatusSeeOther && p.b.signedIn() {
			in++
		} else {
			p.want(http.StatusNotFound)
		}
	}
	if rows := h.count(`SELECT COUNT(*) FROM browsers`); in != 1 || rows != 1 {
		t.Errorf("got %d browsers signed in, %d kept; want 1", in, rows)
	}
}

// TestG5Prefetch: what follows links by itself uses none up.
func TestG5Prefetch(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	b.ask(h.ada.Email, "/")
	link := h.link(h.ada.Email)
	scanner := h.browser()
	for range 3 {
		scanner.do(scanner.request(http.MethodHead, link, nil)).want(http.StatusOK)
		scanner.get(link).want(http.StatusOK)
		scanner.get("/signin/confirm?token=" + tokenOf(link)).want(http.StatusMethodNotAllowed)
		// One that sends the form as it finds it, but without a browser's memory.
		h.browser().post("/signin/confirm", scanner.get(link).form("/signin/confirm").fields).want(http.StatusForbidden)
	}
	b.do(b.request(http.MethodHead, link, nil)).want(http.StatusOK)
	if scanner.signedIn() || b.signedIn() {
		t.Error("a link that was only fetched signed in")
	}
	b.get(link).form("/signin/confirm").send().leads("/")
}

// TestG6NewLink: a new link for an address ends the one before, whoever asked.
func TestG6NewLink(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	b.ask(h.ada.Email, "/")
	first := h.link(h.ada.Email)
	shown := b.get(first).want(http.StatusOK)
	b.ask(" ADA@Example.com ", "/") // G17: one address, however it is written
	second := h.link(h.ada.Email)
	b.get(first).want(http.StatusNotFound)
	shown.form("/signin/confirm").send().want(http.StatusNotFound)
	b.get(second).want(http.StatusOK)
	printed := h.printed(h.ada)
	b.get(second).want(http.StatusNotFound)
	b.get(printed).form("/signin/confirm").send().leads("/")
}

var codes = regexp.MustCompile(`[2-9A-Z]{4} [2-9A-Z]{4}`)

// code returns the code on a page that shows one.
func (p page) code() string {
	p.b.h.t.Helper()
	code := codes.FindString(p.want(http.StatusOK).text())
	if code == "" {
		p.b.h.t.Fatalf("%s: no code: %s", p.path, p.text())
	}
	return code
}

// TestG7OtherBrowser: a link that is opened elsewhere signs nobody in there, but
// shows a code that does where the link was asked for.
func TestG7OtherBrowser(t *testing.T) {
	h := newHouse(t)
	laptop, phone := h.browser(), h.browser()
	sent := laptop.ask(h.ada.Email, "/?from=laptop")
	link := h.link(h.ada.Email)
	confirm := phone.get(link).says("This link for ada@example.com was asked for in another browser.").form("/signin/confirm")
	first := confirm.send().code()
	second := confirm.send().says("Never give it to anyone who asks for it").code()
	if phone.signedIn() {
		t.Fatal("the link signed in where it was not asked for")
	}
	typing := sent.form("/signin/code")
	if second != first { // the last one shown counts
		typing.with("code", first).send().want(http.StatusBadRequest).says("That is not the code that the link showed.")
	}
	h.browser().get("/signin").form("/signin/link").as("/signin/code").with("code", second).send().want(http.StatusNotFound)
	typing.with("code", " "+strings.ToLower(strings.ReplaceAll(second, " ", "-"))+" ").send().leads("/?from=laptop")
	if !laptop.signedIn() || phone.signedIn() {
		t.Error("the code did not sign in where the link was asked for, and only there")
	}
	typing.with("code", second).send().want(http.StatusForbidden) // the form is of before
	phone.get(link).want(http.StatusNotFound)
}

// as returns the form as if it posted elsewhere.
func (s sheet) as(action string) sheet {
	s.action = action
	return s
}

// TestG7WrongCodes: the fifth wrong code ends the link.
func TestG7WrongCodes(t *testing.T) {
	h := newHouse(t)
	laptop, phone := h.browser(), h.browser()
	typing := laptop.ask(h.ada.Email, "/").form("/signin/code")
	link := h.link(h.ada.Email)
	typing.with("code", "").send().want(http.StatusBadRequest) // none is shown yet, and "" is none
	right := phone.get(link).form("/signin/confirm").send().code()
	for range store.MaxCodeTries - 2 {
		typing.with("code", "AAAA AAAA").send().want(http.StatusBadRequest)
	}
	typing.with("code", "AAAA AAAA").send().want(http.StatusNotFound).says("5 times; the link works no more")
	typing.with("code", right).send().want(http.StatusNotFound)
	phone.get(link).want(http.StatusNotFound)
	if laptop.signedIn() {
		t.Error("a code signed in after five wrong ones")
	}
}

// TestG7Attacker: who asks for a link to another's address gets nothing when
// that person confirms it.
func TestG7Attacker(t *testing.T) {
	h := newHouse(t)
	attacker, victim := h.browser(), h.browser()
	sent := attacker.ask(h.ada.Email, "/")
	confirm := victim.get(h.link(h.ada.Email)).says("Did somebody else ask you to open this link? Then close this page.").form("/signin/confirm")
	confirm.send().code()
	if attacker.signedIn() || victim.signedIn() {
		t.Error("somebody was signed in by the confirmation alone")
	}
	for _, guess := range []string{"", "AAAAAAAA", "00000000"} {
		sent.form("/signin/code").with("code", guess).send().want(http.StatusBadRequest)
	}
	if n := h.count(`SELECT COUNT(*) FROM browsers`); n != 0 {
		t.Errorf("%d browsers are signed in, want none", n)
	}
}

// TestG7Printed: a link that the command line printed works in any browser.
func TestG7Printed(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	p := b.get(h.printed(h.ada)).says("You are about to sign in as ada@example.com.")
	p.form("/signin/confirm").send().leads("/")
	b.get("/").says("Plant north", "/mcp/north")
}

// tokens are what is random on a page.
var tokens = regexp.MustCompile(`value="[A-Za-z0-9_-]{43,}"`)

// TestG8UnknownAddress: who asks for a link learns nothing of who has an account:
// the same page to the byte, the same rows written, and mail leaves later.
func TestG8UnknownAddress(t *testing.T) {
	h := newHouse(t)
	written := func() int {
		return h.count(`SELECT (SELECT COUNT(*) FROM signin_links) + (SELECT COUNT(*) FROM attempts)`)
	}
	ask := func(email, action string) (string, int) {
		b := h.browser()
		b.from = email
		before := written()
		f := b.get("/signin").form("/signin/link").as(action).with("email", email)
		if action != "/signin/link" {
			f = f.with("password", "correct horse battery staple")
		}
		p := f.send()
		return p.header.Get("Content-Length") + strings.ReplaceAll(tokens.ReplaceAllString(p.body, ""), email, "EMAIL"), written() - before
	}
	for _, action := range []string{"/signin/link", "/signin/password"} {
		known, knownRows := ask("ada@example.com", action)
		unknown, unknownRows := ask("eve@example.com", action)
		if known != unknown {
			t.Errorf("%s: the answers differ:\n%s\n%s", action, known, unknown)
		}
		if knownRows != unknownRows || knownRows == 0 {
			t.Errorf("%s: got %d and %d rows written, want as many", action, knownRows, unknownRows)
		}
	}
	h.letter("ada@example.com")
	h.browser().ask("ada@example.com", "/")
	h.letter("ada@example.com") // the next mail: none went to eve

	// The code of a link that was sent to nobody is as wrong as any.
	for _, email := range []string{"ada@example.com", "eve@example.com"} {
		b := h.browser()
		b.from = "192.0.2.9"
		typing := b.ask(email, "/").form("/signin/code").with("code", "AAAAAAAA")
		for range store.MaxCodeTries - 1 {
			typing.send().want(http.StatusBadRequest)
		}
		typing.send().want(http.StatusNotFound)
	}
}

// TestG8Limits: three links in 15 minutes for an address, twenty attempts in an
// hour from a sender, whether there is such an account or not.
func TestG8Limits(t *testing.T) {
	for _, email := range []string{"ada@example.com", "eve@example.com"} {
		h := newHouse(t)
		b := h.browser()
		for range 3 {
			b.ask(email, "/").want(http.StatusOK)
		}
		b.from = "198.51.100.7" // another sender does not help
		p := b.ask(email, "/").want(http.StatusTooManyRequests).says("Too many attempts of late.")
		if got := p.header.Get("Retry-After"); got != "900" {
			t.Errorf("got Retry-After %q, want 900", got)
		}
		b.ask("other@example.com", "/").want(http.StatusOK)
		h.add(15*time.Minute - time.Microsecond)
		b.ask(email, "/").want(http.StatusTooManyRequests)
		h.add(time.Microsecond)
		b.ask(email, "/").want(http.StatusOK)
	}

	h := newHouse(t)
	b := h.browser()
	for i := range 20 {
		b.ask(strings.Repeat("x", i+1)+"@example.com", "/").want(http.StatusOK)
	}
	b.ask("y@example.com", "/").want(http.StatusTooManyRequests)
	b.get("/signin").form("/signin/password").with("email", "y@example.com").with("password", "x").send().want(http.StatusTooManyRequests)
	h.add(time.Hour - time.Microsecond)
	b.ask("y@example.com", "/").want(http.StatusTooManyRequests)
	h.add(time.Microsecond)
	b.ask("y@example.com", "/").want(http.StatusOK)
}

// TestG9OpenRedirect: signing in leads to a path of ours and nowhere else.
func TestG9OpenRedirect(t *testing.T) {
	for _, next := range []string{
		"//evil.example", `/\evil.example`, `\\evil.example`, "https://evil.example", "http:evil.example", "javascript:alert(1)", "/\t/evil.example",
		"/\n/evil.example", "evil.example", "?x", " //evil.example", "///evil.example", "/%2F/evil.example", "http://iot.example.com/", "",
	} {
		h := newHouse(t)
		b := h.browser()
		b.signIn(h.ada, next).leads("/")
		b.get("/signin?" + url.Values{"next": {next}}.Encode()).leads("/")
		// The form's own field is no better than the query.
		c := h.browser()
		c.get("/signin").form("/signin/link").with("next", next).with("email", h.ada.Email).send().want(http.StatusOK)
		c.get(h.link(h.ada.Email)).form("/signin/confirm").send().leads("/")
	}
	h := newHouse(t)
	const good = "/oauth/authorize?client_id=x&redirect_uri=https%3A%2F%2Fapp.example%2Fcb"
	h.browser().signIn(h.ada, good).leads(good)
}

// TestG10Host: links lead to the public URL, whatever Host a request names.
func TestG10Host(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	f := b.get("/signin").form("/signin/link").with("email", h.ada.Email)
	r := b.posting(f.action, f.fields)
	b.host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	r.Header.Set("Forwarded", "host=evil.example;proto=http")
	p := b.do(r)
	p.want(http.StatusOK)
	m := h.letter(h.ada.Email)
	if strings.Contains(m.Text+m.Subject+p.body, "evil") || !strings.Contains(m.Text, publicURL+"/signin/link?token=") {
		t.Errorf("got the mail %q, want its link to lead to %s", m.Text, publicURL)
	}
}

// TestPassword: a password signs in the account that has it, and setting one
// signs the account out everywhere.
func TestPassword(t *testing.T) {
	h := newHouse(t)
	const password = "correct horse battery staple"
	b := h.browser()
	b.signIn(h.ada, "/")
	h.must(h.desk.SetPassword(t.Context(), h.ada.ID, password))
	if b.signedIn() {
		t.Error("setting a password did not sign out")
	}
	enter := func(email, password string) page {
		return b.get("/signin").form("/signin/password").with("email", email).with("password", password).with("next", "/?x=1").send()
	}
	wrong := enter("ada@example.com", password+"x").want(http.StatusUnauthorized).says("That address and password do not belong together.")
	for _, email := range []string{"eve@example.com", "no address"} {
		p := enter(email, password).want(http.StatusUnauthorized)
		if got, want := tokens.ReplaceAllString(strings.ReplaceAll(p.body, email, "ada@example.com"), ""), tokens.ReplaceAllString(wrong.body, ""); got != want {
			t.Errorf("%s: got %s\nwant it as for a wrong password", email, got)
		}
	}
	enter(" Ada@Example.com", password).leads("/?x=1")
	if !b.signedIn() {
		t.Error("the password did not sign in")
	}
	h.must(h.desk.SetPassword(t.Context(), h.ada.ID, ""))
	if b.signedIn() {
		t.Error("taking the password away did not sign out")
	}
	enter("ada@example.com", "").want(http.StatusUnauthorized)
	enter("ada@example.com", password).want(http.StatusUnauthorized)
}

// TestG8PasswordLimit: ten passwords in 15 minutes for an address, from
// wherever they come, whether there is such an account or not.
func TestG8PasswordLimit(t *testing.T) {
	for _, email := range []string{"ada@example.com", "eve@example.com"} {
		h := newHouse(t)
		h.must(h.desk.SetPassword(t.Context(), h.ada.ID, "correct horse battery staple"))
		try := func(sender, password string) page {
			b := h.browser()
			b.from = sender
			return b.get("/signin").form("/signin/password").with("email", email).with("password", password).send()
		}
		for range 10 {
			try("192.0.2.7", "wrong").want(http.StatusUnauthorized)
		}
		try("192.0.2.8", "correct horse battery staple").want(http.StatusTooManyRequests)
		h.add(15 * time.Minute)
		if p := try("192.0.2.8", "correct horse battery staple"); (p.status == http.StatusSeeOther) != (email == h.ada.Email) {
			t.Errorf("%s: got status %d after the limit's time", email, p.status)
		}
	}
}

// TestSignInForms: what is entered wrongly stands on the form again, with what
// is wrong with it.
func TestSignInForms(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	p := b.ask("ada", "/?x=1").want(iot.Invalid.Status()).says("Expected an email address")
	if got := p.form("/signin/link").fields; got.Get("email") != "ada" || got.Get("next") != "/?x=1" {
		t.Errorf("got the form %v, want what was entered", got)
	}
	b.get("/").leads("/signin")
	b.signIn(h.ada, "/")
	b.get("/signin?next=/%3Fx=1").leads("/?x=1") // signed in already
	huge := b.post("/signin/link", url.Values{"email": {strings.Repeat("x", 70<<10)}})
	huge.want(http.StatusBadRequest)
}
