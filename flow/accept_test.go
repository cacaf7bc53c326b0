package flow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iotman/iot"
	"iotman/store"
)

// river is a flow into a store of its own, whose clock stands still unless the
// test moves it.
type river struct {
	*Flow
	t    testing.TB
	us   atomic.Int64
	ws   iot.Workspace
	stop func()
}

func newRiver(t testing.TB) *river {
	t.Helper()
	r := &river{t: t}
	r.us.Store(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixMicro())
	st, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Key: store.Key{1}, Now: func() time.Time { return time.UnixMicro(r.us.Load()) }})
	r.must(err)
	running, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- st.Run(running) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() {
		r.stop()
		if err := st.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	r.Flow, err = New(st, slog.New(slog.DiscardHandler), 0)
	r.must(err)
	a, err := st.CreateAccount(t.Context(), "ada@example.com", "Ada")
	r.must(err)
	r.ws, err = st.CreateWorkspace(t.Context(), store.By{Account: a.ID, Operation: "workspace_create"}, iot.Workspace{Name: "North", Slug: "north", DefaultRole: iot.Viewer})
	r.must(err)
	return r
}

func (r *river) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *river) change(f func(context.Context, *store.Tx) error) {
	r.t.Helper()
	r.must(r.st.Change(r.t.Context(), store.By{Workspace: r.ws.ID, Operation: "test"}, f))
}

// endpoint makes an endpoint at gh.
func (r *river) endpoint(s iot.EndpointSettings) (e iot.HTTPEndpoint) {
	r.t.Helper()
	if s.Auth == "" {
		s.Auth = iot.AuthNone
	}
	r.change(func(ctx context.Context, tx *store.Tx) (err error) {
		e, err = tx.CreateHTTPEndpoint(ctx, iot.HTTPEndpoint{Name: "gh", URLPath: "gh", Enabled: true, EndpointSettings: s})
		return err
	})
	return e
}

// source returns the source at the path.
func (r *river) source(path iot.URLPath) *Source {
	r.t.Helper()
	s, err := r.Source(r.t.Context(), "north", path)
	r.must(err)
	return s
}

// post is a device's post of a body.
func post(body string, pairs ...string) Post {
	return Post{Header: headers(pairs...), Body: strings.NewReader(body), Meta: iot.Meta{SourceIP: "192.0.2.7", AuthMethod: "none"}}
}

// head returns how many events the log has had.
func (r *river) head() int64 {
	r.t.Helper()
	n, err := r.st.Workspace(r.ws.ID).Head(r.t.Context())
	r.must(err)
	return n
}

