package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// outage tells clients where the server is, and who met its end to wait for
// the next one.
type outage struct {
	mu    sync.Mutex
	up    *server
	times int           // how often it was killed
	next  chan struct{} // closed with the next start
	done  bool          // no further kill comes
	armed atomic.Bool   // who is answered next kills
}

func (o *outage) started(s *server) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next != nil {
		close(o.next)
		o.times++
	}
	o.up, o.next = s, make(chan struct{})
}

func (o *outage) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done = true
}

// now returns the server, how often it was killed so far, what is closed with
// its next start, and whether the test is over.
func (o *outage) now() (s *server, times int, next <-chan struct{}, done bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.up, o.times, o.next, o.done
}

// batch is a body, and what became of it.
type batch struct {
	key, media, body string
	payloads         []string // one for each event
	ids              []string
	failed           time.Time // when it last went unanswered
}

// writer posts batches to one endpoint, each until it is acknowledged.
type writer struct {
	t      *testing.T
	name   string
	path   string
	random *rand.Rand
	acked  []batch
	again  int // acknowledged batches that were sent again
}

// batch returns the writer's nth: an object, an array or NDJSON.
func (w *writer) batch(n int) batch {
	b := batch{key: fmt.Sprintf("%s-%d", w.name, n), media: "application/json"}
	size := 1
	if n%3 > 0 {
		size = 1 + w.random.IntN(40)
	}
	if w.random.IntN(50) == 0 {
		size = 600
	}
	for i := range size {
		pad := strings.Repeat("x", w.random.IntN(200))
		b.payloads = append(b.payloads, fmt.Sprintf(`{"marker":"%s-%d-%d","pad":%q}`, w.name, n, i, pad))
	}
	switch {
	case n%3 == 1:
		b.body = "[" + strings.Join(b.payloads, ",") + "]"
	case n%3 == 2 || size > 1:
		b.media, b.body = "application/x-ndjson", strings.Join(b.payloads, "\n")+"\n"
	default:
		b.body = b.payloads[0]
	}
	return b
}

// post sends a batch once. An error is a server that was killed, or is a
// failure of the test.
func (w *writer) post(s *server, b batch) ([]string, error) {
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, s.url+w.path, strings.NewReader(b.body))
	if err != nil {
		return nil, err
	}
	r.GetBody = nil // nobody repeats it but this test
	r.Header.Set("Content-Type", b.media)
	r.Header.Set("Idempotency-Key", b.key)
	answer, err := receive(r)
	if err != nil {
		return nil, err
	}
	var got struct{ IDs []string }
	if err := json.Unmarshal(answer.body, &got); err != nil || answer.status != http.StatusAccepted || len(got.IDs) != len(b.payloads) {
		w.t.Errorf("%s: got %d: %.300s, want 202 with %d ids", b.key, answer.status, answer.body, len(b.payloads))
	}
	return got.IDs, nil
}

// run writes until the test is over and everything is acknowledged. After each
// kill the newest batch that was acknowledged is sent again, and answered as
// it was.
func (w *writer) run(o *outage) {
	var pending *batch
	seen := 0 // kills
	for n := 0; ; {
		s, times, next, done := o.now()
		if pending == nil && done {
			return
		}
		if times > seen && len(w.acked) > 0 {
			last := w.acked[len(w.acked)-1]
			ids, err := w.post(s, last)
			if diff := cmp.Diff(last.ids, ids); err == nil && diff != "" {
				w.t.Errorf("%s was sent again (-then +now):\n%s", last.key, diff)
			}
			w.again++
		}
		seen = times
		if pending == nil {
			b := w.batch(n)
			pending = &b
			n++
		}
		ids, err := w.post(s, *pending)
		if err == nil {
			if o.armed.CompareAndSwap(true, false) {
				s.signal(syscall.SIGKILL)
			}
			pending.ids = ids
			w.acked = append(w.acked, *pending)
			pending = nil
			continue
		}
		pending.failed = time.Now()
		if !restarted(w.t, next) {
			w.t.Errorf("%s: %v, and the server was not killed", pending.key, err)
			return
		}
	}
}

