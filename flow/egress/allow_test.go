package egress

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseAllow(t *testing.T) {
	for _, c := range []struct{ list, want string }{
		{"", "[]"}, {" , ", "[]"},
		{"10.1.0.0/16", "[10.1.0.0/16]"}, {"10.1.2.3", "[10.1.2.3/32]"}, {"fd00::1", "[fd00::1/128]"}, {"fd00::/8", "[fd00::/8]"},
		{" 10.1.2.3 ,fd00::1, ", "[10.1.2.3/32 fd00::1/128]"},
		{"loopback", "[127.0.0.0/8 ::1/128]"}, {"private", "[10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7]"},
		{"loopback,10.1.2.3,loopback", "[10.1.2.3/32 127.0.0.0/8 ::1/128]"},
		{"0.0.0.0/0,::/0", "[0.0.0.0/0 ::/0]"},
	} {
		got, err := ParseAllow(c.list)
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%q: got %v, %v, want %s", c.list, got, err, c.want)
		}
	}
}

func TestParseAllowRefuses(t *testing.T) {
	for _, c := range []struct {
		list string
		want []string // in the message
	}{
		{"localhost", []string{`got "localhost"`}}, {"Private", []string{`got "Private"`}}, {"10.0.0.0/33", []string{`got "10.0.0.0/33"`}},
		{"10.0.0.0 /8", []string{"10.1.0.0/16"}}, {"10.0.0.1:80", []string{"10.0.0.1:80"}}, {"010.0.0.1", []string{"010.0.0.1"}}, {"example.com", []string{"example.com"}},
		{"10.1.2.3/8", []string{"expected 10.0.0.0/8 or 10.1.2.3; got"}},
		{"fe80::1%eth0", []string{"without a zone"}}, {"fe80::%eth0/10", []string{"fe80::%eth0/10"}},
		{"::ffff:10.0.0.1", []string{"for example 10.0.0.1;"}}, {"::ffff:10.0.0.0/104", []string{"for example 10.0.0.0;"}},
		{"10.0.0.1,x,y,loopback", []string{`got "x"`, `got "y"`}},
	} {
		got, err := ParseAllow(c.list)
		if err == nil || got != nil {
			t.Errorf("%q: got %v, %v, want an error", c.list, got, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: got %v, want it to name %s", c.list, err, want)
			}
		}
	}
}
