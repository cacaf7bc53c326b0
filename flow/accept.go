package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"iotman/iot"
	"iotman/store"
)

// Flow accepts events. Its methods may be called by many goroutines at once.
type Flow struct {
	st      *store.Store
	log     *slog.Logger
	hub     hub
	sources sources
	reserve uint64
	disk    diskGauge
	memory  *semaphore.Weighted // for bodies between decoding and commit
	drained chan struct{}
	drain   func()
}

// DiskReserve is how much of the disk ingest leaves free by default, so that
// the rest of the program goes on where ingest must stop.
const DiskReserve = 256 << 20

// New returns a Flow into st's logs that keeps reserve bytes of the disk free.
func New(st *store.Store, log *slog.Logger, reserve uint64) (*Flow, error) {
	s, err := newSources()
	if err != nil {
		return nil, err
	}
	drained := make(chan struct{})
	drain := sync.OnceFunc(func() { close(drained) })
	return &Flow{st: st, log: log, sources: s, reserve: reserve, drained: drained, drain: drain, memory: semaphore.NewWeighted(maxMemory)}, nil
}

// Post is what a device sent, and what is known of the sender.
type Post struct {
	Header http.Header
	Body   io.Reader
	Meta   iot.Meta // SourceIP, AuthMethod, OAuth2ClientID
}

// Accept decodes a body, checks it and appends its events to the log. It
// returns their ids, in order, once they are on disk: all of them, or none and
// an error. A body that the source refuses is kept for a while among its
// rejects, under the id that the error carries.
func (f *Flow) Accept(ctx context.Context, s *Source, p Post) ([]iot.ID, error) {
	if err := f.spaceLeft(); err != nil {
		return nil, err
	}
	// What is decoded is many times as large as what came, and is held until it
	// is on disk: it waits for its share of the memory, once it came whole.
	came, err := receive(p.Body)
	release, herr := f.hold(ctx, p.Header, came)
	if herr != nil {
		return nil, herr
	}
	defer release()
	body, err := decodeBody(p.Header, came, err)
	if err != nil {
		return nil, f.reject(ctx, s, body.Text, err)
	}
	// A body that came whole is kept, though its sender may be gone by now: else
	// it could be committed all the same, and who waits for it not hear of it.
	ctx = context.WithoutCancel(ctx)
	key, err := idempotencyKey(p.Header)
	if err != nil {
		return nil, f.reject(ctx, s, body.Text, err)
	}
	if key != "" { // a repetition is answered as before, whatever has changed since
		ids, err := f.st.Workspace(s.Workspace).Answered(ctx, s.ID, key, body.Digest)
		if iot.KindOf(err) == iot.Conflict {
			err = f.reject(ctx, s, body.Text, err)
		}
		if err != nil || ids != nil {
			return ids, err
		}
	}
	if err := s.check(body.Items); err != nil {
		return nil, f.reject(ctx, s, body.Text, err)
	}
	if wait, ok := s.limits.events.allow(f.st.Now().Time, len(body.Items), s.RateLimit); !ok {
		e := iot.Errorf(iot.Limited, "this endpoint takes %d events a second", s.RateLimit)
		e.RetryAfter = wait
		return nil, e.Hinting("send the same body again after the time in Retry-After; nothing of it was stored")
	}
	batch := store.Batch{Source: s.ID, Key: key, Digest: body.Digest}
	if batch.Events, err = s.events(body.Items, p); err != nil {
		return nil, err
	}
	receipt, err := f.st.Workspace(s.Workspace).Append(ctx, batch)
	if err != nil {
		if iot.KindOf(err) == iot.Conflict {
			err = f.reject(ctx, s, body.Text, err)
		}
		return nil, err
	}
	f.hub.publish(s.Workspace)
	return receipt.IDs, nil
}

// checkTime bounds how long one body is checked against a schema. Package
// schema bounds the time of one payload; a body has thousands.
const checkTime = 2 * time.Second

