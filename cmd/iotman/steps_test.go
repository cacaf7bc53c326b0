package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"modernc.org/sqlite"

	"iotman/store"
)

// The variables that make TestStepServer a server: the step of the first
// ingest request at which it kills itself, and its folder.
const (
	stepVariable   = "IOTMAN_TEST_KILL_AT"
	folderVariable = "IOTMAN_TEST_FOLDER"
)

// ingestSteps are what the way of a batch to the disk and back leads through,
// and whether it is on disk there.
var ingestSteps = []struct {
	name string
	kept bool
}{
	{"decoded", false},    // and checked, before it is queued
	{"begun", false},      // in the transaction, nothing is written
	{"written", false},    // in the transaction, all is written
	{"committed", true},   // before the answer
	{"answered", true},    // by the server; the client may not have it
	{"undisturbed", true}, // by anything: the test's own check
}

// stepServer is the program, put together as serve does, but for what it is
// put together from: a clock, an SQL driver and a listener that know at which
// step they are used. The program itself has no such switch.
type stepServer struct {
	step  string
	armed atomic.Bool // the request has come
}

// at ends the process at the step, as SIGKILL does: nothing is closed.
func (s *stepServer) at(step string) {
	if s.step == step && s.armed.Load() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it is delivered
	}
}

// now is the clock. Accept reads it when a body is decoded and checked, and
// the writer when its transaction has begun.
func (s *stepServer) now() time.Time {
	callers := make([]uintptr, 8)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch f.Function {
		case "iotman/flow.(*Flow).Accept":
			s.at("decoded")
		case "iotman/store.(*Store).appendTo":
			s.at("begun")
		}
	}
	return time.Now()
}

// stepListener's connections know of requests and answers.
type stepListener struct {
	net.Listener
	s *stepServer
}

func (l stepListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &stepConn{Conn: c, s: l.s}, err
}

type stepConn struct {
	net.Conn
	s    *stepServer
	mine atomic.Bool // the request came here
}

func (c *stepConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if bytes.HasPrefix(b[:n], []byte("POST /data/")) {
		c.mine.Store(true)
		c.s.armed.Store(true)
	}
	return n, err
}

func (c *stepConn) Write(b []byte) (int, error) {
	if !c.mine.Load() {
		return c.Conn.Write(b)
	}
	c.s.at("committed")
	n, err := c.Conn.Write(b)
	c.s.at("answered")
	return n, err
}

// TestStepServer is no test, but the server that TestI3KilledAtStep starts.
func TestStepServer(t *testing.T) {
	s := &stepServer{step: os.Getenv(stepVariable)}
	if s.step == "" {
		t.Skip("serves only where TestI3KilledAtStep starts it")
	}
	sqlite.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, _ string) error {
		c.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { s.at("written"); return 0 })
		return nil
	})
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	if err := s.serve(ctx, os.Getenv(folderVariable)); err != nil {
		t.Fatal(err)
	}
}

func (s *stepServer) serve(ctx context.Context, dir string) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	f := serveFlags{folderFlags: folderFlags{data: dir}, publicURL: "http://iotman.test"}
	key, err := f.key(env{getenv: os.Getenv}, false)
	if err != nil {
		return err
	}
	st, err := store.Open(ctx, store.Config{Dir: dir, Key: key, Log: log, Exclude: true, Now: s.now})
	if err != nil {
		return err
	}
	defer st.Close()
	edge, err := assemble(ctx, env{stdout: io.Discard}, st, log, f)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("iotman listens on http://%s, data in %s\n", l.Addr(), dir)
	return work(ctx, st, edge, stepListener{l, s})
}

// TestI3KilledAtStep kills the server at each step of ingest. The batch is
// sent again under its key, to the program, until it is acknowledged: it is in
// the log once and whole, with what came before it and comes after.
func TestI3KilledAtStep(t *testing.T) {
	dir := t.TempDir()
	serve := func() *server { return start(t, dir, "-public-url", "http://iotman.test") }
	s := serve()
	token := tokenFor(t, dir)
	_, path := s.endpoint("default", "Pump", token)
	var acked []string // ids by seq-1
	post := func(b batch) ([]string, error) {
		return (&writer{t: t, path: path}).post(s, b)
	}
	for _, step := range ingestSteps {
		b := batch{key: step.name, media: "application/json"}
		for i := range 3 {
			b.payloads = append(b.payloads, fmt.Sprintf(`{"marker":"%s-%d"}`, step.name, i))
		}
		b.body = "[" + strings.Join(b.payloads, ",") + "]"
		s.kill()
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestStepServer$")
		cmd.Env = []string{stepVariable + "=" + step.name, folderVariable + "=" + dir, "TMPDIR=" + os.Getenv("TMPDIR")}
		s = launch(t, cmd)
		first, err := post(b)
		switch step.name {
		case "undisturbed":
			if err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			s.kill()
		case "answered": // the end of the process may overtake its last words
			s.killed()
		default:
			if err == nil {
				t.Errorf("%s: got ids %q before the end of the process", step.name, first)
			}
			s.killed()
		}
		http.DefaultClient.CloseIdleConnections()
		s = serve()
		if kept := len(s.everything("default", token)) > len(acked); kept != step.kept {
			t.Errorf("%s: the batch is on disk: %t, want %t", step.name, kept, step.kept)
		}
		for range 2 {
			ids, err := post(b)
			if err != nil {
				t.Fatalf("%s, sent again: %v", step.name, err)
			}
			if diff := cmp.Diff(first, ids); first != nil && diff != "" {
				t.Errorf("%s, sent again (-then +now):\n%s", step.name, diff)
			}
			first = ids
		}
		acked = append(acked, first...)
		log := s.everything("default", token)
		checkLog(t, step.name, log, acked)
		slices.Reverse(log)
		for i, e := range log[max(0, len(log)-3):] {
			if string(e.Payload) != b.payloads[i] {
				t.Errorf("%s: event %d is %s, want %s", step.name, i, e.Payload, b.payloads[i])
			}
		}
	}
	s.kill()
}
