package api

import (
	"net/http"
	"net/netip"
)

// CalledBy returns who called, by what a server that trusts these proxies makes
// of a request.
func CalledBy(trusted []netip.Prefix, r *http.Request) string {
	s := &Server{Config: Config{TrustProxy: trusted}}
	return ClientIP(s.behindProxy(r))
}
