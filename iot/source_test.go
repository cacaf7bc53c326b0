package iot_test

import (
	"slices"
	"strings"
	"testing"

	"iotman/iot"
)

func TestHTTPEndpointCheck(t *testing.T) {
	ok := iot.HTTPEndpoint{Name: "Line 3", Slug: "line-3", URLPath: "line_3", EndpointSettings: iot.EndpointSettings{Auth: iot.AuthNone}}
	long := strings.Repeat("a", 65)
	for _, test := range []struct {
		name  string
		edit  func(*iot.HTTPEndpoint)
		field string // empty: no error
	}{
		{"as it is", func(*iot.HTTPEndpoint) {}, ""},
		{"no name", func(e *iot.HTTPEndpoint) { e.Name = "" }, "name"},
		{"no slug", func(e *iot.HTTPEndpoint) { e.Slug = "" }, "slug"},
		{"an id as slug", func(e *iot.HTTPEndpoint) { e.Slug = uuid }, "slug"},
		{"no path", func(e *iot.HTTPEndpoint) { e.URLPath = "" }, "url_path"},
		{"a path of two segments", func(e *iot.HTTPEndpoint) { e.URLPath = "a/b" }, "url_path"},

		{"no auth", func(e *iot.HTTPEndpoint) { e.Auth = "" }, "auth"},
		{"unknown auth", func(e *iot.HTTPEndpoint) { e.Auth = "Basic" }, "auth"},
		{"basic", func(e *iot.HTTPEndpoint) { e.Auth, e.BasicUsername = iot.AuthBasic, "device" }, ""},
		{"basic, longest", func(e *iot.HTTPEndpoint) { e.Auth, e.BasicUsername = iot.AuthBasic, long[:64] }, ""},
		{"basic without a username", func(e *iot.HTTPEndpoint) { e.Auth = iot.AuthBasic }, "basic_username"},
		{"basic, too long", func(e *iot.HTTPEndpoint) { e.Auth, e.BasicUsername = iot.AuthBasic, long }, "basic_username"},
		{"basic with a colon", func(e *iot.HTTPEndpoint) { e.Auth, e.BasicUsername = iot.AuthBasic, "a:b" }, "basic_username"},
		{"basic with a line end", func(e *iot.HTTPEndpoint) { e.Auth, e.BasicUsername = iot.AuthBasic, "a\nb" }, "basic_username"},
		{"a username without basic", func(e *iot.HTTPEndpoint) { e.BasicUsername = "device" }, "basic_username"},
		{"a username with oauth2", func(e *iot.HTTPEndpoint) { e.Auth, e.BasicUsername = iot.AuthOAuth2, "device" }, "basic_username"},
		{"oauth2", func(e *iot.HTTPEndpoint) { e.Auth = iot.AuthOAuth2 }, ""},
		{"oauth2 narrowed", func(e *iot.HTTPEndpoint) {
			e.Auth, e.OAuth2Client, e.OAuth2Scope = iot.AuthOAuth2, "client", "plant:write"
		}, ""},
		{"oauth2 with a line end", func(e *iot.HTTPEndpoint) { e.Auth, e.OAuth2Scope = iot.AuthOAuth2, "a\nb" }, "oauth2_client_id, oauth2_scope"},
		{"a client without oauth2", func(e *iot.HTTPEndpoint) { e.OAuth2Client = "client" }, "auth"},
		{"a scope with basic", func(e *iot.HTTPEndpoint) {
			e.Auth, e.BasicUsername, e.OAuth2Scope = iot.AuthBasic, "device", "plant:write"
		}, "auth"},

		{"the largest schema", func(e *iot.HTTPEndpoint) { e.Schema = make([]byte, iot.MaxSchemaBytes) }, ""},
		{"a schema too large", func(e *iot.HTTPEndpoint) { e.Schema = make([]byte, iot.MaxSchemaBytes+1) }, "payload_schema"},
		{"the highest rate", func(e *iot.HTTPEndpoint) { e.RateLimit = iot.MaxRateLimit }, ""},
		{"a rate too high", func(e *iot.HTTPEndpoint) { e.RateLimit = iot.MaxRateLimit + 1 }, "rate_limit"},
		{"a negative rate", func(e *iot.HTTPEndpoint) { e.RateLimit = -1 }, "rate_limit"},

		{"headers", func(e *iot.HTTPEndpoint) { e.Headers = []string{"X-Device-Id", "x-7", long[:64]} }, ""},
		{"most headers", func(e *iot.HTTPEndpoint) { e.Headers = slices.Repeat([]string{"X-A"}, iot.MaxHeaders) }, ""},
		{"too many headers", func(e *iot.HTTPEndpoint) { e.Headers = slices.Repeat([]string{"X-A"}, iot.MaxHeaders+1) }, "capture_headers"},
		{"an empty header", func(e *iot.HTTPEndpoint) { e.Headers = []string{"X-A", ""} }, "capture_headers"},
		{"a header too long", func(e *iot.HTTPEndpoint) { e.Headers = []string{long} }, "capture_headers"},
		{"a header with a colon", func(e *iot.HTTPEndpoint) { e.Headers = []string{"X-A:"} }, "capture_headers"},
		{"a header not in ASCII", func(e *iot.HTTPEndpoint) { e.Headers = []string{"X-Ä"} }, "capture_headers"},
		{"a credential", func(e *iot.HTTPEndpoint) { e.Headers = []string{"X-A", "Authorization"} }, "capture_headers"},
		{"a proxy's credential", func(e *iot.HTTPEndpoint) { e.Headers = []string{"proxy-authorization"} }, "capture_headers"},
		{"a cookie", func(e *iot.HTTPEndpoint) { e.Headers = []string{"COOKIE"} }, "capture_headers"},
		{"a cookie set", func(e *iot.HTTPEndpoint) { e.Headers = []string{"Set-Cookie"} }, "capture_headers"},
		{"an API key", func(e *iot.HTTPEndpoint) { e.Headers = []string{"X-API-Key"} }, "capture_headers"},
	} {
		e := ok
		test.edit(&e)
		wantKind(t, "Check", test.name, e.Check(), test.field == "", test.field)
	}
}
