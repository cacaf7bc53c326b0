package egress

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"iotman/iot"
)

// TestD1Addresses gives a Guard that allows nothing every kind of address.
func TestD1Addresses(t *testing.T) {
	const allowed class = ""
	for _, c := range []struct {
		addr string
		want class
	}{
		{"0.0.0.0", unspecified}, {"::", unspecified}, {"::ffff:0.0.0.0", unspecified},
		{"0.1.2.3", reserved}, {"0.255.255.255", reserved},
		{"127.0.0.1", loopback}, {"127.0.0.2", loopback}, {"127.255.255.254", loopback}, {"::1", loopback}, {"::ffff:127.0.0.1", loopback},
		{"10.0.0.0", private}, {"10.255.255.255", private}, {"::ffff:10.1.2.3", private},
		{"172.16.0.1", private}, {"172.31.255.255", private}, {"192.168.0.1", private}, {"192.168.255.255", private}, {"::ffff:192.168.1.1", private},
		{"fc00::1", private}, {"fd12:3456:789a::1", private}, {"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", private},
		{"169.254.0.1", linkLocal}, {"169.254.255.255", linkLocal}, {"fe80::1", linkLocal}, {"fe80::1%eth0", linkLocal}, {"febf::1", linkLocal},
		{"169.254.169.254", metadata}, {"::ffff:169.254.169.254", metadata}, {"169.254.170.2", metadata}, {"100.100.100.200", metadata},
		{"168.63.129.16", metadata}, {"192.0.0.192", metadata}, {"fd00:ec2::254", metadata}, {"fd00:ec2::254%eth0", metadata}, {"fd20:ce::254", metadata},
		{"100.64.0.1", reserved}, {"100.127.255.255", reserved},
		{"192.0.0.1", reserved}, {"192.0.0.170", reserved}, {"192.88.99.1", reserved},
		{"192.0.2.1", reserved}, {"198.51.100.1", reserved}, {"203.0.113.1", reserved},
		{"198.18.0.1", reserved}, {"198.19.255.255", reserved},
		{"224.0.0.1", multicast}, {"239.255.255.255", multicast}, {"ff02::1", multicast}, {"ff0e::1", multicast},
		{"240.0.0.1", reserved}, {"255.255.255.255", reserved},
		{"::127.0.0.1", reserved}, {"::8.8.8.8", reserved}, {"::ffff:0:127.0.0.1", reserved}, // RFC 4291 2.5.5.1, RFC 6052
		{"64:ff9b::7f00:1", reserved}, {"64:ff9b::a9fe:a9fe", reserved}, {"64:ff9b::808:808", reserved}, {"64:ff9b:1::1", reserved}, // NAT64
		{"2001::1", reserved}, {"2001:0:7f00:1::", reserved}, {"2001:20::1", reserved}, // Teredo, ORCHIDv2
		{"2002:7f00:1::", reserved}, {"2002:a00:1::1", reserved}, {"2002:808:808::1", reserved}, // 6to4
		{"2001:db8::1", reserved}, {"3fff::1", reserved}, {"2001:db8::1%eth0", reserved},
		{"100::1", reserved}, {"5f00::1", reserved}, {"fec0::1", reserved}, {"4000::1", reserved}, // discard, SRv6, site-local, unassigned

		{"1.1.1.1", allowed}, {"8.8.8.8", allowed}, {"::ffff:8.8.8.8", allowed}, {"9.255.255.255", allowed}, {"11.0.0.0", allowed},
		{"100.63.255.255", allowed}, {"100.128.0.0", allowed}, {"172.15.255.255", allowed}, {"172.32.0.0", allowed}, {"192.167.255.255", allowed},
		{"169.253.255.255", allowed}, {"169.255.0.0", allowed}, {"198.17.255.255", allowed}, {"198.20.0.0", allowed}, {"223.255.255.255", allowed},
		{"168.63.129.15", allowed}, {"2606:4700::1111", allowed}, {"2a00:1450::1", allowed},
	} {
		t.Run(c.addr, func(t *testing.T) {
			err := New(Config{}).check(netip.AddrPortFrom(netip.MustParseAddr(c.addr), 443))
			if c.want == allowed {
				if err != nil {
					t.Errorf("got %v, want it allowed", err)
				}
				return
			}
			e, ok := errors.AsType[*iot.Error](err)
			if !ok || e.Kind != iot.Invalid || !strings.HasSuffix(e.Msg, " is "+string(c.want)) || !strings.Contains(e.Hint, "-egress-allow") {
				t.Errorf("got %v, want it refused as %s", err, c.want)
			}
		})
	}
}

