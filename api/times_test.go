package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestC11DeviceTime: what a device says of the time is kept as occurred_at,
// beside received_at, which is the server's own and orders the log.
func TestC11DeviceTime(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	var last event
	for _, c := range []struct{ time, want string }{ // want "" is received_at
		{"", ""},
		{`,"time":null`, ""},
		{`,"time":"2016-11-22T10:00:00Z"`, "2016-11-22T10:00:00Z"},
		{`,"time":"2036-11-22T10:00:00Z"`, "2036-11-22T10:00:00Z"},
		{`,"time":"2036-11-22T10:00:00.123456789+05:30"`, "2036-11-22T04:30:00.123456Z"},
		{`,"time":"1969-12-31T23:59:59.5Z"`, "1969-12-31T23:59:59.5Z"},
	} {
		body := fmt.Sprintf(`{"specversion":"1.0","id":"%d"%s,"source":"s","type":"t","data":{"time":"2001-01-01T00:00:00Z"}}`, last.Seq, c.time)
		before := s.clock.now()
		e := p.event(p.send("gh", body, "Content-Type", "application/cloudevents+json").accepted(1)[0])
		if at := e.ReceivedAt.Time; at.Before(before.Truncate(time.Microsecond)) || at.After(s.clock.now()) || e.Seq != last.Seq+1 {
			t.Errorf("%s: got seq %d received at %s, want %d at the server's time, %s", c.time, e.Seq, at, last.Seq+1, before)
		}
		want := e.ReceivedAt.Time
		if c.want != "" {
			var err error
			want, err = time.Parse(time.RFC3339Nano, c.want)
			s.must(err)
		}
		if !e.OccurredAt.Equal(want) {
			t.Errorf("%s: got occurred_at %s, want %s", c.time, e.OccurredAt, want)
		}
		last = e
	}
	for _, bad := range []string{`"yesterday"`, `""`, `1790000000`, `true`, `"2026-11-22"`, `"2026-11-22 10:00:00Z"`, `"2026-02-30T10:00:00Z"`, `"2026-11-22T10:00:00"`, `"99999-01-01T00:00:00Z"`} {
		body := `{"specversion":"1.0","id":"x","source":"s","type":"t","time":` + bad + `}`
		if got := p.send("gh", body, "Content-Type", "application/cloudevents+json").problem(http.StatusBadRequest, "invalid"); got.Field != "/time" {
			t.Errorf("%s: got field %q, want /time", bad, got.Field)
		}
	}
	// Times within plain JSON are the payload's own business.
	for _, body := range []string{`{"time":"2036-01-01T00:00:00Z"}`, `{"timestamp":1}`, `{"occurred_at":"yesterday"}`} {
		if e := p.event(p.send("gh", body).accepted(1)[0]); e.OccurredAt != e.ReceivedAt || string(e.Payload) != body {
			t.Errorf("%s: got %+v, want it as it is, at the server's time", body, e)
		}
	}
}
