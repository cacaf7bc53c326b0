package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"iotman/store"
)

// TestG12Session: signing in gives a browser an identity that it did not have
// before, and signing out ends it on the server.
func TestG12Session(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	const fixed = "A-COOKIE-THAT-SOMEBODY-PLANTED"
	b.carry(fixed)
	b.signIn(h.ada, "/")
	first := b.cookie("iotman")
	if first == fixed || len(first) < 52 {
		t.Fatalf("got the cookie %q, want a fresh one", first)
	}
	thief := h.browser()
	thief.carry(fixed)
	if thief.signedIn() {
		t.Error("a planted cookie was signed in")
	}
	before := b.cookie("iotman_browser")
	b.signIn(h.ada, "/")
	second := b.cookie("iotman")
	if second == first || b.cookie("iotman_browser") == before {
		t.Error("signing in again kept a cookie")
	}
	old := h.browser()
	old.carry(first)
	if old.signedIn() {
		t.Error("the cookie of before is good after signing in again")
	}
	b.get("/").form("/signout").send().want(http.StatusOK).says("You are signed out of this browser.")
	if got := b.cookie("iotman"); got != "" {
		t.Errorf("the browser still has the cookie %q", got)
	}
	old.carry(second)
	if old.signedIn() || h.count(`SELECT COUNT(*) FROM browsers`) != 0 {
		t.Error("a cookie is good after signing out")
	}
}

// TestG12Everywhere: signing out everywhere ends every browser of the person,
// and of nobody else.
func TestG12Everywhere(t *testing.T) {
	h := newHouse(t)
	bob := h.account("bob@example.com")
	one, two, other := h.browser(), h.browser(), h.browser()
	one.signIn(h.ada, "/")
	two.signIn(h.ada, "/")
	other.signIn(bob, "/")
	one.get("/").form("/signout").as("/signout/everywhere").send().want(http.StatusOK).says("You are signed out of every browser.")
	if one.signedIn() || two.signedIn() {
		t.Error("a browser is still signed in")
	}
	if !other.signedIn() {
		t.Error("somebody else was signed out")
	}
	one.get("/signin").form("/signin/link").as("/signout/everywhere").send().want(http.StatusUnauthorized)
}

// TestG12Cookies: what the cookies say of themselves, and that one lives for 30
// days by the server's clock, too.
func TestG12Cookies(t *testing.T) {
	for at, want := range map[string]struct {
		prefix string
		secure bool
	}{publicURL: {"__Host-", true}, "http://localhost:8080": {"", false}} {
		h := newHouseAt(t, at)
		b := h.browser()
		set := map[string]*http.Cookie{}
		see := func(p page) page {
			for _, c := range (&http.Response{Header: p.header}).Cookies() {
				if c.MaxAge >= 0 {
					set[c.Name] = c
				}
			}
			return p
		}
		p := see(b.get(h.printed(h.ada)))
		see(p.form("/signin/confirm").send())
		for name, age := range map[string]int{"iotman": 30 * 24 * 60 * 60, "iotman_browser": 0} {
			c := set[want.prefix+name]
			if c == nil {
				t.Fatalf("%s: got the cookies %v, want %s%s", at, set, want.prefix, name)
			}
			if c.Secure != want.secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != age {
				t.Errorf("%s: got %s", at, c)
			}
		}
		h.add(store.BrowserLife - time.Microsecond)
		if !b.signedIn() {
			t.Errorf("%s: signed out before 30 days", at)
		}
		h.add(time.Microsecond)
		if b.signedIn() {
			t.Errorf("%s: signed in after 30 days", at)
		}
	}
}

