package iot

import "strings"

// Client is an OAuth 2.0 client (RFC 6749 section 2): a program that asks for
// tokens. One that registered itself, or published a metadata document, belongs
// to nobody; one that an admin made belongs to its workspace and holds
// permissions and scopes of its own.
type Client struct {
	ID        string `json:"id"`
	Workspace ID     `json:"-"` // empty for who belongs to nobody
	Name      Name   `json:"name" untrusted:"true"`
	Slug      Slug   `json:"slug,omitempty"`
	Public    bool   `json:"public"` // has no secret: a native app, a coding agent, a page
	ClientSettings
	CreatedAt  Time  `json:"created_at"`
	UpdatedAt  Time  `json:"updated_at"`
	LastUsedAt Time  `json:"last_used_at,omitzero"`
	Version    int64 `json:"version,omitempty"` // the workspace's version at the last change
	// Document is the URL of the metadata document that describes the client,
	// which is its id then.
	Document bool `json:"-"`
}

// ClientSettings are a client's choices.
type ClientSettings struct {
	GrantTypes   []string `json:"grant_types"`
	RedirectURIs []string `json:"redirect_uris,omitempty"`
	URI          string   `json:"client_uri,omitempty"`
	AuthMethod   string   `json:"token_endpoint_auth_method,omitempty"`
	Scope        string   `json:"scope,omitempty"` // a workspace's client only: what it holds, names separated by spaces
}

// The grant types that are served (RFC 6749 sections 4.1, 4.4 and 6).
const (
	GrantCode        = "authorization_code"
	GrantRefresh     = "refresh_token"
	GrantCredentials = "client_credentials"
)

// The ways a client authenticates (RFC 7591 section 2).
const (
	AuthMethodNone  = "none"
	AuthMethodBasic = "client_secret_basic"
	AuthMethodPost  = "client_secret_post"
)

// MaxScopes is how many scopes and permissions a client may hold.
const MaxScopes = 100

// CheckScope returns what is wrong with a workspace's scope, or nil: such a
// scope is namespace:action, of a-z, 0-9, '.', '_' and '-'.
func CheckScope(s string) error {
	namespace, action, ok := strings.Cut(s, ":")
	ok = ok && namespace != "" && action != "" && len(s) <= MaxScope
	for _, c := range []byte(namespace + action) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-')
	}
	if !ok {
		return Errorf(Invalid, "a scope is namespace:action of a-z, 0-9, '.', '_' and '-', or a permission; got %q", Clip(s)).At("scope").
			Hinting("the permissions are: %s", AllPermissions())
	}
	return nil
}

// Check returns what is wrong with the client, or nil.
func (c Client) Check() error {
	if err := CheckName(c.Name); err != nil {
		return err
	}
	code := false
	for _, g := range c.GrantTypes {
		switch g {
		case GrantCode, GrantRefresh:
			code = true
		case GrantCredentials:
			if c.Public {
				return Errorf(Invalid, "a public client has no secret to ask for client_credentials with").At("grant_types").
					Hinting("make it confidential, or use authorization_code")
			}
		default:
			return Errorf(Invalid, "the grant types are %s, %s and %s; got %q", GrantCode, GrantRefresh, GrantCredentials, Clip(g)).At("grant_types")
		}
	}
	switch {
	case len(c.GrantTypes) == 0 || len(c.GrantTypes) > 3:
		return Errorf(Invalid, "expected 1 to 3 grant types, got %d", len(c.GrantTypes)).At("grant_types")
	case code && len(c.RedirectURIs) == 0:
		return Errorf(Invalid, "the grant type %s needs a redirect URI", GrantCode).At("redirect_uris")
	case len(c.RedirectURIs) > MaxRedirects:
		return Errorf(Invalid, "at most %d redirect URIs; got %d", MaxRedirects, len(c.RedirectURIs)).At("redirect_uris")
	case len(c.URI) > MaxRedirectURI || c.URI != "" && !strings.HasPrefix(c.URI, "https://") && !strings.HasPrefix(c.URI, "http://"):
		return Errorf(Invalid, "a client_uri is an http or https URL of at most %d bytes", MaxRedirectURI).At("client_uri")
	}
	for _, uri := range c.RedirectURIs {
		if err := CheckRedirectURI(uri); err != nil {
			return err
		}
	}
	return CheckText("client_uri", c.URI)
}
