package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestI7SecondServe: one folder has one server.
func TestI7SecondServe(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	token := tokenFor(t, dir)
	for _, args := range [][]string{nil, {"-public-url", "https://second.example.com"}} {
		got := iotman(t, append([]string{"serve", "-data", dir, "-addr", "127.0.0.1:0"}, args...)...)
		if got.code != 1 || got.stdout != "" {
			t.Errorf("got exit code %d and %q, want 1 and nothing", got.code, got.stdout)
		}
		match(t, "stderr", got.stderr, `^iotman: the data folder `+regexp.QuoteMeta(dir)+` is served by another process: stop it first, or name another folder with -data`)
	}
	_, path := s.endpoint("default", "Pump", token)
	s.want(http.StatusAccepted, http.MethodPost, path, "", `{"rpm":1450}`, nil)
	if c := claimsOf(t, tokenFor(t, dir)); c.Issuer != s.url {
		t.Errorf("got the issuer %q, want %q as before", c.Issuer, s.url)
	}
	s.kill() // leaves no lock behind
	start(t, dir).stop()
}

// TestI7BadFolder: a folder that cannot be made or written is refused by name.
func TestI7BadFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	served := passable(t) // and so are the other folders of this test
	start(t, served).stop()
	for name, c := range map[string]struct {
		dir     string
		prepare func(dir string) error
		message string
	}{
		"below a file":         {dir: filepath.Join(file, "data"), message: "not a directory"},
		"a file":               {dir: file, message: "not a directory"},
		"below a closed one":   {dir: filepath.Join(t.TempDir(), "data"), message: "permission denied", prepare: closed},
		"closed":               {dir: t.TempDir(), message: "permission denied", prepare: func(dir string) error { return os.Chmod(dir, 0o500) }},
		"served, now closed":   {dir: served, message: "permission denied", prepare: handOver},
		"another's, all of it": {dir: t.TempDir(), message: "permission denied", prepare: func(dir string) error { return os.Chmod(dir, 0) }},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := program(t, nil, "serve", "-data", c.dir, "-addr", "127.0.0.1:0")
			if c.prepare != nil {
				if err := c.prepare(c.dir); err != nil {
					t.Fatal(err)
				}
				asNobody(t, cmd)
			}
			got := execute(t, cmd)
			if got.code != 1 || got.stdout != "" {
				t.Errorf("got exit code %d and %q, want 1 and nothing", got.code, got.stdout)
			}
			match(t, "stderr", got.stderr, `^iotman: .*`+regexp.QuoteMeta(c.dir)+`.*`+c.message)
		})
	}
}

// closed takes the right to make dir from everybody.
func closed(dir string) error { return os.Chmod(filepath.Dir(dir), 0o500) }

// handOver makes a folder readable, and so its key, but not writable.
func handOver(dir string) error {
	if err := os.Chmod(dir, 0o555); err != nil {
		return err
	}
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if err == nil {
			err = os.Chmod(filepath.Join(dir, f.Name()), 0o444)
		}
	}
	return err
}

// asNobody takes root's rights from a command: root may write anywhere.
func asNobody(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	const nobody = 65534
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	b, err := os.ReadFile(cmd.Path)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path = filepath.Join(passable(t), "iotman") // the original lies where nobody looks
	if err := os.WriteFile(cmd.Path, b, 0o755); err != nil {
		t.Fatal(err)
	}
}

// passable returns a folder that everybody can reach.
func passable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestI9Suspended stops the process for a while, as a laptop's lid does, and
// lets it go on.
func TestI9Suspended(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	_, path := s.endpoint("default", "Meter", tokenFor(t, dir))
	s.signal(syscall.SIGSTOP)
	s.until("suspended", 10*time.Second, func() bool { return suspended(t, s.cmd.Process.Pid) })
	begun := time.Now()
	resume := time.AfterFunc(time.Second, func() { s.signal(syscall.SIGCONT) })
	defer resume.Stop()
	s.want(http.StatusAccepted, http.MethodPost, path, "", `{"kwh":17.25}`, nil)
	if took := time.Since(begun); took < 900*time.Millisecond {
		t.Errorf("the answer took %s: the process was not suspended", took)
	}
	s.want(http.StatusOK, http.MethodGet, "/readyz", "", nil, nil)
	if all := s.everything("default", tokenFor(t, dir)); len(all) != 1 {
		t.Errorf("got %d events, want 1", len(all))
	}
	s.stop()
}

// suspended reports whether every thread of the process has stopped, which
// takes a while after the signal (proc(5), /proc/pid/stat).
func suspended(t *testing.T, pid int) bool {
	t.Helper()
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			return false
		}
		_, state, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
		if !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return len(stats) > 0
}
