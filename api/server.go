package api

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"iotman/flow"
	"iotman/iot"
	"iotman/mcp"
	"iotman/oauth"
	"iotman/store"
	"iotman/tools"
)

// Config is what a Server is made of.
type Config struct {
	PublicURL    string   // scheme and host that clients reach, no trailing slash
	AllowOrigins []string // origins that may call /mcp from a browser, beside our own
	TrustProxy   []netip.Prefix
	Log          *slog.Logger
	Store        *store.Store
	Flow         *flow.Flow
	Registry     *tools.Registry
	Issuer       *oauth.Issuer
	OAuth        *oauth.Server
	MCP          *mcp.Handler
	Pages        map[string]http.Handler // what people see, by pattern
	OpenAPI      []byte                  // the OpenAPI document
	Timeouts     Timeouts
}

// Timeouts bound how long a client may take; one that is zero is the default.
type Timeouts struct {
	Header time.Duration // to send a request's header
	Read   time.Duration // to send a request
	Write  time.Duration // to take the answer, from the end of the request's header on
	Idle   time.Duration // between two requests of a connection
}

// withDefaults returns t with the defaults for what is zero.
func (t Timeouts) withDefaults() Timeouts {
	return Timeouts{
		Header: cmp.Or(t.Header, 10*time.Second),
		Read:   cmp.Or(t.Read, 30*time.Second),
		Write:  cmp.Or(t.Write, 60*time.Second), // event_wait answers within 25 s
		Idle:   cmp.Or(t.Idle, 30*time.Second),
	}
}

// Server answers every request. It is ready until Drain is called.
type Server struct {
	Config
	mux      *http.ServeMux
	origins  map[string]bool
	host     string // the public URL's
	loopback bool   // the public URL is this machine's own
	https    bool   // the public URL's scheme
	draining atomic.Bool
	strays   strays
}

// New returns the Server with all its routes.
func New(cfg Config) (*Server, error) {
	u, err := ParsePublicURL(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Config: cfg, mux: http.NewServeMux(), origins: map[string]bool{cfg.PublicURL: true},
		host: u.Host, loopback: iot.IsLoopbackHost(u.Hostname()), https: u.Scheme == "https",
	}
	for _, o := range cfg.AllowOrigins {
		if err := checkOrigin(o); err != nil {
			return nil, err
		}
		s.origins[o] = true
	}
	for op := range cfg.Registry.All() {
		s.handle(op.Method()+" "+op.Path(), s.operation(op))
	}
	s.handle("POST /data/{workspace}/{url_path}", s.ingest)
	s.handle("/mcp/{workspace}", s.mcp)
	s.mux.HandleFunc("GET /healthz", s.healthz)
	s.handle("GET /readyz", s.readyz)
	s.mux.HandleFunc("GET /openapi.json", s.document("application/json", cfg.OpenAPI))
	if err := s.handleOAuth(); err != nil {
		return nil, err
	}
	for pattern, page := range cfg.Pages {
		s.handle(pattern, plain(page.ServeHTTP))
	}
	s.handle("/", s.nowhere)
	return s, nil
}

// ParsePublicURL reads the URL that clients reach a server at.
func ParsePublicURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" {
		return nil, fmt.Errorf("the public URL is a scheme and a host, such as https://iot.example.com; got %q", s)
	}
	return u, nil
}

// Drain makes /readyz fail, so that no new work is sent here.
func (s *Server) Drain() { s.draining.Store(true) }

// maxHeader is the greatest size of a request's header, in bytes.
const maxHeader = 32 << 10

// HTTPServer returns the server that listens on addr, with a bound on
// everything a client can draw out.
func (s *Server) HTTPServer(addr string) *http.Server {
	limit := s.Timeouts.withDefaults()
	return &http.Server{
		Addr: addr, Handler: s, MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: limit.Header,
		ReadTimeout:       limit.Read,
		WriteTimeout:      limit.Write,
		IdleTimeout:       limit.Idle,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
}

// Headers of every answer; none is ever added to.
var noSniff, noReferrer, noStore = []string{"nosniff"}, []string{"no-referrer"}, []string{"no-store"}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["X-Content-Type-Options"], h["Referrer-Policy"], h["Cache-Control"] = noSniff, noReferrer, noStore
	if s.https {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if len(r.TransferEncoding) > 0 {
		// It may have had a Content-Length as well, of which net/http does not
		// tell: then nothing more may be read here (RFC 9112 section 6.1).
		h.Set("Connection", "close")
	}
	if len(s.TrustProxy) > 0 {
		r = s.behindProxy(r)
	}
	s.mux.ServeHTTP(w, r)
}

// handle serves a pattern with a handler that may fail. A panic is that
// request's failure alone.
func (s *Server) handle(pattern string, h func(http.ResponseWriter, *http.Request) error) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // panicked with as it is
					panic(v)
				}
				s.Log.ErrorContext(r.Context(), "panic", "pattern", pattern, "panic", v, "stack", stack())
				s.fail(w, r, fmt.Errorf("panic: %v", v))
			}
		}()
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// nowhere answers for every path that has no route: 405 where another method
// has one, else 404.
func (s *Server) nowhere(w http.ResponseWriter, r *http.Request) error {
	var allow []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := s.mux.Handler(other); pattern != "/" {
			allow = append(allow, m)
		}
	}
	if len(allow) == 0 {
		return iot.Errorf(iot.NotFound, "nothing is at this path").Hinting("the routes are in %s/openapi.json", s.PublicURL)
	}
	for _, m := range allow {
		w.Header().Add("Allow", m)
	}
	return iot.Errorf(iot.NotAllowed, "this path does not take %.16q", r.Method).Hinting("it takes %v", allow)
}
