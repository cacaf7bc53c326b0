package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"iotman/iot"
)

// open returns a Guard that may call loopback over plain HTTP.
func open(timeout time.Duration) *Guard {
	return New(Config{Allow: loop, PlainHTTP: true, Timeout: timeout})
}

// TestFetch checks what is asked, and that the whole answer comes back.
func TestFetch(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for name, want := range map[string]string{"Accept": "application/json", "User-Agent": "iotman", "Accept-Encoding": "", "Cookie": "", "Authorization": ""} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if r.Method != http.MethodGet || r.URL.String() != "/a?b=c" {
			t.Errorf("got %s %s, want GET /a?b=c", r.Method, r.URL)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Set-Cookie", "a=b")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, `{"ok":true}`)
	})
	g := open(0)
	for range 2 { // a cookie would come back
		got, err := g.Fetch(t.Context(), s.URL+"/a?b=c", 11, "application/json")
		if err != nil {
			t.Fatal(err)
		}
		if got.Status != http.StatusTeapot || string(got.Body) != `{"ok":true}` || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %d %v %q, want the answer", got.Status, got.Header, got.Body)
		}
	}
}

// TestD4Redirect checks that a redirect is the answer, for a Fetch and for a
// client, and that where it points is left alone.
func TestD4Redirect(t *testing.T) {
	target := serve(t, nil)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL, http.StatusTemporaryRedirect)
	})
	g := open(0)
	got, err := g.Fetch(t.Context(), s.URL, 1000, "")
	if err != nil || got.Status != http.StatusTemporaryRedirect || got.Header.Get("Location") != target.URL {
		t.Errorf("got %d %v, %v, want the redirect", got.Status, got.Header, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := g.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("got %d, want the redirect", res.StatusCode)
	}
	target.untouched(t)
}

// TestD6Proxy checks that the environment's proxies see nothing, in a process
// of its own: net/http reads that environment once.
func TestD6Proxy(t *testing.T) {
	const child = "IOTMAN_TEST_PROXY"
	if os.Getenv(child) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestD6Proxy$", "-test.count=1", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestD6Proxy") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	proxy := serve(t, nil)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "direct") })
	// A proxy is never used for localhost: the name must be another.
	g := New(Config{Allow: loop, PlainHTTP: true, Resolver: names{"direct.example": {{"127.0.0.1"}}, "inner.example": {{"10.0.0.1"}}}.resolver()})
	if got, err := g.Fetch(t.Context(), "http://direct.example:"+s.port(), 100, ""); err != nil || string(got.Body) != "direct" {
		t.Errorf("got %q, %v, want the server's answer", got.Body, err)
	}
	for _, u := range []string{"http://inner.example", "https://inner.example"} {
		if _, err := g.Fetch(t.Context(), u, 100, ""); iot.KindOf(err) != iot.Invalid {
			t.Errorf("%s: got %v, want it refused", u, err)
		}
	}
	proxy.untouched(t)
}

// closed tells whether a request's body was closed.
type closed struct {
	io.Reader
	done bool
}

func (c *closed) Close() error { c.done = true; return nil }

