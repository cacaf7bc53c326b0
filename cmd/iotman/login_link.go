package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"iotman/oauth/signin"
	"iotman/store"
)

// openFolder opens a data folder that iotman serve has made, beside a server
// that may serve it, and returns the public URL that it is served at.
func (f folderFlags) openFolder(ctx context.Context, e env) (*store.Store, string, error) {
	if _, err := os.Stat(filepath.Join(f.data, "iotman.db")); err != nil {
		return nil, "", fmt.Errorf("%s is not a data folder: run iotman serve first, or name the folder with -data (%w)", f.data, err)
	}
	key, err := f.key(e, false)
	if err != nil {
		return nil, "", err
	}
	st, err := store.Open(ctx, store.Config{Dir: f.data, Key: key})
	if err != nil {
		return nil, "", err
	}
	publicURL, err := st.Fact(ctx, factPublicURL)
	if err == nil && publicURL == "" {
		err = fmt.Errorf("this data folder was never served: run iotman serve first, so that its URL is known")
	}
	if err != nil {
		_ = st.Close()
		return nil, "", err
	}
	return st, publicURL, nil
}

// desk is where people sign in, for a command that sends no mail.
func desk(st *store.Store, publicURL string) *signin.Desk {
	return signin.New(signin.Config{Store: st, URL: publicURL, Log: slog.New(slog.DiscardHandler)})
}

// printLoginLink prints a link that signs a person in, once, in any browser.
func printLoginLink(ctx context.Context, e env, args []string) error {
	fs, parse := e.flags("login-link", "Prints a link that signs a person in, once, within 15 minutes, in any browser.\nThe data folder is one that iotman serve has made; it may be served meanwhile.")
	var f folderFlags
	fs.StringVar(&f.data, "data", "iotman-data", "data `folder`")
	fs.StringVar(&f.keyFile, "key-file", "", keyFileUsage)
	email := fs.String("email", "", "`address` of the account (default: the first account)")
	if err := parse(args); err != nil {
		return err
	}
	st, publicURL, err := f.openFolder(ctx, e)
	if err != nil {
		return err
	}
	defer st.Close()
	account, err := st.FirstAccount(ctx)
	if *email != "" {
		account, err = st.AccountByEmail(ctx, *email)
	}
	if err != nil {
		return err
	}
	link, err := desk(st, publicURL).PrintLink(ctx, account)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(e.stdout, link)
	return err
}