// TestC13SenderGone: a body that came whole is kept whoever has gone, and who
// waits is told.
func TestC13SenderGone(t *testing.T) {
	r := newRiver(t)
	r.endpoint(iot.EndpointSettings{})
	s := r.source("gh")
	for i := range int64(50) {
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		wait := r.Waiter(r.ws.ID)
		sent := post(`{"a":1}`)
		if i%2 == 1 {
			sent = post(`{"a":1}`, "Idempotency-Key", fmt.Sprint(i))
		}
		ids, err := r.Accept(gone, s, sent)
		if err != nil || len(ids) != 1 || r.head() != i+1 {
			t.Fatalf("got %v, %v and %d events, want %d", ids, err, r.head(), i+1)
		}
		if err := wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMemoryIsBounded: what waits for the disk has a limit, and its share is
// given back whatever comes of it.
func TestMemoryIsBounded(t *testing.T) {
	r := newRiver(t)
	r.endpoint(iot.EndpointSettings{RateLimit: 1})
	s := r.source("gh")
	if !r.memory.TryAcquire(maxMemory - 3) {
		t.Fatal("got a share taken at the start, want none")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Accept(ctx, s, post(`{"a":1}`)); !errors.Is(err, context.Canceled) || r.head() != 0 {
		t.Errorf("got %v, want to wait for a share for as long as the sender does", err)
	}
	r.memory.Release(maxMemory - 3)
	if _, err := r.Accept(t.Context(), s, post(`{"a":1}`)); err != nil {
		t.Errorf("what was refused for want of room was charged to the rate: %v", err)
	}
	for _, body := range []string{`{"a":1}`, `{`, ``, `{"a":1,"a":2}`} {
		if _, err := r.Accept(t.Context(), s, post(body)); err == nil {
			t.Errorf("%s: got no error", body)
		}
	}
	if !r.memory.TryAcquire(maxMemory) {
		t.Error("a share was not given back")
	}
}

// TestRejectsAreBounded: a refusal is kept in short, and a flood of them costs
// the disk little.
func TestRejectsAreBounded(t *testing.T) {
	r := newRiver(t)
	e := r.endpoint(iot.EndpointSettings{})
	s := r.source("gh")
	bad := `{"aa":"` + strings.Repeat("ü", 400) + "\x00" // cut in the middle of a letter
	kept := 0
	for range 50 {
		_, err := r.Accept(t.Context(), s, post(bad))
		shown, ok := errors.AsType[*iot.Error](err)
		if !ok || shown.Kind != iot.Invalid {
			t.Fatalf("got %v, want Invalid", err)
		}
		if shown.Event != "" {
			kept++
		}
	}
	all, err := r.st.Workspace(r.ws.ID).Rejects(t.Context(), e.ID)
	r.must(err)
	if kept != rejectsASecond || len(all) != rejectsASecond {
		t.Errorf("got %d told and %d kept, want %d of each at one moment", kept, len(all), rejectsASecond)
	}
	for _, k := range all {
		if len(k.Payload) > rejectBytes+2 || !strings.HasPrefix(k.Payload, `{"aa":"üü`) || !strings.HasSuffix(k.Payload, "\uFFFD") || k.Code != "invalid" || k.Reason == "" || !k.ReceivedAt.Equal(r.st.Now().Time) {
			t.Errorf("got %+v", k)
		}
	}
	r.us.Add(time.Second.Microseconds())
	_, err = r.Accept(t.Context(), s, post("\x00"+strings.Repeat("x", 10)))
	if e, ok := errors.AsType[*iot.Error](err); !ok || e.Event == "" {
		t.Errorf("a second later: got %v, want it kept", err)
	}
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	if _, err := r.Accept(gone, s, post(`{`)); iot.KindOf(err) != iot.Invalid {
		t.Errorf("a sender that is gone: got %v, want Invalid", err)
	}
}

// TestSchemaTime: a body of many payloads that each take long is not checked
// for minutes.
func TestSchemaTime(t *testing.T) {
	r := newRiver(t)
	var slow []string
	for i := range 7 { // each fits the limits of a schema, and so do all
		slow = append(slow, fmt.Sprintf(`{"pattern":"(x?x?){%d}y$"}`, 900-i))
	}
	r.endpoint(iot.EndpointSettings{Schema: json.RawMessage(`{"additionalProperties":{"allOf":[` + strings.Join(slow, ",") + `]}}`)})
	item := `{"a":"` + strings.Repeat("x", 200) + `y"}`
	if _, err := r.Accept(t.Context(), r.source("gh"), post(item)); err != nil {
		t.Fatalf("one: got %v", err)
	}
	start := time.Now()
	_, err := r.Accept(t.Context(), r.source("gh"), post("["+strings.Repeat(item+",", 4000)+item+"]"))
	if took := time.Since(start); iot.KindOf(err) != iot.Unprocessable || took > 10*checkTime {
		t.Errorf("many: got %v after %s, want it refused after about %s", err, took, checkTime)
	}
	if n := r.head(); n != 1 {
		t.Errorf("got %d events, want 1", n)
	}
}

// TestMeta: an event says where it came from, and holds of the headers what was
// asked for.
func TestMeta(t *testing.T) {
	r := newRiver(t)
	r.endpoint(iot.EndpointSettings{Headers: []string{"X-Device", "x-none"}})
	ids, err := r.Accept(t.Context(), r.source("gh"), post(`[{},{}]`, "X-Device", "p\xff", "X-Other", "no"))
	r.must(err)
	for _, id := range ids {
		e, err := r.st.Workspace(r.ws.ID).Event(t.Context(), id)
		r.must(err)
		const want = `{"source_ip":"192.0.2.7","auth_method":"none","ingest_context":{"x-device":"p�"}}`
		if string(e.Meta) != want || string(e.Tags) != "{}" {
			t.Errorf("got meta %s and tags %s, want %s", e.Meta, e.Tags, want)
		}
	}
}

// TestAcceptTogether: many at once are all kept, each under its own ids.
func TestAcceptTogether(t *testing.T) {
	r := newRiver(t)
	r.endpoint(iot.EndpointSettings{})
	s := r.source("gh")
	var mu sync.Mutex
	seen := map[iot.ID]bool{}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 20 {
				ids, err := r.Accept(t.Context(), s, Post{Header: http.Header{}, Body: io.MultiReader(bytes.NewReader([]byte(`[{"a":1},`)), strings.NewReader(`{"a":2}]`))})
				mu.Lock()
				for _, id := range ids {
					seen[id] = true
				}
				mu.Unlock()
				if err != nil || len(ids) != 2 {
					t.Errorf("got %v, %v", ids, err)
				}
			}
		})
	}
	wg.Wait()
	if len(seen) != 640 || r.head() != 640 {
		t.Errorf("got %d ids and %d events, want 640 of each", len(seen), r.head())
	}
}
