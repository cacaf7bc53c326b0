package oauth_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"iotman/api"
	"iotman/flow"
	"iotman/flow/egress"
	"iotman/iot"
	"iotman/mcp"
	"iotman/oauth"
	"iotman/spec"
	"iotman/store"
	"iotman/tools"
)

// front is a whole server before a house. What a client does comes over HTTP;
// what a browser does is done by calling Authorize and Grant.
type front struct {
	*house
	server *oauth.Server
	ctx    context.Context
	url    string // where it listens, which is not its public URL
	mu     sync.Mutex
	mails  []iot.ID // the persons who were told of a token that was used again
}

// newFront starts a server that stops with the test; guard, which may be nil,
// fetches metadata documents.
func newFront(t testing.TB, guard *egress.Guard) *front {
	t.Helper()
	f := &front{house: newHouse(t), ctx: t.Context()}
	log := slog.New(slog.DiscardHandler)
	f.server = oauth.NewServer(oauth.Config{
		Store: f.store, Issuer: f.issuer, Log: log, Egress: guard,
		ClientIP: func(r *http.Request) string { return cmp.Or(r.Header.Get("Test-Address"), api.ClientIP(r)) },
		Reused: func(_ context.Context, _ iot.ID, g store.Grant) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.mails = append(f.mails, g.Account)
			return nil
		},
	})
	data, err := flow.New(f.store, log, 0)
	f.must(err)
	reg, err := tools.NewRegistry(f.store, log, tools.Catalogue(tools.Parts{Store: f.store, Flow: data, PublicURL: publicURL})...)
	f.must(err)
	document, err := spec.OpenAPI(reg, publicURL)
	f.must(err)
	agents, err := mcp.New(mcp.Config{Version: "test", Log: log, Registry: reg, Flow: data})
	f.must(err)
	all, err := api.New(api.Config{
		PublicURL: publicURL, Log: log, Store: f.store, Flow: data, Registry: reg, Issuer: f.issuer, MCP: agents, OpenAPI: document, OAuth: f.server,
	})
	f.must(err)
	ts := httptest.NewServer(all)
	t.Cleanup(ts.Close)
	f.url = ts.URL
	return f
}

// reply is an HTTP answer, read whole.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any // nil where it is not a JSON object
}

// str returns a member of the answer that is text.
func (r reply) str(name string) string {
	s, _ := r.body[name].(string)
	return s
}

// send sends a request with headers as name, value, name, value.
func (f *front) send(method, path, body string, header ...string) reply {
	f.t.Helper()
	r, err := f.try(method, path, body, header...)
	if err != nil {
		f.t.Errorf("%s %s: %v", method, path, err)
	}
	return r
}

func (f *front) try(method, path, body string, header ...string) (reply, error) {
	r, err := http.NewRequestWithContext(f.ctx, method, f.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r) // follows nothing
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}, err
	}
	out := reply{status: res.StatusCode, header: res.Header, text: string(text)}
	if json.Unmarshal(text, &out.body) != nil {
		out.body = nil
	}
	return out, nil
}

// post sends a form.
func (f *front) post(path string, form url.Values, header ...string) reply {
	f.t.Helper()
	return f.send(http.MethodPost, path, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
}

// get reads a path.
func (f *front) get(path string, header ...string) reply {
	f.t.Helper()
	return f.send(http.MethodGet, path, "", header...)
}

// wants fails the test unless the answer is the OAuth error, which nobody may
// keep.
func (f *front) wants(what string, r reply, status int, code string) {
	f.t.Helper()
	if r.status != status || r.str("error") != code || r.str("error_description") == "" || r.header.Get("Cache-Control") != "no-store" {
		f.t.Errorf("%s: got %d %.300s, want %d %s that nobody keeps", what, r.status, r.text, status, code)
	}
}

// app is a client.
type app struct {
	id, secret, access, redirect string
}

const appRedirect = "https://app.example.com/cb"

// register registers a client by its metadata.
func (f *front) register(m map[string]any, header ...string) reply {
	f.t.Helper()
	text, err := json.Marshal(m)
	f.must(err)
	return f.send(http.MethodPost, "/oauth/register", string(text), append([]string{"Content-Type", "application/json"}, header...)...)
}

// app registers a client that authenticates by the method.
func (f *front) app(method string) app {
	f.t.Helper()
	r := f.register(map[string]any{"client_name": "App", "redirect_uris": []string{appRedirect}, "token_endpoint_auth_method": method})
	if r.status != http.StatusCreated {
		f.t.Fatalf("register: got %d %s, want 201", r.status, r.text)
	}
	return app{r.str("client_id"), r.str("client_secret"), r.str("registration_access_token"), appRedirect}
}

// machine makes a client of the workspace that acts for itself.
func (f *front) machine(scope string) app {
	f.t.Helper()
	secret := store.NewClientSecret()
	var c iot.Client
	f.change(func(ctx context.Context, tx *store.Tx) (err error) {
		c, err = tx.CreateClient(ctx, iot.Client{Name: "Robot", ClientSettings: iot.ClientSettings{GrantTypes: []string{iot.GrantCredentials}, Scope: scope}}, store.DigestOf(secret))
		return err
	})
	return app{id: c.ID, secret: secret}
}

// member adds a person to the workspace.
func (f *front) member(email string, role iot.Role) iot.Account {
	f.t.Helper()
	a, err := f.store.CreateAccount(f.t.Context(), email, "Bob")
	f.must(err)
	f.change(func(ctx context.Context, tx *store.Tx) error { return tx.AddMember(ctx, a.ID, role) })
	return a
}

const verifier = "a-verifier-of-43-characters-is-the-shortest"

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return b64(sum[:])
}

