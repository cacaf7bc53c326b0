package store

import (
	"context"
	"database/sql"

	"iotman/iot"
)

// RejectsKept is how many refusals of each source are kept.
const RejectsKept = 100

const (
	insertReject = `INSERT INTO rejects (workspace_id, source_id, seq, event_id, received_at, code, reason, payload)
		VALUES (?, ?, (SELECT COALESCE(MAX(seq), 0) + 1 FROM rejects WHERE workspace_id = ? AND source_id = ?), ?, ?, ?, ?, ?)`
	deleteOldRejects = `DELETE FROM rejects WHERE workspace_id = ? AND source_id = ? AND seq <=
		(SELECT MAX(seq) - ? FROM rejects WHERE workspace_id = ? AND source_id = ?)`
	selectRejects = `SELECT event_id, source_id, received_at, code, reason, payload FROM rejects
		WHERE workspace_id = ? AND source_id = ? ORDER BY seq DESC LIMIT ?`
)

// AddReject keeps a refusal, in place of the source's oldest.
func (w *Workspace) AddReject(ctx context.Context, r iot.Reject) error {
	return w.s.writer.write(ctx, func(ctx context.Context) error {
		if _, err := w.s.version(ctx, w.id); err != nil {
			return err
		}
		_, err := exec(ctx, w.s.writer, insertReject, w.id, r.SourceID, w.id, r.SourceID,
			r.EventID, r.ReceivedAt.UnixMicro(), r.Code, r.Reason, r.Payload)
		if err != nil {
			return err
		}
		_, err = exec(ctx, w.s.writer, deleteOldRejects, w.id, r.SourceID, RejectsKept, w.id, r.SourceID)
		return err
	})
}

// Rejects returns what a source refused of late, newest first.
func (w *Workspace) Rejects(ctx context.Context, source iot.ID) ([]iot.Reject, error) {
	var out []iot.Reject
	err := rows(ctx, w.r, selectRejects, []any{w.id, source, RejectsKept}, func(rs *sql.Rows) (bool, error) {
		var r iot.Reject
		var at int64
		err := rs.Scan(&r.EventID, &r.SourceID, &at, &r.Code, &r.Reason, &r.Payload)
		r.ReceivedAt = iot.Micros(at)
		out = append(out, r)
		return true, err
	})
	return out, err
}
