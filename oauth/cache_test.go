package oauth_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"iotman/iot"
	"iotman/oauth"
)

// TestKnownIsBounded: however many tokens there are, only so many are
// remembered, and one that was forgotten is as good as before.
func TestKnownIsBounded(t *testing.T) {
	h := newHouse(t)
	first := h.token()
	h.accepted("first", first)
	h.issuer.Fill(oauth.MaxKnown + 10)
	if n := h.issuer.Known(); n != oauth.MaxKnown {
		t.Errorf("got %d tokens remembered, want %d", n, oauth.MaxKnown)
	}
	h.accepted("forgotten", first)
	if n := h.issuer.Known(); n != oauth.MaxKnown {
		t.Errorf("got %d tokens remembered, want %d", n, oauth.MaxKnown)
	}
}

// TestKnownOnce: a token takes one place, and leaves it when it is revoked.
func TestKnownOnce(t *testing.T) {
	h := newHouse(t)
	token := h.token()
	var access oauth.Access
	for range 3 {
		access = h.accepted("again", token)
	}
	if n := h.issuer.Known(); n != 1 {
		t.Errorf("got %d tokens remembered, want 1", n)
	}
	h.must(h.store.Workspace(h.ws.ID).RevokeGrant(t.Context(), access.Grant.ID))
	h.refused("revoked", token)
	if n := h.issuer.Known(); n != 0 {
		t.Errorf("got %d tokens remembered, want none: it was revoked", n)
	}
}

// TestRevokedWhileVerified: no Verify that began after a revocation succeeds,
// whatever others, that began before it, remembered.
func TestRevokedWhileVerified(t *testing.T) {
	h := newHouse(t)
	for range 50 {
		token := h.token()
		access := h.accepted("new", token)
		var revoked atomic.Bool
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for !revoked.Load() {
					h.issuer.Forget() // so that the rows are read
					if _, err := h.issuer.Verify(t.Context(), token); err != nil && iot.KindOf(err) != iot.Unauthenticated {
						t.Errorf("got %v, want Unauthenticated", err)
					}
				}
			})
		}
		err := h.store.Workspace(h.ws.ID).RevokeGrant(t.Context(), access.Grant.ID)
		_, late := h.issuer.Verify(t.Context(), token)
		revoked.Store(true)
		all.Wait()
		h.must(err)
		if iot.KindOf(late) != iot.Unauthenticated {
			t.Fatalf("at once: got %v, want Unauthenticated", late)
		}
		h.refused("revoked", token)
	}
}

// TestVerifyTogether: many tokens, many goroutines, one place each.
func TestVerifyTogether(t *testing.T) {
	h := newHouse(t)
	tokens := make([]string, 8)
	for i := range tokens {
		tokens[i] = h.token()
	}
	_, claims := h.parts(tokens[3])
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				for i, token := range tokens {
					access, err := h.issuer.Verify(t.Context(), token)
					if err != nil || (string(access.Token) == claims["jti"]) != (i == 3) {
						t.Errorf("token %d: got %s, %v", i, access.Token, err)
					}
				}
			}
		})
	}
	all.Wait()
	if n := h.issuer.Known(); n != len(tokens) {
		t.Errorf("got %d tokens remembered, want %d", n, len(tokens))
	}
}
