package tools

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"

	"iotman/flow/schema"
	"iotman/iot"
	"iotman/store"
)

func httpEndpointOps(st *store.Store, publicURL string) []Op {
	h := httpEndpoints{st, publicURL}
	return []Op{
		Define(Spec{
			Name: "http_endpoint_list", Route: "GET /http-endpoints", Permission: iot.SourcesRead,
			Doc: "List the HTTP endpoints that devices post to, each with its URL.",
		}, h.list),
		Define(Spec{
			Name: "http_endpoint_get", Route: "GET /http-endpoints/{source_id}", Permission: iot.SourcesRead,
			Doc: "Get one HTTP endpoint.",
		}, h.get),
		Change(Spec{
			Name: "http_endpoint_create", Route: "POST /http-endpoints", Permission: iot.SourcesWrite,
			Doc: "Create an HTTP endpoint. Devices then POST JSON to its url: an object is one event, an array or NDJSON an event each, CloudEvents and gzip are understood. With auth basic the password is answered once, as secret.",
		}, h.create),
		Change(Spec{
			Name: "http_endpoint_update", Route: "PUT /http-endpoints/{source_id}", Permission: iot.SourcesWrite,
			Doc: "Change an HTTP endpoint. Absent fields stay, null clears. A new url_path moves the URL at once.",
		}, h.update),
		Change(Spec{
			Name: "http_endpoint_delete", Route: "DELETE /http-endpoints/{source_id}", Permission: iot.SourcesWrite,
			Doc: "Delete an HTTP endpoint. Devices are refused from then on; the events it brought stay.",
		}, h.delete),
		Define(Spec{
			Name: "reject_list", Route: "GET /rejects", Permission: iot.SourcesRead,
			Doc: "List the payloads that a source refused of late, newest first, with the reason. Use it when a device sends and nothing arrives.",
		}, h.rejects),
	}
}

type httpEndpoints struct {
	st        *store.Store
	publicURL string
}

// Endpoint is an HTTP endpoint as it is answered.
type Endpoint struct {
	iot.HTTPEndpoint
	Secret string `json:"secret,omitempty" jsonschema:"the basic password; shown only now"`
}

// maxMCPSchema is how many bytes of a payload schema an answer over MCP holds.
const maxMCPSchema = 16 << 10

// shown returns an endpoint as the caller is answered it: with its URL, which
// depends on where the server and the workspace are, and over MCP without a
// schema that would fill the answer.
func (h httpEndpoints) shown(c iot.Caller, e iot.HTTPEndpoint) iot.HTTPEndpoint {
	e.URL = h.publicURL + "/data/" + string(c.Slug) + "/" + string(e.URLPath)
	if c.Via == iot.MCP && len(e.Schema) > maxMCPSchema {
		e.Schema = marshal(map[string]string{"$comment": omitted(len(e.Schema))})
	}
	return e
}

// omitted says of a part that it is not in an answer over MCP.
func omitted(n int) string {
	return fmt.Sprintf("%d bytes that would not fit the answer: read them over REST", n)
}

func (h httpEndpoints) list(ctx context.Context, c iot.Caller, in Paging) (Page[iot.HTTPEndpoint], error) {
	ws := h.st.Workspace(c.Workspace)
	return listPage(c, in, cursors{ws, "http_endpoint_list"}, func(after string, n int) ([]iot.HTTPEndpoint, error) {
		es, err := ws.HTTPEndpoints(ctx, iot.ID(after), n)
		for i := range es {
			es[i] = h.shown(c, es[i])
		}
		return es, err
	}, func(e iot.HTTPEndpoint) string { return string(e.ID) })
}

// EndpointID names an HTTP endpoint.
type EndpointID struct {
	SourceID iot.ID `json:"source_id"`
}

func (h httpEndpoints) get(ctx context.Context, c iot.Caller, in EndpointID) (iot.HTTPEndpoint, error) {
	e, err := h.st.Workspace(c.Workspace).HTTPEndpoint(ctx, in.SourceID)
	return h.shown(c, e), err
}

