package mcp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// listTTL is how long a client may keep a list of tools before asking again.
const listTTL = time.Minute

// listCache keeps marshalled answers to tools/list. Such an answer depends on
// the caller's rights, the selection and the message, on nothing of a tenant,
// and marshalling it is nearly all the work there is. It stands behind
// authentication: who asks was settled before.
type listCache struct {
	results *lru.Cache[[sha256.Size]byte, kept]
}

// kept is an answer without the id that it answers to.
type kept struct {
	header http.Header
	result json.RawMessage
}

const maxLists = 512

func newListCache() (*listCache, error) {
	c, err := lru.New[[sha256.Size]byte, kept](maxLists)
	return &listCache{c}, err
}

// seen are the headers that the library's answer can depend on.
var seen = []string{
	"Accept", "Content-Type", "Last-Event-Id", "Mcp-Method", "Mcp-Name", "Mcp-Protocol-Version", "Mcp-Session-Id",
}

// key names everything that an answer depends on but for the message's id.
func key(r *http.Request, req request, env envelope) [sha256.Size]byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d %t %s\n%s\n", req.caller.Rights(), req.selection.lean, req.selection.toolsets, env.JSONRPC)
	for _, name := range seen {
		fmt.Fprintf(&b, "%q\n", r.Header[name])
	}
	b.Write(env.Params)
	return sha256.Sum256(b.Bytes())
}

// serve answers tools/list from the cache, or through next.
func (c *listCache) serve(w http.ResponseWriter, r *http.Request, req request, env envelope, next http.Handler) error {
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, req))
	// A notification, or what is also a response, is the library's to refuse.
	if len(env.ID) == 0 || env.ID[0] == 'n' || env.Result != nil || env.Error != nil {
		next.ServeHTTP(w, r)
		return nil
	}
	k := key(r, req, env)
	if had, ok := c.results.Get(k); ok {
		had.write(w, env.ID)
		return nil
	}
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(rec, r)
	var answer envelope
	if rec.status == http.StatusOK && json.Unmarshal(rec.body.Bytes(), &answer) == nil && answer.Result != nil && answer.Error == nil {
		had := kept{header: rec.header, result: answer.Result}
		had.header.Del("Content-Length")
		c.results.Add(k, had)
		had.write(w, env.ID)
		return nil
	}
	maps.Copy(w.Header(), rec.header)
	w.WriteHeader(rec.status)
	_, _ = w.Write(rec.body.Bytes()) // a client that hung up is no fault of ours
	return nil
}

func (k kept) write(w http.ResponseWriter, id json.RawMessage) {
	maps.Copy(w.Header(), k.header)
	// One write: each would be a system call, and copying is cheaper.
	b := make([]byte, 0, 64+len(id)+len(k.result))
	b = append(append(b, `{"jsonrpc":"2.0","id":`...), id...)
	b = append(append(b, `,"result":`...), k.result...)
	b = append(b, "}\n"...)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(b) // a client that hung up is no fault of ours
}

// recorder holds an answer back.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
