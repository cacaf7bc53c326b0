package oauth_test

import (
	"crypto"
	"encoding/json"
	"strconv"
	"testing"
	"time"
)

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func number(t time.Time) json.Number { return json.Number(strconv.FormatInt(t.Unix(), 10)) }

// TestA21Times: exp holds to the second; iat and nbf may be a minute ahead.
func TestA21Times(t *testing.T) {
	h := newHouse(t)
	header, claims := h.parts(h.token())
	now := h.store.Now().Unix()
	for _, test := range []struct {
		claim string
		at    int64 // seconds from now
		ok    bool
	}{
		{"exp", 1, true}, {"exp", 0, false}, {"exp", -1, false}, {"exp", -60, false},
		{"iat", 0, true}, {"iat", 59, true}, {"iat", 60, true}, {"iat", 61, false}, {"iat", 3600, false}, {"iat", 1 << 40, false},
		{"iat", -3600, true}, {"iat", -now, true}, {"iat", -1<<63 + 1, true},
		{"nbf", 0, true}, {"nbf", 60, true}, {"nbf", 61, false}, {"nbf", 1 << 40, false}, {"nbf", -3600, true},
	} {
		token := h.sign(h.key, crypto.SHA256, header, with(claims, test.claim, now+test.at))
		for range 2 { // the second time it may be remembered
			if test.ok {
				h.accepted(test.claim, token)
			} else {
				h.refused(test.claim, token)
			}
		}
	}
}

// TestA21ToTheSecond: the expiry of a token that is remembered is the second
// that its exp names, by the store's clock alone.
func TestA21ToTheSecond(t *testing.T) {
	h := newHouse(t)
	h.add(400 * time.Millisecond) // issued within a second
	r := h.request()
	r.Life = 90 * time.Second
	token, err := h.issuer.Issue(t.Context(), r)
	h.must(err)
	_, claims := h.parts(token)
	exp := time.Date(2026, 11, 22, 10, 1, 30, 0, time.UTC)
	if claims["exp"] != number(exp) {
		t.Errorf("got exp %v, want %s", claims["exp"], number(exp))
	}
	h.accepted("new", token)
	h.us.Store(exp.UnixMicro() - 1)
	h.accepted("in its last microsecond", token)
	h.us.Store(exp.UnixMicro())
	h.refused("at its exp", token)
	if n := h.issuer.Known(); n != 0 {
		t.Errorf("got %d tokens remembered, want none: it has expired", n)
	}
}
