package tools

import (
	"context"
	"encoding/json"
	"time"

	"iotman/iot"
	"iotman/store"
)

func workspaceOps(st *store.Store) []Op {
	w := workspaces{st}
	return []Op{
		Define(Spec{
			Name: "workspace_list", Route: "GET /api/v1/workspaces", Permission: iot.AccountRead,
			Doc: "List your workspaces. Answers every workspace you are a member of; the tools of this server act only on the one in its URL.",
		}, w.list),
		Define(Spec{
			Name: "workspace_create", Route: "POST /api/v1/workspaces", Permission: iot.AccountWrite, OwnCommit: true,
			Doc: "Create a workspace. You become its owner; connect to its own MCP URL to work in it.",
		}, w.create),
		Define(Spec{
			Name: "workspace_get", Route: "GET /", Permission: iot.WorkspaceRead,
			Doc: "Get this workspace: name, slug, settings, number of members, version.",
		}, w.get),
		Change(Spec{
			Name: "workspace_update", Route: "PUT /", Permission: iot.WorkspaceWrite,
			Doc: "Rename this workspace or change its slug, avatar or default role. Absent fields stay. A new slug changes the MCP URL and every data URL: the old ones answer 404 and all access tokens end.",
		}, w.update),
		Change(Spec{
			Name: "workspace_delete", Route: "DELETE /", Permission: iot.WorkspaceWrite,
			Doc: "Delete this workspace with everything in it. Events, sources, clients and tokens are gone for good. Your last workspace cannot be deleted.",
		}, w.delete),
		Define(Spec{
			Name: "workspace_settings_get", Route: "GET /settings", Permission: iot.WorkspaceRead,
			Doc: "Get this workspace's settings: time zone and retention.",
		}, w.settings),
		Change(Spec{
			Name: "workspace_settings_update", Route: "PUT /settings", Permission: iot.WorkspaceWrite, Destroys: true,
			Doc: "Change this workspace's settings. Absent fields stay, null resets. A shorter retention removes older events for good.",
		}, w.setSettings),
		Define(Spec{
			Name: "audit_list", Route: "GET /audit", Permission: iot.AuditRead,
			Doc: "List who changed what in this workspace, newest first. Each entry names the person, the client, the operation and every changed entity before and after.",
		}, w.audit),
	}
}

type workspaces struct{ st *store.Store }

func (w workspaces) list(ctx context.Context, c iot.Caller, in Paging) (Page[iot.Workspace], error) {
	if c.Account == "" {
		return Page[iot.Workspace]{}, machineRefused()
	}
	cur := cursors{w.st.Workspace(c.Workspace), "workspace_list:" + string(c.Account)}
	return listPage(c, in, cur, func(after string, n int) ([]iot.Workspace, error) {
		return w.st.WorkspacesOf(ctx, c.Account, iot.ID(after), n)
	}, func(v iot.Workspace) string { return string(v.ID) })
}

func machineRefused() error {
	return iot.Errorf(iot.Forbidden, "this token belongs to a machine, and the operation is about a person's account").
		Hinting("call it with a token that a person granted")
}

// WorkspaceCreate is the input of workspace_create.
type WorkspaceCreate struct {
	Name iot.Name `json:"name"`
	Slug iot.Slug `json:"slug,omitempty" jsonschema:"default: derived from the name"`
	Key  iot.Slug `json:"key,omitempty" jsonschema:"another word for slug"`
}

func (w workspaces) create(ctx context.Context, c iot.Caller, in WorkspaceCreate) (iot.Workspace, error) {
	if c.Account == "" {
		return iot.Workspace{}, machineRefused()
	}
	if in.Slug != "" && in.Key != "" && in.Slug != in.Key {
		return iot.Workspace{}, iot.Errorf(iot.Invalid, "slug and key are the same thing and differ").At("key").Hinting("give one of them")
	}
	if in.Slug == "" {
		in.Slug = in.Key
	}
	return w.st.CreateWorkspace(ctx, by(c, "workspace_create"), iot.Workspace{Name: in.Name, Slug: in.Slug, DefaultRole: iot.Editor})
}

func (w workspaces) get(ctx context.Context, c iot.Caller, _ None) (iot.Workspace, error) {
	return w.st.Workspace(c.Workspace).Get(ctx)
}

// WorkspaceUpdate is the input of workspace_update.
type WorkspaceUpdate struct {
	Name        iot.Opt[iot.Name] `json:"name,omitzero"`
	Slug        iot.Opt[iot.Slug] `json:"slug,omitzero"`
	AvatarURL   iot.Opt[string]   `json:"avatar_url,omitzero"`
	DefaultRole iot.Opt[string]   `json:"default_role,omitzero" jsonschema:"admin, editor (also: member) or viewer"`
	Version     int64             `json:"version,omitempty" jsonschema:"refuse unless this is the current version"`
}

