package tools

import (
	"context"
	"strings"

	"iotman/iot"
	"iotman/store"
)

func clientOps(st *store.Store) []Op {
	h := clients{st}
	return []Op{
		Define(Spec{
			Name: "client_list", Route: "GET /clients", Permission: iot.AccessRead,
			Doc: "List the OAuth 2.0 clients of this workspace. Apps that registered themselves are not here; what they were granted is in session_list.",
		}, h.list),
		Define(Spec{
			Name: "client_get", Route: "GET /clients/{client_id}", Permission: iot.AccessRead,
			Doc: "Get one OAuth 2.0 client.",
		}, h.get),
		Change(Spec{
			Name: "client_create", Route: "POST /clients", Permission: iot.AccessWrite,
			Doc: "Create an OAuth 2.0 client. A confidential one gets tokens at /oauth/token with client_credentials and its secret, which is answered once; they carry what scope names: permissions that you hold yourself, and scopes that guard data. " +
				"Without resource its tokens are for /data, with resource = this workspace's MCP URL for /mcp and /api. A public one signs people in with code and PKCE.",
		}, h.create),
		Change(Spec{
			Name: "client_update", Route: "PUT /clients/{client_id}", Permission: iot.AccessWrite,
			Doc: "Change an OAuth 2.0 client. Absent fields stay. What scope no longer names, its tokens no longer carry, at once.",
		}, h.update),
		Change(Spec{
			Name: "client_rotate_secret", Route: "POST /clients/{client_id}/rotate-secret", Permission: iot.AccessWrite, Destroys: true,
			Doc: "Give a client another secret. The new one is answered once; the old one and every token that it brought stop working at once.",
		}, h.rotate),
		Change(Spec{
			Name: "client_delete", Route: "DELETE /clients/{client_id}", Permission: iot.AccessWrite,
			Doc: "Delete an OAuth 2.0 client. Its tokens and sessions end at once.",
		}, h.delete),
	}
}

type clients struct{ st *store.Store }

// ClientSecret is a client with the secret that was made for it.
type ClientSecret struct {
	iot.Client
	Secret string `json:"secret,omitempty" jsonschema:"shown only now"`
}

func (h clients) list(ctx context.Context, c iot.Caller, in Paging) (Page[iot.Client], error) {
	ws := h.st.Workspace(c.Workspace)
	return listPage(c, in, cursors{ws, "client_list"}, func(after string, n int) ([]iot.Client, error) {
		return ws.Clients(ctx, after, n)
	}, func(v iot.Client) string { return v.ID })
}

// ClientID names a client.
type ClientID struct {
	ClientID iot.ID `json:"client_id"`
}

func (h clients) get(ctx context.Context, c iot.Caller, in ClientID) (iot.Client, error) {
	return h.st.Workspace(c.Workspace).Client(ctx, string(in.ClientID))
}

// ClientCreate is the input of client_create.
type ClientCreate struct {
	Name         iot.Name `json:"name"`
	Public       bool     `json:"public,omitempty" jsonschema:"has no secret: an app on a person's device, a page"`
	GrantTypes   []string `json:"grant_types,omitempty" jsonschema:"default: client_credentials, or for a public client authorization_code and refresh_token"`
	RedirectURIs []string `json:"redirect_uris,omitempty" jsonschema:"for authorization_code"`
	URI          string   `json:"client_uri,omitempty" jsonschema:"its home page"`
	Scope        []string `json:"scope,omitempty" jsonschema:"what it holds, e.g. data:read"`
}

func (h clients) create(ctx context.Context, tx *store.Tx, c iot.Caller, in ClientCreate) (ClientSecret, error) {
	v := iot.Client{Name: in.Name, Public: in.Public}
	v.GrantTypes, v.RedirectURIs, v.URI, v.AuthMethod = in.GrantTypes, in.RedirectURIs, in.URI, iot.AuthMethodBasic
	if in.Public {
		v.AuthMethod = iot.AuthMethodNone
	}
	if len(v.GrantTypes) == 0 {
		v.GrantTypes = []string{iot.GrantCredentials}
		if in.Public {
			v.GrantTypes = []string{iot.GrantCode, iot.GrantRefresh}
		}
	}
	var err error
	if v.Scope, err = clientScope(c, in.Scope, ""); err != nil {
		return ClientSecret{}, err
	}
	var secret string
	var hash store.Digest
	if !in.Public {
		secret = store.NewClientSecret()
		hash = store.DigestOf(secret)
	}
	v, err = tx.CreateClient(ctx, v, hash)
	return ClientSecret{v, secret}, err
}

