package oauth_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iotman/iot"
	"iotman/oauth"
)

// signText signs a header and claims as they stand, which may be no JSON that
// a map gives.
func (h *house) signText(header, claims string) string {
	h.t.Helper()
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	sig, err := rsa.SignPKCS1v15(rand.Reader, h.key, crypto.SHA256, sha(text))
	h.must(err)
	return text + "." + b64(sig)
}

// TestA20Tokens: a token has one text, with the header and the claims that we
// write; all others are refused in the same words, and none is remembered.
func TestA20Tokens(t *testing.T) {
	h, theirs := newHouse(t), newHouse(t)
	stranger, err := attackersKey()
	h.must(err)
	good := h.token()
	header, claims := h.parts(good)
	ours := func(name string, v any) string { return h.sign(h.key, crypto.SHA256, with(header, name, v), claims) }
	text := strings.Split(good, ".")
	head, err := base64.RawURLEncoding.DecodeString(text[0])
	h.must(err)
	body, err := base64.RawURLEncoding.DecodeString(text[1])
	h.must(err)
	first := func(text []byte, member string) string { return "{" + member + "," + string(text[1:]) }
	last := func(text []byte, member string) string { return string(text[:len(text)-1]) + "," + member + "}" }
	h.accepted("signed again", h.signText(string(head), string(body)))

	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	loose := good[:len(good)-1] + digits[strings.IndexByte(digits, good[len(good)-1])+1:][:1] // the spare bits of the last digit
	was, shown := h.issuer.Known(), iot.Problem{}
	for i, test := range []struct{ what, token string }{
		{"a wrong signature", good[:len(good)-8] + "AAAAAAAA"}, // its words are those of all
		{"duplicate wid, last", h.signText(string(head), last(body, `"wid":"0"`))},
		{"duplicate scope, first", h.signText(string(head), first(body, `"scope":"workspace:own"`))},
		{"duplicate exp", h.signText(string(head), last(body, `"exp":9999999999`))},
		{"duplicate of no meaning", h.signText(string(head), last(body, `"x":1,"x":1`))},
		{"duplicate, escaped", h.signText(string(head), last(body, `"\u0077id":"0"`))},
		{"ISS for iss", h.signText(string(head), strings.Replace(string(body), `"iss"`, `"ISS"`, 1))},
		{"duplicate kid", h.signText(first(head, `"kid":"x"`), string(body))},
		{"duplicate alg", h.signText(first(head, `"alg":"none"`), string(body))},
		{"alg twice", h.signText(last(head, `"alg":"RS256"`), string(body))},
		{"two objects", h.signText(string(head), string(body)+"{}")},
		{"jku, our signature", ours("jku", "https://evil.example/jwks")},
		{"x5u, our signature", ours("x5u", "https://evil.example/cert")},
		{"x5t, our signature", ours("x5t", "AAAA")},
		{"crit empty", ours("crit", []string{})},
		{"crit null", h.signText(last(head, `"crit":null`), string(body))},
		{"crit with b64 true", h.sign(h.key, crypto.SHA256, with(with(header, "crit", []string{"b64"}), "b64", true), claims)},
		{"b64 true without crit", ours("b64", true)},
		{"cty", ours("cty", "JWT")},
		{"alg null", h.signText(strings.Replace(string(head), `"RS256"`, `null`, 1), string(body))},
		{"alg rs256", ours("alg", "rs256")},
		{"a header with spaces", h.signText("{ "+string(head[1:]), string(body))},
		{"spare bits", loose},
		{"a line end within", text[0] + "." + text[1] + "." + text[2][:9] + "\n" + text[2][9:]},
		{"a line end in the claims", text[0] + "." + text[1][:9] + "\r\n" + text[1][9:] + "." + text[2]},
		{"a line end after", good + "\r\n"},
		{"a space before", " " + good},
		{"another server's", theirs.token()},
		{"another server's, our key's id", h.sign(stranger, crypto.SHA256, header, claims)},
		{"four parts", good + "."},
		{"8 KiB of one letter", strings.Repeat("A", 8<<10)},
		{"dots", strings.Repeat(".", 8<<10)},
		{"nested", b64([]byte(strings.Repeat("[", 4000))) + "." + text[1] + "." + text[2]},
		{"not UTF-8", "\xff.\xff.\xff"},
		{"from the future", h.sign(h.key, crypto.SHA256, header, with(claims, "iat", h.store.Now().Unix()+61))},
	} {
		_, err := h.issuer.Verify(t.Context(), test.token)
		if iot.KindOf(err) != iot.Unauthenticated {
			t.Errorf("%s: got %v, want Unauthenticated", test.what, err)
			continue
		}
		if i == 0 {
			shown = iot.ProblemOf(err)
		}
		if diff := cmp.Diff(shown, iot.ProblemOf(err)); diff != "" {
			t.Errorf("%s is told from the others: %s", test.what, diff)
		}
		if sig := text[2]; strings.Contains(err.Error(), sig) || strings.Contains(err.Error(), string(body)) {
			t.Errorf("%s: the error holds the token: %v", test.what, err) // H5
		}
	}
	if n := h.issuer.Known(); n != was {
		t.Errorf("got %d tokens remembered, want %d as before", n, was)
	}
	h.accepted("the original", good)
}

// TestVerifySize: what is longer than any token of ours is not even parsed.
func TestVerifySize(t *testing.T) {
	h := newHouse(t)
	r := h.request()
	r.Scope = strings.Repeat("data:read ", 400)
	long, err := h.issuer.Issue(t.Context(), r)
	h.must(err)
	h.accepted("a long one", long)
	r.Scope = strings.Repeat("data:read ", 700)
	longer, err := h.issuer.Issue(t.Context(), r)
	h.must(err)
	if len(long) > 8<<10 || len(longer) <= 8<<10 {
		t.Fatalf("got tokens of %d and %d bytes, want the limit of 8 KiB between them", len(long), len(longer))
	}
	h.refused("a longer one", longer)
}

// TestIssueBounds: a token lives a second at the least and a day at the most.
func TestIssueBounds(t *testing.T) {
	h := newHouse(t)
	for life, ok := range map[string]bool{"-1s": false, "0s": false, "999999999ns": false, "1s": true, "24h": true, "24h0m0.000000001s": false, "1000h": false} {
		r := h.request()
		r.Life = duration(t, life)
		token, err := h.issuer.Issue(t.Context(), r)
		if ok && err == nil {
			h.accepted(life, token)
			continue
		}
		if p := iot.ProblemOf(err); ok || iot.KindOf(err) != iot.Invalid || p.Field != "ttl" || !strings.Contains(p.Detail, oauth.MaxTokenLife.String()) {
			t.Errorf("a life of %s: got %v, want ok %t", life, err, ok)
		}
	}
	r := h.request()
	r.Workspace = "0"
	if _, err := h.issuer.Issue(t.Context(), r); iot.KindOf(err) != iot.NotFound {
		t.Errorf("a workspace of nobody: got %v, want NotFound", err)
	}
}
