package web

// Connection is how an agent gets into a workspace.
type Connection struct {
	Name    string
	Slug    string
	Role    string // the person's
	MCPURL  string
	Command string // the line that adds it to Claude Code
}

// Account is where a person lands who came by themselves. Its forms post form
// to /signout and /signout/everywhere.
type Account struct {
	Email      string
	Workspaces []Connection
	Form       string // the token against forged forms
}

func (Account) template() string     { return "account" }
func (Account) formAction() []string { return nil }

// Message says one thing: an error that must not redirect, or a notice.
type Message struct {
	Title  string
	Text   string
	Hint   string // what to do next
	Status int    // shown when it is not 0
	Link   Link   // where to go next, if anywhere
}

// Link leads to a path of ours.
type Link struct {
	Label string
	Href  string
}

func (Message) template() string     { return "message" }
func (Message) formAction() []string { return nil }
