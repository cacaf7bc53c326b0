package web

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"iotman/iot"
	"iotman/oauth"
	"iotman/store"
)

// authorize is the authorization endpoint (RFC 6749 section 3.1): it finds who
// the person is, which workspace is meant, and asks them.
func (s *Site) authorize(w http.ResponseWriter, r *http.Request) error {
	a, err := s.OAuth.Authorize(r)
	if err != nil {
		return s.refused(w, r, err)
	}
	person, err := s.person(r)
	silent := slices.Contains(a.Prompt, "none")
	if iot.KindOf(err) == iot.Unauthenticated || err == nil && slices.Contains(a.Prompt, "login") {
		if silent {
			return s.redirect(w, r, s.OAuth.Refuse(a, "login_required", "nobody is signed in"))
		}
		q := url.Values{"next": {withoutLogin(r.URL)}, "again": {"1"}}
		return s.redirect(w, r, "/signin?"+q.Encode())
	}
	if err != nil {
		return err
	}
	ws, err := s.workspaceOf(r, a, person)
	if err != nil {
		return err
	}
	if ws.ID == "" {
		if silent {
			return s.redirect(w, r, s.OAuth.Refuse(a, "interaction_required", "the request names no workspace"))
		}
		return s.pick(w, r, a, person)
	}
	answer := oauth.Answer{Person: person, Workspace: ws.ID, Granted: a.Asked}
	known, err := s.OAuth.Remembered(r.Context(), a, answer)
	if err != nil {
		return err
	}
	switch {
	case known:
		to, err := s.OAuth.Grant(r.Context(), a, answer)
		if err != nil {
			return err
		}
		return s.redirect(w, r, to)
	case silent:
		return s.redirect(w, r, s.OAuth.Refuse(a, "consent_required", "the person has to be asked"))
	}
	return s.showConsent(w, r, a, question{person: person, ws: ws, request: r.URL.Query()})
}

// refused answers a request that cannot be granted: back to the client, or, where
// that is not to be trusted, on a page.
func (s *Site) refused(w http.ResponseWriter, r *http.Request, err error) error {
	if back, ok := errors.AsType[*oauth.Redirected](err); ok {
		return s.redirect(w, r, back.URL)
	}
	return err
}

