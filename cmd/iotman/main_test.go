package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asProgram is the variable that turns the test binary into the program, so
// that tests can start, stop and kill real processes.
const asProgram = "IOTMAN_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program returns a command that runs the program with args, an environment of
// its own and variables of the form NAME=value.
func program(t *testing.T, variables []string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append([]string{asProgram + "=1", "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.Getenv("TMPDIR")}, variables...)
	cmd.Dir = t.TempDir() // where the default data folder would be
	return cmd
}

// outcome is what became of a command.
type outcome struct {
	code           int
	stdout, stderr string
}

// execute runs a command that ends by itself.
func execute(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Start()
	if err == nil {
		overdue := time.AfterFunc(startLimit, func() { _ = cmd.Process.Kill() })
		err = cmd.Wait()
		overdue.Stop()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("%s: %v", cmd.Args, err)
	} else if ok && exit.ExitCode() < 0 {
		t.Fatalf("%s: %v\n%s", cmd.Args, err, stderr.String())
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// iotman runs the program with args.
func iotman(t *testing.T, args ...string) outcome {
	t.Helper()
	return execute(t, program(t, nil, args...))
}

// tokenFor returns what iotman token prints for the folder.
func tokenFor(t *testing.T, dir string, args ...string) string {
	t.Helper()
	got := iotman(t, append([]string{"token", "-data", dir}, args...)...)
	if got.code != 0 {
		t.Fatalf("token: exit %d: %s", got.code, got.stderr)
	}
	return strings.TrimSuffix(got.stdout, "\n")
}

// server is a process that serves.
type server struct {
	t              *testing.T
	cmd            *exec.Cmd
	url            string // where it listens
	stdout, stderr *output
	exited         chan struct{}
}

// output collects what a process prints while others look at it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// startLimit is how long a server may take to be ready, and stopLimit to be
// gone; the race detector and busy machines included.
const (
	startLimit = 30 * time.Second
	stopLimit  = 40 * time.Second
)

// start serves the folder on a free port, and returns once it is ready. The
// server is killed with the test.
func start(t *testing.T, dir string, args ...string) *server {
	t.Helper()
	return launch(t, program(t, nil, append([]string{"serve", "-data", dir, "-addr", "127.0.0.1:0"}, args...)...))
}

// launch starts a command that serves, and returns once it is ready.
func launch(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{t: t, cmd: cmd, stdout: &output{}, stderr: &output{}, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = s.stdout, s.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // what of it matters is in ProcessState
		close(s.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone already
		<-s.exited
	})
	listens := regexp.MustCompile(`(?m)^iotman listens on (http://\S+?),? `)
	s.until("ready", startLimit, func() bool {
		if found := listens.FindStringSubmatch(s.stdout.String()); found != nil {
			s.url = found[1]
		}
		if s.url == "" {
			return false
		}
		r, err := http.Get(s.url + "/readyz") //nolint:noctx // a probe of this machine
		if err != nil {
			return false
		}
		defer r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	return s
}

// until waits for a state of the server that it does not announce.
func (s *server) until(state string, limit time.Duration, reached func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(limit); !reached(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-s.exited:
			s.t.Fatalf("the server ended with %v before it was %s:\n%s", s.cmd.ProcessState, state, s.stderr)
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server was not %s within %s:\n%s", state, limit, s.stderr)
		}
	}
}

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Errorf("%s: %v", sig, err)
	}
}

// ended waits for the end of the process. It fails the test on another exit
// code than 0 and on what the log calls an error.
func (s *server) ended() {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(stopLimit):
		s.t.Fatalf("the server did not stop within %s", stopLimit)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("got exit code %d (%v), want 0:\n%s", code, s.cmd.ProcessState, s.stderr)
	}
	s.clean()
}

// clean fails the test on what no log may hold.
func (s *server) clean() {
	s.t.Helper()
	for _, bad := range []string{"level=ERROR", "DATA RACE", "panic", "eyJ"} {
		if log := s.stderr.String(); strings.Contains(log, bad) {
			s.t.Errorf("the log has %q:\n%s", bad, log)
		}
	}
}

func (s *server) stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	s.ended()
}

// kill ends the process without a warning.
func (s *server) kill() {
	s.t.Helper()
	s.signal(syscall.SIGKILL)
	s.killed()
}

// killed waits for a process that somebody kills.
func (s *server) killed() {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(stopLimit):
		s.t.Fatalf("nobody killed the server within %s", stopLimit)
	}
	s.clean()
}

