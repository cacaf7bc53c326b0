package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

const (
	selectClientDocument  = `SELECT document FROM client_documents WHERE client_id = ? AND expires_at > ?`
	upsertClientDocument  = `INSERT INTO client_documents (client_id, document, expires_at) VALUES (?, ?, ?) ON CONFLICT (client_id) DO UPDATE SET document = excluded.document, expires_at = excluded.expires_at`
	countClientDocuments  = `SELECT COUNT(*) FROM client_documents`
	deleteClientDocuments = `DELETE FROM client_documents`
	deleteOldClientDocs   = `DELETE FROM client_documents WHERE expires_at < ?`
	maxClientDocuments    = 10_000
)

// ClientDocument returns the client ID metadata document that was fetched from
// a URL, "" where none is known or it is too old.
func (s *Store) ClientDocument(ctx context.Context, url string) (document string, err error) {
	err = row(ctx, s.readers, selectClientDocument, []any{url, s.now().UnixMicro()}, &document)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return document, err
}

// KeepClientDocument keeps a document for as long as it lives. Of too many, all
// go: each is fetched again when it is asked for.
func (s *Store) KeepClientDocument(ctx context.Context, url, document string, life time.Duration) error {
	return s.writer.write(ctx, func(ctx context.Context) error {
		var n int
		err := row(ctx, s.writer, countClientDocuments, nil, &n)
		if err == nil && n >= maxClientDocuments {
			_, err = exec(ctx, s.writer, deleteClientDocuments)
		}
		if err == nil {
			_, err = exec(ctx, s.writer, upsertClientDocument, url, document, s.now().Add(life).UnixMicro())
		}
		return err
	})
}
