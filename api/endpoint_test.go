package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"iotman/iot"
)

// shown is an endpoint as the API answers it.
type shownEndpoint struct {
	iot.HTTPEndpoint
	Secret string `json:"secret"`
}

func basic(user, password string) []string {
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
}

// TestEndpointBasic: a password is made, shown once, opens the endpoint, and is
// never seen again (H7).
func TestEndpointBasic(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	var e shownEndpoint
	p.post(token, p.rest("/http-endpoints"), map[string]any{"name": "Pump", "auth": "basic", "basic_username": "pump"}).want(http.StatusCreated).into(&e)
	if len(e.Secret) < 20 || e.URL != s.url+"/data/north/pump" || e.BasicUsername != "pump" {
		t.Fatalf("got %+v, want a secret and a URL", e)
	}
	refused := func(what string, header ...string) {
		t.Helper()
		a := p.send("pump", `{}`, header...)
		a.problem(http.StatusUnauthorized, "unauthenticated")
		if h := strings.Join(a.header.Values("WWW-Authenticate"), " "); !strings.Contains(h, `Basic realm="iotman"`) {
			t.Errorf("%s: got WWW-Authenticate %q, want Basic", what, h)
		}
	}
	id := p.send("pump", `{}`, basic("pump", e.Secret)...).accepted(1)[0]
	if m := p.event(id).Meta; m.AuthMethod != "basic" {
		t.Errorf("got meta %+v, want basic", m)
	}
	for what, header := range map[string][]string{
		"nothing": nil, "a wrong password": basic("pump", "wrong"), "no password": basic("pump", ""), "another user": basic("Pump", e.Secret), "no user": basic("", e.Secret),
		"part of it": basic("pump", e.Secret[1:]), "more": basic("pump", e.Secret+"x"), "as a token": {"Authorization", "Bearer " + e.Secret}, "a management token": {"Authorization", "Bearer " + token},
		"not base64": {"Authorization", "Basic !!"},
	} {
		refused(what, header...)
	}
	path := p.rest("/http-endpoints/%s", e.ID)
	change := func(body string) (got shownEndpoint) {
		t.Helper()
		p.put(token, path, body).want(http.StatusOK).into(&got)
		return got
	}
	if got := change(`{"name":"Pump 2"}`); got.Secret != "" {
		t.Errorf("an update shows the secret again")
	}
	p.send("pump", `{}`, basic("pump", e.Secret)...).accepted(1)
	if got := change(`{"basic_password":"mine-42-mine"}`); got.Secret != "" {
		t.Errorf("a password of one's own comes back as secret %q", got.Secret)
	}
	refused("the old password", basic("pump", e.Secret)...)
	p.send("pump", `{}`, basic("pump", "mine-42-mine")...).accepted(1)
	rotated := change(`{"basic_password":null}`).Secret
	if len(rotated) < 20 || rotated == e.Secret {
		t.Errorf("null makes the secret %q, want a new one", rotated)
	}
	refused("the password before", basic("pump", "mine-42-mine")...)
	p.send("pump", `{}`, basic("pump", rotated)...).accepted(1)
	if got := change(`{"auth":"none"}`); got.BasicUsername != "" {
		t.Errorf("without auth basic: got username %q", got.BasicUsername)
	}
	p.send("pump", `{}`).accepted(1)
	p.put(token, path, `{"auth":"basic"}`).problem(http.StatusBadRequest, "invalid") // whose username is gone
	again := change(`{"auth":"basic","basic_username":"pump"}`)
	if again.Secret == "" || again.Secret == rotated {
		t.Errorf("basic again: got secret %q, want a new one", again.Secret)
	}
	refused("none, as with none", basic("pump", "")...)
	if got := change(`{"auth":"none","basic_password":null}`); got.Secret != "" {
		t.Errorf("auth none: got secret %q", got.Secret)
	}
	p.put(token, path, `{"basic_password":"x"}`).problem(http.StatusBadRequest, "invalid")
	for _, secret := range []string{e.Secret, "mine-42-mine", rotated, again.Secret} {
		for _, path := range []string{"/http-endpoints", "/http-endpoints/" + string(e.ID), "/audit", "/rejects?source_id=" + string(e.ID), ""} {
			if strings.Contains(string(p.get(token, p.rest("%s", path)).want(http.StatusOK).body), secret) {
				t.Errorf("%s shows a secret", path)
			}
		}
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds a secret")
		}
	}
}

