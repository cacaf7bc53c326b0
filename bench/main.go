// Command bench measures iotman beside its peers and beside the limits of the
// machine: each contestant is a process of its own, they take turns for
// several rounds, and the table that is printed holds medians of one run.
//
//	go run . [-rounds 3] [-time 5s] [-jobs ingest,pages,mcp,oauth] [-big 5000000]
//	go run . -jobs growth -svg ../docs/growth.svg
//
// Of every contestant that stores, the rows that are there afterwards are
// counted against those it acknowledged; a contestant that lost some fails the
// run. Load goes to loopback only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

// options are the run's flags.
type options struct {
	rounds  int
	seconds time.Duration
	big     int
	svg     string // where to draw the curves of growth; "" for nowhere
	iotman  string // the binary
	hydra   string // Ory Hydra's binary; "" leaves it out
	dir     string // scratch
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if len(os.Args) > 2 && os.Args[1] == "contestant" {
		return contest(ctx, os.Args[2], os.Args[3:])
	}
	var o options
	flag.IntVar(&o.rounds, "rounds", 3, "how often each contestant takes its turn")
	flag.DurationVar(&o.seconds, "time", 5*time.Second, "how long a turn lasts")
	flag.IntVar(&o.big, "big", 5_000_000, "how many events the big log of the pages and growth jobs holds")
	jobs := flag.String("jobs", "ingest,pages,mcp,oauth", "which jobs to run; growth is another")
	flag.StringVar(&o.svg, "svg", "", "where to draw what the growth job measures")
	flag.StringVar(&o.iotman, "iotman", "", "the iotman binary (default: built from ..)")
	flag.StringVar(&o.hydra, "hydra", "", "the binary of Ory Hydra, a further contestant of the oauth job; docs/performance.md says how it is built")
	flag.Parse()
	var err error
	if o.dir, err = os.MkdirTemp("", "iotman-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(o.dir)
	if o.iotman == "" {
		if o.iotman, err = build(ctx, o.dir); err != nil {
			return err
		}
	}
	fmt.Printf("%s\n\n", machine())
	known := map[string]func(context.Context, options) error{"ingest": ingestJobs, "pages": pageJobs, "mcp": mcpJobs, "oauth": oauthJobs, "growth": growthJobs}
	var errs []error
	for _, name := range strings.Split(*jobs, ",") {
		job, ok := known[name]
		if !ok {
			return fmt.Errorf("unknown job %q", name)
		}
		if err := job(ctx, o); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