// send sends a request with a token, or none, and returns the answer with its
// body. A body other than a string is sent as JSON.
func (s *server) send(method, path, token string, body any) (reply, error) {
	text, ok := body.(string)
	if !ok && body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return reply{}, err
		}
		text = string(b)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(text))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return receive(r)
}

// reply is an answer that was read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func receive(r *http.Request) (reply, error) { return receiveBy(http.DefaultClient, r) }

func receiveBy(c *http.Client, r *http.Request) (reply, error) {
	answer, err := c.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	return reply{answer.StatusCode, answer.Header, b}, err
}

// try sends and decodes the answer into out, where the status is the one that
// is wanted.
func (s *server) try(status int, method, path, token string, body, out any) error {
	got, err := s.send(method, path, token, body)
	if err != nil {
		return err
	}
	if got.status != status {
		return fmt.Errorf("%s %s: got %d, want %d: %s", method, path, got.status, status, got.body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(got.body, out); err != nil {
		return fmt.Errorf("%s %s: %w: %s", method, path, err, got.body)
	}
	return nil
}

// call is send, and want is try, in the test's own goroutine.
func (s *server) call(method, path, token string, body any) reply {
	s.t.Helper()
	got, err := s.send(method, path, token, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

func (s *server) want(status int, method, path, token string, body, out any) {
	s.t.Helper()
	if err := s.try(status, method, path, token, body, out); err != nil {
		s.t.Fatal(err)
	}
}

// endpoint makes an HTTP endpoint of the name in the workspace, and returns
// its id and the path that devices post to.
func (s *server) endpoint(workspace, name, token string) (id, path string) {
	s.t.Helper()
	var made struct{ ID, URL string }
	s.want(http.StatusCreated, http.MethodPost, "/api/v1/workspaces/"+workspace+"/http-endpoints", token, map[string]string{"name": name}, &made)
	_, path, ok := strings.Cut(made.URL, "/data/")
	if !ok {
		s.t.Fatalf("got the endpoint URL %q, want one with /data/", made.URL)
	}
	return made.ID, "/data/" + path
}

// stored is an event as the log answers it.
type stored struct {
	ID         string
	Seq        int64
	ReceivedAt time.Time `json:"received_at"`
	Payload    json.RawMessage
}

// everything pages through a workspace's log, newest first.
func (s *server) everything(workspace, token string) []stored {
	s.t.Helper()
	var all []stored
	next := regexp.MustCompile(`<[^>]*(/api/v1/[^>]*)>; rel="next"`)
	for path := "/api/v1/workspaces/" + workspace + "/events?limit=1000"; path != ""; {
		got := s.call(http.MethodGet, path, token, nil)
		var page []stored
		if err := json.Unmarshal(got.body, &page); err != nil || got.status != http.StatusOK {
			s.t.Fatalf("%s: got %d, %v: %.300s", path, got.status, err, got.body)
		}
		all = append(all, page...)
		link := next.FindStringSubmatch(got.header.Get("Link"))
		if path = ""; link != nil {
			path = link[1]
			if len(page) == 0 {
				s.t.Fatalf("an empty page leads to %s", path)
			}
		}
	}
	return all
}

// contents maps every file of a folder to its permissions and its content.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, dir)] = info.Mode().String() + " " + string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
