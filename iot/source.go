package iot

import (
	"encoding/json"
	"strings"
)

// EndpointAuth is how devices prove themselves to an HTTP endpoint.
type EndpointAuth string

// The ways to authenticate a device.
const (
	AuthNone   EndpointAuth = "none"   // whoever knows the URL
	AuthBasic  EndpointAuth = "basic"  // HTTP Basic (RFC 7617)
	AuthOAuth2 EndpointAuth = "oauth2" // a bearer token of this workspace
)

// HTTPEndpoint is a source that devices POST to, at
// /data/<workspace-slug>/<url_path>.
type HTTPEndpoint struct {
	ID        ID      `json:"id"`
	Name      Name    `json:"name" untrusted:"true"` // texts by members are data to agents, too
	Slug      Slug    `json:"slug"`
	URLPath   URLPath `json:"url_path"`
	URL       string  `json:"url"`
	Enabled   bool    `json:"enabled"`
	Version   int64   `json:"version"` // the workspace's version at the last change
	CreatedAt Time    `json:"created_at"`
	UpdatedAt Time    `json:"updated_at"`
	EndpointSettings
}

// EndpointSettings are an HTTP endpoint's choices.
type EndpointSettings struct {
	Auth          EndpointAuth    `json:"auth"`
	BasicUsername string          `json:"basic_username,omitempty" untrusted:"true"` // with auth basic
	OAuth2Client  string          `json:"oauth2_client_id,omitempty" untrusted:"true"`
	OAuth2Scope   string          `json:"oauth2_scope,omitempty" untrusted:"true"`
	Schema        json.RawMessage `json:"payload_schema,omitempty" untrusted:"true"` // a JSON Schema that every payload must fit
	RateLimit     int             `json:"rate_limit,omitempty"`                      // events a second, with a burst of as many; 0: no limit
	Headers       []string        `json:"capture_headers,omitempty"`                 // request headers kept as meta.ingest_context
}

// Limits of an endpoint's settings.
const (
	MaxSchemaBytes  = 64 << 10
	MaxHeaders      = 16
	MaxRateLimit    = 1_000_000
	MaxBasicSecret  = 256
	MaxHeaderLength = 64
	MaxClientID     = 2048 // a client id may be a URL
	MaxScope        = 128
)

// neverCaptured are what the names of headers that hold credentials contain: an
// endpoint may not ask for them, so that no secret ends up in the log.
var neverCaptured = []string{"auth", "cookie", "token", "secret", "password", "api-key", "apikey", "subscription-key", "signature", "session", "credential"}

// Check returns what is wrong with the endpoint, or nil. The payload schema is
// checked by who compiles it.
func (e HTTPEndpoint) Check() error {
	for _, err := range []error{CheckName(e.Name), CheckSlug(e.Slug), CheckURLPath(e.URLPath), e.EndpointSettings.check()} {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s EndpointSettings) check() error {
	switch s.Auth {
	case AuthNone, AuthBasic, AuthOAuth2:
	default:
		return Errorf(Invalid, "auth is none, basic or oauth2; got %q", Clip(string(s.Auth))).At("auth")
	}
	switch {
	case s.Auth == AuthBasic && (s.BasicUsername == "" || len(s.BasicUsername) > MaxHeaderLength || strings.Contains(s.BasicUsername, ":")):
		return Errorf(Invalid, "auth basic needs a basic_username of 1 to %d characters without ':'", MaxHeaderLength).At("basic_username")
	case s.Auth != AuthBasic && s.BasicUsername != "":
		return Errorf(Invalid, "basic_username goes with auth basic; auth is %s", s.Auth).At("basic_username")
	case s.Auth != AuthOAuth2 && s.OAuth2Client+s.OAuth2Scope != "":
		return Errorf(Invalid, "oauth2_client_id and oauth2_scope go with auth oauth2; auth is %s", s.Auth).At("auth")
	case len(s.OAuth2Client) > MaxClientID:
		return Errorf(Invalid, "an oauth2_client_id has at most %d bytes; got %d", MaxClientID, len(s.OAuth2Client)).At("oauth2_client_id")
	case len(s.OAuth2Scope) > MaxScope || strings.ContainsAny(s.OAuth2Scope, ` "\\`):
		return Errorf(Invalid, "an oauth2_scope is one scope of at most %d bytes; got %q", MaxScope, Clip(s.OAuth2Scope)).At("oauth2_scope")
	case len(s.Schema) > MaxSchemaBytes:
		return Errorf(Invalid, "a payload_schema has at most %d bytes; got %d", MaxSchemaBytes, len(s.Schema)).At("payload_schema")
	case s.RateLimit < 0 || s.RateLimit > MaxRateLimit:
		return Errorf(Invalid, "rate_limit is 1 to %d events a second, or 0 for none; got %d", MaxRateLimit, s.RateLimit).At("rate_limit")
	case len(s.Headers) > MaxHeaders:
		return Errorf(Invalid, "at most %d capture_headers; got %d", MaxHeaders, len(s.Headers)).At("capture_headers")
	}
	for _, h := range s.Headers {
		if h == "" || len(h) > MaxHeaderLength || strings.ContainsFunc(h, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
		}) {
			return Errorf(Invalid, "a captured header is 1 to %d letters, digits and '-'; got %q", MaxHeaderLength, Clip(h)).At("capture_headers")
		}
		for _, never := range neverCaptured {
			if strings.Contains(strings.ToLower(h), never) {
				return Errorf(Invalid, "the header %s may hold credentials (%q) and is never kept", h, never).At("capture_headers")
			}
		}
	}
	if err := CheckText("basic_username", s.BasicUsername); err != nil {
		return err
	}
	return CheckText("oauth2_client_id, oauth2_scope", s.OAuth2Client+s.OAuth2Scope)
}

// Reject is a payload that a source refused, kept for a while so that its
// sender's trouble can be explained.
type Reject struct {
	EventID    ID     `json:"event_id"` // the id the refused request was answered with
	SourceID   ID     `json:"source_id"`
	ReceivedAt Time   `json:"received_at"`
	Code       string `json:"code"`
	Reason     string `json:"reason" untrusted:"true"`
	Payload    string `json:"payload" untrusted:"true"` // its beginning, as text
}
