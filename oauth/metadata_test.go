package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"iotman/flow/egress"
	"iotman/iot"
	"iotman/oauth"
)

// TestWithoutDocuments: a server that reaches no other does not offer client ID
// metadata documents, or agents that prefer them could never get in; and a
// client id that is a URL is one that nobody registered.
func TestWithoutDocuments(t *testing.T) {
	h := newHouse(t)
	request := "/oauth/authorize?" + url.Values{"client_id": {"https://127.0.0.1:9/client.json"}}.Encode()
	for _, c := range []struct {
		egress  *egress.Guard
		message string
	}{
		{nil, "does not know the app"},
		{egress.New(egress.Config{}), "cannot be had"},
	} {
		s := oauth.NewServer(oauth.Config{Store: h.store, Issuer: h.issuer, Egress: c.egress, ClientIP: func(*http.Request) string { return "192.0.2.1" }})
		raw, err := s.Metadata()
		h.must(err)
		var got struct {
			Documents bool `json:"client_id_metadata_document_supported"`
		}
		h.must(json.Unmarshal(raw, &got))
		if want := c.egress != nil; got.Documents != want {
			t.Errorf("with egress %t: got documents offered: %t", want, got.Documents)
		}
		_, err = s.Authorize(httptest.NewRequestWithContext(t.Context(), "GET", request, nil))
		if iot.KindOf(err) != iot.Invalid || !strings.Contains(err.Error(), c.message) {
			t.Errorf("with egress %t: got %v, want an error that has %q", c.egress != nil, err, c.message)
		}
	}
}