// TestEndpointUpdate: absent keeps, null clears, a stale version is told the
// current state.
func TestEndpointUpdate(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	e := p.endpoint("gh", map[string]any{"rate_limit": 100, "capture_headers": []string{"X-A"}, "payload_schema": json.RawMessage(`{"type":"object"}`)})
	path := p.rest("/http-endpoints/%s", e.ID)
	a := p.get(token, path).want(http.StatusOK)
	etag := a.header.Get("ETag")
	if want := `"` + jsonNumber(e.Version) + `"`; etag != want {
		t.Fatalf("got ETag %q, want %s", etag, want)
	}
	var got shownEndpoint
	changed := p.put(token, path, `{"name":"New"}`, "If-Match", etag).want(http.StatusOK).into(&got)
	if got.Name != "New" || got.RateLimit != 100 || len(got.Headers) != 1 || got.Schema == nil || got.URLPath != "gh" || !got.Enabled || got.Version <= e.Version || changed.header.Get("ETag") != `"`+jsonNumber(got.Version)+`"` {
		t.Errorf("got %+v with ETag %s, want the name changed and the rest kept", got, changed.header.Get("ETag"))
	}
	for _, stale := range []*answer{
		p.put(token, path, `{"name":"Late"}`, "If-Match", etag), p.put(token, path, `{"name":"Late"}`, "If-Match", "W/"+etag), p.put(token, path, `{"name":"Late","version":1}`),
		s.do(req{method: http.MethodDelete, path: path, token: token, header: []string{"If-Match", etag}}), s.delete(token, path+"?version=1"),
	} {
		problem := stale.problem(http.StatusPreconditionFailed, "stale")
		current, _ := problem.Current.(map[string]any)
		if current["name"] != "New" || current["id"] != string(e.ID) || problem.Hint == "" {
			t.Errorf("got current %v, want the state as it is", problem.Current)
		}
	}
	p.put(token, path, `{"version":7}`, "If-Match", etag).problem(http.StatusBadRequest, "invalid") // which of them?
	for _, bad := range []string{"x", `"x"`, `"-1"`, `"0"`, `"1", "2"`} {
		p.put(token, path, `{"name":"x"}`, "If-Match", bad).problem(http.StatusBadRequest, "invalid")
	}
	p.put(token, path, `{"name":"Any"}`, "If-Match", "*").want(http.StatusOK)
	p.put(token, path, `{"rate_limit":null,"capture_headers":null,"payload_schema":null,"enabled":null}`).want(http.StatusOK).into(&got)
	p.get(token, path).want(http.StatusOK).into(&got)
	var fresh shownEndpoint
	if p.get(token, path).want(http.StatusOK).into(&fresh); fresh.RateLimit != 0 || fresh.Headers != nil || fresh.Schema != nil || !fresh.Enabled || fresh.Name != "Any" {
		t.Errorf("after nulls: got %+v, want each as it begins", fresh)
	}
	for _, bad := range []string{`{"name":null}`, `{"url_path":null}`, `{"name":""}`, `{"rate_limit":-1}`, `{"enabled":"yes"}`, `{"naam":"x"}`, `[]`, `"x"`, `{`, `{"name":"a"} {}`} {
		if problem := p.put(token, path, bad).problem(http.StatusBadRequest, "invalid"); bad == `{"naam":"x"}` && (problem.Field != "/naam" || !strings.Contains(problem.Detail, "name")) {
			t.Errorf("%s: got %+v, want the field named, and those that are known", bad, problem)
		}
	}
	p.do(req{method: http.MethodPut, path: path, token: token, body: `name=x`, header: []string{"Content-Type", "application/x-www-form-urlencoded"}}).problem(http.StatusUnsupportedMediaType, "unsupported")
	p.do(req{method: http.MethodGet, path: path, token: token, body: `{}`}).problem(http.StatusBadRequest, "invalid")
	p.put(token, path, padded(1<<20+1)).problem(http.StatusRequestEntityTooLarge, "too_large")
	p.put(token, p.rest("/http-endpoints/%s", strings.ToUpper(string(e.ID))), `{"name":"x"}`).problem(http.StatusBadRequest, "invalid")
	p.put(token, path+"?name=x", `{"name":"y"}`).problem(http.StatusBadRequest, "invalid")
	if p.get(token, path).into(&fresh); fresh.Name != "Any" {
		t.Errorf("got name %s, want what it was", fresh.Name)
	}
}

