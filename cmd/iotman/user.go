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
standard input; an empty line takes the password away, so that only links sign the person in.
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

// readPassword sets the password to the first line of standard input. No line
// at all is an error: whatever was to write it has failed.
func readPassword(ctx context.Context, e env, d *signin.Desk, account iot.Account) error {
	line, err := bufio.NewReader(io.LimitReader(e.stdin, signin.MaxPassword+2)).ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || line == "") {
		return fmt.Errorf("read the password from standard input: %w", err)
	}
	password := strings.TrimRight(line, "\r\n")
	if err := d.SetPassword(ctx, account.ID, password); err != nil {
		return err
	}
	done := "set the password of"
	if password == "" {
		done = "took the password away from"
	}
	_, err = fmt.Fprintf(e.stdout, "%s %s and signed them out everywhere\n", done, account.Email)
	return err
}
