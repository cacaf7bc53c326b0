package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// contestant is one of those that take turns at a job.
type contestant struct {
	name string
	turn func(ctx context.Context) (outcome, error)
	per  int // things done by one acknowledged request; 0 is 1
}

// compare lets the contestants take turns and prints their medians, with
// iotman's ratio to each. The first contestant is iotman.
func compare(ctx context.Context, o options, job, unit string, cs []contestant) error {
	results, err := takeTurns(ctx, o, cs)
	if err != nil {
		return fmt.Errorf("%s, %w", job, err)
	}
	fmt.Printf("### %s\n\n| contestant | %s/s | spread | p50 | p99 | generator's CPU | iotman is |\n|---|--:|--:|--:|--:|--:|--:|\n", job, unit)
	base := median(results[0], outcome.rate) * float64(max(1, cs[0].per))
	for i, c := range cs {
		rate := median(results[i], outcome.rate) * float64(max(1, c.per))
		ratio := "–"
		if i > 0 {
			ratio = fmt.Sprintf("%.2f ×", base/rate)
		}
		fmt.Printf("| %s | %s | ±%.0f %% | %s | %s | %.0f %% | %s |\n", c.name, thousands(rate), spread(results[i]),
			ms(median(results[i], func(o outcome) float64 { return float64(o.p50) })),
			ms(median(results[i], func(o outcome) float64 { return float64(o.p99) })),
			100*median(results[i], func(o outcome) float64 { return o.own.Seconds() / o.took.Seconds() / float64(runtime.NumCPU()) }), ratio)
	}
	fmt.Println()
	return nil
}

// takeTurns returns what each contestant brought in each round.
func takeTurns(ctx context.Context, o options, cs []contestant) ([][]outcome, error) {
	results := make([][]outcome, len(cs))
	for round := range o.rounds + 1 { // the first warms up
		for i, c := range cs {
			out, err := c.turn(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 {
				results[i] = append(results[i], out)
			}
		}
	}
	return results, nil
}

// spread returns half the distance from the worst rate to the best, in percent
// of the median.
func spread(os []outcome) float64 {
	return 50 * (slices.MaxFunc(os, byRate).rate() - slices.MinFunc(os, byRate).rate()) / median(os, outcome.rate)
}

func byRate(a, b outcome) int {
	if a.rate() < b.rate() {
		return -1
	}
	return 1
}

func median(os []outcome, f func(outcome) float64) float64 {
	var vs []float64
	for _, o := range os {
		vs = append(vs, f(o))
	}
	slices.Sort(vs)
	return vs[len(vs)/2]
}

func quantiles(all []time.Duration) (p50, p99 time.Duration) {
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100]
}

func ms(ns float64) string { return fmt.Sprintf("%.2f ms", ns/1e6) }

// thousands writes 12345.6 as 12 346.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// machine describes where the figures come from.
func machine() string {
	model := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d × %s, %s/%s, %s; generator and server on the same machine",
		time.Now().Format("2006-01-02"), runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
