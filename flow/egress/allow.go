package egress

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"iotman/iot"
)

// words are the ranges that ParseAllow knows by name.
var words = map[string][]netip.Prefix{
	"loopback": {netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	// RFC 1918 and RFC 4193.
	"private": {
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("fc00::/7"),
	},
}

// ParseAllow reads what -egress-allow opens: prefixes, addresses, and the words
// private and loopback, separated by commas. Every mistake is reported. The
// services that a cloud offers its machines need their own address each; an
// IPv6-only machine behind NAT64 needs 64:ff9b::/96 (RFC 6052), of which the
// IPv4 address within is checked in its turn.
func ParseAllow(list string) ([]netip.Prefix, error) {
	var allow []netip.Prefix
	var mistakes []error
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if ranges, ok := words[item]; ok {
			allow = append(allow, ranges...)
			continue
		}
		p, err := parsePrefix(item)
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		allow = append(allow, p)
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	slices.SortFunc(allow, netip.Prefix.Compare)
	return slices.Compact(allow), nil
}

// parsePrefix reads a prefix, or an address as the prefix that is it alone.
func parsePrefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if addr, errAddr := netip.ParseAddr(s); errAddr == nil {
		p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		if addr.Zone() != "" {
			return p, iot.Errorf(iot.Invalid, "expected an address without a zone; got %q", s)
		}
	}
	switch {
	case err != nil:
		return p, iot.Errorf(iot.Invalid, "expected an address, a prefix such as 10.1.0.0/16, private or loopback; got %q", s)
	case p.Addr().Is4In6():
		return p, iot.Errorf(iot.Invalid, "expected IPv4 as such, for example %s; got %q", p.Addr().Unmap(), s)
	case p != p.Masked():
		// Whoever writes 10.1.2.3/8 may mean the one address as well as all of them.
		return p, iot.Errorf(iot.Invalid, "expected %s or %s; got %q", p.Masked(), p.Addr(), s)
	}
	return p, nil
}