// posts are the paths that take forms.
func (h *house) posts() (paths []string) {
	for pattern := range h.site.Routes() {
		if path, ok := strings.CutPrefix(pattern, "POST "); ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// TestG13ForgedForms: no form is taken from elsewhere, or without what this very
// browser was given.
func TestG13ForgedForms(t *testing.T) {
	h := newHouse(t)
	paths := h.posts()
	if len(paths) < 7 {
		t.Fatalf("got the paths %q, want every form's", paths)
	}
	b, attacker, before := h.browser(), h.browser(), h.browser()
	stale := before.get("/signin").form("/signin/link").fields["form"]
	b.signIn(h.ada, "/")
	attacker.signIn(h.account("eve@example.com"), "/")
	before.signIn(h.ada, "/")
	own := b.get("/").form("/signout").fields["form"]
	foreign := attacker.get("/").form("/signout").fields["form"]
	link := tokenOf(h.printed(h.ada))
	fields := func(form []string) url.Values {
		return url.Values{"form": form, "email": {"ada@example.com"}, "password": {"x"}, "token": {link}, "code": {"AAAAAAAA"}, "decision": {"allow"}, "next": {"/"}}
	}
	for _, path := range paths {
		refused := func(what, says string, r *http.Request, as *browser) {
			t.Helper()
			if p := as.do(r); p.status != http.StatusForbidden || !strings.Contains(p.text(), says) || len(p.header["Set-Cookie"]) > 0 {
				t.Errorf("%s, %s: got %d, cookies %q: %s", path, what, p.status, p.header["Set-Cookie"], p.text())
			}
		}
		const form, site = "This form is no longer good.", "This form was sent from another site."
		refused("no token", form, b.posting(path, fields(nil)), b)
		refused("an empty one", form, b.posting(path, fields([]string{""})), b)
		refused("another browser's", form, b.posting(path, fields(foreign)), b)
		refused("one of before signing in", form, before.posting(path, fields(stale)), before)
		refused("no cookies", form, h.browser().posting(path, fields(own)), h.browser())
		refused("the token in the query", form, b.posting(path+"?form="+own[0], fields(nil)), b)
		for _, from := range []struct{ origin, site string }{
			{"https://evil.example", "cross-site"}, {"https://sub.iot.example.com", "same-site"}, {"null", "cross-site"}, {"", "cross-site"},
			{"https://evil.example", ""}, {"https://iot.example.com.evil.example", ""}, {"null", ""}, // of browsers that do not send Sec-Fetch-Site
		} {
			r := b.posting(path, fields(own))
			r.Header.Del("Origin")
			r.Header.Del("Sec-Fetch-Site")
			if from.origin != "" {
				r.Header.Set("Origin", from.origin)
			}
			if from.site != "" {
				r.Header.Set("Sec-Fetch-Site", from.site)
			}
			refused(from.site+" from "+from.origin, site, r, b)
		}
	}
	if !b.signedIn() || !attacker.signedIn() || len(h.mail) > 0 {
		t.Error("a forged form did something")
	}
	if _, err := h.store.SignInLink(t.Context(), store.DigestOf(link)); err != nil {
		t.Errorf("a forged form used a link: %v", err)
	}
	b.post("/signout", fields(own)).want(http.StatusOK)
}

// TestCookieOpensNoAPI: a browser's cookie is good for pages alone.
func TestCookieOpensNoAPI(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	b.signIn(h.ada, "/")
	b.get("/api/v1/workspaces").want(http.StatusUnauthorized)
	b.post("/mcp/north", url.Values{}).want(http.StatusUnauthorized)
}

// TestA25EveryPageIsGuarded: A25. Each path that shows a page shows one that is
// not framed, to who is signed in and to who is not; errors too, which never
// lead elsewhere.
func TestA25EveryPageIsGuarded(t *testing.T) {
	h := newHouse(t)
	in := h.browser()
	in.signIn(h.ada, "/")
	for pattern := range h.site.Routes() {
		path, ok := strings.CutPrefix(pattern, "GET ")
		if !ok || strings.HasPrefix(path, "/static/") {
			continue
		}
		path = strings.TrimSuffix(path, "{$}")
		for _, b := range []*browser{h.browser(), in} {
			for _, query := range []string{"", "?token=x&client_id=x&redirect_uri=https://evil.example/cb"} {
				p := b.get(path + query) // the browser looks at what comes
				if p.status >= 400 && p.location != "" || strings.Contains(p.location, "evil") {
					t.Errorf("%s: got status %d and a redirect to %q", path+query, p.status, p.location)
				}
				if p.status >= 400 && p.header.Get("X-Frame-Options") != "DENY" {
					t.Errorf("%s: the error can be framed", path+query)
				}
			}
		}
	}
}
