package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const pgBin = "/usr/lib/postgresql/15/bin/"

// startPostgres runs a PostgreSQL of its own, with the settings it comes with
// (each commit is on disk before it is answered).
func startPostgres(ctx context.Context, dir string) (dsn string, stop func() error, err error) {
	socket := filepath.Join(dir, "pg")
	if err := os.MkdirAll(socket, 0o700); err != nil {
		return "", nil, err
	}
	attr := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return "", nil, fmt.Errorf("PostgreSQL 15 is needed: apt-get install postgresql (%w)", err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		for _, d := range []string{dir, socket} {
			if err := os.Chown(d, uid, gid); err != nil {
				return "", nil, err
			}
		}
	}
	do := func(name string, args ...string) error {
		cmd := exec.CommandContext(ctx, pgBin+name, args...)
		cmd.SysProcAttr, cmd.Dir = attr, socket
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", name, err, out)
		}
		return nil
	}
	data := filepath.Join(socket, "data")
	if err := do("initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C"); err != nil {
		return "", nil, err
	}
	options := fmt.Sprintf("-c listen_addresses='' -c unix_socket_directories='%s' -c max_connections=200", socket)
	if err := do("pg_ctl", "-D", data, "-l", filepath.Join(socket, "log"), "-w", "-s", "-o", options, "start"); err != nil {
		return "", nil, err
	}
	stop = func() error { return do("pg_ctl", "-D", data, "-m", "fast", "-w", "-s", "stop") }
	return fmt.Sprintf("host=%s user=bench dbname=postgres", socket), stop, nil
}

// pgxHandler is what one would write by hand: an HTTP handler that inserts
// each event as a row, in one transaction a request.
func pgxHandler(args []string) (http.Handler, error) {
	ctx := context.Background()
	cfg, err := pgxpool.ParseConfig(args[0])
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = 64
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	_, err = pool.Exec(ctx, `CREATE TABLE IF NOT EXISTS events (seq BIGSERIAL PRIMARY KEY, source_id TEXT NOT NULL,
		received_at TIMESTAMPTZ NOT NULL, payload TEXT NOT NULL); CREATE INDEX IF NOT EXISTS events_source ON events (source_id, received_at)`)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var rows [][]any
		for line := range bytes.Lines(body) {
			if !json.Valid(line) {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			rows = append(rows, []any{"greenhouse", time.Now(), string(bytes.TrimSpace(line))})
		}
		if len(rows) == 1 {
			_, err = pool.Exec(r.Context(), `INSERT INTO events (source_id, received_at, payload) VALUES ($1, $2, $3)`, rows[0]...)
		} else {
			_, err = pool.CopyFrom(r.Context(), pgx.Identifier{"events"}, []string{"source_id", "received_at", "payload"}, pgx.CopyFromRows(rows))
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("GET /count", func(w http.ResponseWriter, r *http.Request) {
		var n int64
		if err := pool.QueryRow(r.Context(), `SELECT COUNT(*) FROM events`).Scan(&n); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, strconv.FormatInt(n, 10))
	})
	return mux, nil
}