// check validates every payload against the source's schema, if it has one.
func (s *Source) check(items []Item) error {
	if s.schema == nil {
		return nil
	}
	start := time.Now()
	for i, item := range items {
		if i > 0 && time.Since(start) > checkTime {
			return iot.Errorf(iot.Unprocessable, "checking the payloads against the endpoint's payload_schema takes too long").
				Hinting("send fewer events at once, or simplify the payload_schema")
		}
		mistakes := s.schema.Validate(item.Payload)
		if len(mistakes) == 0 {
			continue
		}
		if len(items) > 1 {
			for j := range mistakes {
				mistakes[j].Field = fmt.Sprintf("/%d%s", i, mistakes[j].Field)
			}
		}
		e := iot.Errorf(iot.Unprocessable, "the payload does not fit the endpoint's payload_schema: %s", mistakes[0].Detail).At(mistakes[0].Field)
		e.Details = mistakes
		return e.Hinting("nothing of this body was stored; mend the payload, or the endpoint's payload_schema")
	}
	return nil
}

// MaxKey is the greatest length of an Idempotency-Key, in bytes.
const MaxKey = 255

func idempotencyKey(h http.Header) (string, error) {
	keys := h.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", nil
	}
	if len(keys) > 1 || keys[0] == "" || len(keys[0]) > MaxKey {
		return "", iot.Errorf(iot.Invalid, "expected one Idempotency-Key of 1 to %d bytes", MaxKey).At("Idempotency-Key")
	}
	return keys[0], nil
}

// maxCaptured is how many bytes of captured headers are kept in all: each event
// of a CloudEvents batch carries them.
const maxCaptured = 2048

// events makes the log's events of decoded items.
func (s *Source) events(items []Item, p Post) ([]store.NewEvent, error) {
	meta := p.Meta
	room := maxCaptured
	for _, name := range s.Headers {
		if v := p.Header.Get(name); v != "" && room > 0 {
			if meta.IngestContext == nil {
				meta.IngestContext = map[string]string{}
			}
			meta.IngestContext[strings.ToLower(name)] = strings.ToValidUTF8(v[:min(len(v), 1024, room)], "\uFFFD")
			room -= len(v)
		}
	}
	common, err := json.Marshal(meta)
	if err != nil {
		return nil, err
	}
	out := make([]store.NewEvent, len(items))
	for i, item := range items {
		out[i] = store.NewEvent{Payload: item.Payload, OccurredAt: item.OccurredAt, Key: item.Key, Meta: common}
		if item.CloudEvent != nil {
			meta.CloudEvent = item.CloudEvent
			if out[i].Meta, err = json.Marshal(meta); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// What is kept of refusals: so much of a payload, and so many a second from
// one source, so that a flood of bad bodies costs the disk little.
const (
	rejectBytes     = 256
	rejectsASecond  = 5
	rejectReasonCap = 512
)

// reject keeps what was refused and returns the error with the id it is kept
// under. Where it cannot be kept, the sender still learns the reason.
func (f *Flow) reject(ctx context.Context, s *Source, text []byte, err error) error {
	shown, ok := errors.AsType[*iot.Error](err)
	if !ok {
		return err
	}
	now := f.st.Now()
	if _, ok := s.limits.rejects.allow(now.Time, 1, rejectsASecond); !ok {
		return err
	}
	reason := shown.Msg
	if shown.Field != "" {
		reason = shown.Field + ": " + reason
	}
	r := iot.Reject{
		EventID: store.NewID(), SourceID: s.ID, ReceivedAt: now, Code: shown.Kind.Slug(),
		Reason:  strings.ToValidUTF8(reason[:min(len(reason), rejectReasonCap)], ""),
		Payload: strings.ReplaceAll(strings.ToValidUTF8(string(text[:min(len(text), rejectBytes)]), "\uFFFD"), "\x00", "\uFFFD"),
	}
	if kerr := f.st.Workspace(s.Workspace).AddReject(ctx, r); kerr != nil {
		f.log.WarnContext(ctx, "keep a reject", "workspace", s.Workspace, "err", kerr)
		return err
	}
	shown.Event = r.EventID
	return shown
}

// Waiter returns a function that returns once the workspace's log has grown
// since Waiter was called; or with an error once ctx has ended or Drain was
// called. Read the log between the two.
func (f *Flow) Waiter(ws iot.ID) (wait func(context.Context) error) {
	grown := f.hub.next(ws)
	return func(ctx context.Context) error {
		select {
		case <-grown:
			return nil
		case <-f.drained:
			return iot.Errorf(iot.Unavailable, "the server is stopping")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Drain ends every wait, now and from then on, so that a stop need not sit it
// out. Accept goes on.
func (f *Flow) Drain() { f.drain() }
