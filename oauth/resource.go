package oauth

import (
	"net/url"
	"strings"

	"iotman/iot"
)

// target is what a request wants a token for.
type target struct {
	slug iot.Slug // the workspace's; "" for one that the person picks
}

// resource reads the resource parameter (RFC 8707 section 2): the MCP URL of a
// workspace. Clients have sent it with the query of the URL that they were
// given, with a trailing slash and in capitals, so it is compared in one form:
// scheme and host in lower case, without query, fragment and trailing slash.
// None, or our own origin, leaves the workspace to the person.
func (s *Server) resource(values []string) (target, error) {
	switch {
	case len(values) == 0:
		return target{}, nil
	case len(values) > 1:
		return target{}, errTarget("expected one resource, got %d: a token opens one workspace", len(values))
	}
	u, err := url.Parse(values[0])
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.Opaque != "" {
		return target{}, errTarget("the resource %.120q is not an absolute URL", values[0])
	}
	origin := strings.ToLower(u.Scheme + "://" + u.Host)
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	if origin != s.url {
		return target{}, errTarget("the resource %.120q is not on this server, which is %s", values[0], s.url)
	}
	if path == "" || path == "/mcp" {
		return target{}, nil
	}
	slug, ok := strings.CutPrefix(path, "/mcp/")
	if !ok || iot.CheckSlug(iot.Slug(slug)) != nil {
		return target{}, errTarget("the resource %.120q is no workspace's MCP URL, such as %s", values[0], s.issuer.MCPURL("default"))
	}
	return target{iot.Slug(slug)}, nil
}
