package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"iotman/iot"
)

// Query selects events of a workspace's log.
type Query struct {
	Source     iot.ID   // only this source's; "" for all
	From, To   iot.Time // From <= received_at < To; zero for no bound
	After      int64    // only seq > After
	Before     int64    // only seq < Before; 0 for no bound
	Descending bool     // newest first
}

const (
	selectHead         = `SELECT seq FROM log_heads WHERE workspace_id = ?`
	selectBlocksUp     = `SELECT first_seq, events FROM event_blocks WHERE workspace_id = ? AND first_seq >= ? AND first_seq <= ? ORDER BY first_seq`
	selectBlocksDown   = `SELECT first_seq, events FROM event_blocks WHERE workspace_id = ? AND first_seq >= ? AND first_seq <= ? ORDER BY first_seq DESC`
	selectBlockWith    = `SELECT first_seq, events FROM event_blocks WHERE workspace_id = ? AND first_seq >= ? AND first_seq <= ? ORDER BY first_seq DESC LIMIT 1`
	selectBlockAtOrNew = `SELECT first_seq, last_seq FROM event_blocks WHERE workspace_id = ? AND last_at >= ? ORDER BY last_at, first_seq LIMIT 1`
)

// Head returns the sequence number of the log's newest event, 0 where it is
// empty.
func (w *Workspace) Head(ctx context.Context) (int64, error) {
	var seq int64
	err := row(ctx, w.s.readers, selectHead, []any{w.id}, &seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, iot.Errorf(iot.NotFound, "no such workspace")
	}
	return seq, err
}

// Event returns the event with the id.
func (w *Workspace) Event(ctx context.Context, id iot.ID) (iot.Event, error) {
	missing := iot.Errorf(iot.NotFound, "no event has this id").At("event_id").
		Hinting("ids are in what event_list and the ingest answer return")
	seq, ok := seqOf(id)
	if !ok {
		return iot.Event{}, missing
	}
	records, err := w.block(ctx, seq)
	if err != nil {
		return iot.Event{}, err
	}
	for _, r := range records {
		if r.seq == seq && r.id() == id {
			return r.event(), nil
		}
	}
	return iot.Event{}, missing
}

