package api_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"iotman/api"
)

// TestC7Timeouts: what the server gives a client by default.
func TestC7Timeouts(t *testing.T) {
	srv := newSite(t, setup{}).server.HTTPServer("")
	got := api.Timeouts{Header: srv.ReadHeaderTimeout, Read: srv.ReadTimeout, Write: srv.WriteTimeout, Idle: srv.IdleTimeout}
	want := api.Timeouts{Header: 10 * time.Second, Read: 30 * time.Second, Write: time.Minute, Idle: 30 * time.Second}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// hasty serves the site a second time, with other timeouts, and returns where.
func (s *site) hasty(limits api.Timeouts) string {
	s.t.Helper()
	s.server.Timeouts = limits
	srv := s.server.HTTPServer("")
	l, err := (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", "127.0.0.1:0")
	s.must(err)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.t.Errorf("serve: %v", err)
		}
	})
	s.t.Cleanup(func() {
		_ = srv.Close() // the listener with it
		serving.Wait()
	})
	return l.Addr().String()
}

// dial connects, until the test ends.
func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // mostly the server did
	return c
}

// slack is what a busy machine may take beyond a timeout.
const slack = 1500 * time.Millisecond

// TestC7Slowloris: who sends a header or a body byte by byte is cut off in
// time, though each byte comes soon, and others are served meanwhile.
func TestC7Slowloris(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	limits := api.Timeouts{Header: 300 * time.Millisecond, Read: 2 * time.Second, Idle: time.Minute, Write: time.Minute}
	addr := s.hasty(limits)
	head := func(path string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n", path, addr, p.owner())
	}
	for name, c := range map[string]struct {
		whole, trickle string
		limit          time.Duration
	}{
		"a header":          {"POST /data/north/gh HTTP/1.1\r\nX: ", strings.Repeat("x", 10_000), limits.Header},
		"headers":           {"POST /data/north/gh HTTP/1.1\r\n", strings.Repeat("a:b\r\n", 2000), limits.Header},
		"a request line":    {"", "GET /" + strings.Repeat("x", 10_000), limits.Header},
		"blank lines":       {"", strings.Repeat("\r\n", 5000), limits.Header},
		"a device's body":   {head("/data/north/gh") + "Content-Length: 9000\r\n\r\n", strings.Repeat(" ", 9000), limits.Read},
		"a chunked body":    {head("/data/north/gh") + "Transfer-Encoding: chunked\r\n\r\n2000\r\n", strings.Repeat(" ", 9000), limits.Read},
		"a call's body":     {head("/api/v1/workspaces/north/http-endpoints") + "Content-Length: 9000\r\n\r\n", strings.Repeat(" ", 9000), limits.Read},
		"a message":         {head("/mcp/north") + "Content-Length: 9000\r\n\r\n", strings.Repeat(" ", 9000), limits.Read},
		"a body unread":     {head("/nowhere") + "Content-Length: 9000\r\n\r\n", strings.Repeat(" ", 9000), limits.Read},
		"a stranger's body": {strings.Replace(head("/mcp/north"), "Bearer", "None", 1) + "Content-Length: 9000\r\n\r\n", strings.Repeat(" ", 9000), limits.Read},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, addr)
			start := time.Now()
			if _, err := io.WriteString(conn, c.whole); err != nil {
				t.Fatal(err)
			}
			ended := make(chan time.Duration, 1)
			go func() {
				_, _ = io.Copy(io.Discard, conn) // an answer, or none; its end is what counts
				ended <- time.Since(start)
			}()
			every := time.NewTicker(10 * time.Millisecond)
			defer every.Stop()
			for i := 0; ; i++ {
				select {
				case took := <-ended:
					if took > c.limit+slack {
						t.Errorf("it was cut off after %s, want within %s", took, c.limit)
					}
					return
				case <-every.C:
					_, _ = conn.Write([]byte{c.trickle[i%len(c.trickle)]}) // fails where it is cut off
				}
			}
		})
	}
}

// TestC7IdleSockets: a thousand clients that say nothing, or nothing more,
// keep nobody from being served, and are cut off.
func TestC7IdleSockets(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	limits := api.Timeouts{Header: 1500 * time.Millisecond, Idle: 1500 * time.Millisecond}
	addr := s.hasty(limits)
	idle := make([]net.Conn, 1000)
	for i := range idle {
		idle[i] = dial(t, addr)
		if i%2 == 0 {
			continue // it never says a word
		}
		_, err := io.WriteString(idle[i], "GET /healthz HTTP/1.1\r\nHost: "+addr+"\r\n\r\n")
		s.must(err)
		r, err := http.ReadResponse(bufio.NewReader(idle[i]), nil)
		s.must(err)
		_, err = io.Copy(io.Discard, r.Body)
		s.must(errors.Join(err, r.Body.Close()))
	}
	quiet := time.Now()
	s.url = "http://" + addr
	p.send("gh", `{}`).accepted(1)
	if took := time.Since(quiet); took > time.Second {
		t.Errorf("an event took %s meanwhile", took)
	}
	for i, c := range idle {
		if b, err := io.ReadAll(c); len(b) > 0 || errors.Is(err, net.ErrClosed) {
			t.Fatalf("socket %d: got %q, %v, want its end", i, b, err)
		}
	}
	if took := time.Since(quiet); took > max(limits.Header, limits.Idle)+slack {
		t.Errorf("they were cut off after %s, want within %s", took, limits.Idle)
	}
}
