package main

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "iotman"

// layers are the packages by rank: a package imports lower ranks only. Where
// the code teaches better, change this table and say why in the commit.
var layers = [][]string{
	{"iot"},
	{"flow/expr", "flow/egress", "flow/schema"},
	{"store"},
	{"flow"},
	{"flow/deliver"},
	{"tools"},
	{"spec", "mcp", "oauth", "oauth/signin"},
	{"api", "web"},
	{"flow/mqtt"},
	{"cmd/iotman"},
}

// homes are the packages that may import what begins with a prefix, so that a
// dependency can be replaced in one place.
var homes = []struct {
	prefix string
	in     []string
}{
	{"github.com/ory/fosite", []string{"oauth"}},
	{"github.com/mark3labs/mcp-go", []string{"mcp"}},
	{"github.com/getkin/kin-openapi", []string{"spec"}},
	{"modernc.org/sqlite", []string{"store"}},
	{"github.com/jackc/pgx", []string{"store"}},
	{"database/sql", []string{"store"}},
	{"code.dny.dev/ssrf", []string{"flow/egress"}},
	{"github.com/eclipse/paho", []string{"flow/mqtt"}},
	{"github.com/santhosh-tekuri/jsonschema", []string{"flow/schema"}},
	{"github.com/google/jsonschema-go", []string{"tools", "spec"}},
}

// The sizes of style.md.
const (
	maxFileLines = 500
	maxFuncLines = 60
	maxParams    = 5
)

func TestLayers(t *testing.T)      { check(t, layering) }
func TestHomes(t *testing.T)       { check(t, homing) }
func TestPackageDocs(t *testing.T) { check(t, documenting) }
func TestSizes(t *testing.T)       { check(t, sizing) }

// check runs a rule over this module and reports every violation.
func check(t *testing.T, rule func([]source) []string) {
	t.Helper()
	sources, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(sources, func(s source) bool { return s.pkg == "iot" }) {
		t.Fatal("found no file of package iot: this looks at the wrong folder")
	}
	for _, violation := range rule(sources) {
		t.Error(violation)
	}
}

// source is one non-test Go file.
type source struct {
	pkg   string // its folder, relative to the module
	fset  *token.FileSet
	file  *ast.File
	lines int
}

// at formats a violation at a position in the file.
func (s source) at(pos token.Pos, format string, args ...any) string {
	p := s.fset.Position(pos)
	return fmt.Sprintf("%s:%d: ", p.Filename, p.Line) + fmt.Sprintf(format, args...)
}

// imports calls f with each import of the file.
func (s source) imports(f func(pos token.Pos, target string)) {
	for _, imp := range s.file.Imports {
		target, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			target = imp.Path.Value // the parser refuses this before
		}
		f(imp.Pos(), target)
	}
}

// load parses the non-test Go files of the module whose root is fsys. Like the
// go command it leaves out testdata, folders that begin with '.' or '_', and
// nested modules; and also what npm installed.
func load(fsys fs.FS) ([]source, error) {
	if err := isModule(fsys); err != nil {
		return nil, err
	}
	var sources []source
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(fsys, name):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		lines := fset.File(file.FileStart).LineCount()
		sources = append(sources, source{pkg: path.Dir(name), fset: fset, file: file, lines: lines})
		return nil
	})
	return sources, err
}

func isModule(fsys fs.FS) error {
	f, err := fsys.Open("go.mod")
	if err != nil {
		return err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.TrimSpace(s.Text()) == "module "+module {
			return nil
		}
	}
	return fmt.Errorf("go.mod is not that of module %s", module)
}

func skipped(fsys fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if base[0] == '.' || base[0] == '_' || base == "testdata" || base == "node_modules" {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

// rank returns the rank of a package, or -1.
func rank(pkg string) int {
	return slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, pkg) })
}

// layering finds imports of one's own rank or a higher one, and packages
// without a rank.
func layering(sources []source) (bad []string) {
	for _, s := range sources {
		own := rank(s.pkg)
		if own < 0 {
			bad = append(bad, s.at(s.file.Package, "package %s has no rank: add it to the table layers in cmd/iotman/layers_test.go", s.pkg))
			continue
		}
		s.imports(func(pos token.Pos, target string) {
			pkg, ours := strings.CutPrefix(target+"/", module+"/")
			if !ours {
				return
			}
			pkg = strings.TrimSuffix(pkg, "/")
			if r := rank(pkg); r < 0 || r >= own {
				bad = append(bad, s.at(pos, "%s (rank %d) imports %s (rank %d); it may import lower ranks only", s.pkg, own, pkg, r))
			}
		})
	}
	return bad
}

// homing finds dependencies imported outside of their homes, and anything but
// the standard library in iot.
func homing(sources []source) (bad []string) {
	for _, s := range sources {
		s.imports(func(pos token.Pos, target string) {
			for _, h := range homes {
				if strings.HasPrefix(target, h.prefix) && !slices.Contains(h.in, s.pkg) {
					bad = append(bad, s.at(pos, "%s imports %s, which belongs in %s", s.pkg, target, strings.Join(h.in, " and ")))
				}
			}
			first, _, _ := strings.Cut(target, "/")
			if s.pkg == "iot" && (strings.Contains(first, ".") || first == module) {
				bad = append(bad, s.at(pos, "iot imports %s; it may import the standard library only", target))
			}
		})
	}
	return bad
}