func jsonNumber(n int64) string { b, _ := json.Marshal(n); return string(b) }

// TestEndpointURLs: a URL is one endpoint's, moves at once, and ends with it.
func TestEndpointURLs(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	first := p.endpoint("gh", nil)
	p.post(token, p.rest("/http-endpoints"), map[string]any{"name": "Second", "url_path": "gh"}).problem(http.StatusConflict, "conflict")
	var named shownEndpoint
	p.post(token, p.rest("/http-endpoints"), map[string]any{"name": "Gewächshaus 7!"}).want(http.StatusCreated).into(&named)
	if named.URLPath != "gew-chshaus-7" || named.Slug != "gew-chshaus-7" {
		t.Errorf("got path %q and slug %q", named.URLPath, named.Slug)
	}
	second := p.endpoint("second", nil)
	p.put(token, p.rest("/http-endpoints/%s", second.ID), `{"url_path":"gh"}`).problem(http.StatusConflict, "conflict")
	p.send("gh", `{}`).accepted(1)
	p.put(token, p.rest("/http-endpoints/%s", first.ID), `{"url_path":"moved"}`).want(http.StatusOK)
	p.send("gh", `{}`).problem(http.StatusNotFound, "not_found")
	p.send("moved", `{}`).accepted(1)
	p.put(token, p.rest("/http-endpoints/%s", second.ID), `{"url_path":"gh"}`).want(http.StatusOK)
	if id := p.send("gh", `{}`).accepted(1)[0]; p.event(id).SourceID != second.ID {
		t.Errorf("the URL's new owner did not get the event")
	}
	off := func(value bool) {
		p.put(token, p.rest("/http-endpoints/%s", second.ID), map[string]any{"enabled": value}).want(http.StatusOK)
	}
	off(false)
	p.send("gh", `{}`).problem(http.StatusNotFound, "not_found")
	off(true)
	p.send("gh", `{}`).accepted(1)
	var status struct{ Status string }
	if s.delete(token, p.rest("/http-endpoints/%s", second.ID)).want(http.StatusOK).into(&status); status.Status != "deleted" {
		t.Errorf("got status %q, want deleted", status.Status)
	}
	p.send("gh", `{}`).problem(http.StatusNotFound, "not_found")
	s.delete(token, p.rest("/http-endpoints/%s", second.ID)).problem(http.StatusNotFound, "not_found")
	var kept []event
	if p.get(token, p.rest("/events?source=%s", second.ID)).want(http.StatusOK).into(&kept); len(kept) != 2 {
		t.Errorf("got %d events of the endpoint that is gone, want its 2", len(kept))
	}
	for _, path := range []string{"/data/north/moved/", "/data/north//moved", "/data/north/moved/x", "/data/north/../north/moved", "/data/north/Moved"} {
		if a := s.do(req{method: http.MethodPost, path: path, body: `{}`}); a.status == http.StatusAccepted {
			t.Errorf("%s: got 202", path)
		}
	}
}

