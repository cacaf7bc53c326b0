package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// layoutFile is the template that every other one fills.
const layoutFile = "layout.html"

//go:embed templates/*.html
var templates embed.FS

// Page is what Render shows: one of the types of this package, each of which
// names its template.
type Page interface {
	template() string
	formAction() []string // where its forms may lead, beside here
}

// Pages renders every page, and serves what they link to.
type Pages struct {
	byName map[string]*template.Template
	assets map[string]asset // by file name
}

// New parses the templates.
func New() (*Pages, error) {
	p := &Pages{byName: map[string]*template.Template{}}
	var style, icon string
	var err error
	if p.assets, style, icon, err = loadAssets(); err != nil {
		return nil, err
	}
	layout, err := template.New(layoutFile).Option("missingkey=error").Funcs(template.FuncMap{
		"style":   func() string { return style },
		"icon":    func() string { return icon },
		"name":    CleanName,
		"host":    cleanHost,
		"text":    func(s string) string { return clean(s, maxText) },
		"grouped": grouped,
		"path":    ownPath,
		"role":    strings.ToLower,
	}).ParseFS(templates, "templates/"+layoutFile)
	if err != nil {
		return nil, err
	}
	files, err := templates.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if f.Name() == layoutFile {
			continue
		}
		own, err := layout.Clone()
		if err == nil {
			own, err = own.ParseFS(templates, path.Join("templates", f.Name()))
		}
		if err != nil {
			return nil, err
		}
		p.byName[strings.TrimSuffix(f.Name(), ".html")] = own
	}
	return p, nil
}

// Render answers with a page. An error means that nothing was written, and that
// the caller has to answer otherwise. Who went away meanwhile is no error.
func (p *Pages) Render(w http.ResponseWriter, status int, page Page) error {
	policy, err := contentPolicy(page.formAction())
	if err != nil {
		return err
	}
	t := p.byName[page.template()]
	if t == nil {
		return fmt.Errorf("web: no template %q", page.template())
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		return fmt.Errorf("web: render %s: %w", page.template(), err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: with that a form's POST says "Origin: null" (Fetch
	// section 3.2), and a check of the origin refuses it.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
	return nil
}
