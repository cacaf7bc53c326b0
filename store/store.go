package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"iotman/iot"
)

// Config says how to open a Store.
type Config struct {
	Dir     string           // the data folder, made if absent
	Key     Key              // seals secrets at rest
	Log     *slog.Logger     // nil discards
	Now     func() time.Time // nil is time.Now
	Exclude bool             // hold the folder's lock, as serve does: a second holder is refused
}

// Store is an open data folder. Its methods may be called by many goroutines
// at once. Append works only while Run runs.
type Store struct {
	log        *slog.Logger
	now        func() time.Time
	key        Key
	dir        string
	lock       *os.File
	writer     *writer
	readers    *readers
	appends    chan *pending
	stopped    chan struct{} // closed when Run has returned
	generation atomic.Uint64
}

// Open opens the data folder, making and migrating the database as needed. It
// refuses a database that is newer than the program, a key that does not open
// what is sealed there and, with Exclude, a folder that another process serves.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{
		log: cfg.Log, now: cfg.Now, key: cfg.Key, dir: cfg.Dir,
		appends: make(chan *pending, maxWaiting), stopped: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if err := s.open(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, cfg Config) error {
	var err error
	if cfg.Exclude {
		if s.lock, err = lockFolder(cfg.Dir); err != nil {
			return err
		}
	}
	if cfg.Key == (Key{}) {
		return errors.New("open the store: no key was given")
	}
	path := filepath.Join(cfg.Dir, "iotman.db")
	if err := private(path); err != nil {
		return err
	}
	if s.writer, err = openWriter(ctx, path); err != nil {
		return err
	}
	if err := migrate(ctx, s.writer, migrations, s.checkKey); err != nil {
		return err
	}
	pool, err := open(path, readerPragmas, readerConns())
	if err != nil {
		return err
	}
	s.readers = &readers{db: pool, stmts: map[string]*sql.Stmt{}}
	return nil
}

// private makes the database, if it is not there, readable by its owner alone;
// the engine gives the files beside it the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	return f.Close()
}

// Close releases the database and the folder's lock.
func (s *Store) Close() error {
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.db.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// NewID returns a fresh UUIDv7 (RFC 9562 section 5.7).
func NewID() iot.ID { return iot.ID(uuid.Must(uuid.NewV7()).String()) }

// Generation rises with every change of configuration, by this process at once
// and by others within moments (Watch), so that what was derived from the
// configuration can be kept until it rises.
func (s *Store) Generation() uint64 { return s.generation.Load() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.Fact(ctx, "key_check")
	return err
}

// Now returns the store's time.
func (s *Store) Now() iot.Time { return iot.Micros(s.now().UnixMicro()) }