// clientScope returns the scope that a client is to have. What it did not have
// before, the caller has to hold; and what concerns a person's account no
// machine holds.
func clientScope(c iot.Caller, names []string, before string) (string, error) {
	had, _ := splitScope(before)
	scope := strings.Join(names, " ")
	permissions, others := splitScope(scope)
	for _, name := range others {
		if err := iot.CheckScope(name); err != nil {
			return "", err
		}
	}
	if len(names) > iot.MaxScopes {
		return "", iot.Errorf(iot.Invalid, "a client has at most %d scopes; got %d", iot.MaxScopes, len(names)).At("scope")
	}
	if personal := permissions.Intersect(iot.PermissionsOf(iot.AccountRead, iot.AccountWrite)); personal != 0 {
		return "", iot.Errorf(iot.Invalid, "a client has no account of its own, and cannot hold %s", personal).At("scope")
	}
	if err := holds(c, permissions.Without(had)); err != nil {
		return "", err
	}
	return strings.TrimSpace(permissions.String() + " " + strings.Join(others, " ")), nil
}

// ClientUpdate is the input of client_update.
type ClientUpdate struct {
	ClientID     iot.ID            `json:"client_id"`
	Name         iot.Opt[iot.Name] `json:"name,omitzero"`
	GrantTypes   iot.Opt[[]string] `json:"grant_types,omitzero"`
	RedirectURIs iot.Opt[[]string] `json:"redirect_uris,omitzero"`
	URI          iot.Opt[string]   `json:"client_uri,omitzero"`
	Scope        iot.Opt[[]string] `json:"scope,omitzero"`
	Version      int64             `json:"version,omitempty" jsonschema:"refuse unless this is the current version"`
}

func (h clients) update(ctx context.Context, tx *store.Tx, c iot.Caller, in ClientUpdate) (iot.Client, error) {
	v, err := tx.Client(ctx, string(in.ClientID))
	if err != nil {
		return v, err
	}
	if err := store.CheckVersion(in.Version, v.Version, v); err != nil {
		return v, err
	}
	in.Name.Apply(&v.Name)
	in.GrantTypes.Apply(&v.GrantTypes)
	in.RedirectURIs.Apply(&v.RedirectURIs)
	in.URI.Apply(&v.URI)
	if in.Scope.Set || in.Scope.Null {
		if v.Scope, err = clientScope(c, in.Scope.Value, v.Scope); err != nil {
			return v, err
		}
	}
	return tx.UpdateClient(ctx, v)
}

func (h clients) rotate(ctx context.Context, tx *store.Tx, c iot.Caller, in ClientID) (ClientSecret, error) {
	v, err := tx.Client(ctx, string(in.ClientID))
	if err != nil {
		return ClientSecret{}, err
	}
	if v.Public {
		return ClientSecret{}, iot.Errorf(iot.Conflict, "this client is public and has no secret").At("client_id")
	}
	permissions, _ := splitScope(v.Scope)
	if err := holds(c, permissions); err != nil { // whoever has the secret has all that the client holds
		return ClientSecret{}, err
	}
	secret := store.NewClientSecret()
	v, err = tx.SetClientSecret(ctx, v.ID, store.DigestOf(secret))
	return ClientSecret{v, secret}, err
}

// ClientDelete is the input of client_delete.
type ClientDelete struct {
	ClientID iot.ID `json:"client_id"`
	Version  int64  `json:"version,omitempty" jsonschema:"refuse unless this is the current version"`
}

func (h clients) delete(ctx context.Context, tx *store.Tx, _ iot.Caller, in ClientDelete) (Deleted, error) {
	v, err := tx.Client(ctx, string(in.ClientID))
	if err != nil {
		return Deleted{}, err
	}
	if err := store.CheckVersion(in.Version, v.Version, v); err != nil {
		return Deleted{}, err
	}
	return deleted, tx.DeleteClient(ctx, v.ID)
}
