package oauth_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iotman/iot"
	"iotman/oauth"
	"iotman/store"
)

// TestClaims: a token says what product.md section 6 lists, and others can
// verify it by the key set.
func TestClaims(t *testing.T) {
	h := newHouse(t)
	token := h.token()
	header, claims := h.parts(token)
	if header["alg"] != "RS256" || header["typ"] != "at+jwt" || header["kid"] != h.kid || len(header) != 3 {
		t.Errorf("got header %v, want RS256, at+jwt and the kid", header)
	}
	var names []string
	for name := range claims {
		names = append(names, name)
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "aud client_id exp iat iss jti scope sub wid" {
		t.Errorf("got claims %s", got)
	}
	for name, want := range map[string]any{
		"iss": publicURL, "sub": string(h.account.ID), "client_id": "agent", "aud": publicURL + "/mcp/north", "scope": "data:read sources:write", "wid": string(h.ws.ID),
		"iat": json.Number("1795341600"), "exp": json.Number("1795345200"),
	} {
		if claims[name] != want {
			t.Errorf("claim %s: got %v, want %v", name, claims[name], want)
		}
	}
	if _, again := h.parts(h.token()); again["jti"] == claims["jti"] || !iot.IsID(again["jti"].(string)) {
		t.Errorf("got jti %v and %v, want two ids", claims["jti"], again["jti"])
	}
	r := h.request()
	r.Account = ""
	machine, err := h.issuer.Issue(t.Context(), r)
	h.must(err)
	if _, claims := h.parts(machine); claims["sub"] != "client:agent" { // A28: never an account's id
		t.Errorf("a machine: got sub %v", claims["sub"])
	}

	var set jose.JSONWebKeySet
	h.must(json.Unmarshal(h.issuer.JWKS(), &set))
	if len(set.Keys) != 1 || !set.Keys[0].IsPublic() || set.Keys[0].Use != "sig" || set.Keys[0].Algorithm != "RS256" {
		t.Fatalf("got keys %+v, want one that is public", set.Keys)
	}
	for _, private := range []string{`"d"`, `"p"`, `"q"`, `"dp"`, `"qi"`} {
		if strings.Contains(string(h.issuer.JWKS()), private) {
			t.Errorf("the key set holds %s", private)
		}
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	h.must(err)
	if _, err := signed.Verify(set.Key(h.kid)[0]); err != nil {
		t.Errorf("verify by the key set: %v", err)
	}
	again, err := oauth.New(t.Context(), h.store, publicURL)
	h.must(err)
	if string(again.JWKS()) != string(h.issuer.JWKS()) {
		t.Error("a second start made other keys")
	}
	if _, err := again.Verify(t.Context(), token); err != nil {
		t.Errorf("after a second start: %v", err)
	}
}

// TestRevokedAtOnce: a token that was verified a moment ago, and is kept, ends
// with its grant, its person's membership, its workspace's slug.
func TestRevokedAtOnce(t *testing.T) {
	h := newHouse(t)
	manages := func(token string) error {
		access, err := h.issuer.Verify(t.Context(), token)
		if err == nil {
			_, err = h.issuer.Manages(access, iot.REST)
		}
		return err
	}
	refused := func(what, token string) {
		t.Helper()
		for range 2 {
			if err := manages(token); iot.KindOf(err) != iot.Unauthenticated {
				t.Errorf("%s: got %v, want Unauthenticated", what, err)
			}
		}
	}
	first, second := h.token(), h.token() // A grant each: protocol.md, 9
	h.must(manages(first))
	access := h.accepted("first", first)
	h.must(h.store.Workspace(h.ws.ID).RevokeGrant(t.Context(), access.Grant.ID))
	refused("revoked", first)
	h.must(manages(second))

	ada := h.account
	member, err := h.store.CreateAccount(t.Context(), "bob@example.com", "Bob")
	h.must(err)
	h.change(func(ctx context.Context, tx *store.Tx) error { return tx.AddMember(ctx, member.ID, iot.Editor) })
	h.account = member
	bob := h.token()
	h.account = ada
	rights := func() iot.Permissions {
		t.Helper()
		c, err := h.issuer.Manages(h.accepted("bob", bob), iot.MCP)
		h.must(err)
		return c.Rights()
	}
	if got := rights().String(); got != "sources:write data:read" {
		t.Errorf("an editor: got %s", got)
	}
	h.sql(`UPDATE members SET role = 'viewer' WHERE account_id = ?`, member.ID)
	if got := rights().String(); got != "data:read" {
		t.Errorf("lowered to viewer: got %s, want data:read", got)
	}
	h.sql(`DELETE FROM members WHERE account_id = ?`, member.ID)
	refused("no longer a member", bob)

	r := h.request()
	r.Audience = string(h.ws.Slug)
	data, err := h.issuer.Issue(t.Context(), r)
	h.must(err)
	refused("a data token", data)
	h.must(h.issuer.Posts(h.accepted("data", data), iot.HTTPEndpoint{}))
	h.change(func(ctx context.Context, tx *store.Tx) error {
		w, err := tx.Get(ctx)
		if err != nil {
			return err
		}
		w.Slug = "renamed"
		_, err = tx.UpdateWorkspace(ctx, w)
		return err
	})
	refused("after the slug was changed", second)
	h.refused("a data token after the slug was changed", data)
}

// sql changes a row as no operation does yet, and then something else, so that
// it is noticed as if one had.
func (h *house) sql(query string, args ...any) {
	h.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.dir, "iotman.db"))
	h.must(err)
	defer db.Close()
	_, err = db.ExecContext(h.t.Context(), query, args...)
	h.must(err)
	h.change(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.CreateHTTPEndpoint(ctx, iot.HTTPEndpoint{Name: "Made", EndpointSettings: iot.EndpointSettings{Auth: iot.AuthNone}})
		return err
	})
}

