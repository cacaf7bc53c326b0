package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"iotman/iot"
)

// TestA15Canonical: a resource is the same in every spelling that clients have
// sent, at the authorization and at the token endpoint.
func TestA15Canonical(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	for _, spelling := range []string{
		"https://iot.example.com/mcp/north", "https://iot.example.com/mcp/north/", "HTTPS://IOT.EXAMPLE.COM/mcp/north", "https://Iot.Example.com/mcp/north/?mode=lean",
		"https://iot.example.com/mcp/north?mode=lean&toolsets=x", "https://iot.example.com/mcp/north#part",
	} {
		code := f.answer(set(f.request(a), "resource", spelling), f.consent()).Get("code")
		got := f.exchange(set(a.redeem(code), "resource", spelling))
		f.forNorth(spelling, got.access)
		f.forNorth(spelling, f.exchange(set(a.refresh(got.refresh), "resource", spelling)).access)
	}
}

// forNorth fails the test unless the token's audience is the workspace's MCP URL.
func (f *front) forNorth(what, token string) {
	f.t.Helper()
	if _, claims := f.parts(token); claims["aud"] != publicURL+"/mcp/north" || claims["wid"] != string(f.ws.ID) {
		f.t.Errorf("%s: got aud %v, wid %v", what, claims["aud"], claims["wid"])
	}
	f.open(what, true, token)
}

// targets are resources that no token is given for.
var targets = map[string][]string{
	"two":                     {publicURL + "/mcp/north", publicURL + "/mcp/south"},
	"the same twice":          {publicURL + "/mcp/north", publicURL + "/mcp/north"},
	"another server's":        {"https://evil.example/mcp/north"},
	"a subdomain":             {"https://x.iot.example.com/mcp/north"},
	"a longer host":           {"https://iot.example.com.evil.example/mcp/north"},
	"another scheme":          {"http://iot.example.com/mcp/north"},
	"another port":            {"https://iot.example.com:8443/mcp/north"},
	"a user":                  {"https://iot.example.com@evil.example/mcp/north"},
	"a user of ours":          {"https://user@iot.example.com/mcp/north"},
	"another path":            {publicURL + "/api/v1"},
	"a path below":            {publicURL + "/mcp/north/x"},
	"a path before":           {publicURL + "/x/mcp/north"},
	"a path upwards":          {publicURL + "/mcp/../mcp/north"},
	"an escaped slash":        {publicURL + "/mcp%2Fnorth"},
	"an escaped letter":       {publicURL + "/mcp/nort%68"},
	"a slug in capitals":      {publicURL + "/mcp/North"},
	"no slug":                 {publicURL + "/mcp/a b"},
	"a prefix of an audience": {publicURL + "/mc"},
	"a relative reference":    {"/mcp/north"},
	"a slug":                  {"north"},
	"empty":                   {""},
	"a URN":                   {"urn:x:north"},
	"malformed":               {"https://iot.example.com/%zz"},
	"no URL":                  {"\x00"},
}

// TestA15Refused: a resource that is not one of this server's workspaces is
// invalid_target, wherever it is sent.
func TestA15Refused(t *testing.T) {
	f := newFront(t, nil)
	f.workspace("south")
	a, robot := f.app(iot.AuthMethodNone), f.machine("data:read")
	got := f.signIn(a)
	for what, resource := range targets {
		f.sentBack(what, set(f.request(a), "resource", resource...), "invalid_target")
		code := f.code(a)
		for grant, form := range map[string]url.Values{"code": a.redeem(code), "refresh": a.refresh(got.refresh), "machine": robot.credentials()} {
			f.wants(what+", "+grant, f.post("/oauth/token", set(form, "resource", resource...)), http.StatusBadRequest, "invalid_target")
		}
		f.exchange(a.redeem(code)) // it was not used up
	}
	// Another workspace than that of the grant, which exists or not.
	for _, slug := range []string{"south", "nowhere"} {
		resource := publicURL + "/mcp/" + slug
		for grant, form := range map[string]url.Values{"code": a.redeem(f.code(a)), "refresh": a.refresh(got.refresh), "machine": robot.credentials()} {
			f.wants(slug+", "+grant, f.post("/oauth/token", set(form, "resource", resource)), http.StatusBadRequest, "invalid_target")
		}
	}
	f.exchange(a.refresh(got.refresh)) // it was not rotated
}

// TestA15Absent: without a resource the person says which workspace, and the
// token is for that one; a resource and the answer have to agree.
func TestA15Absent(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	for what, resource := range map[string][]string{"absent": nil, "our origin": {publicURL}, "our origin, with /": {publicURL + "/"}, "all MCP": {publicURL + "/mcp"}} {
		q := set(f.request(a), "resource", resource...)
		asked, err := f.authorize(q)
		if err != nil || asked.Workspace != "" {
			t.Errorf("%s: got workspace %q, %v, want the person to say", what, asked.Workspace, err)
		}
		got := f.exchange(set(a.redeem(f.answer(q, f.consent()).Get("code")), "resource", resource...))
		f.forNorth(what, got.access)
	}
	south := f.workspace("south")
	asked, err := f.authorize(f.request(a))
	f.must(err)
	says := f.consent()
	says.Workspace = south.ID
	if to, err := f.server.Grant(t.Context(), asked, says); err == nil {
		t.Errorf("got %s, want an answer for another workspace refused", to)
	}
}

// TestA14Audience: a token opens the one workspace that it is for, over REST and
// MCP, and one that knocks elsewhere is noted.
func TestA14Audience(t *testing.T) {
	f := newFront(t, nil)
	f.workspace("south") // of the same owner
	got := f.signIn(f.app(iot.AuthMethodNone))
	bearer := []string{"Authorization", "Bearer " + got.access, "Content-Type", "application/json", "Accept", "application/json, text/event-stream"}
	for path, method := range map[string]string{"/api/v1/workspaces/south/events": http.MethodGet, "/mcp/south": http.MethodPost, "/mcp/nowhere": http.MethodPost} {
		r := f.send(method, path, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, bearer...)
		if r.status != http.StatusUnauthorized || !strings.Contains(r.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: got %d %q, want 401 invalid_token", path, r.status, r.header.Get("WWW-Authenticate"))
		}
	}
	f.open("its own", true, got.access)
	audit, err := f.store.Workspace(f.ws.ID).Audit(t.Context(), "", 10)
	if err != nil || len(audit) == 0 || audit[0].Operation != "token_refused" {
		t.Errorf("got %v, %v, want a row about the token", audit, err)
	}
}

// FuzzResource looks for a resource that is taken and is not the workspace's MCP
// URL in another spelling.
func FuzzResource(f *testing.F) {
	h := newFront(f, nil)
	a := h.app(iot.AuthMethodNone)
	f.Add(publicURL + "/mcp/north")
	f.Add(strings.ToUpper(publicURL) + "/mcp/north/?mode=lean")
	for _, values := range targets {
		f.Add(values[0])
	}
	f.Fuzz(func(t *testing.T, resource string) {
		got, err := h.authorize(set(h.request(a), "resource", resource))
		if err != nil || got.Workspace == "" {
			return
		}
		plain, _, _ := strings.Cut(resource, "#")
		plain, _, _ = strings.Cut(plain, "?")
		plain = strings.TrimSuffix(plain, "/")
		if !strings.EqualFold(plain, publicURL+"/mcp/"+string(got.Workspace)) || !strings.HasSuffix(plain, "/mcp/"+string(got.Workspace)) {
			t.Errorf("%q: got workspace %q", resource, got.Workspace)
		}
	})
}
