package api_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"iotman/iot"
	"iotman/oauth"
	"iotman/store"
)

// tokens asks the token endpoint as a client does.
func (s *site) tokens(id, secret string, form url.Values) *answer {
	s.t.Helper()
	form.Set("grant_type", "client_credentials")
	form.Set("client_id", id)
	form.Set("client_secret", secret)
	return s.do(req{
		method: http.MethodPost, path: "/oauth/token", body: form.Encode(), header: []string{"Content-Type", "application/x-www-form-urlencoded"},
	})
}

// token is the access token of a token endpoint's answer.
func (a *answer) token() string {
	a.t.Helper()
	var t struct {
		Token   string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	a.want(http.StatusOK).into(&t)
	if t.Token == "" || t.Refresh != "" {
		a.t.Errorf("%s: got %.200s, want an access token and no refresh token", a.what, a.body)
	}
	return t.Token
}

// secretOf is what was made, with its secret.
type secretOf struct{ ID, Secret, Prefix, Scope string }

// TestAPIKey: a key opens its own workspace's API and MCP, for what it holds,
// until it is deleted or has expired; it is shown once.
func TestAPIKey(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	var k secretOf
	in := map[string]any{"name": "Nightly", "permissions": []string{"data:read", "sources:read"}, "expires_at": p.clock.now().Add(time.Hour).Format(time.RFC3339)}
	p.post(p.owner(), p.rest("/api-keys"), in).want(http.StatusCreated).into(&k)
	if !strings.HasPrefix(k.Secret, "iot_ak_") || !strings.HasPrefix(k.Secret, k.Prefix) || len(k.Prefix) > 16 || k.Scope != "sources:read data:read" {
		t.Errorf("got %+v, want a key that begins with its prefix", k)
	}
	if list := p.get(p.owner(), p.rest("/api-keys")).want(http.StatusOK); strings.Contains(string(list.body), k.Secret) || !strings.Contains(string(list.body), k.Prefix) {
		t.Errorf("got the list %s, want the prefix and never the key", list.body)
	}
	p.get(k.Secret, p.rest("/events")).want(http.StatusOK)
	p.call(k.Secret, "event_list", map[string]any{}).ok(nil)
	p.post(k.Secret, p.rest("/http-endpoints"), map[string]any{"name": "x"}).problem(http.StatusForbidden, "forbidden")
	p.get(k.Secret, "/api/v1/workspaces").problem(http.StatusForbidden, "forbidden") // it is no person
	s.get(k.Secret, other.rest("/events")).problem(http.StatusUnauthorized, "unauthenticated")
	broken := k.Secret[:len(k.Secret)-1] + "A"
	if broken == k.Secret {
		broken = k.Secret[:len(k.Secret)-1] + "B"
	}
	for _, bad := range []string{k.Secret + "A", broken, "iot_ak_", "iot_ak_" + strings.Repeat("A", 64), strings.ToUpper(k.Secret)} {
		p.get(bad, p.rest("/events")).problem(http.StatusUnauthorized, "unauthenticated")
	}
	var second secretOf
	p.post(p.owner(), p.rest("/api-keys"), map[string]any{"name": "Nightly", "permissions": []string{"data:read"}}).want(http.StatusCreated).into(&second)
	p.do(req{method: http.MethodDelete, path: p.rest("/api-keys/%s", second.ID), token: p.owner()}).want(http.StatusOK)
	p.get(second.Secret, p.rest("/events")).problem(http.StatusUnauthorized, "unauthenticated")
	p.clock.add(2 * time.Hour)
	p.get(k.Secret, p.rest("/events")).problem(http.StatusUnauthorized, "unauthenticated")
}

// TestClientCredentials: a client's tokens carry what it holds now, for its own
// workspace alone (A28).
func TestClientCredentialsA28(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	owner := p.owner()
	var c secretOf
	in := map[string]any{"name": "Robot", "scope": []string{"data:read", "sources:write", "plant:write"}}
	p.post(owner, p.rest("/clients"), in).want(http.StatusCreated).into(&c)
	management := url.Values{"resource": {p.issuer.MCPURL(p.slug)}}
	token := p.tokens(c.ID, c.Secret, management).token()
	p.get(token, p.rest("/events")).want(http.StatusOK)
	s.get(token, other.rest("/events")).problem(http.StatusUnauthorized, "unauthenticated")
	data := p.tokens(c.ID, c.Secret, url.Values{}).token()
	p.get(data, p.rest("/events")).problem(http.StatusUnauthorized, "unauthenticated") // it is for /data alone
	p.tokens(c.ID, c.Secret, url.Values{"resource": {p.issuer.MCPURL(other.slug)}}).want(http.StatusBadRequest)
	p.tokens(c.ID, c.Secret, url.Values{"scope": {"data:read audit:read"}}).want(http.StatusBadRequest)
	p.tokens(c.ID, c.Secret+"x", management).want(http.StatusUnauthorized)

	p.do(req{method: http.MethodPut, path: p.rest("/clients/%s", c.ID), token: owner, body: map[string]any{"scope": []string{"sources:write"}}}).want(http.StatusOK)
	p.get(token, p.rest("/events")).problem(http.StatusForbidden, "forbidden")
	p.post(token, p.rest("/http-endpoints"), map[string]any{"name": "x"}).want(http.StatusCreated)

	var rotated secretOf
	p.post(owner, p.rest("/clients/%s/rotate-secret", c.ID), nil).want(http.StatusOK).into(&rotated)
	p.tokens(c.ID, c.Secret, management).want(http.StatusUnauthorized)
	p.get(token, p.rest("/http-endpoints")).problem(http.StatusUnauthorized, "unauthenticated")
	token = p.tokens(c.ID, rotated.Secret, management).token()
	p.do(req{method: http.MethodDelete, path: p.rest("/clients/%s", c.ID), token: owner}).want(http.StatusOK)
	p.get(token, p.rest("/http-endpoints")).problem(http.StatusUnauthorized, "unauthenticated")
	p.tokens(c.ID, rotated.Secret, management).want(http.StatusUnauthorized)
}

// TestNobodyGrantsWhatTheyDoNotHold: no client, key, secret or session gives
// away more than the effective right of who makes it.
func TestNobodyGrantsWhatTheyDoNotHold(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	narrow := p.token(iot.Owner, "access:read access:write sources:read") // the role holds more
	admin := p.token(iot.Admin, everything)                               // not workspace:own
	for what, in := range map[string]map[string]any{
		"/clients":  {"name": "x", "scope": []string{"sources:read", "data:read"}},
		"/api-keys": {"name": "x", "permissions": []string{"sources:read", "data:read"}},
	} {
		if problem := p.post(narrow, p.rest("%s", what), in).problem(http.StatusForbidden, "insufficient_scope"); len(problem.Permissions) != 1 || problem.Permissions[0] != iot.DataRead {
			t.Errorf("%s: got permissions %v, want data:read", what, problem.Permissions)
		}
	}
	p.call(narrow, "client_create", map[string]any{"name": "x", "scope": []string{"data:read"}}).lacks("data:read") // as HTTP's 403, or no client asks
	p.post(admin, p.rest("/clients"), map[string]any{"name": "x", "scope": []string{"workspace:own"}}).problem(http.StatusForbidden, "forbidden")
	p.post(admin, p.rest("/api-keys"), map[string]any{"name": "x", "permissions": []string{"workspace:own"}}).problem(http.StatusForbidden, "forbidden")
	p.post(p.owner(), p.rest("/api-keys"), map[string]any{"name": "x", "permissions": []string{"account:read"}}).problem(http.StatusBadRequest, "invalid")
	p.post(p.owner(), p.rest("/api-keys"), map[string]any{"name": "x", "permissions": []string{}}).problem(http.StatusBadRequest, "invalid")
	p.post(p.owner(), p.rest("/clients"), map[string]any{"name": "x", "scope": []string{"Plant Read"}}).problem(http.StatusBadRequest, "invalid")

	var c secretOf
	p.post(p.owner(), p.rest("/clients"), map[string]any{"name": "Robot", "scope": []string{"workspace:own"}}).want(http.StatusCreated).into(&c)
	p.post(admin, p.rest("/clients/%s/rotate-secret", c.ID), nil).problem(http.StatusForbidden, "forbidden")
	update := func(token string, scope ...string) *answer {
		return p.do(req{method: http.MethodPut, path: p.rest("/clients/%s", c.ID), token: token, body: map[string]any{"scope": scope}})
	}
	update(admin, "workspace:own", "data:read").want(http.StatusOK) // what it has already is no new grant
	update(narrow, "data:read", "mail:read").problem(http.StatusForbidden, "insufficient_scope")
	update(admin).want(http.StatusOK)
	update(admin, "workspace:own").problem(http.StatusForbidden, "forbidden")
}

// TestSessions: one's own session one may narrow, widen within one's own right,
// and end; another's an admin may narrow and end.
func TestSessions(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	viewer, admin := p.token(iot.Viewer, everything), p.token(iot.Admin, everything)
	mine := p.token(iot.Viewer, "data:read sources:read")
	id := p.session(p.members[iot.Viewer], "sources:read data:read")
	update := func(token string, permissions ...string) *answer {
		return p.do(req{method: http.MethodPut, path: p.rest("/sessions/%s", id), token: token, body: map[string]any{"permissions": permissions}})
	}
	p.get(mine, p.rest("/events")).want(http.StatusOK)
	update(admin, "sources:read").want(http.StatusOK)
	p.get(mine, p.rest("/events")).problem(http.StatusForbidden, "insufficient_scope") // at once
	update(admin, "sources:read", "data:read").problem(http.StatusForbidden, "forbidden")
	update(viewer, "sources:read", "data:read").want(http.StatusOK)
	p.get(mine, p.rest("/events")).want(http.StatusOK)
	update(viewer, "sources:write").problem(http.StatusForbidden, "forbidden")
	update(mine, "sources:read", "data:read", "mail:read").problem(http.StatusForbidden, "forbidden") // its token may not read access
	update(viewer).problem(http.StatusBadRequest, "invalid")
	other := p.session(p.members[iot.Admin], everything)
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		r := req{method: method, path: p.rest("/sessions/%s", other), token: viewer}
		if method == http.MethodPut {
			r.body = map[string]any{"permissions": []string{"data:read"}}
		}
		p.do(r).problem(http.StatusForbidden, "forbidden")
	}
	p.do(req{method: http.MethodDelete, path: p.rest("/sessions/%s", id), token: viewer}).want(http.StatusOK)
	p.get(mine, p.rest("/events")).problem(http.StatusUnauthorized, "unauthenticated")
	p.do(req{method: http.MethodDelete, path: p.rest("/sessions/%s", id), token: viewer}).problem(http.StatusNotFound, "not_found")
}

