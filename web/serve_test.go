package web_test

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"
	"time"

	"iotman/web"
)

// listenEnv names the address at which TestServePages serves the fixtures to a
// browser; e2e/pages.sh sets it.
const listenEnv = "IOTMAN_PAGES_LISTEN"

// TestServePages puts every fixture at a path of its own, over HTTP. With
// listenEnv it prints the URL of each and of an app to redirect to, and serves
// until SIGTERM.
func TestServePages(t *testing.T) {
	addr := os.Getenv(listenEnv)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", cmp.Or(addr, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: site(t), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	defer func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		<-served
	}()
	base := "http://" + l.Addr().String() + "/"
	if addr == "" {
		testSite(t, base)
		return
	}
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	fmt.Println("app", newApp(t))
	for _, name := range names() {
		fmt.Println("page", base+name)
	}
	fmt.Println("ready")
	<-ctx.Done()
}

// names returns the names of the fixtures in order.
func names() []string {
	var out []string
	for name := range fixtures() {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// site serves each fixture at /{name}; and beside them, at /asks, the consent to
// an app whose redirect URI is in the query. The form is answered by a redirect
// there, and the page allows that when the query says so.
func site(t *testing.T) http.Handler {
	t.Helper()
	pages := newPages(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /static/{file}", pages.Static)
	show := func(w http.ResponseWriter, page web.Page) {
		if err := pages.Render(w, http.StatusOK, page); err != nil {
			t.Error(err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
	for name, page := range fixtures() {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, _ *http.Request) { show(w, page) })
	}
	mux.HandleFunc("GET /asks", func(w http.ResponseWriter, r *http.Request) {
		page := fixtures()["consent"].(web.Consent)
		redirect := r.FormValue("redirect")
		page.Action = "/answer?redirect=" + url.QueryEscape(redirect)
		page.FormAction = nil
		if r.FormValue("allowed") != "" {
			page.FormAction = web.RedirectSources(redirect)
		}
		show(w, page)
	})
	mux.HandleFunc("POST /answer", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, r.Form.Get("redirect")+"?"+r.PostForm.Encode(), http.StatusSeeOther)
	})
	return mux
}

// newApp starts an app on this computer: its /callback answers, and its /onward
// redirects to a page of its maker's, over https.
func newApp(t *testing.T) (base string) {
	t.Helper()
	maker := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "done") }))
	t.Cleanup(maker.Close)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/onward" {
			http.Redirect(w, r, maker.URL+"/done", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "done")
	}))
	t.Cleanup(app.Close)
	return app.URL
}

// testSite asks for each page as the browser does.
func testSite(t *testing.T, base string) {
	for _, name := range append(names(), "asks?redirect=http://localhost:1/cb&allowed=1") {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if res.StatusCode != http.StatusOK || res.ContentLength < 500 {
			t.Errorf("%s: got status %d and %d bytes", name, res.StatusCode, res.ContentLength)
		}
	}
}
