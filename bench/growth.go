package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// curve is how a rate changes as something grows.
type curve struct {
	job, grows, unit string
	at               []string // the steps of growth
	series           []series // iotman's first
}

// series is one line of a curve, a value a step.
type series struct {
	name string
	rate []float64
	note []string // what the table says beside the rate
}

// growthJobs measures the same things at growing sizes. The sizes take turns,
// as contestants do elsewhere.
func growthJobs(ctx context.Context, o options) error {
	var all []curve
	for _, measure := range []func(context.Context, options) (curve, error){eventGrowth, connectionGrowth, toolGrowth} {
		c, err := measure(ctx, o)
		if err != nil {
			return err
		}
		c.print()
		all = append(all, c)
	}
	if o.svg == "" {
		return nil
	}
	return os.WriteFile(o.svg, draw(all), 0o644) //nolint:gosec // a picture for everyone
}

// eventGrowth reads the newest page from ever larger logs.
func eventGrowth(ctx context.Context, o options) (curve, error) {
	sizes := []int{10_000, 100_000, 1_000_000, 5_000_000}
	sizes = slices.DeleteFunc(sizes, func(n int) bool { return n > o.big })
	c := curve{job: "Newest 100 events, by events in the log", grows: "events", unit: "pages/s"}
	var cs []contestant
	for _, n := range sizes {
		m, err := startIotman(ctx, o, fmt.Sprintf("growth-%d", n))
		if err != nil {
			return c, err
		}
		defer func() { _ = m.stop() }()
		if err := m.fill(ctx, n); err != nil {
			return c, err
		}
		r := request{http.MethodGet, m.url + pagePath, map[string]string{"Authorization": "Bearer " + m.token}, nil, http.StatusOK}
		cs = append(cs, contestant{name: thousands(float64(n)), turn: func(ctx context.Context) (outcome, error) { return load(ctx, r, 16, o.seconds) }})
	}
	results, err := takeTurns(ctx, o, cs)
	if err != nil {
		return c, err
	}
	c.series = []series{seriesOf("iotman", results)}
	for _, one := range cs {
		c.at = append(c.at, one.name)
	}
	return c, nil
}

// connectionGrowth posts over ever more connections, to iotman and to the limit.
func connectionGrowth(ctx context.Context, o options) (curve, error) {
	c := curve{job: "Ingest, one event a request, by connections", grows: "connections", unit: "events/s"}
	m, err := startIotman(ctx, o, "growth-connections")
	if err != nil {
		return c, err
	}
	defer func() { _ = m.stop() }()
	raw, err := self(ctx, "raw", filepath.Join(o.dir, "growth.log"))
	if err != nil {
		return c, err
	}
	defer func() { _ = raw.stop() }()
	post := func(url string) request {
		return request{http.MethodPost, url, map[string]string{"Content-Type": "application/json"}, []byte(reading), http.StatusAccepted}
	}
	ours := storing{name: "iotman", one: post(m.url + "/data/default/bench"), stored: m.stored}
	limit := storing{name: "limit", one: post(raw.url + "/"), stored: func(ctx context.Context) (int64, error) { return count(ctx, raw.url+"/count") }}
	var cs []contestant
	for _, n := range []int{1, 4, 16, 64, 256} {
		c.at = append(c.at, strconv.Itoa(n))
		cs = append(cs, ours.checked(ours.one, 1, n, o), limit.checked(limit.one, 1, n, o))
	}
	results, err := takeTurns(ctx, o, cs)
	if err != nil {
		return c, err
	}
	var even, odd [][]outcome
	for i := 0; i < len(results); i += 2 {
		even, odd = append(even, results[i]), append(odd, results[i+1])
	}
	c.series = []series{seriesOf("iotman", even), seriesOf("raw append log (limit)", odd)}
	return c, nil
}

// toolGrowth runs iotman's own benchmark of tools/list, since the program has
// one catalogue.
func toolGrowth(ctx context.Context, o options) (curve, error) {
	c := curve{job: "tools/list, by tools in the catalogue", grows: "tools", unit: "requests/s"}
	cmd := exec.CommandContext(ctx, "go", "test", "./mcp", "-run", "^$", "-bench", "ToolsList",
		"-benchtime", o.seconds.String(), "-count", strconv.Itoa(o.rounds))
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return c, fmt.Errorf("the benchmark of package mcp: %w", err)
	}
	rates := map[string][]float64{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if i := slices.Index(f, "requests/s"); i > 0 && strings.HasPrefix(f[0], "BenchmarkToolsList/") {
			name, _, _ := strings.Cut(strings.TrimPrefix(f[0], "BenchmarkToolsList/"), "-")
			v, err := strconv.ParseFloat(f[i-1], 64)
			if err != nil {
				return c, err
			}
			rates[name] = append(rates[name], v)
		}
	}
	c.series = []series{{name: "iotman"}, {name: "the same bytes, ready (limit)"}}
	for _, n := range []string{"10", "32", "64", "128"} {
		c.at = append(c.at, n)
		for i, kind := range []string{"tools=", "ready="} {
			vs := rates[kind+n]
			if len(vs) == 0 {
				return c, fmt.Errorf("the benchmark of package mcp says nothing of %s%s", kind, n)
			}
			slices.Sort(vs)
			s, mid := &c.series[i], vs[len(vs)/2]
			s.rate = append(s.rate, mid)
			s.note = append(s.note, fmt.Sprintf("±%.0f %%", 50*(vs[len(vs)-1]-vs[0])/mid))
		}
	}
	return c, nil
}

// seriesOf makes a line of what the sizes brought.
func seriesOf(name string, results [][]outcome) series {
	s := series{name: name}
	for _, os := range results {
		s.rate = append(s.rate, median(os, outcome.rate))
		s.note = append(s.note, fmt.Sprintf("±%.0f %%, p99 %s", spread(os), ms(median(os, func(o outcome) float64 { return float64(o.p99) }))))
	}
	return s
}

// print writes the curve as a table.
func (c curve) print() {
	fmt.Printf("### %s\n\n| %s |", c.job, c.grows)
	for _, s := range c.series {
		fmt.Printf(" %s, %s | |", s.name, c.unit)
	}
	fmt.Printf("\n|--:|%s\n", strings.Repeat("--:|:--|", len(c.series)))
	for i, at := range c.at {
		fmt.Printf("| %s |", at)
		for _, s := range c.series {
			fmt.Printf(" %s | %s |", thousands(s.rate[i]), s.note[i])
		}
		fmt.Println()
	}
	fmt.Println()
}