// restarted waits for the next start.
func restarted(t *testing.T, next <-chan struct{}) bool {
	limited, cancel := context.WithTimeout(t.Context(), startLimit+5*time.Second)
	defer cancel()
	select {
	case <-next:
		return true
	case <-limited.Done():
		return false
	}
}

// follower reads a workspace's log as it grows, through all outages.
type follower struct {
	t         *testing.T
	workspace string
	token     string
	ids       []string // by seq-1
}

// run follows until the test is over and the log's end is reached.
func (f *follower) run(o *outage) {
	for {
		s, _, next, done := o.now()
		path := fmt.Sprintf("/api/v1/workspaces/%s/events/wait?timeout=1&limit=1000&fields=id,seq&since=%d", f.workspace, len(f.ids))
		var got waited
		if err := s.try(http.StatusOK, http.MethodGet, path, f.token, nil, &got); err != nil {
			if !restarted(f.t, next) {
				f.t.Errorf("follow %s: %v, and the server was not killed", f.workspace, err)
				return
			}
			continue
		}
		for _, e := range got.Items {
			if e.Seq != int64(len(f.ids)+1) {
				f.t.Errorf("follow %s: got seq %d behind %d", f.workspace, e.Seq, len(f.ids))
				return
			}
			f.ids = append(f.ids, e.ID)
		}
		if done && len(got.Items) == 0 {
			return
		}
	}
}

