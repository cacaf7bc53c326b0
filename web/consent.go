package web

// Client is an app that asks for access. Only the host is more than it says of
// itself.
type Client struct {
	Name       string
	Host       string // where the answer goes: the redirect URI's host and port, or its private-use scheme, such as "cursor:"
	Verified   bool   // the name is known to be the app's
	Loopback   bool   // the answer goes to a program on the person's own computer: by a loopback address or a private-use scheme
	ID         string // its client_id
	URI        string // its home page, shown as text
	Registered string // since when it is known, in words
}

// Workspace is a workspace as people know it.
type Workspace struct {
	Name string
	Slug string
}

// Choice is a permission that may be granted.
type Choice struct {
	Name      string // as in a scope: sources:write
	Label     string // in plain words
	Reads     bool   // it changes nothing
	Checked   bool
	Sensitive bool // marked, and not ticked beforehand
}

// Group is the permissions of one toolset.
type Group struct {
	Title       string
	Permissions []Choice
}

// Consent asks a person to let an app into a workspace. It posts to Action:
// consent, form, decision (deny, read, allow), and permission once for each
// that is ticked; read means those of them that change nothing. The first
// button, which the Enter key presses, denies.
type Consent struct {
	Client     Client
	Workspace  Workspace
	Email      string // the person's
	Role       string // the person's, in the workspace
	Groups     []Group
	Beyond     []string // what was asked for and the role does not hold: plain words
	Consent    string   // names this question; good for one answer
	Error      string   // what was wrong with the answer
	Form       string   // the token against forged forms
	Action     string   // a path of ours
	FormAction []string // RedirectSources of the client
}

func (Consent) template() string       { return "consent" }
func (p Consent) formAction() []string { return p.FormAction }

// CanNarrow reports whether reading only is less than what is offered.
func (p Consent) CanNarrow() bool {
	var reads, writes bool
	for _, g := range p.Groups {
		for _, c := range g.Permissions {
			reads = reads || c.Reads
			writes = writes || !c.Reads
		}
	}
	return reads && writes
}

// Option is a workspace to choose.
type Option struct {
	Name string
	Slug string
	Role string // the person's
	Href string // where choosing it leads, a path of ours
}

// PickWorkspace asks which workspace an app that named none is for.
type PickWorkspace struct {
	Client     Client
	Workspaces []Option
	Email      string // the person's
}

func (PickWorkspace) template() string     { return "pick" }
func (PickWorkspace) formAction() []string { return nil }
