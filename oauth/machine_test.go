package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"iotman/iot"
	"iotman/store"
)

// TestA28Machine: a machine's token names the client and no account, opens the
// one workspace that made it, and is never refreshed.
func TestA28Machine(t *testing.T) {
	f := newFront(t, nil)
	south := f.workspace("south")
	robot := f.machine("plant:write data:read workspace:own account:read")
	form := robot.credentials()
	for what, c := range map[string]struct {
		form       url.Values
		aud, scope string
	}{
		"data":       {form, "north", "plant:write data:read workspace:own account:read"},
		"some data":  {set(form, "scope", "plant:write"), "north", "plant:write"},
		"management": {set(form, "resource", publicURL+"/mcp/north"), publicURL + "/mcp/north", "data:read workspace:own account:read"},
		"some of it": {set(set(form, "resource", publicURL+"/mcp/north"), "scope", "data:read"), publicURL + "/mcp/north", "data:read"},
	} {
		got := f.exchange(c.form)
		_, claims := f.parts(got.access)
		if got.refresh != "" || got.scope != c.scope || claims["aud"] != c.aud || claims["scope"] != c.scope || claims["sub"] != "client:"+robot.id || claims["wid"] != string(f.ws.ID) {
			t.Errorf("%s: got %+v, claims %v", what, got, claims)
		}
		if sub, _ := claims["sub"].(string); iot.IsID(sub) {
			t.Errorf("%s: got sub %s, which an account could have", what, sub)
		}
		f.open(what, c.aud != "north", got.access) // data opens no management
		r := f.get("/api/v1/workspaces", "Authorization", "Bearer "+got.access)
		if r.status == http.StatusOK {
			t.Errorf("%s: got %s, want nothing of an account", what, r.text)
		}
	}
	f.wants("a scope it does not hold", f.post("/oauth/token", set(form, "scope", "plant:write members:write")), http.StatusBadRequest, "invalid_scope")
	f.wants("data as management", f.post("/oauth/token", set(set(form, "resource", publicURL+"/mcp/north"), "scope", "plant:write")), http.StatusBadRequest, "invalid_scope")
	f.wants("another workspace", f.post("/oauth/token", set(form, "resource", f.issuer.MCPURL(south.Slug))), http.StatusBadRequest, "invalid_target")
	for what, a := range map[string]app{"public": f.app(iot.AuthMethodNone), "registered": f.app(iot.AuthMethodPost)} {
		if r := f.post("/oauth/token", a.credentials()); r.status != http.StatusBadRequest || r.body["access_token"] != nil {
			t.Errorf("%s: got %d %s, want it refused", what, r.status, r.text)
		}
	}
	for what, form := range map[string]url.Values{"code": robot.redeem(f.code(f.app(iot.AuthMethodNone))), "refresh": robot.refresh("x")} {
		f.wants(what, f.post("/oauth/token", form), http.StatusBadRequest, "unauthorized_client")
	}
	f.shown("it signs nobody in", set(f.request(robot), "redirect_uri", appRedirect))
}

// TestA28Narrowed: what a machine's client does not hold any more its tokens do
// not hold, and they end with its secret and with it.
func TestA28Narrowed(t *testing.T) {
	f := newFront(t, nil)
	robot := f.machine("data:read sources:write")
	form := set(robot.credentials(), "resource", publicURL+"/mcp/north")
	got := f.exchange(form)
	f.change(func(ctx context.Context, tx *store.Tx) error {
		c, err := tx.Client(ctx, robot.id)
		if err != nil {
			return err
		}
		c.Scope = "data:read"
		_, err = tx.UpdateClient(ctx, c)
		return err
	})
	if scope := f.scopeOf(got.access); scope != "data:read" {
		t.Errorf("narrowed: got %q, want data:read", scope)
	}
	f.wants("what it held", f.post("/oauth/token", set(form, "scope", "sources:write")), http.StatusBadRequest, "invalid_scope")
	secret := store.NewClientSecret()
	f.change(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.SetClientSecret(ctx, robot.id, store.DigestOf(secret))
		return err
	})
	f.open("another secret", false, got.access)
	f.wants("the secret before", f.post("/oauth/token", form), http.StatusUnauthorized, "invalid_client")
	robot.secret = secret
	got = f.exchange(set(robot.credentials(), "resource", publicURL+"/mcp/north"))
	f.open("by the new one", true, got.access)
	f.add(time.Hour)
	f.open("an hour later", false, got.access)
	got = f.exchange(set(robot.credentials(), "resource", publicURL+"/mcp/north"))
	f.change(func(ctx context.Context, tx *store.Tx) error { return tx.DeleteClient(ctx, robot.id) })
	f.open("deleted", false, got.access)
	f.wants("deleted", f.post("/oauth/token", robot.credentials()), http.StatusUnauthorized, "invalid_client")
}
