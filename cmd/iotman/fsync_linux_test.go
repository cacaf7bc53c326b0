package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"iotman/store"
)

// TestI5FsyncEndsTheServer: once the disk does not keep a commit, nothing is
// acknowledged any more, and the server ends, saying why.
func TestI5FsyncEndsTheServer(t *testing.T) {
	dir := t.TempDir()
	f := serveFlags{folderFlags: folderFlags{data: dir}, publicURL: "http://iotman.test"}
	maker := start(t, dir, "-public-url", f.publicURL)
	_, path := maker.endpoint("default", "Pump", tokenFor(t, dir))
	maker.stop()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := f.key(env{getenv: os.Getenv}, false)
	must(err)
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.Context(), store.Config{Dir: dir, Key: key, Log: log, Exclude: true})
	must(err)
	defer st.Close()
	wal := openFile(t, filepath.Join(dir, "iotman.db-wal")) // no reader is connected yet
	edge, err := assemble(t.Context(), env{stdout: io.Discard}, st, log, f)
	must(err)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(err)
	ended := make(chan error, 1)
	go func() { ended <- work(t.Context(), st, edge, l) }()
	post := func() int {
		r, err := http.Post("http://"+l.Addr().String()+path, "application/json", strings.NewReader(`{}`)) //nolint:noctx // to this machine
		if err != nil {
			return 0
		}
		defer r.Body.Close()
		return r.StatusCode
	}
	if got := post(); got != http.StatusAccepted {
		t.Fatalf("before the fault: got %d, want 202", got)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0) // it takes every write and refuses fsync
	must(err)
	defer null.Close()
	must(syscall.Dup3(int(null.Fd()), wal, syscall.O_CLOEXEC))
	for range 3 {
		if got := post(); got == http.StatusAccepted {
			t.Error("what could not be synced was acknowledged")
		}
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "the disk failed") {
			t.Errorf("the server ended with %v, want an error that the disk failed", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the server goes on")
	}
}

// openFile returns the descriptor of the one open file of the name.
func openFile(t *testing.T, name string) int {
	t.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && target == name {
			n, err := strconv.Atoi(filepath.Base(fd))
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, n)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s is open %d times, want once", name, len(found))
	}
	return found[0]
}
