package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iotman/iot"
	"iotman/store"
)

// claims are what a token says (product.md, section 6).
type claims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	ClientID  string `json:"client_id"`
	Audience  string `json:"aud"`
	Scope     string `json:"scope"`
	Workspace string `json:"wid"`
	Expires   int64  `json:"exp"`
	IssuedAt  int64  `json:"iat"`
	ID        string `json:"jti"`
}

// claimsOf returns the claims of a JSON Web Token, and fails the test if it
// has others or lacks some. That its signature is good, the server says.
func claimsOf(t *testing.T, token string) claims {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("got %q, want a JWT", token)
	}
	var header, names map[string]any
	var c claims
	for part, into := range map[string][]any{parts[0]: {&header}, parts[1]: {&names, &c}} {
		b, err := base64.RawURLEncoding.DecodeString(part)
		for _, v := range into {
			if err == nil {
				err = json.Unmarshal(b, v)
			}
		}
		if err != nil {
			t.Fatalf("%q: %v", token, err)
		}
	}
	if header["alg"] != "RS256" || header["typ"] != "at+jwt" || header["kid"] == nil || len(header) != 3 {
		t.Errorf("got the header %v, want alg RS256, typ at+jwt and a kid", header)
	}
	for _, name := range []string{"iss", "sub", "client_id", "aud", "scope", "wid", "exp", "iat", "jti"} {
		if names[name] == nil {
			t.Errorf("no claim %s", name)
		}
		delete(names, name)
	}
	if len(names) > 0 {
		t.Errorf("got further claims %v, want none", names)
	}
	return c
}

func TestToken(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	got := iotman(t, "token", "-data", dir)
	token, rest, _ := strings.Cut(got.stdout, "\n")
	if got.code != 0 || rest != "" || got.stderr != "" {
		t.Errorf("got exit code %d, after the first line %q, and on stderr %q; want 0 and one line", got.code, rest, got.stderr)
	}
	has := s.workspacesOf(token) // at once
	c := claimsOf(t, token)
	want := claims{
		Issuer: s.url, Subject: c.Subject, ClientID: "iotman-cli", Audience: s.url + "/mcp/default",
		Scope: iot.Owner.Rights().String(), Workspace: has[0].ID, Expires: c.IssuedAt + 3600, IssuedAt: c.IssuedAt, ID: c.ID,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if age := time.Since(time.Unix(c.IssuedAt, 0)); age < 0 || age > time.Minute || !iot.IsID(c.Subject) || !iot.IsID(c.ID) {
		t.Errorf("got %+v, want ids, and issued now", c)
	}
	if other := claimsOf(t, tokenFor(t, dir, "-workspace", has[0].ID)); other.ID == c.ID || other.Workspace != c.Workspace {
		t.Errorf("by id: got %+v, want the same workspace and another jti than %s", other, c.ID)
	}

	reader := tokenFor(t, dir, "-permissions", "data:read, sources:read", "-ttl", "90s")
	if c := claimsOf(t, reader); c.Scope != "sources:read data:read" || c.Expires-c.IssuedAt != 90 {
		t.Errorf("narrowed: got %+v, want sources:read data:read for 90 s", c)
	}
	endpoints := "/api/v1/workspaces/default/http-endpoints"
	s.want(http.StatusOK, http.MethodGet, endpoints, reader, nil, nil)
	refused := s.call(http.MethodPost, endpoints, reader, `{"name":"x"}`)
	if challenge := refused.header.Get("WWW-Authenticate"); refused.status != http.StatusForbidden || !strings.Contains(challenge, `insufficient_scope`) {
		t.Errorf("a reader writes: got %d and %q, want 403 and insufficient_scope", refused.status, challenge)
	}
	s.endpoint("default", "x", token)
	s.stop()
	tokenFor(t, dir) // and while nothing serves
}

// TestTokenRefused asks for tokens that nobody gets.
func TestTokenRefused(t *testing.T) {
	dir := t.TempDir()
	start(t, dir).stop()
	people(t, dir)
	before := contents(t, dir)
	for _, c := range []struct {
		name    string
		args    []string
		message string
	}{
		{"permission", []string{"-permissions", "data:raed"}, `unknown permission "data:raed".*the role owner holds workspace:read `},
		{"no permission", []string{"-permissions", ""}, `-permissions names none.*the role owner holds workspace:read `},
		{"only commas", []string{"-permissions", " ,"}, `-permissions names none`},
		{"over owner", []string{"-permissions", "platform:admin"}, `the role owner does not hold platform:admin`},
		{"over viewer", []string{"-email", "vera@example.com", "-permissions", "data:read,data:write"}, `the role viewer does not hold data:write`},
		{"no member", []string{"-email", "nora@example.com"}, `nora@example.com is not a member of the workspace default`},
		{"email", []string{"-email", "eve@example.com"}, `no account has the address "eve@example.com"`},
		{"workspace", []string{"-workspace", "nosuch"}, `workspace "nosuch": no such workspace`},
		{"workspace id", []string{"-workspace", string(store.NewID())}, `no such workspace`},
		{"no life", []string{"-ttl", "0s"}, `a token lives 1s to 24h0m0s; got 0s`},
		{"past", []string{"-ttl", "-1h"}, `a token lives 1s to 24h0m0s; got -1h`},
		{"two days", []string{"-ttl", "48h"}, `a token lives 1s to 24h0m0s; got 48h`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := iotman(t, append([]string{"token", "-data", dir}, c.args...)...)
			if got.code != 1 || got.stdout != "" {
				t.Errorf("got exit code %d and %q, want 1 and nothing", got.code, got.stdout)
			}
			match(t, "stderr", got.stderr, `^iotman: .*`+c.message)
		})
	}
	if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
		t.Errorf("refusals left something in the folder (-before +after):\n%.2000s", diff)
	}
	if c := claimsOf(t, tokenFor(t, dir, "-email", "VERA@example.com")); c.Scope != iot.Viewer.Rights().String() {
		t.Errorf("a viewer's token: got %q, want what viewers hold", c.Scope)
	}
}

