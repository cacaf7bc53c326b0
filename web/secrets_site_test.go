package web_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestH1Dump: nothing that opens a door stands in the data folder, the log of
// the database included; nor in the server's log at debug level.
func TestH1Dump(t *testing.T) {
	h := newHouse(t)
	secrets := map[string]string{"the password": "correct horse battery staple"}
	h.must(h.desk.SetPassword(t.Context(), h.ada.ID, secrets["the password"]))
	laptop, phone := h.browser(), h.browser()
	laptop.ask(h.ada.Email, "/").want(http.StatusOK)
	link := h.link(h.ada.Email)
	secrets["a link"] = tokenOf(link)
	secrets["a code"] = strings.ReplaceAll(phone.get(link).form("/signin/confirm").send().code(), " ", "")
	secrets["a browser that waits"] = laptop.cookie("iotman_browser")

	b := h.browser()
	b.get("/signin").form("/signin/password").with("email", h.ada.Email).with("password", secrets["the password"]).send().leads("/")
	secrets["a session"] = b.cookie("iotman")
	a := h.confidential(hosted)
	secrets["a client secret"] = a.secret
	f := b.get(a.path("scope", "data:read")).form("/oauth/consent").with("decision", "allow")
	secrets["a consent"] = b.get(a.path()).form("/oauth/consent").fields.Get("consent")
	secrets["a form"] = f.fields.Get("form")
	allowed := f.send()
	secrets["an authorization code"] = a.told(allowed).Get("code")
	got := a.redeem(allowed)
	secrets["an access token"], secrets["a refresh token"] = got.Access, got.Refresh
	secrets["the verifier"] = verifier
	var key struct{ Secret string }
	h.call(http.MethodPost, "/api/v1/workspaces/north/api-keys", h.token(), map[string]any{"name": "Script", "permissions": []string{"data:read"}}, http.StatusCreated, &key)
	secrets["an API key"] = key.Secret
	var self struct {
		Secret string `json:"client_secret"`
		Access string `json:"registration_access_token"`
	}
	h.call(http.MethodPost, "/oauth/register", "", map[string]any{"redirect_uris": []string{hosted}}, http.StatusCreated, &self)
	secrets["a registered secret"], secrets["a registration token"] = self.Secret, self.Access
	h.must(h.store.SetFact(t.Context(), "canary", "this one is found")) // so that looking is seen to work

	found := map[string]bool{}
	err := filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		found["canary"] = found["canary"] || strings.Contains(string(text), "this one is found")
		for what, secret := range secrets {
			if len(secret) < 8 || strings.Contains(string(text), secret) {
				t.Errorf("%s %q stands in %s", what, secret, filepath.Base(path))
			}
		}
		found[filepath.Base(path)] = len(text) > 0
		return err
	})
	h.must(err)
	for _, name := range []string{"iotman.db", "iotman.db-wal", "canary"} {
		if !found[name] {
			t.Errorf("looked at %v, which lacks %s", found, name)
		}
	}
	for what, secret := range secrets {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("%s stands in the log", what)
		}
	}
}

// TestH7Once: what is made is shown to who made it, once.
func TestH7Once(t *testing.T) {
	h := newHouse(t)
	token := h.token()
	const base = "/api/v1/workspaces/north"
	var client, key struct{ ID, Secret string }
	h.call(http.MethodPost, base+"/clients", token, map[string]any{"name": "Pump", "scope": []string{"data:read"}}, http.StatusCreated, &client)
	h.call(http.MethodPost, base+"/api-keys", token, map[string]any{"name": "Script", "permissions": []string{"data:read"}}, http.StatusCreated, &key)
	for _, path := range []string{"/clients", "/clients/" + client.ID, "/api-keys", "/audit", "/sessions"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.backend.URL+base+path, nil)
		h.must(err)
		r.Header.Set("Authorization", "Bearer "+token)
		text := h.text(r, http.StatusOK)
		for _, secret := range []string{client.Secret, key.Secret} {
			if len(secret) < 40 || strings.Contains(text, secret) {
				t.Errorf("%s: %q is shown again: %s", path, secret, text)
			}
		}
	}
}