// TestD1Control checks that what a Guard's dialer connects to passes check, and
// that it refuses what it cannot read.
func TestD1Control(t *testing.T) {
	g := New(Config{})
	for address, want := range map[string]iot.Kind{
		"10.0.0.1:443": iot.Invalid, "[::1]:443": iot.Invalid, "[fe80::1%lo]:443": iot.Invalid,
		":443": iot.Invalid, "localhost:443": iot.Invalid, "/run/socket": iot.Invalid, "": iot.Invalid,
	} {
		if err := g.dialer.Control("tcp4", address, nil); err == nil || iot.KindOf(err) != want {
			t.Errorf("%q: got %v, want kind %s", address, err, want.Slug())
		}
	}
	if err := g.dialer.Control("tcp4", "8.8.8.8:443", nil); err != nil {
		t.Errorf("got %v, want a public address allowed", err)
	}
}

// TestAllow checks what -egress-allow opens, and what it leaves shut.
func TestAllow(t *testing.T) {
	for _, c := range []struct {
		allow, addr string
		want        bool
	}{
		{"10.1.0.0/16", "10.1.2.3", true}, {"10.1.0.0/16", "::ffff:10.1.2.3", true}, {"10.1.0.0/16", "10.2.0.1", false},
		{"10.1.2.3", "10.1.2.3", true}, {"10.1.2.3", "10.1.2.4", false}, {"10.1.2.3", "8.8.8.8", true},
		{"private", "192.168.1.1", true}, {"private", "172.16.0.1", true}, {"private", "fd00::1", true},
		{"private", "127.0.0.1", false}, {"private", "169.254.1.1", false}, {"private", "100.64.0.1", false}, {"private", "0.0.0.0", false},
		{"loopback", "127.0.0.1", true}, {"loopback", "::1", true}, {"loopback", "10.0.0.1", false}, {"loopback", "0.0.0.0", false}, {"loopback", "::", false},
		{"fe80::/10", "fe80::1%eth0", true}, {"fe80::/10", "fec0::1", false},
		// A cloud's services want their own name.
		{"private", "fd00:ec2::254", false}, {"fd00:ec2::/32", "fd00:ec2::254", false}, {"fd00:ec2::254", "fd00:ec2::254", true},
		{"169.254.0.0/16", "169.254.1.1", true}, {"169.254.0.0/16", "169.254.169.254", false}, {"169.254.169.254/32", "169.254.169.254", true},
		{"0.0.0.0/0,::/0", "168.63.129.16", false}, {"0.0.0.0/0,::/0", "0.0.0.0", true},
		// NAT64 opens the way, not what is at its end.
		{"64:ff9b::/96", "64:ff9b::808:808", true}, {"64:ff9b::/96", "64:ff9b::7f00:1", false}, {"64:ff9b::/96", "64:ff9b::a9fe:a9fe", false},
		{"64:ff9b::/96,10.0.0.0/8", "64:ff9b::a00:1", true}, {"::/0", "64:ff9b::a00:1", false}, {"::/0", "fd00::1", true},
		{"loopback", "64:ff9b::7f00:1", false}, {"loopback", "2002:7f00:1::", false},
	} {
		allow, err := ParseAllow(c.allow)
		if err != nil {
			t.Fatal(err)
		}
		err = New(Config{Allow: allow}).check(netip.AddrPortFrom(netip.MustParseAddr(c.addr), 443))
		if (err == nil) != c.want {
			t.Errorf("%s with %s: got %v, want allowed %t", c.addr, c.allow, err, c.want)
		}
	}
}

