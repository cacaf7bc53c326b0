package store

import (
	"context"
	"database/sql"

	"iotman/iot"
)

// RejectsKept is how many refusals of each source are kept.
const RejectsKept = 100

const (
	// A ring: the slot after the newest one, by way of the oldest.
	upsertReject = `INSERT INTO rejects (workspace_id, source_id, slot, event_id, received_at, code, reason, payload)
		VALUES (?, ?, (SELECT COALESCE((SELECT slot + 1 FROM rejects WHERE workspace_id = ? AND source_id = ?
			ORDER BY received_at DESC, event_id DESC LIMIT 1), 0) % 100), ?, ?, ?, ?, ?)
		ON CONFLICT (workspace_id, source_id, slot) DO UPDATE SET event_id = excluded.event_id,
			received_at = excluded.received_at, code = excluded.code, reason = excluded.reason, payload = excluded.payload`
	selectRejects = `SELECT event_id, source_id, received_at, code, reason, payload FROM rejects
		WHERE workspace_id = ? AND source_id = ? ORDER BY received_at DESC, event_id DESC LIMIT 100`
)

// AddReject keeps a refusal, in place of the source's oldest.
func (w *Workspace) AddReject(ctx context.Context, r iot.Reject) error {
	return w.s.writer.write(ctx, func(ctx context.Context) error {
		_, err := exec(ctx, w.s.writer, upsertReject, w.id, r.SourceID, w.id, r.SourceID,
			r.EventID, r.ReceivedAt.UnixMicro(), r.Code, r.Reason, r.Payload)
		return err
	})
}

// Rejects returns what a source refused of late, newest first.
func (w *Workspace) Rejects(ctx context.Context, source iot.ID) ([]iot.Reject, error) {
	var out []iot.Reject
	err := rows(ctx, w.r, selectRejects, []any{w.id, source}, func(rs *sql.Rows) (bool, error) {
		var r iot.Reject
		var at int64
		err := rs.Scan(&r.EventID, &r.SourceID, &at, &r.Code, &r.Reason, &r.Payload)
		r.ReceivedAt = iot.Micros(at)
		out = append(out, r)
		return true, err
	})
	return out, err
}
