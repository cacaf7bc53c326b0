package web_test

import (
	"bytes"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"iotman/web"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// parsed are the pages of every test: they keep no state.
var parsed = sync.OnceValues(web.New)

func newPages(t *testing.T) *web.Pages {
	t.Helper()
	p, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// render returns the answer that is a page.
func render(t *testing.T, page web.Page) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := newPages(t).Render(w, http.StatusOK, page); err != nil {
		t.Fatal(err)
	}
	return w
}

// hashes stand in the names of assets.
var hashes = regexp.MustCompile(`\.[0-9a-f]{12}\.`)

// TestGoldens: no page changes unnoticed.
func TestGoldens(t *testing.T) {
	for name, page := range fixtures() {
		got := hashes.ReplaceAll(render(t, page).Body.Bytes(), []byte(".HASH."))
		file := filepath.Join("testdata", name+".html")
		if *update {
			if err := os.WriteFile(file, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not %s: look at it, then run with -update", name, file)
		}
	}
	files, err := filepath.Glob("testdata/*.html")
	if err != nil || len(files) != len(fixtures()) {
		t.Errorf("got %d goldens and %v, want %d, one for each fixture", len(files), err, len(fixtures()))
	}
}

// TestHeaders: A25, G14, G15. No page is framed, kept, or loads from elsewhere.
func TestHeaders(t *testing.T) {
	for name, page := range fixtures() {
		w := httptest.NewRecorder()
		if err := newPages(t).Render(w, http.StatusForbidden, page); err != nil {
			t.Fatal(err)
		}
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: got status %d", name, w.Code)
		}
		for key, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "same-origin", "Cache-Control": "no-store", "Content-Length": strconv.Itoa(w.Body.Len()),
		} {
			if got := w.Header().Get(key); got != want {
				t.Errorf("%s: got %s %q, want %q", name, key, got, want)
			}
		}
	}
	policy := func(page web.Page) string { return render(t, page).Header().Get("Content-Security-Policy") }
	const want = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	if got := policy(web.Account{}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	more := strings.Replace(want, "'self'; base-uri", "'self' https://app.example.com cursor:; base-uri", 1)
	for _, page := range []web.Page{
		web.Consent{FormAction: []string{"https://app.example.com", "cursor:"}},
		web.SignIn{FormAction: []string{"https://app.example.com", "cursor:"}},
		web.LinkSent{FormAction: []string{"https://app.example.com", "cursor:"}},
		web.ConfirmLink{FormAction: []string{"https://app.example.com", "cursor:"}},
	} {
		if got := policy(page); got != more {
			t.Errorf("%T: got %q, want %q", page, got, more)
		}
	}
}

// TestRenderRefuses: a source that would end the directive, or lets a form run
// script, makes no page; and nothing of it is written.
func TestRenderRefuses(t *testing.T) {
	for _, source := range []string{
		"", "*", "'unsafe-inline'", "https:; script-src *", "x; script-src https://a.example", "https://a b", "https://a,b", "https://a\r\nX: y", "https://*.example.com",
		"https://example.com/path", "javascript:", "data:", "https://[::1]", "HTTPS://EXAMPLE.COM", "https://é.example",
	} {
		w := httptest.NewRecorder()
		err := newPages(t).Render(w, http.StatusOK, web.Consent{FormAction: []string{source}})
		if err == nil || w.Body.Len() != 0 || len(w.Header()) != 0 {
			t.Errorf("%q: got error %v, %d bytes, header %v; want an error and nothing written", source, err, w.Body.Len(), w.Header())
		}
	}
}

// broken is shown by the template of a Message, whose last field it hides.
type broken struct {
	web.Message
	Link int
}

// TestRenderBuffers: a page that fails in its middle is not begun.
func TestRenderBuffers(t *testing.T) {
	w := httptest.NewRecorder()
	err := newPages(t).Render(w, http.StatusOK, broken{Link: 1})
	if err == nil || w.Body.Len() != 0 || len(w.Header()) != 0 {
		t.Errorf("got error %v, %d bytes, header %v; want an error and nothing written", err, w.Body.Len(), w.Header())
	}
}

func TestRedirectSources(t *testing.T) {
	for uri, want := range map[string]string{
		"https://claude.ai/api/mcp/auth_callback": "https://claude.ai",
		"https://Claude.AI:8443/cb?x=1":           "https://claude.ai:8443",
		"http://localhost:33418/callback":         "http://localhost:33418",
		"http://127.0.0.1/callback":               "http://127.0.0.1",
		"http://[::1]:33418/callback":             "http:",
		"cursor://anysphere.cursor/callback":      "cursor:",
		"com.example.app:/callback":               "com.example.app:",
		"javascript:alert(1)":                     "",
		"data:text/html,x":                        "",
		"https://user:pw@example.com/":            "https://example.com",
		"https://a;script-src/":                   "",
		"/relative":                               "",
		"":                                        "",
		"http://%zz":                              "",
	} {
		got := strings.Join(web.RedirectSources(uri), " ")
		if want != "" {
			want += " https:"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", uri, got, want)
		}
		render(t, web.Consent{FormAction: web.RedirectSources(uri)}) // which takes them
	}
}

func TestStatic(t *testing.T) {
	pages := newPages(t)
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		pages.Static(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w
	}
	links := regexp.MustCompile(`/static/[^"]+`).FindAllString(render(t, web.Message{}).Body.String(), -1)
	if len(links) != 2 {
		t.Fatalf("got links %q, want the icon and the style sheet", links)
	}
	for i, mediaType := range []string{"image/svg+xml", "text/css; charset=utf-8"} {
		w := get(links[i])
		if w.Code != http.StatusOK || w.Body.Len() < 100 || w.Header().Get("Content-Type") != mediaType {
			t.Errorf("%s: got %d, %d bytes of %s", links[i], w.Code, w.Body.Len(), w.Header().Get("Content-Type"))
		}
		if got := w.Header().Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: got Cache-Control %q", links[i], got)
		}
	}
	for _, path := range []string{"/static/style.css", "/static/style.000000000000.css", "/static/", "/static/x/" + strings.TrimPrefix(links[1], "/static/")} {
		if w := get(path); w.Code != http.StatusNotFound || w.Header().Get("Cache-Control") != "" {
			t.Errorf("%s: got %d, Cache-Control %q; want 404, not to be kept", path, w.Code, w.Header().Get("Cache-Control"))
		}
	}
}
