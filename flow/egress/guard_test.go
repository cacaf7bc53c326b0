package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iotman/iot"
)

// loop is what a test's own server listens on.
var loop = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

// server is a web server on loopback that counts who connects.
type server struct {
	*httptest.Server
	conns atomic.Int64
}

// serve starts a server; whatever it is asked, handler answers. Without one,
// nothing is there.
func serve(t *testing.T, handler http.HandlerFunc) *server {
	t.Helper()
	if handler == nil {
		handler = http.NotFound
	}
	s := &server{Server: httptest.NewUnstartedServer(handler)}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// port returns the port it listens on.
func (s *server) port() string {
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return port
}

// untouched fails the test if anybody connected.
func (s *server) untouched(t *testing.T) {
	t.Helper()
	// Connections are accepted in their order: when this one is answered, all
	// that came before it are counted.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if n := s.conns.Load() - 1; n > 0 {
		t.Errorf("got %d connections, want none", n)
	}
}

// dial dials and returns the address it reached, or the error.
func dial(t *testing.T, g *Guard, addr string) (string, error) {
	t.Helper()
	conn, err := g.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.RemoteAddr().String(), nil
}

// TestD1Dial checks that the refusal comes at the dial, and that an address
// that is allowed is reached.
func TestD1Dial(t *testing.T) {
	s := serve(t, nil)
	addr := s.Listener.Addr().String()
	if got, err := dial(t, New(Config{Allow: loop}), addr); err != nil || got != addr {
		t.Errorf("got %q, %v, want it reached", got, err)
	}
	s = serve(t, nil)
	for _, host := range []string{"127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "::", "", "::1", "localhost"} {
		_, err := dial(t, New(Config{}), net.JoinHostPort(host, s.port()))
		if iot.KindOf(err) != iot.Invalid || strings.Contains(err.Error(), s.port()) {
			t.Errorf("%q: got %v, want it refused without the address", host, err)
		}
	}
	s.untouched(t)
}

// TestD2Rebinding dials a name whose answer changes: each dial is judged by the
// answer that it uses.
func TestD2Rebinding(t *testing.T) {
	s := serve(t, nil)
	r := names{"rebind.example": {{"8.8.8.8"}, {"127.0.0.1"}}}.resolver()
	if ips, err := r.LookupNetIP(t.Context(), "ip4", "rebind.example"); err != nil || ips[0].Unmap().String() != "8.8.8.8" {
		t.Fatalf("got %v, %v, want the public address first", ips, err)
	}
	if _, err := dial(t, New(Config{Resolver: r}), "rebind.example:"+s.port()); iot.KindOf(err) != iot.Invalid {
		t.Errorf("got %v, want the second answer refused", err)
	}
	s.untouched(t)

	s = serve(t, nil)
	g := New(Config{Allow: loop, Resolver: names{"rebind.example": {{"127.0.0.1"}, {"127.0.0.2"}, {"127.0.0.1"}}}.resolver()})
	for i, want := range []bool{true, false, true} {
		if _, err := dial(t, g, "rebind.example:"+s.port()); (err == nil) != want {
			t.Errorf("dial %d: got %v, want it to succeed: %t", i, err, want)
		}
	}
}

// TestD3Mixed dials names with several addresses: those that are allowed are
// reached, the others never.
func TestD3Mixed(t *testing.T) {
	s := serve(t, nil)
	good := "127.0.0.1"
	for _, ips := range [][]string{
		{good, "::1"}, {"::1", good}, {good, "fd00::1"}, {"10.0.0.1", good}, {"169.254.169.254", "127.0.0.2", good}, {good, "::ffff:10.0.0.1"},
	} {
		g := New(Config{Allow: loop, Resolver: names{"mixed.example": {ips}}.resolver()})
		if got, err := dial(t, g, "mixed.example:"+s.port()); err != nil || got != s.Listener.Addr().String() {
			t.Errorf("%v: got %q, %v, want %s", ips, got, err, s.Listener.Addr())
		}
	}
	s = serve(t, nil)
	for _, ips := range [][]string{{"127.0.0.1", "::1"}, {"10.0.0.1", "fd00::1"}, {"127.0.0.1", "169.254.169.254"}} {
		g := New(Config{Resolver: names{"mixed.example": {ips}}.resolver()})
		if _, err := dial(t, g, "mixed.example:"+s.port()); iot.KindOf(err) != iot.Invalid {
			t.Errorf("%v: got %v, want it refused", ips, err)
		}
	}
	s.untouched(t)
}

