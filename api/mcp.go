package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"iotman/iot"
)

// mcp guards the MCP endpoint of a workspace: who may call it from a browser,
// who calls, and how much they may send. What is said then is the business of
// package mcp.
func (s *Server) mcp(w http.ResponseWriter, r *http.Request) error {
	if err := s.rebound(r); err != nil {
		return err
	}
	if err := s.origin(w, r); err != nil {
		return err
	}
	if r.Method == http.MethodOptions {
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", "POST, GET, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, Last-Event-ID, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	c, err := s.caller(r, iot.MCP)
	if err != nil {
		return err
	}
	if r.Method != http.MethodPost { // the revisions that stream by GET have it optional
		w.Header().Set("Allow", "POST, OPTIONS")
		return iot.Errorf(iot.NotAllowed, "the MCP endpoint takes POST; it opens no stream and keeps no session").
			Hinting("post one JSON-RPC message a request")
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	return s.MCP.Serve(w, r, c, body)
}

// origin refuses a browser's request from a page that is not ours, not
// allowed, and not on this machine while the server is. A server on this
// machine is called by a name of this machine, too: a page that reached it by
// DNS rebinding is of its own origin and names its own host. Without an Origin
// no page of another origin is asking.
func (s *Server) origin(w http.ResponseWriter, r *http.Request) error {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return nil
	}
	o := origins[0]
	if len(origins) > 1 || !s.origins[o] && !(s.loopback && loopbackOrigin(o)) {
		return iot.Errorf(iot.Forbidden, "pages from the origin %.80q may not call this server", o).
			Hinting("whoever runs the server can allow it with -allow-origin")
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", o)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version")
	return nil
}

// hostname returns a Host without its port (RFC 9110 section 7.2).
func hostname(host string) string { return (&url.URL{Host: host}).Hostname() }

// rebound refuses a request that names another host than this machine, while
// the server is this machine's own: the mark of DNS rebinding.
func (s *Server) rebound(r *http.Request) error {
	if s.loopback && r.Host != s.host && !iot.IsLoopbackHost(hostname(r.Host)) {
		return iot.Errorf(iot.Forbidden, "this server is reached at %s, not at %.80q", s.PublicURL, r.Host).
			Hinting("whoever runs the server can name another address with -public-url")
	}
	return nil
}

func loopbackOrigin(o string) bool {
	u, err := url.Parse(o)
	return err == nil && slices.Contains([]string{"http", "https"}, u.Scheme) && iot.IsLoopbackHost(u.Hostname())
}

// checkOrigin returns what is wrong with an origin that is to be allowed: it is
// compared as browsers write it (RFC 6454 section 6.2).
func checkOrigin(o string) error {
	u, err := url.Parse(o)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+strings.ToLower(u.Host) != o {
		return fmt.Errorf("an allowed origin is a scheme and a host in lower case, such as https://app.example.com; got %q", o)
	}
	return nil
}
