package tools

import (
	"context"
	"strings"

	"iotman/iot"
	"iotman/store"
)

func sessionOps(st *store.Store) []Op {
	s := sessions{st}
	return []Op{
		Define(Spec{
			Name: "session_list", Route: "GET /sessions", Permission: iot.AccessRead,
			Doc: "List the sessions of this workspace. Each is what a person, or a machine client, let one app do; the one with current true is your own.",
		}, s.list),
		Change(Spec{
			Name: "session_update", Route: "PUT /sessions/{session_id}", Permission: iot.AccessWrite, Own: iot.AccessRead,
			Doc: "Change what a session may do. Narrowing works at once; a permission is added only to a session of your own, only if you hold it yourself, and reaches its tokens when they are next refreshed.",
		}, s.update),
		Change(Spec{
			Name: "session_revoke", Route: "DELETE /sessions/{session_id}", Permission: iot.AccessWrite, Own: iot.AccessRead,
			Doc: "End a session. Its tokens stop working at once; the app has to ask the person again. Your own sessions you can always end.",
		}, s.revoke),
	}
}

type sessions struct{ st *store.Store }

// Session is a grant as it is answered.
type Session struct {
	ID          iot.ID           `json:"id"`
	ClientID    string           `json:"client_id" untrusted:"true"`
	ClientName  string           `json:"client_name,omitempty" untrusted:"true"`
	AccountID   iot.ID           `json:"account_id,omitempty" jsonschema:"the person who granted it; absent for a machine"`
	Email       string           `json:"email,omitempty"`
	Audience    string           `json:"audience" jsonschema:"the MCP URL for management, the workspace's slug for data"`
	Permissions []iot.Permission `json:"permissions"`
	Scopes      []string         `json:"scopes,omitempty" jsonschema:"what it holds beside permissions" untrusted:"true"`
	RedirectURI string           `json:"redirect_uri,omitempty" untrusted:"true"`
	Current     bool             `json:"current,omitempty" jsonschema:"the session of this very call"`
	CreatedAt   iot.Time         `json:"created_at"`
	LastUsedAt  iot.Time         `json:"last_used_at" jsonschema:"when a token was last issued"`
}

func sessionOf(c iot.Caller, g store.Granted) Session {
	permissions, scopes := splitScope(g.Scope)
	return Session{
		ID: g.ID, ClientID: g.Client, ClientName: g.ClientName, AccountID: g.Account, Email: g.Email, Audience: g.Audience,
		Permissions: permissions.List(), Scopes: scopes, RedirectURI: g.RedirectURI, Current: g.ID == c.Grant,
		CreatedAt: g.CreatedAt, LastUsedAt: g.UsedAt,
	}
}

// splitScope returns the permissions in a scope, and the names that are none.
func splitScope(scope string) (permissions iot.Permissions, others []string) {
	for name := range strings.FieldsSeq(scope) {
		if p := iot.Permission(name); p.Valid() {
			permissions = permissions.Union(iot.PermissionsOf(p))
		} else {
			others = append(others, name)
		}
	}
	return permissions, others
}

func (s sessions) list(ctx context.Context, c iot.Caller, in Paging) (Page[Session], error) {
	ws := s.st.Workspace(c.Workspace)
	return listPage(c, in, cursors{ws, "session_list"}, func(after string, n int) ([]Session, error) {
		found, err := ws.Grants(ctx, iot.ID(after), n)
		out := make([]Session, len(found))
		for i, g := range found {
			out[i] = sessionOf(c, g)
		}
		return out, err
	}, func(v Session) string { return string(v.ID) })
}

// SessionUpdate is the input of session_update.
type SessionUpdate struct {
	SessionID   iot.ID           `json:"session_id"`
	Permissions []iot.Permission `json:"permissions" jsonschema:"all that it may do from now on"`
}

func (s sessions) update(ctx context.Context, tx *store.Tx, c iot.Caller, in SessionUpdate) (Session, error) {
	g, err := s.mine(ctx, tx, c, in.SessionID)
	if err != nil {
		return Session{}, err
	}
	if g.Account == "" {
		return Session{}, iot.Errorf(iot.Conflict, "this session is a machine client's").At("session_id").
			Hinting("what it may do is its client's: client_update changes that")
	}
	wanted, err := permissionsOf(in.Permissions)
	if err != nil {
		return Session{}, err
	}
	if wanted == 0 {
		return Session{}, iot.Errorf(iot.Invalid, "a session may do something").At("permissions").Hinting("session_revoke ends it")
	}
	had, others := splitScope(g.Scope)
	if more := wanted.Without(had); more != 0 {
		if g.Account != c.Account {
			return Session{}, iot.Errorf(iot.Forbidden, "only %s can let this app do more: %s", g.Email, more).At("permissions").
				Hinting("leave these out, or have the app ask them")
		}
		if err := holds(c, more); err != nil {
			return Session{}, err
		}
	}
	scope := strings.TrimSpace(wanted.String() + " " + strings.Join(others, " "))
	if g, err = tx.UpdateGrant(ctx, g, scope); err != nil {
		return Session{}, err
	}
	return sessionOf(c, g), nil
}

// mine returns a grant that the caller may change: one of their own, or any for
// who may write access.
func (s sessions) mine(ctx context.Context, tx *store.Tx, c iot.Caller, id iot.ID) (store.Granted, error) {
	g, err := tx.Grant(ctx, id)
	if err != nil {
		return g, err
	}
	if g.ID == c.Grant || c.Account != "" && g.Account == c.Account {
		return g, nil
	}
	return g, c.Can(iot.AccessWrite)
}

// SessionID names a session.
type SessionID struct {
	SessionID iot.ID `json:"session_id"`
}

func (s sessions) revoke(ctx context.Context, tx *store.Tx, c iot.Caller, in SessionID) (Deleted, error) {
	g, err := s.mine(ctx, tx, c, in.SessionID)
	if err != nil {
		return Deleted{}, err
	}
	return deleted, tx.DeleteGrant(ctx, g)
}

// permissionsOf makes a set of a list of permissions.
func permissionsOf(names []iot.Permission) (iot.Permissions, error) {
	var list []string
	for _, p := range names {
		list = append(list, string(p))
	}
	return iot.ParsePermissions(strings.Join(list, " "))
}

// holds refuses what the caller does not hold: nobody grants that.
func holds(c iot.Caller, ps iot.Permissions) error {
	over := ps.Without(c.Rights())
	if over == 0 {
		return nil
	}
	if lacks := over.Intersect(c.Held); lacks == over {
		e := iot.Errorf(iot.Insufficient, "the access token lacks what it would grant: %s", over).At("permissions")
		e.Needs = over.List()
		return e.Hinting("sign in again and grant these, or leave them out")
	}
	return iot.Errorf(iot.Forbidden, "you do not hold what you would grant: %s", over).At("permissions").
		Hinting("leave these out, or ask somebody who holds them")
}
