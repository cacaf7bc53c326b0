package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"iotman/iot"
)

// waited is an answer of event_wait.
type waited struct {
	Items     []event
	NextSince int64 `json:"next_since"`
	Note      string
}

// TestEventWait answers at once if there is something, wakes as soon as there
// is, and ends when its time is over.
func TestEventWait(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	one, two := p.endpoint("one", nil), p.endpoint("two", nil)
	other.endpoint("one", nil)
	token := p.owner()
	wait := func(query string) (got waited) {
		t.Helper()
		p.get(token, p.rest("/events/wait?%s", query)).want(http.StatusOK).into(&got)
		return got
	}
	if got := wait("timeout=0"); got.Items == nil || len(got.Items) != 0 || got.NextSince != 0 {
		t.Errorf("an empty log: got %+v", got)
	}
	for i := range 5 {
		p.send([]string{"one", "two"}[i%2], fmt.Sprintf(`{"n":%d}`, i)).accepted(1)
	}
	got := wait("since=0&limit=2")
	if len(got.Items) != 2 || got.Items[0].Seq != 1 || got.NextSince != 2 {
		t.Errorf("got %+v, want the two oldest", got)
	}
	got = wait(fmt.Sprintf("since=%d&fields=seq,payload.n", got.NextSince))
	if len(got.Items) != 3 || got.Items[2].Seq != 5 || string(got.Items[2].Payload) != `{"n":4}` || got.NextSince != 5 {
		t.Errorf("got %+v, want the other three", got)
	}
	if got = wait("since=0&source=" + string(two.ID)); len(got.Items) != 2 || got.NextSince != 4 {
		t.Errorf("got %+v, want the two of one source", got)
	}
	if got = wait("timeout=0"); len(got.Items) != 0 || got.NextSince != 5 {
		t.Errorf("from now on: got %+v, want nothing and the head", got)
	}
	for _, since := range []string{"5", "99", "9223372036854775807"} {
		if got = wait("timeout=0&since=" + since); len(got.Items) != 0 || got.NextSince != 5 {
			t.Errorf("since %s: got %+v, want nothing and the head", since, got)
		}
	}
	start := time.Now()
	if got = wait("timeout=1"); len(got.Items) != 0 || time.Since(start) < time.Second || time.Since(start) > 20*time.Second {
		t.Errorf("got %+v after %s, want nothing after a second", got, time.Since(start))
	}
	for _, bad := range []string{"timeout=26", "timeout=-1", "timeout=1.5", "since=x", "limit=0", "source=x", "since=1&since=2", "cursor=x"} {
		p.get(token, p.rest("/events/wait?%s", bad)).problem(http.StatusBadRequest, "invalid")
	}
	// Whoever waits is woken by an event of theirs, and by no other.
	for name, ask := range map[string]func() waited{
		"REST": func() waited { return wait("timeout=25&source=" + string(one.ID)) },
		"MCP": func() (got waited) {
			p.call(token, "event_wait", map[string]any{"timeout": 25, "source": one.ID}).ok(&got)
			return got
		},
	} {
		answered := make(chan waited, 1)
		start := time.Now()
		go func() { answered <- ask() }()
		var ids []iot.ID
		for len(answered) == 0 && time.Since(start) < 20*time.Second { // until the wait has begun, what comes is not waited for
			other.send("one", `{}`).accepted(1)
			p.send("two", `{}`).accepted(1)
			ids = append(ids, p.send("one", `{"n":"now"}`).accepted(1)...)
		}
		got := <-answered
		if len(got.Items) == 0 || got.Items[0].SourceID != one.ID || time.Since(start) > 20*time.Second {
			t.Errorf("%s: got %+v after %s, want an event of the source", name, got, time.Since(start))
		}
		for _, e := range got.Items {
			if !strings.Contains(fmt.Sprint(ids), string(e.ID)) {
				t.Errorf("%s: got event %s, which is none of %v", name, e.ID, ids)
			}
		}
	}
}

// TestEventPurge deletes what is selected, and no more, for good.
func TestEventPurge(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	one := p.endpoint("one", nil)
	p.endpoint("two", nil)
	other.endpoint("one", nil)
	other.send("one", `{}`).accepted(1)
	token := p.owner()
	var ids []iot.ID
	for i := range 6 {
		ids = append(ids, p.send([]string{"one", "two"}[i%2], fmt.Sprintf(`{"n":%d}`, i)).accepted(1)...)
		s.clock.add(time.Hour)
	}
	purged := func(query string, want int64) {
		t.Helper()
		var got struct {
			Status string
			Events int64
		}
		if s.delete(token, p.rest("/events%s", query)).want(http.StatusOK).into(&got); got.Events != want || got.Status != "deleted" {
			t.Errorf("%s: got %+v, want %d deleted", query, got, want)
		}
	}
	third := p.event(ids[2]).ReceivedAt
	for _, bad := range []string{"?source=x", "?to=", "?from=" + third.Format(time.RFC3339) + ";to=1", "?sourse=" + string(one.ID), "?confirm=south", "?limit=1", "?source=" + string(one.ID) + "&source=" + string(one.ID)} {
		s.delete(token, p.rest("/events%s", bad)).problem(http.StatusBadRequest, "invalid")
	}
	if n := p.count(); n != 6 {
		t.Fatalf("got %d events after what was refused, want 6", n)
	}
	purged("?source="+string(one.ID)+"&to="+third.Format(iot.TimeLayout), 1)
	p.get(token, p.rest("/events/%s", ids[0])).problem(http.StatusNotFound, "not_found")
	purged("?source="+string(p.id), 0) // no source has this id
	purged("?from="+third.Format(iot.TimeLayout)+"&to="+third.Format(iot.TimeLayout), 0)
	var got struct{ Events int64 }
	p.call(token, "event_purge", map[string]any{"confirm": "north", "source": one.ID}).ok(&got)
	if got.Events != 2 || p.count() != 3 {
		t.Errorf("got %d deleted and %d left, want 2 and 3", got.Events, p.count())
	}
	purged("?confirm=north", 3)
	purged("", 0)
	if n := p.count(); n != 0 {
		t.Errorf("got %d events, want none", n)
	}
	if n := other.count(); n != 1 {
		t.Errorf("the other workspace has %d events, want its 1", n)
	}
	if id := p.send("one", `{}`).accepted(1)[0]; p.event(id).Seq != 7 {
		t.Errorf("got seq %d, want 7: no number is used twice", p.event(id).Seq)
	}
	var audit []iot.AuditEntry
	p.get(token, p.rest("/audit")).want(http.StatusOK).into(&audit)
	n := 0
	for _, e := range audit {
		if e.Operation == "event_purge" {
			n++
		}
	}
	if n != 3 {
		t.Errorf("got %d audit rows of purges, want one for each that deleted something", n)
	}
}