// documenting finds packages without their doc comment, with two, or with one
// that does not begin as it should.
func documenting(sources []source) (bad []string) {
	docs := map[string]int{}
	for _, s := range sources {
		text := s.file.Doc.Text() // without directives
		if text == "" {
			continue
		}
		docs[s.pkg]++
		if docs[s.pkg] == 2 {
			bad = append(bad, s.at(s.file.Package, "package %s has its doc comment in another file already", s.pkg))
		}
		start := "Package " + s.file.Name.Name + " "
		if s.file.Name.Name == "main" {
			start = "Command " + path.Base(s.pkg) + " "
		}
		if !strings.HasPrefix(text, start) {
			bad = append(bad, s.at(s.file.Package, "the doc comment of package %s must begin with %q", s.pkg, start))
		}
	}
	for _, s := range sources {
		if docs[s.pkg] == 0 {
			bad = append(bad, s.at(s.file.Package, "package %s has no doc comment", s.pkg))
			docs[s.pkg] = -1 // said once
		}
	}
	return bad
}

// sizing finds files and functions that are too long, functions with too many
// parameters, and init.
func sizing(sources []source) (bad []string) {
	for _, s := range sources {
		if s.lines > maxFileLines {
			bad = append(bad, s.at(s.file.FileStart, "%d lines; a file has at most %d", s.lines, maxFileLines))
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch f := n.(type) {
			case *ast.FuncDecl:
				if f.Recv == nil && f.Name.Name == "init" {
					bad = append(bad, s.at(f.Pos(), "func init; there is none in iotman"))
				}
				bad = append(bad, s.oversize(f.Name.Name, f.Type, f.Body)...)
			case *ast.FuncLit:
				bad = append(bad, s.oversize("a function literal", f.Type, f.Body)...)
			}
			return true
		})
	}
	return bad
}

// oversize finds what is too large in one function.
func (s source) oversize(name string, f *ast.FuncType, body *ast.BlockStmt) (bad []string) {
	if body != nil {
		if lines := s.fset.Position(body.Rbrace).Line - s.fset.Position(body.Lbrace).Line - 1; lines > maxFuncLines {
			bad = append(bad, s.at(body.Lbrace, "%s has %d lines; a function has at most %d", name, lines, maxFuncLines))
		}
	}
	if n := f.Params.NumFields(); n > maxParams {
		bad = append(bad, s.at(f.Params.Pos(), "%s has %d parameters; a function has at most %d", name, n, maxParams))
	}
	return bad
}

