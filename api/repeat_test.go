package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"iotman/iot"
)

// TestC9Repeated: the same name with the same content is answered as at first,
// with other content it is refused, and either way there is one event.
func TestC9Repeated(t *testing.T) {
	s := newSite(t, setup{})
	p, other := s.plant("north"), s.plant("south")
	p.endpoint("gh", nil)
	p.endpoint("second", nil)
	other.endpoint("gh", nil)
	const key = "Idempotency-Key"
	first := p.send("gh", `[{"a":1},{"a":2}]`, key, "k1").accepted(2)
	for name, a := range map[string]*answer{
		"again":  p.send("gh", `[{"a":1},{"a":2}]`, key, "k1"),
		"zipped": p.send("gh", gzipped(t, `[{"a":1},{"a":2}]`, 1), key, "k1", "Content-Encoding", "gzip"),
	} {
		if got := a.accepted(2); !slices.Equal(got, first) {
			t.Errorf("%s: got ids %v, want the original %v", name, got, first)
		}
	}
	for name, a := range map[string]*answer{
		"another body":       p.send("gh", `[{"a":1},{"a":3}]`, key, "k1"),
		"another media type": p.send("gh", `[{"a":1},{"a":2}]`, key, "k1", "Content-Type", "application/cloudevents-batch+json"),
		"fewer":              p.send("gh", `[{"a":1}]`, key, "k1"),
	} {
		if name == "another media type" {
			a.problem(http.StatusBadRequest, "invalid") // it is no batch
			continue
		}
		if problem := a.problem(http.StatusConflict, "conflict"); problem.Hint == "" || problem.EventID == "" {
			t.Errorf("%s: got problem %+v, want a hint and an event_id", name, problem)
		}
	}
	for name, a := range map[string]*answer{ // names are a source's own
		"another source":    p.send("second", `[{"a":9}]`, key, "k1"),
		"another workspace": other.send("gh", `[{"a":9}]`, key, "k1"),
		"another name":      p.send("gh", `[{"a":9}]`, key, "K1"),
	} {
		if got := a.accepted(1); slices.Contains(first, got[0]) {
			t.Errorf("%s: got an id of the first request", name)
		}
	}
	for _, bad := range [][]string{{key, ""}, {key, strings.Repeat("k", 256)}, {key, "a", key, "b"}} {
		p.send("gh", `{}`, bad...).problem(http.StatusBadRequest, "invalid")
	}
	p.send("gh", `{}`, key, strings.Repeat("k", 255)).accepted(1)
	if n := p.count(); n != 5 {
		t.Errorf("got %d events, want 5", n)
	}
	s.clock.add(24*time.Hour + time.Minute)
	if got := p.send("gh", `[{"a":1},{"a":3}]`, key, "k1").accepted(2); slices.Contains(first, got[0]) {
		t.Errorf("a day later: got the id of the day before")
	}
}

// TestC9OfEightAtOnce: one of several at once is stored, all are answered.
func TestC9OfEightAtOnce(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	answers := make([]*answer, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			a, err := s.try(req{method: http.MethodPost, path: "/data/north/gh", body: `{"a":1}`, header: []string{"Idempotency-Key", "k"}})
			if err == nil {
				answers[i] = a
			}
		})
	}
	wg.Wait()
	for _, a := range answers {
		if a == nil {
			t.Fatal("got no answer")
		}
		if got, want := a.accepted(1)[0], answers[0].accepted(1)[0]; got != want {
			t.Errorf("got id %s, want %s", got, want)
		}
	}
	if n := p.count(); n != 1 {
		t.Errorf("got %d events, want 1", n)
	}
}

