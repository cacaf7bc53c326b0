package oauth_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iotman/iot"
	"iotman/oauth"
	"iotman/store"
)

// issue returns the Access of a token for an hour.
func (h *house) issue(account iot.ID, audience, scope string) (string, oauth.Access) {
	h.t.Helper()
	token, err := h.issuer.Issue(h.t.Context(), oauth.Request{Workspace: h.ws.ID, Account: account, Client: "agent", Audience: audience, Scope: scope, Life: time.Hour})
	h.must(err)
	return token, h.accepted(scope, token)
}

func permissions(t *testing.T, list string) iot.Permissions {
	t.Helper()
	ps, err := iot.ParsePermissions(list)
	if err != nil {
		t.Fatal(err)
	}
	return ps
}

// TestManages: who a management token is, and what it may do.
func TestManages(t *testing.T) {
	h := newHouse(t)
	mcp := h.issuer.MCPURL("north")
	_, person := h.issue(h.account.ID, mcp, "data:read sources:write plant:write  Data:Write")
	_, machine := h.issue("", mcp, "data:read account:read account:write sources:write")
	narrowed := machine // by its grant, after the token was issued
	narrowed.Grant.Scope = "data:read access:write"
	widened := person // a person's grant says more than the token does
	widened.Grant.Scope = "data:read workspace:own"

	for what, test := range map[string]struct {
		access oauth.Access
		via    iot.Transport
		want   iot.Caller
		rights string
	}{
		"a person": {person, iot.MCP, iot.Caller{
			Account: h.account.ID, Email: "ada@example.com", Role: iot.Owner, Held: iot.Owner.Rights(), Token: permissions(t, "data:read sources:write"),
		}, "sources:write data:read"},
		"a machine": {machine, iot.REST, iot.Caller{
			Held: permissions(t, "data:read sources:write"), Token: permissions(t, "data:read account:read account:write sources:write"),
		}, "sources:write data:read"},
		"a machine, narrowed": {narrowed, iot.REST, iot.Caller{
			Held: permissions(t, "data:read access:write"), Token: permissions(t, "data:read"),
		}, "data:read"},
		"a person, widened": {widened, iot.REST, iot.Caller{
			Account: h.account.ID, Email: "ada@example.com", Role: iot.Owner, Held: iot.Owner.Rights(), Token: permissions(t, "data:read"),
		}, "data:read"},
	} {
		test.want.Client, test.want.Grant, test.want.Via = "agent", test.access.ID, test.via
		test.want.Workspace, test.want.Slug = h.ws.ID, "north"
		got, err := h.issuer.Manages(test.access, test.via)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", what, err, diff)
		}
		if rights := got.Rights().String(); rights != test.rights {
			t.Errorf("%s: got rights %q, want %q", what, rights, test.rights)
		}
	}
}

// TestManagesRefuses: only the MCP URL of the moment is an audience, to the
// letter, and only a member is somebody.
func TestManagesRefuses(t *testing.T) {
	h := newHouse(t)
	mcp := h.issuer.MCPURL("north")
	stranger, err := h.store.CreateAccount(t.Context(), "eve@example.com", "Eve")
	h.must(err)
	for what, test := range map[string]struct {
		account  iot.ID
		audience string
	}{
		"a data token":                  {h.account.ID, "north"},
		"a machine's data token":        {"", "north"},
		"another workspace":             {h.account.ID, h.issuer.MCPURL("south")},
		"a slash more":                  {h.account.ID, mcp + "/"},
		"capitals":                      {h.account.ID, h.issuer.MCPURL("North")},
		"another host":                  {h.account.ID, "https://evil.example/mcp/north"},
		"all of /mcp":                   {h.account.ID, publicURL + "/mcp"},
		"the workspace's id":            {h.account.ID, h.issuer.MCPURL(iot.Slug(h.ws.ID))},
		"two audiences":                 {h.account.ID, mcp + " north"},
		"no audience":                   {h.account.ID, ""},
		"somebody who is no member":     {stranger.ID, mcp},
		"somebody who does not exist":   {store.NewID(), mcp},
		"an account that is not an id":  {"client:agent", mcp},
		"a machine's, another audience": {"", mcp + "?"},
	} {
		_, access := h.issue(test.account, test.audience, iot.AllPermissions().String())
		c, err := h.issuer.Manages(access, iot.REST)
		if diff := cmp.Diff(iot.Caller{}, c); iot.KindOf(err) != iot.Unauthenticated || diff != "" {
			t.Errorf("%s: got %v, want Unauthenticated and no caller %s", what, err, diff)
		}
	}
}

// TestB4Slug: a token stays with its workspace, not with its slug: whoever has
// the slug next is not opened by it, and a workspace that is gone opens none.
func TestB4Slug(t *testing.T) {
	h := newHouse(t)
	mcp := h.issuer.MCPURL("north")
	person, _ := h.issue(h.account.ID, mcp, "data:read")
	machine, _ := h.issue("", mcp, "sources:write")
	data, _ := h.issue("", "north", "plant:write")
	old := h.ws.ID
	// A rename ends every session; that their tokens would open nothing all the
	// same is seen where the rows are left.
	h.sql(`UPDATE workspaces SET slug = 'moved' WHERE id = ?`, old)
	next := h.workspace("next")
	h.sql(`UPDATE workspaces SET slug = 'north' WHERE id = ?`, next.ID)
	for what, token := range map[string]string{"a person's": person, "a machine's": machine, "a data token": data} {
		access := h.accepted(what, token)
		if access.Workspace != old || access.Slug != "moved" {
			t.Errorf("%s: got workspace %s (%s), want the one it was issued for", what, access.Workspace, access.Slug)
		}
		if _, err := h.issuer.Manages(access, iot.REST); iot.KindOf(err) != iot.Unauthenticated {
			t.Errorf("%s manages: got %v, want Unauthenticated", what, err)
		}
		if err := h.issuer.Posts(access, iot.HTTPEndpoint{}); iot.KindOf(err) != iot.Unauthenticated {
			t.Errorf("%s posts: got %v, want Unauthenticated", what, err)
		}
	}
	h.change(func(ctx context.Context, tx *store.Tx) error { return tx.DeleteWorkspace(ctx) })
	for what, token := range map[string]string{"a person's": person, "a machine's": machine, "a data token": data} {
		h.refused(what+", the workspace deleted", token)
	}
}
