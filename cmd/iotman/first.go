package main

import (
	"context"
	"fmt"

	"iotman/iot"
	"iotman/store"
)

// The account and the workspace that the first start makes.
const (
	firstEmail     = "admin@localhost"
	firstWorkspace = "default"
)

// prepare records the public URL and makes sure that there is an account with
// a workspace. It reports whether this is the first start, the one that made
// the workspace.
func prepare(ctx context.Context, st *store.Store, publicURL string) (first bool, err error) {
	if err := st.SetFact(ctx, factPublicURL, publicURL); err != nil {
		return false, fmt.Errorf("record the public URL: %w", err)
	}
	account, err := st.FirstAccount(ctx)
	if err != nil {
		return false, fmt.Errorf("look for an account: %w", err)
	}
	if account.ID == "" {
		if account, err = st.CreateAccount(ctx, firstEmail, "Admin"); err != nil {
			return false, fmt.Errorf("make the first account: %w", err)
		}
	}
	has, err := st.WorkspacesOf(ctx, account.ID, "", 1)
	if err != nil {
		return false, fmt.Errorf("look for a workspace: %w", err)
	}
	if len(has) > 0 {
		return false, nil
	}
	by := store.By{Account: account.ID, Email: account.Email, Client: tokenClient, Operation: "workspace_create"}
	_, err = st.CreateWorkspace(ctx, by, iot.Workspace{Name: "Default", Slug: firstWorkspace, DefaultRole: iot.Editor})
	if err != nil {
		return false, fmt.Errorf("make the first workspace: %w", err)
	}
	return true, nil
}

// welcome prints what a person needs after the first start.
func welcome(ctx context.Context, e env, st *store.Store, f serveFlags) error {
	account, err := st.FirstAccount(ctx)
	if err != nil {
		return err
	}
	workspaces, err := st.WorkspacesOf(ctx, account.ID, "", 1)
	if err != nil || len(workspaces) == 0 {
		return err
	}
	ws := workspaces[0]
	mcpURL := f.publicURL + "/mcp/" + string(ws.Slug)
	link, err := desk(st, f.publicURL).PrintLink(ctx, account)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, `
First start: made the account %s and the workspace %s.

Sign in (this link works once, for 15 minutes; iotman login-link -data %s prints another):

  %s

Connect an agent; it opens a browser and asks you what it may do:

  claude mcp add --transport http iotman %s

`, account.Email, ws.Slug, f.data, link, mcpURL)
	return err
}
