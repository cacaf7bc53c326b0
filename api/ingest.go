package api

import (
	"net/http"
	"net/url"

	"iotman/flow"
	"iotman/iot"
)

// ingest takes what a device posts. It answers 202 with the ids of the events
// once they are on disk.
func (s *Server) ingest(w http.ResponseWriter, r *http.Request) error {
	if err := s.origin(w, r); err != nil { // a web page can post here without asking
		return err
	}
	src, err := s.Flow.Source(r.Context(), iot.Slug(r.PathValue("workspace")), iot.URLPath(r.PathValue("url_path")))
	if err != nil {
		return err
	}
	if r.URL.RawQuery != "" {
		return noQuery(r.URL.Query())
	}
	post := flow.Post{Header: r.Header, Body: r.Body, Meta: iot.Meta{SourceIP: ClientIP(r), AuthMethod: string(src.Auth)}}
	if err := s.device(r, src, &post.Meta); err != nil {
		return err
	}
	ids, err := s.Flow.Accept(r.Context(), src, post)
	if err != nil {
		return err
	}
	return writeJSON(w, "application/json", http.StatusAccepted, Accepted{ids})
}

// Accepted is the answer to an ingest request: the ids of its events, in
// order.
type Accepted struct {
	IDs []iot.ID `json:"ids"`
}

// AppendJSON appends the answer; ids need no escaping.
func (a Accepted) AppendJSON(b []byte) []byte {
	b = append(b, `{"ids":[`...)
	for i, id := range a.IDs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), id...), '"')
	}
	return append(b, "]}"...)
}

// noQuery refuses parameters: ingest has none, and a secret in a URL ends up in
// logs.
func noQuery(q url.Values) error {
	for _, secret := range []string{"access_token", "token", "key", "api_key"} {
		if q.Has(secret) {
			return iot.Errorf(iot.Invalid, "credentials do not go into the URL").At(secret).
				Hinting("send them in the Authorization header; this one may be in logs by now, so replace it")
		}
	}
	return iot.Errorf(iot.Invalid, "ingest takes no query parameters").Hinting("put everything into the body")
}

// device authenticates who posts, as the endpoint asks.
func (s *Server) device(r *http.Request, src *flow.Source, meta *iot.Meta) error {
	switch src.Auth {
	case iot.AuthBasic:
		user, password, ok := r.BasicAuth()
		if !ok || !src.BasicOK(user, password) {
			return iot.Errorf(iot.Unauthenticated, "this endpoint asks for HTTP Basic credentials, and these are missing or wrong")
		}
	case iot.AuthOAuth2:
		token, err := bearer(r)
		if err != nil {
			return err
		}
		access, err := s.Issuer.Verify(r.Context(), token)
		if err != nil {
			return err
		}
		if access.Workspace != src.Workspace {
			return iot.Errorf(iot.Unauthenticated, "the access token is not for this workspace")
		}
		if err := s.Issuer.Posts(access, src.HTTPEndpoint); err != nil {
			return err
		}
		meta.OAuth2ClientID = access.Client
	case iot.AuthNone:
	}
	return nil
}
