package tools

import (
	"context"

	"iotman/iot"
	"iotman/store"
)

func apiKeyOps(st *store.Store) []Op {
	h := apiKeys{st}
	return []Op{
		Define(Spec{
			Name: "api_key_list", Route: "GET /api-keys", Permission: iot.AccessRead,
			Doc: "List the API keys of this workspace. Each shows its first characters, what it may do and when it was last used, never the key.",
		}, h.list),
		Change(Spec{
			Name: "api_key_create", Route: "POST /api-keys", Permission: iot.AccessWrite,
			Doc: "Create an API key for a script. It is answered once, as secret, and sent as a bearer token to /api and /mcp. It belongs to the workspace, and may do what permissions names: only what you hold yourself.",
		}, h.create),
		Change(Spec{
			Name: "api_key_delete", Route: "DELETE /api-keys/{key_id}", Permission: iot.AccessWrite,
			Doc: "Delete an API key. It stops working at once.",
		}, h.delete),
	}
}

type apiKeys struct{ st *store.Store }

func (h apiKeys) list(ctx context.Context, c iot.Caller, in Paging) (Page[iot.APIKey], error) {
	ws := h.st.Workspace(c.Workspace)
	return listPage(c, in, cursors{ws, "api_key_list"}, func(after string, n int) ([]iot.APIKey, error) {
		return ws.APIKeys(ctx, iot.ID(after), n)
	}, func(k iot.APIKey) string { return string(k.ID) })
}

// APIKeyCreate is the input of api_key_create.
type APIKeyCreate struct {
	Name        iot.Name         `json:"name"`
	Permissions []iot.Permission `json:"permissions" jsonschema:"what it may do, e.g. data:read"`
	ExpiresAt   iot.Time         `json:"expires_at,omitzero" jsonschema:"default: never"`
}

// APIKeySecret is an API key with the key itself.
type APIKeySecret struct {
	iot.APIKey
	Secret string `json:"secret" jsonschema:"the key; shown only now"`
}

// prefixShown is how many random characters of a key are kept to tell keys
// apart by.
const prefixShown = 6

func (h apiKeys) create(ctx context.Context, tx *store.Tx, c iot.Caller, in APIKeyCreate) (APIKeySecret, error) {
	ps, err := permissionsOf(in.Permissions)
	if err == nil && ps == 0 {
		err = iot.Errorf(iot.Invalid, "a key may do something: name its permissions").At("permissions")
	}
	if err == nil {
		_, err = clientScope(c, scopesOf(in.Permissions), "")
	}
	if err != nil {
		return APIKeySecret{}, err
	}
	if !in.ExpiresAt.IsZero() && !in.ExpiresAt.After(tx.Now().Time) {
		return APIKeySecret{}, iot.Errorf(iot.Invalid, "expires_at has passed already").At("expires_at")
	}
	secret, err := store.NewSecret(store.APIKeySecret, c.Workspace)
	if err != nil {
		return APIKeySecret{}, err
	}
	k := iot.APIKey{Name: in.Name, Prefix: secret[:len(store.APIKeySecret)+prefixShown], Scope: ps.String(), ExpiresAt: in.ExpiresAt}
	k, err = tx.CreateAPIKey(ctx, k, store.DigestOf(secret))
	return APIKeySecret{k, secret}, err
}

func scopesOf(ps []iot.Permission) []string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = string(p)
	}
	return out
}

// APIKeyDelete is the input of api_key_delete.
type APIKeyDelete struct {
	KeyID iot.ID `json:"key_id"`
}

func (h apiKeys) delete(ctx context.Context, tx *store.Tx, _ iot.Caller, in APIKeyDelete) (Deleted, error) {
	return deleted, tx.DeleteAPIKey(ctx, in.KeyID)
}
