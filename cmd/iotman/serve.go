package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"iotman/api"
	"iotman/flow"
	"iotman/flow/egress"
	"iotman/mcp"
	"iotman/oauth"
	"iotman/oauth/signin"
	"iotman/spec"
	"iotman/store"
	"iotman/tools"
	"iotman/web"
)

// factPublicURL is the fact under which the folder keeps the public URL.
const factPublicURL = "public_url"

// serveFlags are the flags of serve.
type serveFlags struct {
	folderFlags
	addr, publicURL, allowOrigin, trustProxy, egressAllow, log string
	clientDocuments                                            bool

	own []netip.AddrPort // where this server listens, which nothing that leaves may reach
}

const serveAbout = `Runs the server. The first start makes the data folder, an account and a workspace.

SIGTERM or an interrupt stops it: /readyz fails, then requests in flight are answered, within
30 seconds. Further ones change nothing. SIGKILL loses nothing that was acknowledged.`

func serve(ctx context.Context, e env, args []string) error {
	fs, parse := e.flags("serve", serveAbout)
	var f serveFlags
	fs.StringVar(&f.addr, "addr", "127.0.0.1:8080", "`address` to listen on")
	fs.StringVar(&f.data, "data", "iotman-data", "data `folder`")
	fs.StringVar(&f.publicURL, "public-url", "", "`URL` that clients reach the server at (default: http:// and the address)")
	fs.StringVar(&f.keyFile, "key-file", "", keyFileUsage)
	fs.StringVar(&f.allowOrigin, "allow-origin", "", "`origins` whose pages may call /mcp, separated by commas")
	fs.StringVar(&f.trustProxy, "trust-proxy", "", "`proxies` that are believed in X-Forwarded-For: CIDRs or addresses, separated by commas")
	fs.StringVar(&f.egressAllow, "egress-allow", "", "private `addresses` that may be reached from here: CIDRs, private, loopback")
	fs.BoolVar(&f.clientDocuments, "client-documents", true, "let apps name themselves by a URL, which is fetched; false where this server reaches no other, so that they register instead")
	fs.StringVar(&f.log, "log", "info", "`level` of the log: debug, info, warn or error")
	if err := parse(args); err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.log)); err != nil {
		return fmt.Errorf("-log is debug, info, warn or error; got %q", f.log)
	}
	log := slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level}))
	if e.getenv("GOGC") == "" {
		// What lives is small and what passes through is much: collecting a fifth
		// as often serves half as many pages again, for some tens of megabytes.
		debug.SetGCPercent(400)
	}
	key, err := f.key(e, true)
	if err != nil {
		return err
	}
	st, err := store.Open(ctx, store.Config{Dir: f.data, Key: key, Log: log, Exclude: true})
	if err != nil {
		return err
	}
	defer st.Close()
	// Listening comes before the welcome: what it prints works already.
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer l.Close()
	listening := defaultURL(f.addr, l.Addr())
	f.publicURL = cmp.Or(strings.ToLower(strings.TrimSuffix(f.publicURL, "/")), listening)
	if own, err := netip.ParseAddrPort(l.Addr().String()); err == nil {
		f.own = append(f.own, own)
	}
	h, err := assemble(ctx, e, st, log, f) // refuses a public URL that is none before it is recorded
	if err != nil {
		return err
	}
	if err := announce(ctx, e, st, f, listening); err != nil {
		return err
	}
	return work(ctx, st, h, l)
}

// announce says where the server listens, and on the first start what to do
// next.
func announce(ctx context.Context, e env, st *store.Store, f serveFlags, listening string) error {
	first, err := prepare(ctx, st, f.publicURL)
	if err != nil {
		return err
	}
	if f.publicURL != listening {
		listening += " as " + f.publicURL
	}
	if _, err := fmt.Fprintf(e.stdout, "iotman listens on %s, data in %s\n", listening, f.data); err != nil || !first {
		return err
	}
	return welcome(ctx, e, st, f)
}

// defaultURL is the URL of a server that says nothing of its public URL: the
// host it was told to listen on, and the port it got.
func defaultURL(addr string, got net.Addr) string {
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	_, port, err := net.SplitHostPort(got.String())
	if err != nil {
		return "http://" + got.String()
	}
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}).String()
}

// house is the server, put together.
type house struct {
	edge   *api.Server
	issuer *oauth.Issuer
	desk   *signin.Desk
	log    *slog.Logger
}

