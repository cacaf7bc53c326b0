package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"iotman/iot"
)

const macSize = 12

// Cursor returns an opaque cursor that holds a position in one list of this
// workspace. It opens only there: what a client changed, or brought from
// another workspace or list, does not open.
func (w *Workspace) Cursor(list, position string) string {
	return base64.RawURLEncoding.EncodeToString(append(w.s.cursorMAC(w.id, list, position), position...))
}

// Position opens a cursor of the list; "" opens as "".
func (w *Workspace) Position(list, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil && len(b) > macSize {
		position := string(b[macSize:])
		// As it is written, since base64 can write the same bytes in several ways.
		if hmac.Equal([]byte(cursor), []byte(w.Cursor(list, position))) {
			return position, nil
		}
	}
	return "", iot.Errorf(iot.NotFound, "no such cursor").At("cursor").
		Hinting("pass next_cursor as it was answered, with the same filters; without a cursor the list starts anew")
}

func (s *Store) cursorMAC(ws iot.ID, list, position string) []byte {
	key := s.key.derive("cursor")
	m := hmac.New(sha256.New, key[:])
	fmt.Fprintf(m, "%s %d %s %s", ws, len(list), list, position)
	return m.Sum(nil)[:macSize]
}