// TestD7URLs checks which URLs are refused before anything is looked up, by a
// Fetch and by a client.
func TestD7URLs(t *testing.T) {
	for _, c := range []struct {
		url   string
		plain bool
		want  string // in the message
	}{
		{"http://127.0.0.1/", false, "got an http one"}, {"HTTP://127.0.0.1/", false, "got an http one"},
		{"file:///etc/passwd", true, "another scheme"}, {"gopher://127.0.0.1/", true, "another scheme"}, {"unix:///run/docker.sock", true, "another scheme"},
		{"ftp://127.0.0.1/", true, "another scheme"}, {"ws://127.0.0.1/", true, "another scheme"}, {"data:,x", true, "another scheme"}, {"javascript:1", true, "another scheme"},
		{"//127.0.0.1/", true, "another scheme, or none"}, {"/etc/passwd", true, "another scheme, or none"}, {"", true, "another scheme, or none"},
		{"https://user@127.0.0.1/", true, "without a user name"}, {"https://user:s3cret@127.0.0.1/", true, "without a user name"}, {"https://8.8.8.8@127.0.0.1/", true, "without a user name"}, {"https://@127.0.0.1/", true, "without a user name"},
		{"https:127.0.0.1", true, "with a host"}, {"https://", true, "with a host"}, {"https://:443/", true, "with a host"}, {"https:///path", true, "with a host"},
		{"https://127.0.0.1:x/?k=s3cret", true, "expected a URL"}, {"https://127.0.0.1/%zz?k=s3cret", true, "expected a URL"}, {"https://a b/?k=s3cret", true, "expected a URL"}, {"https://127.0.0.1/\r\nX: s3cret", true, "expected a URL"},
	} {
		g := New(Config{Allow: loop, PlainHTTP: c.plain})
		_, err := g.Fetch(t.Context(), c.url, 100, "")
		e, ok := errors.AsType[*iot.Error](err)
		if !ok || e.Kind != iot.Invalid || !strings.Contains(e.Msg, c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: got %v, want an error with %q", c.url, err, c.want)
		}
		body := &closed{Reader: strings.NewReader("{}")}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url, body)
		if err != nil {
			continue
		}
		res, err := g.Client().Do(req)
		if err == nil {
			res.Body.Close()
		}
		if iot.KindOf(err) != iot.Invalid || !body.done {
			t.Errorf("%q: got %v, body closed %t, want an error and its body closed", c.url, err, body.done)
		}
	}
}

// TestD10Size checks that an answer over the limit is an error, not a part of
// it, whether it tells its length or never ends.
func TestD10Size(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.Path)
		switch r.URL.Path {
		case "/exact":
			io.WriteString(w, strings.Repeat("x", 1000))
		case "/told":
			io.WriteString(w, strings.Repeat("x", 1001))
		case "/lie":
			w.Header().Set("Content-Length", "999999999")
		case "/header":
			w.Header().Set("X-Long", strings.Repeat("x", 2*maxHeader))
		case "/endless":
			for {
				if _, err := w.Write(make([]byte, 100)); err != nil {
					return
				}
			}
		}
	})
	g := open(0)
	if got, err := g.Fetch(t.Context(), s.URL+"/exact", 1000, ""); err != nil || len(got.Body) != 1000 {
		t.Errorf("got %d bytes, %v, want all 1000", len(got.Body), err)
	}
	for path, want := range map[string]iot.Kind{"/told": iot.Invalid, "/lie": iot.Invalid, "/endless": iot.Invalid, "/header": iot.Unavailable} {
		got, err := g.Fetch(t.Context(), s.URL+path, 1000, "")
		if err == nil || iot.KindOf(err) != want || got.Body != nil {
			t.Errorf("%s: got %d bytes, %v, want kind %s", path, len(got.Body), err, want.Slug())
		}
		if want == iot.Invalid && err != nil && !strings.Contains(err.Error(), "at most 1000 bytes") {
			t.Errorf("%s: got %v, want it to tell the limit", path, err)
		}
	}
}

