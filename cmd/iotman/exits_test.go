package main

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// exits are the ways out that the standard library offers, by import path. Only
// flow/egress takes them: every other package is handed its Guard, or a client
// of that.
var exits = map[string][]string{
	"net":        {"Dial", "DialIP", "DialTCP", "DialTimeout", "DialUDP", "DialUnix", "Dialer"},
	"net/http":   {"DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm", "Transport"},
	"net/smtp":   {"Dial", "SendMail"},
	"crypto/tls": {"Dial", "DialWithDialer", "Dialer"},
}

func TestExits(t *testing.T) { check(t, leaving) }

// leaving finds ways out that pass flow/egress by.
func leaving(sources []source) (bad []string) {
	for _, s := range sources {
		if s.pkg == "flow/egress" {
			continue
		}
		paths := map[string]string{} // by the name in the file
		for _, imp := range s.file.Imports {
			target := strings.Trim(imp.Path.Value, `"`)
			name := path.Base(target)
			if imp.Name != nil {
				name = imp.Name.Name
			}
			paths[name] = target
		}
		report := func(x ast.Expr, found func(pkg, name string) bool) {
			sel, ok := x.(*ast.SelectorExpr)
			if !ok {
				return
			}
			if id, ok := sel.X.(*ast.Ident); ok && found(paths[id.Name], sel.Sel.Name) {
				bad = append(bad, s.at(sel.Pos(), "%s uses %s.%s; what leaves goes through flow/egress", s.pkg, id.Name, sel.Sel.Name))
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				report(n, func(pkg, name string) bool { return slices.Contains(exits[pkg], name) })
			case *ast.CompositeLit: // a parameter of that type is how a Guard's is handed on
				report(n.Type, func(pkg, name string) bool { return pkg == "net/http" && name == "Client" })
			}
			return true
		})
	}
	return bad
}

// TestLeaving gives the rule what it must find and what it must let pass.
func TestLeaving(t *testing.T) {
	sources, err := load(fstest.MapFS{
		"go.mod": {Data: []byte("module iotman\n")},
		"api/a.go": {Data: []byte(`package api
import ("net"; "net/http"; web "net/http"; "crypto/tls"; "net/smtp")
var a = http.DefaultClient
var b = web.Get
var c = &http.Client{}
var d net.Dialer
var e = tls.Dial
var f = smtp.SendMail
func g(c *http.Client, r http.Header) { net.Listen(c.Get, http.MethodGet); r.Get("Dial") }
`)},
		"flow/egress/a.go": {Data: []byte("package egress\nimport \"net\"\nvar d net.Dialer")},
	})
	if err != nil {
		t.Fatal(err)
	}
	const why = "; what leaves goes through flow/egress"
	want := []string{
		"api/a.go:3: api uses http.DefaultClient" + why, "api/a.go:4: api uses web.Get" + why, "api/a.go:5: api uses http.Client" + why,
		"api/a.go:6: api uses net.Dialer" + why, "api/a.go:7: api uses tls.Dial" + why, "api/a.go:8: api uses smtp.SendMail" + why,
	}
	if got := leaving(sources); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
