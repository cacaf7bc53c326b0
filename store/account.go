package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"iotman/iot"
)

const (
	insertAccount        = `INSERT INTO accounts (id, email, name, created_at) VALUES (?, ?, ?, ?)`
	selectAccountByEmail = `SELECT id, email, name, created_at FROM accounts WHERE email = ?`
	selectAccountByID    = `SELECT id, email, name, created_at FROM accounts WHERE id = ?`
	selectFirstAccount   = `SELECT id, email, name, created_at FROM accounts ORDER BY id LIMIT 1`
	selectPassword       = `SELECT password FROM accounts WHERE id = ?` //nolint:gosec // no credential
	updateAccountPass    = `UPDATE accounts SET password = ? WHERE id = ?`
	selectMember         = `SELECT role FROM members WHERE workspace_id = ? AND account_id = ?`
	selectOwner          = `SELECT a.id, a.email, a.name, a.created_at FROM members m JOIN accounts a ON a.id = m.account_id
		WHERE m.workspace_id = ? AND m.role = 'owner' ORDER BY m.account_id LIMIT 1`
)

// CreateAccount makes an account. The address is kept as iot.ParseEmail has it,
// and is unique.
func (s *Store) CreateAccount(ctx context.Context, email, name string) (iot.Account, error) {
	email, err := iot.ParseEmail(email)
	a := iot.Account{ID: NewID(), Email: email, Name: name, CreatedAt: s.Now()}
	if err != nil {
		return a, err
	}
	err = s.writer.write(ctx, func(ctx context.Context) error {
		_, err := exec(ctx, s.writer, insertAccount, a.ID, a.Email, a.Name, a.CreatedAt.UnixMicro())
		return err
	})
	return a, err
}

// AccountByEmail returns the account with the address.
func (s *Store) AccountByEmail(ctx context.Context, email string) (iot.Account, error) {
	a, err := s.account(ctx, selectAccountByEmail, strings.ToLower(strings.TrimSpace(email)))
	if errors.Is(err, sql.ErrNoRows) {
		return a, iot.Errorf(iot.NotFound, "no account has the address %q", email).At("email")
	}
	return a, err
}

// Account returns the account with the id.
func (s *Store) Account(ctx context.Context, id iot.ID) (iot.Account, error) {
	a, err := s.account(ctx, selectAccountByID, id)
	if errors.Is(err, sql.ErrNoRows) {
		return a, iot.Errorf(iot.NotFound, "no such account")
	}
	return a, err
}

// FirstAccount returns the oldest account; the zero Account where there is
// none yet.
func (s *Store) FirstAccount(ctx context.Context) (iot.Account, error) {
	a, err := s.account(ctx, selectFirstAccount)
	if errors.Is(err, sql.ErrNoRows) {
		return iot.Account{}, nil
	}
	return a, err
}

// Owner returns an owner of the workspace, the one with the oldest account.
func (w *Workspace) Owner(ctx context.Context) (iot.Account, error) {
	a, err := w.s.account(ctx, selectOwner, w.id)
	if errors.Is(err, sql.ErrNoRows) {
		return a, iot.Errorf(iot.NotFound, "no such workspace")
	}
	return a, err
}

func (s *Store) account(ctx context.Context, query string, args ...any) (iot.Account, error) {
	var a iot.Account
	var created int64
	err := row(ctx, s.readers, query, args, &a.ID, &a.Email, &a.Name, &created)
	a.CreatedAt = iot.Micros(created)
	return a, err
}

// PasswordHash returns the account's password as SetPasswordHash kept it, "" where it
// has none.
func (s *Store) PasswordHash(ctx context.Context, account iot.ID) (hash string, err error) {
	err = row(ctx, s.readers, selectPassword, []any{account}, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return hash, err
}

// SetPasswordHash keeps the hash of the account's password; "" removes it. It
// signs the account out everywhere.
func (s *Store) SetPasswordHash(ctx context.Context, account iot.ID, hash string) error {
	return s.writer.write(ctx, func(ctx context.Context) error {
		n, err := exec(ctx, s.writer, updateAccountPass, hash, account)
		if err == nil && n == 0 {
			return iot.Errorf(iot.NotFound, "no such account")
		}
		if err == nil {
			_, err = exec(ctx, s.writer, deleteBrowsers, account)
		}
		return err
	})
}

// Role returns the account's role in the workspace, "" where it has none.
func (c config) Role(ctx context.Context, account iot.ID) (iot.Role, error) {
	var r iot.Role
	err := row(ctx, c.r, selectMember, []any{c.ws, account}, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return r, err
}

// AddMember gives the account a role in the workspace.
func (t *Tx) AddMember(ctx context.Context, account iot.ID, role iot.Role) error {
	if _, err := exec(ctx, t.r, insertMember, t.ws, account, role, t.now.UnixMicro()); err != nil {
		return err
	}
	return t.changed("member", account, nil, map[string]any{"account_id": account, "role": role})
}
