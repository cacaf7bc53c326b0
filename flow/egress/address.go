package egress

import (
	"net"
	"net/netip"
	"slices"

	"code.dny.dev/ssrf"

	"iotman/iot"
)

// class says why an address is refused, as its reader is told.
type class string

// The classes. What an address is in particular, and that something answers
// there, stays untold.
const (
	unspecified class = "unspecified"
	loopback    class = "a loopback address"
	private     class = "private"
	linkLocal   class = "link-local"
	multicast   class = "a multicast address"
	reserved    class = "reserved for a special purpose"
	metadata    class = "that of a cloud's own services"
	own         class = "this server's own"
)

// public holds the registries of special-purpose addresses that IANA keeps
// (RFC 6890): of IPv4 it denies what they list, of IPv6 whatever is outside of
// 2000::/3, and what they list inside of it.
var public = ssrf.New()

// services are where clouds serve a machine its secrets. Some are within
// ranges that operators open, and Azure's is an ordinary public address: each
// is refused unless Allow has it by itself.
var services = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"), // most clouds
	netip.MustParseAddr("169.254.170.2"),   // AWS ECS
	netip.MustParseAddr("169.254.170.23"),  // AWS EKS
	netip.MustParseAddr("169.254.42.42"),   // Scaleway
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	netip.MustParseAddr("192.0.0.192"),     // Oracle Cloud
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("fd00:ec2::23"),    // AWS EKS
	netip.MustParseAddr("fd20:ce::254"),    // Google Cloud
	netip.MustParseAddr("fd00:42::42"),     // Scaleway
}

// refuse returns the error for an address of the class.
func refuse(c class) *iot.Error {
	err := iot.Errorf(iot.Invalid, "expected a public address; the host's is %s", c)
	switch c {
	case own:
		return err
	case metadata:
		return err.Hinting("the operator can allow it with -egress-allow, naming that one address")
	}
	return err.Hinting("the operator can allow it with -egress-allow")
}

// check returns an error unless dst may be connected to.
func (g *Guard) check(dst netip.AddrPort) error {
	// To the kernel an IPv4 address mapped into IPv6 is that IPv4 address, and
	// netip finds one with a zone in no prefix at all.
	addr := dst.Addr().Unmap().WithZone("")
	allowed := slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(addr) })
	switch {
	case g.owns(netip.AddrPortFrom(addr, dst.Port())):
		return refuse(own)
	case slices.Contains(services, addr):
		if !slices.Contains(g.allow, netip.PrefixFrom(addr, addr.BitLen())) {
			return refuse(metadata)
		}
	case allowed && ssrf.IPv6NAT64Prefix.Contains(addr):
		// Allowed is to translate, not what the translation leads to.
		ip := addr.As16()
		return g.check(netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:])), dst.Port()))
	case !allowed && public.SafeAddr(addr) != nil:
		return refuse(classify(addr))
	}
	return nil
}

// classify returns the class of an address that is not public.
func classify(addr netip.Addr) class {
	switch {
	case addr.IsUnspecified():
		return unspecified
	case addr.IsLoopback():
		return loopback
	case addr.IsPrivate():
		return private
	case addr.IsMulticast():
		return multicast
	case addr.IsLinkLocalUnicast():
		return linkLocal
	}
	return reserved
}

// owns reports whether dst leads to one of the Guard's forbidden listeners.
func (g *Guard) owns(dst netip.AddrPort) bool {
	return slices.ContainsFunc(g.forbid, func(l netip.AddrPort) bool {
		listener := l.Addr().Unmap().WithZone("")
		switch {
		case l.Port() != dst.Port():
			return false
		case listener == dst.Addr() || dst.Addr().IsUnspecified():
			return true
		}
		return listener.IsUnspecified() && g.here(dst.Addr())
	})
}

// here reports whether addr is one of this machine's. Not to know is to say so.
func (g *Guard) here(addr netip.Addr) bool {
	if addr.IsLoopback() {
		return true
	}
	addrs, err := g.interfaces()
	return err != nil || slices.ContainsFunc(addrs, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err != nil || p.Addr().Unmap() == addr
	})
}
