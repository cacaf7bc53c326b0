package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"iotman/iot"
	"iotman/store"
)

const (
	loopback = "http://127.0.0.1:33418/callback"
	hosted   = "https://fleet.example/callback"
)

// TestConsent: an app sends a person who is not signed in; they sign in, are
// told who asks and for what, allow, and the app has what they ticked.
func TestConsent(t *testing.T) {
	h := newHouse(t)
	a := h.registered(loopback)
	b := h.browser()
	signin := b.get(a.path()).follow().says("To let in an app calling itself “Claude”.")
	signin.form("/signin/link").with("email", h.ada.Email).send().want(http.StatusOK)
	p := b.get(h.link(h.ada.Email)).form("/signin/confirm").send().follow().want(http.StatusOK)
	p.says("127.0.0.1:33418", "An app calling itself “Claude” Unverified", "Let this app into Plant north?", "Your own role here, owner, stays the limit.")
	f := p.form("/oauth/consent")
	want := strings.Fields(iot.AllPermissions().Without(iot.Sensitive()).String())
	if got := f.fields["permission"]; !sameSet(got, want) || !sameSet(f.offers, want) {
		t.Errorf("got %q ticked of %q, want %q", got, f.offers, want)
	}
	token, scope := a.gets(f.with("decision", "allow").send())
	if !sameSet(strings.Fields(scope), want) {
		t.Errorf("got the scope %q, want %q", scope, want)
	}
	h.call(http.MethodGet, "/api/v1/workspaces/north", token, nil, http.StatusOK, nil)
}

func sameSet(got, want []string) bool {
	got, want = slices.Clone(got), slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	return slices.Equal(got, want)
}

// TestNarrow: an app gets what the person ticked, and no more than it asked for,
// whatever the form says.
func TestNarrow(t *testing.T) {
	h := newHouse(t)
	a := h.registered(loopback)
	b := h.browser()
	b.signIn(h.ada, "/")
	const asked = "data:read data:write sources:read account:write workspace:own"
	open := func() sheet {
		return b.get(a.path("scope", asked+" openid")).want(http.StatusOK).form("/oauth/consent")
	}
	first := open()
	if !sameSet(first.offers, strings.Fields(asked)) || !sameSet(first.fields["permission"], strings.Fields("data:read data:write sources:read")) {
		t.Errorf("got %q ticked of %q, want all but what is sensitive", first.fields["permission"], first.offers)
	}
	for _, c := range []struct {
		decision string
		ticked   []string
		want     string
	}{
		{"allow", strings.Fields(asked), asked},
		{"allow", []string{"data:read"}, "data:read"},
		{"allow", []string{"workspace:own"}, "workspace:own"},
		{"allow", []string{"data:read", "members:write", "platform:admin", "made:up", ""}, "data:read"},
		{"read", strings.Fields(asked), "data:read sources:read"},
		{"read", []string{"data:read", "data:write", "audit:read"}, "data:read"},
	} {
		_, scope := a.gets(open().with("permission", c.ticked...).with("decision", c.decision).send())
		if !sameSet(strings.Fields(scope), strings.Fields(c.want)) {
			t.Errorf("%s %q: got the scope %q, want %q", c.decision, c.ticked, scope, c.want)
		}
	}
	for _, c := range [][]string{{"allow"}, {"allow", "members:write"}, {"read", "data:write"}} {
		again := open().with("permission", c[1:]...).with("decision", c[0]).send().want(http.StatusBadRequest).says("Nothing was ticked")
		if _, scope := a.gets(again.form("/oauth/consent").with("permission", "data:read").with("decision", "allow").send()); scope != "data:read" {
			t.Errorf("%q, then data:read: got the scope %q", c, scope)
		}
	}
	for _, decision := range []string{"", "Allow", "yes"} {
		open().with("decision", decision).send().want(http.StatusBadRequest)
	}
	if got := a.told(open().with("decision", "deny").send()); got.Get("error") != "access_denied" || got.Has("code") {
		t.Errorf("denied: the app was told %v", got)
	}
}

