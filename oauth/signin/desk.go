package signin

import (
	"context"
	"crypto/rand"
	"log/slog"
	"math"
	"time"

	"iotman/iot"
	"iotman/store"
)

// Mailer takes mail to whom it is for. It does not wait for its arrival.
type Mailer interface {
	Send(ctx context.Context, m iot.Mail) error
}

// Config is what a Desk is made of.
type Config struct {
	Store *store.Store
	Mail  Mailer
	Log   *slog.Logger
	URL   string // the server's public URL, which links lead to
}

// Desk signs people in. Its methods may be called by many goroutines at once.
// Mail leaves only while Run runs.
type Desk struct {
	st     *store.Store
	mail   Mailer
	log    *slog.Logger
	url    string
	outbox chan iot.Mail
	hashes chan struct{} // one for each password that may be hashed at once
}

// Bounds: mails that wait, and passwords hashed at once, each of which takes 19
// MiB.
const (
	maxOutbox = 256
	maxHashes = 4
)

// New returns a Desk.
func New(cfg Config) *Desk {
	return &Desk{
		st: cfg.Store, mail: cfg.Mail, log: cfg.Log, url: cfg.URL,
		outbox: make(chan iot.Mail, maxOutbox), hashes: make(chan struct{}, maxHashes),
	}
}

// Run sends mail until ctx ends. It is sent here and not where it is asked for,
// because the time that takes would tell who has an account.
func (d *Desk) Run(ctx context.Context) error {
	for {
		select {
		case m := <-d.outbox:
			limited, cancel := context.WithTimeout(ctx, time.Minute)
			if err := d.mail.Send(limited, m); err != nil {
				d.log.ErrorContext(ctx, "send mail", "purpose", m.Purpose, "err", err)
			}
			cancel()
		case <-ctx.Done():
			return nil
		}
	}
}

// Signed is a person who has just signed in.
type Signed struct {
	Account iot.ID
	Cookie  string // stands for the person from now on, for store.BrowserLife
	Next    string // where they were going, a path of ours
}

// Bounds on asking for links and trying passwords. They count for an address
// that nobody has, too.
var (
	addressLimit  = store.Limit{Most: 3, Per: 15 * time.Minute}
	passwordLimit = store.Limit{Most: 10, Per: 15 * time.Minute}
	senderLimit   = store.Limit{Most: 20, Per: time.Hour}
)

// limits counts an attempt against its sender, and against what is tried.
func (d *Desk) limits(ctx context.Context, sender, name string, l store.Limit) error {
	wait, err := d.st.Attempt(ctx, "signin:"+iot.NetworkOf(sender), senderLimit)
	if err == nil && wait == 0 {
		wait, err = d.st.Attempt(ctx, name, l)
	}
	if err != nil || wait == 0 {
		return err
	}
	e := iot.Errorf(iot.Limited, "too many attempts of late")
	e.RetryAfter = wait
	return e.Hinting("try again in %d minutes", int(math.Ceil(wait.Minutes())))
}

// Ask is a request for a sign-in link.
type Ask struct {
	Email   string
	Browser string // the secret that the browser which asks holds
	Next    string // where the person is going, a path of ours
	Sender  string // the network address of who asks
}

// Link sends a sign-in link to the address, if an account has it, and tells
// nobody whether one has.
func (d *Desk) Link(ctx context.Context, a Ask) error {
	email, err := iot.ParseEmail(a.Email)
	if err != nil {
		return err
	}
	if err := d.limits(ctx, a.Sender, "link:"+email, addressLimit); err != nil {
		return err
	}
	account, err := d.account(ctx, email)
	if err != nil {
		return err
	}
	token := newToken()
	err = d.st.AddSignInLink(ctx, store.DigestOf(token), store.SignInLink{
		Account: account.ID, Email: email, Browser: store.DigestOf(a.Browser), Next: LocalPath(a.Next),
	})
	if err != nil || account.ID == "" {
		return err
	}
	d.post(ctx, linkMail(email, d.linkURL(token)))
	return nil
}

// account returns who has the address, the zero Account for nobody.
func (d *Desk) account(ctx context.Context, email string) (iot.Account, error) {
	account, err := d.st.AccountByEmail(ctx, email)
	if iot.KindOf(err) == iot.NotFound {
		return iot.Account{}, nil
	}
	return account, err
}

// newToken returns a secret of 260 bits.
func newToken() string { return rand.Text() + rand.Text() }

func (d *Desk) linkURL(token string) string { return d.url + "/signin/link?token=" + token }

func linkMail(email, link string) iot.Mail {
	return iot.Mail{
		To: email, Purpose: "sign_in", Subject: "Sign in to iotman",
		Text: "Open this link to sign in. It works once, for 15 minutes:\n\n" + link + "\n\n" +
			"If you did not ask for it, do nothing: nobody gets in without it.\n",
	}
}

