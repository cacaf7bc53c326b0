package oauth_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iotman/iot"
	"iotman/store"
)

// TestH7Digests: of whatever is given out, the data folder has digests alone, and
// a secret is shown once.
func TestH7Digests(t *testing.T) {
	f := newFront(t, nil)
	a, robot := f.app(iot.AuthMethodPost), f.machine("data:read")
	unused, code := f.code(a), f.code(a)
	got := f.exchange(a.redeem(code))
	next := f.exchange(a.refresh(got.refresh))
	key, err := store.NewSecret(store.APIKeySecret, f.ws.ID)
	f.must(err)
	f.change(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.CreateAPIKey(ctx, iot.APIKey{Name: "Script", Scope: "data:read", Prefix: key[:13]}, store.DigestOf(key))
		return err
	})
	f.open("an API key", true, key)
	secrets := map[string]string{
		"a code": unused, "a code that was used": code, "a refresh token": next.refresh, "one that was used": got.refresh, "a client's secret": a.secret,
		"a registration's token": a.access, "a machine's secret": robot.secret, "an API key": key, "an access token": next.access[strings.LastIndexByte(next.access, '.')+1:],
	}
	var read int
	f.must(filepath.WalkDir(f.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		read += len(text)
		for what, secret := range secrets {
			if secret == "" || bytes.Contains(text, []byte(secret[len(secret)/2:])) {
				t.Errorf("%s holds %s", d.Name(), what)
			}
		}
		return err
	}))
	if read < 100_000 {
		t.Errorf("read %d bytes, want a database's", read)
	}
	m := map[string]any{"client_id": a.id, "client_name": "App", "redirect_uris": []string{appRedirect}, "token_endpoint_auth_method": "client_secret_post"}
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		r := f.registration(method, a.id, a.access, m)
		if r.status != http.StatusOK || strings.Contains(r.text, "iot_") {
			t.Errorf("%s: got %d %s, want no secret again", method, r.status, r.text)
		}
	}
}
