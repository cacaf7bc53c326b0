package oauth

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"iotman/iot"
	"iotman/store"
)

// metadata is a client's description of itself (RFC 7591 section 2), as far as
// it is heeded. What else it holds is ignored, as the RFC asks.
type metadata struct {
	ClientID      string   `json:"client_id,omitempty"`
	RedirectURIs  []string `json:"redirect_uris"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	Name          string   `json:"client_name,omitempty"`
	URI           string   `json:"client_uri,omitempty"`
	Scope         string   `json:"scope,omitempty"`
}

// registration is the answer to one (RFC 7591 section 3.2.1, RFC 7592
// section 3).
type registration struct {
	metadata
	Secret         string `json:"client_secret,omitempty"`
	SecretExpires  *int64 `json:"client_secret_expires_at,omitempty"`
	IssuedAt       int64  `json:"client_id_issued_at"`
	Access         string `json:"registration_access_token,omitempty"`
	Administration string `json:"registration_client_uri"`
}

// maxClientName is how many characters of a client's own name are kept.
const maxClientName = 64

// client makes a client of its description, or says what is wrong with it
// (RFC 7591 section 3.2.2).
func (m metadata) client() (iot.Client, error) {
	if m.AuthMethod == "" {
		m.AuthMethod = iot.AuthMethodBasic
	}
	if !slices.Contains([]string{iot.AuthMethodNone, iot.AuthMethodBasic, iot.AuthMethodPost}, m.AuthMethod) {
		return iot.Client{}, errOAuth("invalid_client_metadata", "token_endpoint_auth_method is none, client_secret_basic or client_secret_post; got %.60q", m.AuthMethod)
	}
	// Others that a client lists for other servers mean nothing here.
	grants := slices.DeleteFunc(slices.Clone(m.GrantTypes), func(g string) bool { return g != iot.GrantCode && g != iot.GrantRefresh })
	if len(m.GrantTypes) > 0 && !slices.Contains(grants, iot.GrantCode) {
		return iot.Client{}, errOAuth("invalid_client_metadata", "who registers itself is granted what a person consents to: grant_types has to name %s", iot.GrantCode)
	}
	if len(m.ResponseTypes) > 0 && !slices.Contains(m.ResponseTypes, "code") {
		return iot.Client{}, errOAuth("invalid_client_metadata", "response_types has to name code")
	}
	c := iot.Client{
		Name: clientName(m), Public: m.AuthMethod == iot.AuthMethodNone,
		ClientSettings: iot.ClientSettings{
			GrantTypes: []string{iot.GrantCode, iot.GrantRefresh}, RedirectURIs: m.RedirectURIs, URI: m.URI, AuthMethod: m.AuthMethod,
		},
	}
	if err := c.Check(); err != nil {
		code := "invalid_client_metadata"
		if e, ok := errors.AsType[*iot.Error](err); ok && e.Field == "redirect_uris" {
			code = "invalid_redirect_uri"
		}
		return c, errOAuth(code, "%s", iot.ProblemOf(err).Detail)
	}
	return c, nil
}

// clientName returns what a client calls itself, without what could pass for
// something else on a page: control characters, marks of direction, blanks
// without width.
func clientName(m metadata) iot.Name {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(m.Name, ""))
	name := []rune(strings.Join(strings.Fields(clean), " "))
	if len(name) == 0 {
		return "An app without a name"
	}
	return iot.Name(name[:min(len(name), maxClientName)])
}

// registerLimit bounds how often one address may register a client.
var registerLimit = store.Limit{Most: 10, Per: time.Hour}

// ServeRegister registers a client (RFC 7591 section 3).
func (s *Server) ServeRegister(w http.ResponseWriter, r *http.Request) {
	answer, err := s.register(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, http.StatusCreated, answer)
}

func (s *Server) register(w http.ResponseWriter, r *http.Request) (registration, error) {
	m, err := readMetadata(w, r)
	if err != nil {
		return registration{}, err
	}
	c, err := m.client()
	if err != nil {
		return registration{}, err
	}
	wait, err := s.st.Attempt(r.Context(), "register:"+s.network(r), registerLimit)
	if err != nil || wait > 0 {
		return registration{}, errors.Join(err, tooFast("registrations from your address", wait))
	}
	access, secret := newRegistrationToken(), ""
	cred := store.Credentials{Registration: store.DigestOf(access)}
	if !c.Public {
		secret = store.NewClientSecret()
		cred.Secret = store.DigestOf(secret)
	}
	if c, err = s.st.RegisterClient(r.Context(), c, cred); err != nil {
		return registration{}, err
	}
	answer := s.registered(c)
	answer.Access = access
	if secret != "" {
		answer.Secret, answer.SecretExpires = secret, new(int64)
	}
	return answer, nil
}

func readMetadata(w http.ResponseWriter, r *http.Request) (m metadata, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		return m, &problem{http.StatusRequestEntityTooLarge, "invalid_client_metadata", "the body has more than 16 kB"}
	}
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		return m, errOAuth("invalid_client_metadata", "expected a JSON object with redirect_uris and client_name")
	}
	return m, nil
}

// registered describes a registered client.
func (s *Server) registered(c iot.Client) registration {
	return registration{
		metadata: metadata{
			ClientID: c.ID, RedirectURIs: c.RedirectURIs, AuthMethod: c.AuthMethod, GrantTypes: c.GrantTypes, ResponseTypes: []string{"code"},
			Name: string(c.Name), URI: c.URI, Scope: iot.AllPermissions().String() + " offline_access",
		},
		IssuedAt: c.CreatedAt.Unix(), Administration: s.url + "/oauth/register/" + c.ID,
	}
}

// ServeRegistration reads, replaces or deletes a registration, for who holds
// its access token (RFC 7592 section 2).
func (s *Server) ServeRegistration(w http.ResponseWriter, r *http.Request) {
	c, err := s.holder(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	switch r.Method {
	case http.MethodGet:
	case http.MethodPut:
		if c, err = s.reregister(w, r, c); err != nil {
			s.fail(w, r, err)
			return
		}
	case http.MethodDelete:
		if err := s.st.DeleteRegistered(r.Context(), c.ID); err != nil {
			s.fail(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.answer(w, http.StatusOK, s.registered(c))
}

// holder returns the client that the request's registration access token is
// for. Everything else is the same 401 (RFC 7592 section 2).
func (s *Server) holder(r *http.Request) (iot.Client, error) {
	refused := &problem{http.StatusUnauthorized, "invalid_token", "the registration access token is not this client's"}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c, cred, err := s.st.Client(r.Context(), r.PathValue("client_id"))
	if iot.KindOf(err) == iot.NotFound || err == nil && (!ok || cred.Registration == store.Digest{} || !cred.Registration.Is(token)) {
		return c, refused
	}
	return c, err
}

func (s *Server) reregister(w http.ResponseWriter, r *http.Request, c iot.Client) (iot.Client, error) {
	m, err := readMetadata(w, r)
	if err != nil {
		return c, err
	}
	if m.ClientID != c.ID {
		return c, errOAuth("invalid_client_metadata", "client_id has to be the client's own")
	}
	next, err := m.client()
	if err != nil {
		return c, err
	}
	if next.Public != c.Public {
		return c, errOAuth("invalid_client_metadata", "a client with a secret keeps it, and one without gets none: register anew")
	}
	c.Name, c.ClientSettings = next.Name, next.ClientSettings
	return c, s.st.UpdateRegistered(r.Context(), c)
}