// session returns the person's newest session with the scope.
func (p *plant) session(a iot.Account, scope string) (id iot.ID) {
	p.t.Helper()
	all, err := p.store.Workspace(p.id).Grants(p.t.Context(), "", 100)
	p.must(err)
	want, err := iot.ParsePermissions(scope)
	p.must(err)
	for _, g := range all {
		if has, err := iot.ParsePermissions(g.Scope); err == nil && g.Account == a.ID && has == want {
			id = g.ID
		}
	}
	if id == "" {
		p.t.Fatalf("%s has no session with %s", a.Email, scope)
	}
	return id
}

// TestMachineSessionIsItsClients: what a machine may do is changed where it is
// kept, at its client.
func TestMachineSessionIsItsClients(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	var c secretOf
	p.post(p.owner(), p.rest("/clients"), map[string]any{"name": "Robot", "scope": []string{"data:read"}}).want(http.StatusCreated).into(&c)
	p.tokens(c.ID, c.Secret, url.Values{}).token()
	p.tokens(c.ID, c.Secret, url.Values{}).token()
	var found []struct {
		ID       iot.ID
		ClientID string `json:"client_id"`
	}
	p.get(p.owner(), p.rest("/sessions")).want(http.StatusOK).into(&found)
	var ids []iot.ID
	for _, f := range found {
		if f.ClientID == c.ID {
			ids = append(ids, f.ID)
		}
	}
	if len(ids) != 1 {
		t.Fatalf("got the sessions %v of the client, want one for its audience", ids)
	}
	p.do(req{method: http.MethodPut, path: p.rest("/sessions/%s", ids[0]), token: p.owner(), body: map[string]any{"permissions": []string{"data:read"}}}).
		problem(http.StatusConflict, "conflict")
}

