package egress

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
)

// names is a name server in memory: it answers the nth question for a name and
// a family with the nth list of addresses, then with the last, at a TTL of 0.
// The name "*" answers for every other.
type names map[string][][]string

// resolver returns a resolver that asks n, and nobody else.
func (n names) resolver() *net.Resolver {
	var mu sync.Mutex
	asked := map[string]int{}
	answer := func(name string, v6 bool) (ips []netip.Addr) {
		mu.Lock()
		defer mu.Unlock()
		key := strings.ToLower(strings.TrimSuffix(name, "."))
		lists, ok := n[key]
		if !ok {
			lists = n["*"]
		}
		if len(lists) == 0 {
			return nil
		}
		family := key + " A"
		if v6 {
			family = key + " AAAA"
		}
		for _, s := range lists[min(asked[family], len(lists)-1)] {
			if ip := netip.MustParseAddr(s); ip.Is6() == v6 {
				ips = append(ips, ip)
			}
		}
		asked[family]++
		return ips
	}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe() // not a PacketConn: messages have their length before them
		go serveDNS(server, answer)
		return client, nil
	}}
}

// serveDNS answers the questions of one connection until its client closes it
// (RFC 1035 section 4).
func serveDNS(c net.Conn, answer func(name string, v6 bool) []netip.Addr) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		var labels []string
		end := 12
		for query[end] != 0 {
			labels = append(labels, string(query[end+1:end+1+int(query[end])]))
			end += 1 + int(query[end])
		}
		qtype := query[end+1 : end+3]
		ips := answer(strings.Join(labels, "."), qtype[1] == 28)
		// The same id; a recursive answer; one question, and what answers it.
		reply := slices.Concat(query[:2], []byte{0x81, 0x80, 0, 1, 0, byte(len(ips)), 0, 0, 0, 0}, query[12:end+5])
		for _, ip := range ips {
			// The name is that at offset 12, the class IN, the TTL 0.
			reply = slices.Concat(reply, []byte{0xc0, 12}, qtype, []byte{0, 1, 0, 0, 0, 0, 0, byte(ip.BitLen() / 8)}, ip.AsSlice())
		}
		if _, err := c.Write(binary.BigEndian.AppendUint16(nil, uint16(len(reply)))); err != nil {
			return
		}
		if _, err := c.Write(reply); err != nil {
			return
		}
	}
}

// TestNames checks the name server that the others rely on.
func TestNames(t *testing.T) {
	r := names{"turns.example": {{"192.0.2.1", "2001:db8::1"}, {"192.0.2.2"}}}.resolver()
	for _, want := range [][]string{{"192.0.2.1", "2001:db8::1"}, {"192.0.2.2"}, {"192.0.2.2"}} {
		ips, err := r.LookupNetIP(t.Context(), "ip", "turns.example")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, ip := range ips {
			got = append(got, ip.Unmap().String())
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if ips, err := r.LookupNetIP(t.Context(), "ip", "none.example"); err == nil {
		t.Errorf("none.example: got %v, want an error", ips)
	}
}
