package web_test

import (
	"cmp"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"iotman/iot"
)

// browser is a person's browser: it keeps cookies, sends forms as a browser
// does, and follows a redirect only when it is told to.
type browser struct {
	h      *house
	client *http.Client
	jar    *cookiejar.Jar
	from   string // its network address
	host   string // the Host that it names; "" for the right one
}

// browser returns a fresh one, at an address of its own.
func (h *house) browser() *browser {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	h.must(err)
	b := &browser{h: h, jar: jar, from: "192.0.2.1"}
	b.client = &http.Client{
		Jar: jar, Transport: proxied{b, h.backend.Client().Transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return b
}

// proxied is the way to the server through a proxy that ends TLS.
type proxied struct {
	b    *browser
	next http.RoundTripper
}

func (p proxied) RoundTrip(r *http.Request) (*http.Response, error) {
	inner := r.Clone(r.Context())
	inner.Host = cmp.Or(p.b.host, r.URL.Host)
	inner.URL.Scheme, inner.URL.Host = "http", p.b.h.backend.Listener.Addr().String()
	return p.next.RoundTrip(inner)
}

// page is an answer that was read.
type page struct {
	b        *browser
	path     string
	status   int
	header   http.Header
	body     string
	location string
	root     *html.Node
}

// do sends a request and reads the answer. Whatever page comes guards itself.
func (b *browser) do(r *http.Request) page {
	b.h.t.Helper()
	r.Header.Set(senderHeader, b.from)
	answer, err := b.client.Do(r)
	b.h.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	b.h.must(err)
	p := page{b: b, path: r.URL.RequestURI(), status: answer.StatusCode, header: answer.Header, body: string(text), location: answer.Header.Get("Location")}
	p.root, err = html.Parse(strings.NewReader(p.body))
	b.h.must(err)
	p.guarded(r.Method)
	return p
}

// guarded: A25, A26, G15. No answer to a person is framed or kept, and a
// redirect leaves a form behind.
func (p page) guarded(method string) {
	t := p.b.h.t
	t.Helper()
	if p.status/100 == 3 && p.status != http.StatusSeeOther {
		t.Errorf("%s %s: got a redirect with status %d, want 303", method, p.path, p.status)
	}
	if p.location != "" && p.status != http.StatusSeeOther {
		t.Errorf("%s %s: got Location %q with status %d", method, p.path, p.location, p.status)
	}
	if got := p.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s %s: got Cache-Control %q", method, p.path, got)
	}
	if !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") || method == http.MethodHead || p.status == http.StatusSeeOther {
		return
	}
	policy := p.header.Get("Content-Security-Policy")
	if p.header.Get("X-Frame-Options") != "DENY" || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("%s %s: the page can be framed: %q", method, p.path, policy)
	}
	for _, c := range (&http.Response{Header: p.header}).Cookies() {
		if strings.Contains(p.body, c.Value) && c.Value != "" {
			t.Errorf("%s %s: the cookie %s stands in the page", method, p.path, c.Name)
		}
	}
}

func (b *browser) request(method, path string, body io.Reader) *http.Request {
	b.h.t.Helper()
	r, err := http.NewRequestWithContext(b.h.t.Context(), method, b.h.url+path, body)
	b.h.must(err)
	return r
}

