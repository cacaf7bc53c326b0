package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/ory/fosite"

	"iotman/iot"
	"iotman/store"
)

// problem is an error as OAuth has it (RFC 6749 section 5.2).
type problem struct {
	Status      int    `json:"-"`
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// Error returns the code and the description.
func (p *problem) Error() string { return p.Code + ": " + p.Description }

func errOAuth(code, format string, args ...any) *problem {
	status := http.StatusBadRequest
	if code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	return &problem{status, code, fmt.Sprintf(format, args...)}
}

// errTarget is a resource that no token is given for (RFC 8707 section 2).
func errTarget(format string, args ...any) *problem {
	return errOAuth("invalid_target", format, args...)
}

// problemOf returns what may be told of an error. What is neither ours to tell
// nor fosite's is a server_error that tells nothing.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	// fosite says invalid_request where a refresh met another; clients mend only
	// invalid_grant, by asking the person.
	if errors.Is(err, store.ErrSpent) || errors.Is(err, fosite.ErrSerializationFailure) || errors.Is(err, fosite.ErrInactiveToken) {
		return errOAuth("invalid_grant", "the code or refresh token was used already; authorize again")
	}
	if e, ok := errors.AsType[*iot.Error](err); ok && e.Kind != iot.Internal {
		text := e.Msg
		if e.Hint != "" {
			text += "; " + e.Hint
		}
		return &problem{e.Kind.Status(), e.Kind.OAuthCode(), text}
	}
	if e, ok := errors.AsType[*fosite.RFC6749Error](err); ok && e.CodeField < http.StatusInternalServerError {
		status := e.CodeField
		if e.ErrorField != "invalid_client" {
			status = http.StatusBadRequest
		}
		text := e.HintField
		if text == "" {
			text = e.DescriptionField
		}
		return &problem{status, e.ErrorField, text}
	}
	return &problem{http.StatusInternalServerError, "server_error", "internal error; try again"}
}

// fail answers an endpoint that machines call with an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		s.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if e, ok := errors.AsType[*iot.Error](err); ok && e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	switch {
	case p.Status == http.StatusUnauthorized && p.Code == "invalid_token": // a registration access token
		w.Header().Set("WWW-Authenticate", `Bearer realm="iotman", error="invalid_token"`)
	case p.Status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="iotman", charset="UTF-8"`)
	}
	s.answer(w, p.Status, p)
}

// answer writes JSON that is nobody else's to keep (RFC 6749 section 5.1).
func (s *Server) answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that hung up is no fault of ours
}