// TestC9CloudEvents: three modes, and an event's id and source name it in all.
func TestC9CloudEvents(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	e := p.endpoint("gh", nil)
	ce := func(id, data string) string {
		return `{"specversion":"1.0","id":"` + id + `","source":"/plant/3","type":"reading","time":"2026-11-01T10:00:00.5+01:00","line":7,"ok":true,"data":` + data + `}`
	}
	structured := func(body string) *answer { return p.send("gh", body, "Content-Type", "application/cloudevents+json") }
	batch := func(body string) *answer {
		return p.send("gh", body, "Content-Type", "application/cloudevents-batch+json; charset=UTF-8")
	}
	binary := func(id, data string) *answer {
		return p.send("gh", data, "Content-Type", "application/json", "ce-specversion", "1.0", "ce-id", id, "ce-source", "/plant/3", "ce-type", "reading", "ce-time", "2026-11-01T10:00:00.5+01:00", "ce-line", "7", "ce-ok", "true")
	}
	a := structured(ce("a", `{"t":1.50}`)).accepted(1)[0]
	b := batch("[" + ce("b1", `{"t":2}`) + "," + ce("b2", `{"t":3}`) + "]").accepted(2)
	c := binary("c", `{"t":4}`).accepted(1)[0]
	for id, payload := range map[iot.ID]string{a: `{"t":1.50}`, b[0]: `{"t":2}`, b[1]: `{"t":3}`, c: `{"t":4}`} {
		ev := p.event(id)
		if string(ev.Payload) != payload || ev.SourceID != e.ID || !ev.OccurredAt.Equal(time.Date(2026, 11, 1, 9, 0, 0, 5e8, time.UTC)) || ev.ReceivedAt.Year() < 2026 {
			t.Errorf("got %+v, want payload %s that occurred at its time", ev, payload)
		}
		if ev.Meta.CloudEvent["source"] != "/plant/3" || ev.Meta.CloudEvent["type"] != "reading" || fmt.Sprint(ev.Meta.CloudEvent["line"]) != "7" || ev.Meta.CloudEvent["data"] != nil {
			t.Errorf("got attributes %v", ev.Meta.CloudEvent)
		}
	}
	for name, got := range map[string]iot.ID{
		"structured again":      structured(ce("a", `{"t":1.50}`)).accepted(1)[0],
		"in a batch":            batch("[" + ce("a", `{"t":1.50}`) + "]").accepted(1)[0],
		"in a batch with a new": batch("[" + ce("new", `{}`) + "," + ce("a", `{"t":1.50}`) + "]").accepted(2)[1],
		"in binary mode":        binary("a", `{"t":1.50}`).accepted(1)[0],
		"twice in a batch":      batch("[" + ce("a", `{"t":1.50}`) + "," + ce("a", `{"t":1.50}`) + "]").accepted(2)[1],
	} {
		if got != a {
			t.Errorf("%s: got id %s, want %s", name, got, a)
		}
	}
	structured(ce("a", `{"t":1.5}`)).problem(http.StatusConflict, "conflict")
	batch("["+ce("unused", `{}`)+","+ce("a", `{"t":9}`)+"]").problem(http.StatusConflict, "conflict")
	batch("["+ce("unused", `{}`)+","+ce("unused", `{"t":9}`)+"]").problem(http.StatusConflict, "conflict")
	if n := p.count(); n != 5 {
		t.Errorf("got %d events, want 5: nothing of a refused batch", n)
	}
}

// TestC13CutAfterSend: what arrived whole is kept, though the sender is cut off
// before the answer; who waits hears of it at once, and who asks again under
// the same name has one event.
func TestC13CutAfterSend(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	u, err := url.Parse(s.url)
	s.must(err)
	token := p.owner()
	for i := range 20 {
		body, key := fmt.Sprintf(`{"n":%d}`, i), "cut-"+strconv.Itoa(i)
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host)
		s.must(err)
		_, err = io.WriteString(c, "POST /data/north/gh HTTP/1.1\r\nHost: "+u.Host+"\r\nIdempotency-Key: "+key+"\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
		s.must(err)
		s.must(c.Close())
		var got struct{ Items []event }
		start := time.Now()
		p.get(token, p.rest("/events/wait?since=%d&timeout=25", i)).want(http.StatusOK).into(&got)
		if took := time.Since(start); len(got.Items) != 1 || string(got.Items[0].Payload) != body || took > 10*time.Second {
			t.Fatalf("got %+v after %s, want the one event %s at once", got.Items, took, body)
		}
		if id := p.send("gh", body, "Idempotency-Key", key).accepted(1)[0]; id != got.Items[0].ID {
			t.Errorf("asked again: got id %s, want %s", id, got.Items[0].ID)
		}
	}
	if n := p.count(); n != 20 {
		t.Errorf("got %d events, want 20", n)
	}
}

