package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"

	"iotman/iot"
)

// pageSize is how many sequence numbers share a page of the index.
const pageSize = 1024

// Term is what events can be found by: "source:<id>".
type Term string

// SourceTerm returns the term of a source's events.
func SourceTerm(id iot.ID) Term { return Term("source:" + id) }

const (
	selectPageBlocks = `SELECT first_seq, events FROM event_blocks WHERE workspace_id = ? AND first_seq >= ? AND first_seq < ? ORDER BY first_seq`
	insertTerm       = `INSERT INTO event_terms (workspace_id, term, page, offsets) VALUES (?, ?, ?, ?)`
	selectTermDown   = `SELECT page, offsets FROM event_terms WHERE workspace_id = ? AND term = ? AND page <= ? ORDER BY page DESC LIMIT ?`
	selectTermUp     = `SELECT page, offsets FROM event_terms WHERE workspace_id = ? AND term = ? AND page >= ? ORDER BY page LIMIT ?`
)

// indexPage writes the terms of a page that has just filled; written are its
// last events, which are at hand. Only full pages are indexed, each once: no
// row is ever read, changed and written back on the way in, and the open page
// holds at most 1,023 events to scan.
func (s *Store) indexPage(ctx context.Context, ws iot.ID, page int64, written []record) error {
	records, err := s.readLog(ctx, s.writer, ws, page*pageSize, written[0].seq)
	if err != nil {
		return err
	}
	records = append(records, written...)
	offsets := map[Term][]byte{}
	last := map[Term]int64{}
	var order []Term
	for _, r := range records {
		t := SourceTerm(r.source)
		if offsets[t] == nil {
			order = append(order, t)
		}
		at := r.seq % pageSize
		offsets[t] = binary.AppendUvarint(offsets[t], uint64(at-last[t])) //nolint:gosec // records are in sequence
		last[t] = at
	}
	for _, t := range order {
		if _, err := exec(ctx, s.writer, insertTerm, ws, t, page, offsets[t]); err != nil {
			return err
		}
	}
	return nil
}

// readLog returns the events of the blocks that begin from lo and before hi, in
// sequence.
func (s *Store) readLog(ctx context.Context, r runner, ws iot.ID, lo, hi int64) ([]record, error) {
	var records []record
	err := rows(ctx, r, selectPageBlocks, []any{ws, lo, hi}, func(rs *sql.Rows) (bool, error) {
		var first int64
		var b []byte
		err := rs.Scan(&first, &b)
		if err == nil {
			records, err = decodeBlock(records, first, b)
		}
		return true, err
	})
	return records, err
}

// unpackOffsets returns the sequence numbers of a term's row.
func unpackOffsets(page int64, packed []byte) ([]int64, error) {
	var seqs []int64
	at := page * pageSize
	for len(packed) > 0 {
		d, n := binary.Uvarint(packed)
		if n <= 0 || d >= pageSize {
			return nil, fmt.Errorf("index of page %d: %w", page, errBlock)
		}
		at += int64(d)
		seqs = append(seqs, at)
		packed = packed[n:]
	}
	return seqs, nil
}