// TestD5Spellings fetches from this machine under its many names.
func TestD5Spellings(t *testing.T) {
	// What some resolvers read as an address, Go's takes for no name at all.
	const unread = iot.Unavailable
	s := serve(t, nil)
	g := New(Config{PlainHTTP: true, Resolver: names{
		"metadata.google.internal": {{"169.254.169.254"}}, "instance-data": {{"169.254.169.254"}}, "*": {{"127.0.0.1", "::1"}},
	}.resolver()})
	for host, want := range map[string]iot.Kind{
		"127.0.0.1": iot.Invalid, "127.1": unread, "2130706433": unread, "017700000001": unread, "0177.0.0.1": unread, "127.0.0.1.": unread,
		"0x7f000001": iot.Invalid, "0x7f.0x0.0x0.0x1": iot.Invalid, "0x7F.1": iot.Invalid,
		"0": unread, "0.0.0.0": iot.Invalid, "[::]": iot.Invalid, "[::1]": iot.Invalid, "[0:0:0:0:0:0:0:1]": iot.Invalid, "[::1%25lo]": iot.Invalid,
		"[::ffff:127.0.0.1]": iot.Invalid, "[::ffff:7f00:1]": iot.Invalid, "[0:0:0:0:0:ffff:7f00:1]": iot.Invalid, "[64:ff9b::7f00:1]": iot.Invalid,
		"localhost": iot.Invalid, "localhost.": iot.Invalid, "LOCALHOST": iot.Invalid, "a.localhost": iot.Invalid, "127.0.0.1.nip.example": iot.Invalid,
		"metadata.google.internal": iot.Invalid, "metadata.google.internal.": iot.Invalid, "instance-data.": iot.Invalid,
		"１２７.０.０.１": iot.Invalid, "①②⑦.⓪.⓪.①": iot.Invalid, "127。0。0。1": iot.Invalid, "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ": iot.Invalid, "bücher.example": iot.Invalid, "%31%32%37.0.0.1": iot.Invalid,
	} {
		if _, err := g.Fetch(t.Context(), "http://"+host+":"+s.port()+"/", 100, ""); err == nil || iot.KindOf(err) != want {
			t.Errorf("%s: got %v, want kind %s", host, err, want.Slug())
		}
	}
	s.untouched(t)
}

// TestD8Listener checks that a listener is forbidden as it names itself.
func TestD8Listener(t *testing.T) {
	s := serve(t, nil)
	addr := s.Listener.Addr().(*net.TCPAddr).AddrPort()
	loopback, err := ParseAllow("loopback")
	if err != nil {
		t.Fatal(err)
	}
	everywhere := netip.AddrPortFrom(netip.IPv6Unspecified(), addr.Port())
	for _, forbid := range []netip.AddrPort{addr, everywhere} {
		g := New(Config{Allow: loopback, Forbid: []netip.AddrPort{forbid}, Resolver: names{"self.example": {{"127.0.0.1"}}}.resolver()})
		if _, err := dial(t, g, fmt.Sprint("self.example:", addr.Port())); iot.KindOf(err) != iot.Invalid {
			t.Errorf("%s: got %v, want it refused", forbid, err)
		}
	}
	s.untouched(t)
}

// TestDialNetworks checks that nothing but TCP leaves, to a name or otherwise.
func TestDialNetworks(t *testing.T) {
	g := New(Config{Allow: loop, Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("a name was looked up")
		return nil, errors.New("no name server")
	}}})
	for network, addr := range map[string]string{"unix": "/run/docker.sock", "unixgram": "@x", "udp": "127.0.0.1:53", "ip4:icmp": "127.0.0.1", "udp6": "name.example:53", "": "127.0.0.1:80"} {
		if conn, err := g.DialContext(t.Context(), network, addr); iot.KindOf(err) != iot.Invalid {
			t.Errorf("%q: got %v, %v, want it refused", network, conn, err)
		}
	}
}

// TestDialTimeout checks that a dial ends though a name server does not answer.
func TestDialTimeout(t *testing.T) {
	g := New(Config{Timeout: time.Millisecond, Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}})
	_, err := dial(t, g, "silent.example:443")
	if e, ok := errors.AsType[net.Error](err); !ok || !e.Timeout() {
		t.Errorf("got %v, want a timeout", err)
	}
}
