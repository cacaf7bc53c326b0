package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"iotman/iot"
	"iotman/oauth/signin"
	"iotman/store"
)

// home is where a person lands: their workspaces, and how an agent gets in.
func (s *Site) home(w http.ResponseWriter, r *http.Request) error {
	person, err := s.person(r)
	if iot.KindOf(err) == iot.Unauthenticated {
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	workspaces, err := s.workspaces(r, person)
	if err != nil {
		return err
	}
	p := Account{Email: person.Email, Form: s.form(w, r)}
	for _, ws := range workspaces {
		mcpURL := s.URL + "/mcp/" + string(ws.Slug)
		p.Workspaces = append(p.Workspaces, Connection{
			Name: string(ws.Name), Slug: string(ws.Slug), Role: string(ws.role), MCPURL: mcpURL,
			Command: "claude mcp add --transport http iotman " + mcpURL,
		})
	}
	s.show(w, r, http.StatusOK, p)
	return nil
}

// shownWorkspaces is how many of a person's workspaces a page lists.
const shownWorkspaces = 100

// membership is a workspace with the role that a person has in it.
type membership struct {
	iot.Workspace
	role iot.Role
}

func (s *Site) workspaces(r *http.Request, person iot.Account) ([]membership, error) {
	all, err := s.Store.WorkspacesOf(r.Context(), person.ID, "", shownWorkspaces)
	if err != nil {
		return nil, err
	}
	out := make([]membership, len(all))
	for i, ws := range all {
		role, err := s.Store.Workspace(ws.ID).Role(r.Context(), person.ID)
		if err != nil {
			return nil, err
		}
		out[i] = membership{ws, role}
	}
	return out, nil
}

// asking returns the app that sent the person here, if next is its request, and
// where signing in may lead then.
func (s *Site) asking(r *http.Request, next string) (name string, leads []string) {
	u, err := url.Parse(next)
	if err != nil || u.Path != "/oauth/authorize" && u.Path != "/authorize" {
		return "", nil
	}
	asked := r.Clone(r.Context())
	asked.Method, asked.URL = http.MethodGet, u
	a, err := s.OAuth.Authorize(asked)
	if err != nil {
		return "", nil
	}
	return string(a.Client.Name), RedirectSources(a.Redirect)
}

// signIn asks who somebody is.
func (s *Site) signIn(w http.ResponseWriter, r *http.Request) error {
	next := signin.LocalPath(r.URL.Query().Get("next"))
	if _, err := s.person(r); err == nil && r.URL.Query().Get("again") == "" {
		return s.redirect(w, r, next)
	}
	s.showSignIn(w, r, http.StatusOK, SignIn{Next: next})
	return nil
}

func (s *Site) showSignIn(w http.ResponseWriter, r *http.Request, status int, p SignIn) {
	p.Client, p.FormAction = s.asking(r, p.Next)
	p.Form = s.form(w, r)
	s.show(w, r, status, p)
}

// ask reads the form of a sign-in.
func (s *Site) ask(r *http.Request) signin.Ask {
	return signin.Ask{
		Email: strings.TrimSpace(r.PostForm.Get("email")), Browser: s.cookie(r, browserCookie),
		Next: signin.LocalPath(r.PostForm.Get("next")), Sender: s.ClientIP(r),
	}
}

// sendLink sends a link, to whoever has the address.
func (s *Site) sendLink(w http.ResponseWriter, r *http.Request) error {
	a := s.ask(r)
	if err := s.Desk.Link(r.Context(), a); err != nil {
		return s.again(w, r, err, SignIn{Next: a.Next, Email: a.Email})
	}
	_, leads := s.asking(r, a.Next)
	s.show(w, r, http.StatusOK, LinkSent{Email: a.Email, Next: a.Next, Form: s.form(w, r), Console: s.Console, FormAction: leads})
	return nil
}

// again shows the sign-in form with what was wrong.
func (s *Site) again(w http.ResponseWriter, r *http.Request, err error, p SignIn) error {
	e, ok := errors.AsType[*iot.Error](err)
	if !ok || e.Kind == iot.Internal {
		return err
	}
	p.Error = sentence(e.Msg)
	if e.Hint != "" {
		p.Error += " " + sentence(e.Hint)
	}
	retryAfter(w, err)
	s.showSignIn(w, r, e.Kind.Status(), p)
	return nil
}

// openLink shows whom a link signs in. Nothing is used up: programs that scan
// mail open links as well.
func (s *Site) openLink(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	l, err := s.Desk.Look(r.Context(), token, s.cookie(r, browserCookie))
	if err != nil {
		return err
	}
	_, leads := s.asking(r, l.Next)
	s.show(w, r, http.StatusOK, ConfirmLink{Token: token, Form: s.form(w, r), Email: l.Email, SameBrowser: l.Here, FormAction: leads})
	return nil
}

// confirmLink uses a link: it signs in here, or shows a code to type where it
// was asked for.
func (s *Site) confirmLink(w http.ResponseWriter, r *http.Request) error {
	signed, code, err := s.Desk.Confirm(r.Context(), r.PostForm.Get("token"), s.cookie(r, browserCookie))
	if err != nil {
		return err
	}
	if code != "" {
		s.show(w, r, http.StatusOK, ShowCode{Code: code})
		return nil
	}
	return s.enter(w, r, signed)
}

// enter signs the browser in, under an identity that it did not have before.
func (s *Site) enter(w http.ResponseWriter, r *http.Request, signed signin.Signed) error {
	if old := s.cookie(r, sessionCookie); old != "" {
		if err := s.Desk.Out(r.Context(), old); err != nil {
			return err
		}
	}
	s.setCookie(w, sessionCookie, signed.Cookie, int(store.BrowserLife.Seconds()))
	s.setCookie(w, browserCookie, "", -1)
	return s.redirect(w, r, signin.LocalPath(signed.Next))
}

// typeCode signs in with the code that a link showed elsewhere.
func (s *Site) typeCode(w http.ResponseWriter, r *http.Request) error {
	a := s.ask(r)
	signed, err := s.Desk.Code(r.Context(), a.Browser, r.PostForm.Get("code"))
	if iot.KindOf(err) == iot.Invalid {
		_, leads := s.asking(r, a.Next)
		s.show(w, r, http.StatusBadRequest, LinkSent{
			Email: a.Email, Next: a.Next, Form: s.form(w, r), Console: s.Console, FormAction: leads, Error: sentence(iot.ProblemOf(err).Detail),
		})
		return nil
	}
	if err != nil {
		return err
	}
	return s.enter(w, r, signed)
}

// password signs in with a password.
func (s *Site) password(w http.ResponseWriter, r *http.Request) error {
	a := s.ask(r)
	signed, err := s.Desk.Password(r.Context(), a, r.PostForm.Get("password"))
	if err != nil {
		return s.again(w, r, err, SignIn{Next: a.Next, Email: a.Email, PasswordOpen: true})
	}
	return s.enter(w, r, signed)
}

// signOut ends this browser's session.
func (s *Site) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.Desk.Out(r.Context(), s.cookie(r, sessionCookie)); err != nil {
		return err
	}
	s.signedOut(w, r, "You are signed out of this browser.")
	return nil
}

// signOutEverywhere ends every browser's session of the person.
func (s *Site) signOutEverywhere(w http.ResponseWriter, r *http.Request) error {
	person, err := s.person(r)
	if err == nil {
		err = s.Desk.OutEverywhere(r.Context(), person.ID)
	}
	if err != nil {
		return err
	}
	s.signedOut(w, r, "You are signed out of every browser. Agents that you connected keep their access; the workspace's session_list shows them.")
	return nil
}

func (s *Site) signedOut(w http.ResponseWriter, r *http.Request, text string) {
	s.setCookie(w, sessionCookie, "", -1)
	s.show(w, r, http.StatusOK, Message{Title: "Signed out", Text: text, Link: Link{Label: "Sign in again", Href: "/signin"}})
}
