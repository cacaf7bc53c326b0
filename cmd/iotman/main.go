// Command iotman is the server and the tools around it, in one binary.
//
//	iotman serve       run the server
//	iotman login-link  print a link that signs a person in
//	iotman token       print an access token for a script or an agent
//	iotman user        make an account, or set its password
//	iotman version     print the version
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

	"iotman/iot"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], env{os.Getenv, os.Stdin, os.Stdout, os.Stderr})
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "iotman:", inWords(err))
	if _, ok := errors.AsType[misuse](err); ok {
		os.Exit(2)
	}
	os.Exit(1)
}

// inWords returns an error as people read it: what it says and what to do,
// without its kind.
func inWords(err error) string {
	e, ok := errors.AsType[*iot.Error](err)
	if !ok || e.Kind == iot.Internal {
		return err.Error()
	}
	text := strings.Replace(err.Error(), e.Error(), e.Msg, 1)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// misuse is a command line that makes no sense; the program exits with 2 then,
// and with 1 where something else failed.
type misuse struct{ error }

// command is a subcommand: its one-line description and what runs it.
type command struct {
	name, about string
	run         func(ctx context.Context, e env, args []string) error
}

// env is what a command gets of the process it runs in.
type env struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
}

func commands() []command {
	return []command{
		{"serve", "run the server", serve},
		{"login-link", "print a link that signs a person in", printLoginLink},
		{"token", "print an access token for a script or an agent", printToken},
		{"user", "make an account, or set its password", user},
		{"version", "print the version", printVersion},
	}
}

// run is the program: args without its name, and what it gets of its process.
func run(ctx context.Context, args []string, e env) error {
	if len(args) == 0 {
		usage(e.stderr)
		return misuse{errors.New("expected a command")}
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		if err := c.run(ctx, e, args[1:]); !errors.Is(err, flag.ErrHelp) {
			return err
		}
		return nil
	}
	if a := args[0]; a == "help" || a == "-h" || a == "-help" || a == "--help" {
		usage(e.stdout)
		return nil
	}
	usage(e.stderr)
	return misuse{fmt.Errorf("unknown command %q", args[0])}
}

func usage(w io.Writer) {
	fmt.Fprint(w, "usage: iotman <command> [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-11s %s\n", c.name, c.about)
	}
	fmt.Fprint(w, "\niotman <command> -help lists its flags.\n")
}

// flags returns the flag set of a command. parse fills it from the arguments
// and, for what they do not name, from the environment. Asked for help it
// prints the manual and returns flag.ErrHelp.
func (e env) flags(name, about string) (fs *flag.FlagSet, parse func([]string) error) {
	fs = flag.NewFlagSet("iotman "+name, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // run's caller prints what is wrong
	return fs, func(args []string) error {
		err := fs.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(e.stdout, "usage: iotman %s [flags]\n\n%s\n\n", name, about)
			fs.SetOutput(e.stdout)
			fs.PrintDefaults()
			fmt.Fprint(e.stdout, "\nA flag that is not given is read from IOTMAN_ and its name: -public-url from IOTMAN_PUBLIC_URL.\n")
			return err
		}
		if err == nil && fs.NArg() > 0 {
			err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
		}
		if err != nil {
			return misuse{fmt.Errorf("%w; iotman %s -help is the manual", err, name)}
		}
		return e.fill(fs)
	}
}

// fill sets the flags that were not given from the environment.
func (e env) fill(fs *flag.FlagSet) error {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var errs []error
	fs.VisitAll(func(f *flag.Flag) {
		variable := "IOTMAN_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if v := e.getenv(variable); v != "" && !given[f.Name] {
			if err := fs.Set(f.Name, v); err != nil {
				errs = append(errs, fmt.Errorf("invalid value %q for %s: %w", v, variable, err))
			}
		}
	})
	return errors.Join(errs...)
}
