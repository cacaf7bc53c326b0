package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// request is what a generator sends, again and again, over kept-alive
// connections (HTTP/1.1).
type request struct {
	method, url string
	header      map[string]string
	body        []byte
	ok          int // the status that counts as acknowledged
}

// outcome is what a turn brought.
type outcome struct {
	acked   int64
	took    time.Duration
	own     time.Duration // CPU time of the generator
	p50     time.Duration
	p99     time.Duration
	refused int64
}

func (o outcome) rate() float64 { return float64(o.acked) / o.took.Seconds() }

// load keeps c connections busy for d. The generator writes prepared bytes and
// reads no more of an answer than it must, so that the processor is the
// server's.
func load(ctx context.Context, r request, c int, d time.Duration) (outcome, error) {
	u, err := url.Parse(r.url)
	if err != nil {
		return outcome{}, err
	}
	wire := r.wire(u)
	var out outcome
	var acked, refused atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	start, cpu := time.Now(), cpuTime()
	var wg sync.WaitGroup
	for range c {
		wg.Go(func() {
			took, err := connection(ctx, u.Host, wire, r.ok, &acked, &refused)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			failed = errors.Join(failed, err)
		})
	}
	wg.Wait()
	out.took, out.own = time.Since(start), cpuTime()-cpu
	out.acked, out.refused = acked.Load(), refused.Load()
	out.p50, out.p99 = quantiles(all)
	if out.refused > 0 {
		failed = errors.Join(failed, fmt.Errorf("%d answers with another status than %d", out.refused, r.ok))
	}
	return out, failed
}

func (r request) wire(u *url.URL) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.method, u.RequestURI(), u.Host)
	for k, v := range r.header {
		fmt.Fprintf(&b, "%s: %s\r\n", k, v)
	}
	if r.body != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	b.WriteString("\r\n")
	b.Write(r.body)
	return b.Bytes()
}

// connection sends one request after another. What was sent when the time is up
// is waited for, so that acknowledged and stored can be compared.
func connection(ctx context.Context, host string, wire []byte, ok int, acked, refused *atomic.Int64) ([]time.Duration, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	br := bufio.NewReaderSize(conn, 64<<10)
	var took []time.Duration
	for n := 0; ctx.Err() == nil; n++ {
		start := time.Now()
		if err := conn.SetDeadline(start.Add(30 * time.Second)); err != nil {
			return took, err
		}
		if _, err := conn.Write(wire); err != nil {
			return took, err
		}
		status, err := answer(br)
		if err != nil {
			return took, err
		}
		if status == ok {
			acked.Add(1)
		} else {
			refused.Add(1)
		}
		if n%16 == 0 {
			took = append(took, time.Since(start))
		}
	}
	return took, nil
}

// answer reads one response and returns its status.
func answer(br *bufio.Reader) (int, error) {
	line, err := br.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("bad status line %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, err
	}
	length, chunked := -1, false
	for {
		line, err := br.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	if !chunked {
		_, err = br.Discard(max(length, 0))
		return status, err
	}
	for {
		line, err := br.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		size, err := strconv.ParseInt(string(bytes.TrimRight(line, "\r\n")), 16, 32)
		if err != nil {
			return 0, err
		}
		if _, err := io.CopyN(io.Discard, br, size+2); err != nil {
			return 0, err
		}
		if size == 0 {
			return status, nil
		}
	}
}

// cpuTime is how much processor time this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
