package store

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Digest is the SHA-256 of a secret that a machine made: so much randomness
// needs no slow hash. What is kept of codes, tokens, links and cookies is this.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a secret.
func DigestOf(secret string) Digest { return sha256.Sum256([]byte(secret)) }

// Is reports whether the digest is the secret's, in a time that tells nothing.
// The zero digest is no secret's.
func (d Digest) Is(secret string) bool {
	got := DigestOf(secret)
	return subtle.ConstantTimeCompare(d[:], got[:]) == 1
}

// bytes is the digest as a column holds it: empty for the zero digest.
func (d Digest) bytes() []byte {
	if d == (Digest{}) {
		return []byte{}
	}
	return d[:]
}

func digest(column []byte) (d Digest) {
	copy(d[:], column)
	return d
}
