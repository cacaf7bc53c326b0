package web_test

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"iotman/iot"
	"iotman/web"
)

// element is a start tag and the text within it.
type element struct {
	name   string
	attrs  map[string]string
	within []string // the names of the elements around it
	text   string
}

// elements reads a page: html/template closes what it opens, so that an XML
// reader, told of HTML's void elements, sees every tag.
func elements(t *testing.T, page string) []*element {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(strings.ToValidUTF8(page, "\ufffd")))
	d.Strict, d.Entity, d.AutoClose = false, xml.HTMLEntity, xml.HTMLAutoClose
	var all, open []*element
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attrs: map[string]string{}}
			for _, a := range token.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			for _, o := range open {
				e.within = append(e.within, o.name)
			}
			all, open = append(all, e), append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			for _, o := range open {
				o.text += string(token)
			}
		case xml.Comment:
			t.Errorf("a comment in the page: %s", token)
		}
	}
}

// TestMarkup: G14, G18. Every page has one h1 and a title, unique ids, labels,
// and nothing that its Content-Security-Policy forbids.
func TestMarkup(t *testing.T) {
	for name, page := range fixtures() {
		t.Run(name, func(t *testing.T) { checkMarkup(t, render(t, page).Body.String()) })
	}
}

func checkMarkup(t *testing.T, page string) {
	t.Helper()
	all := elements(t, page)
	count, labels, ids := map[string]int{}, map[string]string{}, map[string]bool{}
	for _, e := range all {
		count[e.name]++
		if id, ok := e.attrs["id"]; ok {
			if ids[id] {
				t.Errorf("two elements have the id %q", id)
			}
			ids[id] = true
		}
		if e.name == "label" {
			labels[e.attrs["for"]] = strings.TrimSpace(e.text)
		}
		checkInert(t, e)
	}
	if count["h1"] != 1 || count["main"] != 1 || count["title"] != 1 {
		t.Errorf("got %d h1, %d main, %d title; want one each", count["h1"], count["main"], count["title"])
	}
	for _, e := range all {
		if e.name == "html" && e.attrs["lang"] != "en" {
			t.Errorf("got lang %q", e.attrs["lang"])
		}
		if labelled := labels[e.attrs["id"]] != "" || slices.Contains(e.within, "label"); e.name == "input" && e.attrs["type"] != "hidden" && !labelled {
			t.Errorf("the input %v has no label", e.attrs)
		}
		if slices.Contains([]string{"h1", "h2", "legend", "button", "label", "summary", "title"}, e.name) && strings.TrimSpace(e.text) == "" {
			t.Errorf("%s %v is empty", e.name, e.attrs)
		}
		for _, key := range []string{"aria-describedby", "aria-labelledby"} {
			if id, ok := e.attrs[key]; ok && !ids[id] {
				t.Errorf("%s of %s names %q, which is nowhere", key, e.name, id)
			}
		}
	}
}

// checkInert looks for what runs, styles or loads.
func checkInert(t *testing.T, e *element) {
	t.Helper()
	if slices.Contains([]string{"script", "style", "img", "iframe", "object", "embed", "base", "video"}, e.name) {
		t.Errorf("the page has a %s", e.name)
	}
	for key, value := range e.attrs {
		if key == "style" || strings.HasPrefix(key, "on") || key == "target" {
			t.Errorf("%s has the attribute %s", e.name, key)
		}
		leads := key == "href" || key == "src" || key == "action" || key == "formaction"
		if leads && (!strings.HasPrefix(value, "/") || strings.HasPrefix(value, "//") || strings.ContainsAny(value, "\\\t\r\n")) {
			t.Errorf("%s leads to %q; want a path of ours", e.name, value)
		}
	}
}

// TestFormsCarryTokens: A26, G13. Every form posts, and has the token that
// proves it ours.
func TestFormsCarryTokens(t *testing.T) {
	for name, page := range fixtures() {
		var forms, tokens int
		for _, e := range elements(t, render(t, page).Body.String()) {
			if e.name == "form" {
				forms++
				if e.attrs["method"] != "post" {
					t.Errorf("%s: a form has the method %q", name, e.attrs["method"])
				}
			}
			if e.name == "input" && e.attrs["name"] == "form" && e.attrs["value"] == form && slices.Contains(e.within, "form") {
				tokens++
			}
		}
		if forms != tokens {
			t.Errorf("%s: got %d tokens in %d forms", name, tokens, forms)
		}
	}
}

