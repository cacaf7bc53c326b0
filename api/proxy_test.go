package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"iotman/api"
)

// TestA30ForwardedFor: who called is what the last proxy that is trusted says,
// and what anybody else says is not heeded.
func TestA30ForwardedFor(t *testing.T) {
	trusted, err := api.ParseProxies("10.0.0.0/8, 192.0.2.1,fd00::/8")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		peer, want string
		forwarded  []string
	}{
		{"10.1.2.3:5", "203.0.113.9", []string{"203.0.113.9"}},
		{"10.1.2.3:5", "203.0.113.9", []string{"198.51.100.1, 203.0.113.9"}},
		{"10.1.2.3:5", "203.0.113.9", []string{"198.51.100.1", "203.0.113.9, 192.0.2.1, 10.9.9.9"}},
		{"[fd00::1]:5", "2001:db8::7", []string{"2001:db8::7"}},
		{"[::ffff:10.1.2.3]:5", "203.0.113.9", []string{"::ffff:203.0.113.9"}},
		{"203.0.113.5:5", "203.0.113.5", []string{"198.51.100.1"}}, // anybody
		{"192.0.2.2:5", "192.0.2.2", []string{"198.51.100.1"}},
		{"10.1.2.3:5", "10.1.2.3", nil},
		{"10.1.2.3:5", "10.1.2.3", []string{"10.4.4.4"}},
		{"10.1.2.3:5", "10.1.2.3", []string{"203.0.113.9, unknown"}},
		{"10.1.2.3:5", "10.1.2.3", []string{"203.0.113.9, evil\r\nX: y"}},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = c.peer
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := api.CalledBy(trusted, r); got != c.want {
			t.Errorf("%s with %q: got %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
	for _, bad := range []string{"proxy", "10.0.0.0/33", "10.0.0.0-10.0.0.9", "*"} {
		if got, err := api.ParseProxies(bad); err == nil {
			t.Errorf("%s: got %v, want an error", bad, got)
		}
	}
	if got, err := api.ParseProxies(" "); err != nil || len(got) != 0 {
		t.Errorf("none: got %v, %v", got, err)
	}
	if got, err := api.ParseProxies("10.1.2.3/8"); err != nil || got[0] != netip.MustParsePrefix("10.0.0.0/8") {
		t.Errorf("10.1.2.3/8: got %v, %v", got, err)
	}
}
