package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"iotman/iot"
	"iotman/oauth/signin"
	"iotman/store"
)

const userAbout = `Makes an account, or sets its password. With -password the password is the first line of
standard input; an empty one takes the password away, so that only links sign the person in.
A new account starts with a workspace of its own.`

// user makes an account, or sets the password of one.
func user(ctx context.Context, e env, args []string) error {
	fs, parse := e.flags("user", userAbout)
	var f folderFlags
	fs.StringVar(&f.data, "data", "iotman-data", "data `folder`")
	fs.StringVar(&f.keyFile, "key-file", "", keyFileUsage)
	email := fs.String("email", "", "`address` of the account")
	name := fs.String("name", "", "`name` of a new account (default: the address)")
	password := fs.Bool("password", false, "set the password, from standard input")
	if err := parse(args); err != nil {
		return err
	}
	if *email == "" {
		return misuse{errors.New("-email names the account; iotman user -help is the manual")}
	}
	st, publicURL, err := f.openFolder(ctx, e)
	if err != nil {
		return err
	}
	defer st.Close()
	account, err := st.AccountByEmail(ctx, *email)
	if iot.KindOf(err) == iot.NotFound {
		account, err = addAccount(ctx, e, st, *email, *name)
	}
	if err != nil || !*password {
		return err
	}
	return readPassword(ctx, e, desk(st, publicURL), account)
}

// addAccount makes an account with its first workspace.
func addAccount(ctx context.Context, e env, st *store.Store, email, name string) (iot.Account, error) {
	if name == "" {
		name = email
	}
	account, err := st.CreateAccount(ctx, email, name)
	if err != nil {
		return account, err
	}
	local, _, _ := strings.Cut(account.Email, "@")
	by := store.By{Account: account.ID, Email: account.Email, Client: tokenClient, Operation: "workspace_create"}
	ws, err := st.CreateWorkspace(ctx, by, iot.Workspace{Name: iot.Name(local), DefaultRole: iot.Editor})
	if err != nil {
		return account, fmt.Errorf("make the account's workspace: %w", err)
	}
	_, err = fmt.Fprintf(e.stdout, "made the account %s and the workspace %s\n", account.Email, ws.Slug)
	return account, err
}

func readPassword(ctx context.Context, e env, d *signin.Desk, account iot.Account) error {
	line, err := bufio.NewReader(io.LimitReader(e.stdin, signin.MaxPassword+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the password: %w", err)
	}
	if err := d.SetPassword(ctx, account.ID, strings.TrimRight(line, "\r\n")); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "set the password of %s and signed them out everywhere\n", account.Email)
	return err
}
