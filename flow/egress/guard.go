// Package egress is the one way out: whatever iotman calls because somebody
// named it (a webhook, a broker, a mail server, a client's metadata document)
// is dialed by a Guard.
//
// A Guard refuses addresses that are not public: those of this machine, of the
// networks behind it and of its cloud. It looks at the very address that is
// about to be connected to, after the name was resolved, so that no spelling of
// a host, no changing answer and no mixed answer of a name server gets past it.
// It takes no proxy from the environment, follows no redirect, speaks TLS
// unless told otherwise, and bounds the time and size of what it reads. It
// judges addresses, not names, and remembers nothing of a host.
package egress

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"iotman/iot"
)

// Config is what a Guard may do. Its zero value is the strictest.
type Config struct {
	// Allow opens ranges that are refused otherwise, as ParseAllow reads them.
	Allow []netip.Prefix
	// Forbid are this server's own listening addresses, refused although Allow
	// opens their range. With an unspecified address, 0.0.0.0 or ::, that port
	// is refused on every address of the machine.
	Forbid []netip.AddrPort
	// PlainHTTP permits http URLs beside https ones.
	PlainHTTP bool
	// Timeout bounds a dial, and an HTTP request with its whole answer: 15
	// seconds if it is 0.
	Timeout time.Duration
	// Resolver looks names up: nil for the system's.
	Resolver *net.Resolver
	// RootCAs verify certificates: nil for the system's.
	RootCAs *x509.CertPool
}

// Guard dials what is allowed. It is safe for concurrent use.
type Guard struct {
	allow      []netip.Prefix
	forbid     []netip.AddrPort
	plain      bool
	dialer     net.Dialer
	client     *http.Client
	interfaces func() ([]net.Addr, error) // the machine's own addresses
}

// New returns a Guard.
func New(cfg Config) *Guard {
	timeout := cmp.Or(cfg.Timeout, 15*time.Second)
	g := &Guard{
		allow:      slices.Clone(cfg.Allow),
		forbid:     slices.Clone(cfg.Forbid),
		plain:      cfg.PlainHTTP,
		interfaces: net.InterfaceAddrs,
	}
	g.dialer = net.Dialer{Timeout: timeout, Resolver: cfg.Resolver, Control: g.control}
	g.client = newClient(g, timeout, cfg.RootCAs)
	return g
}

// DialContext connects to addr, a host and a port, over tcp, tcp4 or tcp6. Of
// the addresses that a name has it tries those that are allowed. A refusal is an
// iot.Error of kind Invalid, which tells the address's class and not the
// address; other errors are those of a net.Dialer.
func (g *Guard) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	// A net.Dialer asks Control whatever the network is, but looks a name up, or
	// makes a socket, before.
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return nil, iot.Errorf(iot.Invalid, "expected a TCP address; got another kind of network")
	}
	conn, err := g.dialer.DialContext(ctx, network, addr)
	if refusal, ok := errors.AsType[*iot.Error](err); ok {
		return nil, refusal // without the address, which net.OpError adds
	}
	return conn, err
}

// control is called with each address before it is connected to.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	dst, err := netip.ParseAddrPort(address)
	if err != nil {
		// An empty host is this machine, and comes as a port alone.
		return refuse(unspecified)
	}
	return g.check(dst)
}
