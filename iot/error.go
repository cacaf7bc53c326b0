package iot

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind classifies an Error by what its receiver can do about it. The zero
// Kind is Internal: an error that nobody classified tells its receiver nothing.
type Kind int

// The kinds, each with one row in the table below.
const (
	Internal        Kind = iota // a fault of ours; logged, never shown
	Invalid                     // malformed or against the rules: mend the request
	Unauthenticated             // no valid credential: sign in
	Forbidden                   // the role does not allow it: ask an admin
	Insufficient                // the role allows it, the token does not: ask for the permission
	NotFound                    // absent, or another workspace's: never told apart
	NotAllowed                  // the method does not exist here
	Conflict                    // clashes with what exists
	Stale                       // the version named is not the current one
	TooLarge                    // over a limit of size
	Unsupported                 // an encoding or media type that is not understood
	Unprocessable               // well-formed, but refused by the source's schema
	Limited                     // too fast: retry later
	Unavailable                 // not now: starting, stopping or overloaded
	Full                        // the disk reserve is reached
)

// kinds maps each Kind to its slug, its HTTP status and the error code of
// OAuth 2.0 (RFC 6749 section 5.2, RFC 6750 section 3.1) that stands for it.
var kinds = map[Kind]struct {
	slug   string
	status int
	oauth  string
}{
	Internal:        {"internal", http.StatusInternalServerError, "server_error"},
	Invalid:         {"invalid", http.StatusBadRequest, "invalid_request"},
	Unauthenticated: {"unauthenticated", http.StatusUnauthorized, "invalid_token"},
	Forbidden:       {"forbidden", http.StatusForbidden, "access_denied"},
	Insufficient:    {"insufficient_scope", http.StatusForbidden, "insufficient_scope"},
	NotFound:        {"not_found", http.StatusNotFound, "invalid_request"},
	NotAllowed:      {"method_not_allowed", http.StatusMethodNotAllowed, "invalid_request"},
	Conflict:        {"conflict", http.StatusConflict, "invalid_request"},
	Stale:           {"stale", http.StatusPreconditionFailed, "invalid_request"},
	TooLarge:        {"too_large", http.StatusRequestEntityTooLarge, "invalid_request"},
	Unsupported:     {"unsupported", http.StatusUnsupportedMediaType, "invalid_request"},
	Unprocessable:   {"unprocessable", http.StatusUnprocessableEntity, "invalid_request"},
	Limited:         {"rate_limited", http.StatusTooManyRequests, "slow_down"},
	Unavailable:     {"unavailable", http.StatusServiceUnavailable, "temporarily_unavailable"},
	Full:            {"storage_full", http.StatusInsufficientStorage, "temporarily_unavailable"},
}

// Slug returns the kind's stable name, the "code" of a Problem.
func (k Kind) Slug() string { return kinds[k].slug }

// Status returns the HTTP status that stands for the kind.
func (k Kind) Status() int { return kinds[k].status }

// OAuthCode returns the OAuth 2.0 error code that stands for the kind.
func (k Kind) OAuthCode() string { return kinds[k].oauth }

// Error is an error that may be shown to whoever caused it. Every other error
// is internal: it is logged, and its receiver learns only that it happened.
type Error struct {
	Kind  Kind
	Field string // the input at fault: a name, or a JSON pointer (RFC 6901)
	Msg   string // what was expected and what was got
	Hint  string // what to do next

	Needs      []Permission  // with Insufficient: every permission the call needs
	RetryAfter time.Duration // with Limited, Unavailable: when to try again
	Current    any           // with Stale: the state as it is now
	Details    []Detail      // further mistakes, where several were found at once
	Event      ID            // the id under which a source keeps what it refused
	Err        error         // the cause, for the log only
}

// Detail is one mistake among several.
type Detail struct {
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"`
}

// Errorf returns an Error of the kind whose message is formatted.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...)}
}

// At names the input at fault and returns e.
func (e *Error) At(field string) *Error { e.Field = field; return e }

// Hinting says what to do next and returns e.
func (e *Error) Hinting(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Because records the cause for the log and returns e.
func (e *Error) Because(err error) *Error { e.Err = err; return e }

// Error returns the message with the field it concerns and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.Slug())
	if e.Field != "" {
		b.WriteString(" " + e.Field)
	}
	if e.Msg != "" {
		b.WriteString(": " + e.Msg)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the Error in err's chain, or Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Problem is an error as clients see it: problem+json (RFC 9457) with a
// stable code, and the same text as "error" for clients that read only that.
type Problem struct {
	Title       string       `json:"title"`
	Status      int          `json:"status"`
	Code        string       `json:"code"`
	Detail      string       `json:"detail"`
	Error       string       `json:"error"`
	Field       string       `json:"field,omitempty"`
	Hint        string       `json:"hint,omitempty"`
	Permissions []Permission `json:"permissions,omitempty"`
	Errors      []Detail     `json:"errors,omitempty"`
	Current     any          `json:"current,omitempty" untrusted:"true"`
	EventID     ID           `json:"event_id,omitempty"`
}

// ProblemOf returns what may be shown of err. An internal error shows nothing
// but that it happened.
func ProblemOf(err error) Problem {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind == Internal {
		e = &Error{Msg: "internal error", Hint: "try again; if it stays, the server's log has the cause"}
	}
	return Problem{
		Title:       http.StatusText(e.Kind.Status()),
		Status:      e.Kind.Status(),
		Code:        e.Kind.Slug(),
		Detail:      e.Msg,
		Error:       e.Msg,
		Field:       e.Field,
		Hint:        e.Hint,
		Permissions: e.Needs,
		Errors:      e.Details,
		Current:     e.Current,
		EventID:     e.Event,
	}
}
