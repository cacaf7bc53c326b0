// Command iotman is the server and the tools around it, in one binary.
//
//	iotman serve     run the server
//	iotman token     print an access token for a script or an agent
//	iotman version   print the version
//
// Every flag has an environment variable, IOTMAN_ and the flag's name in
// capitals with '_' for '-'; the flag wins.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2) //nolint:gocritic // stop only restores the signals
	default:
		fmt.Fprintln(os.Stderr, "iotman:", err)
		os.Exit(1)
	}
}

// command is a subcommand: its one-line description and what runs it.
type command struct {
	name, about string
	run         func(ctx context.Context, e env, args []string) error
}

// env is what a command gets of the process it runs in.
type env struct {
	getenv         func(string) string
	stdout, stderr io.Writer
}

func commands() []command {
	return []command{
		{"serve", "run the server", serve},
		{"token", "print an access token for a script or an agent", printToken},
		{"version", "print the version", printVersion},
	}
}

// run is the program: args without its name, the environment, the streams.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	e := env{getenv, stdout, stderr}
	if len(args) == 0 {
		usage(stderr)
		return flag.ErrHelp
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, e, args[1:])
		}
	}
	usage(stderr)
	if a := args[0]; a == "help" || a == "-h" || a == "-help" || a == "--help" {
		return flag.ErrHelp
	}
	return fmt.Errorf("unknown command %q", args[0])
}

func usage(w io.Writer) {
	fmt.Fprint(w, "usage: iotman <command> [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-9s %s\n", c.name, c.about)
	}
	fmt.Fprint(w, "\niotman <command> -help lists its flags.\n")
}

// flags returns the flag set of a command. parse fills it from the arguments
// and, for what they do not name, from the environment.
func (e env) flags(name, about string) (fs *flag.FlagSet, parse func([]string) error) {
	fs = flag.NewFlagSet("iotman "+name, flag.ContinueOnError)
	fs.SetOutput(e.stderr)
	fs.Usage = func() {
		fmt.Fprintf(e.stderr, "usage: iotman %s [flags]\n\n%s\n\n", name, about)
		fs.PrintDefaults()
		fmt.Fprint(e.stderr, "\nA flag that is not given is read from IOTMAN_ and its name: -public-url from IOTMAN_PUBLIC_URL.\n")
	}
	return fs, func(args []string) error {
		if err := fs.Parse(args); err != nil {
			return flag.ErrHelp // the flag set has said what is wrong
		}
		if fs.NArg() > 0 {
			return fmt.Errorf("unexpected argument %q", fs.Arg(0))
		}
		given := map[string]bool{}
		fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
		var errs []error
		fs.VisitAll(func(f *flag.Flag) {
			variable := "IOTMAN_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
			if v := e.getenv(variable); v != "" && !given[f.Name] {
				if err := fs.Set(f.Name, v); err != nil {
					errs = append(errs, fmt.Errorf("%s: %w", variable, err))
				}
			}
		})
		return errors.Join(errs...)
	}
}
