package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"iotman/iot"
)

// The writer commits with synchronous=FULL: what is acknowledged survives a
// power cut. A second process that writes waits for it, up to 30 seconds. The
// WAL file is cut back to 64 MiB after a checkpoint.
var (
	writerPragmas = []string{
		"busy_timeout(30000)", "journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(67108864)",
		"cache_size(-65536)", "temp_store(MEMORY)",
	}
	readerPragmas = []string{"busy_timeout(30000)", "query_only(1)", "cache_size(-16384)", "temp_store(MEMORY)"}
)

func readerConns() int { return max(4, 2*runtime.NumCPU()) }

func open(path string, pragmas []string, size int) (*sql.DB, error) {
	q := url.Values{"_pragma": pragmas}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// runner runs statements, each prepared once: on the pool of readers, or in
// the transaction that the writer is in.
type runner interface {
	stmt(ctx context.Context, query string) (*sql.Stmt, error)
}

// readers is the pool of connections that only read.
type readers struct {
	db    *sql.DB
	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
}

func (p *readers) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.RLock()
	st := p.stmts[query]
	p.mu.RUnlock()
	if st != nil {
		return st, nil
	}
	st, err := p.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if first := p.stmts[query]; first != nil {
		return first, st.Close() //nolint:sqlclosecheck // somebody was faster
	}
	p.stmts[query] = st
	return st, nil
}

// writer is the one connection that writes. Its statements run only inside
// write, which holds the mutex.
type writer struct {
	db     *sql.DB
	mu     sync.Mutex
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	failed chan struct{} // closed when an fsync has failed
	cause  error         // why
}

func openWriter(ctx context.Context, path string) (*writer, error) {
	db, err := open(path, writerPragmas, 1)
	if err != nil {
		return nil, err
	}
	c, err := connect(ctx, db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return &writer{db: db, conn: c, stmts: map[string]*sql.Stmt{}, failed: make(chan struct{})}, nil
}

// connect waits, as a statement does, for a process that turns the WAL on or
// takes it away; there SQLite itself does not wait (sqlite.org/wal.html, 9).
func connect(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	for until := time.Now().Add(30 * time.Second); ; {
		c, err := db.Conn(ctx)
		if engineCode(err)&0xff != sqlite3.SQLITE_BUSY || time.Now().After(until) {
			return c, err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (w *writer) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	// Unlike a DB's, a Conn's statements are ours to close: one that is left
	// keeps the connection open, and the WAL with it.
	for _, st := range w.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, w.conn.Close(), w.db.Close())...)
}

func (w *writer) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := w.stmts[query]; st != nil {
		return st, nil
	}
	st, err := w.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	w.stmts[query] = st
	return st, nil
}

const (
	begin    = `BEGIN IMMEDIATE`
	commit   = `COMMIT`
	rollback = `ROLLBACK`
)

// write runs f in one transaction. What has begun is not abandoned half-way
// because a client hung up, and nothing is left of it if f fails or panics.
// After a failed fsync it writes no more: the kernel may have dropped what it
// could not write, and the next fsync would not tell.
func (w *writer) write(ctx context.Context, f func(context.Context) error) error {
	ctx = context.WithoutCancel(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cause != nil {
		return iot.Errorf(iot.Unavailable, "the disk has failed and the server is stopping").Because(w.cause)
	}
	if _, err := exec(ctx, w, begin); err != nil {
		return storageError(fmt.Errorf("begin: %w", err))
	}
	committed := false
	defer func() {
		if !committed {
			// Where this fails the engine has rolled back already, or the next begin says so.
			_, _ = exec(ctx, w, rollback)
		}
	}()
	if err := f(ctx); err != nil {
		return storageError(err)
	}
	if _, err := exec(ctx, w, commit); err != nil {
		err = fmt.Errorf("commit: %w", err)
		if code := engineCode(err); code == sqlite3.SQLITE_IOERR_FSYNC || code == sqlite3.SQLITE_IOERR_DIR_FSYNC {
			w.cause = err
			close(w.failed)
		}
		return storageError(err)
	}
	committed = true
	return nil
}

const dataVersion = `PRAGMA data_version`

// foreign returns a number that changes with the commits of other processes,
// not with our own (sqlite.org/pragma.html#pragma_data_version).
func (w *writer) foreign(ctx context.Context) (v int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	err = row(ctx, w, dataVersion, nil, &v)
	return v, err
}

func exec(ctx context.Context, r runner, query string, args ...any) (int64, error) {
	st, err := r.stmt(ctx, query) //nolint:sqlclosecheck // kept for the next time
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// row reads one row into dst; no row is sql.ErrNoRows.
func row(ctx context.Context, r runner, query string, args []any, dst ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // see rows
	st, err := r.stmt(ctx, query)    //nolint:sqlclosecheck // kept for the next time
	if err != nil {
		return err
	}
	return st.QueryRowContext(ctx, args...).Scan(dst...)
}

// rows calls scan for each row until it says stop, or ctx ends. The engine is
// not told of ctx: that takes two goroutines a query, which cost more than most
// queries, and no statement works long for one row.
func rows(ctx context.Context, r runner, query string, args []any, scan func(*sql.Rows) (more bool, err error)) error {
	st, err := r.stmt(ctx, query) //nolint:sqlclosecheck // kept for the next time
	if err != nil {
		return err
	}
	rs, err := st.QueryContext(context.WithoutCancel(ctx), args...)
	if err != nil {
		return err
	}
	defer rs.Close()
	for rs.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		more, err := scan(rs)
		if err != nil || !more {
			return err
		}
	}
	return rs.Err()
}

// storageError makes of an engine's error what a caller should see: a full
// disk and a clash have a meaning, the rest is internal.
func storageError(err error) error {
	switch engineCode(err) & 0xff {
	case sqlite3.SQLITE_FULL:
		return iot.Errorf(iot.Full, "the disk is full").Hinting("free space; what was refused can be sent again").Because(err)
	case sqlite3.SQLITE_CONSTRAINT:
		return iot.Errorf(iot.Conflict, "this clashes with what exists").Hinting("read the current state and try again").Because(err)
	case sqlite3.SQLITE_BUSY:
		busy := iot.Errorf(iot.Unavailable, "the database is busy").Because(err)
		busy.RetryAfter = time.Second
		return busy
	}
	return err
}

// engineCode returns the engine's extended result code
// (sqlite.org/rescode.html), 0 for any other error.
func engineCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

// lockFolder takes the folder's lock, or says who has it.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		err = fmt.Errorf("the data folder %s is served by another process: stop it first, or name another folder with -data (%w)", dir, err)
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// FreeBytes returns how much of the data folder's disk is free for us.
func (s *Store) FreeBytes() (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(s.dir, &st); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", s.dir, err)
	}
	return st.Bavail * uint64(st.Bsize), nil //nolint:gosec // no block has a negative size
}
