package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"iotman/iot"
)

// ConsentLife is how long an authorization request waits for its answer.
const ConsentLife = 15 * time.Minute

const (
	insertConsent     = `INSERT INTO consents (hash, browser, request, expires_at) VALUES (?, ?, ?, ?)`
	takeConsent       = `DELETE FROM consents WHERE hash = ? AND browser = ? AND expires_at > ? RETURNING request`
	deleteOldConsents = `DELETE FROM consents WHERE expires_at < ?`
)

// AddConsent keeps an authorization request until the person in that browser
// has answered it.
func (s *Store) AddConsent(ctx context.Context, id, browser Digest, request string) error {
	return s.writer.write(ctx, func(ctx context.Context) error {
		_, err := exec(ctx, s.writer, insertConsent, id.bytes(), browser.bytes(), request, s.now().Add(ConsentLife).UnixMicro())
		return err
	})
}

// TakeConsent returns a request that waits in that browser, and ends its
// waiting. One that was answered, is another browser's, or waited too long is
// NotFound.
func (s *Store) TakeConsent(ctx context.Context, id, browser Digest) (request string, err error) {
	err = s.writer.write(ctx, func(ctx context.Context) error {
		err := row(ctx, s.writer, takeConsent, []any{id.bytes(), browser.bytes(), s.now().UnixMicro()}, &request)
		if errors.Is(err, sql.ErrNoRows) {
			return iot.Errorf(iot.NotFound, "this request was answered already, or waited longer than %d minutes", int(ConsentLife.Minutes())).
				Hinting("go back to the app and connect again")
		}
		return err
	})
	return request, err
}