// TestI1KillNine kills the server under load, time and again, mostly at the
// moment of an answer: what is answered too early is not on disk then. Every event that
// was acknowledged is in the log once; a batch that was not, and is sent again
// under its key, is there once and whole; sequence numbers have no gap, time
// does not run backwards, and what a reader has seen stays.
func TestI1KillNine(t *testing.T) {
	kills := 20
	if testing.Short() {
		kills = 4
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	// The public URL is the tokens' issuer: it stays, as the port does not.
	serve := func(dir string) *server { return start(t, dir, "-public-url", "http://iotman.test") }
	dir := t.TempDir()
	s := serve(dir)
	token := tokenFor(t, dir)
	tokens := map[string]string{"default": token}
	for _, slug := range []string{"second", "third"} {
		s.want(http.StatusCreated, http.MethodPost, "/api/v1/workspaces", token, map[string]string{"name": slug}, nil)
		tokens[slug] = tokenFor(t, dir, "-workspace", slug)
	}
	var o outage
	o.started(s)
	var clients sync.WaitGroup
	writers, followers := map[string][]*writer{}, map[string]*follower{}
	for slug, token := range tokens {
		f := &follower{t: t, workspace: slug, token: token}
		followers[slug] = f
		clients.Go(func() { f.run(&o) })
		for i := range 4 {
			w := &writer{t: t, name: fmt.Sprintf("%s%d", slug, i), random: rand.New(rand.NewPCG(seed, random.Uint64()))}
			_, w.path = s.endpoint(slug, fmt.Sprintf("Source %d", i/2), token) // two writers share one
			writers[slug] = append(writers[slug], w)
			clients.Go(func() { w.run(&o) })
		}
	}
	for n := range kills {
		time.Sleep(time.Duration(20+random.IntN(280)) * time.Millisecond)
		if n%4 == 0 { // at whatever moment, else at that of an answer
			s.signal(syscall.SIGKILL)
		} else {
			o.armed.Store(true)
		}
		s.killed()
		s = serve(dir)
		o.started(s)
	}
	o.finish()
	clients.Wait()
	http.DefaultClient.CloseIdleConnections()
	s.stop()

	s = serve(dir)
	var all tally
	for slug, token := range tokens {
		log := s.everything(slug, token)
		checkLog(t, slug, log, followers[slug].ids)
		checkAcknowledged(t, log, writers[slug], &all)
		t.Logf("%s: %d events", slug, len(log))
	}
	t.Logf("%d batches; after a kill %d were sent again that were acknowledged, and %d that were not; %d of those were on disk",
		all.batches, all.again, all.unanswered, all.kept)
	if all.again < kills || all.unanswered < kills || all.kept == 0 {
		t.Errorf("that is too few for %d kills: there was no load", kills)
	}
	s.stop()
}

// tally tells whether the kills met what they were to meet.
type tally struct {
	batches    int
	again      int // acknowledged, and sent again after a kill
	unanswered int // sent again, for want of an answer
	kept       int // those of them that were in the log already
}

// checkLog checks a workspace's log, newest first, by itself and against what
// a reader saw of it as it grew.
func checkLog(t *testing.T, workspace string, log []stored, seen []string) {
	t.Helper()
	if len(log) != len(seen) {
		t.Errorf("%s: the log has %d events, and a reader saw %d", workspace, len(log), len(seen))
	}
	for i, e := range log {
		if want := int64(len(log) - i); e.Seq != want {
			t.Fatalf("%s: got seq %d at place %d of %d, want %d", workspace, e.Seq, i, len(log), want)
		}
		if i > 0 && e.ReceivedAt.After(log[i-1].ReceivedAt) {
			t.Errorf("%s: seq %d was received at %s, after the next, at %s", workspace, e.Seq, e.ReceivedAt, log[i-1].ReceivedAt)
		}
		if e.Seq <= int64(len(seen)) && e.ID != seen[e.Seq-1] {
			t.Errorf("%s: seq %d is %s, and a reader saw %s", workspace, e.Seq, e.ID, seen[e.Seq-1])
		}
	}
}

// checkAcknowledged checks that the log has exactly what was acknowledged. A
// batch is whole and in order.
func checkAcknowledged(t *testing.T, log []stored, writers []*writer, all *tally) {
	t.Helper()
	byID, events := map[string]stored{}, 0
	for _, e := range log {
		if other, ok := byID[e.ID]; ok {
			t.Errorf("seq %d and %d have the same id %s", e.Seq, other.Seq, e.ID)
		}
		byID[e.ID] = e
	}
	for _, w := range writers {
		all.batches += len(w.acked)
		all.again += w.again
		for _, b := range w.acked {
			events += len(b.ids)
			first := byID[b.ids[0]]
			if !b.failed.IsZero() {
				if all.unanswered++; first.ReceivedAt.Before(b.failed) {
					all.kept++
				}
			}
			for i, id := range b.ids {
				e, ok := byID[id]
				switch {
				case !ok:
					t.Errorf("%s: event %d, %s, was acknowledged and is lost", b.key, i, id)
				case string(e.Payload) != b.payloads[i]:
					t.Errorf("%s: event %d, %s, is %.80s, want %.80s", b.key, i, id, e.Payload, b.payloads[i])
				case e.Seq != first.Seq+int64(i):
					t.Errorf("%s: event %d has seq %d, the first %d: the batch is torn", b.key, i, e.Seq, first.Seq)
				}
			}
		}
	}
	if events != len(log) {
		t.Errorf("%d events were acknowledged, and the log has %d: %s", events, len(log), doubled(log))
	}
}

// doubled names payloads that are in a log more than once.
func doubled(log []stored) string {
	var twice []string
	seen := map[string]bool{}
	for _, e := range log {
		var p struct{ Marker string }
		if json.Unmarshal(e.Payload, &p) != nil || seen[p.Marker] {
			twice = append(twice, p.Marker)
		}
		seen[p.Marker] = true
	}
	slices.Sort(twice)
	return fmt.Sprintf("%d markers are doubled, such as %q", len(twice), twice[:min(3, len(twice))])
}
