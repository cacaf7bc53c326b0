package oauth_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iotman/iot"
	"iotman/oauth"
	"iotman/store"
)

// reopen closes the store and starts again on the same folder.
func (h *house) reopen() {
	h.t.Helper()
	if h.store != nil {
		h.must(h.store.Close())
	}
	var err error
	h.store, err = store.Open(h.t.Context(), store.Config{Dir: h.dir, Key: store.Key{1}, Now: func() time.Time { return time.UnixMicro(h.us.Load()) }})
	h.must(err)
	h.issuer, err = oauth.New(h.t.Context(), h.store, publicURL)
	h.must(err)
}

// made is a house whose issuer made its key itself.
func made(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir()}
	h.us.Store(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixMicro())
	h.reopen()
	t.Cleanup(func() {
		if err := h.store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	var err error
	h.account, err = h.store.CreateAccount(t.Context(), "ada@example.com", "Ada")
	h.must(err)
	h.ws = h.workspace("north")
	return h
}

// TestKeySurvives: the key is made once; after a restart it is the same and
// verifies what was signed before.
func TestKeySurvives(t *testing.T) {
	h := made(t)
	before, set := h.token(), bytes.Clone(h.issuer.JWKS())
	h.reopen()
	if diff := cmp.Diff(string(set), string(h.issuer.JWKS())); diff != "" {
		t.Errorf("the key set changed: %s", diff)
	}
	h.accepted("signed before", before)
	a, _ := h.parts(before)
	if b, _ := h.parts(h.token()); a["kid"] != b["kid"] || a["kid"] == "" {
		t.Errorf("got kid %v, then %v, want one", a["kid"], b["kid"])
	}
	rows, err := h.store.SigningKeys(t.Context())
	if err != nil || len(rows) != 1 {
		t.Errorf("got %d keys, %v, want 1", len(rows), err)
	}
}

// TestA22KeyAdded: a key that another node made signs once it was published for
// a day, and those before it verify.
func TestA22KeyAdded(t *testing.T) {
	h := newHouse(t)
	before := h.token()
	other := made(t)
	rows, err := other.store.SigningKeys(t.Context())
	h.must(err)
	h.add(time.Second)
	added, err := h.store.AddSigningKey(t.Context(), rows[0].Private)
	h.must(err)
	h.issuer, err = oauth.New(t.Context(), h.store, publicURL)
	h.must(err)
	h.accepted("by the key before", before)
	if header, _ := h.parts(h.token()); header["kid"] == string(added.ID) {
		t.Error("the added key signs at once, when nobody has it yet")
	}
	if !bytes.Contains(h.issuer.JWKS(), []byte(added.ID)) {
		t.Error("the added key is not published")
	}
	h.add(24 * time.Hour)
	h.must(h.issuer.Rotate(t.Context()))
	after := h.token()
	if header, _ := h.parts(after); header["kid"] != string(added.ID) {
		t.Errorf("got kid %v, want the newest, %s", header["kid"], added.ID)
	}
	h.accepted("by the newest key", after)
	h.refused("the same key on another server", other.token())
}

// TestJWKS: the key set is RFC 7517's, with public members alone.
func TestJWKS(t *testing.T) {
	h := made(t)
	var set map[string][]map[string]string
	dec := json.NewDecoder(bytes.NewReader(h.issuer.JWKS()))
	h.must(dec.Decode(&set))
	if len(set) != 1 || len(set["keys"]) != 1 {
		t.Fatalf("got %s, want one key", h.issuer.JWKS())
	}
	key := set["keys"][0]
	if got := slices.Sorted(maps.Keys(key)); !slices.Equal(got, []string{"alg", "e", "kid", "kty", "n", "use"}) {
		t.Errorf("got members %v", got)
	}
	header, _ := h.parts(h.token())
	if key["kty"] != "RSA" || key["alg"] != "RS256" || key["use"] != "sig" || key["e"] != "AQAB" || key["kid"] != header["kid"] {
		t.Errorf("got %v, want an RSA key that signs, with the tokens' kid", key)
	}
	if n, err := base64.RawURLEncoding.DecodeString(key["n"]); err != nil || len(n) != 256 {
		t.Errorf("got a modulus of %d bytes, %v, want 256", len(n), err)
	}
}

// TestH7AtRest: neither a token nor the private key lies in the data folder.
func TestH7AtRest(t *testing.T) {
	h := made(t)
	token := h.token()
	h.accepted("before", token)
	rows, err := h.store.SigningKeys(t.Context())
	h.must(err)
	private := rows[0].Private
	var read int
	h.must(filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		read += len(text)
		for what, secret := range map[string]string{
			"the token's signature": token[strings.LastIndexByte(token, '.')+1:][:32],
			"the token's claims":    strings.Split(token, ".")[1][:32],
			"the private key":       string(private[300:332]), // within d
		} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds %s", d.Name(), what)
			}
		}
		return err
	}))
	_, claims := h.parts(token)
	if jti, _ := claims["jti"].(string); read == 0 || !iot.IsID(jti) {
		t.Errorf("read %d bytes, jti %v", read, claims["jti"])
	}
}
