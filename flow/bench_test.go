package flow

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func BenchmarkDecodeBody(b *testing.B) {
	const object = `{"device":"tn-1234","ts":"2026-11-22T10:00:00.000000Z","temperature":21.53,"humidity":48.2,"battery":3.712,` +
		`"ok":true,"position":{"lat":48.137154,"lon":11.576124},"tags":["north","roof"],"seq":9007199}`
	pretty := strings.NewReplacer(",", ", ", ":", ": ").Replace(object)
	for _, bm := range []struct {
		name string
		h    http.Header
		body string
	}{
		{"object", headers("Content-Type", "application/json"), object},
		{"spaced", headers("Content-Type", "application/json"), pretty},
		{"gzip", headers("Content-Type", "application/json", "Content-Encoding", "gzip"), zip(object)},
		{"cloudevent", binaryMode("Content-Type", "application/json"), object},
		{"lines100", headers("Content-Type", "application/x-ndjson"), strings.Repeat(object+"\n", 100)},
		{"array1000", headers("Content-Type", "application/json"), "[" + strings.Repeat(object+",", 999) + object + "]"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bm.body)))
			r := bytes.NewReader(nil)
			for b.Loop() {
				r.Reset([]byte(bm.body))
				if _, err := DecodeBody(bm.h, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
