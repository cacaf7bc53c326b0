package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"
)

const pagePath = "/api/v1/workspaces/default/events?limit=100"

// pageJobs reads the newest 100 rows from a small and from a big store.
func pageJobs(ctx context.Context, o options) error {
	for _, n := range []int{10_000, o.big} {
		m, err := startIotman(ctx, o, fmt.Sprintf("pages-%d", n))
		if err != nil {
			return err
		}
		if err := m.fill(ctx, n); err != nil {
			return err
		}
		addr, err := freeAddr()
		if err != nil {
			return err
		}
		pb, err := self(ctx, "pocketbase", filepath.Join(o.dir, fmt.Sprintf("pb-%d", n)), addr, strconv.Itoa(n))
		if err != nil {
			return err
		}
		auth := map[string]string{"Authorization": "Bearer " + m.token}
		newest, err := m.body(ctx, pagePath)
		if err != nil {
			return err
		}
		limit, err := self(ctx, "page", string(newest))
		if err != nil {
			return err
		}
		page := func(name string, r request) contestant {
			return contestant{name: name, turn: func(ctx context.Context) (outcome, error) { return load(ctx, r, 16, o.seconds) }}
		}
		err = compare(ctx, o, fmt.Sprintf("Newest 100 rows of %s, c = 16", thousands(float64(n))), "pages", []contestant{
			page("iotman, authorized", request{http.MethodGet, m.url + pagePath, auth, nil, http.StatusOK}),
			page("the same bytes, ready beforehand (limit), open to all", request{http.MethodGet, limit.url + "/", nil, nil, http.StatusOK}),
			page("PocketBase, open to all", request{http.MethodGet,
				pb.url + "/api/collections/events/records?perPage=100&sort=-created&skipTotal=1", nil, nil, http.StatusOK}),
		})
		if err != nil {
			return err
		}
		if err := m.stop(); err != nil {
			return err
		}
		if err := limit.stop(); err != nil {
			return err
		}
		if err := pb.stop(); err != nil {
			return err
		}
	}
	return nil
}

// pageBytes is the limit of what can be read: a page that is ready.
func pageBytes(args []string) (http.Handler, error) {
	page := []byte(args[0])
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		_, _ = w.Write(page)
	}), nil
}

// body returns what one authorized GET answers.
func (m *iotman) body(ctx context.Context, path string) ([]byte, error) {
	var raw json.RawMessage
	err := m.call(ctx, http.MethodGet, path, "", &raw)
	return raw, err
}

// fill posts n events, a thousand a request.
func (m *iotman) fill(ctx context.Context, n int) error {
	r := request{http.MethodPost, m.url + "/data/default/bench", map[string]string{"Content-Type": "application/x-ndjson"},
		bytes.Repeat([]byte(reading+"\n"), 1000), http.StatusAccepted}
	for {
		have, err := m.stored(ctx)
		if err != nil || have >= int64(n) {
			return err
		}
		left := time.Duration((int64(n)-have)/100_000+1) * 100 * time.Millisecond
		if _, err := load(ctx, r, 4, left); err != nil {
			return err
		}
	}
}