// EndpointCreate is the input of http_endpoint_create.
type EndpointCreate struct {
	Name          iot.Name         `json:"name"`
	URLPath       iot.URLPath      `json:"url_path,omitempty" jsonschema:"last part of the URL; default: derived from the name"`
	Auth          iot.EndpointAuth `json:"auth,omitempty" jsonschema:"how devices prove themselves; default none: whoever knows the URL may post"`
	BasicUsername string           `json:"basic_username,omitempty" jsonschema:"with auth basic"`
	BasicPassword string           `json:"basic_password,omitempty" jsonschema:"with auth basic; default: one is made"`
	OAuth2Client  string           `json:"oauth2_client_id,omitempty" jsonschema:"with auth oauth2: only this client's tokens"`
	OAuth2Scope   string           `json:"oauth2_scope,omitempty" jsonschema:"with auth oauth2: only tokens with this scope"`
	Schema        json.RawMessage  `json:"payload_schema,omitempty" jsonschema:"a JSON Schema that every payload must fit"`
	RateLimit     int              `json:"rate_limit,omitempty" jsonschema:"events a second; default: no limit"`
	Headers       []string         `json:"capture_headers,omitempty" jsonschema:"request headers to keep in meta.ingest_context"`
	Enabled       *bool            `json:"enabled,omitempty" jsonschema:"default true"`
}

func (h httpEndpoints) create(ctx context.Context, tx *store.Tx, c iot.Caller, in EndpointCreate) (Endpoint, error) {
	e := iot.HTTPEndpoint{Name: in.Name, URLPath: in.URLPath, Enabled: in.Enabled == nil || *in.Enabled}
	e.EndpointSettings = iot.EndpointSettings{
		Auth: in.Auth, BasicUsername: in.BasicUsername, OAuth2Client: in.OAuth2Client, OAuth2Scope: in.OAuth2Scope,
		Schema: in.Schema, RateLimit: in.RateLimit, Headers: in.Headers,
	}
	if e.Auth == "" {
		e.Auth = iot.AuthNone
	}
	if err := checkSchema(&e.EndpointSettings); err != nil {
		return Endpoint{}, err
	}
	e, err := tx.CreateHTTPEndpoint(ctx, e)
	if err != nil {
		return Endpoint{}, err
	}
	secret, err := setPassword(ctx, tx, e, in.BasicPassword)
	return Endpoint{h.shown(c, e), secret}, err
}

// checkSchema compiles the payload schema, to refuse now what could not be
// checked later. A null schema is none.
func checkSchema(s *iot.EndpointSettings) error {
	if string(s.Schema) == "null" {
		s.Schema = nil
	}
	if s.Schema == nil {
		return nil
	}
	_, err := schema.CompileUntrusted(s.Schema)
	return err
}

// setPassword gives an endpoint with auth basic its password, and returns the
// one it made where none was given.
func setPassword(ctx context.Context, tx *store.Tx, e iot.HTTPEndpoint, password string) (secret string, err error) {
	if e.Auth != iot.AuthBasic {
		if password != "" {
			return "", iot.Errorf(iot.Invalid, "basic_password goes with auth basic; auth is %s", e.Auth).At("basic_password")
		}
		return "", nil
	}
	if len(password) > iot.MaxBasicSecret {
		return "", iot.Errorf(iot.Invalid, "a basic_password has at most %d bytes; got %d", iot.MaxBasicSecret, len(password)).At("basic_password")
	}
	if err := iot.CheckText("basic_password", password); err != nil {
		return "", err
	}
	if password == "" {
		secret = rand.Text()
		password = secret
	}
	return secret, tx.SetBasicPassword(ctx, e.ID, []byte(password))
}

// EndpointUpdate is the input of http_endpoint_update.
type EndpointUpdate struct {
	SourceID      iot.ID                    `json:"source_id"`
	Name          iot.Opt[iot.Name]         `json:"name,omitzero"`
	URLPath       iot.Opt[iot.URLPath]      `json:"url_path,omitzero"`
	Auth          iot.Opt[iot.EndpointAuth] `json:"auth,omitzero"`
	BasicUsername iot.Opt[string]           `json:"basic_username,omitzero"`
	BasicPassword iot.Opt[string]           `json:"basic_password,omitzero" jsonschema:"null makes a new one, answered once as secret"`
	OAuth2Client  iot.Opt[string]           `json:"oauth2_client_id,omitzero"`
	OAuth2Scope   iot.Opt[string]           `json:"oauth2_scope,omitzero"`
	Schema        iot.Opt[json.RawMessage]  `json:"payload_schema,omitzero"`
	RateLimit     iot.Opt[int]              `json:"rate_limit,omitzero"`
	Headers       iot.Opt[[]string]         `json:"capture_headers,omitzero"`
	Enabled       iot.Opt[bool]             `json:"enabled,omitzero"`
	Version       int64                     `json:"version,omitempty" jsonschema:"refuse unless this is the current version"`
}

