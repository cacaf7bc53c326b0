package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"iotman/iot"
)

// answer is an HTTP answer, read whole.
type answer struct {
	*site
	what   string // the request, for messages
	status int
	header http.Header
	body   []byte
}

// req is a request; what is left out is not sent.
type req struct {
	method, path string
	token        string
	body         any      // string and []byte as they are, an io.Reader streamed, anything else as JSON
	header       []string // name, value, name, value …
	host         string
}

// do sends a request and fails the test where no answer comes.
func (s *site) do(r req) *answer {
	s.t.Helper()
	a, err := s.try(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	return a
}

// try sends a request.
func (s *site) try(r req) (*answer, error) {
	var body io.Reader
	switch b := r.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	case []byte:
		body = bytes.NewReader(b)
	case io.Reader:
		body = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	hr, err := http.NewRequestWithContext(s.t.Context(), r.method, s.url+r.path, body)
	if err != nil {
		return nil, err
	}
	if r.token != "" {
		hr.Header.Set("Authorization", "Bearer "+r.token)
	}
	if r.host != "" {
		hr.Host = r.host
	}
	for i := 0; i < len(r.header); i += 2 {
		hr.Header.Add(r.header[i], r.header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(hr) // follows nothing
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	return &answer{site: s, what: r.method + " " + r.path, status: res.StatusCode, header: res.Header, body: text}, nil
}

// want fails the test unless the answer has the status.
func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: got %d %.400s, want %d", a.what, a.status, a.body, status)
	}
	return a
}

// into decodes the answer, numbers to the digit.
func (a *answer) into(v any) *answer {
	a.t.Helper()
	dec := json.NewDecoder(bytes.NewReader(a.body))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		a.t.Fatalf("%s: got %.200q, want JSON: %v", a.what, a.body, err)
	}
	return a
}

// problem fails the test unless the answer is the problem, and returns it.
func (a *answer) problem(status int, code string) iot.Problem {
	a.t.Helper()
	a.want(status)
	var p iot.Problem
	a.into(&p)
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		a.t.Errorf("%s: got content type %q, want application/problem+json", a.what, ct)
	}
	if p.Code != code || p.Status != status || p.Detail == "" || p.Error != p.Detail {
		a.t.Errorf("%s: got problem %+v, want code %s, status %d and a detail", a.what, p, code, status)
	}
	return p
}

// get, post, put and delete are calls of the REST API.
func (s *site) get(token, path string) *answer {
	s.t.Helper()
	return s.do(req{method: http.MethodGet, path: path, token: token})
}

func (s *site) post(token, path string, body any) *answer {
	s.t.Helper()
	return s.do(req{method: http.MethodPost, path: path, token: token, body: body})
}

func (s *site) put(token, path string, body any, header ...string) *answer {
	s.t.Helper()
	return s.do(req{method: http.MethodPut, path: path, token: token, body: body, header: header})
}

func (s *site) delete(token, path string) *answer {
	s.t.Helper()
	return s.do(req{method: http.MethodDelete, path: path, token: token})
}

// endpoint makes an HTTP endpoint at the path, with more settings as JSON.
func (p *plant) endpoint(path string, settings map[string]any) iot.HTTPEndpoint {
	p.t.Helper()
	in := map[string]any{"name": "Endpoint " + path, "url_path": path}
	maps.Copy(in, settings)
	var e iot.HTTPEndpoint
	p.post(p.owner(), p.rest("/http-endpoints"), in).want(http.StatusCreated).into(&e)
	return e
}

// send posts a body to an endpoint, as a device does.
func (p *plant) send(path string, body any, header ...string) *answer {
	p.t.Helper()
	return p.do(req{method: http.MethodPost, path: "/data/" + string(p.slug) + "/" + path, body: body, header: header})
}

// accepted fails the test unless the events were taken, and returns their ids.
func (a *answer) accepted(n int) []iot.ID {
	a.t.Helper()
	var got struct{ IDs []iot.ID }
	a.want(http.StatusAccepted).into(&got)
	if len(got.IDs) != n {
		a.t.Fatalf("%s: got %d ids, want %d", a.what, len(got.IDs), n)
	}
	return got.IDs
}

// event is an event as REST answers it.
type event struct {
	ID         iot.ID          `json:"id"`
	Seq        int64           `json:"seq"`
	ReceivedAt iot.Time        `json:"received_at"`
	OccurredAt iot.Time        `json:"occurred_at"`
	SourceID   iot.ID          `json:"source_id"`
	Payload    json.RawMessage `json:"payload"`
	Tags       json.RawMessage `json:"tags"`
	Meta       iot.Meta        `json:"meta"`
}

// event reads one event.
func (p *plant) event(id iot.ID) event {
	p.t.Helper()
	var e event
	p.get(p.owner(), p.rest("/events/%s", id)).want(http.StatusOK).into(&e)
	return e
}

// count returns how many events the workspace's log has, up to a thousand.
func (p *plant) count() int {
	p.t.Helper()
	var all []event
	p.get(p.owner(), p.rest("/events?limit=1000&fields=id")).want(http.StatusOK).into(&all)
	return len(all)
}

// object is a JSON object of one member.
func object(name, value string) string { return fmt.Sprintf("{%q:%s}", name, value) }

// next returns a parameter of the next page's URL, "" where there is none.
func (a *answer) next(parameter string) string {
	a.t.Helper()
	link := a.header.Get("Link")
	if link == "" {
		return ""
	}
	target, ok := strings.CutSuffix(link, `>; rel="next"`)
	u, err := url.Parse(strings.TrimPrefix(target, "<"))
	if !ok || err != nil || u.Scheme+"://"+u.Host != a.url {
		a.t.Fatalf("%s: got Link %q, want a URL of this server", a.what, link)
	}
	return u.Query().Get(parameter)
}
