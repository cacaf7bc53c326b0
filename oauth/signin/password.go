package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"iotman/iot"
)

// How a password is hashed: argon2id (RFC 9106) with OWASP's parameters for 19
// MiB.
const (
	argonTime   = 2
	argonMemory = 19 << 10 // KiB
	argonLanes  = 1
	argonSalt   = 16
	argonKey    = 32
)

// The bounds of a password, in bytes (NIST SP 800-63B section 3.1.1.2).
const (
	MinPassword = 12
	MaxPassword = 1024
)

// phc is the form in which a password is kept.
const phc = "$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s"

// decoy is what a password is held against where there is none, so that this
// takes as long.
const decoy = "$argon2id$v=19$m=19456,t=2,p=1$bm8gYWNjb3VudCwgc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func hashWith(password string, salt []byte) string {
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonKey)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf(phc, argonMemory, argonTime, argonLanes, b64(salt), b64(key))
}

// SetPassword gives the account a password, and signs it out everywhere; ""
// takes the password away.
func (d *Desk) SetPassword(ctx context.Context, account iot.ID, password string) error {
	if password == "" {
		return d.st.SetPasswordHash(ctx, account, "")
	}
	if len(password) < MinPassword || len(password) > MaxPassword {
		return iot.Errorf(iot.Invalid, "a password has %d to %d bytes; got %d", MinPassword, MaxPassword, len(password)).At("password").
			Hinting("a few random words are good")
	}
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails (crypto/rand)
	return d.st.SetPasswordHash(ctx, account, hashWith(password, salt))
}

// matches reports whether a password is the one of the hash; where there is no
// hash it takes as long to say no.
func (d *Desk) matches(ctx context.Context, password, hash string) (bool, error) {
	select {
	case d.hashes <- struct{}{}:
		defer func() { <-d.hashes }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	known := hash != "" && len(password) <= MaxPassword
	if !known {
		hash, password = decoy, ""
	}
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return false, fmt.Errorf("a password hash has %d parts", len(parts))
	}
	var memory, time uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &lanes); err != nil {
		return false, fmt.Errorf("a password hash: %w", err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("a password hash: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, fmt.Errorf("a password hash: %w", err)
	}
	got := argon2.IDKey([]byte(password), salt, time, memory, lanes, argonKey)
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}
