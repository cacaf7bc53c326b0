package web

// SignIn asks who somebody is. It posts email, next and form to /signin/link,
// or with a password to /signin/password.
type SignIn struct {
	Next         string   // where to go afterwards, a path of ours
	Email        string   // what was entered before
	Error        string   // what was wrong with it
	Client       string   // the name of the app that sent the person here, if any
	Form         string   // the token against forged forms
	PasswordOpen bool     // the form with the password is open, and the error is its
	FormAction   []string // where signing in may lead: RedirectSources of the client
}

func (SignIn) template() string       { return "signin" }
func (p SignIn) formAction() []string { return p.FormAction }

// LinkSent says that mail is on its way, to an account that there may not be.
// It posts the code that the link shows in another browser, with email, next
// and form, to /signin/code.
type LinkSent struct {
	Email      string
	Form       string // the token against forged forms
	Next       string // where to go afterwards, a path of ours
	Error      string // what was wrong with the code
	Console    bool   // mail goes to the server's console
	FormAction []string
}

func (LinkSent) template() string       { return "linksent" }
func (p LinkSent) formAction() []string { return p.FormAction }

// ConfirmLink is where a link in a mail leads. Programs follow links, too: only
// its form, which posts token and form to /signin/confirm, uses the link up.
type ConfirmLink struct {
	Token       string // the link's
	Form        string // the token against forged forms
	Email       string
	SameBrowser bool // it was asked for in this browser, else a code is shown next
	FormAction  []string
}

func (ConfirmLink) template() string       { return "confirmlink" }
func (p ConfirmLink) formAction() []string { return p.FormAction }

// ShowCode shows the code to be typed in the browser that asked for the link.
type ShowCode struct {
	Code string // shown in groups: at its hyphens, or in halves
}

func (ShowCode) template() string     { return "showcode" }
func (ShowCode) formAction() []string { return nil }