// consented is what the form of a consent page would post.
func consented(t *testing.T, c web.Consent) (ticked, offered, decisions []string) {
	t.Helper()
	for _, e := range elements(t, render(t, c).Body.String()) {
		switch e.attrs["name"] {
		case "permission":
			offered = append(offered, e.attrs["value"])
			if _, ok := e.attrs["checked"]; ok {
				ticked = append(ticked, e.attrs["value"])
			}
			if !slices.Contains(e.within, "fieldset") {
				t.Errorf("%s is in no group", e.attrs["value"])
			}
		case "decision":
			decisions = append(decisions, e.attrs["value"])
		}
	}
	return ticked, offered, decisions
}

// TestConsentForm: everything offered can be narrowed, nothing sensitive is
// ticked beforehand, and the button that Enter presses denies.
func TestConsentForm(t *testing.T) {
	all := iot.AllPermissions()
	c := web.Consent{Groups: web.Groups(all, all)}
	ticked, offered, decisions := consented(t, c)
	sensitive := iot.PermissionsOf(iot.WorkspaceOwn, iot.AccountWrite, iot.PlatformAdmin)
	parse := func(names []string) iot.Permissions {
		s, err := iot.ParsePermissions(strings.Join(names, " "))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if got := parse(offered); got != all || len(offered) != len(all.List()) {
		t.Errorf("offered %v", offered)
	}
	if got, want := parse(ticked), all.Without(sensitive); got != want {
		t.Errorf("ticked %#v, want %#v", got, want)
	}
	if want := []string{"deny", "read", "allow"}; !slices.Equal(decisions, want) {
		t.Errorf("got the buttons %v, want %v", decisions, want)
	}
	if got := strings.Count(render(t, c).Body.String(), ">Sensitive<"); got != len(sensitive.List()) {
		t.Errorf("%d permissions are marked as sensitive, want %d", got, len(sensitive.List()))
	}
	for name, test := range map[string]struct {
		offered iot.Permissions
		want    []string
	}{
		"only what reads":  {iot.PermissionsOf(iot.DataRead), []string{"deny", "allow"}},
		"only what writes": {iot.PermissionsOf(iot.DataWrite), []string{"deny", "allow"}},
		"nothing":          {0, []string{"deny"}},
	} {
		if _, _, got := consented(t, web.Consent{Groups: web.Groups(test.offered, 0)}); !slices.Equal(got, test.want) {
			t.Errorf("%s: got the buttons %v, want %v", name, got, test.want)
		}
	}
}

// TestClientIsMarked: A10, A12. Whoever asks is told by where the answer goes;
// only a verified name goes without a warning.
func TestClientIsMarked(t *testing.T) {
	for name, client := range map[string]web.Client{
		"unverified": {Name: "Claude by Anthropic", Host: "evil.example"},
		"loopback":   {Name: "Claude", Host: "localhost:1234", Loopback: true},
		"nameless":   {Host: "evil.example"},
		"invisible":  {Name: "\u202e\u200b", Host: "evil.example"},
		"verified":   {Name: "Claude", Host: "claude.ai", Verified: true},
	} {
		for _, page := range []web.Page{web.Consent{Client: client}, web.PickWorkspace{Client: client}} {
			got := render(t, page).Body.String()
			for part, want := range map[string]bool{
				`<p class="host" id="client-host">` + client.Host + `</p>`: true,
				">Unverified<":      !client.Verified,
				">Verified<":        client.Verified,
				"have just started": !client.Verified,
				"calling itself":    !client.Verified && client.Name != "" && name != "invisible",
				"gives no name":     name == "nameless" || name == "invisible",
				"on this computer":  client.Loopback,
			} {
				if strings.Contains(got, part) != want {
					t.Errorf("%T, %s: has %q is %v, want %v", page, name, part, !want, want)
				}
			}
		}
	}
}
