package oauth_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iotman/iot"
	"iotman/oauth"
)

// TestA1Replay: a code that is used again ends at once all that it brought, and
// only for the client that it was given to.
func TestA1Replay(t *testing.T) {
	for _, method := range []string{iot.AuthMethodNone, iot.AuthMethodPost} {
		f := newFront(t, nil)
		a, thief := f.app(method), f.app(method)
		code := f.code(a)
		first := f.exchange(a.redeem(code))
		second := f.exchange(a.refresh(first.refresh))
		f.wants("another client's replay", f.post("/oauth/token", thief.redeem(code)), http.StatusBadRequest, "invalid_grant")
		f.open("after another client's replay", true, first.access, second.access)
		f.wants("replay", f.post("/oauth/token", a.redeem(code)), http.StatusBadRequest, "invalid_grant")
		f.open("after the replay", false, first.access, second.access)
		for _, token := range []string{first.refresh, second.refresh} {
			f.wants("refresh after the replay", f.post("/oauth/token", a.refresh(token)), http.StatusBadRequest, "invalid_grant")
		}
	}
}

// TestA1Late: a replay is noticed for as long as the code is remembered, a day.
func TestA1Late(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	code := f.code(a)
	got := f.exchange(a.redeem(code))
	f.add(23 * time.Hour)
	f.must(f.store.Sweep(t.Context()))
	got = f.exchange(a.refresh(got.refresh))
	f.wants("replay", f.post("/oauth/token", a.redeem(code)), http.StatusBadRequest, "invalid_grant")
	f.open("after a late replay", false, got.access)
}

// TestA1AtOnce: of many who present a code at the same time one gets tokens.
func TestA1AtOnce(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	for range 5 {
		code := f.code(a)
		var all sync.WaitGroup
		var got atomic.Int64
		for range 8 {
			all.Go(func() {
				switch r := f.post("/oauth/token", a.redeem(code)); {
				case r.status == http.StatusOK:
					got.Add(1)
				default:
					f.wants("at once", r, http.StatusBadRequest, "invalid_grant")
				}
			})
		}
		all.Wait()
		if got.Load() != 1 {
			t.Errorf("got %d answers with tokens, want 1", got.Load())
		}
	}
}

// TestA2Bound: a code is worth nothing to another client, and at another
// redirect URI, and is none the worse for it.
func TestA2Bound(t *testing.T) {
	f := newFront(t, nil)
	a, thief, public := f.app(iot.AuthMethodPost), f.app(iot.AuthMethodPost), f.app(iot.AuthMethodNone)
	code := f.code(a)
	for what, form := range map[string]url.Values{
		"another client":          thief.redeem(code),
		"a public client":         public.redeem(code),
		"another redirect URI":    set(a.redeem(code), "redirect_uri", "https://evil.example/cb"),
		"no redirect URI":         set(a.redeem(code), "redirect_uri"),
		"a redirect URI with /":   set(a.redeem(code), "redirect_uri", appRedirect+"/"),
		"no code":                 set(a.redeem(code), "code"),
		"a bent code":             a.redeem(bent(code)),
		"a code in capitals":      a.redeem(strings.ToUpper(code)),
		"a refresh token's name":  a.redeem(strings.Replace(code, "iot_ac_", "iot_rt_", 1)),
		"the code twice, in text": a.redeem(code + " " + code),
	} {
		if r := f.post("/oauth/token", form); r.status != http.StatusBadRequest || r.str("error") != "invalid_grant" {
			t.Errorf("%s: got %d %s, want 400 invalid_grant", what, r.status, r.text)
		}
	}
	f.exchange(a.redeem(code))
}

// TestA3Old: a code lives a minute.
func TestA3Old(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodNone)
	code, late := f.code(a), f.code(a)
	f.add(time.Minute - time.Microsecond)
	f.exchange(a.redeem(code))
	f.add(time.Microsecond)
	f.wants("after a minute", f.post("/oauth/token", a.redeem(late)), http.StatusBadRequest, "invalid_grant")
}

