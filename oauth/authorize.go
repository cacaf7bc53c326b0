package oauth

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"iotman/iot"
	"iotman/store"
)

// Authorization is a valid authorization request (RFC 6749 section 4.1.1): what
// is left to say is the person's.
type Authorization struct {
	Client    iot.Client
	Redirect  string          // where the answer goes
	Workspace iot.Slug        // "" where the client named none, and the person picks
	Asked     iot.Permissions // what the client would like to have
	Prompt    []string        // how the person is to be asked (OpenID Connect Core section 3.1.2.1)
	state     string
	challenge string
	request   fosite.AuthorizeRequester
	client    *client
}

// Redirected is an error that the client is told: the person's browser goes back
// with it (RFC 6749 section 4.1.2.1).
type Redirected struct{ URL string }

// Error returns where to.
func (r *Redirected) Error() string { return "redirect to " + r.URL }

// ignored are scopes that clients ask for out of habit, and that mean nothing
// here: refusing them would keep such a client out.
var ignored = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// Authorize reads an authorization request. An *iot.Error is for the person to
// see, on a page of ours: who asks, or where the answer would go, is not to be
// trusted. *Redirected is for the client.
func (s *Server) Authorize(r *http.Request) (*Authorization, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, iot.Errorf(iot.Invalid, "the address of this page is malformed").Because(err)
	}
	for name, values := range q {
		if len(values) > 1 && name != "resource" { // RFC 6749 section 3.1
			return nil, iot.Errorf(iot.Invalid, "the app's request names %.40q more than once", name)
		}
	}
	a, err := s.asker(r, q)
	if err != nil {
		return nil, err
	}
	if err := s.read(r, q, a); err != nil {
		return nil, &Redirected{a.failed(s.url, problemOf(err))}
	}
	return a, nil
}

// asker finds who asks, and where the answer may go.
func (s *Server) asker(r *http.Request, q url.Values) (*Authorization, error) {
	id, asked := q.Get("client_id"), q.Get("redirect_uri")
	if id == "" {
		return nil, iot.Errorf(iot.Invalid, "the request does not say which app it is from").Hinting("it lacks client_id")
	}
	c, err := s.lookup(r, id)
	if iot.KindOf(err) == iot.NotFound {
		return nil, iot.Errorf(iot.Invalid, "this server does not know the app %.80q", id).
			Hinting("its registration may have ended unused: remove the connection in the app, then connect again")
	}
	if err != nil {
		return nil, err
	}
	switch {
	case asked != "" && iot.MatchesRedirect(c.RedirectURIs, asked):
		c.redirect = asked
	case asked == "" && len(c.RedirectURIs) == 1:
		c.redirect = c.RedirectURIs[0]
	default:
		return nil, iot.Errorf(iot.Invalid, "the app wants the answer sent to %.120q, where it did not say it would be", asked).
			Hinting("nothing was sent there; if you did not expect this, close the page")
	}
	return &Authorization{Client: c.Client, Redirect: c.redirect, state: q.Get("state"), client: c}, nil
}

