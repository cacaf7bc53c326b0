package store

import (
	"strings"
	"testing"

	"iotman/iot"
)

func TestCursorB8(t *testing.T) {
	s := openIdle(t, Config{})
	w, other := s.Workspace(NewID()), s.Workspace(NewID())
	for _, position := range []string{"1", "42", strings.Repeat("9", 100), string(NewID()), "\x00"} {
		c := w.Cursor("events", position)
		if got, err := w.Position("events", c); err != nil || got != position {
			t.Errorf("got %q, %v, want %q", got, err, position)
		}
		_, err := other.Position("events", c)
		wantKind(t, err, iot.NotFound)
		_, err = w.Position("endpoints", c)
		wantKind(t, err, iot.NotFound)
	}
	if got, err := w.Position("events", ""); err != nil || got != "" {
		t.Errorf("no cursor: got %q, %v, want none", got, err)
	}
	elsewhere := openIdle(t, Config{Key: Key{9}})
	_, err := elsewhere.Workspace(w.id).Position("events", w.Cursor("events", "42"))
	wantKind(t, err, iot.NotFound)
}

// TestForgedCursorB8 changes every character of a cursor into every other.
func TestForgedCursorB8(t *testing.T) {
	w := openIdle(t, Config{}).Workspace(NewID())
	for _, position := range []string{"1", "42", "424"} { // every length of padding
		good := w.Cursor("events", position)
		forged := []string{
			"=", "42", good + "A", good[1:], good[:len(good)-1], good + "=", good + "\n", good[:4] + "\r\n" + good[4:], " " + good,
			w.Cursor("events", ""), strings.Repeat("A", 100_000), "ü", "\x00",
		}
		for i := range good {
			for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/" {
				if f := good[:i] + string(c) + good[i+1:]; f != good {
					forged = append(forged, f)
				}
			}
		}
		for _, f := range forged {
			if got, err := w.Position("events", f); err == nil || iot.KindOf(err) != iot.NotFound {
				t.Errorf("%.40q for %q: got %q, %v, want not found", f, good, got, err)
			}
		}
	}
}

// TestCursorParts: what separates the list's name from the position cannot be
// forged into either.
func TestCursorParts(t *testing.T) {
	w := openIdle(t, Config{}).Workspace(NewID())
	for _, parts := range [][2]string{{"a\x00b", "c"}, {"a", "b\x00c"}, {"a\x00b\x00c", "d"}} {
		for _, list := range []string{"a", "a\x00b", "a\x00b\x00c"} {
			if got, err := w.Position(list, w.Cursor(parts[0], parts[1])); (err == nil) != (list == parts[0]) {
				t.Errorf("a cursor of %q at %q in %q: got %q, %v", parts[0], parts[1], list, got, err)
			}
		}
	}
}
