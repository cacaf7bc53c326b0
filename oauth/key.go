package oauth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iotman/iot"
	"iotman/store"
)

// keyBits is the size of a signing key (RFC 7518 section 3.3 asks for 2048 at
// the least).
const keyBits = 2048

// The life of a signing key: it is published before it signs, so that whoever
// keeps the key set for a while knows it by then; and stays published until the
// last token that it signed has expired.
const (
	keyLife      = 90 * 24 * time.Hour
	publishAhead = 24 * time.Hour
	keepKeys     = MaxTokenLife + time.Hour
)

// keys are the signing keys at one moment: one signs, all verify.
type keys struct {
	signer jose.Signer
	byID   map[string]*rsa.PublicKey
	jwks   []byte
	read   iot.Time
}

// loadKeys reads the signing keys and makes one where there is none.
func loadKeys(ctx context.Context, st *store.Store) (*keys, error) {
	rows, err := st.SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the signing keys: %w", err)
	}
	if len(rows) == 0 {
		row, err := addKey(ctx, st)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	ks := &keys{byID: map[string]*rsa.PublicKey{}, read: st.Now()}
	var set jose.JSONWebKeySet
	signing := signingKey(rows, st.Now())
	for i, row := range rows {
		private, err := x509.ParsePKCS1PrivateKey(row.Private)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", row.ID, err)
		}
		kid := string(row.ID)
		ks.byID[kid] = &private.PublicKey
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &private.PublicKey, KeyID: kid, Algorithm: string(jose.RS256), Use: "sig"})
		if i != signing {
			continue
		}
		ks.signer, err = jose.NewSigner(
			jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: private, KeyID: kid}},
			(&jose.SignerOptions{}).WithType(tokenType))
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", kid, err)
		}
	}
	ks.jwks, err = json.Marshal(set)
	return ks, err
}

func addKey(ctx context.Context, st *store.Store) (store.SigningKey, error) {
	k, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("make a signing key: %w", err)
	}
	row, err := st.AddSigningKey(ctx, x509.MarshalPKCS1PrivateKey(k))
	if err != nil {
		return row, fmt.Errorf("keep a signing key: %w", err)
	}
	return row, nil
}

// signingKey returns which of the keys, newest first, signs now: the newest that
// was published long enough, else the oldest.
func signingKey(rows []store.SigningKey, now iot.Time) int {
	for i, row := range rows {
		if now.Sub(row.CreatedAt.Time) >= publishAhead {
			return i
		}
	}
	return len(rows) - 1
}

// Rotate makes the next signing key when the newest is old, and forgets those
// whose last token has expired. It reads the keys anew, so that a key which
// another node made is known here.
func (i *Issuer) Rotate(ctx context.Context) error {
	rows, err := i.st.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("read the signing keys: %w", err)
	}
	now := i.st.Now()
	if len(rows) > 0 && now.Sub(rows[0].CreatedAt.Time) > keyLife {
		if _, err := addKey(ctx, i.st); err != nil {
			return err
		}
	}
	for n := 1; n < len(rows); n++ {
		successor := rows[n-1].CreatedAt.Add(publishAhead)
		if now.Sub(successor) > keepKeys {
			if err := i.st.DeleteSigningKey(ctx, rows[n].ID); err != nil {
				return fmt.Errorf("forget a signing key: %w", err)
			}
		}
	}
	return i.reload(ctx)
}

func (i *Issuer) reload(ctx context.Context) error {
	ks, err := loadKeys(ctx, i.st)
	if err == nil {
		i.keys.Store(ks)
	}
	return err
}

// reloadEvery is how often tokens with unknown keys make the keys be read anew.
const reloadEvery = time.Minute

// key returns the public key with the id, nil where there is none. One that is
// unknown may be another node's, and new.
func (i *Issuer) key(ctx context.Context, kid string) *rsa.PublicKey {
	ks := i.keys.Load()
	if k := ks.byID[kid]; k != nil {
		return k
	}
	i.reloading.Lock()
	defer i.reloading.Unlock()
	if ks = i.keys.Load(); i.st.Now().Sub(ks.read.Time) > reloadEvery && i.reload(ctx) == nil {
		ks = i.keys.Load()
	}
	return ks.byID[kid]
}

// RunKeys rotates the keys once an hour until ctx ends. Where that fails, the
// keys stay as they are, and report is told.
func (i *Issuer) RunKeys(ctx context.Context, report func(error)) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := i.Rotate(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
