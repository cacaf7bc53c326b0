package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEventFilters(t *testing.T) {
	p, bulk, single := filled(t)
	token := p.owner()
	list := func(query string) (all []event) {
		t.Helper()
		for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
			var page []event
			cursor = p.get(token, p.rest("/events?limit=1000&%s&cursor=%s", query, cursor)).want(http.StatusOK).into(&page).next("cursor")
			all = append(all, page...)
		}
		return all
	}
	if got := list("source=" + string(single.ID)); len(got) != 75 || slices.ContainsFunc(got, func(e event) bool { return e.SourceID != single.ID }) {
		t.Errorf("source: got %d events, want the 75 of the one", len(got))
	}
	if got := list("source=" + string(bulk.ID)); len(got) != 1075 {
		t.Errorf("source: got %d events, want 1075", len(got))
	}
	p.clock.add(time.Hour)
	from := p.clock.now()
	late := p.send("single", `{"late":1}`).accepted(1)[0]
	p.clock.add(time.Hour)
	to := p.clock.now()
	p.send("single", `{"later":1}`).accepted(1)
	for _, query := range []string{
		"from=" + from.Format(time.RFC3339Nano) + "&to=" + to.Format(time.RFC3339Nano),
		fmt.Sprintf("from=%d&to=%d", from.Unix(), to.Unix()),
		"from=" + strings.ReplaceAll(from.In(time.FixedZone("", 7200)).Format(time.RFC3339Nano), "+", "%2B") + "&to=" + to.Format(time.RFC3339) + "&source=" + string(single.ID),
	} {
		if got := list(query); len(got) != 1 || got[0].ID != late {
			t.Errorf("%s: got %d events, want the one in between", query, len(got))
		}
	}
	if got := list("from=" + to.Format(time.RFC3339)); len(got) != 1 {
		t.Errorf("from: got %d events, want 1", len(got))
	}
	if got := list("to=" + from.Format(time.RFC3339)); len(got) != 1150 {
		t.Errorf("to: got %d events, want 1150", len(got))
	}
	if got := list("from=" + to.Format(time.RFC3339) + "&to=" + from.Format(time.RFC3339)); len(got) != 0 {
		t.Errorf("from after to: got %d events, want none", len(got))
	}
	for _, bad := range []string{"from=yesterday", "to=", "from=2026-13-01T00:00:00Z", "source=", "source=single", "from=1&from=2", "from=99999999999999", "sort=asc", "From=1", "tags=a", "source=" + string(bulk.ID) + ";to=1"} {
		p.get(token, p.rest("/events?%s", bad)).problem(http.StatusBadRequest, "invalid")
	}
}

func TestEventFields(t *testing.T) {
	p := newSite(t, setup{}).plant("north")
	p.endpoint("gh", nil)
	id := p.send("gh", `{"a":{"b":[1.50,2],"c":"<x>&y","n":null},"d":5,"e.f":1}`).accepted(1)[0]
	token := p.owner()
	for fields, want := range map[string]string{
		"payload":               `{"payload":{"a":{"b":[1.50,2],"c":"<x>&y","n":null},"d":5,"e.f":1}}`,
		"payload.a.b":           `{"payload":{"a":{"b":[1.50,2]}}}`,
		"payload.a.c,payload.d": `{"payload":{"a":{"c":"<x>&y"},"d":5}}`,
		"payload.a.n":           `{"payload":{"a":{"n":null}}}`,
		"payload.a,payload.a.b": `{"payload":{"a":{"b":[1.50,2],"c":"<x>&y","n":null}}}`,
		"payload.a.b,payload.a": `{"payload":{"a":{"b":[1.50,2],"c":"<x>&y","n":null}}}`,
		"payload.d.x":           `{"payload":{}}`,
		"payload.a.x.y":         `{"payload":{}}`,
		"payload.nothing":       `{"payload":{}}`,
		"payload.a.b.0":         `{"payload":{}}`,
		"payload,payload.a.b":   `{"payload":{"a":{"b":[1.50,2],"c":"<x>&y","n":null},"d":5,"e.f":1}}`,
		"id":                    `{"id":"` + string(id) + `"}`,
		"id,id,seq":             `{"id":"` + string(id) + `","seq":1}`,
		"seq&fields=id":         `{"id":"` + string(id) + `","seq":1}`,
		"payload.d,tags":        `{"payload":{"d":5},"tags":{}}`,
	} {
		if a := p.get(token, p.rest("/events/%s?fields=%s", id, fields)).want(http.StatusOK); strings.TrimSpace(string(a.body)) != want {
			t.Errorf("%s: got %s, want %s", fields, a.body, want)
		}
		names := strings.Split(strings.ReplaceAll(fields, "&fields=", ","), ",")
		out := p.call(token, "event_get", map[string]any{"event_id": id, "fields": names}).ok(nil)
		var got map[string]json.RawMessage
		p.must(json.Unmarshal(out.StructuredContent, &got))
		delete(got, "untrusted")
		if text, err := json.Marshal(got); err != nil || !sameJSON(text, []byte(want)) {
			t.Errorf("%s over MCP: got %s, want %s", fields, text, want)
		}
	}
	for _, bad := range []string{"", "Payload", "payload.", "meta.source_ip", "nothing", "id,", strings.Repeat("id,", 64) + "id"} {
		p.get(token, p.rest("/events/%s?fields=%s", id, bad)).problem(http.StatusBadRequest, "invalid")
	}
}