// TestD8Self checks that a server's own listeners are out of reach, on whatever
// address they listen and although the operator opened the range.
func TestD8Self(t *testing.T) {
	all := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	machine := func() ([]net.Addr, error) {
		return []net.Addr{
			&net.IPNet{IP: net.ParseIP("127.0.0.1"), Mask: net.CIDRMask(8, 32)},
			&net.IPNet{IP: net.ParseIP("10.0.0.5"), Mask: net.CIDRMask(24, 32)},
			&net.IPNet{IP: net.ParseIP("2600:1f00::5"), Mask: net.CIDRMask(64, 128)},
			&net.IPNet{IP: net.ParseIP("fe80::5"), Mask: net.CIDRMask(64, 128)},
		}, nil
	}
	unknown := func() ([]net.Addr, error) { return nil, errors.New("not told") }
	for _, c := range []struct {
		listener, dst string
		interfaces    func() ([]net.Addr, error)
		own           bool
	}{
		{"127.0.0.1:9090", "127.0.0.1:9090", machine, true}, {"127.0.0.1:9090", "127.0.0.1:9091", machine, false},
		{"127.0.0.1:9090", "[::ffff:127.0.0.1]:9090", machine, true}, {"[::ffff:127.0.0.1]:9090", "127.0.0.1:9090", machine, true},
		{"127.0.0.1:9090", "0.0.0.0:9090", machine, true}, {"[::1]:9090", "[::]:9090", machine, true},
		{"127.0.0.1:9090", "10.0.0.5:9090", machine, false}, {"127.0.0.1:9090", "127.0.0.2:9090", machine, false},
		{"0.0.0.0:9090", "127.0.0.2:9090", machine, true}, {"[::]:9090", "127.0.0.1:9090", machine, true}, {"[::]:9090", "[::1]:9090", machine, true},
		{"[::]:9090", "10.0.0.5:9090", machine, true}, {"[::]:9090", "[2600:1f00::5]:9090", machine, true}, {"[::]:9090", "[fe80::5%eth0]:9090", machine, true},
		{"[::]:9090", "10.0.0.6:9090", machine, false}, {"[::]:9090", "8.8.8.8:9090", machine, false}, {"[::]:9090", "10.0.0.5:9091", machine, false},
		{"[::]:9090", "[64:ff9b::a00:5]:9090", machine, true},
		{"[::]:9090", "8.8.8.8:9090", unknown, true}, {"[::]:9090", "8.8.8.8:9091", unknown, false},
	} {
		g := New(Config{Allow: all, Forbid: []netip.AddrPort{netip.MustParseAddrPort(c.listener)}})
		g.interfaces = c.interfaces
		err := g.check(netip.MustParseAddrPort(c.dst))
		switch e, ok := errors.AsType[*iot.Error](err); {
		case !c.own && err != nil:
			t.Errorf("%s, listening on %s: got %v, want it allowed", c.dst, c.listener, err)
		case c.own && (!ok || e.Kind != iot.Invalid || !strings.HasSuffix(e.Msg, string(own)) || e.Hint != ""):
			t.Errorf("%s, listening on %s: got %v, want it refused as %s", c.dst, c.listener, err, own)
		}
	}
}

// FuzzCheck holds the check against net/netip: no address that netip knows to
// be special passes, and an address's spelling changes nothing.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "10.0.0.1", "8.8.8.8", "::1", "::ffff:10.0.0.1", "64:ff9b::808:808", "2001::1", "2600::1", "fe80::1", "ff02::1", "168.63.129.16"} {
		f.Add(netip.MustParseAddr(s).AsSlice(), uint16(443))
	}
	global := netip.MustParsePrefix("2000::/3")
	f.Fuzz(func(t *testing.T, b []byte, port uint16) {
		addr, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		ask := func(g *Guard, a netip.Addr) error { return g.check(netip.AddrPortFrom(a, port)) }
		strict := New(Config{})
		err := ask(strict, addr)
		plain := addr.Unmap()
		special := !plain.IsGlobalUnicast() || plain.IsPrivate() || plain.Is6() && !global.Contains(plain)
		if special && err == nil {
			t.Errorf("%s: got it allowed, want it refused", addr)
		}
		if err != nil && (iot.KindOf(err) != iot.Invalid || strings.Contains(err.Error(), plain.String()) && !plain.IsUnspecified()) {
			t.Errorf("%s: got %v, want kind invalid without the address", addr, err)
		}
		spellings := []netip.Addr{plain}
		if plain.Is6() {
			spellings = append(spellings, plain.WithZone("eth0"))
		} else {
			spellings = append(spellings, netip.AddrFrom16(plain.As16()))
			translated := netip.MustParseAddr("64:ff9b::").As16()
			v4 := plain.As4()
			copy(translated[12:], v4[:])
			nat64 := New(Config{Allow: []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96")}})
			if got := ask(nat64, netip.AddrFrom16(translated)); (got == nil) != (err == nil) {
				t.Errorf("%s through NAT64: got %v, want %v", addr, got, err)
			}
		}
		for _, s := range spellings {
			if got := ask(strict, s); (got == nil) != (err == nil) {
				t.Errorf("%s as %s: got %v, want %v", addr, s, got, err)
			}
		}
		alone := New(Config{Allow: []netip.Prefix{netip.PrefixFrom(plain, plain.BitLen())}})
		if err := ask(alone, addr); err != nil && !netip.MustParsePrefix("64:ff9b::/96").Contains(addr) {
			t.Errorf("%s, allowed by itself: got %v", addr, err)
		}
		listening := New(Config{Allow: alone.allow, Forbid: []netip.AddrPort{netip.AddrPortFrom(addr, port)}})
		if ask(listening, addr) == nil {
			t.Errorf("%s, listened on: got it allowed, want it refused", addr)
		}
	})
}
