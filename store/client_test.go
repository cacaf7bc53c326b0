package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"iotman/iot"
)

func registered() iot.Client {
	return iot.Client{Name: "App", Public: true, ClientSettings: iot.ClientSettings{GrantTypes: []string{iot.GrantCode}, RedirectURIs: []string{"https://app/cb"}}}
}

// crowd adds clients that registered themselves, used at a moment, 0 for never.
func crowd(t *testing.T, s *Store, n int, created time.Time, used int64) {
	t.Helper()
	raw(t, s, `INSERT INTO clients (workspace_id, id, slug, name, settings, secret, registration, version, created_at, updated_at, used_at)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		SELECT '', 'c' || ? || '-' || i, 'c' || ? || '-' || i, 'C', '{}', x'', x'', 0, ?, ?, ? FROM n`, n, used, used, created.UnixMicro(), created.UnixMicro(), used)
}

// TestA11Crowded: a thousand clients may have registered themselves. Of more,
// those make room that got no token within an hour; where all are used, the next
// is refused.
func TestA11Crowded(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	register := func() error {
		_, err := s.RegisterClient(t.Context(), registered(), Credentials{Registration: DigestOf("x")})
		return err
	}
	crowd(t, s, MaxRegistered-1, now.now(), now.now().UnixMicro())
	if err := register(); err != nil {
		t.Fatal(err)
	}
	wantKind(t, register(), iot.Unavailable)
	now.add(time.Hour)
	wantKind(t, register(), iot.Unavailable) // an hour, and not more yet
	now.add(time.Microsecond)
	if err := register(); err != nil {
		t.Fatalf("where one was never used: %v", err)
	}
	if n := count(t, s, `SELECT COUNT(*) FROM clients`); n != MaxRegistered {
		t.Errorf("got %d clients, want %d", n, MaxRegistered)
	}
	now.add(100 * day) // those that nobody used for so long go, too
	if err := register(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT COUNT(*) FROM clients`); n != 1 {
		t.Errorf("got %d clients, want the new one alone", n)
	}
}

// TestClientsSwept: one that never got a token goes after a day, one that did
// after a hundred; a workspace's own stay.
func TestClientsSwept(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	w := plant(t, s)
	change(t, w, func(ctx context.Context, tx *Tx) error {
		_, err := tx.CreateClient(ctx, iot.Client{Name: "Robot", ClientSettings: iot.ClientSettings{GrantTypes: []string{iot.GrantCredentials}}}, DigestOf("x"))
		return err
	})
	crowd(t, s, 3, now.now(), 0)
	crowd(t, s, 5, now.now(), now.now().UnixMicro())
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{day, 9}, {time.Microsecond, 6}, {99*day - time.Microsecond, 6}, {time.Microsecond, 1}, {1000 * day, 1}} {
		now.add(step.after)
		sweep(t, s)
		if n := count(t, s, `SELECT COUNT(*) FROM clients`); n != step.want {
			t.Errorf("after %s more: got %d clients, want %d", step.after, n, step.want)
		}
	}
}

// TestClientTouched: that a client is used is known to the hour.
func TestClientTouched(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	w := plant(t, s)
	c, err := s.RegisterClient(t.Context(), registered(), Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	began := now.now()
	for i, want := range []time.Duration{0, 0, 70 * time.Minute} {
		g := granted(t, w)
		g.Client = c.ID
		if err := w.IssueToken(t.Context(), g, NewID(), now.now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		got, _, err := s.Client(t.Context(), c.ID)
		if err != nil || !got.LastUsedAt.Equal(began.Add(want)) {
			t.Errorf("use %d: got %v, %v, want %v", i, got.LastUsedAt, err, began.Add(want))
		}
		now.add(35 * time.Minute)
	}
}

// TestClientDocument: a document is known until its end, replaced by the next,
// swept after it; of too many all go.
func TestClientDocument(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	keep := func(url, text string) {
		t.Helper()
		if err := s.KeepClientDocument(t.Context(), url, text, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	want := func(url, text string) {
		t.Helper()
		if got, err := s.ClientDocument(t.Context(), url); err != nil || got != text {
			t.Errorf("%s: got %q, %v, want %q", url, got, err, text)
		}
	}
	keep("https://a/x", "1")
	keep("https://a/x", "2")
	want("https://a/x", "2")
	want("https://a/y", "")
	now.add(time.Hour - time.Microsecond)
	want("https://a/x", "2")
	now.add(time.Microsecond)
	want("https://a/x", "")
	now.add(time.Microsecond)
	sweep(t, s)
	if n := count(t, s, `SELECT COUNT(*) FROM client_documents`); n != 0 {
		t.Errorf("got %d documents after a sweep, want none", n)
	}
	raw(t, s, fmt.Sprintf(`INSERT INTO client_documents (client_id, document, expires_at)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT 'u' || i, 'x', 9999999999999999 FROM n`, maxClientDocuments))
	keep("https://a/z", "3")
	want("https://a/z", "3")
	if n := count(t, s, `SELECT COUNT(*) FROM client_documents`); n != 1 {
		t.Errorf("got %d documents, want the new one alone", n)
	}
}
