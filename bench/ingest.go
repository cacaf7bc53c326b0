package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
)

// reading is one event of about 200 bytes.
const reading = `{"device":"greenhouse-7","temperature":21.53,"humidity":0.612,"battery":3.71,"rssi":-67,"ts":1795328964,"status":"ok","location":{"lat":47.3769,"lon":8.5417},"firmware":"1.14.2","counter":184467}`

// iotman is a running iotman with a token for its workspace.
type iotman struct {
	*process
	token string
}

// startIotman runs iotman on a fresh folder and makes an endpoint "bench".
func startIotman(ctx context.Context, o options, name string) (*iotman, error) {
	dir := filepath.Join(o.dir, name)
	p, err := start(ctx, o.iotman, "serve", "-data", dir, "-addr", "127.0.0.1:0", "-log", "error")
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, o.iotman, "token", "-data", dir, "-ttl", "24h").Output()
	if err != nil {
		return nil, fmt.Errorf("iotman token: %w", err)
	}
	m := &iotman{p, strings.TrimSpace(string(out))}
	return m, m.call(ctx, http.MethodPost, "/api/v1/workspaces/default/http-endpoints", `{"name":"bench"}`, nil)
}

// call makes one authorized call and decodes the answer.
func (m *iotman) call(ctx context.Context, method, path, body string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, m.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+m.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// stored returns how many events the log holds: the newest one's number.
func (m *iotman) stored(ctx context.Context) (int64, error) {
	var newest []struct {
		Seq int64 `json:"seq"`
	}
	err := m.call(ctx, http.MethodGet, "/api/v1/workspaces/default/events?limit=1&fields=seq", "", &newest)
	if err != nil || len(newest) == 0 {
		return 0, err
	}
	return newest[0].Seq, nil
}

// storing is a contestant that stores: where to post one event and a hundred,
// and how many it has.
type storing struct {
	name         string
	one, hundred request
	stored       func(context.Context) (int64, error)
}

// checked makes a turn that compares what was acknowledged with what is there.
func (s storing) checked(r request, rows int64, c int, o options) contestant {
	return contestant{name: s.name, per: int(rows), turn: func(ctx context.Context) (outcome, error) {
		before, err := s.stored(ctx)
		if err != nil {
			return outcome{}, err
		}
		out, err := load(ctx, r, c, o.seconds)
		if err != nil {
			return out, err
		}
		after, err := s.stored(ctx)
		if got, want := after-before, out.acked*rows; err == nil && got != want {
			err = fmt.Errorf("acknowledged %d rows and stored %d", want, got)
		}
		return out, err
	}}
}

func ingestJobs(ctx context.Context, o options) error {
	all, stop, err := startStoring(ctx, o)
	if err != nil {
		return err
	}
	defer stop()
	for _, c := range []int{1, 64, 256} {
		var cs []contestant
		for _, s := range all {
			cs = append(cs, s.checked(s.one, 1, c, o))
		}
		if err := compare(ctx, o, fmt.Sprintf("Ingest, one event a request, c = %d", c), "events", cs); err != nil {
			return err
		}
	}
	for _, c := range []int{1, 64} {
		var cs []contestant
		for _, s := range all {
			cs = append(cs, s.checked(s.hundred, 100, c, o))
		}
		if err := compare(ctx, o, fmt.Sprintf("Ingest, 100 events a request (NDJSON), c = %d", c), "events", cs); err != nil {
			return err
		}
	}
	return nil
}

// startStoring starts everyone who stores.
func startStoring(ctx context.Context, o options) (all []storing, stop func(), err error) {
	var stops []func() error
	stop = func() {
		for _, s := range stops {
			_ = s()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	hundred := bytes.Repeat([]byte(reading+"\n"), 100)
	json, ndjson := map[string]string{"Content-Type": "application/json"}, map[string]string{"Content-Type": "application/x-ndjson"}
	m, err := startIotman(ctx, o, "ingest")
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, m.stop)
	add := func(name, url, counts string) {
		all = append(all, storing{name,
			request{http.MethodPost, url, json, []byte(reading), http.StatusAccepted},
			request{http.MethodPost, url, ndjson, hundred, http.StatusAccepted},
			func(ctx context.Context) (int64, error) { return count(ctx, counts) }})
	}
	add("iotman", m.url+"/data/default/bench", "")
	all[0].stored = m.stored
	raw, err := self(ctx, "raw", filepath.Join(o.dir, "raw.log"))
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, raw.stop)
	add("raw append log, group commit (limit)", raw.url+"/", raw.url+"/count")
	dsn, stopPG, err := startPostgres(ctx, o.dir)
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, stopPG)
	pg, err := self(ctx, "pgx", dsn)
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, pg.stop)
	add("pgx handler, PostgreSQL 15", pg.url+"/", pg.url+"/count")
	addr, err := freeAddr()
	if err != nil {
		return nil, stop, err
	}
	pb, err := self(ctx, "pocketbase", filepath.Join(o.dir, "pb"), addr)
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, pb.stop)
	all = append(all, storing{"PocketBase (not on disk when it answers)",
		request{http.MethodPost, pb.url + "/api/collections/events/records", json, []byte(`{"source":"greenhouse","payload":` + reading + `}`), http.StatusOK},
		request{http.MethodPost, pb.url + "/api/batch", json, batchOf(100), http.StatusOK},
		func(ctx context.Context) (int64, error) { return count(ctx, pb.url+"/count") }})
	return all, stop, nil
}

// freeAddr returns an address that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
