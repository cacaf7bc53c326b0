package iot

// Transport is the way a call came in. It decides what is asked of the
// caller (a confirmation over MCP) and how much is answered at once.
type Transport string

// The transports.
const (
	REST Transport = "rest"
	MCP  Transport = "mcp"
)

// Caller is who calls, where, and with which rights. It is made by whoever
// authenticated the call, and is all that an operation knows of it.
type Caller struct {
	Account   ID          // the person; empty for a machine
	Email     string      // the person's address, for the audit log
	Client    string      // the OAuth client the token was issued to
	Grant     ID          // the grant the token belongs to
	Workspace ID          // the one workspace that is called
	Slug      Slug        // that workspace's slug
	Role      Role        // the person's role there; empty for a machine
	Held      Permissions // what the role, or the machine's own grant, allows
	Token     Permissions // what the token carries
	Via       Transport
}

// Rights returns the effective right: role ∩ token.
func (c Caller) Rights() Permissions { return c.Held.Intersect(c.Token) }

// Can reports whether the caller may do what needs the permission: nil, or
// an error that tells whether to ask an admin (the role lacks it) or to ask
// for more at sign-in (only the token lacks it).
func (c Caller) Can(p Permission) error {
	if c.Rights().Has(p) {
		return nil
	}
	if c.Held.Has(p) {
		e := Errorf(Insufficient, "the access token lacks the permission %s", p)
		e.Needs = []Permission{p}
		return e.Hinting("sign in again and grant %s", p)
	}
	if c.Role == "" {
		return Errorf(Forbidden, "this client does not hold the permission %s", p).
			Hinting("ask an admin of the workspace to grant it to the client")
	}
	return Errorf(Forbidden, "the role %s does not hold the permission %s", c.Role, p).
		Hinting("ask an admin of the workspace for a role that does")
}
