package store

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iotman/iot"
)

// named makes a workspace of the name and, unless it is derived, the slug.
func named(t *testing.T, s *Store, a iot.Account, name iot.Name, slug iot.Slug) (iot.Workspace, error) {
	t.Helper()
	return s.CreateWorkspace(t.Context(), by(a, "workspace_create"), iot.Workspace{Name: name, Slug: slug, DefaultRole: iot.Viewer})
}

func mustNamed(t *testing.T, s *Store, a iot.Account, name iot.Name, slug iot.Slug) iot.Workspace {
	t.Helper()
	w, err := named(t, s, a, name, slug)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// rename gives the workspace another slug.
func rename(t *testing.T, w *Workspace, slug iot.Slug) error {
	t.Helper()
	return w.s.Change(t.Context(), owned(t, w, "workspace_update"), func(ctx context.Context, tx *Tx) error {
		ws, err := tx.Get(ctx)
		if err != nil {
			return err
		}
		ws.Slug = slug
		_, err = tx.UpdateWorkspace(ctx, ws)
		return err
	})
}

func TestCreateWorkspace(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	a := account(t, s)
	made, err := s.CreateWorkspace(t.Context(), by(a, "workspace_create"), iot.Workspace{
		Name: "Plant Süd", AvatarURL: "https://example.com/a.png", DefaultRole: iot.Editor,
		Settings: iot.Settings{Timezone: "Europe/Berlin", RetentionDays: 30},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := iot.Workspace{
		ID: made.ID, Name: "Plant Süd", Slug: "plant-s-d", AvatarURL: "https://example.com/a.png", DefaultRole: iot.Editor,
		Settings: iot.Settings{Timezone: "Europe/Berlin", RetentionDays: 30}, MemberCount: 1, Version: 1, CreatedAt: s.Now(), UpdatedAt: s.Now(),
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Error("what was answered:", diff)
	}
	w := s.Workspace(made.ID)
	got, err := w.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("what was stored:", diff)
	}
	if role, err := w.Role(t.Context(), a.ID); err != nil || role != iot.Owner {
		t.Errorf("its maker: got role %q, %v, want owner", role, err)
	}
	if o, err := w.Owner(t.Context()); err != nil || o != a {
		t.Errorf("its owner: got %v, %v, want %v", o, err, a)
	}
	if head, err := w.Head(t.Context()); err != nil || head != 0 {
		t.Errorf("its log: got head %d, %v, want 0", head, err)
	}
	if entries, err := w.Audit(t.Context(), "", 10); err != nil || len(entries) != 1 || entries[0].Version != 1 || entries[0].AccountID != a.ID {
		t.Errorf("its audit log: got %+v, %v, want its creation", entries, err)
	}
	if n := count(t, s, `SELECT COUNT(*) FROM versions WHERE workspace_id = ? AND version = 1`, made.ID); n != 1 {
		t.Errorf("got %d first versions, want 1", n)
	}
	for name, id := range map[string]iot.ID{"plant-s-d": made.ID, string(made.ID): made.ID, "nowhere": ""} {
		if got, err := s.Resolve(t.Context(), name); err != nil || got != id {
			t.Errorf("resolve %q: got %q, %v, want %q", name, got, err, id)
		}
	}
}

func TestWorkspaceSlugs(t *testing.T) {
	s := openIdle(t, Config{})
	a := account(t, s)
	long := strings.Repeat("a", 100)
	for _, test := range []struct {
		name iot.Name
		slug iot.Slug
		want iot.Slug // "" where it is refused
		kind iot.Kind
	}{
		{"Plant", "", "plant", 0},
		{"PLANT", "", "plant-2", 0},
		{"plant!", "", "plant-3", 0},
		{"Plant", "plant", "", iot.Conflict},
		{"Plant", "plant-4", "plant-4", 0},
		{"Plant", "", "plant-5", 0},
		{"温度", "", "", iot.Invalid},
		{"温度", "ondo", "ondo", 0},
		{"Plant", "Not A Slug", "", iot.Invalid},
		{"Plant", iot.Slug(NewID()), "", iot.Invalid},
		{iot.Name(long), "", iot.Slug(long[:56]), 0},
		{iot.Name(long), "", iot.Slug(long[:56] + "-2"), 0},
		{"", "given", "", iot.Invalid},
	} {
		was := configuration(t, s)
		w, err := named(t, s, a, test.name, test.slug)
		if test.want == "" {
			wantKind(t, err, test.kind)
			if now := configuration(t, s); now != was {
				t.Errorf("%q, %q was refused and changed something", test.name, test.slug)
			}
		} else if err != nil || w.Slug != test.want {
			t.Errorf("%q, %q: got slug %q, %v, want %q", test.name, test.slug, w.Slug, err, test.want)
		}
	}
}

// TestSlugQuarantineB4: a slug that a rename or a deletion frees leads nowhere
// and to nobody new for 90 days.
func TestSlugQuarantineB4(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	a, b := account(t, s), account(t, s)
	other := s.Workspace(mustNamed(t, s, a, "Kept", "").ID)
	moved := s.Workspace(mustNamed(t, s, a, "Old", "").ID)
	gone := s.Workspace(mustNamed(t, s, a, "Gone", "").ID)
	wantKind(t, rename(t, moved, "gone"), iot.Conflict)
	if err := rename(t, moved, "new"); err != nil {
		t.Fatal(err)
	}
	deleteIt(t, gone)
	now.add(iot.SlugQuarantine - time.Microsecond)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, slug := range []iot.Slug{"old", "gone"} {
		if id, err := s.Resolve(t.Context(), string(slug)); err != nil || id != "" {
			t.Errorf("%s, freed: resolves to %q, %v, want nothing", slug, id, err)
		}
		_, err := named(t, s, b, "New owner", slug)
		wantKind(t, err, iot.Conflict)
		wantKind(t, rename(t, other, slug), iot.Conflict)
	}
	if w := mustNamed(t, s, b, "Old", ""); w.Slug != "old-2" {
		t.Errorf("a name whose slug is quarantined: got %q, want old-2", w.Slug)
	}
	now.add(time.Microsecond)
	mustNamed(t, s, b, "New owner", "old")
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustNamed(t, s, b, "New owner", "gone")
	now.add(time.Microsecond)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT COUNT(*) FROM quarantined_slugs`); n != 0 {
		t.Errorf("got %d slugs in quarantine after its end, want 0", n)
	}
}

// TestSlugTakenBackB4: a workspace may take back the slug that it gave up, and
// nobody else may; the tokens that ended with it stay ended.
func TestSlugTakenBackB4(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	a := account(t, s)
	w := s.Workspace(mustNamed(t, s, a, "Plant", "north").ID)
	other := s.Workspace(mustNamed(t, s, a, "Other", "south").ID)
	token := NewID()
	if err := w.IssueToken(t.Context(), Grant{ID: NewID(), Client: "c", Audience: "north"}, token, s.Now().Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, slug := range []iot.Slug{"east", "west"} {
		if err := rename(t, w, slug); err != nil {
			t.Fatal(err)
		}
	}
	now.add(time.Hour)
	wantKind(t, rename(t, other, "north"), iot.Conflict)
	if err := rename(t, w, "north"); err != nil {
		t.Fatalf("its own slug, taken back: %v", err)
	}
	_, err := w.Session(t.Context(), token)
	wantKind(t, err, iot.Unauthenticated)
	for _, slug := range []iot.Slug{"north", "east", "west"} {
		wantKind(t, rename(t, other, slug), iot.Conflict)
	}
	if err := rename(t, w, "east"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, rename(t, other, "north"), iot.Conflict)
	deleteIt(t, w)
	_, err = named(t, s, a, "Heir", "east")
	wantKind(t, err, iot.Conflict)
}

func TestUpdateWorkspace(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	w := plant(t, s)
	before, err := w.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now.add(time.Hour)
	want := before
	want.Name, want.Slug, want.AvatarURL, want.DefaultRole, want.Settings = "N", "s", "https://example.com", iot.Admin, iot.Settings{RetentionDays: 1}
	want.Version, want.UpdatedAt = 2, s.Now()
	change(t, w, func(ctx context.Context, tx *Tx) error {
		ws := want
		ws.Version, ws.UpdatedAt = 0, iot.Time{}
		got, err := tx.UpdateWorkspace(ctx, ws)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error("what was answered:", diff)
		}
		return err
	})
	if got, err := w.Get(t.Context()); err != nil || got != want {
		t.Errorf("what was stored: got %+v, %v, want %+v", got, err, want)
	}
	was := configuration(t, s)
	wantKind(t, rename(t, w, "Not A Slug"), iot.Invalid)
	if configuration(t, s) != was {
		t.Error("a refused update changed something")
	}
}

func TestLastWorkspaceStays(t *testing.T) {
	s := openIdle(t, Config{})
	a := account(t, s)
	one, two := workspace(t, s, a), workspace(t, s, a)
	deleteIt(t, one)
	was := configuration(t, s)
	err := s.Change(t.Context(), owned(t, two, "workspace_delete"), func(ctx context.Context, tx *Tx) error { return tx.DeleteWorkspace(ctx) })
	wantKind(t, err, iot.Conflict)
	if configuration(t, s) != was {
		t.Error("a refused deletion changed something")
	}
	if _, err := two.Get(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOwnersLastWorkspaceStays: whose last workspace it is goes by its owners,
// not by who deletes it.
func TestOwnersLastWorkspaceStays(t *testing.T) {
	s := openIdle(t, Config{})
	owner, admin, second := account(t, s), account(t, s), account(t, s)
	workspace(t, s, admin)
	w := workspace(t, s, owner)
	change(t, w, func(ctx context.Context, tx *Tx) error { return tx.AddMember(ctx, admin.ID, iot.Admin) })
	remove := func(who iot.Account) error {
		b := by(who, "workspace_delete")
		b.Workspace = w.id
		return s.Change(t.Context(), b, func(ctx context.Context, tx *Tx) error { return tx.DeleteWorkspace(ctx) })
	}
	for what, who := range map[string]iot.Account{"the owner": owner, "an admin": admin, "a machine": {}} {
		if err := remove(who); iot.KindOf(err) != iot.Conflict {
			t.Errorf("%s deletes the owner's last workspace: got %v, want a conflict", what, err)
		}
	}
	workspace(t, s, owner)
	change(t, w, func(ctx context.Context, tx *Tx) error { return tx.AddMember(ctx, second.ID, iot.Owner) })
	wantKind(t, remove(owner), iot.Conflict) // it is the second owner's last
	workspace(t, s, second)
	if err := remove(admin); err != nil {
		t.Errorf("an admin, who has another: %v", err)
	}
}

func TestWorkspacesOf(t *testing.T) {
	s := openIdle(t, Config{})
	a := account(t, s)
	var want []iot.ID
	for range 3 {
		want = append(want, workspace(t, s, a).id)
	}
	invited := plant(t, s)
	change(t, invited, func(ctx context.Context, tx *Tx) error { return tx.AddMember(ctx, a.ID, iot.Viewer) })
	want = append(want, invited.id)
	var got []iot.ID
	var after iot.ID
	for {
		page, err := s.WorkspacesOf(t.Context(), a.ID, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range page {
			got, after = append(got, w.ID), w.ID
		}
		if len(page) < 3 {
			break
		}
	}
	wantIDs(t, "in pages of 3", got, want)
	if page, err := s.WorkspacesOf(t.Context(), NewID(), "", 3); err != nil || len(page) != 0 {
		t.Errorf("a stranger: got %v, %v, want none", page, err)
	}
}

// fill puts a row of the workspace into every table that can hold one.
func fill(t *testing.T, w *Workspace) {
	t.Helper()
	e := endpoint(t, w, "E")
	setPassword(t, w, e.ID, "hunter2")
	for i := range 3 {
		b := request(cloud(e.ID, "x=1", "y=2"), string(rune('a'+i)), 1)
		for range pageSize {
			b.Events = append(b.Events, NewEvent{Payload: []byte("1"), Meta: []byte(`{}`)})
		}
		appendOK(t, w, b)
	}
	for range 3 {
		if err := w.AddReject(t.Context(), iot.Reject{EventID: NewID(), SourceID: e.ID, ReceivedAt: w.s.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	g := Grant{ID: NewID(), Client: "client", Audience: "aud", Scope: "data:read"}
	if err := w.AddCode(t.Context(), DigestOf("code "+string(w.id)), Code{Grant: g, Expires: w.s.now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	err := w.Issue(t.Context(), Issue{
		Grant: g, NewGrant: true, Token: NewID(), Expires: w.s.now().Add(time.Hour),
		Refresh: DigestOf("refresh " + string(w.id)), RefreshExpires: w.s.now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	change(t, w, func(ctx context.Context, tx *Tx) error {
		_, err := tx.CreateClient(ctx, iot.Client{Name: "Robot", ClientSettings: iot.ClientSettings{GrantTypes: []string{iot.GrantCredentials}}}, DigestOf("s"))
		if err == nil {
			_, err = tx.CreateAPIKey(ctx, iot.APIKey{Name: "Key"}, DigestOf("key "+string(w.id)))
		}
		return err
	})
}

// rowsOf counts the workspace's rows in every table that names one.
func rowsOf(t *testing.T, w *Workspace) map[string]int {
	t.Helper()
	rows := map[string]int{}
	for table := range tenantTables(t, w.s) {
		rows[table] = count(t, w.s, `SELECT COUNT(*) FROM `+table+` WHERE workspace_id = ?`, w.id)
	}
	rows["workspaces"] = count(t, w.s, `SELECT COUNT(*) FROM workspaces WHERE id = ?`, w.id)
	return rows
}

// TestDeletedWorkspaceB12 counts what is left of a workspace in every table,
// also of what comes for it when it is gone.
func TestDeletedWorkspaceB12(t *testing.T) {
	s := openStore(t, Config{})
	a := account(t, s)
	stays, goes := workspace(t, s, a), workspace(t, s, a)
	fill(t, stays)
	fill(t, goes)
	for table, n := range rowsOf(t, goes) {
		if n == 0 && table != "deleted_workspaces" {
			t.Fatalf("got no row in %s before the deletion: fill the table, or this test sees nothing", table)
		}
	}
	was, owner := rowsOf(t, stays), owned(t, goes, "late")
	deleteIt(t, goes)
	late := func(t *testing.T) {
		_, err := goes.Append(t.Context(), batch(NewID(), "late"))
		wantKind(t, err, iot.NotFound)
		wantKind(t, goes.AddReject(t.Context(), iot.Reject{EventID: NewID(), SourceID: NewID(), ReceivedAt: s.Now()}), iot.NotFound)
		wantKind(t, goes.IssueToken(t.Context(), Grant{ID: NewID()}, NewID(), s.Now().Add(time.Hour)), iot.NotFound)
		wantKind(t, s.Audit(t.Context(), owner), iot.NotFound)
		_, err = s.Purge(t.Context(), owner, Query{})
		wantKind(t, err, iot.NotFound)
		p := purge{s: s, by: owner, scan: scan{w: goes, lo: 1, hi: 1 << 40}} // one that was under way
		_, _, err = p.step(t.Context(), 1)
		wantKind(t, err, iot.NotFound)
		wantKind(t, s.Change(t.Context(), owner, everything), iot.NotFound)
		_, err = goes.Get(t.Context())
		wantKind(t, err, iot.NotFound)
		_, err = goes.Owner(t.Context())
		wantKind(t, err, iot.NotFound)
		_, err = goes.Head(t.Context())
		wantKind(t, err, iot.NotFound)
	}
	t.Run("before the sweep", late)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Run("after the sweep", late)
	for table, n := range rowsOf(t, goes) {
		if n != 0 {
			t.Errorf("got %d rows in %s after the sweep, want 0", n, table)
		}
	}
	if diff := cmp.Diff(was, rowsOf(t, stays)); diff != "" {
		t.Error("the other workspace:", diff)
	}
}
