package store

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// BenchmarkAppend measures acknowledged events a second: each is on disk,
// synced, before its waiter goes on.
func BenchmarkAppend(b *testing.B) {
	for _, bench := range []struct{ waiters, events int }{{2, 1}, {64, 1}, {256, 1}, {64, 100}, {256, 100}} {
		b.Run(fmt.Sprintf("waiters=%d/events=%d", bench.waiters, bench.events), func(b *testing.B) {
			w := plant(b, openStore(b, Config{}))
			source := endpoint(b, w, "Line 3").ID
			b.SetParallelism(max(1, bench.waiters/runtime.GOMAXPROCS(0))) // it multiplies
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				in := batch(source)
				for range bench.events {
					in.Events = append(in.Events, event200())
				}
				for pb.Next() {
					if _, err := w.Append(b.Context(), in); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.StopTimer()
			b.ReportMetric(float64(b.N*bench.events)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// event200 returns an event of 200 bytes, as devices send it.
func event200() NewEvent {
	payload := `{"device":"press-17","t":21.5,"rh":40.2,"state":"running","note":"` + strings.Repeat("x", 131) + `"}`
	return NewEvent{Payload: []byte(payload), Meta: []byte(`{"source_ip":"192.0.2.7","auth_method":"basic"}`)}
}
