package store

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"iotman/iot"
)

// The kinds of secrets that are found by their digest in one workspace's rows:
// each begins with what it is, so that a person, or a scanner for leaked
// secrets, knows it by sight.
const (
	CodeSecret    = "iot_ac_" // an authorization code
	RefreshSecret = "iot_rt_" // a refresh token
	APIKeySecret  = "iot_ak_" // an API key
)

// secretBytes is how much of a secret is random.
const secretBytes = 32

// NewSecret returns a secret of the kind that names its workspace, behind what
// is random.
func NewSecret(kind string, ws iot.ID) (string, error) {
	id, err := uuid.Parse(string(ws))
	if err != nil {
		return "", fmt.Errorf("make a secret: %w", err)
	}
	b := make([]byte, secretBytes, secretBytes+len(id))
	rand.Read(b) // never fails (crypto/rand)
	return kind + base64.RawURLEncoding.EncodeToString(append(b, id[:]...)), nil
}

// ParseSecret returns the workspace and the digest of a secret that NewSecret
// made; false for anything else.
func ParseSecret(kind, secret string) (ws iot.ID, hash Digest, ok bool) {
	text, ok := strings.CutPrefix(secret, kind)
	if !ok || len(text) != base64.RawURLEncoding.EncodedLen(secretBytes+16) {
		return "", Digest{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return "", Digest{}, false
	}
	return iot.ID(uuid.UUID(b[secretBytes:]).String()), DigestOf(secret), true
}

// NewClientSecret returns a secret of an OAuth client, which names nothing.
func NewClientSecret() string { return "iot_cs_" + rand.Text() + rand.Text() }
