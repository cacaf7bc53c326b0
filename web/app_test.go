package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"iotman/iot"
	"iotman/oauth"
)

// app is a program that people let into a workspace.
type app struct {
	h        *house
	id       string
	secret   string // "" for a public one
	redirect string
}

const verifier = "a-verifier-of-at-least-forty-three-characters"

// registered is an app that registered itself, as coding agents do.
func (h *house) registered(redirect string) app {
	h.t.Helper()
	var made struct {
		ID string `json:"client_id"`
	}
	h.call(http.MethodPost, "/oauth/register", "", map[string]any{
		"client_name": "Claude", "redirect_uris": []string{redirect}, "token_endpoint_auth_method": "none",
	}, http.StatusCreated, &made)
	return app{h, made.ID, "", redirect}
}

// confidential is an app that an admin of the workspace north made, and gave a
// secret.
func (h *house) confidential(redirects ...string) app {
	h.t.Helper()
	var made struct{ ID, Secret string }
	h.call(http.MethodPost, "/api/v1/workspaces/north/clients", h.token(), map[string]any{
		"name": "Fleet", "grant_types": []string{iot.GrantCode, iot.GrantRefresh}, "redirect_uris": redirects,
	}, http.StatusCreated, &made)
	if made.Secret == "" {
		h.t.Fatal("client_create answered no secret")
	}
	return app{h, made.ID, made.Secret, redirects[0]}
}

// token is a management token of ada that holds all there is.
func (h *house) token() string {
	h.t.Helper()
	token, err := h.issuer.Issue(h.t.Context(), oauth.Request{
		Workspace: h.ws.ID, Account: h.ada.ID, Client: "agent", Audience: h.issuer.MCPURL("north"), Scope: iot.AllPermissions().String(), Life: oauth.MaxTokenLife,
	})
	h.must(err)
	return token
}

// call sends JSON, and decodes the answer into out.
func (h *house) call(method, path, token string, body any, status int, out any) {
	h.t.Helper()
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		h.must(err)
		sent = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.backend.URL+path, sent)
	h.must(err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	text := h.text(r, status)
	if out != nil {
		h.must(json.Unmarshal([]byte(text), out))
	}
}

// text sends a request past the browser, and returns the answer's body.
func (h *house) text(r *http.Request, status int) string {
	h.t.Helper()
	answer, err := h.backend.Client().Do(r)
	h.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	h.must(err)
	if answer.StatusCode != status {
		h.t.Fatalf("%s %s: got %d, want %d: %s", r.Method, r.URL.Path, answer.StatusCode, status, text)
	}
	return string(text)
}

// path is the authorization request of the app, with more parameters or other
// ones: pairs of a name and a value, "" for without.
func (a app) path(pairs ...string) string {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {a.id}, "redirect_uri": {a.redirect}, "state": {"st4te"}, "resource": {a.h.url + "/mcp/north"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(pairs); i += 2 {
		if q.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	return "/oauth/authorize?" + q.Encode()
}

// told returns what the app is told by a redirect to it, which names the issuer
// and the state.
func (a app) told(p page) url.Values {
	a.h.t.Helper()
	p.want(http.StatusSeeOther)
	query, ok := strings.CutPrefix(p.location, a.redirect+"?")
	q, err := url.ParseQuery(query)
	if !ok || err != nil || q.Get("iss") != a.h.url || q.Get("state") != "st4te" {
		a.h.t.Fatalf("%s: got a redirect to %q (%v), want one to %s with iss and state", p.path, p.location, err, a.redirect)
	}
	return q
}

// tokenAnswer is what the token endpoint answers.
type tokenAnswer struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
}

// redeem exchanges the code that a redirect brings.
func (a app) redeem(p page) (got tokenAnswer) {
	a.h.t.Helper()
	code := a.told(p).Get("code")
	if code == "" {
		a.h.t.Fatalf("%s: got a redirect to %q, want a code", p.path, p.location)
	}
	f := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.redirect}, "code_verifier": {verifier}, "client_id": {a.id}}
	if a.secret != "" {
		f.Set("client_secret", a.secret)
	}
	r, err := http.NewRequestWithContext(a.h.t.Context(), http.MethodPost, a.h.backend.URL+"/oauth/token", strings.NewReader(f.Encode()))
	a.h.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a.h.must(json.Unmarshal([]byte(a.h.text(r, http.StatusOK)), &got))
	if got.Refresh == "" || !strings.HasPrefix(got.Access, "eyJ") {
		a.h.t.Errorf("got no tokens")
	}
	return got
}

// gets redeems the code that a redirect brings, and returns the access token
// with its scope.
func (a app) gets(p page) (token, scope string) {
	a.h.t.Helper()
	got := a.redeem(p)
	return got.Access, got.Scope
}