// TestA4A5Challenge: every client brings an S256 challenge, or is sent back.
func TestA4A5Challenge(t *testing.T) {
	f := newFront(t, nil)
	for _, a := range []app{f.app(iot.AuthMethodNone), f.app(iot.AuthMethodBasic), f.app(iot.AuthMethodPost)} {
		good := f.request(a)
		for what, q := range map[string]url.Values{
			"A4 none":          set(set(good, "code_challenge"), "code_challenge_method"),
			"A4 a method only": set(good, "code_challenge"),
			"A4 empty":         set(good, "code_challenge", ""),
			"A5 plain":         set(set(good, "code_challenge_method", "plain"), "code_challenge", verifier),
			"A5 no method":     set(good, "code_challenge_method"),
			"A5 s256":          set(good, "code_challenge_method", "s256"),
			"A5 S512":          set(good, "code_challenge_method", "S512"),
			"42 characters":    set(good, "code_challenge", challenge(verifier)[1:]),
			"44 characters":    set(good, "code_challenge", challenge(verifier)+"A"),
			"padding":          set(good, "code_challenge", challenge(verifier)[:42]+"="),
			"another alphabet": set(good, "code_challenge", strings.Repeat("+", 43)),
		} {
			f.sentBack(what, q, "invalid_request")
		}
		f.answer(good, f.consent())
	}
}

// sentBack fails the test unless the client is told of the error, with the
// issuer and its state.
func (f *front) sentBack(what string, q url.Values, code string) {
	f.t.Helper()
	_, err := f.authorize(q)
	to, ok := errors.AsType[*oauth.Redirected](err)
	if !ok {
		f.t.Errorf("%s: got %v, want the client told %s", what, err, code)
		return
	}
	u, err := url.Parse(to.URL)
	f.must(err)
	got := u.Query()
	if got.Get("error") != code || got.Get("error_description") == "" || got.Get("iss") != publicURL || got.Get("state") != q.Get("state") || got.Has("code") {
		f.t.Errorf("%s: got %s, want %s, iss and state", what, to.URL, code)
	}
	if !strings.HasPrefix(to.URL, q.Get("redirect_uri")+"?") {
		f.t.Errorf("%s: got an answer at %s", what, to.URL)
	}
}

// TestA6WrongVerifier: a wrong verifier burns the code, so that nothing comes
// after it: not the right verifier, and not none at all, with which fosite by
// its defaults gave tokens to a client with a secret (finding 3).
func TestA6WrongVerifier(t *testing.T) {
	f := newFront(t, nil)
	for _, method := range []string{iot.AuthMethodNone, iot.AuthMethodPost} {
		a := f.app(method)
		for what, next := range map[string][]string{"no verifier": nil, "an empty one": {""}, "the right one": {verifier}, "a wrong one": {strings.Repeat("x", 43)}} {
			code := f.code(a)
			f.wants("a wrong verifier", f.post("/oauth/token", set(a.redeem(code), "code_verifier", strings.Repeat("y", 43))), http.StatusBadRequest, "invalid_grant")
			r := f.post("/oauth/token", set(a.redeem(code), "code_verifier", next...))
			if r.status != http.StatusBadRequest || r.str("error") != "invalid_grant" && r.str("error") != "invalid_request" {
				t.Errorf("%s, after a wrong one, %s: got %d %s, want it refused", method, what, r.status, r.text)
			}
			f.wants("the right verifier at last", f.post("/oauth/token", a.redeem(code)), http.StatusBadRequest, "invalid_grant")
		}
	}
}

// TestA7A8Verifier: a code has a challenge, and a verifier is what RFC 7636
// section 4.1 says one is.
func TestA7A8Verifier(t *testing.T) {
	f := newFront(t, nil)
	a := f.app(iot.AuthMethodPost)
	for what, v := range map[string]string{
		"A7 none, which a challenge wants": "",
		"A7 of another challenge":          strings.Repeat("z", 43),
		"A7 the challenge itself":          challenge(verifier),
		"A8 42 characters":                 verifier[:42],
		"A8 129 characters":                strings.Repeat("v", 129),
		"A8 a space":                       verifier[:42] + " ",
		"A8 an alphabet of base64":         verifier[:42] + "+",
		"A8 not ASCII":                     verifier[:42] + "ä",
		"A8 a line end":                    verifier + "\n",
	} {
		// Its own challenge, where it could be one.
		q := f.request(a)
		if strings.HasPrefix(what, "A8") {
			q = set(q, "code_challenge", challenge(v))
		}
		code := f.answer(q, f.consent()).Get("code")
		f.wants(what, f.post("/oauth/token", set(a.redeem(code), "code_verifier", v)), http.StatusBadRequest, "invalid_grant")
	}
	for _, v := range []string{strings.Repeat("v", 43), strings.Repeat("~", 128), "AZaz09-._~" + strings.Repeat("x", 40)} {
		code := f.answer(set(f.request(a), "code_challenge", challenge(v)), f.consent()).Get("code")
		f.exchange(set(a.redeem(code), "code_verifier", v))
	}
	// A7: a code without a challenge there never was.
	if _, err := f.authorize(set(f.request(a), "code_challenge")); err == nil {
		t.Error("A7: got a request without a challenge taken")
	}
}