// TestC14KeysInTheURL are refused, and stand in no log.
func TestC14KeysInTheURL(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	p.endpoint("locked", map[string]any{"auth": "oauth2"})
	token := p.owner()
	for _, name := range []string{"access_token", "token", "key", "api_key", "x", "limit", ""} {
		for _, path := range []string{"gh", "locked"} {
			problem := p.send(path+"?"+name+"="+token, `{}`).problem(http.StatusBadRequest, "invalid")
			if strings.Contains(problem.Detail+problem.Hint, token) {
				t.Errorf("%s: the answer repeats the credential", name)
			}
		}
	}
	p.send("gh?access_token=a;b", `{}`).problem(http.StatusBadRequest, "invalid")
	p.send("gh?", `{}`).accepted(1)
	for _, path := range []string{p.rest(""), "/api/v1/workspaces"} { // F6, for the API
		s.get("", path+"?access_token="+token).problem(http.StatusUnauthorized, "unauthenticated")
		s.get(token, path+"?access_token="+token).problem(http.StatusBadRequest, "invalid")
	}
	if n := p.count(); n != 1 {
		t.Errorf("got %d events, want 1", n)
	}
	if strings.Contains(s.log.String(), token) {
		t.Errorf("the log holds a token")
	}
}

// TestC15RateLimit: too fast is 429 with the time to wait, and nothing is
// stored in part.
func TestC15RateLimit(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("slow", map[string]any{"rate_limit": 10})
	p.endpoint("free", nil)
	items := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("{},", n), ",") + "]" }
	limited := func(n int) time.Duration {
		t.Helper()
		a := p.send("slow", items(n))
		if problem := a.problem(http.StatusTooManyRequests, "rate_limited"); problem.Hint == "" {
			t.Errorf("got problem %+v, want a hint", problem)
		}
		after, err := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil || after < 1 {
			t.Errorf("got Retry-After %q, want seconds", a.header.Get("Retry-After"))
		}
		return time.Duration(after) * time.Second
	}
	p.send("slow", items(10)).accepted(10)
	wait := limited(2)
	limited(9)
	p.send("free", items(1000)).accepted(1000)
	s.clock.add(wait)
	p.send("slow", items(2)).accepted(2)
	s.clock.add(time.Minute)
	p.send("slow", items(50)).accepted(50) // more than a burst goes through whole, and is paid for
	if wait = limited(1); wait < 4*time.Second || wait > 6*time.Second {
		t.Errorf("after 50 events at 10 a second: got Retry-After %s, want about 5 s", wait)
	}
	p.put(p.owner(), p.rest("/http-endpoints/%s", p.sourceAt("slow")), map[string]any{"name": "Slower"}).want(http.StatusOK)
	limited(1) // a change of the settings forgets no debt
	s.clock.add(wait)
	p.send("slow", items(1)).accepted(1)
	var kept []json.RawMessage
	p.get(p.owner(), p.rest("/events?limit=1000&fields=id&source=%s", p.sourceAt("slow"))).want(http.StatusOK).into(&kept)
	if len(kept) != 63 {
		t.Errorf("got %d events, want 63", len(kept))
	}
}

// sourceAt returns the id of the endpoint with the path.
func (p *plant) sourceAt(path string) iot.ID {
	p.t.Helper()
	var all []iot.HTTPEndpoint
	p.get(p.owner(), p.rest("/http-endpoints?limit=1000")).want(http.StatusOK).into(&all)
	i := slices.IndexFunc(all, func(e iot.HTTPEndpoint) bool { return string(e.URLPath) == path })
	if i < 0 {
		p.t.Fatalf("no endpoint at %s", path)
	}
	return all[i].ID
}

// TestI4DiskReserve: below the reserve ingest answers 507, and everything else
// goes on.
func TestI4DiskReserve(t *testing.T) {
	s := newSite(t, setup{reserve: 1 << 62})
	p := s.plant("north")
	p.endpoint("gh", nil)
	a := p.send("gh", `{}`)
	a.problem(http.StatusInsufficientStorage, "storage_full")
	if a.header.Get("Retry-After") == "" {
		t.Error("got no Retry-After")
	}
	p.call(p.owner(), "iotman_call", map[string]any{"method": "POST", "path": "/data/north/gh", "body": map[string]any{}}).failed("storage_full")
	p.endpoint("another", nil)
	if n := p.count(); n != 0 {
		t.Errorf("got %d events, want none", n)
	}
}