// Reused tells a person that a refresh token of theirs was used again after its
// time, which ended the session.
func (d *Desk) Reused(ctx context.Context, ws iot.ID, g store.Grant) error {
	if g.Account == "" {
		return nil // a machine reads no mail; the audit log has it
	}
	account, err := d.st.Account(ctx, g.Account)
	if err != nil {
		return err
	}
	w, err := d.st.Workspace(ws).Get(ctx)
	if err != nil {
		return err
	}
	d.post(ctx, iot.Mail{
		To: account.Email, Purpose: "session_reused", Subject: "An app was signed out of iotman",
		Text: "An app that you connected to the workspace " + string(w.Slug) + " presented an old token again. " +
			"Somebody else may have a copy of it, so its access was ended.\n\nIf you still use the app, connect it again. " +
			"The workspace's audit log has the details.\n",
	})
	return nil
}

// post puts a mail into the outbox.
func (d *Desk) post(ctx context.Context, m iot.Mail) {
	select {
	case d.outbox <- m:
	default:
		d.log.WarnContext(ctx, "too much mail is waiting; one was not sent", "purpose", m.Purpose)
	}
}

// PrintLink returns a link for the account that works in any browser, to be
// shown to who runs the server.
func (d *Desk) PrintLink(ctx context.Context, a iot.Account) (string, error) {
	token := newToken()
	err := d.st.AddSignInLink(ctx, store.DigestOf(token), store.SignInLink{Account: a.ID, Email: a.Email})
	return d.linkURL(token), err
}

// Link is a sign-in link as it is shown before it is used.
type Link struct {
	Email string
	Next  string // where it leads, a path of ours
	Here  bool   // it signs in in the browser that it was opened in
}

// Look returns what a link is. It uses nothing up: programs follow links, too.
func (d *Desk) Look(ctx context.Context, token, browser string) (Link, error) {
	l, err := d.st.SignInLink(ctx, store.DigestOf(token))
	return Link{l.Email, l.Next, here(l, browser)}, err
}

// here reports whether a link signs in in the browser that holds the secret.
func here(l store.SignInLink, browser string) bool {
	return l.Browser == store.Digest{} || browser != "" && l.Browser.Is(browser)
}

// Confirm uses a link. In the browser that asked, or where the command line
// printed it, the person is signed in; in any other, code is to be typed where
// they began, so that a link which somebody else asked for lets nobody else in.
func (d *Desk) Confirm(ctx context.Context, token, browser string) (s Signed, code string, err error) {
	hash := store.DigestOf(token)
	l, err := d.st.SignInLink(ctx, hash)
	if err != nil {
		return s, "", err
	}
	if !here(l, browser) {
		code = newCode()
		return s, code, d.st.SetSignInCode(ctx, hash, store.DigestOf(code))
	}
	cookie := newToken()
	if l, err = d.st.UseSignInLink(ctx, hash, store.DigestOf(cookie)); err != nil {
		return s, "", err
	}
	return Signed{l.Account, cookie, l.Next}, "", nil
}

// Code signs in where a link was asked for, with the code that it showed
// elsewhere.
func (d *Desk) Code(ctx context.Context, browser, code string) (Signed, error) {
	cookie := newToken()
	l, err := d.st.UseSignInCode(ctx, store.DigestOf(browser), tidyCode(code), store.DigestOf(cookie))
	return Signed{l.Account, cookie, l.Next}, err
}

// Who returns the person that a cookie stands for; nobody is Unauthenticated.
func (d *Desk) Who(ctx context.Context, cookie string) (iot.Account, error) {
	return d.st.SignedIn(ctx, store.DigestOf(cookie))
}

// Out ends what a cookie stands for.
func (d *Desk) Out(ctx context.Context, cookie string) error {
	return d.st.SignOut(ctx, store.DigestOf(cookie))
}

// OutEverywhere signs the person out in every browser.
func (d *Desk) OutEverywhere(ctx context.Context, account iot.ID) error {
	return d.st.SignOutEverywhere(ctx, account)
}

// errPassword is the one answer to what is wrong with an address or a password.
func errPassword() error {
	return iot.Errorf(iot.Unauthenticated, "that address and password do not belong together").
		Hinting("try again, or have a link sent instead: most people have no password")
}

// Password signs a person in with a password, if they have one.
func (d *Desk) Password(ctx context.Context, a Ask, password string) (Signed, error) {
	email, err := iot.ParseEmail(a.Email)
	if err != nil {
		return Signed{}, errPassword() //nolint:nilerr // the same answer for all that is wrong
	}
	if err := d.limits(ctx, a.Sender, "password:"+email, passwordLimit); err != nil {
		return Signed{}, err
	}
	account, err := d.account(ctx, email)
	if err != nil {
		return Signed{}, err
	}
	hash, err := d.st.PasswordHash(ctx, account.ID)
	if err != nil {
		return Signed{}, err
	}
	ok, err := d.matches(ctx, password, hash)
	if err != nil {
		return Signed{}, err
	}
	if !ok {
		return Signed{}, errPassword()
	}
	s := Signed{account.ID, newToken(), LocalPath(a.Next)}
	return s, d.st.SignIn(ctx, store.DigestOf(s.Cookie), account.ID)
}