// TestBeyondRole: what the person's role does not hold is listed, and not
// granted, whatever the form says; and a role lowered meanwhile counts.
func TestBeyondRole(t *testing.T) {
	h := newHouse(t)
	a := h.registered(loopback)
	bob := h.member("bob@example.com", iot.Editor)
	b := h.browser()
	b.signIn(bob, "/")
	open := func() page {
		return b.get(a.path("scope", "data:read sources:write members:write")).want(http.StatusOK)
	}
	p := open().says("Asked for, but beyond your role Invite and remove people, and change what they may do", "Your own role here, editor, stays the limit.")
	f := p.form("/oauth/consent")
	if slices.Contains(f.offers, "members:write") {
		t.Errorf("got %q to tick, want no members:write", f.offers)
	}
	_, scope := a.gets(f.with("permission", "data:read", "sources:write", "members:write").with("decision", "allow").send())
	if scope != "sources:write data:read" {
		t.Errorf("got the scope %q, want sources:write data:read", scope)
	}
	f = open().form("/oauth/consent")
	h.sql(`UPDATE members SET role = 'viewer' WHERE account_id = ?`, bob.ID)
	if _, scope = a.gets(f.with("decision", "allow").send()); scope != "data:read" {
		t.Errorf("lowered to viewer between the page and the answer: got the scope %q, want data:read", scope)
	}
	p = b.get(a.path("scope", "sources:write")).says("Nothing that it asks for is yours to grant.")
	p.form("/oauth/consent").with("permission", "sources:write").with("decision", "allow").send().want(http.StatusBadRequest)
}

// TestA26Forged: a consent counts once, in the browser that was asked, by POST.
func TestA26Forged(t *testing.T) {
	h := newHouse(t)
	a := h.registered(loopback)
	bob := h.member("bob@example.com", iot.Owner)
	b, other, same := h.browser(), h.browser(), h.browser()
	b.signIn(h.ada, "/")
	other.signIn(bob, "/")
	same.signIn(h.ada, "/")
	open := func(b *browser) sheet {
		return b.get(a.path()).want(http.StatusOK).form("/oauth/consent").with("decision", "allow")
	}
	f := open(b)
	for what, id := range map[string][]string{
		"missing": nil, "empty": {""}, "made up": {strings.Repeat("A", 52)}, "another's": {open(other).fields.Get("consent")}, "of another browser of hers": {open(same).fields.Get("consent")},
	} {
		if p := f.with("consent", id...).send(); p.status != http.StatusNotFound || p.location != "" {
			t.Errorf("%s: got %d and a redirect to %q", what, p.status, p.location)
		}
	}
	b.get("/oauth/consent?" + f.fields.Encode()).want(http.StatusMethodNotAllowed)
	r := b.request(http.MethodPost, "/oauth/consent?"+f.fields.Encode(), nil)
	b.do(r).want(http.StatusForbidden)
	if n := h.count(`SELECT COUNT(*) FROM codes`); n != 0 {
		t.Fatalf("%d codes were made", n)
	}
	a.gets(f.send()) // by 303, as the browser looks for
	f.send().want(http.StatusNotFound)

	late := open(b)
	h.add(store.ConsentLife)
	late.send().want(http.StatusNotFound)
	out := open(b)
	b.get("/").form("/signout").send().want(http.StatusOK)
	out.send().want(http.StatusForbidden)
	b.signIn(h.ada, "/")
	out.with("form", open(b).fields["form"]...).send().want(http.StatusNotFound)
}

// TestA27Public: a client that nobody vouches for is asked about every time.
func TestA27Public(t *testing.T) {
	h := newHouse(t)
	a := h.registered(loopback)
	b := h.browser()
	b.signIn(h.ada, "/")
	for range 3 {
		a.gets(b.get(a.path("scope", "data:read")).want(http.StatusOK).form("/oauth/consent").with("decision", "allow").send())
	}
	if got := a.told(b.get(a.path("scope", "data:read", "prompt", "none"))).Get("error"); got != "consent_required" {
		t.Errorf("prompt=none: got the error %q, want consent_required", got)
	}
}

