package oauth_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash.New
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"iotman/store"
)

// sign signs header and claims with RSASSA-PKCS1-v1_5 (RFC 7518 section 3.3).
func (h *house) sign(key *rsa.PrivateKey, hash crypto.Hash, header, claims any) string {
	h.t.Helper()
	a, err := json.Marshal(header)
	h.must(err)
	b, err := json.Marshal(claims)
	h.must(err)
	text := b64(a) + "." + b64(b)
	sum := hash.New()
	sum.Write([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, hash, sum.Sum(nil))
	h.must(err)
	return text + "." + b64(sig)
}

// with returns a copy of m with name set to v; nil removes it.
func with(m map[string]any, name string, v any) map[string]any {
	c := maps.Clone(m)
	if c[name] = v; v == nil {
		delete(c, name)
	}
	return c
}

// TestA20Forged: whatever is wrong with a token's header or signature, it opens
// nothing.
func TestA20Forged(t *testing.T) {
	h := newHouse(t)
	evil, err := attackersKey()
	h.must(err)
	good := h.token()
	header, claims := h.parts(good)
	ours := func(header map[string]any) string { return h.sign(h.key, crypto.SHA256, header, claims) }
	theirs := func(header map[string]any) string { return h.sign(evil, crypto.SHA256, header, claims) }
	h.accepted("the original", good)
	h.accepted("signed again", ours(header))
	h.accepted("a type in capitals", ours(with(header, "typ", "AT+JWT")))

	dot := strings.LastIndexByte(good, '.')
	unsigned, sig := good[:dot], good[dot+1:]
	raw, err := base64.RawURLEncoding.DecodeString(sig)
	h.must(err)
	bent := append([]byte(nil), raw...)
	bent[7] ^= 1
	pub := x509.MarshalPKCS1PublicKey(&h.key.PublicKey)
	spki, err := x509.MarshalPKIXPublicKey(&h.key.PublicKey)
	h.must(err)
	jwk := func(k *rsa.PublicKey) map[string]any {
		return map[string]any{"kty": "RSA", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes()), "kid": h.kid, "alg": "RS256"}
	}
	parts := func(header map[string]any) string {
		b, err := json.Marshal(header)
		h.must(err)
		return b64(b) + "." + strings.Split(good, ".")[1]
	}
	mac := func(secret []byte) string {
		text := parts(with(header, "alg", "HS256"))
		m := hmac.New(crypto.SHA256.New, secret)
		m.Write([]byte(text))
		return text + "." + b64(m.Sum(nil))
	}
	pss, err := rsa.SignPSS(rand.Reader, h.key, crypto.SHA256, sha(parts(with(header, "alg", "PS256"))), nil)
	h.must(err)
	general, err := json.Marshal(map[string]any{"payload": strings.Split(good, ".")[1], "signatures": []any{map[string]any{"protected": strings.Split(good, ".")[0], "signature": sig}}})
	h.must(err)

	for what, token := range map[string]string{
		"alg none":                      parts(with(header, "alg", "none")) + ".",
		"alg None":                      parts(with(header, "alg", "None")) + "." + sig,
		"alg missing":                   parts(with(header, "alg", nil)) + "." + sig,
		"alg empty":                     parts(with(header, "alg", "")) + ".",
		"HS256 with the public key":     mac(pub),
		"HS256 with the key as SPKI":    mac(spki),
		"HS256 with the key as PEM":     mac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})),
		"HS256 with nothing":            mac(nil),
		"RS384":                         h.sign(h.key, crypto.SHA384, with(header, "alg", "RS384"), claims),
		"RS512":                         h.sign(h.key, crypto.SHA512, with(header, "alg", "RS512"), claims),
		"PS256":                         parts(with(header, "alg", "PS256")) + "." + b64(pss),
		"RS384 that says RS256":         h.sign(h.key, crypto.SHA384, header, claims),
		"another key":                   theirs(header),
		"another kid":                   ours(with(header, "kid", string(store.NewID()))),
		"no kid":                        ours(with(header, "kid", nil)),
		"an empty kid":                  ours(with(header, "kid", "")),
		"kid a path":                    ours(with(header, "kid", "../../../../dev/null")),
		"kid a path to ours":            ours(with(header, "kid", "./"+h.kid)),
		"kid SQL":                       ours(with(header, "kid", h.kid+"' OR '1'='1")),
		"kid in capitals":               ours(with(header, "kid", strings.ToUpper(h.kid))),
		"kid a list":                    ours(with(header, "kid", []string{h.kid})),
		"the attacker's jwk":            theirs(with(header, "jwk", jwk(&evil.PublicKey))),
		"the attacker's jwk, no kid":    theirs(with(with(header, "jwk", jwk(&evil.PublicKey)), "kid", nil)),
		"our jwk":                       ours(with(header, "jwk", jwk(&h.key.PublicKey))),
		"jku":                           theirs(with(header, "jku", "https://evil.example/jwks")),
		"jku and another kid":           theirs(with(with(header, "jku", "https://evil.example/jwks"), "kid", "evil")),
		"x5u":                           theirs(with(header, "x5u", "https://evil.example/cert")),
		"x5c":                           theirs(with(header, "x5c", []string{base64.StdEncoding.EncodeToString(spki)})),
		"crit unknown":                  ours(with(with(header, "crit", []string{"evil"}), "evil", true)),
		"crit exp":                      ours(with(header, "crit", []string{"exp"})),
		"crit and b64":                  ours(with(with(header, "crit", []string{"b64"}), "b64", false)),
		"no type":                       ours(with(header, "typ", nil)),
		"an ID token's type":            ours(with(header, "typ", "JWT")),
		"another type":                  ours(with(header, "typ", "logout+jwt")),
		"a type that is no text":        ours(with(header, "typ", 7)),
		"another payload":               strings.Split(h.token(), ".")[0] + "." + strings.Split(h.token(), ".")[1] + "." + sig,
		"a bent signature":              unsigned + "." + b64(bent),
		"half a signature":              unsigned + "." + b64(raw[:128]),
		"a signature and more":          unsigned + "." + b64(append(raw, 0)),
		"a signature of zeros":          unsigned + "." + b64(make([]byte, 256)),
		"no signature":                  unsigned + ".",
		"no third part":                 unsigned,
		"five parts":                    good + ".x.y",
		"the JSON form":                 string(general),
		"padding":                       good + "==",
		"too long":                      good + strings.Repeat("A", 9000),
		"nothing":                       "",
		"dots":                          "..",
		"text":                          "not a token",
		"a header that is not JSON":     b64([]byte("x")) + "." + strings.Split(good, ".")[1] + "." + sig,
		"the attacker's, same claims":   h.sign(evil, crypto.SHA256, with(header, "kid", "evil"), claims),
		"zero bytes":                    "\x00" + good,
		"claims that are not an object": h.sign(h.key, crypto.SHA256, header, "x"),
	} {
		h.refused(what, token)
	}
	h.accepted("the original, after all this", good)
}