var (
	challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`) // base64url of SHA-256, RFC 7636 section 4.2
	printable     = regexp.MustCompile(`^[\x20-\x7e]*$`)      // RFC 6749 appendix A.5
)

// read checks the rest of the request.
func (s *Server) read(r *http.Request, q url.Values, a *Authorization) error {
	if !printable.MatchString(a.state) {
		a.state = ""
		return errOAuth("invalid_request", "state holds characters beyond ASCII")
	}
	for _, name := range []string{"request", "request_uri"} {
		if q.Has(name) {
			return errOAuth(name+"_not_supported", "%s is not taken; send plain parameters", name)
		}
	}
	a.challenge = q.Get("code_challenge")
	switch method := q.Get("code_challenge_method"); {
	case a.challenge == "":
		return errOAuth("invalid_request", "code_challenge is missing: PKCE is required of every client (RFC 7636)")
	case method != "S256":
		return errOAuth("invalid_request", "code_challenge_method has to be S256, got %.20q", method)
	case !challengeForm.MatchString(a.challenge):
		return errOAuth("invalid_request", "code_challenge is not the base64url of a SHA-256")
	}
	t, err := s.resource(q["resource"])
	if err != nil {
		return err
	}
	if a.Workspace, err = s.home(r.Context(), a.Client, t.slug); err != nil {
		return err
	}
	if a.Asked, err = askedFor(q.Get("scope")); err != nil {
		return err
	}
	a.Prompt = strings.Fields(q.Get("prompt"))
	ctx := context.WithValue(r.Context(), clientKey{}, a.client)
	a.request, err = s.provider.NewAuthorizeRequest(ctx, understood(ctx, q, a))
	return err
}

// understood is the request as fosite gets it: what it is to judge, and nothing
// that it might take in another sense. It wants a state of at least eight
// characters, and the client's own, which may be shorter or none, is answered
// by us.
func understood(ctx context.Context, q url.Values, a *Authorization) *http.Request {
	kept := url.Values{"scope": {a.Asked.String()}, "state": {"answered by us"}}
	for _, name := range []string{"client_id", "redirect_uri", "response_type", "response_mode", "code_challenge", "code_challenge_method"} {
		if q.Has(name) {
			kept.Set(name, q.Get(name))
		}
	}
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/oauth/authorize", RawQuery: kept.Encode()}, Header: http.Header{}}
	return r.WithContext(ctx)
}

// home returns the workspace of a request. A client that a workspace made opens
// no other.
func (s *Server) home(ctx context.Context, c iot.Client, asked iot.Slug) (iot.Slug, error) {
	if c.Workspace == "" {
		return asked, nil
	}
	w, err := s.st.Workspace(c.Workspace).Get(ctx)
	if err != nil {
		return "", err
	}
	if asked != "" && asked != w.Slug {
		return "", errTarget("this client belongs to another workspace than the resource")
	}
	return w.Slug, nil
}

// askedFor reads a scope parameter; none asks for all that is not sensitive.
func askedFor(scope string) (iot.Permissions, error) {
	var asked iot.Permissions
	var unknown []string
	named := false
	for name := range strings.FieldsSeq(scope) {
		p := iot.Permission(name)
		switch {
		case p.Valid():
			asked = asked.Union(iot.PermissionsOf(p))
			named = true
		case !slices.Contains(ignored, name):
			unknown = append(unknown, iot.Clip(name))
		}
	}
	if len(unknown) > 0 {
		return 0, errOAuth("invalid_scope", "unknown: %.200s; the permissions are %s", strings.Join(unknown, " "), iot.AllPermissions())
	}
	if !named {
		return iot.AllPermissions().Without(iot.Sensitive()), nil
	}
	return asked, nil
}

// Answer is what the person says to an authorization request.
type Answer struct {
	Person    iot.Account
	Workspace iot.ID
	Granted   iot.Permissions
}

// Grant answers the request with a code, and returns where the browser goes.
// Nobody grants what was not asked for, or what their role does not hold.
func (s *Server) Grant(ctx context.Context, a *Authorization, answer Answer) (string, error) {
	g, slug, err := s.granted(ctx, a, answer)
	if err != nil {
		return "", err
	}
	if a.Workspace != "" && slug != a.Workspace {
		return "", iot.Errorf(iot.Invalid, "the app asked for another workspace")
	}
	for scope := range strings.FieldsSeq(g.Scope) {
		a.request.GrantScope(scope)
	}
	a.request.GrantAudience(g.Audience)
	response, err := s.provider.NewAuthorizeResponse(ctx, a.request, &session{workspace: answer.Workspace, grant: g, challenge: a.challenge})
	if err != nil {
		return a.failed(s.url, problemOf(err)), nil
	}
	return a.answered(s.url, url.Values{"code": {response.GetCode()}}), nil
}

// granted returns the grant that an answer makes.
func (s *Server) granted(ctx context.Context, a *Authorization, answer Answer) (g store.Grant, slug iot.Slug, err error) {
	h := s.st.Workspace(answer.Workspace)
	w, err := h.Get(ctx)
	if err != nil {
		return g, "", err
	}
	role, err := h.Role(ctx, answer.Person.ID)
	if err != nil {
		return g, "", err
	}
	scope := answer.Granted.Intersect(a.Asked).Intersect(role.Rights())
	if scope == 0 {
		return g, "", iot.Errorf(iot.Invalid, "nothing of what the app asks for would be granted").At("permissions").
			Hinting("tick a permission, or deny the request")
	}
	return store.Grant{
		ID: store.NewID(), Account: answer.Person.ID, Client: a.Client.ID, Audience: s.issuer.MCPURL(w.Slug), Scope: scope.String(),
		ClientName: string(a.Client.Name), RedirectURI: a.Redirect,
	}, w.Slug, nil
}

// Remembered returns what the person let this very client have before, at the
// same redirect URI, if that covers all it asks for now: then it need not be
// asked again. A public client whose identity nobody vouches for is always asked
// about: any program on the person's machine can say that it is this one.
func (s *Server) Remembered(ctx context.Context, a *Authorization, answer Answer) (bool, error) {
	if !a.Verified() || slices.Contains(a.Prompt, "consent") {
		return false, nil
	}
	answer.Granted = a.Asked
	g, _, err := s.granted(ctx, a, answer)
	if err != nil {
		return false, err
	}
	before, err := s.st.Workspace(answer.Workspace).Consented(ctx, g)
	if err != nil {
		return false, err
	}
	for _, scope := range before {
		if a.Asked.Without(permissionsIn(scope)) == 0 {
			return true, nil
		}
	}
	return false, nil
}

// Verified reports whether somebody vouches for who the client is: it has a
// secret that an admin gave it, or its metadata document is at the host that the
// answer goes to. What registered itself can call itself anything.
func (a *Authorization) Verified() bool {
	if a.Client.Workspace != "" {
		return !a.Client.Public
	}
	if !a.Client.Document {
		return false
	}
	id, err := url.Parse(a.Client.ID)
	to, terr := url.Parse(a.Redirect)
	return err == nil && terr == nil && to.Scheme == "https" && strings.EqualFold(id.Host, to.Host)
}

// Refuse returns where the browser goes with an error of RFC 6749 section
// 4.1.2.1, such as access_denied.
func (s *Server) Refuse(a *Authorization, code, description string) string {
	return a.failed(s.url, errOAuth(code, "%s", description))
}

func (a *Authorization) failed(issuer string, p *problem) string {
	return a.answered(issuer, url.Values{"error": {p.Code}, "error_description": {ascii(p.Description)}})
}

// answered puts an answer into the redirect URI, with the issuer (RFC 9207
// section 2) and the state.
func (a *Authorization) answered(issuer string, answer url.Values) string {
	answer.Set("iss", issuer)
	if a.state != "" {
		answer.Set("state", a.state)
	}
	separator := "?"
	if strings.Contains(a.Redirect, "?") {
		separator = "&"
	}
	return a.Redirect + separator + answer.Encode()
}

// ascii leaves out of a description what none may hold (RFC 6749 appendix A.8).
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < ' ' || r > '~':
			return -1
		}
		return r
	}, s)
}
