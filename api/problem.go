package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"iotman/iot"
	"iotman/tools"
)

func stack() string { return string(debug.Stack()) }

// answers keeps the memory that answers were written in, up to maxKept bytes
// each: a page of events takes more than everything else about its request.
var answers = sync.Pool{New: func() any { return new([]byte) }}

const maxKept = 256 << 10

// writeJSON writes v as the answer. Payloads leave as they came, with < and &
// unescaped: nosniff keeps browsers from taking them for a page.
func writeJSON(w http.ResponseWriter, contentType string, status int, v any) error {
	room := answers.Get().(*[]byte)
	b, err := tools.AppendJSON((*room)[:0], v)
	if err != nil {
		return fmt.Errorf("write an answer: %w", err)
	}
	if cap(b) <= maxKept {
		defer func() {
			*room = b
			answers.Put(room)
		}()
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) //nolint:gosec // JSON, never a page; and a client that hung up is no fault of ours
	return nil
}

// fail renders an error: problem+json with the status of its kind, and the
// challenge of RFC 6750 where a credential is what is missing.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		return // whoever asked is gone
	}
	if big, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = iot.Errorf(iot.TooLarge, "the body has more than %d bytes", big.Limit).Hinting("send it in smaller parts")
	}
	p := iot.ProblemOf(err)
	if p.Status == http.StatusInternalServerError {
		s.Log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.Pattern, "err", err)
	}
	if e, ok := errors.AsType[*iot.Error](err); ok {
		s.challenge(w, r, e)
		if e.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
		}
	}
	if err := writeJSON(w, "application/problem+json", p.Status, p); err != nil {
		s.Log.ErrorContext(r.Context(), "write a problem", "err", err)
	}
}

// challenge adds WWW-Authenticate to an error that a better credential would
// mend: where to learn how to get one (RFC 9728 section 5.1) and, if the token
// lacks permissions, every one that is needed.
func (s *Server) challenge(w http.ResponseWriter, r *http.Request, e *iot.Error) {
	if e.Kind != iot.Unauthenticated && e.Kind != iot.Insufficient {
		return
	}
	if strings.HasPrefix(r.URL.Path, "/data/") {
		if e.Kind == iot.Unauthenticated {
			w.Header().Add("WWW-Authenticate", `Basic realm="iotman", charset="UTF-8"`)
		}
		challenge := `Bearer realm="iotman", error="` + e.Kind.OAuthCode() + `"`
		if len(e.Needs) > 0 {
			challenge += `, scope="` + iot.PermissionsOf(e.Needs...).String() + `"`
		}
		w.Header().Add("WWW-Authenticate", challenge)
		return
	}
	var b strings.Builder
	b.WriteString("Bearer ")
	if slug := r.PathValue("workspace"); iot.CheckSlug(iot.Slug(slug)) == nil {
		fmt.Fprintf(&b, `resource_metadata="%s/.well-known/oauth-protected-resource/mcp/%s", `, s.PublicURL, slug)
	}
	if r.Header.Get("Authorization") != "" {
		fmt.Fprintf(&b, `error="%s", `, e.Kind.OAuthCode())
	}
	scope := defaultScope()
	if len(e.Needs) > 0 {
		scope = iot.PermissionsOf(e.Needs...)
	}
	fmt.Fprintf(&b, `scope="%s"`, scope)
	w.Header().Set("WWW-Authenticate", b.String())
}

// defaultScope is what a client is told to ask for: everything that is not
// granted with a tick of its own.
func defaultScope() iot.Permissions {
	return iot.AllPermissions().Without(iot.Sensitive())
}
