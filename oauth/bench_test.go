package oauth_test

import "testing"

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
