package store

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestI6LongReader: while a reader holds a snapshot, the WAL has to keep what
// is written; as soon as it is gone, the next commits take the file back to its
// limit.
func TestI6LongReader(t *testing.T) {
	s := openStore(t, Config{})
	var limit int64
	for _, p := range writerPragmas {
		if strings.HasPrefix(p, "journal_size_limit(") {
			if _, err := fmt.Sscanf(p, "journal_size_limit(%d)", &limit); err != nil {
				t.Fatal(err)
			}
		}
	}
	if limit <= 0 || limit > 256<<20 {
		t.Fatalf("got journal_size_limit %d, want at most 256 MiB", limit)
	}
	w := plant(t, s)
	source := endpoint(t, w, "Pump").ID
	wal := func() int64 {
		info, err := os.Stat(filepath.Join(s.dir, "iotman.db-wal"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	payload := strings.Repeat("x", 8<<20)
	grow := func(bytes int64) {
		for ; bytes > 0; bytes -= int64(len(payload)) {
			appendOK(t, w, batch(source, payload))
		}
	}
	grow(1)
	reader, err := s.readers.db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Rollback() //nolint:errcheck // it is over by then
	var before, n int
	if err := reader.QueryRowContext(t.Context(), "SELECT count(*) FROM event_blocks").Scan(&before); err != nil {
		t.Fatal(err)
	}
	grow(2 * limit)
	if got := wal(); got < 2*limit {
		t.Fatalf("the WAL has %d bytes with a reader, want %d: the test does not reach what it tests", got, 2*limit)
	}
	if err := reader.QueryRowContext(t.Context(), "SELECT count(*) FROM event_blocks").Scan(&n); err != nil || n != before {
		t.Errorf("the reader's snapshot: got %d blocks, %v, want %d", n, err, before)
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	grow(1) // checkpoints
	grow(1) // begins the file anew
	if got := wal(); got > limit {
		t.Errorf("the WAL has %d bytes after the reader, want at most %d", got, limit)
	}
}

// TestI6Busy: another process that writes for a second delays an append and a
// change, and fails neither.
func TestI6Busy(t *testing.T) {
	s := openStore(t, Config{})
	w := plant(t, s)
	source := endpoint(t, w, "Pump").ID
	other, err := open(filepath.Join(s.dir, "iotman.db"), writerPragmas, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	var writers sync.WaitGroup
	writers.Go(func() {
		if r, err := w.Append(t.Context(), batch(source, `{"n":1}`)); err != nil || len(r.IDs) != 1 {
			t.Errorf("append: got %v, %v", r, err)
		}
	})
	writers.Go(func() {
		if _, err := s.CreateAccount(t.Context(), "ada@example.com", "Ada"); err != nil {
			t.Errorf("change: %v", err)
		}
	})
	time.Sleep(time.Second) // the other process's work
	if _, err := c.ExecContext(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	writers.Wait()
	if took := time.Since(start); took < time.Second || took > 5*time.Second {
		t.Errorf("they took %s, want the other's second and a moment", took)
	}
	wantSame(t, "the log", payloads(t, w, Query{}), []string{`{"n":1}`})
}
