package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"iotman/iot"
	"iotman/store"
	"iotman/tools"
)

// A whole operation, as it would stand in a file of its own.
type (
	thingGet struct {
		ThingID iot.ID `json:"thing_id"`
		Loud    bool   `json:"loud,omitempty" jsonschema:"in capitals"`
	}
	thing struct {
		ID   iot.ID `json:"id"`
		Text string `json:"text" untrusted:"true"`
	}
	thingCreate struct {
		Name iot.Name `json:"name"`
	}
)

func thingOps() []tools.Op {
	return []tools.Op{
		tools.Define(tools.Spec{
			Name: "thing_get", Route: "GET /things/{thing_id}", Permission: iot.SourcesRead, Doc: "Get a thing. It is of this test.",
		}, func(_ context.Context, c iot.Caller, in thingGet) (thing, error) {
			text := "a thing of " + string(c.Slug)
			if in.Loud {
				text = strings.ToUpper(text)
			}
			return thing{in.ThingID, text}, nil
		}),
		tools.Change(tools.Spec{
			Name: "thing_create", Route: "POST /things", Permission: iot.SourcesWrite, Doc: "Create a thing.",
		}, func(ctx context.Context, tx *store.Tx, _ iot.Caller, in thingCreate) (thing, error) {
			e, err := tx.CreateHTTPEndpoint(ctx, iot.HTTPEndpoint{Name: in.Name, EndpointSettings: iot.EndpointSettings{Auth: iot.AuthNone}})
			if err == nil && in.Name == "Undone" {
				err = iot.Errorf(iot.Conflict, "undone on purpose")
			}
			return thing{e.ID, string(e.Name)}, err
		}),
	}
}

// TestOneFile: an operation that one file declares is a REST route, an MCP tool
// and an entry of the OpenAPI document, guarded, validated and audited like all.
func TestOneFile(t *testing.T) {
	s := newSite(t, setup{ops: thingOps()})
	p := s.plant("north")
	token := p.owner()
	id := string(store.NewID())

	var got thing
	if p.get(token, p.rest("/things/%s?loud=true", id)).want(http.StatusOK).into(&got); got.ID != iot.ID(id) || got.Text != "A THING OF NORTH" {
		t.Errorf("REST: got %+v", got)
	}
	p.get(token, p.rest("/things/%s?loud=yes", id)).problem(http.StatusBadRequest, "invalid")
	p.get(token, p.rest("/things/7")).problem(http.StatusBadRequest, "invalid")
	p.get("", p.rest("/things/%s", id)).problem(http.StatusUnauthorized, "unauthenticated")
	version := p.version()
	p.post(token, p.rest("/things"), map[string]any{"name": "Made"}).want(http.StatusCreated).into(&got)
	p.post(token, p.rest("/things"), map[string]any{"name": "Undone"}).problem(http.StatusConflict, "conflict")
	p.post(p.token(iot.Viewer, everything), p.rest("/things"), map[string]any{"name": "No"}).problem(http.StatusForbidden, "forbidden")
	if v := p.version(); v != version+1 {
		t.Errorf("got version %d, want %d: one change was made, one undone", v, version+1)
	}
	var audit []iot.AuditEntry
	p.get(token, p.rest("/audit")).want(http.StatusOK).into(&audit)
	if e := audit[0]; e.Operation != "thing_create" || e.Version != version+1 || e.ClientID != "agent" || e.Email != p.members[iot.Owner].Email || len(e.Changes) != 1 || e.Changes[0].ID != got.ID {
		t.Errorf("got audit entry %+v", e)
	}

	all := p.list(token, "")
	i := slices.IndexFunc(all, func(l tool) bool { return l.Name == "thing_get" })
	if i < 0 || all[i].Title != "Get a thing" || all[i].Annotations["readOnlyHint"] != true || !strings.Contains(string(all[i].InputSchema), `"thing_id"`) || !strings.Contains(string(all[i].OutputSchema), `"text"`) {
		t.Fatalf("tools/list: got %v", names(all))
	}
	out := p.call(token, "thing_get", map[string]any{"thing_id": id}).ok(&got)
	out.fenced("text")
	p.call(token, "iotman_call", map[string]any{"method": "GET", "path": p.rest("/things/%s", id)}).ok(&got)
	p.call(token, "thing_create", map[string]any{"name": "By tool"}).ok(&got)
	if lean := names(p.list(token, "?mode=lean")); !slices.Contains(lean, "thing_get") || slices.Contains(lean, "thing_create") {
		t.Errorf("lean: got %v", lean)
	}

	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Summary     string
			Tags        []string
			Parameters  []struct{ Name, In string }
			RequestBody json.RawMessage
			Responses   map[string]json.RawMessage
			Security    []map[string][]string
		}
	}
	s.get("", "/openapi.json").want(http.StatusOK).into(&doc)
	get := doc.Paths["/api/v1/workspaces/{workspace}/things/{thing_id}"]["get"]
	if get.OperationID != "thing_get" || get.Summary != "Get a thing" || len(get.Parameters) != 3 || get.Responses["200"] == nil || get.Security[0]["bearer"][0] != "sources:read" {
		t.Errorf("OpenAPI: got %+v", get)
	}
	post := doc.Paths["/api/v1/workspaces/{workspace}/things"]["post"]
	if post.OperationID != "thing_create" || post.RequestBody == nil || post.Responses["201"] == nil || post.Tags[0] != "sources" {
		t.Errorf("OpenAPI: got %+v", post)
	}
}
