package iot

import (
	"net"
	"net/url"
	"slices"
	"strings"
)

// MaxRedirects is how many redirect URIs a client may have, and MaxRedirectURI
// how long one may be, in bytes.
const (
	MaxRedirects   = 10
	MaxRedirectURI = 2048
)

// neverRedirected are the schemes that an authorization code is never sent to:
// what a browser runs or shows itself, and what hands it to a program that no
// client registered for it. Any other private-use scheme (cursor:, vscode:,
// com.example.app:) is a native app's, and allowed deliberately (RFC 8252
// section 7.1).
var neverRedirected = []string{
	"about", "blob", "chrome", "data", "file", "filesystem", "ftp", "gopher", "intent", "jar", "javascript",
	"mailto", "resource", "sms", "tel", "urn", "vbscript", "view-source", "ws", "wss",
}

// CheckRedirectURI returns what is wrong with a redirect URI that a client
// registers, or nil: https anywhere, http on this machine only (RFC 8252
// section 7.3), or a private-use scheme; absolute, without user or fragment
// (RFC 6749 section 3.1.2).
func CheckRedirectURI(s string) error {
	bad := func(why string) error {
		return Errorf(Invalid, "the redirect URI %q %s", Clip(s), why).At("redirect_uris").
			Hinting("register an https URL, http://127.0.0.1 with a path, or an app's own scheme")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme == "" || s != u.String():
		return bad("is not a URI in its usual form")
	case len(s) > MaxRedirectURI:
		return bad("is too long")
	case strings.ContainsAny(s, "#\\*"), strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return bad("holds a character that has no place there")
	case u.User != nil:
		return bad("names a user")
	case dotted(u.Path):
		return bad("has a path that leads upwards")
	case slices.Contains(neverRedirected, u.Scheme):
		return bad("has a scheme that no code is sent to")
	case u.Scheme == "https" && u.Host == "", u.Scheme == "http" && !IsLoopbackHost(u.Hostname()):
		return bad("is neither https nor on this machine")
	case u.Scheme != "https" && u.Scheme != "http" && u.Opaque == "" && u.Host == "" && u.Path == "":
		return bad("leads nowhere")
	}
	return nil
}

// dotted reports whether a path has a segment that walks up or stays, written
// plainly: what is escaped was decoded by url.Parse.
func dotted(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// IsLoopbackHost reports whether a host name, without port, is this machine:
// localhost, or a loopback address.
func IsLoopbackHost(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// MatchesRedirect reports whether a client that registered these redirect URIs
// may be answered at asked: compared to the byte, but for the port of a URI on
// this machine, which a native app takes as it finds one (RFC 8252 section 7.3;
// for localhost too, because coding agents register it).
func MatchesRedirect(registered []string, asked string) bool {
	if slices.Contains(registered, asked) {
		return true
	}
	portless, ok := withoutLoopbackPort(asked)
	return ok && slices.ContainsFunc(registered, func(r string) bool {
		known, ok := withoutLoopbackPort(r)
		return ok && known == portless
	})
}

// withoutLoopbackPort returns a URI on this machine without its port; false for
// any other, and for one that is not as it would be registered.
func withoutLoopbackPort(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" || !IsLoopbackHost(u.Hostname()) || CheckRedirectURI(s) != nil {
		return "", false
	}
	if u.Host = u.Hostname(); strings.Contains(u.Host, ":") {
		u.Host = "[" + u.Host + "]"
	}
	return u.String(), true
}
