package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is a contestant that runs.
type process struct {
	url string
	cmd *exec.Cmd
}

// build compiles iotman.
func build(ctx context.Context, dir string) (string, error) {
	bin := filepath.Join(dir, "iotman")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, "./cmd/iotman")
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	return bin, cmd.Run()
}

// start runs a program that prints its URL on a line of its own, and waits
// until it answers.
func start(ctx context.Context, name string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		for _, word := range strings.FieldsFunc(lines.Text(), func(r rune) bool { return r == ' ' || r == ',' }) {
			if strings.HasPrefix(word, "http://") {
				p.url = strings.TrimSuffix(word, "/")
				go func() { _, _ = io.Copy(io.Discard, out) }()
				return p, p.ready()
			}
		}
	}
	return nil, fmt.Errorf("%s %v printed no URL: %w", name, args, cmd.Wait())
}

func (p *process) ready() error {
	for range 100 {
		if c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://")); err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%s does not answer", p.url)
}

// self runs one of this program's own contestants.
func self(ctx context.Context, args ...string) (*process, error) {
	me, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, me, append([]string{"contestant"}, args...)...)
}

// stop ends the process and waits for it.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case <-done:
		return nil
	case <-time.After(20 * time.Second):
		return p.cmd.Process.Kill()
	}
}

// contest is the side of a contestant: it serves until told to stop.
func contest(ctx context.Context, name string, args []string) error {
	signals, stop := signalContext(ctx)
	defer stop()
	kinds := map[string]func(args []string) (http.Handler, error){
		"raw": rawLog, "pgx": pgxHandler, "bytes": preMarshalled, "go-sdk": goSDK, "mcp-go": stockMCPGo,
		"page": pageBytes, "fosite": fositeAlone,
	}
	if name == "pocketbase" {
		return pocketBase(signals, args)
	}
	make, ok := kinds[name]
	if !ok {
		return fmt.Errorf("unknown contestant %q", name)
	}
	h, err := make(args)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-signals.Done()
		srv.Close()
	}()
	if err := srv.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}
