package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// workspacesOf lists the caller's workspaces.
func (s *server) workspacesOf(token string) (found []struct{ ID, Slug, Name string }) {
	s.t.Helper()
	s.want(http.StatusOK, http.MethodGet, "/api/v1/workspaces", token, nil, &found)
	return found
}

func TestFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	s := start(t, dir)
	perm(t, dir, os.ModeDir|0o700)
	perm(t, filepath.Join(dir, "key"), 0o600)

	mcpURL := s.url + "/mcp/default"
	if want := "\n  claude mcp add --transport http iotman " + mcpURL + "\n"; !strings.Contains(s.stdout.String(), want) {
		t.Errorf("got %q, want it to have %q", s.stdout, want)
	}
	link := regexp.MustCompile(`(?m)^  (` + s.url + `/signin/link\?token=[A-Z2-7]{52})$`).FindStringSubmatch(s.stdout.String())
	if link == nil {
		t.Fatalf("got %q, want a sign-in link in it", s.stdout)
	}
	s.want(http.StatusOK, http.MethodGet, strings.TrimPrefix(link[1], s.url), "", nil, nil)
	token := tokenFor(t, dir)
	hello := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`
	s.want(http.StatusOK, http.MethodPost, "/mcp/default", token, hello, nil)
	s.want(http.StatusUnauthorized, http.MethodPost, "/mcp/default", "", hello, nil)

	has := s.workspacesOf(token)
	if len(has) != 1 || has[0].Slug != "default" || has[0].Name != "Default" {
		t.Errorf("got the workspaces %v, want Default, default", has)
	}
	var audit []struct{ Email, Operation string }
	s.want(http.StatusOK, http.MethodGet, "/api/v1/workspaces/default/audit", token, nil, &audit)
	if len(audit) != 1 || audit[0].Email != "admin@localhost" || audit[0].Operation != "workspace_create" {
		t.Errorf("got the audit log %v, want workspace_create by admin@localhost", audit)
	}
	s.stop()

	key := contents(t, dir)["/key"]
	s = start(t, dir)
	if got, want := s.stdout.String(), "iotman listens on "+s.url+", data in "+dir+"\n"; got != want {
		t.Errorf("the second start: got %q, want %q", got, want)
	}
	if again := s.workspacesOf(tokenFor(t, dir)); !cmp.Equal(again, has) {
		t.Errorf("got the workspaces %v, want %v as before", again, has)
	}
	s.stop()
	if again := contents(t, dir)["/key"]; again != key {
		t.Error("the second start changed the key")
	}
}

// perm fails the test unless the file has the mode.
func perm(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); got != want {
		t.Errorf("%s: got %s, want %s", path, got, want)
	}
}

// claudeArgs lets a shell read the line that a person is to paste, and returns
// TestPublicURL starts a folder under several public URLs: each is taken over
// and recorded, so that tokens name it; one that is none changes nothing.
func TestPublicURL(t *testing.T) {
	dir := t.TempDir()
	start(t, dir).stop()

	s := start(t, dir, "-public-url", "https://IoT.example.com/")
	if want := "iotman listens on " + s.url + " as https://iot.example.com, data in " + dir + "\n"; s.stdout.String() != want {
		t.Errorf("got %q, want %q", s.stdout, want)
	}
	token := tokenFor(t, dir)
	if c := claimsOf(t, token); c.Issuer != "https://iot.example.com" || c.Audience != "https://iot.example.com/mcp/default" {
		t.Errorf("got the issuer %q and the audience %q, want those of https://iot.example.com", c.Issuer, c.Audience)
	}
	s.workspacesOf(token)
	var resource struct{ Resource string }
	s.want(http.StatusOK, http.MethodGet, "/.well-known/oauth-protected-resource/mcp/default", "", nil, &resource)
	if want := "https://iot.example.com/mcp/default"; resource.Resource != want {
		t.Errorf("got the resource %q, want %q", resource.Resource, want)
	}
	s.stop()

	for _, bad := range []string{"ftp://iot.example.com", "iot.example.com", "https://", "https://iot.example.com/mcp", "https://iot.example.com?x=1"} {
		got := iotman(t, "serve", "-data", dir, "-addr", "127.0.0.1:0", "-public-url", bad)
		if got.code != 1 || got.stdout != "" {
			t.Errorf("-public-url %s: got exit code %d and %q, want 1 and nothing", bad, got.code, got.stdout)
		}
		match(t, bad, got.stderr, `the public URL is a scheme and a host, such as https://iot\.example\.com; got `)
	}
	if c := claimsOf(t, tokenFor(t, dir)); c.Issuer != "https://iot.example.com" {
		t.Errorf("after refused ones: got the issuer %q, want https://iot.example.com", c.Issuer)
	}

	s = start(t, dir)
	s.want(http.StatusUnauthorized, http.MethodGet, "/api/v1/workspaces", token, nil, nil)
	s.workspacesOf(tokenFor(t, dir))
	s.stop()
}

// TestFirstStartTwice has a port that is taken stop the first start: the next
// one still welcomes.
func TestFirstStartTwice(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	got := iotman(t, "serve", "-data", dir, "-addr", l.Addr().String())
	if got.code != 1 || got.stdout != "" {
		t.Errorf("got exit code %d and %q, want 1 and nothing", got.code, got.stdout)
	}
	match(t, "stderr", got.stderr, `^iotman: listen: .*`+regexp.QuoteMeta(l.Addr().String())+`.*address already in use\n$`)
	s := start(t, dir)
	if got := s.stdout.String(); !strings.Contains(got, "claude mcp add") {
		t.Errorf("got %q, want the line that connects an agent", got)
	}
	s.stop()
}
