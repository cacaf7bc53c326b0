package main

import (
	"encoding/json"
	gover "go/version"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clears reports whether one module version is at or above another. Those are
// releases: of a pseudo-version nobody can tell whether it has a fix.
func clears(got, least string) bool {
	goVersion := func(v string) string { return "go" + strings.TrimPrefix(v, "v") }
	return !strings.Contains(got, "-") && gover.IsValid(goVersion(got)) && gover.Compare(goVersion(got), goVersion(least)) >= 0
}

// TestH10Advisories: no module of ours, linked or used by tests and linters, is
// older than the version that clears an advisory known of it. Each line of
// testdata/advisories.txt is a module, that version, and what it clears; the
// vulnerability database itself is on no package registry.
func TestH10Advisories(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "advisories.txt"))
	if err != nil {
		t.Fatal(err)
	}
	least := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 3 || !clears(words[1], words[1]) {
			t.Fatalf("got the line %q, want a module, a release and what it clears", line)
		}
		least[words[0]] = words[1:]
	}
	for _, file := range []string{"go.mod", ".ci/go.mod"} {
		modules := required(t, filepath.Join("../..", file))
		if len(modules) < 10 {
			t.Errorf("%s: got %d modules, want more: the test sees nothing", file, len(modules))
		}
		for path, got := range modules {
			if l := least[path]; l != nil && !clears(got, l[0]) {
				t.Errorf("%s: %s is at %s, want at least %s, which clears %s", file, path, got, l[0], strings.Join(l[1:], ", "))
			}
		}
	}
}

// required returns the modules of a go.mod file with their versions: all that a
// build takes packages from, since go mod tidy keeps it so.
func required(t *testing.T, file string) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", file)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	var mod struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	modules := map[string]string{}
	for _, m := range mod.Require {
		modules[m.Path] = m.Version
	}
	return modules
}

// TestClears: versions are compared by number.
func TestClears(t *testing.T) {
	for _, c := range []struct {
		got, least string
		want       bool
	}{
		{"v4.1.4", "v4.1.4", true}, {"v4.1.8", "v4.1.4", true}, {"v4.1.10", "v4.1.9", true}, {"v4.10.0", "v4.9.9", true}, {"v5.0.0", "v4.1.4", true},
		{"v4.1.3", "v4.1.4", false}, {"v4.0.9", "v4.1.4", false}, {"v4.1.4-rc.1", "v4.1.4", false}, {"v4.1.5-0.20260101000000-abcdefabcdef", "v4.1.4", false}, {"", "v4.1.4", false},
	} {
		if got := clears(c.got, c.least); got != c.want {
			t.Errorf("%s clears what %s does: got %t, want %t", c.got, c.least, got, c.want)
		}
	}
}
