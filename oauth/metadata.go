package oauth

import (
	"encoding/json"
	"strings"

	"iotman/iot"
)

// Metadata describes the server: RFC 8414, which as OpenID Connect Discovery
// has it serves clients that look only there.
func (s *Server) Metadata() ([]byte, error) {
	methods := []string{iot.AuthMethodNone, iot.AuthMethodBasic, iot.AuthMethodPost}
	secret := methods[1:]
	return json.Marshal(map[string]any{
		"issuer":                                         s.url,
		"authorization_endpoint":                         s.url + "/oauth/authorize",
		"token_endpoint":                                 s.url + "/oauth/token",
		"registration_endpoint":                          s.url + "/oauth/register",
		"revocation_endpoint":                            s.url + "/oauth/revoke",
		"introspection_endpoint":                         s.url + "/oauth/introspect",
		"jwks_uri":                                       s.url + "/oauth/jwks",
		"scopes_supported":                               append(strings.Fields(iot.AllPermissions().String()), "offline_access"),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{iot.GrantCode, iot.GrantRefresh, iot.GrantCredentials},
		"token_endpoint_auth_methods_supported":          methods,
		"revocation_endpoint_auth_methods_supported":     methods,
		"introspection_endpoint_auth_methods_supported":  secret,
		"code_challenge_methods_supported":               []string{"S256"},
		"client_id_metadata_document_supported":          s.documents != nil,
		"authorization_response_iss_parameter_supported": true,
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256"},
		"prompt_values_supported":                        []string{"none", "login", "consent"},
		"service_documentation":                          s.url + "/openapi.json",
	})
}
