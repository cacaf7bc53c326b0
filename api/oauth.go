package api

import (
	"fmt"
	"net/http"
	"strings"

	"iotman/iot"
)

// handleOAuth mounts what clients find the authorization server by, and talk to
// it through. The short paths are those of clients that ask no metadata.
func (s *Server) handleOAuth() error {
	metadata, err := s.OAuth.Metadata()
	if err != nil {
		return fmt.Errorf("authorization server metadata: %w", err)
	}
	described := plain(s.document("application/json", metadata))
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		s.open("GET", path, described)
	}
	for _, path := range []string{
		"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp/{workspace}", "/mcp/{workspace}/.well-known/oauth-protected-resource",
	} {
		s.open("GET", path, s.resource)
	}
	for _, path := range []string{"/oauth/token", "/token"} {
		s.open("POST", path, plain(s.OAuth.ServeToken))
	}
	for _, path := range []string{"/oauth/register", "/register"} {
		s.open("POST", path, plain(s.OAuth.ServeRegister))
	}
	s.open("GET", "/oauth/register/{client_id}", plain(s.OAuth.ServeRegistration))
	for _, method := range []string{"PUT", "DELETE"} {
		s.handle(method+" /oauth/register/{client_id}", crossing(plain(s.OAuth.ServeRegistration)))
	}
	s.open("POST", "/oauth/revoke", plain(s.OAuth.ServeRevoke))
	s.open("POST", "/oauth/introspect", plain(s.OAuth.ServeIntrospect))
	s.open("GET", "/oauth/jwks", func(w http.ResponseWriter, r *http.Request) error {
		s.document("application/jwk-set+json", s.Issuer.JWKS())(w, r)
		return nil
	})
	return nil
}

// plain is a handler that answers its errors itself.
func plain(h http.HandlerFunc) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		h(w, r)
		return nil
	}
}

// open serves a path to pages of every origin, with the preflight that browsers
// make: nothing here heeds a cookie.
func (s *Server) open(method, path string, h func(http.ResponseWriter, *http.Request) error) {
	s.handle(method+" "+path, crossing(h))
	s.handle("OPTIONS "+path, crossing(func(w http.ResponseWriter, _ *http.Request) error {
		header := w.Header()
		header.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS")
		header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, MCP-Protocol-Version")
		header.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}))
}

func crossing(h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate")
		return h(w, r)
	}
}

// resource describes a protected resource (RFC 9728 section 2): a workspace's
// MCP endpoint, or at the root the server. It answers for every well-formed slug
// alike, so that it tells nobody which workspaces exist.
func (s *Server) resource(w http.ResponseWriter, r *http.Request) error {
	resource := s.PublicURL
	if slug := iot.Slug(r.PathValue("workspace")); slug != "" {
		if iot.CheckSlug(slug) != nil {
			return iot.Errorf(iot.NotFound, "nothing is at this path")
		}
		resource = s.Issuer.MCPURL(slug)
	}
	return writeJSON(w, "application/json", http.StatusOK, map[string]any{
		"resource":                 resource,
		"resource_name":            "iotman",
		"authorization_servers":    []string{s.PublicURL},
		"scopes_supported":         strings.Fields(defaultScope().String()), // clients ask for all of them
		"bearer_methods_supported": []string{"header"},
		"jwks_uri":                 s.PublicURL + "/oauth/jwks",
		"resource_documentation":   s.PublicURL + "/openapi.json",
	})
}
