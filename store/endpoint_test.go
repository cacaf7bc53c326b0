package store

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iotman/iot"
)

// create adds an endpoint of the name and, unless it is derived, the path.
func create(t *testing.T, w *Workspace, name iot.Name, path iot.URLPath) (e iot.HTTPEndpoint, err error) {
	t.Helper()
	err = w.s.Change(t.Context(), owned(t, w, "http_endpoint_create"), func(ctx context.Context, tx *Tx) (err error) {
		e, err = tx.CreateHTTPEndpoint(ctx, iot.HTTPEndpoint{Name: name, URLPath: path, EndpointSettings: iot.EndpointSettings{Auth: iot.AuthNone}})
		return err
	})
	return e, err
}

func TestEndpointSlugsAndPaths(t *testing.T) {
	s := openIdle(t, Config{})
	w, other := plant(t, s), plant(t, s)
	for _, test := range []struct {
		w        *Workspace
		name     iot.Name
		path     iot.URLPath
		wantSlug iot.Slug
		wantPath iot.URLPath
		kind     iot.Kind // where there is no slug
	}{
		{w, "Line 3", "", "line-3", "line-3", 0},
		{w, "Line 3", "", "line-3-2", "line-3-2", 0},
		{w, "Line 3", "line_3", "line-3-3", "line_3", 0},
		{w, "Line 3", "line-3", "", "", iot.Conflict},
		{w, "Line 3", "a/b", "", "", iot.Invalid},
		{w, "", "x", "", "", iot.Invalid},
		{other, "Line 3", "line-3", "line-3", "line-3", 0},
		{w, "温度", "", "endpoint", "endpoint", 0},
		{w, "温度", "", "endpoint-2", "endpoint-2", 0},
		{w, "Oven", "press", "oven", "press", 0},
		{w, "Press", "", "press-2", "press-2", 0}, // nobody asked for the path that is taken
	} {
		e, err := create(t, test.w, test.name, test.path)
		if test.wantSlug == "" {
			wantKind(t, err, test.kind)
		} else if err != nil || e.Slug != test.wantSlug || e.URLPath != test.wantPath {
			t.Errorf("%q, %q: got slug %q, path %q, %v, want %q, %q", test.name, test.path, e.Slug, e.URLPath, err, test.wantSlug, test.wantPath)
		}
	}
}

func TestEndpointLife(t *testing.T) {
	now := newClock()
	s := openIdle(t, Config{Now: now.now})
	w, other := plant(t, s), plant(t, s)
	e := endpoint(t, w, "Line 3")
	same := func(what string, want iot.HTTPEndpoint) {
		t.Helper()
		got, err := w.HTTPEndpoint(t.Context(), want.ID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", what, err, diff)
		}
	}
	same("made", e)
	if e.Version != 2 || e.CreatedAt != s.Now() || !e.Enabled {
		t.Errorf("made: got %+v, want version 2, now, enabled", e)
	}
	now.add(time.Hour)
	want := e
	want.Name, want.URLPath, want.Enabled = "Line 4", "line_4", false
	want.EndpointSettings = iot.EndpointSettings{Auth: iot.AuthBasic, BasicUsername: "u", Schema: []byte(`{"type":"object"}`), RateLimit: 5, Headers: []string{"X-A"}}
	want.Version, want.UpdatedAt = 3, s.Now()
	update := func(w *Workspace, e iot.HTTPEndpoint) error {
		return s.Change(t.Context(), owned(t, w, "http_endpoint_update"), func(ctx context.Context, tx *Tx) error {
			_, err := tx.UpdateHTTPEndpoint(ctx, e)
			return err
		})
	}
	if err := update(w, want); err != nil {
		t.Fatal(err)
	}
	same("updated", want)
	second := endpoint(t, w, "Line 5")
	taken := second
	taken.URLPath = "line_4"
	wantKind(t, update(w, taken), iot.Conflict)
	taken.URLPath = "a/b"
	wantKind(t, update(w, taken), iot.Invalid)
	same("refused", second)
	// B2, B3: another workspace's endpoint is none.
	wantKind(t, update(other, want), iot.NotFound)
	_, err := other.HTTPEndpoint(t.Context(), e.ID)
	wantKind(t, err, iot.NotFound)
	_, _, err = other.EndpointAt(t.Context(), "line_4")
	wantKind(t, err, iot.NotFound)
	drop := func(ctx context.Context, tx *Tx) error { return tx.DeleteHTTPEndpoint(ctx, e.ID) }
	wantKind(t, s.Change(t.Context(), owned(t, other, "http_endpoint_delete"), drop), iot.NotFound)
	same("still there", want)
	change(t, w, drop)
	wantKind(t, s.Change(t.Context(), owned(t, w, "http_endpoint_delete"), drop), iot.NotFound)
	_, _, err = w.EndpointAt(t.Context(), "line_4")
	wantKind(t, err, iot.NotFound)
	same("the other", second)
}

func TestEndpointPassword(t *testing.T) {
	s := openIdle(t, Config{})
	w, other := plant(t, s), plant(t, s)
	e := endpoint(t, w, "Line 3")
	wantPassword := func(want []byte) {
		t.Helper()
		if got, p, err := w.EndpointAt(t.Context(), "line-3"); err != nil || got.ID != e.ID || string(p) != string(want) || (p == nil) != (want == nil) {
			t.Errorf("got %s, %q, %v, want %s, %q", got.ID, p, err, e.ID, want)
		}
	}
	wantPassword(nil)
	setPassword(t, w, e.ID, "hunter2")
	wantPassword([]byte("hunter2"))
	setPassword(t, w, e.ID, "hunter3")
	wantPassword([]byte("hunter3"))
	for _, missing := range []struct {
		w  *Workspace
		id iot.ID
	}{{w, NewID()}, {other, e.ID}} {
		err := s.Change(t.Context(), owned(t, missing.w, "test"), func(ctx context.Context, tx *Tx) error {
			if err := everything(ctx, tx); err != nil {
				return err
			}
			return tx.SetBasicPassword(ctx, missing.id, []byte("x"))
		})
		wantKind(t, err, iot.NotFound)
	}
	change(t, w, func(ctx context.Context, tx *Tx) error {
		now, err := tx.HTTPEndpoint(ctx, e.ID)
		if err != nil {
			return err
		}
		now.Auth, now.BasicUsername = iot.AuthNone, ""
		if _, err := tx.UpdateHTTPEndpoint(ctx, now); err != nil {
			return err
		}
		return tx.SetBasicPassword(ctx, e.ID, nil)
	})
	wantPassword(nil)
}

func TestEndpointPages(t *testing.T) {
	w := plant(t, openIdle(t, Config{}))
	var want, got []iot.ID
	for range 7 {
		want = append(want, endpoint(t, w, "E").ID)
	}
	var after iot.ID
	for {
		page, err := w.HTTPEndpoints(t.Context(), after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			got, after = append(got, e.ID), e.ID
		}
	}
	wantIDs(t, "in pages of 3", got, want)
}

func TestEndpointsAreBounded(t *testing.T) {
	s := openIdle(t, Config{})
	w := plant(t, s)
	raw(t, s, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO http_endpoints SELECT ?, 'id' || i, 's' || i, 'n', 'p' || i, 1, '{}', NULL, 1, 0, 0 FROM n`, MaxSources-1, w.id)
	if _, err := create(t, w, "The last", ""); err != nil {
		t.Fatal(err)
	}
	_, err := create(t, w, "One too many", "")
	wantKind(t, err, iot.Conflict)
}
