package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"iotman/iot"
)

const (
	deleteBlock     = `DELETE FROM event_blocks WHERE workspace_id = ? AND first_seq = ?`
	deletePageTerms = `DELETE FROM event_terms WHERE workspace_id = ? AND page = ?`
	countPageBlocks = `SELECT COUNT(*) FROM event_blocks WHERE workspace_id = ? AND first_seq >= ? AND first_seq < ?`
	selectNextBlock = `SELECT first_seq FROM event_blocks WHERE workspace_id = ? AND first_seq >= ? ORDER BY first_seq LIMIT 1`
)

// purgePages is how many pages one transaction of a purge covers: short enough
// that ingest hardly waits for it.
const purgePages = 8

// Purge removes the events that q selects, and returns how many. It works in
// short transactions, oldest events first, each with its audit row: stopped
// half-way, the log is whole and the audit log tells how far it came. The
// sequence keeps its numbers; what is gone leaves a hole.
func (s *Store) Purge(ctx context.Context, by By, q Query) (int64, error) {
	w := s.Workspace(by.Workspace)
	head, err := w.Head(ctx)
	if err != nil {
		return 0, err
	}
	lo, hi, err := w.bounds(ctx, q)
	if err != nil {
		return 0, err
	}
	p := purge{s: s, by: by, scan: scan{w: w, q: q, lo: lo, hi: min(hi, head)}}
	var total int64
	for from := lo; from <= p.hi; {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, next, err := p.step(ctx, from)
		total += n
		if err != nil {
			return total, err
		}
		from = next
	}
	return total, nil
}

// purge is one run of Purge.
type purge struct {
	s  *Store
	by By
	scan
}

// step removes what is selected in a few pages, beginning with the one that
// holds the first block at or after from's page.
func (p *purge) step(ctx context.Context, from int64) (n, next int64, err error) {
	err = p.s.writer.write(ctx, func(ctx context.Context) error {
		if _, err := p.s.version(ctx, p.by.Workspace); err != nil {
			return err
		}
		var first int64
		err := row(ctx, p.s.writer, selectNextBlock, []any{p.by.Workspace, from / pageSize * pageSize}, &first)
		if err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				next = p.hi + 1
				return nil
			}
			return err
		}
		page := first / pageSize
		for i := range int64(purgePages) {
			m, err := p.page(ctx, page+i)
			if err != nil {
				return err
			}
			n += m
		}
		next = (page + purgePages) * pageSize
		if n == 0 {
			return nil
		}
		what, err := json.Marshal(map[string]int64{"events": n, "from_seq": max(first, p.lo), "to_seq": min(next-1, p.hi)})
		if err != nil {
			return err
		}
		return p.s.audit(ctx, p.by, 0, []iot.Change{{Entity: "events", ID: p.q.Source, Before: what}})
	})
	return n, next, err
}

// page removes what is selected in one page: whole blocks, or parts by
// rewriting the block. Index rows may then name events that are gone, which
// readers pass over; those of an empty page go.
func (p *purge) page(ctx context.Context, page int64) (int64, error) {
	ws, w := p.by.Workspace, p.s.writer
	type block struct {
		first int64
		keep  []record
	}
	var dirty []block
	var n int64
	err := rows(ctx, w, selectPageBlocks, []any{ws, page * pageSize, (page + 1) * pageSize}, func(rs *sql.Rows) (bool, error) {
		var first int64
		var b []byte
		if err := rs.Scan(&first, &b); err != nil {
			return false, err
		}
		all, err := decodeBlock(nil, first, b)
		had := len(all)
		keep := slices.DeleteFunc(all, func(r record) bool { return p.matches(&r) })
		if had > len(keep) {
			dirty = append(dirty, block{first, keep})
			n += int64(had - len(keep))
		}
		return true, err
	})
	if err != nil || n == 0 {
		return 0, err
	}
	for _, d := range dirty {
		if _, err := exec(ctx, w, deleteBlock, ws, d.first); err != nil {
			return 0, err
		}
		if len(d.keep) == 0 {
			continue
		}
		b, err := encodeBlock(d.keep)
		if err != nil {
			return 0, err
		}
		last := d.keep[len(d.keep)-1]
		if _, err := exec(ctx, w, insertBlock, ws, d.keep[0].seq, last.seq, last.receivedAt, b); err != nil {
			return 0, err
		}
	}
	var left int
	if err := row(ctx, w, countPageBlocks, []any{ws, page * pageSize, (page + 1) * pageSize}, &left); err != nil || left > 0 {
		return n, err
	}
	_, err = exec(ctx, w, deletePageTerms, ws, page)
	return n, err
}
