// Command defects shows that tests can fail: it puts one seeded defect of
// table.txt at a time into a copy of the program, and runs the test that must
// then fail.
//
//	go -C .ci run ./defects [-run regexp]   # every defect; takes long
//	go -C .ci run ./defects -check          # only whether the table fits the program
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

func main() {
	root := flag.String("root", "..", "the program's `folder`")
	check := flag.Bool("check", false, "only check that each defect still applies and its test is there")
	pick := flag.String("run", "", "only the defects whose first two lines match this `regexp`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, *check, *pick); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, check bool, pick string) error {
	all, err := parse(table)
	if err != nil {
		return err
	}
	picked, err := regexp.Compile(pick)
	if err != nil {
		return err
	}
	if err := fits(root, all); err != nil || check {
		return err
	}
	dir, err := os.MkdirTemp("", "iotman-defects-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := copyTree(dir, root); err != nil {
		return err
	}
	all = only(all, picked)
	if err := sound(ctx, dir, all); err != nil {
		return err
	}
	var survived []error
	for _, d := range all {
		start := time.Now()
		said, err := d.attack(ctx, dir)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		took := time.Since(start).Round(100 * time.Millisecond)
		if err != nil {
			survived = append(survived, fmt.Errorf("%s: %w", d, err))
			fmt.Printf("SURVIVED  %s  (%s): %v\n", d, took, err)
			continue
		}
		fmt.Printf("fails     %s  (%s)\n          %s\n", d, took, said)
	}
	fmt.Printf("%d of %d defects were noticed\n", len(all)-len(survived), len(all))
	return errors.Join(survived...)
}

// only returns the defects that are picked.
func only(all []defect, picked *regexp.Regexp) (some []defect) {
	for _, d := range all {
		if picked.MatchString(d.String()) {
			some = append(some, d)
		}
	}
	return some
}

// copyTree copies the program, without what git and npm keep.
func copyTree(dst, src string) error {
	return filepath.WalkDir(src, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dst, name)
		switch {
		case e.Name() == ".git" || e.Name() == "node_modules":
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case e.IsDir():
			return os.MkdirAll(to, 0o700)
		case !e.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path) //nolint:gosec // below the folder that was named
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600) //nolint:gosec // below our own folder
	})
}

// sound runs the tests without any defect: one that fails anyway proves
// nothing.
func sound(ctx context.Context, dir string, all []defect) error {
	tests := map[string][]string{}
	for _, d := range all {
		if d.lint() == "" {
			at := strings.Join(append([]string{d.pkg}, d.flags...), " ")
			tests[at] = append(tests[at], d.test)
		}
	}
	for at, names := range tests {
		words := strings.Fields(at)
		if out, err := goTest(ctx, dir, words[0], strings.Join(names, "|"), words[1:]); err != nil {
			return fmt.Errorf("without any defect, in %s: %w\n%s", at, err, out)
		}
	}
	return nil
}

// goTest runs tests of a package and returns what they say.
func goTest(ctx context.Context, dir, pkg, tests string, flags []string) (string, error) {
	args := append([]string{"test", "-count=1", "-timeout=3m", "-run", "^(" + tests + ")$", pkg}, flags...)
	return output(ctx, dir, args)
}

func output(ctx context.Context, dir string, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // words of our own table
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly -buildvcs=false")
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}
