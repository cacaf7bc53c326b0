package flow

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"iotman/iot"
)

var full = flag.Bool("full", false, "attack at full scale, which takes a while")

// heap returns the bytes that live.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first freed of pools
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // no heap is that large
}

// TestC16Distinct: names that are never seen twice, of sources that are not
// there, of requests and of CloudEvents, cost the disk and no memory. The scale
// is a twelfth; with -full it is 100,000, and the bound the same.
func TestC16Distinct(t *testing.T) {
	const most = 6 << 20
	n := 8_000
	if *full {
		n = 100_000
	}
	r := newRiver(t)
	r.endpoint(iot.EndpointSettings{})
	src := r.source("gh")
	send := func(media, body, key string) {
		t.Helper()
		h := headers("Content-Type", media)
		if key != "" {
			h.Set("Idempotency-Key", key)
		}
		if _, err := r.Accept(t.Context(), src, Post{Header: h, Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
	events := func(from, to int) string {
		var b strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, `,{"specversion":"1.0","id":"%d","source":"s","type":"t","data":{}}`, i)
		}
		return "[" + b.String()[1:] + "]"
	}
	batch := "application/cloudevents-batch+json"
	send(batch, events(0, 2000), "") // the statements and pools are made
	before := heap()
	for i := range n {
		slug, path := iot.Slug("north"), iot.URLPath(fmt.Sprintf("p%d", i))
		if i%2 == 0 {
			slug, path = iot.Slug(fmt.Sprintf("w%d", i)), "gh"
		}
		if _, err := r.Source(t.Context(), slug, path); iot.KindOf(err) != iot.NotFound {
			t.Fatalf("%s/%s: got %v, want not found", slug, path, err)
		}
	}
	if got := r.sources.ready.Len(); got != 1 {
		t.Errorf("%d sources are kept, want the one that is there", got)
	}
	for i := 2000; i < n; i += 2000 {
		send(batch, events(i, i+2000), "")
	}
	for i := range n / 20 {
		send("application/json", "{}", fmt.Sprintf("key-%d", i))
	}
	if grown := heap() - before; grown > most {
		t.Errorf("%d bytes more live than before, want at most %d", grown, most)
	}
	// What was named is found again among all of them.
	send(batch, events(0, 2000), "")
	if head := r.head(); head != int64(n+n/20) {
		t.Errorf("the log has %d events, want %d", head, n+n/20)
	}
}