func (w workspaces) update(ctx context.Context, tx *store.Tx, _ iot.Caller, in WorkspaceUpdate) (iot.Workspace, error) {
	ws, err := tx.Get(ctx)
	if err != nil {
		return ws, err
	}
	if err := store.CheckVersion(in.Version, ws.Version, ws); err != nil {
		return ws, err
	}
	in.Name.Apply(&ws.Name)
	in.Slug.Apply(&ws.Slug)
	in.AvatarURL.Apply(&ws.AvatarURL)
	if in.DefaultRole.Null {
		ws.DefaultRole = iot.Editor
	} else if in.DefaultRole.Set {
		if ws.DefaultRole, err = iot.ParseRole(in.DefaultRole.Value); err != nil {
			return ws, iot.Errorf(iot.Invalid, "a default_role is admin, editor or viewer; got %q", iot.Clip(in.DefaultRole.Value)).At("default_role")
		}
	}
	return tx.UpdateWorkspace(ctx, ws)
}

// WorkspaceDelete is the input of workspace_delete.
type WorkspaceDelete struct {
	Confirm Confirm `json:"confirm,omitempty" jsonschema:"the workspace's slug"`
	Version int64   `json:"version,omitempty" jsonschema:"refuse unless this is the current version"`
}

func (w workspaces) delete(ctx context.Context, tx *store.Tx, c iot.Caller, in WorkspaceDelete) (Deleted, error) {
	ws, err := tx.Get(ctx)
	if err != nil {
		return Deleted{}, err
	}
	if err := store.CheckVersion(in.Version, ws.Version, ws); err != nil {
		return Deleted{}, err
	}
	if err := confirmed(c, in.Confirm, ws.Slug); err != nil {
		return Deleted{}, err
	}
	return deleted, tx.DeleteWorkspace(ctx)
}

// confirmed asks for a confirmation: always over MCP, and wherever one was
// given.
func confirmed(c iot.Caller, got Confirm, want iot.Slug) error {
	if got == Confirm(want) || got == "" && c.Via != iot.MCP {
		return nil
	}
	return iot.Errorf(iot.Invalid, "this loses data for good and needs confirm = %q; got %.80q", want, got).At("confirm").
		Hinting("ask the person first, then call again with confirm")
}

func (w workspaces) settings(ctx context.Context, c iot.Caller, _ None) (iot.Settings, error) {
	ws, err := w.st.Workspace(c.Workspace).Get(ctx)
	return ws.Settings, err
}

// SettingsUpdate is the input of workspace_settings_update.
type SettingsUpdate struct {
	Timezone      iot.Opt[string] `json:"timezone,omitzero" jsonschema:"an IANA name such as Europe/Zurich"`
	RetentionDays iot.Opt[int]    `json:"retention_days,omitzero" jsonschema:"remove events older than this; 0 keeps everything"`
	Version       int64           `json:"version,omitempty" jsonschema:"refuse unless this is the workspace's current version"`
}

func (w workspaces) setSettings(ctx context.Context, tx *store.Tx, _ iot.Caller, in SettingsUpdate) (iot.Settings, error) {
	ws, err := tx.Get(ctx)
	if err != nil {
		return ws.Settings, err
	}
	if err := store.CheckVersion(in.Version, ws.Version, ws); err != nil {
		return ws.Settings, err
	}
	in.Timezone.Apply(&ws.Settings.Timezone)
	in.RetentionDays.Apply(&ws.Settings.RetentionDays)
	if _, err := time.LoadLocation(ws.Settings.Timezone); err != nil || ws.Settings.Timezone == "Local" {
		return ws.Settings, iot.Errorf(iot.Invalid, "unknown time zone %.64q", ws.Settings.Timezone).At("timezone").
			Hinting("use an IANA name such as Europe/Zurich or UTC")
	}
	ws, err = tx.UpdateWorkspace(ctx, ws)
	return ws.Settings, err
}

func (w workspaces) audit(ctx context.Context, c iot.Caller, in Paging) (Page[iot.AuditEntry], error) {
	h := w.st.Workspace(c.Workspace)
	return listPage(c, in, cursors{h, "audit_list"}, func(before string, n int) ([]iot.AuditEntry, error) {
		es, err := h.Audit(ctx, iot.ID(before), n)
		for i := range es {
			fitEntry(c, &es[i])
		}
		return es, err
	}, func(e iot.AuditEntry) string { return string(e.ID) })
}

// fitEntry leaves out of an entry what would fill an answer over MCP.
func fitEntry(c iot.Caller, e *iot.AuditEntry) {
	room := maxMCPSchema
	for i := range e.Changes {
		for _, state := range []*json.RawMessage{&e.Changes[i].Before, &e.Changes[i].After} {
			if n := len(*state); c.Via == iot.MCP && n > max(room, 0) {
				*state = marshal(omitted(n))
			}
			room -= len(*state)
		}
	}
}
