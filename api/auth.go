package api

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"iotman/iot"
	"iotman/oauth"
	"iotman/store"
)

// bearer returns the access token of the Authorization header (RFC 6750
// section 2.1), the only place where one is looked for.
func bearer(r *http.Request) (string, error) {
	h := r.Header.Values("Authorization")
	if len(h) == 0 {
		return "", iot.Errorf(iot.Unauthenticated, "no access token").
			Hinting("send Authorization: Bearer <token>; clients that know OAuth 2.1 find the way by WWW-Authenticate, and `iotman token` prints one")
	}
	scheme, token, _ := strings.Cut(h[0], " ")
	if len(h) > 1 || !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" {
		return "", iot.Errorf(iot.Unauthenticated, "expected Authorization: Bearer <token>")
	}
	return strings.TrimSpace(token), nil
}

// caller returns who calls an operation. Where the path names a workspace it
// has to be the token's own; any other, existing or not, is the same 401.
func (s *Server) caller(r *http.Request, via iot.Transport) (iot.Caller, error) {
	token, err := bearer(r)
	if err != nil {
		return iot.Caller{}, err
	}
	access, err := s.Issuer.Verify(r.Context(), token)
	if err != nil {
		return iot.Caller{}, err
	}
	c, err := s.Issuer.Manages(access, via)
	if err != nil {
		return iot.Caller{}, err
	}
	if name := r.PathValue("workspace"); name != "" && !names(name, access) {
		s.strays.note(r.Context(), s, access)
		return iot.Caller{}, iot.Errorf(iot.Unauthenticated, "the access token is not for this workspace").
			Hinting("a token opens the one workspace it was issued for: sign in at the MCP URL of the other")
	}
	if name := r.Header.Get("X-Workspace-ID"); name != "" && !names(name, access) {
		return iot.Caller{}, iot.Errorf(iot.Invalid, "X-Workspace-ID names another workspace than the path, or than the token's").
			At("X-Workspace-ID").Hinting("leave the header out, or send %s", access.Workspace)
	}
	return c, nil
}

// names reports whether a slug or an id is the token's workspace.
func names(name string, a oauth.Access) bool {
	return name == string(a.Slug) || name == string(a.Workspace)
}

// strays writes an audit row for a token that knocks at another workspace's
// door, once a minute for each token: a flood of them costs nothing.
type strays struct {
	mu   sync.Mutex
	seen map[iot.ID]time.Time
}

const (
	strayEvery = time.Minute
	maxStrays  = 1024
)

func (st *strays) note(ctx context.Context, s *Server, a oauth.Access) {
	st.mu.Lock()
	now := time.Now()
	if st.seen == nil || len(st.seen) >= maxStrays {
		st.seen = map[iot.ID]time.Time{}
	}
	due := now.Sub(st.seen[a.Token]) > strayEvery
	if due {
		st.seen[a.Token] = now
	}
	st.mu.Unlock()
	if !due {
		return
	}
	by := store.By{Workspace: a.Workspace, Account: a.Account, Email: a.Email, Client: a.Client, Operation: "token_refused"}
	what, err := json.Marshal(map[string]string{"reason": "used at another workspace"})
	if err == nil {
		err = s.Store.Audit(ctx, by, iot.Change{Entity: "grant", ID: a.Grant.ID, Before: what})
	}
	if err != nil {
		s.Log.ErrorContext(ctx, "audit a stray token", "workspace", a.Workspace, "err", err)
	}
	s.Log.InfoContext(ctx, "token refused at another workspace", "workspace", a.Workspace)
}

// ClientIP returns the address the request came from.
func ClientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
