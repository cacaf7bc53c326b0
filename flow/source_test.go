package flow

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"iotman/iot"
	"iotman/store"
)

// TestSource: a source is kept ready until anything changes, and then is as it
// is now.
func TestSource(t *testing.T) {
	r := newRiver(t)
	e := r.endpoint(iot.EndpointSettings{RateLimit: 5, Schema: json.RawMessage(`{"type":"object"}`)})
	first := r.source("gh")
	if again := r.source("gh"); again != first {
		t.Error("nothing changed: got another source, want the same")
	}
	if first.ID != e.ID || first.Workspace != r.ws.ID || first.RateLimit != 5 || first.schema == nil {
		t.Errorf("got %+v", first)
	}
	missing := func(what string, slug iot.Slug, path iot.URLPath) {
		t.Helper()
		s, err := r.Source(t.Context(), slug, path)
		if iot.KindOf(err) != iot.NotFound || s != nil || !strings.Contains(err.Error(), "no source listens here") {
			t.Errorf("%s: got %v, %v, want NotFound", what, s, err)
		}
	}
	update := func(f func(*iot.HTTPEndpoint)) {
		t.Helper()
		r.change(func(ctx context.Context, tx *store.Tx) error {
			now, err := tx.HTTPEndpoint(ctx, e.ID)
			if err != nil {
				return err
			}
			f(&now)
			_, err = tx.UpdateHTTPEndpoint(ctx, now)
			return err
		})
	}
	update(func(e *iot.HTTPEndpoint) { e.RateLimit, e.Schema = 7, nil })
	changed := r.source("gh")
	if changed == first || changed.RateLimit != 7 || changed.schema != nil || changed.limits != first.limits {
		t.Errorf("changed: got %+v, want the new settings and the old debts", changed)
	}
	update(func(e *iot.HTTPEndpoint) { e.Enabled = false })
	missing("disabled", "north", "gh")
	update(func(e *iot.HTTPEndpoint) { e.Enabled, e.URLPath = true, "moved" })
	missing("moved", "north", "gh")
	if s := r.source("moved"); s.limits != first.limits {
		t.Error("moved: the debts are forgotten")
	}
	for what, name := range map[string][2]string{
		"no such path": {"north", "x"}, "no such workspace": {"south", "moved"}, "nothing": {"", ""}, "an id": {string(r.ws.ID), "moved"}, "capitals": {"North", "moved"},
		"a path of two": {"north", "moved/x"}, "traversal": {"north", "../north/moved"}, "SQL": {"north", "moved' OR 1=1 --"}, "a wildcard": {"%", "%"}, "NUL": {"north", "moved\x00"},
	} {
		missing(what, iot.Slug(name[0]), iot.URLPath(name[1]))
	}
	r.change(func(ctx context.Context, tx *store.Tx) error {
		w, err := tx.Get(ctx)
		if err != nil {
			return err
		}
		w.Slug = "renamed"
		_, err = tx.UpdateWorkspace(ctx, w)
		return err
	})
	missing("under the old slug", "north", "moved")
	if _, err := r.Source(t.Context(), "renamed", "moved"); err != nil {
		t.Errorf("under the new slug: got %v", err)
	}
	r.change(func(ctx context.Context, tx *store.Tx) error { return tx.DeleteHTTPEndpoint(ctx, e.ID) })
	missing("deleted", "renamed", "moved")
}

// TestBasicOK compares both halves, and takes no password for one that is not
// there.
func TestBasicOK(t *testing.T) {
	r := newRiver(t)
	e := r.endpoint(iot.EndpointSettings{Auth: iot.AuthBasic, BasicUsername: "pump"})
	ok := func(user, password string, want bool) {
		t.Helper()
		if got := r.source("gh").BasicOK(user, password); got != want {
			t.Errorf("%q and %q: got %v, want %v", user, password, got, want)
		}
	}
	ok("pump", "", false)
	ok("pump", "\x00", false)
	r.change(func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.UpdateHTTPEndpoint(ctx, e); err != nil {
			return err
		}
		return tx.SetBasicPassword(ctx, e.ID, []byte("s3cret"))
	})
	ok("pump", "s3cret", true)
	ok("pump", "s3cret ", false)
	ok("pump", "S3CRET", false)
	ok("pump", "", false)
	ok("Pump", "s3cret", false)
	ok("", "s3cret", false)
	ok("pump:s3cret", "", false)
}

// TestSourceFaultIsOurs: what should not be in the store is a fault of ours,
// and not the device's.
func TestSourceFaultIsOurs(t *testing.T) {
	r := newRiver(t)
	r.endpoint(iot.EndpointSettings{Schema: json.RawMessage(`{"type":7}`)})
	if _, err := r.Source(t.Context(), "north", "gh"); err == nil || iot.KindOf(err) != iot.Internal || !strings.Contains(err.Error(), "payload schema of source") {
		t.Errorf("got %v, want a fault of ours about the schema", err)
	}
}
