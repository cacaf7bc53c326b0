package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"iotman/iot"
	"iotman/oauth"
	"iotman/store"
)

// tokenClient is the client that tokens of this command belong to.
const tokenClient = "iotman-cli"

// printToken prints an access token, and nothing else, on standard output. It
// works beside a server that serves the same folder.
func printToken(ctx context.Context, e env, args []string) error {
	fs, parse := e.flags("token", "Prints an access token for one workspace, and nothing else.\nThe data folder is one that iotman serve has made; it may be served meanwhile.")
	var f folderFlags
	fs.StringVar(&f.data, "data", "iotman-data", "data `folder`")
	fs.StringVar(&f.keyFile, "key-file", "", keyFileUsage)
	var o order
	fs.StringVar(&o.workspace, "workspace", "default", "`slug` or id of the workspace")
	fs.StringVar(&o.email, "email", "", "`address` of the member it is for (default: the workspace's owner)")
	fs.Func("permissions", "what it may do: `names` separated by commas (default: all that the role holds)", func(list string) error {
		o.permissions, o.narrowed = list, true
		return nil
	})
	fs.DurationVar(&o.ttl, "ttl", time.Hour, "how long it lives, at most 24h")
	if err := parse(args); err != nil {
		return err
	}
	st, publicURL, err := f.openFolder(ctx, e)
	if err != nil {
		return err
	}
	defer st.Close()
	signed, err := mint(ctx, st, publicURL, o)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(e.stdout, signed)
	return err
}

// order is what token is asked for.
type order struct {
	workspace, email string
	permissions      string
	narrowed         bool // to permissions, even if those are none
	ttl              time.Duration
}

// mint issues a management token to a member of the workspace.
func mint(ctx context.Context, st *store.Store, publicURL string, o order) (string, error) {
	id, err := st.Resolve(ctx, o.workspace)
	if err != nil {
		return "", err
	}
	w := st.Workspace(id)
	ws, err := w.Get(ctx)
	if err != nil {
		return "", fmt.Errorf("workspace %q: %w", o.workspace, err)
	}
	account, err := w.Owner(ctx)
	if o.email != "" {
		account, err = st.AccountByEmail(ctx, o.email)
	}
	if err != nil {
		return "", err
	}
	role, err := w.Role(ctx, account.ID)
	if err != nil {
		return "", err
	}
	if role == "" {
		return "", fmt.Errorf("%s is not a member of the workspace %s", account.Email, ws.Slug)
	}
	rights := role.Rights()
	if o.narrowed {
		asked, err := iot.ParsePermissions(o.permissions)
		if err == nil && asked == 0 {
			err = errors.New("-permissions names none")
		}
		if err != nil {
			return "", fmt.Errorf("%w; the role %s holds %s", err, role, rights)
		}
		if over := asked.Without(rights); over != 0 {
			return "", fmt.Errorf("the role %s does not hold %s", role, over)
		}
		rights = asked
	}
	issuer, err := oauth.New(ctx, st, publicURL)
	if err != nil {
		return "", err
	}
	return issuer.Issue(ctx, oauth.Request{
		Workspace: id, Account: account.ID, Client: tokenClient, Audience: issuer.MCPURL(ws.Slug), Scope: rights.String(), Life: o.ttl,
	})
}
