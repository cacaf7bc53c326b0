package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations" // its system tables
	"github.com/pocketbase/pocketbase/tools/types"
)

// pocketBase serves PocketBase with one collection whose records anybody may
// make and list. Args: the data folder, the address, how many records to fill
// it with beforehand.
func pocketBase(ctx context.Context, args []string) error {
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: args[0]})
	if err := app.Bootstrap(); err != nil {
		return err
	}
	if err := app.RunAllMigrations(); err != nil {
		return err
	}
	c := core.NewBaseCollection("events")
	c.Fields.Add(&core.TextField{Name: "source"}, &core.JSONField{Name: "payload"}, &core.AutodateField{Name: "created", OnCreate: true})
	c.CreateRule, c.ListRule = types.Pointer(""), types.Pointer("")
	c.AddIndex("idx_created", false, "created", "")
	if err := app.Save(c); err != nil {
		return err
	}
	s := app.Settings()
	s.Batch.Enabled, s.Batch.MaxRequests, s.Batch.Timeout = true, 200, 30
	s.Logs.MaxDays = 0
	if err := app.Save(s); err != nil {
		return err
	}
	if len(args) > 2 {
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		if err := fill(app, n); err != nil {
			return err
		}
	}
	app.OnServe().BindFunc(func(e *core.ServeEvent) error {
		e.Router.GET("/count", func(r *core.RequestEvent) error {
			n, err := r.App.CountRecords("events")
			if err != nil {
				return err
			}
			return r.String(http.StatusOK, strconv.FormatInt(n, 10))
		})
		fmt.Printf("http://%s\n", args[1])
		return e.Next()
	})
	go func() {
		<-ctx.Done()
		_ = app.ResetBootstrapState()
	}()
	done := make(chan error, 1)
	go func() { done <- apis.Serve(app, apis.ServeConfig{HttpAddr: args[1], ShowStartBanner: false}) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return nil
	}
}

// fill writes records straight into the table: by its API it would take a
// quarter of an hour.
func fill(app core.App, n int) error {
	const at = 10_000
	for done := 0; done < n; done += at {
		err := app.RunInTransaction(func(tx core.App) error {
			_, err := tx.DB().NewQuery(fmt.Sprintf(`WITH RECURSIVE i(x) AS (SELECT %d UNION ALL SELECT x + 1 FROM i WHERE x < %d)
				INSERT INTO events (id, source, payload, created) SELECT printf('r%%014d', x), 'greenhouse', '%s',
				strftime('%%Y-%%m-%%d %%H:%%M:%%fZ', 1767225600 + x, 'unixepoch') FROM i`, done, min(done+at, n)-1, reading)).Execute()
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// batchOf returns a request of PocketBase's batch API that makes n records.
func batchOf(n int) []byte {
	type one struct {
		Method string         `json:"method"`
		URL    string         `json:"url"`
		Body   map[string]any `json:"body"`
	}
	var rs []one
	for range n {
		rs = append(rs, one{"POST", "/api/collections/events/records", map[string]any{"source": "greenhouse", "payload": json.RawMessage(reading)}})
	}
	b, err := json.Marshal(map[string]any{"requests": rs})
	if err != nil {
		return nil
	}
	return b
}

// count asks a contestant how many rows it holds.
func count(ctx context.Context, url string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(b), 10, 64)
}