func sha(text string) []byte {
	sum := crypto.SHA256.New()
	sum.Write([]byte(text))
	return sum.Sum(nil)
}

// TestA20Claims: even our own signature opens nothing with claims that we do
// not make.
func TestA20Claims(t *testing.T) {
	h := newHouse(t)
	other := h.workspace("south")
	header, claims := h.parts(h.token())
	now := h.store.Now().Unix()
	for what, c := range map[string]map[string]any{
		"another issuer":            with(claims, "iss", "https://evil.example"),
		"an issuer with a slash":    with(claims, "iss", publicURL+"/"),
		"no issuer":                 with(claims, "iss", nil),
		"another workspace":         with(claims, "wid", other.ID),
		"no workspace":              with(claims, "wid", nil),
		"a workspace of nobody":     with(claims, "wid", store.NewID()),
		"another token's id":        with(claims, "jti", store.NewID()),
		"no token id":               with(claims, "jti", nil),
		"expired":                   with(claims, "exp", now),
		"expired long ago":          with(claims, "exp", -1),
		"no expiry":                 with(claims, "exp", nil),
		"an expiry that is text":    with(claims, "exp", "9999999999"),
		"an expiry beyond counting": with(claims, "exp", json.Number("1e300")),
		"issued in an hour":         with(claims, "iat", now+3600),
		"issued in 61 s":            with(claims, "iat", now+61),
		"two audiences":             with(claims, "aud", []any{claims["aud"], "south"}),
	} {
		h.refused(what, h.sign(h.key, crypto.SHA256, header, c))
	}
	h.accepted("issued in 59 s", h.sign(h.key, crypto.SHA256, header, with(claims, "iat", now+59)))
	h.accepted("a claim more", h.sign(h.key, crypto.SHA256, header, with(claims, "extra", true)))
	access := h.accepted("another scope", h.sign(h.key, crypto.SHA256, header, with(claims, "scope", "workspace:own data:read")))
	if c, err := h.issuer.Manages(access, "rest"); err != nil || c.Rights().String() != "data:read" {
		t.Errorf("a scope beyond its grant: got %v, %v, want data:read, which both have", c.Rights(), err)
	}
}

// TestA21Clock: a token lives from its issue, give or take a minute, to its
// expiry, and not a second longer, cached or not.
func TestA21Clock(t *testing.T) {
	h := newHouse(t)
	token := h.token()
	fresh := h.token()
	for _, step := range []struct {
		to time.Duration // after the issue
		ok bool
	}{
		{0, true}, {-30 * time.Second, true}, {-59 * time.Second, true}, {-61 * time.Second, false}, {-time.Hour, false},
		{time.Minute, true}, {time.Hour - time.Second, true}, {time.Hour, false}, {2 * time.Hour, false}, {1000 * time.Hour, false},
		{time.Minute, true}, // the clock was set right again
	} {
		h.us.Store(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).Add(step.to).UnixMicro())
		if step.ok {
			h.accepted(step.to.String(), token)
		} else {
			h.refused(step.to.String(), token)
		}
	}
	h.us.Store(time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC).UnixMicro())
	h.refused("one that was never used", fresh)
	for _, life := range []time.Duration{0, -time.Hour, time.Millisecond, 24*time.Hour + time.Second} {
		r := h.request()
		r.Life = life
		if _, err := h.issuer.Issue(t.Context(), r); err == nil {
			t.Errorf("a life of %s: got no error, want one", life)
		}
	}
}
