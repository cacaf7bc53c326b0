package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Key seals secrets at rest: 32 random bytes that never enter the database or
// a backup. Whoever has a copy of the database but not the key can read no
// password, signing key or cursor.
type Key [32]byte

// sealVersion is the first byte of what is sealed: AES-256-GCM with a random
// 12-byte nonce, then 4 bytes that name the key, the nonce, and the ciphertext.
const sealVersion = 1

// ParseKey reads a key in base64, as a key file or variable holds it.
func ParseKey(text string) (Key, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != 32 {
		return Key{}, errors.New("a key is 32 bytes in base64; make one with: head -c 32 /dev/urandom | base64")
	}
	return Key(b), nil
}

// LoadKey reads the key file. With create, an absent file is made, readable
// by its owner alone; but never beside a database that some other key seals.
func LoadKey(path, dir string, create bool) (Key, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err == nil {
		k, err := ParseKey(string(text))
		if err != nil {
			return Key{}, fmt.Errorf("key file %s: %w", path, err)
		}
		return k, nil
	}
	if !errors.Is(err, fs.ErrNotExist) || !create {
		return Key{}, fmt.Errorf("read the key: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "iotman.db")); err == nil {
		return Key{}, fmt.Errorf("the key file %s is missing, and the database in %s is sealed with it: put the file back, or name it with -key-file", path, dir)
	}
	var k Key
	if _, err := rand.Read(k[:]); err != nil {
		return Key{}, fmt.Errorf("make a key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Key{}, fmt.Errorf("make a key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return Key{}, fmt.Errorf("make a key: %w", err)
	}
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(k[:]) + "\n")
	return k, errors.Join(err, f.Sync(), f.Close())
}

func (k Key) id() [4]byte {
	m := k.derive("key id")
	return [4]byte(m[:4])
}

// derive returns a key for one purpose.
func (k Key) derive(purpose string) [32]byte {
	m := hmac.New(sha256.New, k[:])
	m.Write([]byte(purpose))
	return [32]byte(m.Sum(nil))
}

func (k Key) aead() cipher.AEAD {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err) // a key of 32 bytes is always accepted
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return a
}

// Seal encrypts secret for one place, "table:column:row id"; moved to another
// place it no longer opens.
func (k Key) Seal(place string, secret []byte) []byte {
	id := k.id()
	out := append([]byte{sealVersion}, id[:]...)
	nonce := make([]byte, 12)
	rand.Read(nonce) // never fails (crypto/rand)
	out = append(out, nonce...)
	return k.aead().Seal(out, nonce, secret, []byte(place))
}

// Open decrypts what Seal made for the same place.
func (k Key) Open(place string, sealed []byte) ([]byte, error) {
	if len(sealed) < 17 || sealed[0] != sealVersion {
		return nil, fmt.Errorf("sealed %s: unknown form", place)
	}
	if id := k.id(); [4]byte(sealed[1:5]) != id {
		return nil, fmt.Errorf("sealed %s: the key is not the one it was sealed with", place)
	}
	out, err := k.aead().Open(nil, sealed[5:17], sealed[17:], []byte(place))
	if err != nil {
		return nil, fmt.Errorf("sealed %s: %w", place, err)
	}
	return out, nil
}

const (
	selectMeta = `SELECT value FROM meta WHERE name = ?`
	upsertMeta = `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`
)

// checkKey compares the key with the one the folder was made with, in the
// writer's transaction; the first opening records it.
func (s *Store) checkKey(ctx context.Context) error {
	const name = "key_check"
	var sealed []byte
	err := row(ctx, s.writer, selectMeta, []any{name}, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = exec(ctx, s.writer, upsertMeta, name, s.key.Seal("meta:value:"+name, []byte(name)))
		return err
	}
	if err != nil {
		return fmt.Errorf("check the key: %w", err)
	}
	if _, err := s.key.Open("meta:value:"+name, sealed); err != nil {
		return fmt.Errorf("the key does not fit the data folder %s; nothing was changed: %w", s.dir, err)
	}
	return nil
}

// Fact returns a fact about the data folder, "" where none is recorded.
func (s *Store) Fact(ctx context.Context, name string) (string, error) {
	var v []byte
	err := row(ctx, s.readers, selectMeta, []any{name}, &v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return string(v), err
}

// SetFact records a fact about the data folder, such as "public_url".
func (s *Store) SetFact(ctx context.Context, name, value string) error {
	return s.writer.write(ctx, func(ctx context.Context) error {
		_, err := exec(ctx, s.writer, upsertMeta, name, []byte(value))
		return err
	})
}
