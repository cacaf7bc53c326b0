package oauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json" // refuses duplicate members, and tells exp from EXP
	lru "github.com/hashicorp/golang-lru/v2"

	"iotman/iot"
	"iotman/store"
)

// tokenType is the media type of an access token (RFC 9068 section 2.1).
const tokenType = "at+jwt"

// MaxTokenLife is the longest an access token may live.
const MaxTokenLife = 24 * time.Hour

// maxToken bounds what is parsed as a token, in bytes.
const maxToken = 8 << 10

// maxSkew is how far ahead the clock that dated a token may be, in seconds.
const maxSkew = 60

// claims are what an access token says.
type claims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	ClientID  string `json:"client_id"`
	Audience  string `json:"aud"`
	Scope     string `json:"scope"`
	Workspace iot.ID `json:"wid"`
	Expires   int64  `json:"exp"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf,omitempty"` // never written, but heeded (RFC 7519 section 4.1.5)
	ID        iot.ID `json:"jti"`
}

// Issuer issues and verifies the access tokens of one server. Its methods may
// be called by many goroutines at once.
type Issuer struct {
	st        *store.Store
	url       string
	keys      atomic.Pointer[keys]
	reloading sync.Mutex
	known     *lru.Cache[[32]byte, known]
}

// known is a token whose signature was checked, and what it stood for at a
// generation of the store.
type known struct {
	claims     claims
	session    store.Session
	generation uint64
}

// maxKnown is how many verified tokens are remembered.
const maxKnown = 16 << 10

// New returns the Issuer of the server at publicURL, which is the tokens'
// issuer too. The first call in a data folder makes the signing key.
func New(ctx context.Context, st *store.Store, publicURL string) (*Issuer, error) {
	ks, err := loadKeys(ctx, st)
	if err != nil {
		return nil, err
	}
	cache, err := lru.New[[32]byte, known](maxKnown)
	if err != nil {
		return nil, err
	}
	i := &Issuer{st: st, url: publicURL, known: cache}
	i.keys.Store(ks)
	return i, nil
}

// JWKS returns the keys that verify the tokens, as a JSON Web Key Set
// (RFC 7517 section 5).
func (i *Issuer) JWKS() []byte { return i.keys.Load().jwks }

// MCPURL returns the URL of a workspace's MCP endpoint, which is the audience
// of its management tokens.
func (i *Issuer) MCPURL(slug iot.Slug) string { return i.url + "/mcp/" + string(slug) }

// Request is what a token is asked for.
type Request struct {
	Workspace iot.ID
	Account   iot.ID // empty for a machine
	Client    string
	Audience  string // MCPURL for management, the workspace's slug for data
	Scope     string // names separated by spaces
	Life      time.Duration
}

// Issue records a grant and returns an access token for it.
func (i *Issuer) Issue(ctx context.Context, r Request) (string, error) {
	if r.Life < time.Second || r.Life > MaxTokenLife {
		return "", iot.Errorf(iot.Invalid, "a token lives 1s to %s; got %s", MaxTokenLife, r.Life).At("ttl")
	}
	token, id, err := i.sign(r)
	if err != nil {
		return "", err
	}
	g := store.Grant{ID: store.NewID(), Account: r.Account, Client: r.Client, Audience: r.Audience, Scope: r.Scope}
	return token, i.st.Workspace(r.Workspace).IssueToken(ctx, g, id, time.Unix(i.st.Now().Add(r.Life).Unix(), 0))
}

// sign returns a token, which is worth nothing until its id is a row.
func (i *Issuer) sign(r Request) (token string, id iot.ID, err error) {
	now := i.st.Now()
	c := claims{
		Issuer: i.url, Subject: string(r.Account), ClientID: r.Client, Audience: r.Audience, Scope: r.Scope,
		Workspace: r.Workspace, IssuedAt: now.Unix(), Expires: now.Add(r.Life).Unix(), ID: store.NewID(),
	}
	if c.Subject == "" {
		c.Subject = "client:" + r.Client // never equal to an account's id
	}
	text, err := json.Marshal(c)
	if err != nil {
		return "", "", err
	}
	signed, err := i.keys.Load().signer.Sign(text)
	if err != nil {
		return "", "", fmt.Errorf("sign a token: %w", err)
	}
	token, err = signed.CompactSerialize()
	if err != nil {
		return "", "", fmt.Errorf("sign a token: %w", err)
	}
	return token, c.ID, nil
}

// Access is what a verified token gives access to, now.
type Access struct {
	Workspace iot.ID
	Token     iot.ID // its jti
	Audience  string
	Scope     string // what the token carries
	IssuedAt  int64  // seconds since the epoch
	Expires   int64
	store.Session
}

func refused(cause error) error {
	return iot.Errorf(iot.Unauthenticated, "the access token is not valid").Hinting("sign in again").Because(cause)
}

