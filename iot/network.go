package iot

import "net/netip"

// NetworkOf returns what a limit on callers counts by: an IPv4 address, or the
// /64 of an IPv6 address, of which whoever has one has all (RFC 6177).
func NetworkOf(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if addr = addr.Unmap().WithZone(""); addr.Is4() {
		return addr.String()
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return ip
	}
	return p.String()
}
