package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iotman/iot"
)

func TestSealRoundTrip(t *testing.T) {
	for _, secret := range []string{"", "s", "hunter2", strings.Repeat("x", 100_000)} {
		sealed := testKey.Seal("table:column:1", []byte(secret))
		got, err := testKey.Open("table:column:1", sealed)
		if err != nil || string(got) != secret {
			t.Errorf("a secret of %d bytes: got %d bytes, %v", len(secret), len(got), err)
		}
		if again := testKey.Seal("table:column:1", []byte(secret)); bytes.Equal(again, sealed) {
			t.Errorf("sealed twice: got the same bytes, want a fresh nonce")
		}
	}
}

// TestSealFormH2 checks the layout: version, key id, nonce, ciphertext.
func TestSealFormH2(t *testing.T) {
	sealed := testKey.Seal("table:column:1", []byte("hunter2"))
	id := testKey.id()
	if got, want := len(sealed), 1+4+12+len("hunter2")+16; got != want || sealed[0] != 1 || !bytes.Equal(sealed[1:5], id[:]) {
		t.Fatalf("got %d bytes %x, want %d: 01, the key id %x, a nonce, the ciphertext and its tag", got, sealed, want, id)
	}
	plain, err := testKey.aead().Open(nil, sealed[5:17], sealed[17:], []byte("table:column:1"))
	if err != nil || string(plain) != "hunter2" {
		t.Errorf("AES-256-GCM over the parts: got %q, %v", plain, err)
	}
}

func TestSealRefusesH2(t *testing.T) {
	const place = "http_endpoints:basic_password:1"
	sealed := testKey.Seal(place, []byte("hunter2"))
	for i := range sealed {
		b := bytes.Clone(sealed)
		b[i] ^= 1
		if got, err := testKey.Open(place, b); err == nil {
			t.Errorf("byte %d changed: got %q, want an error", i, got)
		}
		if got, err := testKey.Open(place, sealed[:i]); err == nil {
			t.Errorf("cut to %d bytes: got %q, want an error", i, got)
		}
	}
	for _, elsewhere := range []string{"", "http_endpoints:basic_password:2", "signing_keys:private:1", place + "1"} {
		if got, err := testKey.Open(elsewhere, sealed); err == nil {
			t.Errorf("moved to %q: got %q, want an error", elsewhere, got)
		}
	}
	_, err := Key{9}.Open(place, sealed)
	if err == nil || !strings.Contains(err.Error(), "not the one it was sealed with") {
		t.Errorf("another key: got error %v, want one that says so", err)
	}
}

// TestSwappedRowsH2 swaps the sealed passwords of two endpoints in the
// database, as somebody with access to the file could.
func TestSwappedRowsH2(t *testing.T) {
	s := openIdle(t, Config{})
	w := plant(t, s)
	a, b := endpoint(t, w, "A"), endpoint(t, w, "B")
	for _, e := range []iot.HTTPEndpoint{a, b} {
		setPassword(t, w, e.ID, "password of "+string(e.Name))
	}
	if _, got, err := w.EndpointAt(t.Context(), "a"); err != nil || string(got) != "password of A" {
		t.Fatalf("got %q, %v, want the password of A", got, err)
	}
	raw(t, s, `UPDATE http_endpoints SET basic_password = (SELECT basic_password FROM http_endpoints WHERE id = ?) WHERE id = ?`, b.ID, a.ID)
	if _, got, err := w.EndpointAt(t.Context(), "a"); err == nil || got != nil {
		t.Errorf("with B's sealed password in A's row: got %q, %v, want an error", got, err)
	}
}

// setPassword gives the endpoint a password, and a change for the audit log.
func setPassword(t *testing.T, w *Workspace, id iot.ID, password string) {
	t.Helper()
	change(t, w, func(ctx context.Context, tx *Tx) error {
		e, err := tx.HTTPEndpoint(ctx, id)
		if err != nil {
			return err
		}
		e.Auth, e.BasicUsername = iot.AuthBasic, "device"
		if _, err := tx.UpdateHTTPEndpoint(ctx, e); err != nil {
			return err
		}
		return tx.SetBasicPassword(ctx, id, []byte(password))
	})
}

