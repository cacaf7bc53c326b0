package store

import (
	"context"
	"database/sql"

	"iotman/iot"
)

const (
	selectSigningKeys = `SELECT id, private, created_at FROM signing_keys ORDER BY id DESC`
	insertSigningKey  = `INSERT INTO signing_keys (id, private, created_at) VALUES (?, ?, ?)`
	deleteSigningKey  = `DELETE FROM signing_keys WHERE id = ?`
)

// SigningKey is a private key, opened, in whatever form its owner wrote it.
type SigningKey struct {
	ID        iot.ID
	Private   []byte
	CreatedAt iot.Time
}

// SigningKeys returns the keys that sign tokens, the newest first.
func (s *Store) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	var out []SigningKey
	err := rows(ctx, s.readers, selectSigningKeys, nil, func(rs *sql.Rows) (bool, error) {
		var k SigningKey
		var at int64
		var sealed []byte
		err := rs.Scan(&k.ID, &sealed, &at)
		if err == nil {
			k.CreatedAt = iot.Micros(at)
			k.Private, err = s.key.Open("signing_keys:private:"+string(k.ID), sealed)
		}
		out = append(out, k)
		return true, err
	})
	return out, err
}

// AddSigningKey seals and keeps a new signing key.
func (s *Store) AddSigningKey(ctx context.Context, private []byte) (SigningKey, error) {
	k := SigningKey{ID: NewID(), Private: private, CreatedAt: s.Now()}
	sealed := s.key.Seal("signing_keys:private:"+string(k.ID), private)
	err := s.writer.write(ctx, func(ctx context.Context) error {
		_, err := exec(ctx, s.writer, insertSigningKey, k.ID, sealed, k.CreatedAt.UnixMicro())
		return err
	})
	return k, err
}

// DeleteSigningKey forgets a key that no valid token is signed with any more.
func (s *Store) DeleteSigningKey(ctx context.Context, id iot.ID) error {
	return s.writer.write(ctx, func(ctx context.Context) error {
		_, err := exec(ctx, s.writer, deleteSigningKey, id)
		return err
	})
}