// assemble puts the parts of the server together.
func assemble(ctx context.Context, e env, st *store.Store, log *slog.Logger, f serveFlags) (house, error) {
	if _, err := api.ParsePublicURL(f.publicURL); err != nil {
		return house{}, err
	}
	allow, err := egress.ParseAllow(f.egressAllow)
	if err != nil {
		return house{}, fmt.Errorf("-egress-allow: %w", err)
	}
	h := house{log: log, desk: signin.New(signin.Config{Store: st, Mail: &console{w: e.stdout}, Log: log, URL: f.publicURL})}
	if h.issuer, err = oauth.New(ctx, st, f.publicURL); err != nil {
		return h, err
	}
	provider := oauth.Config{Store: st, Issuer: h.issuer, Log: log, ClientIP: api.ClientIP, Reused: h.desk.Reused}
	if f.clientDocuments {
		provider.Egress = egress.New(egress.Config{Allow: allow, Forbid: f.own})
	}
	server := oauth.NewServer(provider)
	site, err := web.NewSite(web.Config{URL: f.publicURL, Log: log, Store: st, Desk: h.desk, OAuth: server, ClientIP: api.ClientIP, Console: true})
	if err != nil {
		return h, err
	}
	cfg := api.Config{PublicURL: f.publicURL, Log: log, Store: st, Issuer: h.issuer, OAuth: server, Pages: site.Routes()}
	if cfg.TrustProxy, err = api.ParseProxies(f.trustProxy); err != nil {
		return h, fmt.Errorf("-trust-proxy: %w", err)
	}
	if err := operations(&cfg); err != nil {
		return h, err
	}
	for o := range strings.SplitSeq(f.allowOrigin, ",") {
		if o = strings.TrimSpace(o); o != "" {
			cfg.AllowOrigins = append(cfg.AllowOrigins, o)
		}
	}
	h.edge, err = api.New(cfg)
	return h, err
}

// operations adds what can be done, and how agents and documents show it.
func operations(cfg *api.Config) (err error) {
	if cfg.Flow, err = flow.New(cfg.Store, cfg.Log, flow.DiskReserve); err != nil {
		return err
	}
	parts := tools.Parts{Store: cfg.Store, Flow: cfg.Flow, PublicURL: cfg.PublicURL}
	if cfg.Registry, err = tools.NewRegistry(cfg.Store, cfg.Log, tools.Catalogue(parts)...); err != nil {
		return err
	}
	if cfg.OpenAPI, err = spec.OpenAPI(cfg.Registry, cfg.PublicURL); err != nil {
		return err
	}
	cfg.MCP, err = mcp.New(mcp.Config{
		Version: version(), Log: cfg.Log, Registry: cfg.Registry, Flow: cfg.Flow, Introspect: cfg.OAuth.IntrospectIn,
	})
	return err
}

// How long a stop may take: until load balancers have seen that the server is
// not ready, and until requests in flight are answered.
const (
	drainNotice = 500 * time.Millisecond
	drainLimit  = 29 * time.Second
)

// work serves until ctx ends, then stops in order: readiness, who waits for
// events, requests in flight, the log's writer. What was acknowledged is on
// disk.
func work(ctx context.Context, st *store.Store, h house, l net.Listener) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	workers, background := errgroup.WithContext(background)
	workers.Go(func() error { return st.Run(background) })
	workers.Go(func() error { return st.RunSweeps(background) })
	workers.Go(func() error { return st.Watch(background) })
	workers.Go(func() error { return h.desk.Run(background) })
	workers.Go(func() error {
		return h.issuer.RunKeys(background, func(err error) { h.log.ErrorContext(background, "rotate the signing keys", "err", err) })
	})

	srv := h.edge.HTTPServer(l.Addr().String())
	srv.Handler = partingFrom(ctx, h.edge)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	var err error
	select {
	case err = <-served:
	case <-background.Done(): // a worker failed
		err = srv.Close()
		<-served
	case <-ctx.Done():
		h.edge.Drain()
		time.Sleep(drainNotice)
		h.edge.Flow.Drain()
		err = shutdown(srv)
		<-served
	}
	stop()
	return errors.Join(err, workers.Wait())
}

// partingFrom returns next with answers that, once ctx has ended, tell their
// connection's end (RFC 9112 section 9.6): a client that goes on meanwhile is
// on a fresh connection when the idle ones are closed, and no request of its
// is cut off.
func partingFrom(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// shutdown waits for the requests in flight, and cuts off those that are not
// answered in time.
func shutdown(srv *http.Server) error {
	limited, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	err := srv.Shutdown(limited)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("cut off what was unanswered after %s", drainLimit)
	}
	return errors.Join(err, srv.Close())
}
