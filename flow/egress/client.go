package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"iotman/iot"
)

// maxHeader bounds what an answer's header may hold, in bytes.
const maxHeader = 64 << 10

// Response is a whole answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Client returns an HTTP client that leaves through the Guard. It follows no
// redirect: one is an answer like another. The caller bounds what it reads of a
// body. Clients of one Guard share their idle connections; a caller may
// set its own Timeout.
func (g *Guard) Client() *http.Client {
	c := *g.client
	return &c
}

// Fetch gets a URL whose answer has at most limit bytes, and is of the media
// type accept unless that is empty; the answer's own is not checked. Any status
// is an answer. A URL, an address or an answer against the rules is an
// iot.Error of kind Invalid; one of kind Unavailable is a host that does not
// answer, or not in time.
func (g *Guard) Fetch(ctx context.Context, rawURL string, limit int64, accept string) (Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, http.NoBody)
	if err != nil {
		return Response{}, iot.Errorf(iot.Invalid, "expected a URL; got something else").Because(cause(err))
	}
	req.Header.Set("User-Agent", "iotman")
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	res, err := g.client.Do(req)
	if err != nil {
		return Response{}, failure(err)
	}
	defer res.Body.Close()
	tooLong := iot.Errorf(iot.Invalid, "expected an answer of at most %d bytes; got more", limit)
	if res.ContentLength > limit {
		return Response{}, tooLong
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	switch {
	case int64(len(body)) > limit:
		return Response{}, tooLong
	case err != nil:
		return Response{}, failure(err)
	}
	return Response{Status: res.StatusCode, Header: res.Header, Body: body}, nil
}

// failure returns err as an iot.Error.
func failure(err error) error {
	if refusal, ok := errors.AsType[*iot.Error](err); ok {
		return refusal
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return iot.Errorf(iot.Invalid, "expected a certificate that verifies for the host; got another").Because(cause(err))
	}
	return iot.Errorf(iot.Unavailable, "the host did not answer, or not in time").
		Hinting("check the URL, and that its host is up; then try again").Because(cause(err))
}

// cause returns err without the URL that url.Error quotes: a URL may carry a
// secret, and what is logged must not.
func cause(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// newClient returns the client of a Guard.
func newClient(g *Guard, timeout time.Duration, roots *x509.CertPool) *http.Client {
	// HTTP/1.1 only: what one request in a while gains from HTTP/2 is not worth
	// its machinery on connections to strangers.
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: transport{g.plain, &http.Transport{
			Proxy:                  nil, // not that of the environment
			DialContext:            g.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			TLSHandshakeTimeout:    timeout,
			ResponseHeaderTimeout:  timeout,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // a limit counts what was sent
			Protocols:              &http1,
			MaxIdleConns:           100,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        30 * time.Second,
		}},
	}
}

// transport refuses URLs before anything is looked up.
type transport struct {
	plain bool
	*http.Transport
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := checkURL(r.URL, t.plain); err != nil {
		if r.Body != nil { // a RoundTripper closes it, whatever comes
			err = errors.Join(err, r.Body.Close())
		}
		return nil, err
	}
	return t.Transport.RoundTrip(r)
}

// checkURL returns an error unless u may be called.
func checkURL(u *url.URL, plain bool) error {
	switch {
	case u.Scheme == "http" && !plain:
		return iot.Errorf(iot.Invalid, "expected an https URL; got an http one")
	case u.Scheme != "https" && u.Scheme != "http":
		return iot.Errorf(iot.Invalid, "expected an https URL; got another scheme, or none")
	case u.User != nil:
		return iot.Errorf(iot.Invalid, "expected a URL without a user name or password; got one with")
	case u.Hostname() == "":
		return iot.Errorf(iot.Invalid, "expected a URL with a host; got one without")
	}
	return nil
}