func (h httpEndpoints) update(ctx context.Context, tx *store.Tx, c iot.Caller, in EndpointUpdate) (Endpoint, error) {
	e, err := tx.HTTPEndpoint(ctx, in.SourceID)
	if err != nil {
		return Endpoint{}, err
	}
	if err := store.CheckVersion(in.Version, e.Version, h.shown(c, e)); err != nil {
		return Endpoint{}, err
	}
	was := e.Auth
	in.apply(&e)
	if err := checkSchema(&e.EndpointSettings); err != nil {
		return Endpoint{}, err
	}
	if e, err = tx.UpdateHTTPEndpoint(ctx, e); err != nil {
		return Endpoint{}, err
	}
	var secret string
	if in.BasicPassword.Set || e.Auth == iot.AuthBasic && was != iot.AuthBasic {
		secret, err = setPassword(ctx, tx, e, in.BasicPassword.Value)
	}
	if err == nil && was == iot.AuthBasic && e.Auth != iot.AuthBasic {
		err = tx.SetBasicPassword(ctx, e.ID, nil)
	}
	return Endpoint{h.shown(c, e), secret}, err
}

// apply changes e as the update says. Settings that belong to another way to
// authenticate go with it.
func (in EndpointUpdate) apply(e *iot.HTTPEndpoint) {
	in.Name.Apply(&e.Name)
	in.URLPath.Apply(&e.URLPath)
	in.Enabled.Apply(&e.Enabled)
	e.Enabled = e.Enabled || in.Enabled.Null // as an endpoint begins
	if in.Auth.Set && in.Auth.Value != e.Auth {
		e.Auth = in.Auth.Value
		e.BasicUsername, e.OAuth2Client, e.OAuth2Scope = "", "", ""
	}
	if in.Auth.Null {
		e.Auth = iot.AuthNone
	}
	in.BasicUsername.Apply(&e.BasicUsername)
	in.OAuth2Client.Apply(&e.OAuth2Client)
	in.OAuth2Scope.Apply(&e.OAuth2Scope)
	in.Schema.Apply(&e.Schema)
	in.RateLimit.Apply(&e.RateLimit)
	in.Headers.Apply(&e.Headers)
}

// EndpointDelete is the input of http_endpoint_delete.
type EndpointDelete struct {
	SourceID iot.ID `json:"source_id"`
	Version  int64  `json:"version,omitempty" jsonschema:"refuse unless this is the current version"`
}

func (h httpEndpoints) delete(ctx context.Context, tx *store.Tx, c iot.Caller, in EndpointDelete) (Deleted, error) {
	e, err := tx.HTTPEndpoint(ctx, in.SourceID)
	if err != nil {
		return Deleted{}, err
	}
	if err := store.CheckVersion(in.Version, e.Version, h.shown(c, e)); err != nil {
		return Deleted{}, err
	}
	return deleted, tx.DeleteHTTPEndpoint(ctx, in.SourceID)
}

// RejectList is the input of reject_list.
type RejectList struct {
	SourceID iot.ID `json:"source_id"`
	Paging
}

func (h httpEndpoints) rejects(ctx context.Context, c iot.Caller, in RejectList) (Page[iot.Reject], error) {
	ws := h.st.Workspace(c.Workspace)
	if _, err := ws.HTTPEndpoint(ctx, in.SourceID); err != nil {
		return Page[iot.Reject]{}, err
	}
	return listPage(c, in.Paging, cursors{ws, "reject_list:" + string(in.SourceID)}, func(after string, n int) ([]iot.Reject, error) {
		all, err := ws.Rejects(ctx, in.SourceID)
		i := slices.IndexFunc(all, func(r iot.Reject) bool { return string(r.EventID) == after })
		if after != "" && i < 0 {
			return nil, err // it made way for newer ones, and so did all before it
		}
		all = all[i+1:]
		return all[:min(n, len(all))], err
	}, func(r iot.Reject) string { return string(r.EventID) })
}