// get opens a path as a person does who clicks.
func (b *browser) get(path string) page {
	b.h.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

// post sends a form as a page of ours does.
func (b *browser) post(path string, fields url.Values) page {
	b.h.t.Helper()
	return b.do(b.posting(path, fields))
}

func (b *browser) posting(path string, fields url.Values) *http.Request {
	b.h.t.Helper()
	r := b.request(http.MethodPost, path, strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.h.url)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// follow opens where a redirect of ours leads, until there is a page or another
// site.
func (p page) follow() page {
	p.b.h.t.Helper()
	for range 5 {
		if p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "/") {
			return p
		}
		p = p.b.get(p.location)
	}
	p.b.h.t.Fatalf("redirects without end, at last to %s", p.location)
	return p
}

// want fails the test on another status.
func (p page) want(status int) page {
	p.b.h.t.Helper()
	if p.status != status {
		p.b.h.t.Fatalf("%s: got status %d to %q, want %d: %s", p.path, p.status, p.location, status, p.text())
	}
	return p
}

// leads fails the test on another redirect.
func (p page) leads(to string) {
	p.b.h.t.Helper()
	if p.want(http.StatusSeeOther); p.location != to {
		p.b.h.t.Errorf("%s: got a redirect to %q, want %q", p.path, p.location, to)
	}
}

// says fails the test where the page lacks a text that a person would read.
func (p page) says(texts ...string) page {
	p.b.h.t.Helper()
	for _, want := range texts {
		if !strings.Contains(p.text(), want) {
			p.b.h.t.Errorf("%s: %q is not on the page:\n%s", p.path, want, p.text())
		}
	}
	return p
}

// text returns what a person reads, with single blanks.
func (p page) text() string {
	var b strings.Builder
	for n := range p.root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "title" {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// sheet is a form on a page.
type sheet struct {
	page   page
	action string
	fields url.Values // hidden ones, and those that are filled in or ticked
	offers []string   // the permissions that can be ticked
}

// form returns the page's form that posts to the path.
func (p page) form(action string) sheet {
	p.b.h.t.Helper()
	for n := range p.root.Descendants() {
		if n.Data != "form" || attribute(n, "method") != "post" || attribute(n, "action") != action {
			continue
		}
		s := sheet{page: p, action: action, fields: url.Values{}}
		for c := range n.Descendants() {
			if c.Data == "input" {
				s.take(c)
			}
		}
		return s
	}
	p.b.h.t.Fatalf("%s: no form posts to %s (status %d): %s", p.path, action, p.status, p.text())
	return sheet{}
}

func (s *sheet) take(n *html.Node) {
	name, value := attribute(n, "name"), attribute(n, "value")
	if attribute(n, "type") == "checkbox" {
		s.offers = append(s.offers, value)
		if !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
			return
		}
	}
	s.fields.Add(name, value)
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// with returns the form with a field that holds the values.
func (s sheet) with(name string, values ...string) sheet {
	s.fields = maps.Clone(s.fields)
	s.fields[name] = values
	return s
}

// send sends the form, and holds what comes against the page's policy as a
// browser does: a redirect that follows has to be a form-action of the page,
// too (CSP level 3 section 6.4.1.2).
func (s sheet) send() page {
	b := s.page.b
	b.h.t.Helper()
	p := b.post(s.action, s.fields)
	for next := p; next.status == http.StatusSeeOther; {
		if !strings.HasPrefix(next.location, "/") {
			s.allowed(next.location)
			break
		}
		peek := b.request(http.MethodHead, next.location, nil)
		next = b.do(peek)
	}
	return p
}

func (s sheet) allowed(location string) {
	t := s.page.b.h.t
	t.Helper()
	policy := s.page.header.Get("Content-Security-Policy")
	_, sources, _ := strings.Cut(policy, "form-action ")
	sources, _, _ = strings.Cut(sources, ";")
	u, err := url.Parse(location)
	s.page.b.h.must(err)
	origin := u.Scheme + "://" + u.Host
	if !slices.Contains(strings.Fields(sources), origin) && !slices.Contains(strings.Fields(sources), u.Scheme+":") {
		t.Errorf("%s: a browser would not follow the form to %s, since form-action is %s", s.page.path, origin, sources)
	}
}

// signIn signs the account in by a link in its mail, and returns what the
// browser shows then.
func (b *browser) signIn(a iot.Account, next string) page {
	b.h.t.Helper()
	b.ask(a.Email, next).want(http.StatusOK)
	return b.get(b.h.link(a.Email)).want(http.StatusOK).form("/signin/confirm").send().want(http.StatusSeeOther)
}

// ask asks for a link.
func (b *browser) ask(email, next string) page {
	b.h.t.Helper()
	q := url.Values{"next": {next}, "again": {"1"}}
	return b.get("/signin?"+q.Encode()).want(http.StatusOK).form("/signin/link").with("email", email).send()
}

// cookie returns the value of a cookie that the browser would send, "" where it
// has none.
func (b *browser) cookie(name string) string {
	u, err := url.Parse(b.h.url)
	b.h.must(err)
	for _, c := range b.jar.Cookies(u) {
		if strings.TrimPrefix(c.Name, "__Host-") == name {
			return c.Value
		}
	}
	return ""
}

// carry gives the browser a session's cookie.
func (b *browser) carry(value string) {
	u, err := url.Parse(b.h.url)
	b.h.must(err)
	b.jar.SetCookies(u, []*http.Cookie{{Name: "__Host-iotman", Value: value, Path: "/", Secure: true}})
}

// signedIn reports whether the server knows the browser.
func (b *browser) signedIn() bool {
	b.h.t.Helper()
	p := b.get("/")
	if p.status == http.StatusSeeOther {
		p.leads("/signin")
		return false
	}
	p.want(http.StatusOK)
	return true
}
