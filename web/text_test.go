package web_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"iotman/iot"
	"iotman/web"
)

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"":                                     "",
		"Claude":                               "Claude",
		"  Claude \t\n Code  ":                 "Claude Code",
		"\u202eedualC\u202c":                   "edualC",
		"\u2066a\u2067b\u2068c\u2069":          "abc",
		"C\u200bl\u200ea\u200fu\ufeffde":       "Claude",
		"a\u00adb\u2060c\U000e0041d":           "abcd",
		"a\x00b\x1b[31mc\x7fd\u0085e":          "ab[31mcd e",
		"\u3164\u115f\u2800":                   "",
		"a\u2028b\u2029c":                      "a b c",
		"Claude” at claude.ai, “x":             "Claude' at claude.ai, 'x",
		`"x" «y» ＂z`:                           "'x' 'y' 'z",
		"Zalgo\u0301\u0302\u0303\u0304\u0305s": "Zalgo\u0301\u0302s",
		"\u0301\u0302a":                        "a",
		"é ü 日本 кириллица नमस्ते": "é ü 日本 кириллица नमस्ते",
		"bad\xffutf8":                      "bad\ufffdutf8",
		strings.Repeat("x", 64):            strings.Repeat("x", 64),
		strings.Repeat("x", 65):            strings.Repeat("x", 64) + "…",
		strings.Repeat("é ", 40):           strings.Repeat("é ", 31) + "é…",
		strings.Repeat(" ", 1<<20) + "far": "",
	} {
		if got := web.CleanName(in); got != want {
			t.Errorf("%.40q: got %q, want %q", in, got, want)
		}
	}
}

// FuzzCleanName: whatever the name, what is left of it is short and shows.
func FuzzCleanName(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := web.CleanName(s)
		if n := utf8.RuneCountInString(got); n > 65 {
			t.Errorf("%d characters", n)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) || r == '"' || r == '”' }) {
			t.Errorf("got %q", got)
		}
		if got != strings.TrimSpace(got) || strings.Contains(got, "  ") {
			t.Errorf("got blanks in %q", got)
		}
		if !strings.HasSuffix(got, "…") && web.CleanName(got) != got {
			t.Errorf("%q is cleaned again to %q", got, web.CleanName(got))
		}
	})
}

// hostile is what strangers may call themselves (A12, G2, G14).
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onfocus='alert(1)' autofocus='`, `</title><script>x</script>`,
	`--><svg onload=alert(1)>`, `<a href="https://evil.example">Claude</a>`, `javascript:alert(1)`, `//evil.example/x`, `/\evil.example`, "/\t/evil.example", `https://evil.example`, `{{.Form}}`, `&lt;script&gt;`,
	`</textarea></pre></form><form action=https://evil.example>`, "Claude\u202e\u2066moc.live", "\u200bClaude\ufeff", "a\x00b\r\nSet-Cookie: x=y",
	"Claude”</bdi> is verified <bdi>“", "\xff\xfe<\xc0\xbc", "Сlаudе", `<style>*{display:none}</style>`, `<base href=//evil.example>`, `<meta http-equiv=refresh content=0>`,
	strings.Repeat("<b>", 1<<12), strings.Repeat("e\u0301\u0301\u0301", 1<<10),
}

// fill sets every text in a page to s, and every switch to on.
func fill(v reflect.Value, s string, on bool) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "FormAction" {
				fill(v.Field(i), s, on)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), s, on)
		fill(v.Index(1), s, on)
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		v.SetBool(on)
	case reflect.Int:
		v.SetInt(404)
	}
}

// TestHostileText: A12, G2, G14. Whatever stands in any field, the page has the
// same elements and attributes as with plain text, nothing of it runs or leads
// elsewhere, and what people read of it is short and turns nothing around.
func TestHostileText(t *testing.T) {
	seen := map[reflect.Type]bool{}
	for _, page := range fixtures() {
		kind := reflect.TypeOf(page)
		if seen[kind] { // in another state
			continue
		}
		seen[kind] = true
		for _, on := range []bool{false, true} {
			show := func(s string) string {
				v := reflect.New(kind).Elem()
				fill(v, s, on)
				return render(t, v.Interface().(web.Page)).Body.String()
			}
			want := skeleton(elements(t, show("plain")))
			for _, s := range hostile {
				got := elements(t, show(s))
				if skeleton(got) != want {
					t.Errorf("%s: %.40q changes the page", kind, s)
				}
				for _, e := range got {
					checkInert(t, e)
					checkShown(t, kind.String(), e)
				}
			}
		}
	}
}