// TestRules gives each rule what it must find and what it must let pass.
func TestRules(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("\n\t_ = 0", n) + "\n" }
	tests := []struct {
		name  string
		rule  func([]source) []string
		files map[string]string
		want  []string // each the beginning of a violation
	}{
		{"a lower rank", layering, map[string]string{"store/a.go": "package store\nimport \"iotman/flow/expr\"\nimport \"iotman/iot\""}, nil},
		{"a higher rank", layering, map[string]string{"iot/a.go": "package iot\n\nimport \"iotman/store\""}, []string{"iot/a.go:3: iot (rank 0) imports store (rank 2)"}},
		{"one's own rank", layering, map[string]string{"spec/a.go": "package spec\nimport \"iotman/mcp\""}, []string{"spec/a.go:2: spec (rank 6) imports mcp (rank 6)"}},
		{"no rank", layering, map[string]string{"util/a.go": "package util"}, []string{"util/a.go:1: package util has no rank: add it"}},
		{"no rank imported", layering, map[string]string{"api/a.go": "package api\nimport \"iotman/util\"\nimport \"iotman\"\nimport \"iotmanager/x\""}, []string{"api/a.go:2: api (rank 7) imports util (rank -1)", "api/a.go:3: "}},
		{"every violation", layering, map[string]string{"iot/a.go": "package iot\nimport \"iotman/store\"\nimport \"iotman/flow\"", "iot/b.go": "package iot\nimport \"iotman/api\""}, []string{"iot/a.go:2: ", "iot/a.go:3: ", "iot/b.go:2: "}},
		{"a test file", layering, map[string]string{"iot/a_test.go": "package iot\nimport \"iotman/store\""}, nil},
		{"other people's code", layering, map[string]string{"bench/go.mod": "module bench", "bench/a.go": "package bench", "bench/in/a.go": "package in", ".ci/a.go": "package ci", "_old/a.go": "package old", "web/node_modules/a.go": "package a", "web/testdata/a.go": "not Go"}, nil},

		{"at home", homing, map[string]string{
			"store/a.go": "package store\nimport \"database/sql\"\nimport _ \"modernc.org/sqlite\"\nimport _ \"github.com/jackc/pgx/v5/stdlib\"",
			"spec/a.go":  "package spec\nimport _ \"github.com/google/jsonschema-go/jsonschema\"\nimport _ \"github.com/getkin/kin-openapi/openapi3\"",
			"iot/a.go":   "package iot\nimport _ \"encoding/json\"",
		}, nil},
		{"not at home", homing, map[string]string{"api/a.go": "package api\nimport (\n" + `_ "database/sql"
			_ "database/sql/driver"
			_ "github.com/eclipse/paho.golang/autopaho"
			_ "github.com/eclipse/paho.mqtt.golang"
			_ "github.com/getkin/kin-openapi/openapi3"
			_ "github.com/google/jsonschema-go/jsonschema"
			_ "github.com/jackc/pgx/v5"
			_ "github.com/mark3labs/mcp-go/mcp"
			_ "github.com/ory/fosite"
			_ "github.com/santhosh-tekuri/jsonschema/v6"
			_ "code.dny.dev/ssrf"
			_ "modernc.org/sqlite"` + "\n)"}, []string{
			"api/a.go:3: api imports database/sql, which belongs in store", "api/a.go:4: ", "api/a.go:5: ", "api/a.go:6: ", "api/a.go:7: ",
			"api/a.go:8: api imports github.com/google/jsonschema-go/jsonschema, which belongs in tools and spec", "api/a.go:9: ", "api/a.go:10: ", "api/a.go:11: ", "api/a.go:12: ", "api/a.go:13: ", "api/a.go:14: ",
		}},
		{"iot is pure", homing, map[string]string{"iot/a.go": "package iot\nimport _ \"golang.org/x/text\"\nimport _ \"iotman/store\""}, []string{"iot/a.go:2: iot imports golang.org/x/text;", "iot/a.go:3: iot imports iotman/store;"}},

		{"documented", documenting, map[string]string{"iot/a.go": "// Package iot is.\npackage iot", "iot/b.go": "//go:build linux\n\npackage iot", "cmd/iotman/a.go": "// Command iotman is.\npackage main"}, nil},
		{"not documented", documenting, map[string]string{"iot/a.go": "package iot", "iot/b.go": "package iot"}, []string{"iot/a.go:1: package iot has no doc comment"}},
		{"documented twice", documenting, map[string]string{"iot/a.go": "// Package iot is.\npackage iot", "iot/b.go": "// Package iot is.\npackage iot"}, []string{"iot/b.go:2: package iot has its doc comment"}},
		{"documented amiss", documenting, map[string]string{"iot/a.go": "// Here be nouns.\npackage iot", "cmd/iotman/a.go": "// Package main is.\npackage main"}, []string{"cmd/iotman/a.go:2: the doc comment of package cmd/iotman must begin with \"Command iotman \"", "iot/a.go:2: "}},

		{"just small enough", sizing, map[string]string{
			"iot/a.go": "package iot\n" + strings.Repeat("\n", maxFileLines-1),
			"iot/b.go": "package iot\nfunc f(a, b, c, d int, _ string) {" + lines(maxFuncLines) + "}\nfunc (t T) init(int, int, int, int, int) {}",
		}, nil},
		{"a long file", sizing, map[string]string{"iot/a.go": "package iot\n" + strings.Repeat("//\n", maxFileLines)}, []string{"iot/a.go:1: 501 lines; a file has at most 500"}},
		{"a long function", sizing, map[string]string{"iot/a.go": "package iot\nfunc f() {" + lines(maxFuncLines+1) + "}"}, []string{"iot/a.go:2: f has 61 lines; a function has at most 60"}},
		{"a long literal", sizing, map[string]string{"iot/a.go": "package iot\nvar f = func() {" + lines(maxFuncLines+1) + "}"}, []string{"iot/a.go:2: a function literal has 61 lines"}},
		{"parameters", sizing, map[string]string{"iot/a.go": "package iot\nfunc f(a, b, c, d int, e, f string) {}\nfunc (t T) g(_, _, _, _, _, _ int)"}, []string{"iot/a.go:2: f has 6 parameters; a function has at most 5", "iot/a.go:3: g has 6"}},
		{"init", sizing, map[string]string{"iot/a.go": "package iot\nfunc init() {}"}, []string{"iot/a.go:2: func init"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fsys := fstest.MapFS{"go.mod": {Data: []byte("module iotman\n")}}
			for name, text := range test.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			sources, err := load(fsys)
			if err != nil {
				t.Fatal(err)
			}
			got := test.rule(sources)
			if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(test.want, "\n\t"))
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"no go.mod":       {"iot/a.go": {Data: []byte("package iot")}},
		"another module":  {"go.mod": {Data: []byte("module iotmanager\n")}},
		"what is not Go":  {"go.mod": {Data: []byte("module iotman\n")}, "iot/a.go": {Data: []byte("packag iot")}},
		"half a function": {"go.mod": {Data: []byte("module iotman\n")}, "iot/a.go": {Data: []byte("package iot\nfunc f() {")}},
	} {
		if _, err := load(files); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
}