// Verify checks a token's signature and claims and looks up what it stands
// for. Whatever is wrong with it is the same Unauthenticated.
func (i *Issuer) Verify(ctx context.Context, token string) (Access, error) {
	if len(token) > maxToken {
		return Access{}, refused(errors.New("too long"))
	}
	if strings.HasPrefix(token, store.APIKeySecret) {
		return i.verifyKey(ctx, token)
	}
	key := sha256.Sum256([]byte(token))
	generation := i.st.Generation()
	k, ok := i.known.Get(key)
	if !ok {
		c, err := i.parse(ctx, token)
		if err != nil {
			return Access{}, refused(err)
		}
		k.claims = c
	}
	now := i.st.Now().Unix()
	if c := k.claims; now < max(c.IssuedAt, c.NotBefore)-maxSkew {
		i.known.Remove(key)
		return Access{}, refused(errors.New("from the future"))
	} else if now >= c.Expires {
		i.known.Remove(key)
		return Access{}, iot.Errorf(iot.Unauthenticated, "the access token has expired").Hinting("refresh it, or sign in again")
	}
	if !ok || k.generation != generation {
		session, err := i.st.Workspace(k.claims.Workspace).Session(ctx, k.claims.ID)
		if err != nil {
			i.known.Remove(key)
			return Access{}, err
		}
		k.session, k.generation = session, generation
		i.known.Add(key, k)
	}
	c := k.claims
	return Access{c.Workspace, c.ID, c.Audience, c.Scope, c.IssuedAt, c.Expires, k.session}, nil
}

// parse checks everything about a token that does not change.
func (i *Issuer) parse(ctx context.Context, token string) (claims, error) {
	var c claims
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return c, err
	}
	if len(signed.Signatures) != 1 {
		return c, errors.New("not one signature")
	}
	header := signed.Signatures[0].Protected
	public := i.key(ctx, header.KeyID)
	if public == nil || header.JSONWebKey != nil {
		return c, errors.New("unknown key")
	}
	// A member more, such as jku, x5u or crit, asks for what is not done here.
	typ, ok := header.ExtraHeaders[jose.HeaderType].(string)
	if !ok || !strings.EqualFold(typ, tokenType) || len(header.ExtraHeaders) > 1 {
		return c, errors.New("not an access token")
	}
	// A token has one text: base64 leaves room for many, each of which would
	// take a place among the known.
	if text, err := signed.CompactSerialize(); err != nil || text != token {
		return c, errors.New("not as it was issued")
	}
	text, err := signed.Verify(public)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, err
	}
	if c.Issuer != i.url || c.Workspace == "" || c.ID == "" {
		return c, fmt.Errorf("issued by %.80q, not %q", c.Issuer, i.url)
	}
	return c, nil
}

// Manages returns the caller that a management token is, if it is one of the
// workspace it was issued for. A person who is no longer a member is refused.
func (i *Issuer) Manages(a Access, via iot.Transport) (iot.Caller, error) {
	if a.Audience != i.MCPURL(a.Slug) {
		return iot.Caller{}, refused(fmt.Errorf("audience %.80q", a.Audience))
	}
	// Scopes other than permissions are of no meaning here.
	token, granted := permissionsIn(a.Scope), permissionsIn(a.Grant.Scope)
	c := iot.Caller{
		Account: a.Account, Email: a.Email, Client: a.Client, Grant: a.ID, Workspace: a.Workspace, Slug: a.Slug,
		Role: a.Role, Held: a.Role.Rights(), Token: token.Intersect(granted), Via: via,
	}
	if a.Account == "" { // a machine: it has no account of its own
		c.Held = granted.Without(iot.PermissionsOf(iot.AccountRead, iot.AccountWrite))
	} else if a.Role == "" {
		return iot.Caller{}, refused(errors.New("no longer a member"))
	}
	return c, nil
}

func permissionsIn(scope string) iot.Permissions {
	var ps iot.Permissions
	for s := range strings.FieldsSeq(scope) {
		ps = ps.Union(iot.PermissionsOf(iot.Permission(s)))
	}
	return ps
}

// Posts reports whether the token may post to an endpoint that asks for
// OAuth 2.0: a data token of the workspace, of the client and with the scope
// that the endpoint names; or a management token that may write sources.
func (i *Issuer) Posts(a Access, e iot.HTTPEndpoint) error {
	if a.Audience == string(a.Slug) {
		if e.OAuth2Client != "" && e.OAuth2Client != a.Client {
			return iot.Errorf(iot.Forbidden, "this endpoint takes another client's tokens")
		}
		if e.OAuth2Scope != "" && !slices.Contains(strings.Fields(a.Scope), e.OAuth2Scope) {
			return iot.Errorf(iot.Insufficient, "the token lacks the scope %q", e.OAuth2Scope)
		}
		return nil
	}
	c, err := i.Manages(a, iot.REST)
	if err != nil {
		return err
	}
	return c.Can(iot.SourcesWrite)
}
