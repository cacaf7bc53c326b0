package oauth

import (
	"crypto/rand"

	"iotman/iot"
	"iotman/store"
)

// newRegistrationToken returns a registration access token (RFC 7592).
func newRegistrationToken() string { return "iot_rg_" + rand.Text() + rand.Text() }

// sealed is a secret as it is looked up.
type sealed struct {
	workspace iot.ID
	hash      store.Digest
}

func parseSecret(kind, secret string) (sealed, bool) {
	ws, hash, ok := store.ParseSecret(kind, secret)
	return sealed{ws, hash}, ok
}
