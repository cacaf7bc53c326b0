package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"iotman/iot"
)

// filled is a plant with 1,150 events of two sources: a thousand in one post,
// then singles by turns.
func filled(t testing.TB) (p *plant, bulk, single iot.HTTPEndpoint) {
	t.Helper()
	p = newSite(t, setup{}).plant("north")
	bulk, single = p.endpoint("bulk", nil), p.endpoint("single", nil)
	items := make([]string, 1000)
	for i := range items {
		items[i] = fmt.Sprintf(`{"n":%d,"text":%q}`, i, strings.Repeat("x", i%40))
	}
	p.send("bulk", "["+strings.Join(items, ",")+"]").accepted(1000)
	for i := range 150 {
		p.send([]string{"bulk", "single"}[i%2], object("n", fmt.Sprint(1000+i))).accepted(1)
	}
	return p, bulk, single
}

// TestPagesTogether: pages that are written at the same time, in memory that
// those before them used, do not mix.
func TestPagesTogether(t *testing.T) {
	p, bulk, single := filled(t)
	token := p.owner()
	var all sync.WaitGroup
	for _, query := range []string{"limit=1000", "limit=3", "limit=75&source=" + string(single.ID), "limit=500&source=" + string(bulk.ID)} {
		path := p.rest("/events?%s", query)
		want := string(p.get(token, path).want(http.StatusOK).body)
		all.Go(func() {
			for range 50 {
				a, err := p.try(req{method: http.MethodGet, path: path, token: token})
				if err != nil || string(a.body) != want {
					t.Errorf("%s: got another page than alone, %v", query, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// arriving posts events beside the test, at most one for each time that the
// test calls another, until it calls stop.
func (p *plant) arriving() (another, stop func()) {
	p.t.Helper()
	due, done := make(chan struct{}, 1), make(chan struct{}) // one is under way, one is due
	go func() {
		defer close(done)
		for range due {
			a, err := p.try(req{method: http.MethodPost, path: "/data/north/bulk", body: `{"late":true}`})
			if err != nil || a.status != http.StatusAccepted {
				p.t.Errorf("got %v, %v, want 202", a, err)
			}
		}
	}()
	another = func() {
		select {
		case due <- struct{}{}:
		default:
		}
	}
	return another, func() { close(due); <-done }
}

// descending fails the test unless the events are all from the first one's
// number down to 1: none lost, none twice, newest first.
func descending(t testing.TB, what string, events []event) {
	t.Helper()
	if len(events) < 1150 {
		t.Errorf("%s: got %d events, want at least 1150", what, len(events))
		return
	}
	for i, e := range events {
		if want := events[0].Seq - int64(i); e.Seq != want {
			t.Errorf("%s: got seq %d in place %d, want %d", what, e.Seq, i, want)
			return
		}
	}
	if last := events[len(events)-1].Seq; last != 1 {
		t.Errorf("%s: ended at seq %d, want 1", what, last)
	}
}

// TestPaging pages through a log that grows meanwhile, over REST.
func TestPaging(t *testing.T) {
	p, _, single := filled(t)
	another, stop := p.arriving()
	defer stop()
	token := p.owner()
	for _, limit := range []int{1, 7, 100, 1000, 0} {
		var all []event
		query := fmt.Sprintf("?limit=%d&fields=id,seq", limit)
		switch limit {
		case 0:
			query, limit = "", 100
		case 1:
			query += "&source=" + string(single.ID)
		}
		for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
			path := p.rest("/events%s", query)
			if cursor != "" {
				path += map[bool]string{true: "&", false: "?"}[query != ""] + "cursor=" + cursor
			}
			var page []event
			a := p.get(token, path).want(http.StatusOK).into(&page)
			if cursor = a.next("cursor"); cursor != "" && (len(page) != limit || query != "" && a.next("limit") != fmt.Sprint(limit)) {
				t.Fatalf("limit %d: got a page of %d, next %q", limit, len(page), a.header.Get("Link"))
			}
			all = append(all, page...)
			another()
		}
		if limit == 1 {
			if len(all) != 75 || !slices.IsSortedFunc(all, func(a, b event) int { return int(b.Seq - a.Seq) }) || all[74].Seq != 1002 {
				t.Errorf("limit 1: got %d events, the last with seq %d, want 75 down to 1002", len(all), all[len(all)-1].Seq)
			}
			continue
		}
		descending(t, fmt.Sprintf("limit %d", limit), all)
	}
	for _, limit := range []string{"0", "-1", "1001", "1.5", "1e2", "many", "", "9223372036854775808"} {
		p.get(token, p.rest("/events?limit=%s", limit)).problem(http.StatusBadRequest, "invalid")
	}
}

// TestF11PagingMCP: over MCP a page has at most 200 rows and 40 kB, says why it
// ended, and the next one goes on.
func TestF11PagingMCP(t *testing.T) {
	p, _, _ := filled(t)
	for i := range 30 { // rows of which few fit
		p.send("bulk", fmt.Sprintf(`{"n":%d,"text":%q}`, i, strings.Repeat("<y>", 100*i))).accepted(1)
	}
	another, stop := p.arriving()
	defer stop()
	token := p.owner()
	for _, args := range []map[string]any{
		{"limit": 40}, {"limit": 1000}, {}, {"limit": 200, "fields": []string{"seq"}}, {"limit": 1000, "fields": []string{"seq", "payload.n"}},
	} {
		limit, _ := args["limit"].(int)
		if limit == 0 {
			limit = 100
		}
		var all []event
		for pages := 0; pages == 0 || args["cursor"] != ""; pages++ {
			var page struct {
				Items      []event
				NextCursor string `json:"next_cursor"`
				Note       string
			}
			p.call(token, "event_list", args).ok(&page).small()
			full := min(limit, 200)
			switch early := page.NextCursor != "" && len(page.Items) < full; {
			case len(page.Items) > full:
				t.Fatalf("%v: got %d rows, want at most %d", args, len(page.Items), full)
			case early && !strings.Contains(page.Note, "40 kB"):
				t.Errorf("%v: got %d rows and note %q, want one about 40 kB", args, len(page.Items), page.Note)
			case !early && page.NextCursor != "" && (limit > 200) != strings.Contains(page.Note, "200 rows"):
				t.Errorf("%v: got %d rows and note %q, want one about 200 rows: %v", args, len(page.Items), page.Note, limit > 200)
			case page.NextCursor == "" && page.Note != "":
				t.Errorf("%v: got note %q on the last page", args, page.Note)
			}
			args["cursor"] = page.NextCursor
			all = append(all, page.Items...)
			another()
		}
		descending(t, fmt.Sprint(args["limit"], args["fields"]), all)
	}
	p.call(token, "event_list", map[string]any{"limit": 1001}).failed("invalid")
}

// small fails the test if a result is larger than an agent wants to read.
func (o *outcome) small() *outcome {
	o.t.Helper()
	unescaped := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(o.StructuredContent)) // as a client reads it
	if n := len(unescaped); n > 40_000 {
		o.t.Errorf("%s: got %d bytes of structured content, want at most 40,000", o.what, n)
	}
	for _, c := range o.Content {
		if n := len(c.Text); n > 40_000 {
			o.t.Errorf("%s: got %d bytes of text, want at most 40,000", o.what, n)
		}
	}
	return o
}

// TestF11Giants: what is too large for an answer by itself is left out, and the
// answer says how to get at it.
func TestF11Giants(t *testing.T) {
	p := newSite(t, setup{}).plant("north")
	e := p.endpoint("gh", map[string]any{"capture_headers": []string{"X-Long"}})
	token := p.owner()
	big := strings.Repeat("z", 900_000)
	ids := []iot.ID{
		p.send("gh", object("big", `"`+big+`"`), "X-Long", big[:20_000]).accepted(1)[0],
		p.send("gh", `{"specversion":"1.0","id":"1","source":"/s","type":"t","giant":"`+big+`","data":{"n":1}}`, "Content-Type", "application/cloudevents+json").accepted(1)[0],
		p.send("gh", `{"specversion":"1.0","id":"2","source":"/s","type":"t","giant":"`+big[:30_000]+`","data":{"n":"`+big[:30_000]+`"}}`, "Content-Type", "application/cloudevents+json").accepted(1)[0],
	}
	for _, id := range ids {
		var got struct{ Omitted string }
		p.call(token, "event_get", map[string]any{"event_id": id}).ok(&got).small()
		if !strings.Contains(got.Omitted, "REST") {
			t.Errorf("got omitted %q, want how to read it", got.Omitted)
		}
	}
	var page struct{ Items []json.RawMessage }
	p.call(token, "event_list", map[string]any{}).ok(&page).small()
	p.call(token, "event_wait", map[string]any{"since": 0}).ok(&page).small()
	p.call(token, "event_list", map[string]any{"fields": []string{"payload.big", "id"}}).ok(&page).small()
	p.call(token, "event_list", map[string]any{"cursor": big}).failed("not_found")
	for _, tool := range []string{"event_purge", "workspace_delete"} {
		p.call(token, tool, map[string]any{"confirm": big}).small().failed("invalid")
	}
	schema := json.RawMessage(`{"type":"object","description":"` + big[:60_000] + `"}`)
	args := map[string]any{"source_id": e.ID, "payload_schema": schema}
	p.call(token, "http_endpoint_update", args).ok(nil).small()
	p.call(token, "http_endpoint_update", map[string]any{"source_id": e.ID, "name": "Stale", "version": 1}).small().failed("stale")
	p.call(token, "http_endpoint_get", map[string]any{"source_id": e.ID}).ok(nil).small()
	p.call(token, "http_endpoint_list", map[string]any{}).ok(nil).small()
	p.call(token, "http_endpoint_delete", map[string]any{"source_id": e.ID}).ok(nil).small()
	var audit struct{ Items []iot.AuditEntry }
	p.call(token, "audit_list", map[string]any{}).ok(&audit).small()
	if len(audit.Items) == 0 || len(audit.Items[0].Changes) == 0 {
		t.Errorf("got %+v, want entries with changes", audit)
	}
	var whole iot.HTTPEndpoint
	e = p.endpoint("again", map[string]any{"payload_schema": schema})
	if p.get(token, p.rest("/http-endpoints/%s", e.ID)).want(http.StatusOK).into(&whole); !sameJSON(whole.Schema, schema) {
		t.Errorf("over REST got a schema of %d bytes, want all %d", len(whole.Schema), len(schema))
	}
}

// TestPagesAreBounded: a page over REST ends before it fills the memory.
func TestPagesAreBounded(t *testing.T) {
	p := newSite(t, setup{}).plant("north")
	p.endpoint("gh", nil)
	const n = 10
	for range n {
		p.send("gh", padded(iot.MaxBody)).accepted(1)
	}
	got := 0
	for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
		var page []json.RawMessage
		a := p.get(p.owner(), p.rest("/events?limit=1000&cursor=%s", cursor)).want(http.StatusOK).into(&page)
		if len(a.body) > 10<<20 || len(page) == 0 {
			t.Errorf("got a page of %d events and %d bytes, want at most 10 MiB", len(page), len(a.body))
		}
		got += len(page)
		cursor = a.next("cursor")
	}
	if got != n {
		t.Errorf("got %d events on all pages, want %d", got, n)
	}
}
