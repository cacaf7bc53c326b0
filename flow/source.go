package flow

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"

	"iotman/flow/schema"
	"iotman/iot"
)

// Source is an HTTP endpoint ready to accept: its settings, its schema
// compiled, its password digested.
type Source struct {
	iot.HTTPEndpoint
	Workspace iot.ID
	schema    *schema.Schema
	password  [32]byte
	limits    *limits
}

// limits are what a source has used of late. They outlive a change of the
// source's settings.
type limits struct {
	events  limiter
	rejects limiter
}

// maxSources is how many sources are kept ready at once; more work too, each
// at the price of a few queries a request.
const maxSources = 4096

// sources keeps sources ready for as long as no configuration changes.
type sources struct {
	ready  *lru.Cache[string, kept]
	limits *lru.Cache[iot.ID, *limits]
}

type kept struct {
	source     *Source
	generation uint64
}

func newSources() (sources, error) {
	ready, err := lru.New[string, kept](maxSources)
	if err != nil {
		return sources{}, err
	}
	limits, err := lru.New[iot.ID, *limits](maxSources)
	return sources{ready, limits}, err
}

// Source returns the enabled source at /data/<slug>/<path>. Whatever is not
// there, workspace or source, is the same NotFound.
func (f *Flow) Source(ctx context.Context, slug iot.Slug, path iot.URLPath) (*Source, error) {
	key := string(slug) + "/" + string(path)
	generation := f.st.Generation()
	if k, ok := f.sources.ready.Get(key); ok && k.generation == generation {
		return k.source, nil
	}
	missing := iot.Errorf(iot.NotFound, "no source listens here").Hinting("check the URL; http_endpoint_list shows the URLs of a workspace")
	if iot.CheckSlug(slug) != nil || iot.CheckURLPath(path) != nil {
		return nil, missing
	}
	id, err := f.st.Resolve(ctx, string(slug))
	if err != nil {
		return nil, fmt.Errorf("find a source: %w", err)
	}
	if id == "" {
		return nil, missing
	}
	e, password, err := f.st.Workspace(id).EndpointAt(ctx, path)
	if err != nil {
		if iot.KindOf(err) == iot.NotFound {
			return nil, missing
		}
		return nil, fmt.Errorf("find a source: %w", err)
	}
	if !e.Enabled {
		return nil, missing
	}
	s := &Source{HTTPEndpoint: e, Workspace: id, limits: f.limitsOf(e.ID)}
	if password != nil { // the zero digest is no password's
		s.password = sha256.Sum256(password)
	}
	if e.Schema != nil {
		if s.schema, err = schema.CompileUntrusted(e.Schema); err != nil {
			return nil, iot.Errorf(iot.Internal, "payload schema of source %s", e.ID).Because(err) // no fault of who posts
		}
	}
	f.sources.ready.Add(key, kept{s, generation})
	return s, nil
}

func (f *Flow) limitsOf(id iot.ID) *limits {
	l := &limits{}
	if had, ok, _ := f.sources.limits.PeekOrAdd(id, l); ok {
		return had
	}
	return l
}

// BasicOK reports whether the credentials are the source's (RFC 7617). The
// time it takes tells nothing of how much was right.
func (s *Source) BasicOK(username, password string) bool {
	u, want := sha256.Sum256([]byte(username)), sha256.Sum256([]byte(s.BasicUsername))
	p := sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(u[:], want[:])&subtle.ConstantTimeCompare(p[:], s.password[:]) == 1
}