// request is an authorization request of the client as it should be.
func (f *front) request(a app) url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {a.id}, "redirect_uri": {a.redirect}, "state": {"xyz"}, "scope": {"data:read sources:write"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}, "resource": {publicURL + "/mcp/north"},
	}
}

// set returns a copy of a form with name set to values; none removes it.
func set(form url.Values, name string, values ...string) url.Values {
	out := maps.Clone(form)
	if out[name] = values; len(values) == 0 {
		delete(out, name)
	}
	return out
}

// authorize opens the authorization endpoint in a browser.
func (f *front) authorize(q url.Values) (*oauth.Authorization, error) {
	r := httptest.NewRequestWithContext(f.ctx, http.MethodGet, publicURL+"/oauth/authorize?"+q.Encode(), http.NoBody)
	return f.server.Authorize(r)
}

// consent is what the owner says to everything: yes.
func (f *front) consent() oauth.Answer {
	return oauth.Answer{Person: f.account, Workspace: f.ws.ID, Granted: iot.AllPermissions()}
}

// answer returns the parameters that the browser comes back to the client with.
func (f *front) answer(q url.Values, says oauth.Answer) url.Values {
	f.t.Helper()
	a, err := f.authorize(q)
	f.must(err)
	to, err := f.server.Grant(f.t.Context(), a, says)
	f.must(err)
	u, err := url.Parse(to)
	f.must(err)
	if to[:strings.IndexByte(to, '?')] != a.Redirect {
		f.t.Errorf("got an answer at %s, want it at %s", to, a.Redirect)
	}
	return u.Query()
}

// code returns a code that the owner granted to the client.
func (f *front) code(a app) string {
	f.t.Helper()
	code := f.answer(f.request(a), f.consent()).Get("code")
	if code == "" {
		f.t.Fatal("got no code")
	}
	return code
}

// as returns the form with the client's credentials in it.
func (a app) as(form url.Values) url.Values {
	form = set(form, "client_id", a.id)
	if a.secret != "" {
		form.Set("client_secret", a.secret)
	}
	return form
}

// redeem is the request for a code's tokens.
func (a app) redeem(code string) url.Values {
	return a.as(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.redirect}, "code_verifier": {verifier}})
}

// refresh is the request for the tokens after these.
func (a app) refresh(token string) url.Values {
	return a.as(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// credentials is a machine's request for a token.
func (a app) credentials() url.Values {
	return a.as(url.Values{"grant_type": {"client_credentials"}})
}

// tokens are what the token endpoint gave.
type tokens struct{ access, refresh, scope string }

// exchange asks for tokens, which have to come.
func (f *front) exchange(form url.Values) tokens {
	f.t.Helper()
	r := f.post("/oauth/token", form)
	if r.status != http.StatusOK || r.str("access_token") == "" || r.str("token_type") != "bearer" || r.header.Get("Cache-Control") != "no-store" {
		f.t.Fatalf("token: got %d %s, want a token that nobody keeps", r.status, r.text)
	}
	return tokens{r.str("access_token"), r.str("refresh_token"), r.str("scope")}
}

// signIn takes a client through a whole sign-in of the owner.
func (f *front) signIn(a app) tokens {
	f.t.Helper()
	return f.exchange(a.redeem(f.code(a)))
}

// opens reports whether a token opens the workspace over REST.
func (f *front) opens(token string) bool {
	f.t.Helper()
	r := f.get("/api/v1/workspaces/north/events", "Authorization", "Bearer "+token)
	if r.status != http.StatusOK && r.status != http.StatusUnauthorized {
		f.t.Errorf("a token: got %d %.200s, want 200 or 401", r.status, r.text)
	}
	return r.status == http.StatusOK
}

// open fails the test unless the tokens open the workspace or not, as it says.
func (f *front) open(what string, want bool, access ...string) {
	f.t.Helper()
	for _, token := range access {
		if got := f.opens(token); got != want {
			f.t.Errorf("%s: got a token that opens: %t, want %t", what, got, want)
		}
	}
}

// bent is a secret with another last character.
func bent(secret string) string {
	last := "A"
	if strings.HasSuffix(secret, last) {
		last = "B"
	}
	return secret[:len(secret)-1] + last
}