// TestRejects: what is refused is listed under the id that the sender was told.
func TestRejects(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	e := p.endpoint("strict", map[string]any{"payload_schema": json.RawMessage(`{"type":"object","required":["t"],"properties":{"t":{"type":"number","maximum":100}}}`)})
	p.endpoint("other", nil)
	token := p.owner()
	p.send("strict", `{"t":100}`).accepted(1)
	var told []iot.ID
	for body, field := range map[string]string{`{"t":101}`: "/t", `{}`: "/t", `{"t":"<b>hot</b>"}`: "/t", `[{"t":1},{"t":2},{"t":true}]`: "/2/t"} {
		s.clock.add(1e9)
		problem := p.send("strict", body).problem(http.StatusUnprocessableEntity, "unprocessable")
		if problem.Field != field || problem.EventID == "" || problem.Hint == "" || len(problem.Errors) == 0 {
			t.Errorf("%s: got %+v, want field %s and an event_id", body, problem, field)
		}
		told = append(told, problem.EventID)
	}
	for range 3 {
		s.clock.add(1e9)
		told = append(told, p.send("strict", `{"t":`).problem(http.StatusBadRequest, "invalid").EventID)
	}
	p.send("other", `{`).problem(http.StatusBadRequest, "invalid")
	slices.Reverse(told)
	var listed []iot.ID
	for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
		var page []iot.Reject
		cursor = p.get(token, p.rest("/rejects?source_id=%s&limit=2&cursor=%s", e.ID, cursor)).want(http.StatusOK).into(&page).next("cursor")
		for _, r := range page {
			if listed = append(listed, r.EventID); r.SourceID != e.ID || r.Reason == "" || r.Payload == "" || r.Code == "" {
				t.Errorf("got %+v, want a reason, a code and the payload", r)
			}
		}
	}
	if !slices.Equal(listed, told) {
		t.Errorf("got rejects %v, want %v, newest first", listed, told)
	}
	p.get(token, p.rest("/rejects")).problem(http.StatusBadRequest, "invalid")
	// A flood fills no disk, and a page that has made way ends the list.
	var page []iot.Reject
	cursor := p.get(token, p.rest("/rejects?source_id=%s&limit=5", e.ID)).into(&page).next("cursor")
	for range 100 {
		s.clock.add(1e9)
		p.send("strict", `{`).want(http.StatusBadRequest)
	}
	if p.get(token, p.rest("/rejects?source_id=%s&limit=1000&cursor=%s", e.ID, cursor)).want(http.StatusOK).into(&page); len(page) != 0 {
		t.Errorf("got %d rejects after one that is gone, want none twice", len(page))
	}
	if p.get(token, p.rest("/rejects?source_id=%s&limit=1000", e.ID)).want(http.StatusOK).into(&page); len(page) != 100 {
		t.Errorf("got %d rejects, want the newest 100", len(page))
	}
}

// TestCaptureHeaders: what is asked for is kept with the event, and nothing
// that is a credential, or that could break out of where it is kept.
func TestCaptureHeaders(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	token := p.owner()
	for _, name := range []string{"Authorization", "cookie", "Set-Cookie", "proxy-authorization", "X-API-Key", "X\r\nA", "X A", "X:A", "", strings.Repeat("X", 65)} {
		p.post(token, p.rest("/http-endpoints"), map[string]any{"name": "Bad", "capture_headers": []string{name}}).problem(http.StatusBadRequest, "invalid")
	}
	p.post(token, p.rest("/http-endpoints"), map[string]any{"name": "Bad", "capture_headers": strings.Split(strings.Repeat("X-A,", 16)+"X-A", ",")}).problem(http.StatusBadRequest, "invalid")
	p.endpoint("gh", map[string]any{"capture_headers": []string{"X-Device", "x-firmware"}})
	id := p.send("gh", `{}`, "X-Device", "pump \"7\"\t<é>", "X-Firmware", "\xff1.2", "X-Other", "no", "Cookie", "a=b").accepted(1)[0]
	got := p.event(id).Meta.IngestContext
	if len(got) != 2 || got["x-device"] != "pump \"7\"\t<é>" || got["x-firmware"] != "\uFFFD1.2" {
		t.Errorf("got %q, want the two that were asked for", got)
	}
	id = p.send("gh", `{}`, "X-Device", strings.Repeat("y", 5000)).accepted(1)[0]
	if got := p.event(id).Meta.IngestContext["x-device"]; len(got) != 1024 {
		t.Errorf("got %d bytes of a long header, want 1024", len(got))
	}
}
