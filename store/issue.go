package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"iotman/iot"
)

// Code is an authorization code (RFC 6749 section 4.1): the grant that it
// becomes, and what it is bound to.
type Code struct {
	Grant
	AskedRedirect string // redirect_uri as the authorization request had it, "" for none
	Challenge     string // PKCE, S256 (RFC 7636)
	Expires       time.Time
	Tried         bool // a verifier was held against the challenge
	Used          bool
}

// RefreshToken is a refresh token's row.
type RefreshToken struct {
	Grant
	Expires time.Time
	Used    iot.Time // zero for not yet
}

// Issue is what one answer of the token endpoint leaves: all of it, in one
// transaction, or nothing.
type Issue struct {
	Grant    Grant
	NewGrant bool
	Code     Digest        // redeemed by this answer; zero for none
	Rotated  Digest        // the refresh token that brought it; zero for none
	Grace    time.Duration // how long a rotated token may be used again
	Token    iot.ID        // jti of the access token
	Expires  time.Time

	Refresh        Digest // the new refresh token; zero for none
	RefreshExpires time.Time
}

// ErrSpent is what Issue fails with when the code, or the refresh token, was
// used in between: by another request that was faster.
var ErrSpent = errors.New("the code or refresh token was used already")

const (
	insertCode = `INSERT INTO codes (workspace_id, hash, grant_id, account_id, client_id, client_name, audience, scope, redirect_uri, asked_redirect,
		challenge, expires_at, tried_at, used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)`
	selectCode = `SELECT grant_id, account_id, client_id, audience, scope, client_name, redirect_uri, asked_redirect, challenge, expires_at, tried_at, used_at
		FROM codes WHERE workspace_id = ? AND hash = ?`
	tryCode        = `UPDATE codes SET tried_at = ? WHERE workspace_id = ? AND hash = ? AND tried_at = 0`
	useCode        = `UPDATE codes SET used_at = ? WHERE workspace_id = ? AND hash = ? AND used_at = 0`
	deleteOldCodes = `DELETE FROM codes WHERE expires_at < ?`

	insertRefresh = `INSERT INTO refresh_tokens (workspace_id, hash, grant_id, expires_at, used_at) VALUES (?, ?, ?, ?, 0)`
	selectRefresh = `SELECT ` + grantColumns + `, r.expires_at, r.used_at FROM refresh_tokens r
		JOIN grants g ON g.workspace_id = r.workspace_id AND g.id = r.grant_id WHERE r.workspace_id = ? AND r.hash = ?`
	useRefresh = `UPDATE refresh_tokens SET used_at = CASE WHEN used_at = 0 THEN ? ELSE used_at END
		WHERE workspace_id = ? AND hash = ? AND CASE WHEN used_at = 0 THEN ? ELSE used_at END >= ?`
	dropUsedRefresh  = `DELETE FROM refresh_tokens WHERE workspace_id = ? AND grant_id = ? AND used_at > 0 AND used_at < ?`
	countFamily      = `SELECT COUNT(*) FROM refresh_tokens WHERE workspace_id = ? AND grant_id = ?`
	deleteOldRefresh = `DELETE FROM refresh_tokens WHERE expires_at < ?`
)

// MaxFamily is how many refresh tokens of one grant are remembered, used ones
// among them; of more, those go first that were used a day ago. MaxTokens is how
// many access tokens one grant brings in an hour, which is what each lives.
const (
	MaxFamily = 1024
	MaxTokens = 100_000
)

const usedFor = 24 * time.Hour

// AddCode keeps an authorization code.
func (w *Workspace) AddCode(ctx context.Context, hash Digest, c Code) error {
	return w.s.writer.write(ctx, func(ctx context.Context) error {
		if _, err := w.s.version(ctx, w.id); err != nil {
			return err
		}
		_, err := exec(ctx, w.s.writer, insertCode, w.id, hash.bytes(), c.ID, c.Account, c.Client, c.ClientName, c.Audience, c.Scope, c.RedirectURI,
			c.AskedRedirect, c.Challenge, c.Expires.UnixMicro())
		return err
	})
}

// Code returns the authorization code of the digest; one that is unknown, or
// was swept, is NotFound.
func (w *Workspace) Code(ctx context.Context, hash Digest) (Code, error) {
	var c Code
	var expires, tried, used int64
	err := row(ctx, w.r, selectCode, []any{w.id, hash.bytes()}, &c.ID, &c.Account, &c.Client, &c.Audience, &c.Scope, &c.ClientName,
		&c.RedirectURI, &c.AskedRedirect, &c.Challenge, &expires, &tried, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return c, iot.Errorf(iot.NotFound, "no such code")
	}
	c.Expires, c.Tried, c.Used = time.UnixMicro(expires), tried > 0, used > 0
	return c, err
}

