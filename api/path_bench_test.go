package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
)

// sink is a ResponseWriter that keeps nothing of the body.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkIngestPath counts what one post allocates from the handler to the
// commit, of one event and of a hundred, beside the connection's own.
func BenchmarkIngestPath(b *testing.B) {
	const event = `{"device":"greenhouse-7","temperature":21.53,"humidity":0.612,"battery":3.71,"rssi":-67,"ts":1795328964,"status":"ok"}`
	for _, bench := range []struct {
		waiters     int
		contentType string
		body        string
	}{
		{1, "application/json", event},
		{64, "application/json", event},
		{64, "application/x-ndjson", strings.Repeat(event+"\n", 100)},
	} {
		events := max(1, strings.Count(bench.body, "\n"))
		b.Run(fmt.Sprintf("waiters=%d/events=%d", bench.waiters, events), func(b *testing.B) {
			p := newSite(b, setup{}).plant("north")
			p.endpoint("bulk", nil)
			b.SetParallelism(max(1, bench.waiters/runtime.GOMAXPROCS(0))) // it multiplies
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					w := &sink{header: http.Header{}}
					p.server.ServeHTTP(w, &http.Request{
						Method: http.MethodPost, URL: &url.URL{Path: "/data/north/bulk"}, Host: "localhost", RemoteAddr: "192.0.2.7:4711",
						Header: http.Header{"Content-Type": {bench.contentType}}, Body: io.NopCloser(strings.NewReader(bench.body)),
					})
					if w.status != http.StatusAccepted {
						b.Errorf("got status %d, want %d", w.status, http.StatusAccepted)
						return
					}
				}
			})
			b.StopTimer()
			b.ReportMetric(float64(b.N*events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkPagePath counts what the newest 100 events allocate over REST.
func BenchmarkPagePath(b *testing.B) {
	p, _, _ := filled(b)
	token := p.owner()
	b.ReportAllocs()
	for b.Loop() {
		w := &sink{header: http.Header{}}
		r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, p.rest("/events?limit=100"), nil)
		r.Header.Set("Authorization", "Bearer "+token)
		if p.server.ServeHTTP(w, r); w.status != http.StatusOK {
			b.Fatalf("got status %d, want %d", w.status, http.StatusOK)
		}
	}
}