// TestForeignChangeIsNoticed: what another process did ends a token, too,
// within moments.
func TestForeignChangeIsNoticed(t *testing.T) {
	h := newHouse(t)
	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() { watched <- h.store.Watch(ctx) }()
	defer func() { stop(); <-watched }()
	token := h.token()
	h.accepted("at first", token)
	beside, err := store.Open(t.Context(), store.Config{Dir: h.dir, Key: store.Key{1}})
	h.must(err)
	defer beside.Close()
	h.must(beside.Workspace(h.ws.ID).RevokeGrant(t.Context(), h.accepted("still", token).Grant.ID))
	for until := time.Now().Add(20 * time.Second); ; {
		if _, err := h.issuer.Verify(t.Context(), token); iot.KindOf(err) == iot.Unauthenticated {
			return
		}
		if time.Now().After(until) {
			t.Fatal("the token is still good")
		}
	}
}

// TestPosts: who may post to an endpoint that asks for OAuth 2.0.
func TestPosts(t *testing.T) {
	h := newHouse(t)
	token := func(audience, client, scope string, account iot.ID) oauth.Access {
		t.Helper()
		text, err := h.issuer.Issue(t.Context(), oauth.Request{Workspace: h.ws.ID, Account: account, Client: client, Audience: audience, Scope: scope, Life: time.Hour})
		h.must(err)
		return h.accepted(scope, text)
	}
	endpoint := func(client, scope string) iot.HTTPEndpoint {
		return iot.HTTPEndpoint{EndpointSettings: iot.EndpointSettings{Auth: iot.AuthOAuth2, OAuth2Client: client, OAuth2Scope: scope}}
	}
	mcp := h.issuer.MCPURL("north")
	for what, test := range map[string]struct {
		access   oauth.Access
		endpoint iot.HTTPEndpoint
		want     iot.Kind // 0 for no error
	}{
		"a data token":              {token("north", "c", "", ""), endpoint("", ""), 0},
		"its client":                {token("north", "c", "", ""), endpoint("c", ""), 0},
		"another client":            {token("north", "d", "", ""), endpoint("c", ""), iot.Forbidden},
		"its scope":                 {token("north", "c", "plant:write x", ""), endpoint("c", "plant:write"), 0},
		"part of its scope's name":  {token("north", "c", "plant:writer", ""), endpoint("c", "plant:write"), iot.Insufficient},
		"no scope":                  {token("north", "c", "", ""), endpoint("", "plant:write"), iot.Insufficient},
		"a person's":                {token(mcp, "agent", "sources:write", h.account.ID), endpoint("c", "plant:write"), 0},
		"a person's, narrower":      {token(mcp, "agent", "sources:read", h.account.ID), endpoint("", ""), iot.Insufficient},
		"a machine's":               {token(mcp, "m", "sources:write", ""), endpoint("", ""), 0},
		"a machine's, narrower":     {token(mcp, "m", "data:write", ""), endpoint("", ""), iot.Forbidden},
		"another audience":          {token("https://iot.example.com/mcp/south", "agent", "sources:write", h.account.ID), endpoint("", ""), iot.Unauthenticated},
		"another slug":              {token("south", "c", "plant:write", ""), endpoint("", ""), iot.Unauthenticated},
		"no audience":               {token("", "c", "plant:write", ""), endpoint("", ""), iot.Unauthenticated},
		"a data token's permission": {token("north", "c", "sources:write", ""), endpoint("", "plant:write"), iot.Insufficient},
	} {
		err := h.issuer.Posts(test.access, test.endpoint)
		if (err == nil) != (test.want == 0) || err != nil && iot.KindOf(err) != test.want {
			t.Errorf("%s: got %v, want %v", what, err, test.want.Slug())
		}
	}
}
