package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iotman/api"
	"iotman/flow"
	"iotman/iot"
	"iotman/mcp"
	"iotman/oauth"
	"iotman/spec"
	"iotman/store"
	"iotman/tools"
)

// site is a whole server on a data folder of its own, reached over HTTP.
type site struct {
	t      testing.TB
	store  *store.Store
	reg    *tools.Registry
	issuer *oauth.Issuer
	server *api.Server
	url    string
	clock  *clock
	log    *logged
}

// setup is what a test may want of a site.
type setup struct {
	publicURL string   // default: where it listens
	origins   []string // -allow-origin
	ops       []tools.Op
	reserve   uint64 // of the disk
}

// clock is a clock that goes where a test sends it, and on by itself a little,
// so that what follows is later.
type clock struct{ us atomic.Int64 }

func (c *clock) now() time.Time      { return time.UnixMicro(c.us.Add(7)).UTC() }
func (c *clock) add(d time.Duration) { c.us.Add(d.Microseconds()) }

// logged is a log at debug level.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// signingKey is the one key that all sites of a run sign with: making one
// takes longer than most tests.
var signingKey = sync.OnceValues(func() ([]byte, error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS1PrivateKey(k), nil
})

// newSite starts a server that stops with the test.
func newSite(t testing.TB, set setup) *site {
	t.Helper()
	s := &site{t: t, clock: &clock{}, log: &logged{}}
	s.clock.us.Store(time.Now().UnixMicro()) // http.Server and the mux of the tests live in real time
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx := t.Context()
	st, err := store.Open(ctx, store.Config{Dir: t.TempDir(), Key: store.Key{1, 2, 3}, Log: log, Now: s.clock.now})
	s.must(err)
	s.store = st
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- st.Run(running) }()
	key, err := signingKey()
	s.must(err)
	_, err = st.AddSigningKey(ctx, key)
	s.must(err)

	ts := httptest.NewUnstartedServer(nil)
	s.url = "http://" + ts.Listener.Addr().String()
	if set.publicURL == "" {
		set.publicURL = s.url
	}
	s.assemble(ctx, log, set)
	ts.Config = s.server.HTTPServer("")
	ts.Start()
	t.Cleanup(func() {
		ts.Close()
		stop()
		if err := <-done; err != nil {
			t.Errorf("run the store: %v", err)
		}
		if err := st.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

// assemble puts the parts together as the program does.
func (s *site) assemble(ctx context.Context, log *slog.Logger, set setup) {
	s.t.Helper()
	var err error
	s.issuer, err = oauth.New(ctx, s.store, set.publicURL)
	s.must(err)
	data, err := flow.New(s.store, log, set.reserve)
	s.must(err)
	ops := append(tools.Catalogue(tools.Parts{Store: s.store, Flow: data, PublicURL: set.publicURL}), set.ops...)
	s.reg, err = tools.NewRegistry(s.store, log, ops...)
	s.must(err)
	document, err := spec.OpenAPI(s.reg, set.publicURL)
	s.must(err)
	server := oauth.NewServer(oauth.Config{Store: s.store, Issuer: s.issuer, Log: log, ClientIP: api.ClientIP})
	agents, err := mcp.New(mcp.Config{Version: "test", Log: log, Registry: s.reg, Flow: data, Introspect: server.IntrospectIn})
	s.must(err)
	s.server, err = api.New(api.Config{
		PublicURL: set.publicURL, AllowOrigins: set.origins, Log: log,
		Store: s.store, Flow: data, Registry: s.reg, Issuer: s.issuer, MCP: agents, OpenAPI: document,
		OAuth: server,
	})
	s.must(err)
}

// sub runs f as a subtest, in which the site reports.
func (s *site) sub(name string, f func()) {
	was := s.t.(*testing.T)
	was.Run(name, func(t *testing.T) {
		s.t = t
		defer func() { s.t = was }()
		f()
	})
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// plant is a workspace with a member of each role.
type plant struct {
	*site
	id      iot.ID
	slug    iot.Slug
	members map[iot.Role]iot.Account
}

var roles = []iot.Role{iot.Owner, iot.Admin, iot.Editor, iot.Viewer}

// people makes an account for each role.
func (s *site) people() map[iot.Role]iot.Account {
	s.t.Helper()
	all := map[iot.Role]iot.Account{}
	for _, role := range roles {
		a, err := s.store.CreateAccount(s.t.Context(), string(role)+"-"+string(store.NewID())+"@example.com", "A "+string(role))
		s.must(err)
		all[role] = a
	}
	return all
}

// plant makes a workspace of people of its own.
func (s *site) plant(slug iot.Slug) *plant { return s.plantOf(slug, s.people()) }

// plantOf makes a workspace whose members are the given ones.
func (s *site) plantOf(slug iot.Slug, members map[iot.Role]iot.Account) *plant {
	s.t.Helper()
	ctx := s.t.Context()
	owner := members[iot.Owner]
	w, err := s.store.CreateWorkspace(ctx, store.By{Account: owner.ID, Email: owner.Email, Operation: "workspace_create"},
		iot.Workspace{Name: iot.Name("Plant " + string(slug)), Slug: slug, DefaultRole: iot.Viewer})
	s.must(err)
	p := &plant{site: s, id: w.ID, slug: w.Slug, members: members}
	p.change(func(ctx context.Context, tx *store.Tx) error {
		for _, role := range roles[1:] {
			if a, ok := members[role]; ok {
				if err := tx.AddMember(ctx, a.ID, role); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return p
}

// change changes the workspace as its owner.
func (p *plant) change(f func(context.Context, *store.Tx) error) {
	p.t.Helper()
	p.must(p.store.Change(p.t.Context(), store.By{Workspace: p.id, Account: p.members[iot.Owner].ID, Operation: "test"}, f))
}

// everything is the scope of a token that holds all there is.
var everything = iot.AllPermissions().String()

// token issues a management token to the member of the role.
func (p *plant) token(role iot.Role, scope string) string {
	p.t.Helper()
	return p.issue(oauth.Request{Account: p.members[role].ID, Client: "agent", Scope: scope})
}

// owner is a token of the owner that holds all there is.
func (p *plant) owner() string { p.t.Helper(); return p.token(iot.Owner, everything) }

// machine issues a management token to no person.
func (p *plant) machine(scope string) string {
	p.t.Helper()
	return p.issue(oauth.Request{Client: "machine", Scope: scope})
}

// data issues a data token.
func (p *plant) data(client, scope string) string {
	p.t.Helper()
	return p.issue(oauth.Request{Client: client, Scope: scope, Audience: string(p.slug)})
}

func (p *plant) issue(r oauth.Request) string {
	p.t.Helper()
	r.Workspace = p.id
	if r.Audience == "" {
		r.Audience = p.issuer.MCPURL(p.slug)
	}
	if r.Life == 0 {
		r.Life = oauth.MaxTokenLife
	}
	token, err := p.issuer.Issue(p.t.Context(), r)
	p.must(err)
	return token
}

// revoke ends the grant of a token.
func (p *plant) revoke(token string) {
	p.t.Helper()
	access, err := p.issuer.Verify(p.t.Context(), token)
	p.must(err)
	p.must(p.store.Workspace(p.id).RevokeGrant(p.t.Context(), access.Grant.ID))
}

// rest returns the URL path of an operation of this workspace.
func (p *plant) rest(format string, args ...any) string {
	return "/api/v1/workspaces/" + string(p.slug) + fmt.Sprintf(format, args...)
}