// TestD10Slow checks that 15 seconds are the end of whatever is slow: to accept,
// to speak TLS, to answer, and to go on answering.
func TestD10Slow(t *testing.T) {
	drip := func(c net.Conn, head string) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		_, err := io.WriteString(c, head)
		for err == nil {
			time.Sleep(time.Second)
			_, err = io.WriteString(c, "x")
		}
	}
	for _, c := range []struct {
		name, url string
		speak     func(net.Conn) // nil: nobody accepts
	}{
		{"accept", "http://slow.example", nil},
		{"handshake", "https://slow.example", func(c net.Conn) { io.Copy(io.Discard, c) }},
		{"header", "http://slow.example", func(c net.Conn) { io.Copy(io.Discard, c) }},
		{"header by bytes", "http://slow.example", func(c net.Conn) { drip(c, "HTTP/1.1 200 OK\r\nX: ") }},
		{"body by bytes", "http://slow.example", func(c net.Conn) { drip(c, "HTTP/1.1 200 OK\r\n\r\n") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := open(0)
				client, server := net.Pipe()
				var spoken sync.WaitGroup
				spoken.Go(func() {
					if c.speak != nil {
						c.speak(server)
					}
					server.Close()
				})
				defer spoken.Wait()
				g.client.Transport.(transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
					if c.speak != nil {
						return client, nil
					}
					// A transport lets a dial go on for its next request: its end is the dialer's.
					ctx, cancel := context.WithTimeout(ctx, g.dialer.Timeout)
					defer cancel()
					<-ctx.Done()
					return nil, ctx.Err()
				}
				from := time.Now()
				_, err := g.Fetch(t.Context(), c.url, 1<<20, "")
				if took := time.Since(from); took != 15*time.Second || iot.KindOf(err) != iot.Unavailable {
					t.Errorf("got %v after %v, want kind unavailable after 15s", err, took)
				}
			})
		})
	}
}

// TestD10Stages checks that a client whose caller lifts the bound of the whole
// is bounded at the beginning still.
func TestD10Stages(t *testing.T) {
	for _, url := range []string{"http://slow.example", "https://slow.example"} {
		synctest.Test(t, func(t *testing.T) {
			g := open(3 * time.Second)
			g.client.Transport.(transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go func() { io.Copy(io.Discard, server); server.Close() }()
				return client, nil
			}
			c := g.Client()
			c.Timeout = 0
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			from := time.Now()
			res, err := c.Do(req)
			if err == nil {
				res.Body.Close()
			}
			if took := time.Since(from); took != 3*time.Second || err == nil {
				t.Errorf("%s: got %v after %v, want an error after 3s", url, err, took)
			}
		})
	}
	if c := open(time.Second).Client(); c.Timeout != time.Second {
		t.Errorf("got a client with timeout %v, want 1s", c.Timeout)
	}
}

// TestTLS checks that certificates are verified, and old versions refused.
func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of clients that leave, as they must
	s.StartTLS()
	defer s.Close()
	old := httptest.NewUnstartedServer(nil)
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.Config.ErrorLog = s.Config.ErrorLog
	old.StartTLS()
	defer old.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	resolver := names{"*": {{"127.0.0.1"}}}.resolver()
	trusting, strict := New(Config{Allow: loop, RootCAs: roots, Resolver: resolver}), New(Config{Allow: loop, Resolver: resolver})
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	for _, c := range []struct {
		name string
		g    *Guard
		url  string
		want iot.Kind
	}{
		{"another authority", strict, s.URL, iot.Invalid},
		{"another name", trusting, "https://other.test" + port, iot.Invalid},
		{"TLS 1.1", trusting, old.URL, iot.Unavailable},
	} {
		if _, err := c.g.Fetch(t.Context(), c.url, 100, ""); err == nil || iot.KindOf(err) != c.want {
			t.Errorf("%s: got %v, want kind %s", c.name, err, c.want.Slug())
		}
	}
	for _, u := range []string{s.URL, "https://example.com" + port, "https://example.com." + port} {
		if got, err := trusting.Fetch(t.Context(), u, 100, ""); err != nil || string(got.Body) != "HTTP/1.1" {
			t.Errorf("%s: got %q, %v, want HTTP/1.1", u, got.Body, err)
		}
	}
}

// TestFetchFails checks that an error for the log keeps its cause and not the
// secrets of a URL, and that a caller who leaves is told apart.
func TestFetchFails(t *testing.T) {
	s := serve(t, nil)
	s.Close()
	_, err := open(0).Fetch(t.Context(), s.URL+"/hook/s3cret?k=s3cret", 100, "")
	if iot.KindOf(err) != iot.Unavailable || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v, want kind unavailable without the URL", err)
	}
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		t.Errorf("got %v, want its cause within", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(0).Fetch(ctx, s.URL, 100, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}