// TestA27Confidential: a client that an admin made is asked about again where
// it wants more, or the answer elsewhere; and only then.
func TestA27Confidential(t *testing.T) {
	h := newHouse(t)
	other := "https://fleet.example/other"
	a := h.confidential(hosted, other)
	b := h.browser()
	b.signIn(h.ada, "/")
	allow := func(p page) page {
		t.Helper()
		return p.want(http.StatusOK).says("Fleet Verified").form("/oauth/consent").with("decision", "allow").send()
	}
	a.gets(allow(b.get(a.path("scope", "data:read sources:read"))))
	for _, scope := range []string{"data:read sources:read", "sources:read", "data:read offline_access"} {
		_, got := a.gets(b.get(a.path("scope", scope)))
		if want := strings.TrimSuffix(scope, " offline_access"); !sameSet(strings.Fields(got), strings.Fields(want)) {
			t.Errorf("%s: got the scope %q", scope, got)
		}
	}
	a.gets(b.get(a.path("scope", "data:read", "prompt", "none")))
	// From a sign-in straight on to the app: the page's policy lets it pass.
	fresh := h.browser()
	a.gets(fresh.signIn(h.ada, a.path("scope", "data:read")).follow())

	for what, path := range map[string]string{
		"more": a.path("scope", "data:read sources:write"), "all": a.path(), "consent": a.path("scope", "data:read", "prompt", "consent"),
	} {
		if p := b.get(path); p.status != http.StatusOK || p.location != "" {
			t.Errorf("%s: got %d and a redirect to %q, want to be asked", what, p.status, p.location)
		}
	}
	elsewhere := a
	elsewhere.redirect = other
	elsewhere.gets(allow(b.get(elsewhere.path("scope", "data:read"))))
	elsewhere.gets(b.get(elsewhere.path("scope", "data:read")))
	if got := a.told(b.get(a.path("scope", "data:write", "prompt", "none"))).Get("error"); got != "consent_required" {
		t.Errorf("prompt=none for more: got the error %q, want consent_required", got)
	}
	bob := h.member("bob@example.com", iot.Owner)
	b.signIn(bob, "/")
	allow(b.get(a.path("scope", "data:read"))) // another person's consent is not theirs
}

// TestPrompt: prompt=none asks nothing, prompt=login asks to sign in, once.
func TestPrompt(t *testing.T) {
	h := newHouse(t)
	a := h.registered(loopback)
	b := h.browser()
	if got := a.told(b.get(a.path("prompt", "none"))).Get("error"); got != "login_required" {
		t.Errorf("nobody signed in: got the error %q, want login_required", got)
	}
	h.workspace("south", h.ada)
	b.signIn(h.ada, "/")
	if got := a.told(b.get(a.path("prompt", "none", "resource", ""))).Get("error"); got != "interaction_required" {
		t.Errorf("no workspace named: got the error %q, want interaction_required", got)
	}
	if got := a.told(b.get(a.path("prompt", "login none"))).Get("error"); got != "login_required" {
		t.Errorf("login and none: got the error %q, want login_required", got)
	}
	for prompt, kept := range map[string]string{"login": "", "login consent": "consent"} {
		p := b.get(a.path("prompt", prompt)).want(http.StatusSeeOther)
		u, err := url.Parse(p.location)
		h.must(err)
		next, err := url.Parse(u.Query().Get("next"))
		h.must(err)
		if u.Path != "/signin" || next.Query().Get("prompt") != kept {
			t.Errorf("%s: got a redirect to %q, want to sign in, then with prompt=%s", prompt, p.location, kept)
		}
		was := b.cookie("iotman")
		sign := p.follow().want(http.StatusOK).form("/signin/link").with("email", h.ada.Email)
		sign.send().want(http.StatusOK)
		p = b.get(h.link(h.ada.Email)).form("/signin/confirm").send().follow().says("Let this app into Plant north?")
		if b.cookie("iotman") == was {
			t.Errorf("%s: the browser kept its session", prompt)
		}
		a.gets(p.form("/oauth/consent").with("decision", "allow").send())
		h.add(store.SignInLinkLife)
	}
}

