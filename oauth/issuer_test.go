package oauth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iotman/iot"
	"iotman/oauth"
	"iotman/store"
)

const publicURL = "https://iot.example.com"

// house is an issuer on a store of its own, with one workspace and its owner.
type house struct {
	t       testing.TB
	store   *store.Store
	dir     string
	issuer  *oauth.Issuer
	us      atomic.Int64 // the clock
	key     *rsa.PrivateKey
	kid     string
	ws      iot.Workspace
	account iot.Account
}

// keyPair is a key of the run's own: making one takes long.
var keyPair = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// attackersKey is another.
var attackersKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir()}
	h.us.Store(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixMicro())
	var err error
	h.store, err = store.Open(t.Context(), store.Config{Dir: h.dir, Key: store.Key{1}, Now: func() time.Time { return time.UnixMicro(h.us.Load()) }})
	h.must(err)
	t.Cleanup(func() {
		if err := h.store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	h.key, err = keyPair()
	h.must(err)
	row, err := h.store.AddSigningKey(t.Context(), x509.MarshalPKCS1PrivateKey(h.key))
	h.must(err)
	h.kid = string(row.ID)
	h.issuer, err = oauth.New(t.Context(), h.store, publicURL)
	h.must(err)
	h.account, err = h.store.CreateAccount(t.Context(), "ada@example.com", "Ada")
	h.must(err)
	h.ws = h.workspace("north")
	return h
}

func (h *house) workspace(slug iot.Slug) iot.Workspace {
	h.t.Helper()
	w, err := h.store.CreateWorkspace(h.t.Context(), store.By{Account: h.account.ID, Operation: "workspace_create"},
		iot.Workspace{Name: "North", Slug: slug, DefaultRole: iot.Viewer})
	h.must(err)
	return w
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) add(d time.Duration) { h.us.Add(d.Microseconds()) }

// token issues a management token to the owner.
func (h *house) token() string {
	h.t.Helper()
	token, err := h.issuer.Issue(h.t.Context(), h.request())
	h.must(err)
	return token
}

func (h *house) request() oauth.Request {
	return oauth.Request{Workspace: h.ws.ID, Account: h.account.ID, Client: "agent", Audience: h.issuer.MCPURL(h.ws.Slug), Scope: "data:read sources:write", Life: time.Hour}
}

// refused fails the test unless the token is Unauthenticated, in words that do
// not say why.
func (h *house) refused(what, token string) {
	h.t.Helper()
	_, err := h.issuer.Verify(h.t.Context(), token)
	p := iot.ProblemOf(err)
	if err == nil || iot.KindOf(err) != iot.Unauthenticated || !strings.HasPrefix(p.Detail, "the access token ") || p.Hint == "" {
		h.t.Errorf("%s: got %v, want Unauthenticated", what, err)
	}
}

// accepted fails the test unless the token is good.
func (h *house) accepted(what, token string) oauth.Access {
	h.t.Helper()
	access, err := h.issuer.Verify(h.t.Context(), token)
	if err != nil {
		h.t.Errorf("%s: got %v, want it accepted", what, err)
	}
	return access
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// parts returns a token's header and claims.
func (h *house) parts(token string) (header, claims map[string]any) {
	h.t.Helper()
	for i, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
		h.must(err)
		dec := json.NewDecoder(strings.NewReader(string(text)))
		dec.UseNumber()
		h.must(dec.Decode(into))
	}
	return header, claims
}

// change runs f as a change of the workspace.
func (h *house) change(f func(context.Context, *store.Tx) error) {
	h.t.Helper()
	h.must(h.store.Change(h.t.Context(), store.By{Workspace: h.ws.ID, Account: h.account.ID, Operation: "test"}, f))
}
