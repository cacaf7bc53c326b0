package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// issuer is a contestant that issues tokens to a client, and tells of them.
type issuer struct {
	name              string
	token, introspect string // URLs
	id, secret        string
}

// oauthJobs compares issuing a token by client credentials, signed with RS256
// and on disk before it is answered, and introspecting one.
func oauthJobs(ctx context.Context, o options) error {
	all, stop, err := startIssuers(ctx, o)
	if err != nil {
		return err
	}
	defer stop()
	var issue, introspect []contestant
	for _, i := range all {
		grant := i.form("grant_type=client_credentials&scope=data:read", i.token)
		issue = append(issue, contestant{name: i.name, turn: func(ctx context.Context) (outcome, error) { return load(ctx, grant, 16, o.seconds) }})
		token, err := i.get(ctx, grant)
		if err != nil {
			return fmt.Errorf("%s: %w", i.name, err)
		}
		ask := i.form("token="+url.QueryEscape(token), i.introspect)
		introspect = append(introspect, contestant{name: i.name, turn: func(ctx context.Context) (outcome, error) { return load(ctx, ask, 16, o.seconds) }})
	}
	if err := compare(ctx, o, "Token by client credentials, RS256, c = 16", "tokens", issue); err != nil {
		return err
	}
	return compare(ctx, o, "Introspection, c = 16", "answers", introspect)
}

func (i issuer) form(body, target string) request {
	return request{http.MethodPost, target, map[string]string{
		"Content-Type":  "application/x-www-form-urlencoded",
		"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(i.id+":"+i.secret)),
	}, []byte(body), http.StatusOK}
}

// get issues one token.
func (i issuer) get(ctx context.Context, r request) (string, error) {
	var answer struct {
		Token string `json:"access_token"`
	}
	err := send(ctx, r, &answer)
	return answer.Token, err
}

// send sends a request once and decodes the answer.
func send(ctx context.Context, r request, out any) error {
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, strings.NewReader(string(r.body)))
	if err != nil {
		return err
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s %s", r.method, r.url, res.Status, text)
	}
	return json.Unmarshal(text, out)
}

// startIssuers starts iotman, fosite alone, and Hydra where its binary is given.
func startIssuers(ctx context.Context, o options) (all []issuer, stop func(), err error) {
	var stops []func() error
	stop = func() {
		for _, s := range stops {
			_ = s()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	m, err := startIotman(ctx, o, "oauth")
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, m.stop)
	var c struct{ ID, Secret string }
	if err := m.call(ctx, http.MethodPost, "/api/v1/workspaces/default/clients", `{"name":"bench","scope":["data:read"]}`, &c); err != nil {
		return nil, stop, err
	}
	all = append(all, issuer{"iotman, on SQLite", m.url + "/oauth/token", m.url + "/oauth/introspect", c.ID, c.Secret})
	f, err := self(ctx, "fosite")
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, f.stop)
	all = append(all, issuer{"fosite alone, in memory", f.url + "/token", f.url + "/introspect", fositeClient, fositeSecret})
	if o.hydra == "" {
		return all, stop, nil
	}
	h, end, err := startHydra(ctx, o)
	stops = append(stops, end)
	return append(all, h), stop, err
}

// startHydra runs Ory Hydra on a SQLite database of its own.
func startHydra(ctx context.Context, o options) (issuer, func() error, error) {
	none := func() error { return nil }
	public, err := freeAddr()
	if err != nil {
		return issuer{}, none, err
	}
	admin, err := freeAddr()
	if err != nil {
		return issuer{}, none, err
	}
	port := func(addr string) string { return addr[strings.LastIndex(addr, ":")+1:] }
	env := append(os.Environ(), "DSN=sqlite://"+filepath.Join(o.dir, "hydra.sqlite")+"?_fk=true",
		"SERVE_PUBLIC_HOST=127.0.0.1", "SERVE_ADMIN_HOST=127.0.0.1", "SERVE_PUBLIC_PORT="+port(public), "SERVE_ADMIN_PORT="+port(admin),
		"URLS_SELF_ISSUER=http://"+public, "STRATEGIES_ACCESS_TOKEN=jwt", "SECRETS_SYSTEM=a-secret-that-only-this-run-knows", "LOG_LEVEL=error", "SQA_OPT_OUT=true")
	migrate := exec.CommandContext(ctx, o.hydra, "migrate", "sql", "-e", "--yes")
	migrate.Env = env
	if out, err := migrate.CombinedOutput(); err != nil {
		return issuer{}, none, fmt.Errorf("hydra migrate: %w: %s", err, out)
	}
	cmd := exec.CommandContext(ctx, o.hydra, "serve", "all", "--dev")
	cmd.Env = env
	if err := cmd.Start(); err != nil {
		return issuer{}, none, err
	}
	p := &process{url: "http://" + admin, cmd: cmd}
	if err := p.ready(); err != nil {
		return issuer{}, p.stop, err
	}
	body := `{"grant_types":["client_credentials"],"scope":"data:read","token_endpoint_auth_method":"client_secret_basic"}`
	var c struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	make := request{http.MethodPost, "http://" + admin + "/admin/clients", map[string]string{"Content-Type": "application/json"}, []byte(body), http.StatusCreated}
	for range 50 { // it listens before it is ready
		if err = send(ctx, make, &c); err == nil {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	return issuer{"Ory Hydra, on SQLite", "http://" + public + "/oauth2/token", "http://" + admin + "/admin/oauth2/introspect", c.ID, c.Secret}, p.stop, err
}
