package store

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"iotman/iot"
)

// TestFsyncFailsI5: where the disk does not keep a commit, nobody is told that
// it did, nothing more is written, and the process learns that it should end.
func TestFsyncFailsI5(t *testing.T) {
	dir := t.TempDir()
	before := openIdle(t, Config{Dir: dir})
	id := plant(t, before).id
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	s := openIdle(t, Config{Dir: dir}) // no reader is connected yet
	w := s.Workspace(id)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // where Run would not end
	defer cancel()
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	appendOK(t, w, batch(NewID(), "kept"))
	heal := breakFsync(t, filepath.Join(dir, "iotman.db-wal"))
	if _, err := w.Append(t.Context(), batch(NewID(), "lost")); err == nil {
		t.Error("an append that could not be synced: got no error, want one")
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "the disk failed") {
		t.Errorf("Run: got error %v, want one that the disk failed", err)
	}
	heal()
	_, err := w.Append(t.Context(), batch(NewID(), "late"))
	wantKind(t, err, iot.Unavailable)
	_, err = s.CreateAccount(t.Context(), "late@example.com", "")
	wantKind(t, err, iot.Unavailable)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := openIdle(t, Config{Dir: dir})
	wantSame(t, "the log", payloads(t, again.Workspace(id), Query{}), []string{"kept"})
}

// breakFsync puts /dev/null in the place of the one open file of the name: it
// takes every write and refuses fsync. What it returns puts the file back.
func breakFsync(t *testing.T, name string) (heal func()) {
	t.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	var open []int
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && target == name {
			n := 0
			for _, c := range filepath.Base(fd) {
				n = 10*n + int(c-'0')
			}
			open = append(open, n)
		}
	}
	if len(open) != 1 {
		t.Fatalf("%s is open %d times, want once", name, len(open))
	}
	kept, err := syscall.Dup(open[0])
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	put := func(fd int) {
		if err := syscall.Dup3(fd, open[0], syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
	put(int(null.Fd()))
	return func() {
		put(kept)
		if err := syscall.Close(kept); err != nil {
			t.Fatal(err)
		}
	}
}