// TestIntrospectionThroughCall: iotman_call tells of tokens of its own workspace
// (A29).
func TestIntrospectionThroughCallA29(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	ask := func(token, about string) *outcome {
		return p.call(token, "iotman_call", map[string]any{"method": "POST", "path": "/oauth/introspect", "body": map[string]any{"token": about}})
	}
	var told oauth.Introspection
	about := p.token(iot.Viewer, "data:read sources:write")
	ask(p.owner(), about).ok(&told)
	if !told.Active || told.Scope != "data:read" || told.Workspace != p.id || told.Username == "" {
		t.Errorf("got %+v, want what holds now: the role's part of the token", told)
	}
	for what, token := range map[string]string{"another workspace's": other.owner(), "none": "x"} {
		told = oauth.Introspection{}
		ask(p.owner(), token).ok(&told)
		if told != (oauth.Introspection{}) {
			t.Errorf("%s: got %+v, want not active and no more", what, told)
		}
	}
	ask(p.token(iot.Owner, but("access:read")), about).lacks("access:read")
	p.change(func(ctx context.Context, tx *store.Tx) error {
		g, err := tx.Grant(ctx, p.session(p.members[iot.Viewer], "data:read sources:write"))
		if err != nil {
			return err
		}
		return tx.DeleteGrant(ctx, g)
	})
	told = oauth.Introspection{}
	ask(p.owner(), about).ok(&told)
	if told.Active {
		t.Error("a revoked token is active")
	}
}
