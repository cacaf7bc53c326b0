package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// device posts to a server on one connection after another, as long as it can
// connect. It uses no http.Client, which would repeat by itself what failed.
type device struct {
	s    *server
	path string
	name string
	conn net.Conn
	r    *bufio.Reader
	kept int // how many answers the connection has brought
}

// dial connects, and reports whether there was a server to connect to.
func (d *device) dial() bool {
	if d.conn != nil {
		return true
	}
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(d.s.t.Context(), "tcp", strings.TrimPrefix(d.s.url, "http://"))
	if err != nil {
		return false
	}
	d.conn, d.r, d.kept = conn, bufio.NewReader(conn), 0
	return true
}

func (d *device) hangUp() {
	if d.conn != nil {
		d.conn.Close()
	}
	d.conn = nil
}

// head is the head of a request with a body of so many bytes.
func (d *device) head(size int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: iotman.test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", d.path, size)
}

// answer reads an answer, and hangs up where it says so.
func (d *device) answer() (status int, body []byte, err error) {
	if err := d.conn.SetReadDeadline(time.Now().Add(stopLimit)); err != nil {
		return 0, nil, err
	}
	r, err := http.ReadResponse(d.r, nil)
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	if body, err = io.ReadAll(r.Body); err != nil {
		return 0, nil, err
	}
	if d.kept++; r.Close {
		d.hangUp()
	}
	return r.StatusCode, body, nil
}

// acknowledged are the ids that a server has answered.
type acknowledged struct {
	mu  sync.Mutex
	ids []string
}

func (a *acknowledged) add(t *testing.T, status int, body []byte) {
	t.Helper()
	var got struct{ IDs []string }
	if err := json.Unmarshal(body, &got); err != nil || status != http.StatusAccepted || len(got.IDs) != 1 {
		t.Errorf("got %d: %s (%v), want 202 with one id", status, body, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids = append(a.ids, got.IDs...)
}

// post posts, with a pause between, until nothing listens any more. A request
// may meet the end only on a connection that was never answered on: whether
// the program had it, nobody knows.
func (d *device) post(pause time.Duration, a *acknowledged, count *atomic.Int64) {
	defer d.hangUp()
	for n := 0; d.dial(); n++ {
		body := fmt.Sprintf(`{"device":%q,"n":%d}`, d.name, n)
		_, err := io.WriteString(d.conn, d.head(len(body))+body)
		var status int
		var answer []byte
		if err == nil {
			status, answer, err = d.answer()
		}
		switch {
		case err == nil:
			a.add(d.s.t, status, answer)
			count.Add(1)
		case d.kept > 0:
			d.s.t.Errorf("%s: request %d was cut off on a connection that had brought %d answers: %v", d.name, n, d.kept, err)
			return
		default:
			d.hangUp()
		}
		if pause > 0 {
			time.Sleep(pause)
		}
	}
}

// waited is what event_wait answers.
type waited struct {
	Items     []stored
	NextSince *int64 `json:"next_since"`
}

// waitREST and waitMCP wait for events that do not come, as long as the server
// lets them. The answer is to be none, and the place to go on from.
func waitREST(s *server, source, token string) {
	var got waited
	err := s.try(http.StatusOK, http.MethodGet, "/api/v1/workspaces/default/events/wait?timeout=25&source="+source, token, nil, &got)
	got.check(s.t, "REST", err)
}

func waitMCP(s *server, source, token string) {
	var got struct {
		Result struct{ StructuredContent waited }
	}
	err := s.try(http.StatusOK, http.MethodPost, "/mcp/default", token, map[string]any{
		"jsonrpc": "2.0", "id": 1, "method": "tools/call",
		"params": map[string]any{"name": "event_wait", "arguments": map[string]any{"timeout": 25, "source": source}},
	}, &got)
	got.Result.StructuredContent.check(s.t, "MCP", err)
}

func (w waited) check(t *testing.T, over string, err error) {
	t.Helper()
	if err != nil || w.Items == nil || len(w.Items) > 0 || w.NextSince == nil {
		t.Errorf("event_wait over %s: got %+v, %v, want no items, and next_since", over, w, err)
	}
}

// TestI8Drain stops a server under load, and I9 does it thrice. First /readyz
// fails, then it stops listening; requests in flight are answered, none with
// 5xx, and what was acknowledged is in the log.
func TestI8Drain(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	token := tokenFor(t, dir)
	_, path := s.endpoint("default", "Busy", token)
	quiet, _ := s.endpoint("default", "Quiet", token)

	var acked acknowledged
	var count atomic.Int64
	var load sync.WaitGroup
	for i := range 8 {
		d := &device{s: s, path: path, name: fmt.Sprintf("device %d", i)}
		pause := time.Duration(i/4*(20+i)) * time.Millisecond // half of them without
		load.Go(func() { d.post(pause, &acked, &count) })
	}
	load.Go(func() { waitREST(s, quiet, token) })
	load.Go(func() { waitMCP(s, quiet, token) })
	slow := &device{s: s, path: path, name: "slow"}
	if !slow.dial() {
		t.Fatal("the slow device cannot connect")
	}
	body := `{"device":"slow","n":0}`
	if _, err := io.WriteString(slow.conn, slow.head(len(body))+body[:10]); err != nil {
		t.Fatal(err)
	}
	s.until("busy", startLimit, func() bool { return count.Load() > 200 })

	stopped := time.Now()
	s.signal(syscall.SIGTERM)
	s.until("unready", 5*time.Second, func() bool { return ready(s) == http.StatusServiceUnavailable })
	after := count.Load()
	s.signal(syscall.SIGTERM)
	s.until("deaf", 5*time.Second, func() bool { return ready(s) == 0 })
	if more := count.Load() - after; more < 20 {
		t.Errorf("%d requests were answered after /readyz failed, want the load to go on", more)
	}
	s.signal(syscall.SIGINT)
	if _, err := io.WriteString(slow.conn, body[10:]); err != nil {
		t.Errorf("the slow request: %v", err)
	} else if status, answer, err := slow.answer(); err != nil {
		t.Errorf("the slow request: %v", err)
	} else {
		acked.add(t, status, answer)
	}
	load.Wait()
	s.ended()
	took := time.Since(stopped)
	if took > 10*time.Second {
		t.Errorf("the stop took %s: something sat out its time", took)
	}

	s = start(t, dir)
	have := map[string]bool{}
	for _, e := range s.everything("default", tokenFor(t, dir)) {
		have[e.ID] = true
	}
	for _, id := range acked.ids {
		if !have[id] {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
	t.Logf("%d acknowledged, %d stored; the stop took %s", len(acked.ids), len(have), took)
	s.stop()
}

// ready returns the status of /readyz on a fresh connection, 0 where nothing
// listens.
func ready(s *server) int {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	r, err := client.Get(s.url + "/readyz") //nolint:noctx // a probe of this machine
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	return r.StatusCode
}

// TestIdleStop stops a server that does nothing: fast, whoever is connected.
func TestIdleStop(t *testing.T) {
	s := start(t, t.TempDir())
	idle := &device{s: s, path: "/healthz"}
	if !idle.dial() {
		t.Fatal("cannot connect")
	}
	defer idle.hangUp()
	if _, err := io.WriteString(idle.conn, "GET /healthz HTTP/1.1\r\nHost: iotman.test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if status, _, err := idle.answer(); status != http.StatusOK || idle.conn == nil {
		t.Fatalf("got %d (%v), want 200 on a connection that is kept", status, err)
	}
	begun := time.Now()
	s.stop()
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("the stop took %s, want little more than the notice of %s", took, drainNotice)
	}
}
