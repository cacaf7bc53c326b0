package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"iotman/iot"
)

const (
	insertBrowser         = `INSERT INTO browsers (hash, account_id, created_at, expires_at) VALUES (?, ?, ?, ?)`
	selectBrowser         = `SELECT a.id, a.email, a.name, a.created_at FROM browsers b JOIN accounts a ON a.id = b.account_id WHERE b.hash = ? AND b.expires_at > ?`
	deleteBrowser         = `DELETE FROM browsers WHERE hash = ?`
	deleteBrowserConsents = `DELETE FROM consents WHERE browser IN (SELECT hash FROM browsers WHERE account_id = ?)`
	deleteBrowsers        = `DELETE FROM browsers WHERE account_id = ?`
	deleteOldBrowsers     = `DELETE FROM browsers WHERE expires_at < ?`
)

// BrowserLife is how long a browser stays signed in.
const BrowserLife = 30 * 24 * time.Hour

// SignIn records that the account is signed in with the cookie of the digest.
func (s *Store) SignIn(ctx context.Context, cookie Digest, account iot.ID) error {
	return s.writer.write(ctx, func(ctx context.Context) error {
		return s.signIn(ctx, cookie, account)
	})
}

func (s *Store) signIn(ctx context.Context, cookie Digest, account iot.ID) error {
	now := s.now()
	_, err := exec(ctx, s.writer, insertBrowser, cookie.bytes(), account, now.UnixMicro(), now.Add(BrowserLife).UnixMicro())
	return err
}

// SignedIn returns the account that is signed in with the cookie; none is
// Unauthenticated.
func (s *Store) SignedIn(ctx context.Context, cookie Digest) (iot.Account, error) {
	a, err := s.account(ctx, selectBrowser, cookie.bytes(), s.now().UnixMicro())
	if errors.Is(err, sql.ErrNoRows) {
		return a, iot.Errorf(iot.Unauthenticated, "nobody is signed in here").Hinting("sign in")
	}
	return a, err
}

// SignOut ends what the cookie stands for.
func (s *Store) SignOut(ctx context.Context, cookie Digest) error {
	return s.writer.write(ctx, func(ctx context.Context) error {
		_, err := exec(ctx, s.writer, deleteBrowser, cookie.bytes())
		return err
	})
}

// SignOutEverywhere ends every browser's session of the account, with what was
// waiting for its answer there.
func (s *Store) SignOutEverywhere(ctx context.Context, account iot.ID) error {
	return s.writer.write(ctx, func(ctx context.Context) error {
		if _, err := exec(ctx, s.writer, deleteBrowserConsents, account); err != nil {
			return err
		}
		_, err := exec(ctx, s.writer, deleteBrowsers, account)
		return err
	})
}
