package oauth

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"iotman/flow/egress"
	"iotman/iot"
	"iotman/store"
)

// Client ID metadata documents: a client whose id is a URL is described by what
// is there (draft-ietf-oauth-client-id-metadata-document).
const (
	maxDocument    = 5 << 10
	documentLife   = 24 * time.Hour  // at most
	documentFloor  = 5 * time.Minute // at least: a sign-in takes several look-ups
	documentFailed = time.Minute     // how long a failure is not tried again
)

// documents finds clients by their metadata documents.
type documents struct {
	st     *store.Store
	egress *egress.Guard
	asking singleflight.Group
}

// fetchLimit bounds how many documents one network makes this server fetch:
// whoever asks for one need not be anybody.
var fetchLimit = store.Limit{Most: 20, Per: time.Hour}

// client returns the client whose document is at the URL id, for a request from
// a network.
func (d *documents) client(ctx context.Context, id, network string) (iot.Client, error) {
	if err := checkDocumentURL(id); err != nil {
		return iot.Client{}, err
	}
	text, err := d.st.ClientDocument(ctx, id)
	if err == nil && text == "" {
		var wait time.Duration
		if wait, err = d.st.Attempt(ctx, "document:"+network, fetchLimit); wait > 0 {
			err = tooFast("apps of late that are described elsewhere", wait)
		}
	}
	if err == nil && text == "" {
		var v any
		v, err, _ = d.asking.Do(id, func() (any, error) { return d.fetch(context.WithoutCancel(ctx), id) })
		text, _ = v.(string)
	}
	if err != nil {
		return iot.Client{}, err
	}
	return parseDocument(id, text)
}

// checkDocumentURL refuses what cannot be the URL of a document: anything but
// https, or a URL that several spellings stand for.
func checkDocumentURL(id string) error {
	u, err := url.Parse(id)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || strings.ContainsAny(id, "#\\ ") ||
		u.Path == "" || u.Path == "/" || slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "." || s == ".." }) ||
		u.String() != id || len(id) > iot.MaxClientID {
		return iot.Errorf(iot.Invalid, "the client id %.120q is no URL of a client ID metadata document", id).At("client_id").
			Hinting("such a URL is https, has a path, and no user, fragment or dots in the path")
	}
	return nil
}

// fetch gets a document and keeps it for as long as its server lets it, within
// bounds. A failure is kept, too, for a moment, as "-" and what went wrong.
func (d *documents) fetch(ctx context.Context, id string) (string, error) {
	text, life, err := d.get(ctx, id)
	if err != nil {
		if iot.KindOf(err) == iot.Internal {
			return "", err
		}
		text, life = "-"+iot.ProblemOf(err).Detail, documentFailed
	}
	return text, d.st.KeepClientDocument(ctx, id, text, life)
}

func (d *documents) get(ctx context.Context, id string) (text string, life time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	res, err := d.egress.Fetch(ctx, id, maxDocument, "application/json")
	if err != nil {
		return "", 0, err
	}
	media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.Status != http.StatusOK || err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return "", 0, iot.Errorf(iot.Invalid, "expected a client ID metadata document there (200, application/json); got status %d, %.60q", res.Status, media)
	}
	// One that is wrong is as good as none: it is asked for again soon, since
	// whoever made it is mending it.
	if _, err := readDocument(id, string(res.Body)); err != nil {
		return "", 0, err
	}
	return string(res.Body), documentAge(res.Header), nil
}

// documentAge is how long a document may be kept (RFC 9111 section 5.2.2.1).
func documentAge(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		if name == "no-store" || name == "no-cache" {
			return documentFloor
		}
		if seconds, err := strconv.Atoi(strings.Trim(value, `"`)); name == "max-age" && err == nil {
			return max(documentFloor, time.Duration(min(seconds, int(documentLife.Seconds())))*time.Second)
		}
	}
	return time.Hour
}

// parseDocument reads what fetch kept.
func parseDocument(id, text string) (iot.Client, error) {
	if why, failed := strings.CutPrefix(text, "-"); failed {
		return iot.Client{}, iot.Errorf(iot.Invalid, "the app's description at %.120s cannot be had: %s", id, why).At("client_id").
			Hinting("try again in a minute; if this server reaches no other, start it with -client-documents=false and connect the app anew")
	}
	return readDocument(id, text)
}

// readDocument reads a document. It has to name the URL that it is at, so that
// nobody's document can be passed for another's.
func readDocument(id, text string) (iot.Client, error) {
	var m metadata
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return iot.Client{}, iot.Errorf(iot.Invalid, "the client ID metadata document is not the JSON object expected").At("client_id").Because(err)
	}
	if m.ClientID != id {
		return iot.Client{}, iot.Errorf(iot.Invalid, "the client ID metadata document names itself %.120q, not %.120q", m.ClientID, id).At("client_id")
	}
	if m.AuthMethod == "" {
		m.AuthMethod = iot.AuthMethodNone
	}
	c, err := m.client()
	if err != nil {
		return c, iot.Errorf(iot.Invalid, "the client ID metadata document is refused: %s", problemOf(err).Description).At("client_id").Because(err)
	}
	if !c.Public {
		return c, iot.Errorf(iot.Invalid, "a client ID metadata document cannot share a secret: token_endpoint_auth_method has to be none").At("client_id")
	}
	c.ID, c.Document = id, true
	return c, nil
}
