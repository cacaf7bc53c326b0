package iot_test

import (
	"strings"
	"testing"

	"iotman/iot"
)

func TestWorkspaceCheck(t *testing.T) {
	ok := iot.Workspace{Name: "Plant", Slug: "plant", DefaultRole: iot.Viewer}
	for _, test := range []struct {
		name  string
		edit  func(*iot.Workspace)
		field string // empty: no error
	}{
		{"as it is", func(*iot.Workspace) {}, ""},
		{"no name", func(w *iot.Workspace) { w.Name = "" }, "name"},
		{"no slug", func(w *iot.Workspace) { w.Slug = "" }, "slug"},
		{"an id as slug", func(w *iot.Workspace) { w.Slug = uuid }, "slug"},
		{"an avatar", func(w *iot.Workspace) { w.AvatarURL = "https://a/" + strings.Repeat("a", 2038) }, ""},
		{"an avatar too long", func(w *iot.Workspace) { w.AvatarURL = "https://a/" + strings.Repeat("a", 2039) }, "avatar_url"},
		{"everyone an admin", func(w *iot.Workspace) { w.DefaultRole = iot.Admin }, ""},
		{"everyone an owner", func(w *iot.Workspace) { w.DefaultRole = iot.Owner }, "default_role"},
		{"no default role", func(w *iot.Workspace) { w.DefaultRole = "" }, "default_role"},
		{"an unknown default role", func(w *iot.Workspace) { w.DefaultRole = "root" }, "default_role"},
		{"the longest retention", func(w *iot.Workspace) { w.Settings.RetentionDays = 36500 }, ""},
		{"a retention too long", func(w *iot.Workspace) { w.Settings.RetentionDays = 36501 }, "retention_days"},
		{"a negative retention", func(w *iot.Workspace) { w.Settings.RetentionDays = -1 }, "retention_days"},
	} {
		w := ok
		test.edit(&w)
		wantKind(t, "Check", test.name, w.Check(), test.field == "", test.field)
	}
}
