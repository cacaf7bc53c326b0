package iot

import (
	"net/url"
	"time"
)

// Workspace is the unit of isolation: one log of events, and the
// configuration that feeds, reshapes and serves it.
type Workspace struct {
	ID             ID       `json:"id"`
	Name           Name     `json:"name"`
	Slug           Slug     `json:"slug"`
	AvatarURL      string   `json:"avatar_url"`
	DefaultRole    Role     `json:"default_role"`
	Settings       Settings `json:"settings"`
	OrganizationID *ID      `json:"organization_id"`
	MemberCount    int      `json:"member_count"`
	Version        int64    `json:"version"` // raised by every change of the workspace's configuration
	CreatedAt      Time     `json:"created_at"`
	UpdatedAt      Time     `json:"updated_at"`
}

// Settings are a workspace's choices.
type Settings struct {
	Timezone      string `json:"timezone,omitempty"`       // an IANA name; empty means UTC
	RetentionDays int    `json:"retention_days,omitempty"` // events older than this are removed; 0 keeps everything
}

// Check returns what is wrong with the settings, or nil. Whether the time
// zone exists is for the caller to ask, since that reads a database.
func (s Settings) Check() error {
	if s.RetentionDays < 0 || s.RetentionDays > 36500 {
		return Errorf(Invalid, "retention_days is 0 (keep everything) to 36500; got %d", s.RetentionDays).At("retention_days")
	}
	return nil
}

// Check returns what is wrong with the workspace's own fields, or nil.
func (w Workspace) Check() error {
	if err := CheckName(w.Name); err != nil {
		return err
	}
	if err := CheckSlug(w.Slug); err != nil {
		return err
	}
	if u, err := url.Parse(w.AvatarURL); err != nil || len(w.AvatarURL) > 2048 || w.AvatarURL != "" && (u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
		return Errorf(Invalid, "an avatar_url is an http or https URL of at most 2048 characters; got %q", Clip(w.AvatarURL)).At("avatar_url")
	}
	if w.DefaultRole.Rights() == 0 || w.DefaultRole == Owner {
		return Errorf(Invalid, "a default_role is admin, editor or viewer; got %q", Clip(string(w.DefaultRole))).At("default_role")
	}
	return w.Settings.Check()
}

// SlugQuarantine is how long a slug that was freed by a rename or a deletion
// answers 404 and cannot be taken, so that no stale link or client ever
// reaches a new owner.
const SlugQuarantine = 90 * 24 * time.Hour

// Account is a person who can sign in.
type Account struct {
	ID        ID     `json:"id"`
	Email     string `json:"email"`
	Name      string `json:"name"`
	CreatedAt Time   `json:"created_at"`
}
