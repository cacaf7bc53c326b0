package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"iotman/iot"
)

// SignInLink is a link that signs a person in, once.
type SignInLink struct {
	Account iot.ID // empty where nobody has the address; such a link was sent to no one
	Email   string
	Browser Digest // the browser that asked; zero for a link that the command line printed
	Next    string // where the person was going
	Code    Digest // what another browser was shown; zero until then
	Tries   int    // wrong codes so far
}

// SignInLinkLife is how long a link works.
const SignInLinkLife = 15 * time.Minute

const (
	insertSignInLink  = `INSERT INTO signin_links (hash, account_id, email, browser, next, code, tries, expires_at) VALUES (?, ?, ?, ?, ?, ?, 0, ?)`
	dropSignInLinks   = `DELETE FROM signin_links WHERE email = ?`
	dropAskedLinks    = `DELETE FROM signin_links WHERE email = ? AND browser <> ?`
	selectSignInLink  = `SELECT account_id, email, browser, next, code, tries FROM signin_links WHERE hash = ? AND expires_at > ?`
	selectLinkAwaited = `SELECT hash, account_id, email, browser, next, code, tries FROM signin_links
		WHERE browser = ? AND expires_at > ? ORDER BY expires_at DESC LIMIT 1`
	setSignInCode      = `UPDATE signin_links SET code = ? WHERE hash = ?`
	countSignInTry     = `UPDATE signin_links SET tries = tries + 1 WHERE hash = ?`
	deleteSignInLink   = `DELETE FROM signin_links WHERE hash = ?`
	deleteOldSignLinks = `DELETE FROM signin_links WHERE expires_at < ?`
)

// AddSignInLink keeps a link. Earlier ones for the address work no more; but one
// that was printed stays where anybody may have asked for another.
func (s *Store) AddSignInLink(ctx context.Context, token Digest, l SignInLink) error {
	return s.writer.write(ctx, func(ctx context.Context) (err error) {
		if l.Browser == (Digest{}) {
			_, err = exec(ctx, s.writer, dropSignInLinks, l.Email)
		} else {
			_, err = exec(ctx, s.writer, dropAskedLinks, l.Email, Digest{}.bytes())
		}
		if err != nil {
			return err
		}
		_, err = exec(ctx, s.writer, insertSignInLink, token.bytes(), l.Account, l.Email, l.Browser.bytes(), l.Next, l.Code.bytes(),
			s.now().Add(SignInLinkLife).UnixMicro())
		return err
	})
}

func noLink() error {
	return iot.Errorf(iot.NotFound, "this sign-in link was used already, or is older than %d minutes", int(SignInLinkLife.Minutes())).
		Hinting("ask for a new one")
}

// SignInLink returns the link with the token. One that was used, replaced, or is
// too old is NotFound.
func (s *Store) SignInLink(ctx context.Context, token Digest) (SignInLink, error) {
	return s.signInLink(ctx, s.readers, token)
}

func (s *Store) signInLink(ctx context.Context, r runner, token Digest) (SignInLink, error) {
	var l SignInLink
	var browser, code []byte
	err := row(ctx, r, selectSignInLink, []any{token.bytes(), s.now().UnixMicro()}, &l.Account, &l.Email, &browser, &l.Next, &code, &l.Tries)
	if errors.Is(err, sql.ErrNoRows) {
		return l, noLink()
	}
	l.Browser, l.Code = digest(browser), digest(code)
	return l, err
}

// UseSignInLink signs the link's account in with the cookie and ends the link,
// in one transaction: of many at once, one succeeds.
func (s *Store) UseSignInLink(ctx context.Context, token, cookie Digest) (SignInLink, error) {
	var l SignInLink
	err := s.writer.write(ctx, func(ctx context.Context) (err error) {
		if l, err = s.signInLink(ctx, s.writer, token); err != nil {
			return err
		}
		return s.useLink(ctx, l, token, cookie)
	})
	return l, err
}

func (s *Store) useLink(ctx context.Context, l SignInLink, token, cookie Digest) error {
	if l.Account == "" {
		return noLink()
	}
	if _, err := exec(ctx, s.writer, deleteSignInLink, token.bytes()); err != nil {
		return err
	}
	return s.signIn(ctx, cookie, l.Account)
}

// SetSignInCode notes the code that another browser is shown for the link.
func (s *Store) SetSignInCode(ctx context.Context, token, code Digest) error {
	return s.writer.write(ctx, func(ctx context.Context) error {
		if _, err := s.signInLink(ctx, s.writer, token); err != nil {
			return err
		}
		_, err := exec(ctx, s.writer, setSignInCode, code.bytes(), token.bytes())
		return err
	})
}

// MaxCodeTries is how many wrong codes end a link.
const MaxCodeTries = 5

// UseSignInCode signs in the browser that asked for a link with the code that
// another was shown. A wrong code is counted; too many end the link.
func (s *Store) UseSignInCode(ctx context.Context, browser Digest, code string, cookie Digest) (SignInLink, error) {
	var l SignInLink
	var wrong error
	err := s.writer.write(ctx, func(ctx context.Context) error {
		var token, asked, shown []byte
		err := row(ctx, s.writer, selectLinkAwaited, []any{browser.bytes(), s.now().UnixMicro()},
			&token, &l.Account, &l.Email, &asked, &l.Next, &shown, &l.Tries)
		if errors.Is(err, sql.ErrNoRows) || err == nil && browser == (Digest{}) {
			return noLink()
		}
		if err != nil {
			return err
		}
		l.Browser, l.Code = digest(asked), digest(shown)
		if l.Code.Is(code) {
			return s.useLink(ctx, l, digest(token), cookie)
		}
		if l.Tries++; l.Tries >= MaxCodeTries {
			wrong = iot.Errorf(iot.NotFound, "that was not the code, %d times; the link works no more", MaxCodeTries).Hinting("ask for a new one")
			_, err = exec(ctx, s.writer, deleteSignInLink, token)
			return err
		}
		wrong = iot.Errorf(iot.Invalid, "that is not the code that the link showed").At("code").Hinting("open the link, then type the code that it shows")
		_, err = exec(ctx, s.writer, countSignInTry, token)
		return err
	})
	if err == nil {
		err = wrong
	}
	return l, err
}