// TestPick: an app that names no workspace gets into the one that the person
// picks; where there is one, nobody is asked.
func TestPick(t *testing.T) {
	h := newHouse(t)
	a := h.registered(loopback)
	b := h.browser()
	b.signIn(h.ada, "/")
	b.get(a.path("resource", "")).want(http.StatusOK).says("Let this app into Plant north?")
	h.workspace("south", h.ada)
	for _, resource := range []string{"", publicURL, publicURL + "/", publicURL + "/mcp"} {
		p := b.get(a.path("resource", resource)).want(http.StatusOK).says("Which workspace is it for?", "Plant north", "Plant south")
		var south string
		for n := range p.root.Descendants() {
			if href := attribute(n, "href"); strings.HasPrefix(href, "/oauth/authorize?") && strings.Contains(href, "south") {
				south = href
			}
		}
		token, _ := a.gets(b.get(south).want(http.StatusOK).says("Let this app into Plant south?").form("/oauth/consent").with("decision", "allow").send())
		h.call(http.MethodGet, "/api/v1/workspaces/south", token, nil, http.StatusOK, nil)
		h.call(http.MethodGet, "/api/v1/workspaces/north", token, nil, http.StatusUnauthorized, nil)
	}
	b.signIn(h.account("eve@example.com"), "/")
	b.get(a.path("resource", "")).want(http.StatusOK).says("You are in no workspace.")
}

// TestStranger: who is no member reads the same of a workspace that there is as
// of one that there is not, and the app is told nothing.
func TestStranger(t *testing.T) {
	h := newHouse(t)
	a := h.registered(loopback)
	b := h.browser()
	b.signIn(h.account("eve@example.com"), "/")
	open := func(slug string) string {
		p := b.get(a.path("resource", publicURL+"/mcp/"+slug)).want(http.StatusForbidden)
		if p.location != "" {
			t.Errorf("%s: got a redirect to %q", slug, p.location)
		}
		return strings.ReplaceAll(p.body, slug, "SLUG")
	}
	if known, unknown := open("north"), open("nowhere"); known != unknown {
		t.Errorf("the pages differ:\n%s\n%s", known, unknown)
	}
	for _, slug := range []string{"north", "nowhere"} {
		if got := a.told(b.get(a.path("resource", publicURL+"/mcp/other"+slug, "scope", "made:up"))).Get("error"); got != "invalid_scope" {
			t.Errorf("got the error %q, want invalid_scope", got)
		}
	}
}

// TestB7Removed: who is removed from the workspace loses it at the next call,
// and can let nobody in.
func TestB7Removed(t *testing.T) {
	h := newHouse(t)
	a := h.registered(loopback)
	bob := h.member("bob@example.com", iot.Admin)
	b := h.browser()
	b.signIn(bob, "/")
	open := func() sheet {
		return b.get(a.path()).want(http.StatusOK).form("/oauth/consent").with("decision", "allow")
	}
	token, _ := a.gets(open().send())
	f, pending := open(), open().send()
	h.call(http.MethodGet, "/api/v1/workspaces/north", token, nil, http.StatusOK, nil)
	h.sql(`DELETE FROM members WHERE account_id = ?`, bob.ID)
	h.call(http.MethodGet, "/api/v1/workspaces/north", token, nil, http.StatusUnauthorized, nil)
	if p := f.send().want(http.StatusForbidden); p.location != "" {
		t.Errorf("got a redirect to %q", p.location)
	}
	b.get(a.path()).want(http.StatusForbidden)
	if p := b.get("/").says("You are in no workspace."); strings.Contains(p.body, "north") {
		t.Error("the page still shows the workspace")
	}
	late, _ := a.gets(pending) // for a code of before
	h.call(http.MethodGet, "/api/v1/workspaces/north", late, nil, http.StatusUnauthorized, nil)
}

// TestErrorsStay: where the answer is not to be trusted the person reads so, on
// a page of ours.
func TestErrorsStay(t *testing.T) {
	h := newHouse(t)
	a := h.registered(loopback)
	c := h.confidential(hosted)
	b := h.browser()
	b.signIn(h.ada, "/")
	for what, path := range map[string]string{
		"unknown client": a.path("client_id", "nobody"), "no client": a.path("client_id", ""), "another redirect": a.path("redirect_uri", "https://evil.example/cb"),
		"userinfo": a.path("redirect_uri", "http://127.0.0.1:33418@evil.example/callback"), "another's redirect": a.path("redirect_uri", hosted), "script": a.path("redirect_uri", "javascript:alert(1)"),
		"twice": a.path() + "&redirect_uri=https://evil.example", "malformed": a.path() + "&%zz", "a fragment": c.path("redirect_uri", hosted+"#x"),
	} {
		if p := b.get(path); p.status != http.StatusBadRequest || p.location != "" || strings.Contains(p.body, "<a href=\"http") {
			t.Errorf("%s: got %d and a redirect to %q", what, p.status, p.location)
		}
	}
}
