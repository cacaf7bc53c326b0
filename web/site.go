package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"

	"iotman/iot"
	"iotman/oauth"
	"iotman/oauth/signin"
	"iotman/store"
)

// Config is what a Site is made of.
type Config struct {
	URL      string // scheme and host that browsers reach, no trailing slash
	Log      *slog.Logger
	Store    *store.Store
	Desk     *signin.Desk
	OAuth    *oauth.Server
	ClientIP func(*http.Request) string
	Console  bool // mail goes to the server's console
}

// Site answers for every page.
type Site struct {
	Config
	pages *Pages
	cross *http.CrossOriginProtection
}

// NewSite returns the Site with its pages.
func NewSite(cfg Config) (*Site, error) {
	pages, err := New()
	if err != nil {
		return nil, err
	}
	cross := http.NewCrossOriginProtection()
	return &Site{cfg, pages, cross}, cross.AddTrustedOrigin(cfg.URL)
}

// Routes returns what answers for which pattern of http.ServeMux.
func (s *Site) Routes() map[string]http.Handler {
	routes := map[string]http.Handler{"GET /static/{file}": http.HandlerFunc(s.pages.Static)}
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}":                 s.home,
		"GET /signin":              s.signIn,
		"POST /signin/link":        s.sendLink,
		"GET /signin/link":         s.openLink,
		"POST /signin/confirm":     s.confirmLink,
		"POST /signin/code":        s.typeCode,
		"POST /signin/password":    s.password,
		"POST /signout":            s.signOut,
		"POST /signout/everywhere": s.signOutEverywhere,
		"GET /oauth/authorize":     s.authorize,
		"GET /authorize":           s.authorize,
		"POST /oauth/consent":      s.consent,
	} {
		routes[pattern] = s.page(h)
	}
	return routes
}

// maxForm is the greatest body of a form, in bytes: an authorization request is
// part of some.
const maxForm = 64 << 10

// page serves a handler: a form only from a page of ours, an error as a page.
func (s *Site) page(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.cross.Check(r)
		if err != nil {
			err = iot.Errorf(iot.Forbidden, "this form was sent from another site").Because(err)
		} else if r.Method == http.MethodPost {
			err = s.checkForm(w, r)
		}
		if err == nil {
			err = h(w, r)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	})
}

// checkForm reads a form, and refuses one that this browser was not given.
func (s *Site) checkForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return iot.Errorf(iot.Invalid, "the form could not be read").Because(err).Hinting("go back and try again")
	}
	got, want := r.PostForm.Get("form"), s.formToken(r)
	if want == "" || subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		return iot.Errorf(iot.Forbidden, "this form is no longer good").
			Hinting("go back, load the page again and repeat; this browser has to accept cookies")
	}
	return nil
}

// fail shows an error as a page.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		return // whoever asked is gone
	}
	p := iot.ProblemOf(err)
	if p.Status == http.StatusInternalServerError {
		s.Log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.Pattern, "err", err)
	}
	retryAfter(w, err)
	m := Message{Title: title(p.Status), Text: sentence(p.Detail), Hint: sentence(p.Hint), Status: p.Status}
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		m.Link = Link{Label: "Go to the start page", Href: "/"} // where one signs in, or out
	}
	s.show(w, r, p.Status, m)
}

// retryAfter says when to try again, if the error does (RFC 9110 section
// 10.2.3).
func retryAfter(w http.ResponseWriter, err error) {
	if e, ok := errors.AsType[*iot.Error](err); ok && e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
}

func title(status int) string {
	switch status {
	case http.StatusTooManyRequests:
		return "Too many attempts"
	case http.StatusForbidden:
		return "Not allowed"
	case http.StatusNotFound:
		return "No longer there"
	case http.StatusInternalServerError:
		return "Something went wrong here"
	}
	return "This cannot be answered"
}

// sentence makes of an error's words what stands by itself.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// show renders a page.
func (s *Site) show(w http.ResponseWriter, r *http.Request, status int, p Page) {
	if err := s.pages.Render(w, status, p); err != nil {
		s.Log.ErrorContext(r.Context(), "render a page", "path", r.Pattern, "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}

// The cookies: who is signed in, and which browser this is.
const (
	sessionCookie = "iotman"
	browserCookie = "iotman_browser"
)

// cookieName is a cookie's name: under https one that no other host of the
// domain can set (RFC 6265bis section 4.1.3.2).
func (s *Site) cookieName(name string) string {
	if s.secure() {
		return "__Host-" + name
	}
	return name
}

func (s *Site) secure() bool { return strings.HasPrefix(s.URL, "https://") }

func (s *Site) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName(name))
	if err != nil || len(c.Value) > 128 {
		return ""
	}
	return c.Value
}

// setCookie sets a cookie for so many seconds: 0 until the browser closes, less
// to remove it.
func (s *Site) setCookie(w http.ResponseWriter, name, value string, age int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure wherever the server is reached by https
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode,
	})
}

// formToken is what forms in this browser carry: it follows from the cookies,
// which no other site can read, so that none can fill in a form; and it changes
// with who is signed in.
func (s *Site) formToken(r *http.Request) string {
	browser := s.cookie(r, browserCookie)
	if browser == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("form\x00" + browser + "\x00" + s.cookie(r, sessionCookie)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// form returns the token for the forms of a page that is about to be shown, and
// gives the browser its cookie if it has none.
func (s *Site) form(w http.ResponseWriter, r *http.Request) string {
	if s.cookie(r, browserCookie) == "" {
		value := rand.Text() + rand.Text()
		s.setCookie(w, browserCookie, value, 0)
		r.AddCookie(&http.Cookie{Name: s.cookieName(browserCookie), Value: value}) //nolint:gosec // as the browser will send it
	}
	return s.formToken(r)
}

// person returns who is signed in; nobody is Unauthenticated.
func (s *Site) person(r *http.Request) (iot.Account, error) {
	return s.Desk.Who(r.Context(), s.cookie(r, sessionCookie))
}
