package web

import "iotman/iot"

// Words are how people are told of a permission.
type Words struct {
	Group string // the title of its toolset
	Label string // what it lets an app do, after "it may"
}

// groupTitles are the titles in their order on the page.
var groupTitles = []string{
	"Data", "Sources", "Tags and outputs", "Exports", "Configuration", "Workspace", "Members", "Access", "Mail", "Your account", "This server",
}

var words = map[iot.Permission]Words{
	iot.WorkspaceRead:  {Group: "Workspace", Label: "See its name, settings and usage"},
	iot.WorkspaceWrite: {Group: "Workspace", Label: "Rename it, change its settings, publish its description, and delete it with everything in it"},
	iot.AuditRead:      {Group: "Workspace", Label: "Read the audit log: who changed what, and when"},
	iot.WorkspaceOwn:   {Group: "Workspace", Label: "Hand it to another owner"},
	iot.MembersRead:    {Group: "Members", Label: "See members, roles and invitations"},
	iot.MembersWrite:   {Group: "Members", Label: "Invite and remove people, and change what they may do"},
	iot.SpecRead:       {Group: "Configuration", Label: "Read the whole configuration as one document, and its history"},
	iot.SpecWrite:      {Group: "Configuration", Label: "Replace the whole configuration at once, and go back to earlier versions"},
	iot.SourcesRead:    {Group: "Sources", Label: "See HTTP endpoints and MQTT connectors, and what they refused"},
	iot.SourcesWrite:   {Group: "Sources", Label: "Create, change and delete endpoints and connectors, and send events in"},
	iot.ProcessRead:    {Group: "Tags and outputs", Label: "See tag rules and outputs, and try them out"},
	iot.ProcessWrite:   {Group: "Tags and outputs", Label: "Create, change and delete tag rules and outputs"},
	iot.ExportsRead:    {Group: "Exports", Label: "See export endpoints, webhooks and their deliveries"},
	iot.ExportsWrite:   {Group: "Exports", Label: "Create, change and delete export endpoints, and webhooks that send data elsewhere"},
	iot.DataRead:       {Group: "Data", Label: "Read the events that your devices send"},
	iot.DataWrite:      {Group: "Data", Label: "Delete events for good"},
	iot.AccessRead:     {Group: "Access", Label: "See clients, end-users, scopes, API keys and sessions, never their secrets"},
	iot.AccessWrite:    {Group: "Access", Label: "Create, change and revoke clients, end-users, scopes, API keys and sessions"},
	iot.MailRead:       {Group: "Mail", Label: "See the mail settings without the password, and whom mail went to"},
	iot.MailWrite:      {Group: "Mail", Label: "Change the mail settings and send test mail"},
	iot.AccountRead:    {Group: "Your account", Label: "See your name and email address, and the names of your workspaces and organizations"},
	iot.AccountWrite:   {Group: "Your account", Label: "Create workspaces and organizations in your name"},
	iot.PlatformAdmin:  {Group: "This server", Label: "Manage every account on this server"},
}

// PermissionWords returns the words for a permission; of an unknown one its
// name stands for itself.
func PermissionWords(p iot.Permission) Words {
	if w, ok := words[p]; ok {
		return w
	}
	return Words{Group: groupTitles[len(groupTitles)-1], Label: string(p)}
}

// Groups returns the permissions offered as a Consent shows them, with those
// ticked that were; a sensitive one never is.
func Groups(offered, ticked iot.Permissions) []Group {
	byTitle := map[string][]Choice{}
	for _, p := range offered.List() {
		w, sensitive := PermissionWords(p), iot.Sensitive().Has(p)
		byTitle[w.Group] = append(byTitle[w.Group], Choice{
			Name: string(p), Label: w.Label, Reads: p.Reads(), Sensitive: sensitive,
			Checked: ticked.Has(p) && !sensitive,
		})
	}
	var groups []Group
	for _, title := range groupTitles {
		if choices := byTitle[title]; choices != nil {
			groups = append(groups, Group{title, choices})
		}
	}
	return groups
}
