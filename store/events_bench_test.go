package store

import (
	"testing"

	"iotman/iot"
)

// BenchmarkNewestPage reads the newest 100 events of a log of 100,000.
func BenchmarkNewestPage(b *testing.B) {
	w := plant(b, openStore(b, Config{}))
	sources := []iot.ID{NewID(), NewID()}
	for i := range 100 {
		in := batch(sources[i%2])
		for range 1000 {
			in.Events = append(in.Events, event200())
		}
		appendOK(b, w, in)
	}
	for name, source := range map[string]iot.ID{"all": "", "of one source": sources[0]} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				err := w.Events(b.Context(), Query{Descending: true, Source: source}, func(iot.Event) bool { n++; return n < 100 })
				if err != nil || n != 100 {
					b.Fatalf("got %d events, %v, want 100", n, err)
				}
			}
		})
	}
}
