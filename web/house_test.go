package web_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"database/sql"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iotman/api"
	"iotman/flow"
	"iotman/iot"
	"iotman/mcp"
	"iotman/oauth"
	"iotman/oauth/signin"
	"iotman/spec"
	"iotman/store"
	"iotman/tools"
	"iotman/web"
)

// house is a whole server on a data folder of its own, as people reach it.
type house struct {
	t       testing.TB
	url     string // its public URL; behind it is a proxy
	dir     string
	store   *store.Store
	issuer  *oauth.Issuer
	desk    *signin.Desk
	site    *web.Site
	backend *httptest.Server
	us      atomic.Int64  // the clock
	mail    chan iot.Mail // what was sent
	log     logged
	ada     iot.Account // owns the workspace north
	ws      iot.Workspace
}

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

// Send takes a mail, as a mail server would.
func (h *house) Send(_ context.Context, m iot.Mail) error {
	h.mail <- m
	return nil
}

// signingKey is the one key that all houses of a run sign with: making one
// takes longer than most tests.
var signingKey = sync.OnceValues(func() ([]byte, error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS1PrivateKey(k), nil
})

const publicURL = "https://iot.example.com"

// newHouse starts a server that stops with the test.
func newHouse(t testing.TB) *house { t.Helper(); return newHouseAt(t, publicURL) }

func newHouseAt(t testing.TB, url string) *house {
	t.Helper()
	h := &house{t: t, url: url, dir: t.TempDir(), mail: make(chan iot.Mail, 64)}
	h.us.Store(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixMicro())
	log := slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	h.store, err = store.Open(t.Context(), store.Config{Dir: h.dir, Key: store.Key{1}, Log: log, Now: func() time.Time { return time.UnixMicro(h.us.Load()) }})
	h.must(err)
	key, err := signingKey()
	h.must(err)
	_, err = h.store.AddSigningKey(t.Context(), key)
	h.must(err)
	h.assemble(log)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- h.desk.Run(ctx) }()
	t.Cleanup(func() {
		h.backend.Close()
		stop()
		if err := <-done; err != nil {
			t.Errorf("run the desk: %v", err)
		}
		if err := h.store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	h.ada = h.account("ada@example.com")
	h.ws = h.workspace("north", h.ada)
	return h
}

// assemble puts the parts together as the program does.
func (h *house) assemble(log *slog.Logger) {
	h.t.Helper()
	var err error
	h.issuer, err = oauth.New(h.t.Context(), h.store, h.url)
	h.must(err)
	h.desk = signin.New(signin.Config{Store: h.store, Mail: h, Log: log, URL: h.url})
	server := oauth.NewServer(oauth.Config{Store: h.store, Issuer: h.issuer, Log: log, ClientIP: senderOf, Reused: h.desk.Reused})
	h.site, err = web.NewSite(web.Config{URL: h.url, Log: log, Store: h.store, Desk: h.desk, OAuth: server, ClientIP: senderOf})
	h.must(err)
	data, err := flow.New(h.store, log, 0)
	h.must(err)
	reg, err := tools.NewRegistry(h.store, log, tools.Catalogue(tools.Parts{Store: h.store, Flow: data, PublicURL: h.url})...)
	h.must(err)
	document, err := spec.OpenAPI(reg, h.url)
	h.must(err)
	agents, err := mcp.New(mcp.Config{Version: "test", Log: log, Registry: reg, Flow: data})
	h.must(err)
	edge, err := api.New(api.Config{
		PublicURL: h.url, Log: log, Store: h.store, Flow: data, Registry: reg, Issuer: h.issuer, MCP: agents, OpenAPI: document,
		OAuth: server, Pages: h.site.Routes(),
	})
	h.must(err)
	h.backend = httptest.NewUnstartedServer(nil)
	h.backend.Config = edge.HTTPServer("")
	h.backend.Start()
}

// senderHeader is where a test says from which address a request comes.
const senderHeader = "Test-Sender"

func senderOf(r *http.Request) string { return r.Header.Get(senderHeader) }

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) add(d time.Duration) { h.us.Add(d.Microseconds()) }

func (h *house) account(email string) iot.Account {
	h.t.Helper()
	a, err := h.store.CreateAccount(h.t.Context(), email, "A person")
	h.must(err)
	return a
}

// workspace makes a workspace that the account owns.
func (h *house) workspace(slug iot.Slug, owner iot.Account) iot.Workspace {
	h.t.Helper()
	w, err := h.store.CreateWorkspace(h.t.Context(), store.By{Account: owner.ID, Operation: "workspace_create"},
		iot.Workspace{Name: iot.Name("Plant " + string(slug)), Slug: slug, DefaultRole: iot.Viewer})
	h.must(err)
	return w
}

// bob makes an account with the role in the workspace north.
func (h *house) bob(role iot.Role) iot.Account {
	h.t.Helper()
	a := h.account("bob@example.com")
	h.change(func(ctx context.Context, tx *store.Tx) error { return tx.AddMember(ctx, a.ID, role) })
	return a
}

// change runs f as a change of the workspace north.
func (h *house) change(f func(context.Context, *store.Tx) error) {
	h.t.Helper()
	h.must(h.store.Change(h.t.Context(), store.By{Workspace: h.ws.ID, Account: h.ada.ID, Operation: "test"}, f))
}

// sql runs a statement past the store, and then something through it, so that
// it is noticed as if an operation had done it.
func (h *house) sql(query string, args ...any) {
	h.t.Helper()
	db := h.database()
	defer db.Close()
	_, err := db.ExecContext(h.t.Context(), query, args...)
	h.must(err)
	h.change(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.CreateHTTPEndpoint(ctx, iot.HTTPEndpoint{Name: "Made", EndpointSettings: iot.EndpointSettings{Auth: iot.AuthNone}})
		return err
	})
}

// count returns the one number that a query finds, past the store.
func (h *house) count(query string) (n int) {
	h.t.Helper()
	db := h.database()
	defer db.Close()
	h.must(db.QueryRowContext(h.t.Context(), query).Scan(&n))
	return n
}

func (h *house) database() *sql.DB {
	h.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.dir, "iotman.db"))
	h.must(err)
	return db
}

// letter returns the next mail, which has to be to the address.
func (h *house) letter(to string) iot.Mail {
	h.t.Helper()
	select {
	case m := <-h.mail:
		if m.To != to {
			h.t.Errorf("got mail to %s, want it to %s", m.To, to)
		}
		return m
	case <-time.After(10 * time.Second):
		h.t.Fatalf("no mail came to %s", to)
		return iot.Mail{}
	}
}

var links = regexp.MustCompile(`https?://\S+`)

// link returns the path and query of the link in the next mail.
func (h *house) link(to string) string {
	h.t.Helper()
	m := h.letter(to)
	found := links.FindAllString(m.Text, -1)
	if len(found) != 1 || !strings.HasPrefix(found[0], h.url+"/signin/link?token=") {
		h.t.Fatalf("got the links %q in a mail, want one to %s/signin/link", found, h.url)
	}
	return strings.TrimPrefix(found[0], h.url)
}

// printed returns the path and query of a link as the command line prints it.
func (h *house) printed(a iot.Account) string {
	h.t.Helper()
	link, err := h.desk.PrintLink(h.t.Context(), a)
	h.must(err)
	return strings.TrimPrefix(link, h.url)
}

// tokenOf returns the secret of a link.
func tokenOf(link string) string {
	_, token, _ := strings.Cut(link, "token=")
	return token
}
