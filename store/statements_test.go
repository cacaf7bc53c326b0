package store

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// statement is one SQL constant of the package.
type statement struct{ name, text string }

var beginsSQL = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|WITH|ALTER|DROP|REPLACE)\s`)

// statements returns every SQL constant of the package, in the order of its
// files. SQL anywhere but in a constant of the package is an error.
func statements(t testing.TB) []statement {
	t.Helper()
	sources := map[string]string{}
	names, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if strings.HasSuffix(n.Name(), ".go") && !strings.HasSuffix(n.Name(), "_test.go") {
			b, err := os.ReadFile(n.Name())
			if err != nil {
				t.Fatal(err)
			}
			sources[n.Name()] = string(b)
		}
	}
	found, err := collect(sources)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 50 {
		t.Fatalf("found %d SQL constants, want at least 50: this looks at the wrong folder", len(found))
	}
	return found
}

// collect finds the SQL constants of a package's files, given by name.
func collect(sources map[string]string) ([]statement, error) {
	fset := token.NewFileSet()
	var parsed []*ast.File
	for name, text := range sources {
		f, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f)
	}
	values := map[string]ast.Expr{} // the package's constants
	inConst := map[ast.Node]bool{}  // the literals in them
	var order []string
	for _, f := range parsed {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			ast.Inspect(g, func(n ast.Node) bool { inConst[n] = true; return true })
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				for i, name := range v.Names {
					if i < len(v.Values) {
						values[name.Name] = v.Values[i]
						order = append(order, name.Name)
					}
				}
			}
		}
	}
	for _, f := range parsed {
		var stray error
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && !inConst[n] {
				if text, err := strconv.Unquote(lit.Value); err == nil && beginsSQL.MatchString(text) {
					stray = fmt.Errorf("%s: SQL outside of a constant of the package, where no test sees it: %s", fset.Position(lit.Pos()), lit.Value)
				}
			}
			return true
		})
		if stray != nil {
			return nil, stray
		}
	}
	var out []statement
	for _, name := range order {
		if text, ok := resolve(values[name], values); ok && beginsSQL.MatchString(text) {
			out = append(out, statement{name, text})
		}
	}
	return out, nil
}

// resolve returns the value of a constant string expression.
func resolve(e ast.Expr, values map[string]ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.ParenExpr:
		return resolve(e.X, values)
	case *ast.Ident:
		if v, ok := values[e.Name]; ok {
			return resolve(v, values)
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			a, okA := resolve(e.X, values)
			b, okB := resolve(e.Y, values)
			return a + b, okA && okB
		}
	}
	return "", false
}
