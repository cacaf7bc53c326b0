package web_test

import (
	"iotman/iot"
	"iotman/web"
)

// offered is what the apps of the fixtures ask for.
var offered = iot.PermissionsOf(iot.DataRead, iot.SourcesRead, iot.SourcesWrite, iot.ProcessRead, iot.ProcessWrite,
	iot.ExportsRead, iot.ExportsWrite, iot.AccountRead, iot.AccountWrite, iot.WorkspaceRead)

const form = "f0rm"

var stranger = web.Client{
	Name: "Claude", Host: "localhost:33418", Loopback: true, ID: "01a20216-fede-729f-8cb0-a7155f743a16",
	URI: "https://claude.ai", Registered: "today at 10:12",
}

var known = web.Client{Name: "Claude", Host: "claude.ai", Verified: true, ID: "https://claude.ai/oauth/client.json"}

// fixtures are every page in every state that looks different, by name.
func fixtures() map[string]web.Page {
	consent := web.Consent{
		Client: stranger, Workspace: web.Workspace{Name: "Greenhouses of Amrum", Slug: "greenhouses"},
		Email: "ada@example.com", Role: "Admin", Groups: web.Groups(offered, offered),
		Consent: "c0nsent", Form: form, Action: "/oauth/consent", FormAction: web.RedirectSources("http://localhost:33418/callback"),
	}
	all, reading, nothing := consent, consent, consent
	all.Client = known
	all.Groups = web.Groups(iot.AllPermissions(), iot.AllPermissions())
	all.FormAction = web.RedirectSources("https://claude.ai/api/mcp/auth_callback")
	reading.Client = web.Client{Host: "cursor:", Loopback: true}
	reading.Role = "viewer"
	reading.Groups = web.Groups(iot.PermissionsOf(iot.DataRead, iot.SourcesRead), iot.PermissionsOf(iot.DataRead))
	reading.Beyond = []string{web.PermissionWords(iot.SourcesWrite).Label, web.PermissionWords(iot.AuditRead).Label}
	reading.FormAction = web.RedirectSources("cursor://anysphere.cursor-mcp/callback")
	nothing.Groups = nil
	nothing.Beyond = reading.Beyond[:1]

	home := web.Account{Email: "ada@example.com", Form: form, Workspaces: []web.Connection{
		{"Greenhouses of Amrum", "greenhouses", "Owner", "https://iot.example.com/mcp/greenhouses", "claude mcp add --transport http greenhouses https://iot.example.com/mcp/greenhouses"},
		{"Workshop", "workshop", "viewer", "https://iot.example.com/mcp/workshop", "claude mcp add --transport http workshop https://iot.example.com/mcp/workshop"},
	}}
	return map[string]web.Page{
		"signin":          web.SignIn{Next: "/account", Form: form, FormAction: []string{"https://claude.ai"}},
		"signin-client":   web.SignIn{Next: "/oauth/authorize?state=1&scope=data:read", Email: "ada@", Error: "This is no email address. It should look like ada@example.com.", Client: "Claude", Form: form},
		"signin-password": web.SignIn{Next: "/account", Email: "ada@example.com", Error: "The email address or the password is wrong.", Form: form, PasswordOpen: true},
		"linksent":        web.LinkSent{Email: "ada@example.com", Form: form, Next: "/account", Console: true},
		"linksent-error":  web.LinkSent{Email: "ada@example.com", Form: form, Next: "/account", Error: "This code is wrong, or too old."},
		"confirm":         web.ConfirmLink{Token: "t0ken", Form: form, Email: "ada@example.com", SameBrowser: true},
		"confirm-other":   web.ConfirmLink{Token: "t0ken", Form: form, Email: "ada@example.com"},
		"code":            web.ShowCode{Code: "KX4M-7QPD"},
		"consent":         consent,
		"consent-all":     all,
		"consent-reading": reading,
		"consent-nothing": nothing,
		"pick": web.PickWorkspace{Client: stranger, Email: "ada@example.com", Workspaces: []web.Option{
			{"Greenhouses of Amrum", "greenhouses", "Owner", "/oauth/authorize?workspace=greenhouses"},
			{"Workshop", "workshop", "viewer", "/oauth/authorize?workspace=workshop"},
		}},
		"pick-none":    web.PickWorkspace{Client: known, Email: "ada@example.com"},
		"account":      home,
		"account-none": web.Account{Email: "ada@example.com", Form: form},
		"message": web.Message{
			Title: "This app’s request cannot be answered", Text: "Its redirect address is not one that it registered.",
			Hint: "Nothing was sent to the app. Start again from it; if this comes back, tell whoever makes it.", Status: 400,
		},
		"message-link": web.Message{Title: "You are signed out", Text: "Agents that you let in stay connected.", Link: web.Link{Label: "Sign in again", Href: "/signin"}},
	}
}
