package oauth

import (
	"crypto/rand"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"iotman/iot"
	"iotman/store"
)

// The prefixes of what is given out, so that a person, or a scanner for leaked
// secrets, knows it by sight.
const (
	codePrefix         = "iot_ac_"
	refreshPrefix      = "iot_rt_"
	keyPrefix          = "iot_ak_"
	secretPrefix       = "iot_cs_"
	registrationPrefix = "iot_rg_"
)

// secretBytes is how much of a secret is random.
const secretBytes = 32

// newSecret returns a secret that names its workspace: rows are found by
// workspace and digest.
func newSecret(prefix string, ws iot.ID) (string, error) {
	id, err := uuid.Parse(string(ws))
	if err != nil {
		return "", err
	}
	b := make([]byte, secretBytes, secretBytes+16)
	rand.Read(b) // never fails (crypto/rand)
	b = append(b, id[:]...)
	return prefix + base64.RawURLEncoding.EncodeToString(b), nil
}

// randomSecret returns a secret that names nothing.
func randomSecret(prefix string) string { return prefix + rand.Text() + rand.Text() }

// sealed is a secret as it is looked up.
type sealed struct {
	workspace iot.ID
	hash      store.Digest
}

// parseSecret reads a secret that newSecret made; false for anything else.
func parseSecret(prefix, secret string) (sealed, bool) {
	text, ok := strings.CutPrefix(secret, prefix)
	if !ok || len(text) != base64.RawURLEncoding.EncodedLen(16+secretBytes) {
		return sealed{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return sealed{}, false
	}
	return sealed{iot.ID(uuid.UUID(b[secretBytes:]).String()), store.DigestOf(secret)}, true
}
