package main

import (
	"bytes"
	"debug/buildinfo"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateModules = flag.Bool("update-modules", false, "rewrite testdata/modules.txt")

// build builds the static binary of the source in root, as releases are.
func build(t *testing.T, root string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "iotman")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", bin, "./cmd/iotman")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return bin
}

// sourceCopy copies the program's source to another folder.
func sourceCopy(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"api", "cmd", "flow", "iot", "mcp", "oauth", "spec", "store", "tools", "web"} {
		if err := os.CopyFS(filepath.Join(root, dir), os.DirFS(filepath.Join("../..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join("../..", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(root, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// licences are what a linked module's licence may be, by words of its text.
var licences = map[string]*regexp.Regexp{
	"Apache-2.0": regexp.MustCompile(`Apache License\s+Version 2\.0`),
	"MIT":        regexp.MustCompile(`Permission is hereby granted, free of charge`),
	"BSD":        regexp.MustCompile(`Redistribution and use in source and binary forms`),
	"ISC":        regexp.MustCompile(`Permission to use, copy, modify, and(/or)? distribute this software`),
	"MPL-2.0":    regexp.MustCompile(`Mozilla Public License,? [Vv](ersion|\.) ?2\.0`),
}

// TestH11H12Build: a build is the same wherever it is made; and what it links
// is listed in testdata/modules.txt, with a licence that we can take. A new
// module there is a decision:
//
//	go test ./cmd/iotman -run TestH11H12Build -update-modules
func TestH11H12Build(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program twice")
	}
	first, second := build(t, "../.."), build(t, sourceCopy(t))
	a, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("two builds of one source differ: %d and %d bytes", len(a), len(b))
	}
	info, err := buildinfo.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, m := range info.Deps {
		lines = append(lines, m.Path+" "+licenceOf(t, m.Path)+"\n")
	}
	slices.Sort(lines)
	got := strings.Join(lines, "")
	golden := filepath.Join("testdata", "modules.txt")
	if *updateModules {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the linked modules (-want +got):\n%s", diff)
	}
}

// licenceOf returns the kind of the module's licence in the module cache.
func licenceOf(t *testing.T, module string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module)
	dir, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "[LC][IO][CP]*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // a folder
		}
		for _, kind := range []string{"MPL-2.0", "Apache-2.0", "MIT", "BSD", "ISC"} {
			if licences[kind].Match(text) {
				return kind
			}
		}
	}
	t.Errorf("%s: none of %q is a licence that we take", module, files)
	return "none"
}
