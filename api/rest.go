package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"iotman/iot"
	"iotman/tools"
)

// maxBody is the greatest body of a management call, in bytes.
const maxBody = 1 << 20

// operation returns the REST projection of an operation.
func (s *Server) operation(op tools.Op) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := s.caller(r, iot.REST)
		if err != nil {
			return err
		}
		if err := op.Allows(c); err != nil {
			return err
		}
		query, err := tools.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return err
		}
		body, err := readBody(w, r)
		if err != nil {
			return err
		}
		in, err := op.Bind(tools.Request{
			PathVars: r.PathValue, Query: query, ContentType: r.Header.Get("Content-Type"),
			IfMatch: r.Header.Get("If-Match"), Body: body,
		})
		if err != nil {
			return err
		}
		out, err := s.Registry.Call(r.Context(), c, op.Name, in)
		if err != nil {
			return err
		}
		status := http.StatusOK
		if op.Creates() {
			status = http.StatusCreated
		}
		if v := versionOf(out); v > 0 {
			w.Header().Set("ETag", fmt.Sprintf(`"%d"`, v))
		}
		if page, ok := out.(tools.Listed); ok {
			if next := page.Next(); next != "" {
				w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next"`, s.nextURL(r, next)))
			}
			out = page.Rows()
		}
		return writeJSON(w, "application/json", status, out)
	}
}

// readBody reads the body of a management call.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); err != nil && !ok {
		err = iot.Errorf(iot.Invalid, "the body broke off").Hinting("send it again").Because(err)
	}
	return body, err
}

// nextURL returns the request's URL with another cursor.
func (s *Server) nextURL(r *http.Request, cursor string) string {
	q := r.URL.Query()
	q.Set("cursor", cursor)
	return s.PublicURL + r.URL.EscapedPath() + "?" + q.Encode()
}

// versionOf returns an entity's version, 0 for what has none.
func versionOf(out any) int64 {
	v := reflect.ValueOf(out)
	if v.Kind() != reflect.Struct {
		return 0
	}
	if f := v.FieldByName("Version"); f.IsValid() && f.CanInt() {
		return f.Int()
	}
	return 0
}

// document serves a document that stays the same while the program runs.
func (s *Server) document(contentType string, text []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("Access-Control-Allow-Origin", "*")
		_, _ = w.Write(text) // a client that hung up is no fault of ours
	}
}

// healthz tells that the process runs.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, "ok\n")
}

// readyz tells whether work may be sent here.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	if s.draining.Load() {
		return iot.Errorf(iot.Unavailable, "the server is stopping")
	}
	if err := s.Store.Ping(r.Context()); err != nil {
		s.Log.ErrorContext(r.Context(), "not ready", "err", err)
		return iot.Errorf(iot.Unavailable, "the database does not answer").Because(err)
	}
	_, err := io.WriteString(w, "ready\n")
	return err
}
