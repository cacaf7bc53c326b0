package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed table.txt
var table string

// defect is a mistake that somebody could make, and the test that notices.
type defect struct {
	id    string // of the attack or fault
	pkg   string
	test  string   // or "lint:" and what the linters then say
	flags []string // of the test
	file  string
	old   string // stands in the file once
	new   string // what it becomes
}

func (d defect) String() string {
	return fmt.Sprintf("%-4s %s %s: %s has %.50q", d.id, d.pkg, d.test, d.file, strings.TrimSpace(d.new))
}

// lint returns what the linters say of the defect, "" if a test notices it.
func (d defect) lint() string {
	said, ok := strings.CutPrefix(d.test, "lint:")
	if !ok {
		return ""
	}
	return said
}

// parse reads a table: see its head.
func parse(table string) (all []defect, err error) {
	for block := range strings.SplitSeq(table, "\n\n") {
		lines := slices.DeleteFunc(strings.Split(strings.Trim(block, "\n"), "\n"), func(l string) bool { return strings.HasPrefix(l, "#") })
		if len(lines) == 0 || len(lines) == 1 && lines[0] == "" {
			continue
		}
		head := strings.Fields(lines[0])
		if len(head) < 3 || len(lines) < 3 {
			return nil, fmt.Errorf("expected a defect, got\n%s", block)
		}
		d := defect{id: head[0], pkg: head[1], test: head[2], flags: head[3:], file: lines[1]}
		var from, to []string
		for _, l := range lines[2:] {
			switch {
			case strings.HasPrefix(l, "-"):
				from = append(from, l[1:])
			case strings.HasPrefix(l, "+"):
				to = append(to, l[1:])
			default:
				return nil, fmt.Errorf("%s: expected - or +, got %q", lines[0], l)
			}
		}
		d.old, d.new = strings.Join(from, "\n"), strings.Join(to, "\n")
		all = append(all, d)
	}
	return all, nil
}

// owed are the attacks and faults that have a defect each, at the least.
var owed = strings.Fields(`C7 C8 C10 C11 C12 C13 C14 C15 C16 F7 F15 F16 H5 H8 H10 H11 H12 I3 I4 I5 I6 I9 I10
	FuzzDecodeBody FuzzUntrusted FuzzDecodeBlock FuzzCursor FuzzBind FuzzMessage FuzzSlugify FuzzTime`)

// fits returns what is wrong with the table: every defect has to find its place
// once, and its test.
func fits(root string, all []defect) error {
	var errs []error
	for _, d := range all {
		text, err := os.ReadFile(filepath.Join(root, d.file)) //nolint:gosec // named by our own table
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d, err))
		} else if n := strings.Count(string(text), d.old); n != 1 || d.old == "" || d.old == d.new {
			errs = append(errs, fmt.Errorf("%s: the old text is there %d times, want once, and another new one", d, n))
		}
		if d.lint() == "" && !declares(filepath.Join(root, d.pkg), d.test) {
			errs = append(errs, fmt.Errorf("%s: no such test", d))
		}
	}
	for _, name := range owed {
		if !slices.ContainsFunc(all, func(d defect) bool { return d.id == name || d.test == name }) {
			errs = append(errs, fmt.Errorf("no defect for %s", name))
		}
	}
	return errors.Join(errs...)
}

// declares reports whether a test of the name is in the folder.
func declares(dir, test string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	return err == nil && slices.ContainsFunc(files, func(name string) bool {
		text, err := os.ReadFile(name) //nolint:gosec // below the folder that was named
		return err == nil && strings.Contains(string(text), "\nfunc "+test+"(")
	})
}

// attack puts the defect into the copy in dir, runs its test and takes it out
// again. It returns what the test said first, or why the defect survived.
func (d defect) attack(ctx context.Context, dir string) (said string, err error) {
	name := filepath.Join(dir, d.file)
	whole, err := os.ReadFile(name) //nolint:gosec // of our own copy
	if err != nil {
		return "", err
	}
	write := func(text string) error { return os.WriteFile(name, []byte(text), 0o600) } //nolint:gosec // of our own copy
	if err := write(strings.Replace(string(whole), d.old, d.new, 1)); err != nil {
		return "", err
	}
	said, err = d.noticed(ctx, dir)
	return said, errors.Join(err, write(string(whole)))
}

// noticed returns what the test says of the defect, or an error where it says
// nothing of it.
func (d defect) noticed(ctx context.Context, dir string) (said string, err error) {
	var out string
	var failed error
	sign := d.lint()
	if sign != "" {
		out, failed = output(ctx, dir, []string{"tool", "-modfile=.ci/go.mod", "golangci-lint", "run", d.pkg})
	} else {
		sign = "--- FAIL: " + d.test
		out, failed = goTest(ctx, dir, d.pkg, d.test, d.flags)
	}
	switch {
	case failed == nil:
		return "", errors.New("nothing noticed it")
	case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
		return "", fmt.Errorf("it does not compile:\n%s", out)
	case strings.Contains(out, sign):
		return first(out, sign), nil
	case strings.Contains(out, "panic: ") || strings.Contains(out, "fatal error: "):
		return first(out, "panic: "), nil
	}
	return "", fmt.Errorf("it failed otherwise:\n%s", out)
}

// first returns the first line of a complaint, shortened.
func first(out, sign string) string {
	_, rest, _ := strings.Cut(out, sign)
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); strings.Contains(line, "_test.go:") || strings.Contains(line, "panic") {
			return fmt.Sprintf("%.140s", line)
		}
	}
	return sign
}
