package store

import (
	"context"
	"testing"
	"time"

	"iotman/iot"
)

// TestAPIKeyOf: a key is found by its digest in its own workspace, until it
// expires or is deleted; its last use is known to the hour.
func TestAPIKeyOf(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	w, other := plant(t, s), plant(t, s)
	hash, lasting := DigestOf("key"), DigestOf("lasting")
	var made, stays iot.APIKey
	change(t, w, func(ctx context.Context, tx *Tx) (err error) {
		until := iot.Micros(now.now().Add(3 * time.Hour).UnixMicro())
		if made, err = tx.CreateAPIKey(ctx, iot.APIKey{Name: "Script", Prefix: "iot_ak_abc", Scope: "data:read", ExpiresAt: until}, hash); err != nil {
			return err
		}
		stays, err = tx.CreateAPIKey(ctx, iot.APIKey{Name: "Script", Scope: "data:read"}, lasting)
		return err
	})
	if made.Slug != "script" || stays.Slug == made.Slug {
		t.Errorf("got slugs %q and %q, want two", made.Slug, stays.Slug)
	}
	began := now.now()
	for _, used := range []time.Duration{0, 0, 70 * time.Minute} {
		got, slug, err := w.APIKeyOf(t.Context(), hash)
		if err != nil || got.ID != made.ID || slug == "" {
			t.Errorf("got %+v of %q, %v", got, slug, err)
		}
		if got, err = w.APIKey(t.Context(), made.ID); err != nil || !got.LastUsedAt.Equal(began.Add(used)) {
			t.Errorf("got last used %v, %v, want %v", got.LastUsedAt, err, began.Add(used))
		}
		now.add(35 * time.Minute)
	}
	_, _, err := other.APIKeyOf(t.Context(), hash)
	wantKind(t, err, iot.Unauthenticated)
	_, _, err = w.APIKeyOf(t.Context(), Digest{})
	wantKind(t, err, iot.Unauthenticated)
	now.us.Store(began.Add(3*time.Hour).UnixMicro() - 1)
	if _, _, err := w.APIKeyOf(t.Context(), hash); err != nil {
		t.Errorf("in its last microsecond: %v", err)
	}
	now.add(time.Microsecond)
	_, _, err = w.APIKeyOf(t.Context(), hash)
	wantKind(t, err, iot.Unauthenticated)
	now.add(1000 * day)
	if _, _, err := w.APIKeyOf(t.Context(), lasting); err != nil {
		t.Errorf("one without an end: %v", err)
	}
	change(t, w, func(ctx context.Context, tx *Tx) error { return tx.DeleteAPIKey(ctx, stays.ID) })
	_, _, err = w.APIKeyOf(t.Context(), lasting)
	wantKind(t, err, iot.Unauthenticated)
}
