package mcp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
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
	tail   []byte // what follows the id: the result, and the message's end
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
	b := make([]byte, 0, 512)
	field := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	b = binary.AppendUvarint(b, uint64(req.caller.Rights()))
	b = strconv.AppendBool(b, req.selection.lean)
	field(req.selection.toolsets)
	field(env.JSONRPC)
	for _, name := range seen {
		values := r.Header[name]
		b = binary.AppendUvarint(b, uint64(len(values)))
		for _, v := range values {
			field(v)
		}
	}
	return sha256.Sum256(append(b, env.Params...))
}

// serve answers tools/list from the cache, or through next.
func (c *listCache) serve(w http.ResponseWriter, r *http.Request, req request, env envelope, next http.Handler) error {
	next = withRequest(next, req)
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
		had := kept{header: rec.header, tail: slices.Concat([]byte(`,"result":`), answer.Result, []byte("}\n"))}
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
	head := append(append(make([]byte, 0, 64), `{"jsonrpc":"2.0","id":`...), id...)
	w.Header().Set("Content-Length", strconv.Itoa(len(head)+len(k.tail)))
	w.WriteHeader(http.StatusOK)
	// The head fits net/http's buffer, so that both take no more system calls
	// than one would; a client that hung up is no fault of ours.
	_, _ = w.Write(head)
	_, _ = w.Write(k.tail)
}

// withRequest returns next told of req. Few answers get so far.
func withRequest(next http.Handler, req request) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, req)))
	})
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