func TestWrongKeyH4(t *testing.T) {
	dir := t.TempDir()
	s := openIdle(t, Config{Dir: dir})
	if _, err := s.AddSigningKey(t.Context(), []byte("private")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	_, err := Open(t.Context(), Config{Dir: dir, Key: Key{9}})
	if err == nil || !strings.Contains(err.Error(), "the key does not fit") || !strings.Contains(err.Error(), dir) {
		t.Errorf("another key: got error %v, want one that says that the key does not fit the folder", err)
	}
	wantFiles(t, dir, before)
	again := openIdle(t, Config{Dir: dir})
	if keys, err := again.SigningKeys(t.Context()); err != nil || len(keys) != 1 || string(keys[0].Private) != "private" {
		t.Errorf("the right key afterwards: got %v, %v, want the signing key", keys, err)
	}
}

func TestLoadKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys", "key")
	if _, err := LoadKey(path, dir, false); err == nil {
		t.Error("absent, not to be made: got no error, want one")
	}
	made, err := LoadKey(path, dir, true)
	if err != nil {
		t.Fatal(err)
	}
	if made == (Key{}) {
		t.Error("made: got 32 zero bytes")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("made with mode %o, want 600", got)
	}
	for _, create := range []bool{true, false} {
		if got, err := LoadKey(path, dir, create); err != nil || got != made {
			t.Errorf("read back: got %v, want the same key", err)
		}
	}
	for _, text := range []string{"", "hunter2", base64.StdEncoding.EncodeToString(make([]byte, 31)), base64.StdEncoding.EncodeToString(make([]byte, 33))} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(path, dir, true); err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a file that holds %q: got error %v, want one that names the file and not its content", text, err)
		}
	}
}

// TestMissingKeyH4: a fresh key beside a database that another one seals would
// lock its owner out.
func TestMissingKeyH4(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	key, err := LoadKey(path, dir, true)
	if err != nil {
		t.Fatal(err)
	}
	openIdle(t, Config{Dir: dir, Key: key})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path, dir, true); err == nil || !strings.Contains(err.Error(), "put the file back") {
		t.Errorf("got error %v, want one that asks for the file", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a fresh key was made beside the database")
	}
}

// TestNoSecretOnDiskH1 plants secrets and looks for them in every byte of the
// data folder but the key file.
func TestNoSecretOnDiskH1(t *testing.T) {
	dir := t.TempDir()
	key, err := LoadKey(filepath.Join(dir, "key"), dir, true)
	if err != nil {
		t.Fatal(err)
	}
	s := openIdle(t, Config{Dir: dir, Key: key})
	w := plant(t, s)
	e := endpoint(t, w, "Visible canary")
	canaries := map[string]string{
		"basic password":     "canary-basic-password-5f2a",
		"former password":    "canary-former-password-77c1",
		"signing key":        "canary-signing-key-\x00\x01\x02\x03-9b3d",
		"the key that seals": string(key[:]),
	}
	setPassword(t, w, e.ID, canaries["former password"])
	setPassword(t, w, e.ID, canaries["basic password"])
	if _, err := s.AddSigningKey(t.Context(), []byte(canaries["signing key"])); err != nil {
		t.Fatal(err)
	}
	look := func(when string) {
		t.Helper()
		found, all := files(t, dir), ""
		for name, text := range found {
			if name == "key" {
				continue
			}
			all += text
			for what, secret := range canaries {
				for form, spelt := range map[string]string{
					"as it is": secret, "in base64": base64.StdEncoding.EncodeToString([]byte(secret)),
					"in unpadded base64url": base64.RawURLEncoding.EncodeToString([]byte(secret)), "in hex": hex.EncodeToString([]byte(secret)),
				} {
					if strings.Contains(text, spelt) {
						t.Errorf("%s: %s holds the %s %s", when, name, what, form)
					}
				}
			}
		}
		if !strings.Contains(all, "Visible canary") {
			t.Errorf("%s: the endpoint's name is nowhere: this test looks at the wrong files", when)
		}
	}
	look("open")
	if name := "iotman.db-wal"; files(t, dir)[name] == "" {
		t.Errorf("no %s: this test looks at the wrong files", name)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	look("closed")
}
