package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"iotman/iot"
	"iotman/store"
)

// maxForm is the greatest body of the endpoints that machines call, in bytes.
const maxForm = 16 << 10

// form reads the parameters of such an endpoint (RFC 6749 section 3.2): in the
// body, each once.
func form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, errOAuth("invalid_request", "expected application/x-www-form-urlencoded of at most %d bytes", maxForm)
	}
	if len(r.PostForm) == 0 {
		return nil, errOAuth("invalid_request", "the body is empty: send the parameters as application/x-www-form-urlencoded")
	}
	for name, values := range r.PostForm {
		if len(values) > 1 && name != "resource" {
			return nil, errOAuth("invalid_request", "%.40q is given more than once", name)
		}
	}
	return r.PostForm, nil
}

// ServeToken is the token endpoint (RFC 6749 section 3.2).
func (s *Server) ServeToken(w http.ResponseWriter, r *http.Request) {
	answer, err := s.exchange(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, answer.ToMap())
}

func (s *Server) exchange(w http.ResponseWriter, r *http.Request) (fosite.AccessResponder, error) {
	f, err := form(w, r)
	if err != nil {
		return nil, err
	}
	t, err := s.resource(f["resource"])
	if err != nil {
		return nil, err
	}
	if g := f.Get("grant_type"); !slices.Contains([]string{iot.GrantCode, iot.GrantRefresh, iot.GrantCredentials}, g) {
		return nil, errOAuth("unsupported_grant_type", "grant_type is %s, %s or %s; got %.40q", iot.GrantCode, iot.GrantRefresh, iot.GrantCredentials, g)
	}
	f.Del("audience") // fosite's word for what resource says
	ctx := r.Context()
	request, err := s.provider.NewAccessRequest(ctx, r, &session{})
	if err != nil {
		return nil, err
	}
	own, err := sessionOf(request)
	if err != nil {
		return nil, err
	}
	if request.GetGrantTypes().ExactOne(iot.GrantCredentials) {
		if own, err = s.machine(ctx, request, t); err != nil {
			return nil, err
		}
		request.SetSession(own)
		for scope := range strings.FieldsSeq(f.Get("scope")) {
			request.GrantScope(scope)
		}
		if len(request.GetGrantedScopes()) == 0 {
			for scope := range strings.FieldsSeq(own.grant.Scope) {
				request.GrantScope(scope)
			}
		}
		request.GrantAudience(own.grant.Audience)
	} else if t.slug != "" && own.grant.Audience != s.issuer.MCPURL(t.slug) {
		return nil, errTarget("the grant is for %s, not for the resource asked for", own.grant.Audience)
	}
	narrow(request, strings.Fields(f.Get("scope")))
	return s.provider.NewAccessResponse(ctx, request)
}

// narrow gives a refreshed token less than its grant, where no more than that is
// asked for (RFC 6749 section 6). The grant, and the next refresh token, keep
// what they have. Who asks for more, as clients do before they ask the person,
// gets what there is, and is told what that is.
func narrow(r fosite.AccessRequester, asked []string) {
	request, ok := r.(*fosite.AccessRequest)
	if !ok || len(asked) == 0 || !r.GetGrantTypes().ExactOne(iot.GrantRefresh) || !request.GrantedScope.Has(asked...) {
		return
	}
	request.GrantedScope = asked
}

// machine returns the session of a client that acts for itself (RFC 6749
// section 4.4). Only a client of a workspace holds anything; without a resource
// its tokens are for data, with its workspace's MCP URL for management.
func (s *Server) machine(ctx context.Context, r fosite.AccessRequester, t target) (*session, error) {
	c, ok := r.GetClient().(*client)
	if !ok || c.Workspace == "" || !slices.Contains(c.GrantTypes, iot.GrantCredentials) {
		return nil, errOAuth("unauthorized_client", "this client may not ask for client_credentials: an admin of a workspace makes one that may (client_create)")
	}
	w, err := s.st.Workspace(c.Workspace).Get(ctx)
	if err != nil {
		return nil, err
	}
	held, audience := strings.Fields(c.Scope), string(w.Slug)
	if t.slug != "" {
		if t.slug != w.Slug {
			return nil, errTarget("this client belongs to another workspace than the resource")
		}
		audience = s.issuer.MCPURL(w.Slug)
		held = slices.DeleteFunc(held, func(name string) bool { return !iot.Permission(name).Valid() })
	}
	for _, name := range r.GetRequestedScopes() {
		if !slices.Contains(held, name) {
			return nil, errOAuth("invalid_scope", "the client does not hold %.80q; it holds: %s", name, strings.Join(held, " "))
		}
	}
	g, err := s.st.Workspace(c.Workspace).MachineGrant(ctx, c.ID, audience)
	if err != nil {
		return nil, err
	}
	fresh := g.ID == ""
	if fresh {
		g = store.Grant{ID: store.NewID(), Client: c.ID, ClientName: string(c.Name), Audience: audience}
	}
	g.Scope = strings.Join(held, " ")
	return &session{workspace: c.Workspace, grant: g, fresh: fresh}, nil
}

// ServeRevoke is the revocation endpoint (RFC 7009). A token of another client,
// and one that is none, are answered alike.
func (s *Server) ServeRevoke(w http.ResponseWriter, r *http.Request) {
	f, err := form(w, r)
	if err == nil && f.Get("token") == "" {
		err = errOAuth("invalid_request", "token is missing")
	}
	if err == nil {
		err = s.provider.NewRevocationRequest(r.Context(), r)
	}
	if p := problemOf(err); err != nil && p.Code != "unauthorized_client" {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}
