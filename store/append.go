package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"iotman/iot"
)

// Batch is what one request, or one message, adds to a workspace's log: all of
// it or nothing.
type Batch struct {
	Source iot.ID
	Events []NewEvent
	Key    string   // names the request (Idempotency-Key); "" if it has no name
	Digest [32]byte // what makes two requests of one name the same
}

// NewEvent is an event on its way into the log.
type NewEvent struct {
	Payload    []byte
	Tags       []byte   // a JSON object, or nil
	Meta       []byte   // a JSON object
	OccurredAt iot.Time // zero: when it was received
	Key        string   // names the event (CloudEvents source and id); "" if it has no name
}

// Receipt is the answer to a Batch that is on disk.
type Receipt struct {
	IDs  []iot.ID // one for each event, in order; for a repetition, those of the original
	Head int64    // the log's newest sequence number, at the least
}

// KeyLife is how long a named request or event is remembered.
const KeyLife = 24 * time.Hour

// One commit takes what is waiting, up to these bounds: a bound on the memory
// of a commit and on how long a waiter can be behind a giant.
const (
	maxWaiting     = 4096
	maxGroupEvents = 1 << 16
	maxGroupBytes  = 16 << 20
	maxBlockBytes  = 32 << 10 // a reader of one event loads its block
)

// pending is a batch that waits for its commit.
type pending struct {
	workspace iot.ID
	batch     Batch
	done      chan struct{}
	receipt   Receipt
	err       error
}

func (p *pending) size() (n int) {
	for _, e := range p.batch.Events {
		n += eventOverhead + len(e.Payload) + len(e.Tags) + len(e.Meta) + len(e.Key)
	}
	return n
}

// eventOverhead is about what an event takes beside its own bytes.
const eventOverhead = 128

// work returns how much of a group's bound the batch takes: an event each, and
// more for one with a name, which costs a query and a row of its own.
func (p *pending) work() (n int) {
	for _, e := range p.batch.Events {
		if n++; e.Key != "" {
			n += namedWork
		}
	}
	return n
}

// named reports whether the batch, or an event of it, may be a repetition.
func (p *pending) named() bool {
	return p.batch.Key != "" || slices.ContainsFunc(p.batch.Events, func(e NewEvent) bool { return e.Key != "" })
}

// namedWork is how many plain events a named one costs.
const namedWork = 32

