package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func BenchmarkVerify(b *testing.B) {
	h := newHouse(b)
	token := h.token()
	run := func(forget bool) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if forget {
					h.issuer.Forget()
				}
				if _, err := h.issuer.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("cached", run(false))
	b.Run("uncached", run(true))
}

func BenchmarkIssue(b *testing.B) {
	h := newHouse(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.issuer.Issue(b.Context(), h.request()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTokenEndpoint is a machine's token, persisted, but for the network.
func BenchmarkTokenEndpoint(b *testing.B) {
	f := newFront(b, nil)
	f.serves(b, f.server.ServeToken, f.machine("data:read").credentials())
}

// BenchmarkIntrospect is what a server that takes tokens asks about each.
func BenchmarkIntrospect(b *testing.B) {
	f := newFront(b, nil)
	a := f.machine("data:read")
	f.serves(b, f.server.ServeIntrospect, set(a.as(url.Values{}), "token", f.exchange(a.credentials()).access))
}

// serves measures a handler that is posted a form.
func (f *front) serves(b *testing.B, handler http.HandlerFunc, form url.Values) {
	b.Helper()
	b.ReportAllocs()
	body := form.Encode()
	for b.Loop() {
		r := httptest.NewRequestWithContext(f.ctx, http.MethodPost, publicURL+"/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		if handler(w, r); w.Code != http.StatusOK {
			b.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
}
