package oauth_test

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iotman/flow/egress"
	"iotman/iot"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// publisher is a server that publishes metadata documents at app.example.com.
type publisher struct {
	*front
	origin string
	asked  atomic.Int64
	serve  func(w http.ResponseWriter, id string) // how it answers now
	from   int
}

// publish starts a publisher, at the addresses that its name has one after the
// other; the front may reach what allow has.
func publish(t testing.TB, allow []netip.Prefix, addresses ...string) *publisher {
	t.Helper()
	p := &publisher{}
	ts := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		p.serve(w, p.origin+r.URL.Path)
	}))
	t.Cleanup(ts.Close)
	_, port, err := net.SplitHostPort(ts.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ts.Certificate())
	p.front = newFront(t, egress.New(egress.Config{Allow: allow, RootCAs: roots, Resolver: resolver(addresses)}))
	p.origin = "https://app.example.com:" + port
	p.serve = func(w http.ResponseWriter, id string) { document(w, id, "") }
	return p
}

// document writes a document as it should be.
func document(w http.ResponseWriter, id, more string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"client_id":%q,"client_name":"Agent","redirect_uris":["http://127.0.0.1/cb"]%s}`, id, more)
}

// status writes a good document with another status.
func status(w http.ResponseWriter, id string, code int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	document(w, id, "")
}

// resolver answers the nth question for an address with the nth of them, then
// with the last, at a TTL of 0 (RFC 1035 section 4).
func resolver(addresses []string) *net.Resolver {
	var asked atomic.Int64
	serve := func(c net.Conn) {
		defer c.Close()
		size := make([]byte, 2)
		for {
			if _, err := io.ReadFull(c, size); err != nil {
				return
			}
			query := make([]byte, binary.BigEndian.Uint16(size))
			if _, err := io.ReadFull(c, query); err != nil {
				return
			}
			end := 12
			for query[end] != 0 {
				end += 1 + int(query[end])
			}
			end += 5
			reply := append(append([]byte{}, query[:2]...), 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0)
			reply = append(reply, query[12:end]...)
			if query[end-3] == 1 { // A
				n := min(int(asked.Add(1)), len(addresses)) - 1
				ip := netip.MustParseAddr(addresses[n]).As4()
				reply[7] = 1
				reply = append(append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), ip[:]...)
			}
			if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
				return
			}
		}
	}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go serve(server)
		return client, nil
	}}
}

// ask opens the authorization endpoint as the client whose document is at the
// path, from a network of its own.
func (p *publisher) ask(path string) (iot.Client, error) {
	p.t.Helper()
	p.from++
	q := p.request(app{id: p.origin + path, redirect: "http://127.0.0.1:7/cb"})
	r := httptest.NewRequestWithContext(p.ctx, http.MethodGet, publicURL+"/oauth/authorize?"+q.Encode(), http.NoBody)
	r.Header.Set("Test-Address", fmt.Sprintf("192.0.2.%d", p.from))
	a, err := p.server.Authorize(r)
	if err != nil {
		return iot.Client{}, err
	}
	return a.Client, nil
}

// refuse fails the test unless the document is refused, for the person to see,
// and a minute later again.
func (p *publisher) refuse(what, path, why string) {
	p.t.Helper()
	for range 2 {
		_, err := p.ask(path)
		if err == nil || iot.KindOf(err) != iot.Invalid || !strings.Contains(err.Error(), why) {
			p.t.Errorf("%s: got %v, want it refused: %s", what, err, why)
		}
	}
}

// TestA13Document: a client that a document describes signs in without having
// registered, refreshes, and is asked about by its own name.
func TestA13Document(t *testing.T) {
	p := publish(t, loopback, "127.0.0.1")
	c, err := p.ask("/agent.json")
	if err != nil || c.Name != "Agent" || !c.Public || !c.Document {
		t.Errorf("got %+v, %v", c, err)
	}
	a := app{id: p.origin + "/agent.json", redirect: "http://127.0.0.1:7/cb"}
	got := p.signIn(a)
	p.exchange(a.refresh(got.refresh))
	if n := p.asked.Load(); n != 1 {
		t.Errorf("got %d fetches, want 1", n)
	}
	p.wants("a secret", p.post("/oauth/token", app{id: a.id, secret: "x"}.refresh(got.refresh)), http.StatusUnauthorized, "invalid_client")
}

// TestA13Refused: whatever is not a document of the client at that very URL.
func TestA13Refused(t *testing.T) {
	p := publish(t, loopback, "127.0.0.1")
	plain := func(contentType, text string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, _ string) {
			w.Header().Set("Content-Type", contentType)
			_, _ = io.WriteString(w, text)
		}
	}
	n := 0
	for what, c := range map[string]struct {
		why   string
		serve func(w http.ResponseWriter, id string)
	}{
		"another client_id": {"names itself", func(w http.ResponseWriter, id string) { document(w, id+"x", "") }},
		"no client_id":      {"names itself", plain("application/json", `{"redirect_uris":["http://127.0.0.1/cb"]}`)},
		"a redirect": {"got status 302", func(w http.ResponseWriter, id string) {
			w.Header().Set("Location", "/good.json")
			status(w, id, http.StatusFound)
		}},
		"not found":        {"got status 404", func(w http.ResponseWriter, id string) { status(w, id, http.StatusNotFound) }},
		"a part of it":     {"got status 206", func(w http.ResponseWriter, id string) { status(w, id, http.StatusPartialContent) }},
		"HTML":             {"text/html", plain("text/html", "{}")},
		"no type":          {"got status 200", plain("x", "{}")},
		"not JSON":         {"not the JSON object expected", plain("application/json", "{")},
		"a list":           {"not the JSON object expected", plain("application/json", "[]")},
		"more than 5 KiB":  {"at most 5120 bytes", func(w http.ResponseWriter, id string) { document(w, id, `,"x":"`+strings.Repeat("x", 5<<10)+`"`) }},
		"gone without end": {"at most 5120 bytes", func(w http.ResponseWriter, _ string) { endless(w) }},
		"a secret": {"cannot share a secret", func(w http.ResponseWriter, id string) {
			document(w, id, `,"token_endpoint_auth_method":"client_secret_post"`)
		}},
		"a hostile address": {"scheme", func(w http.ResponseWriter, id string) { document(w, id, `,"redirect_uris":["javascript:alert(1)"]`) }},
		"hung up on":        {"did not answer", func(http.ResponseWriter, string) { panic(http.ErrAbortHandler) }},
	} {
		n++
		p.serve = c.serve
		p.refuse(what, fmt.Sprintf("/%d.json", n), c.why)
	}
	for _, path := range []string{"", "/", "/a/../b", "/./a", "/a#b", "/a b", "/%zz"} {
		before := p.asked.Load()
		if _, err := p.ask(path); iot.KindOf(err) != iot.Invalid || p.asked.Load() != before {
			t.Errorf("%q: got %v and %d fetches, want it refused unseen", path, err, p.asked.Load()-before)
		}
	}
	for _, id := range []string{"http://app.example.com/a", "https://user@app.example.com/a", "https://APP.example.com\\@evil.example/a"} {
		p.shown(id, set(p.request(app{id: id, redirect: "http://127.0.0.1:7/cb"}), "scope"))
	}
}

// endless writes until the other side has had enough.
func endless(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	for {
		if _, err := w.Write(make([]byte, 4096)); err != nil {
			return
		}
	}
}

// TestA13Slow: a document comes within five seconds, or not at all.
func TestA13Slow(t *testing.T) {
	t.Parallel()
	p := publish(t, loopback, "127.0.0.1")
	done := make(chan struct{})
	defer close(done)
	p.serve = func(http.ResponseWriter, string) { <-done }
	began := time.Now()
	_, err := p.ask("/agent.json")
	if took := time.Since(began); iot.KindOf(err) != iot.Invalid || took < 4*time.Second || took > 12*time.Second {
		t.Errorf("got %v after %s, want it refused after 5 s", err, took)
	}
}

// TestA13Private: the guard stands between a document's name and this machine's
// network, whatever the name's server says first (D1, D2).
func TestA13Private(t *testing.T) {
	for _, addresses := range [][]string{{"127.0.0.1"}, {"10.0.0.1"}, {"169.254.169.254"}, {"192.168.0.1"}, {"0.0.0.0"}} {
		p := publish(t, nil, addresses...)
		p.refuse(addresses[0], "/agent.json", "expected a public address")
		if p.asked.Load() != 0 {
			t.Errorf("%s was reached", addresses[0])
		}
	}
	// Rebinding: good when it is fetched first, private ever after.
	p := publish(t, loopback, "127.0.0.1", "10.0.0.1")
	p.serve = func(w http.ResponseWriter, id string) {
		w.Header().Set("Connection", "close") // so that the next is dialed anew
		document(w, id, "")
	}
	_, err := p.ask("/agent.json")
	p.must(err)
	p.add(24 * time.Hour)
	p.refuse("rebound", "/agent.json", "expected a public address")
}

// TestA13Kept: a document is kept for as long as its server says, between five
// minutes and a day; one that cannot be had is asked for again in a minute.
func TestA13Kept(t *testing.T) {
	p := publish(t, loopback, "127.0.0.1")
	n := 0
	for control, life := range map[string]time.Duration{
		"": time.Hour, "max-age=0": 5 * time.Minute, "no-store": 5 * time.Minute, "public, no-cache": 5 * time.Minute, "max-age=600": 10 * time.Minute,
		"Max-Age=\"7200\", public": 2 * time.Hour, "max-age=86401": 24 * time.Hour, "max-age=9999999999": 24 * time.Hour, "max-age=x": time.Hour, "max-age=-5": 5 * time.Minute,
	} {
		n++
		path := fmt.Sprintf("/%d.json", n)
		p.serve = func(w http.ResponseWriter, id string) {
			w.Header().Set("Cache-Control", control)
			document(w, id, "")
		}
		p.kept(control, path, life, false)
	}
	p.serve = func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusServiceUnavailable) }
	p.kept("a failure", "/down.json", time.Minute, true)
	p.serve = func(w http.ResponseWriter, id string) { document(w, id+"x", "") }
	p.kept("a document that is wrong", "/wrong.json", time.Minute, true)
}

// kept fails the test unless the document is fetched when it is asked for and
// again after its life, and not before.
func (p *publisher) kept(what, path string, life time.Duration, fails bool) {
	p.t.Helper()
	before := p.asked.Load()
	for i, after := range []time.Duration{0, life - time.Microsecond, time.Microsecond} {
		p.add(after)
		if _, err := p.ask(path); (err != nil) != fails {
			p.t.Errorf("%s: got %v", what, err)
		}
		if got, want := p.asked.Load()-before, int64(1+i/2); got != want {
			p.t.Errorf("%s, after %d of 3 looks: got %d fetches, want %d", what, i+1, got, want)
		}
	}
}

// TestA13PerNetwork: a network makes this server fetch twenty documents an hour.
func TestA13PerNetwork(t *testing.T) {
	p := publish(t, loopback, "127.0.0.1")
	for i := range 21 {
		p.from = 0 // one network
		_, err := p.ask(fmt.Sprintf("/%d.json", i))
		if i < 20 && err != nil || i == 20 && iot.KindOf(err) != iot.Limited {
			t.Errorf("document %d: got %v", i+1, err)
		}
	}
	if n := p.asked.Load(); n != 20 {
		t.Errorf("got %d fetches, want 20", n)
	}
	p.from = 0
	_, err := p.ask("/3.json") // what is kept costs nothing
	p.must(err)
}

// TestA13DocumentGone: a session goes on while its client's document cannot be
// had, and nothing is fetched for it.
func TestA13DocumentGone(t *testing.T) {
	p := publish(t, loopback, "127.0.0.1")
	a := app{id: p.origin + "/agent", redirect: "http://127.0.0.1:7/cb"}
	got := p.signIn(a)
	p.serve = func(w http.ResponseWriter, id string) { status(w, id, http.StatusInternalServerError) }
	p.add(25 * time.Hour)
	before := p.asked.Load()
	got = p.exchange(a.refresh(got.refresh))
	p.wants("as another client", p.post("/oauth/token", app{id: p.origin + "/other"}.refresh(got.refresh)), http.StatusBadRequest, "invalid_grant")
	p.exchange(a.refresh(got.refresh))
	if n := p.asked.Load() - before; n != 0 {
		t.Errorf("the document was asked for %d times", n)
	}
}