// block returns the events of the block that would hold seq.
func (w *Workspace) block(ctx context.Context, seq int64) ([]record, error) {
	var first int64
	var b []byte
	err := row(ctx, w.s.readers, selectBlockWith, []any{w.id, seq / pageSize * pageSize, seq}, &first, &b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	return decodeBlock(nil, first, b)
}

// Events calls yield with what the query selects, in order, until yield says
// stop. The event's slices are good until yield returns.
func (w *Workspace) Events(ctx context.Context, q Query, yield func(iot.Event) bool) error {
	lo, hi, err := w.bounds(ctx, q)
	if err != nil || lo > hi {
		return err
	}
	room := scratch.Get().(*[]record)
	sc := scan{w: w, q: q, lo: lo, hi: hi, yield: yield, buf: *room}
	defer func() {
		clear(sc.buf[:cap(sc.buf)]) // it pins no block
		*room = sc.buf[:0]
		scratch.Put(room)
	}()
	if q.Source != "" {
		return sc.byTerm(ctx, SourceTerm(q.Source))
	}
	return sc.blocks(ctx, lo, hi)
}

// scratch keeps the room that blocks are decoded into. It holds no event.
var scratch = sync.Pool{New: func() any { return new([]record) }}

// bounds turns the query's bounds into the sequence numbers from lo to hi.
// Since received_at never falls as seq rises, a range of time is one of both.
func (w *Workspace) bounds(ctx context.Context, q Query) (lo, hi int64, err error) {
	if q.After == math.MaxInt64 {
		return 1, 0, nil
	}
	lo, hi = q.After+1, math.MaxInt64
	if q.Before > 0 {
		hi = q.Before - 1
	}
	var first, last int64
	if !q.From.IsZero() {
		err = row(ctx, w.s.readers, selectBlockAtOrNew, []any{w.id, q.From.UnixMicro()}, &first, &last)
		if errors.Is(err, sql.ErrNoRows) {
			return 1, 0, nil
		}
		if err != nil {
			return 0, 0, err
		}
		lo = max(lo, first)
	}
	if !q.To.IsZero() {
		err = row(ctx, w.s.readers, selectBlockAtOrNew, []any{w.id, q.To.UnixMicro()}, &first, &last)
		switch {
		case err == nil:
			hi = min(hi, last)
		case !errors.Is(err, sql.ErrNoRows):
			return 0, 0, err
		}
	}
	return lo, hi, nil
}

// scan is one run of a query.
type scan struct {
	w       *Workspace
	q       Query
	lo, hi  int64
	yield   func(iot.Event) bool
	buf     []record
	stopped bool
}

// matches holds what the bounds of sequence are too coarse for.
func (sc *scan) matches(r *record) bool {
	return r.seq >= sc.lo && r.seq <= sc.hi &&
		(sc.q.From.IsZero() || r.receivedAt >= sc.q.From.UnixMicro()) &&
		(sc.q.To.IsZero() || r.receivedAt < sc.q.To.UnixMicro()) &&
		(sc.q.Source == "" || r.source == sc.q.Source)
}

// visit yields what matches among a block's events.
func (sc *scan) visit(first int64, b []byte) (more bool, err error) {
	if sc.buf, err = decodeBlock(sc.buf[:0], first, b); err != nil {
		return false, err
	}
	for i := range sc.buf {
		r := &sc.buf[i]
		if sc.q.Descending {
			r = &sc.buf[len(sc.buf)-1-i]
		}
		if sc.matches(r) && !sc.yield(r.event()) {
			sc.stopped = true
			return false, nil
		}
	}
	return true, nil
}

// blocks visits every block from lo to hi.
func (sc *scan) blocks(ctx context.Context, lo, hi int64) error {
	query := selectBlocksUp
	if sc.q.Descending {
		query = selectBlocksDown
	}
	// A block begins in the page it lies in, so the one that holds lo begins
	// no earlier than lo's page.
	return rows(ctx, sc.w.s.readers, query, []any{sc.w.id, lo / pageSize * pageSize, hi}, func(rs *sql.Rows) (bool, error) {
		var first int64
		var b []byte
		if err := rs.Scan(&first, &b); err != nil {
			return false, err
		}
		return sc.visit(first, b)
	})
}

// byTerm visits the blocks that hold events with the term: those of full pages
// by the index, those of the open page by looking.
func (sc *scan) byTerm(ctx context.Context, t Term) error {
	head, err := sc.w.Head(ctx)
	if err != nil {
		return err
	}
	sc.hi = min(sc.hi, head)
	if sc.lo > sc.hi {
		return nil
	}
	open := (head + 1) / pageSize * pageSize // the first number of the open page
	tail := func() error {
		if sc.stopped || sc.hi < open {
			return nil
		}
		return sc.blocks(ctx, max(sc.lo, open), sc.hi)
	}
	if sc.q.Descending {
		if err := tail(); err != nil {
			return err
		}
		return sc.indexed(ctx, t, min(sc.hi, open-1))
	}
	if err := sc.indexed(ctx, t, min(sc.hi, open-1)); err != nil {
		return err
	}
	return tail()
}

// maxIndexRows is how many rows of the index are read at once.
const maxIndexRows = 64

// indexed visits the term's blocks in the full pages from sc.lo to hi: at first
// few index rows at a time, since a page of a list is soon full, then more.
func (sc *scan) indexed(ctx context.Context, t Term, hi int64) error {
	query, page, last := selectTermUp, sc.lo/pageSize, hi/pageSize
	if sc.q.Descending {
		query, page, last = selectTermDown, hi/pageSize, sc.lo/pageSize
	}
	for limit := 2; !sc.stopped && hi >= sc.lo; limit = min(2*limit, maxIndexRows) {
		type found struct {
			page int64
			seqs []int64
		}
		var pages []found
		err := rows(ctx, sc.w.s.readers, query, []any{sc.w.id, t, page, limit}, func(rs *sql.Rows) (bool, error) {
			var f found
			var packed []byte
			if err := rs.Scan(&f.page, &packed); err != nil {
				return false, err
			}
			var err error
			f.seqs, err = unpackOffsets(f.page, packed)
			pages = append(pages, f)
			return true, err
		})
		if err != nil || len(pages) == 0 {
			return err
		}
		for _, f := range pages {
			if sc.q.Descending && f.page < last || !sc.q.Descending && f.page > last {
				return nil
			}
			if err := sc.seqs(ctx, f.seqs); err != nil || sc.stopped {
				return err
			}
		}
		if page = pages[len(pages)-1].page + 1; sc.q.Descending {
			page -= 2
		}
	}
	return nil
}

// seqs visits the blocks that hold the sequence numbers, each block once.
func (sc *scan) seqs(ctx context.Context, seqs []int64) error {
	if sc.q.Descending {
		slices.Reverse(seqs)
	}
	var first, last int64 // the block just visited; none begins at 0
	for _, seq := range seqs {
		if seq < sc.lo || seq > sc.hi || seq >= first && seq <= last {
			continue
		}
		var at int64
		var b []byte
		err := row(ctx, sc.w.s.readers, selectBlockWith, []any{sc.w.id, seq / pageSize * pageSize, seq}, &at, &b)
		if errors.Is(err, sql.ErrNoRows) || err == nil && at == first {
			continue // seq was purged, and what lies before it was visited, or purged too
		}
		if err != nil {
			return err
		}
		first = at
		more, err := sc.visit(first, b)
		if err != nil || !more {
			return err
		}
		// The block may end below seq, where seq itself was purged.
		if last = seq; len(sc.buf) > 0 {
			last = max(sc.buf[0].seq, sc.buf[len(sc.buf)-1].seq, seq)
		}
	}
	return nil
}