// Append adds a batch to the workspace's log and returns once it is on disk.
// If ctx ends first, the outcome is unknown to the caller: the batch may
// still be committed, so a client repeats it under the same key. After Run has
// returned it is Unavailable.
func (w *Workspace) Append(ctx context.Context, b Batch) (Receipt, error) {
	p := &pending{workspace: w.id, batch: b, done: make(chan struct{})}
	select {
	case w.s.appends <- p:
	case <-w.s.stopped:
		return Receipt{}, stopping()
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
	select {
	case <-p.done:
		return p.receipt, p.err
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	case <-w.s.stopped:
	}
	select {
	case <-p.done: // by the last commit
		return p.receipt, p.err
	default:
		return Receipt{}, stopping()
	}
}

func stopping() error {
	return iot.Errorf(iot.Unavailable, "the server is stopping").Hinting("send it again in a moment")
}

// Run commits what Append brings, one transaction for whoever is waiting,
// until ctx ends; then it commits what is still waiting and returns. It ends
// with an error when the disk has failed to keep a commit: the process should
// end, too. It is called once.
func (s *Store) Run(ctx context.Context) error {
	defer close(s.stopped)
	for {
		select {
		case p := <-s.appends:
			s.commit(s.gather(p))
		case <-s.writer.failed:
			return fmt.Errorf("the disk failed; nothing more is written: %w", s.writer.cause)
		case <-ctx.Done():
			for {
				select {
				case p := <-s.appends:
					s.commit(s.gather(p))
				default:
					return nil
				}
			}
		}
	}
}

// gather takes what is waiting behind the first.
func (s *Store) gather(first *pending) []*pending {
	group := []*pending{first}
	events, size := first.work(), first.size()
	for events < maxGroupEvents && size < maxGroupBytes {
		select {
		case p := <-s.appends:
			group = append(group, p)
			events += p.work()
			size += p.size()
		default:
			return group
		}
	}
	return group
}

// commit writes a group in one transaction and tells everyone the outcome.
func (s *Store) commit(group []*pending) {
	err := s.writer.write(context.Background(), func(ctx context.Context) error {
		var order []iot.ID
		byWorkspace := map[iot.ID][]*pending{}
		for _, p := range group {
			if byWorkspace[p.workspace] == nil {
				order = append(order, p.workspace)
			}
			byWorkspace[p.workspace] = append(byWorkspace[p.workspace], p)
		}
		for _, ws := range order {
			if err := s.appendTo(ctx, ws, byWorkspace[ws]); err != nil {
				return err
			}
		}
		return nil
	})
	for _, p := range group {
		if err != nil {
			p.receipt, p.err = Receipt{}, err
		}
		close(p.done)
	}
}

const (
	advanceHead = `UPDATE log_heads SET seq = seq + ?, received_at = CASE WHEN received_at < ? THEN ? ELSE received_at END
		WHERE workspace_id = ? RETURNING seq, received_at`
	insertBlock = `INSERT INTO event_blocks (workspace_id, first_seq, last_seq, last_at, events) VALUES (?, ?, ?, ?, ?)`
	selectNamed = `SELECT digest, ids FROM idempotency WHERE workspace_id = ? AND source_id = ? AND name = ? AND expires_at > ?`
	insertNamed = `INSERT INTO idempotency (workspace_id, source_id, name, digest, ids, expires_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (workspace_id, source_id, name) DO UPDATE SET digest = excluded.digest, ids = excluded.ids, expires_at = excluded.expires_at`
)

// appendTo writes one workspace's share of a group. Batches that turn out to
// be repetitions, or to clash with one, are answered and leave the group.
func (s *Store) appendTo(ctx context.Context, ws iot.ID, group []*pending) error {
	now := s.now().UnixMicro()
	n, sure := 0, 0
	for _, p := range group {
		n += len(p.batch.Events)
	}
	if !slices.ContainsFunc(group, (*pending).named) {
		sure = n // none can turn out to be there already
	}
	var head, at int64
	err := row(ctx, s.writer, advanceHead, []any{sure, now, now, ws}, &head, &at)
	if errors.Is(err, sql.ErrNoRows) {
		for _, p := range group {
			p.err = iot.Errorf(iot.NotFound, "no such workspace")
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the log's head: %w", err)
	}
	head -= int64(sure)
	records := make([]record, 0, n)
	for _, p := range group {
		if records, err = s.admit(ctx, p, records, head, at); err != nil {
			return err
		}
	}
	for _, p := range group {
		p.receipt.Head = head + int64(len(records))
	}
	if len(records) == 0 {
		return nil
	}
	if head+int64(len(records)) > maxSeq {
		return fmt.Errorf("the log of workspace %s is at its last sequence number", ws)
	}
	if more := len(records) - sure; more > 0 {
		if err := row(ctx, s.writer, advanceHead, []any{more, at, at, ws}, &head, &at); err != nil {
			return fmt.Errorf("advance the log's head: %w", err)
		}
	}
	return s.insertRecords(ctx, ws, records)
}

// admit gives the batch's new events their places behind records, and answers
// the batch. A batch that clashes with a name in use gets its error and adds
// nothing.
func (s *Store) admit(ctx context.Context, p *pending, records []record, head, at int64) ([]record, error) {
	b := p.batch
	ws := p.workspace
	if b.Key != "" {
		ids, err := s.named(ctx, s.writer, place{ws, b.Source}, "r"+b.Key, b.Digest)
		if err != nil || ids != nil {
			p.receipt.IDs, p.err = ids, err
			return records, unlessShown(err)
		}
	}
	start := len(records)
	ids := make([]iot.ID, len(b.Events))
	var own map[string]int // names within this batch
	for i, e := range b.Events {
		if e.Key != "" {
			known, err := s.named(ctx, s.writer, place{ws, b.Source}, "e"+e.Key, sha256.Sum256(e.Payload))
			if j, twice := own[e.Key]; err == nil && known == nil && twice {
				known = ids[j : j+1]
				if !bytes.Equal(e.Payload, b.Events[j].Payload) {
					err = clash("event", e.Key)
				}
			}
			if err != nil {
				p.err = err
				return records[:start], unlessShown(err)
			}
			if known != nil {
				ids[i] = known[0]
				continue
			}
			if own == nil {
				own = map[string]int{}
			}
			own[e.Key] = i
		}
		r := record{
			seq: head + int64(len(records)) + 1, receivedAt: at, occurredAt: at, random: randomBits(),
			source: b.Source, meta: e.Meta, tags: e.Tags, payload: e.Payload,
		}
		if !e.OccurredAt.IsZero() {
			r.occurredAt = e.OccurredAt.UnixMicro()
		}
		ids[i] = r.id()
		records = append(records, r)
	}
	for key, i := range own {
		if err := s.remember(ctx, p, "e"+key, sha256.Sum256(b.Events[i].Payload), ids[i:i+1]); err != nil {
			return nil, err
		}
	}
	p.receipt.IDs = ids
	if b.Key == "" {
		return records, nil
	}
	return records, s.remember(ctx, p, "r"+b.Key, b.Digest, ids)
}

// unlessShown keeps an error that is the batch's own answer from failing the
// whole group.
func unlessShown(err error) error {
	if iot.KindOf(err) == iot.Conflict {
		return nil
	}
	return err
}

// place is where names are unique: a source of a workspace.
type place struct{ workspace, source iot.ID }

// Answered returns the ids that the request named key was answered with, nil
// where none was, or a Conflict where the name stood for something else. A
// repetition can so be answered before anything that may have changed since.
func (w *Workspace) Answered(ctx context.Context, source iot.ID, key string, digest [32]byte) ([]iot.ID, error) {
	return w.s.named(ctx, w.s.readers, place{w.id, source}, "r"+key, digest)
}

// named returns the ids that were answered under the name, nil where it is
// new, or a Conflict where it stood for something else.
func (s *Store) named(ctx context.Context, r runner, at place, name string, digest [32]byte) ([]iot.ID, error) {
	var had, packed []byte
	hash := sha256.Sum256([]byte(name))
	err := row(ctx, r, selectNamed, []any{at.workspace, at.source, hash[:], s.now().UnixMicro()}, &had, &packed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up an idempotency key: %w", err)
	}
	if !bytes.Equal(had, digest[:]) {
		if name[0] == 'r' {
			return nil, clash("request", name[1:])
		}
		return nil, clash("event", name[1:])
	}
	ids := make([]iot.ID, 0, len(packed)/16)
	for ; len(packed) >= 16; packed = packed[16:] {
		ids = append(ids, iot.ID(uuid.UUID(packed[:16]).String()))
	}
	return ids, nil
}

func (s *Store) remember(ctx context.Context, p *pending, name string, digest [32]byte, ids []iot.ID) error {
	packed := make([]byte, 0, 16*len(ids))
	for _, id := range ids {
		u, err := uuid.Parse(string(id))
		if err != nil {
			return fmt.Errorf("event id: %w", err)
		}
		packed = append(packed, u[:]...)
	}
	hash := sha256.Sum256([]byte(name))
	_, err := exec(ctx, s.writer, insertNamed, p.workspace, p.batch.Source, hash[:], digest[:], packed,
		s.now().Add(KeyLife).UnixMicro())
	return err
}

func clash(what, key string) error {
	if len(key) > 80 {
		key = key[:80]
	}
	return iot.Errorf(iot.Conflict, "the %s named %q was received before with other content", what, key).
		Hinting("a name stands for one content for %d hours: repeat the original unchanged, or use a fresh name", int(KeyLife.Hours()))
}

// insertRecords writes records, which follow each other, page by page, and
// indexes every page they fill.
func (s *Store) insertRecords(ctx context.Context, ws iot.ID, records []record) error {
	for len(records) > 0 {
		page := records[0].seq / pageSize
		n := min(len(records), int((page+1)*pageSize-records[0].seq))
		if err := s.insertBlocks(ctx, ws, records[:n]); err != nil {
			return fmt.Errorf("append to the log: %w", err)
		}
		if records[n-1].seq%pageSize == pageSize-1 {
			if err := s.indexPage(ctx, ws, page, records[:n]); err != nil {
				return fmt.Errorf("index page %d of the log: %w", page, err)
			}
		}
		records = records[n:]
	}
	return nil
}

// insertBlocks writes records of one page as blocks of a bounded size.
func (s *Store) insertBlocks(ctx context.Context, ws iot.ID, records []record) error {
	for len(records) > 0 {
		n, size := 0, 0
		for ; n < len(records); n++ {
			r := records[n]
			add := len(r.payload) + len(r.tags)
			if n == 0 || !bytes.Equal(r.meta, records[n-1].meta) {
				add += len(r.meta)
			}
			if n > 0 && size+add > maxBlockBytes {
				break
			}
			size += add
		}
		block, err := encodeBlock(records[:n])
		if err != nil {
			return err
		}
		last := records[n-1]
		if _, err := exec(ctx, s.writer, insertBlock, ws, records[0].seq, last.seq, last.receivedAt, block); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}