// TryCode notes that a verifier is held against the code's challenge: there is
// one try. A second is ErrSpent.
func (w *Workspace) TryCode(ctx context.Context, hash Digest) error {
	return w.s.writer.write(ctx, func(ctx context.Context) error {
		n, err := exec(ctx, w.s.writer, tryCode, w.s.now().UnixMicro(), w.id, hash.bytes())
		if err == nil && n == 0 {
			return ErrSpent
		}
		return err
	})
}

// RefreshToken returns the refresh token of the digest. One that is unknown, or
// whose grant has ended, is NotFound.
func (w *Workspace) RefreshToken(ctx context.Context, hash Digest) (RefreshToken, error) {
	var t RefreshToken
	var expires, used int64
	err := scanGrant(&t.Grant, func(dst ...any) error {
		return row(ctx, w.r, selectRefresh, []any{w.id, hash.bytes()}, append(dst, &expires, &used)...)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return t, iot.Errorf(iot.NotFound, "no such refresh token")
	}
	t.Expires = time.UnixMicro(expires)
	if used > 0 {
		t.Used = iot.Micros(used)
	}
	return t, err
}

// Issue records what an answer of the token endpoint gives out.
func (w *Workspace) Issue(ctx context.Context, i Issue) error {
	return w.s.writer.write(ctx, func(ctx context.Context) error {
		if _, err := w.s.version(ctx, w.id); err != nil {
			return err
		}
		if err := w.spend(ctx, i); err != nil {
			return err
		}
		at, g := w.s.now().UnixMicro(), i.Grant
		if i.NewGrant {
			_, err := exec(ctx, w.s.writer, insertGrant, w.id, g.ID, g.Account, g.Client, g.Audience, g.Scope, g.ClientName, g.RedirectURI, at, at)
			if err != nil {
				return fmt.Errorf("record a grant: %w", err)
			}
		}
		if err := w.countToken(ctx, g.ID, at); err != nil {
			return err
		}
		if _, err := exec(ctx, w.s.writer, insertToken, w.id, i.Token, g.ID, i.Expires.UnixMicro()); err != nil {
			return err
		}
		for _, owner := range []iot.ID{nobody, w.id} { // a client is known to be used to the hour
			if _, err := exec(ctx, w.s.writer, touchClient, at, owner, g.Client, at-time.Hour.Microseconds()); err != nil {
				return err
			}
		}
		return w.addRefresh(ctx, i)
	})
}

// spend marks what the answer is given for as used.
func (w *Workspace) spend(ctx context.Context, i Issue) error {
	now := w.s.now()
	n, err := int64(1), error(nil)
	if i.Code != (Digest{}) {
		n, err = exec(ctx, w.s.writer, useCode, now.UnixMicro(), w.id, i.Code.bytes())
	}
	if err == nil && n > 0 && i.Rotated != (Digest{}) {
		n, err = exec(ctx, w.s.writer, useRefresh, now.UnixMicro(), w.id, i.Rotated.bytes(), now.UnixMicro(), now.Add(-i.Grace).UnixMicro())
	}
	if err == nil && n == 0 {
		return ErrSpent
	}
	return err
}

// countToken notes that the grant brings another token. A grant that was revoked
// meanwhile is ErrSpent.
func (w *Workspace) countToken(ctx context.Context, grant iot.ID, at int64) error {
	var n int
	hour := at - time.Hour.Microseconds()
	err := row(ctx, w.s.writer, touchGrant, []any{at, hour, hour, at, w.id, grant}, &n)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrSpent
	}
	if err == nil && n > MaxTokens {
		e := iot.Errorf(iot.Limited, "this client was given %d access tokens within an hour", MaxTokens)
		e.RetryAfter = time.Minute
		return e.Hinting("use a token for as long as it lives: each is good for an hour")
	}
	return err
}

func (w *Workspace) addRefresh(ctx context.Context, i Issue) error {
	if i.Refresh == (Digest{}) {
		return nil
	}
	var n int
	if err := row(ctx, w.s.writer, countFamily, []any{w.id, i.Grant.ID}, &n); err != nil {
		return err
	}
	if n >= MaxFamily {
		gone, err := exec(ctx, w.s.writer, dropUsedRefresh, w.id, i.Grant.ID, w.s.now().Add(-usedFor).UnixMicro())
		if err != nil {
			return err
		}
		n -= int(gone)
	}
	if n >= MaxFamily {
		e := iot.Errorf(iot.Limited, "this session was refreshed %d times of late", n)
		e.RetryAfter = time.Hour
		return e.Hinting("use an access token for as long as it lives, or sign in again")
	}
	_, err := exec(ctx, w.s.writer, insertRefresh, w.id, i.Refresh.bytes(), i.Grant.ID, i.RefreshExpires.UnixMicro())
	return err
}