// redirect sends the browser on with a GET: 303, so that no form goes along.
func (s *Site) redirect(w http.ResponseWriter, _ *http.Request, to string) error {
	w.Header().Set("Location", to) // http.Redirect would take a private-use scheme for a path
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// withoutLogin returns the request's path and query without prompt=login, which
// is fulfilled once the person has signed in.
func withoutLogin(u *url.URL) string {
	q := u.Query()
	prompt := slices.DeleteFunc(strings.Fields(q.Get("prompt")), func(p string) bool { return p == "login" })
	if q.Del("prompt"); len(prompt) > 0 {
		q.Set("prompt", strings.Join(prompt, " "))
	}
	return u.Path + "?" + q.Encode()
}

// workspaceOf returns the workspace that is meant, with the person's role in it:
// the one that the client names, or the only one that there is; the zero
// membership for one that the person has to pick.
func (s *Site) workspaceOf(r *http.Request, a *oauth.Authorization, person iot.Account) (membership, error) {
	if a.Workspace == "" {
		all, err := s.workspaces(r, person)
		if err != nil || len(all) != 1 {
			return membership{}, err
		}
		return all[0], nil
	}
	stranger := iot.Errorf(iot.Forbidden, "you are signed in as %s, who is not a member of a workspace %s", person.Email, a.Workspace).
		Hinting("check the address that the app was given, or sign out and in as somebody else")
	id, err := s.Store.Resolve(r.Context(), string(a.Workspace))
	if err != nil {
		return membership{}, err
	}
	if id == "" {
		return membership{}, stranger
	}
	ws, err := s.Store.Workspace(id).Get(r.Context())
	if iot.KindOf(err) == iot.NotFound {
		return membership{}, stranger
	}
	if err != nil {
		return membership{}, err
	}
	role, err := s.Store.Workspace(id).Role(r.Context(), person.ID)
	if err == nil && role == "" {
		err = stranger
	}
	return membership{ws, role}, err
}

// pick asks which workspace is meant. Each leads to the same request, now with
// a resource.
func (s *Site) pick(w http.ResponseWriter, r *http.Request, a *oauth.Authorization, person iot.Account) error {
	all, err := s.workspaces(r, person)
	if err != nil {
		return err
	}
	p := PickWorkspace{Client: clientOf(a), Email: person.Email}
	for _, ws := range all {
		q := r.URL.Query()
		q.Set("resource", s.URL+"/mcp/"+string(ws.Slug))
		p.Workspaces = append(p.Workspaces, Option{string(ws.Name), string(ws.Slug), string(ws.role), "/oauth/authorize?" + q.Encode()})
	}
	s.show(w, r, http.StatusOK, p)
	return nil
}

// question is what a person is asked about.
type question struct {
	person  iot.Account
	ws      membership
	request url.Values // of the app
	wrong   string     // what was wrong with the answer before
}

func (s *Site) showConsent(w http.ResponseWriter, r *http.Request, a *oauth.Authorization, q question) error {
	rights := q.ws.role.Rights()
	offered := a.Asked.Intersect(rights)
	ticked := offered
	if q.wrong != "" {
		ticked = 0 // as it was left
	}
	id := rand.Text() + rand.Text()
	browser := store.DigestOf(s.cookie(r, sessionCookie))
	q.request.Set("resource", s.URL+"/mcp/"+string(q.ws.Slug)) // what was shown is what is granted
	if err := s.Store.AddConsent(r.Context(), store.DigestOf(id), browser, q.request.Encode()); err != nil {
		return err
	}
	p := Consent{
		Client: clientOf(a), Workspace: Workspace{string(q.ws.Name), string(q.ws.Slug)}, Email: q.person.Email, Role: string(q.ws.role),
		Groups: Groups(offered, ticked), Consent: id, Error: q.wrong, Form: s.form(w, r), Action: "/oauth/consent", FormAction: RedirectSources(a.Redirect),
	}
	for _, beyond := range a.Asked.Without(rights).List() {
		p.Beyond = append(p.Beyond, PermissionWords(beyond).Label)
	}
	status := http.StatusOK
	if q.wrong != "" {
		status = http.StatusBadRequest
	}
	s.show(w, r, status, p)
	return nil
}

// clientOf is a client as pages show it.
func clientOf(a *oauth.Authorization) Client {
	c := Client{Name: string(a.Client.Name), Verified: a.Verified(), ID: a.Client.ID, URI: a.Client.URI}
	if u, err := url.Parse(a.Redirect); err == nil {
		c.Host = u.Host
		c.Loopback = u.Scheme == "http" && iot.IsLoopbackHost(u.Hostname())
		if u.Scheme != "http" && u.Scheme != "https" {
			c.Host, c.Loopback = u.Scheme+":", true
		}
	}
	if !a.Client.CreatedAt.IsZero() {
		c.Registered = a.Client.CreatedAt.Format("2 January 2006")
	}
	return c
}

// consent is the person's answer.
func (s *Site) consent(w http.ResponseWriter, r *http.Request) error {
	person, err := s.person(r)
	if err != nil {
		return err
	}
	browser := store.DigestOf(s.cookie(r, sessionCookie))
	request, err := s.Store.TakeConsent(r.Context(), store.DigestOf(r.PostForm.Get("consent")), browser)
	if err != nil {
		return err
	}
	asked := r.Clone(r.Context())
	asked.Method, asked.URL = http.MethodGet, &url.URL{Path: "/oauth/authorize", RawQuery: request}
	asked.Form, asked.PostForm, asked.Body, asked.ContentLength = nil, nil, http.NoBody, 0
	a, err := s.OAuth.Authorize(asked)
	if err != nil {
		return s.refused(w, r, err)
	}
	ws, err := s.workspaceOf(r, a, person)
	if err != nil {
		return err
	}
	var ticked iot.Permissions
	for _, name := range r.PostForm["permission"] {
		ticked = ticked.Union(iot.PermissionsOf(iot.Permission(name)))
	}
	switch decision := r.PostForm.Get("decision"); decision {
	case "deny":
		return s.redirect(w, r, s.OAuth.Refuse(a, "access_denied", "the person said no"))
	case "read":
		ticked = ticked.Intersect(reading())
	case "allow":
	default:
		return iot.Errorf(iot.Invalid, "expected the answer allow, read or deny; got %.20q", decision)
	}
	to, err := s.OAuth.Grant(r.Context(), a, oauth.Answer{Person: person, Workspace: ws.ID, Granted: ticked})
	if iot.KindOf(err) == iot.Invalid {
		again := question{person: person, ws: ws, request: asked.URL.Query(), wrong: "Nothing was ticked: tick what the app may do, or deny."}
		return s.showConsent(w, r, a, again)
	}
	if err != nil {
		return err
	}
	return s.redirect(w, r, to)
}

// reading are the permissions that change nothing.
func reading() iot.Permissions {
	var reads iot.Permissions
	for _, p := range iot.AllPermissions().List() {
		if p.Reads() {
			reads = reads.Union(iot.PermissionsOf(p))
		}
	}
	return reads
}