// opened opens the folder as the commands do, beside whoever serves it.
func opened(t *testing.T, dir string) *store.Store {
	t.Helper()
	key, err := store.LoadKey(filepath.Join(dir, "key"), dir, false)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Config{Dir: dir, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// people makes Vera, who only looks, and Nora, who is no member.
func people(t *testing.T, dir string) {
	t.Helper()
	st := opened(t, dir)
	defer st.Close()
	id, err := st.Resolve(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.CreateAccount(t.Context(), "nora@example.com", "Nora"); err != nil {
		t.Fatal(err)
	}
	vera, err := st.CreateAccount(t.Context(), "vera@example.com", "Vera")
	if err != nil {
		t.Fatal(err)
	}
	err = st.Change(t.Context(), store.By{Workspace: id, Operation: "test"}, func(ctx context.Context, tx *store.Tx) error {
		return tx.AddMember(ctx, vera.ID, iot.Viewer)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTokenBeforeServe finds no data folder, and makes none.
func TestTokenBeforeServe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	got := iotman(t, "token", "-data", dir)
	if got.code != 1 || got.stdout != "" {
		t.Errorf("got exit code %d and %q, want 1 and nothing", got.code, got.stdout)
	}
	match(t, "stderr", got.stderr, "is not a data folder: run iotman serve first, or name the folder with -data")
	if _, err := os.Stat(dir); err == nil {
		t.Error("token made the folder")
	}
}

// TestH4WrongKey: a folder does not open with another key, and nothing in it
// changes by trying.
func TestH4WrongKey(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	_, path := s.endpoint("default", "Boiler", tokenFor(t, dir))
	s.want(http.StatusAccepted, http.MethodPost, path, "", `{"temperature":61.5}`, nil)
	s.stop()
	key := filepath.Join(dir, "key")
	right, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key     string // "" is no file
		message string
	}{
		"wrong": {base64.StdEncoding.EncodeToString([]byte("32 bytes that another folder has")), "the key does not fit the data folder .*; nothing was changed"},
		"short": {"c2hvcnQ=", "key file .*/key: a key is 32 bytes in base64"},
		"empty": {"\n", "key file .*/key: a key is 32 bytes in base64"},
		"none":  {"", "key"},
	} {
		err := os.WriteFile(key, []byte(c.key), 0o600)
		if c.key == "" {
			err = os.Remove(key)
		}
		if err != nil {
			t.Fatal(err)
		}
		before := contents(t, dir)
		for _, args := range [][]string{{"serve", "-addr", "127.0.0.1:0"}, {"token"}} {
			got := iotman(t, append(args, "-data", dir)...)
			if got.code != 1 || got.stdout != "" {
				t.Errorf("%s key, %s: got exit code %d and %q, want 1 and nothing", name, args[0], got.code, got.stdout)
			}
			match(t, name+" key, "+args[0], got.stderr, c.message)
			if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
				t.Errorf("%s key, %s: the folder changed (-before +after):\n%.2000s", name, args[0], diff)
			}
		}
	}
	if err := os.WriteFile(key, right, 0o600); err != nil {
		t.Fatal(err)
	}
	s = start(t, dir)
	if all := s.everything("default", tokenFor(t, dir)); len(all) != 1 || string(all[0].Payload) != `{"temperature":61.5}` {
		t.Errorf("with the right key again: got %v, want the one event", all)
	}
	s.stop()
}
