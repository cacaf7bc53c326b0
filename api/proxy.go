package api

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ParseProxies reads the addresses of reverse proxies that are trusted to say
// who called them: CIDRs or addresses, separated by commas.
func ParseProxies(list string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for text := range strings.SplitSeq(list, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if addr, aerr := netip.ParseAddr(text); err != nil && aerr == nil {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("a trusted proxy is an address or a CIDR, such as 10.0.0.0/8; got %q", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// behindProxy makes of a request that a trusted proxy passed on one from whom
// the proxy names: the last address of X-Forwarded-For that is no trusted
// proxy's. What stands before it anybody can write, and nothing else of what a
// proxy says is heeded: links and metadata name the public URL alone.
func (s *Server) behindProxy(r *http.Request) *http.Request {
	if !s.trusts(ClientIP(r)) {
		return r
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return r
		}
		if !s.trusts(addr.String()) {
			c := *r
			c.RemoteAddr = net.JoinHostPort(addr.Unmap().String(), "0")
			return &c
		}
	}
	return r
}

func (s *Server) trusts(ip string) bool {
	addr, err := netip.ParseAddr(ip)
	return err == nil && slices.ContainsFunc(s.TrustProxy, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}
