package store

import (
	"testing"

	"iotman/iot"
)

// FuzzCursor: Position opens what Cursor made for this list of this workspace,
// and nothing else.
//
//	go test -fuzz FuzzCursor -fuzztime 1m ./store
func FuzzCursor(f *testing.F) {
	w := openIdle(f, Config{}).Workspace("0192d3a4-0000-7000-8000-000000000001")
	other := w.s.Workspace("0192d3a4-0000-7000-8000-000000000002")
	good := w.Cursor("events", "42")
	for _, c := range []string{good, good + "=", good + "\n", good[1:], good + "A", "", "=", "42", other.Cursor("events", "42"), w.Cursor("audit", "42"), w.Cursor("events", ""), "\x00", "ü"} {
		f.Add("events", c)
		f.Add("", c)
		f.Add("events 6 ", c)
	}
	f.Fuzz(func(t *testing.T, list, cursor string) {
		position, err := w.Position(list, cursor)
		if err != nil {
			wantKind(t, err, iot.NotFound)
			return
		}
		if cursor != "" && cursor != w.Cursor(list, position) || cursor == "" && position != "" {
			t.Errorf("%q opens in %q as %q, whose cursor is %q", cursor, list, position, w.Cursor(list, position))
		}
		if _, err := other.Position(list, cursor); err == nil && cursor != "" {
			t.Errorf("%q opens in another workspace", cursor)
		}
	})
}