// skeleton is a page without its texts and values, and without the groups of a
// code.
func skeleton(page []*element) string {
	var b strings.Builder
	for _, e := range page {
		if e.name == "span" && len(e.attrs) == 0 {
			continue
		}
		b.WriteString(strings.Join(e.within, ">") + ">" + e.name)
		for _, key := range slices.Sorted(maps.Keys(e.attrs)) {
			b.WriteString(" " + key)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// checkShown looks at the text that people read, which is short.
func checkShown(t *testing.T, kind string, e *element) {
	t.Helper()
	if strings.ContainsAny(e.text, "\u202e\u2066\u200b\ufeff\x00") {
		t.Errorf("%s: %s shows what turns text around or hides in it: %.80q", kind, e.name, e.text)
	}
	most := 20_000
	if e.attrs["class"] == "name" {
		most = 67 // with quotation marks and an ellipsis
	}
	if n := utf8.RuneCountInString(e.text); n > most {
		t.Errorf("%s: %s shows %d characters", kind, e.name, n)
	}
}

// TestLongName: A12. A name of 1 MB does not make a page of 1 MB.
func TestLongName(t *testing.T) {
	long := strings.Repeat("<b>", 1<<20/3)
	for _, page := range []web.Page{
		web.Consent{Client: web.Client{Name: long, ID: long, URI: long}}, web.PickWorkspace{Client: web.Client{Name: long}}, web.SignIn{Client: long},
	} {
		if n := render(t, page).Body.Len(); n > 20_000 {
			t.Errorf("%T: got %d bytes", page, n)
		}
	}
}

// TestLongHost: a host is cut where it says least.
func TestLongHost(t *testing.T) {
	got := render(t, web.Consent{Client: web.Client{Host: "claude.ai." + strings.Repeat("a", 1<<20) + ".evil.example"}}).Body.String()
	if !strings.Contains(got, ".evil.example</p>") || strings.Contains(got, "claude.ai") {
		t.Error("the end of a long host does not show")
	}
	got = render(t, web.Consent{Client: web.Client{Host: "clаude.ai"}}).Body.String() // a Cyrillic а
	if !strings.Contains(got, ">cl\ufffdude.ai<") {
		t.Error("a letter that no host has passes for one")
	}
}

func TestCodeGroups(t *testing.T) {
	for code, want := range map[string]string{
		"KX4M-7QPD": "<span>KX4M</span> <span>7QPD</span>", "KX4M7QPD": "<span>KX4M</span> <span>7QPD</span>",
		"123456": "<span>123</span> <span>456</span>", "12 34 56": "<span>12</span> <span>34</span> <span>56</span>", "1234": "<span>1234</span>",
	} {
		if got := render(t, web.ShowCode{Code: code}).Body.String(); !strings.Contains(got, want) {
			t.Errorf("%s: want %s in %s", code, want, got)
		}
	}
}

// TestPermissionWords: every permission has words of its own, and a group.
func TestPermissionWords(t *testing.T) {
	labels := map[string]iot.Permission{}
	for _, p := range iot.AllPermissions().List() {
		w := web.PermissionWords(p)
		if w.Group == "" || w.Label == "" || strings.Contains(w.Label, string(p)) || labels[w.Label] != "" {
			t.Errorf("%s: got %+v, as %q has", p, w, labels[w.Label])
		}
		labels[w.Label] = p
		groups := web.Groups(iot.PermissionsOf(p), 0)
		if len(groups) != 1 || groups[0].Title != w.Group || len(groups[0].Permissions) != 1 {
			t.Errorf("%s: got the groups %+v", p, groups)
			continue
		}
		if c := groups[0].Permissions[0]; c.Name != string(p) || c.Label != w.Label || c.Reads != p.Reads() || c.Sensitive != iot.Sensitive().Has(p) || c.Checked {
			t.Errorf("%s: got %+v", p, c)
		}
	}
	if w := web.PermissionWords("new:thing"); w.Label != "new:thing" || w.Group == "" {
		t.Errorf("an unknown permission: got %+v", w)
	}
}
