package flow

import (
	"context"
	"io"
	"net/http"
	"time"

	"iotman/iot"
)

// What bodies may take together while they are decoded and wait for the disk:
// decoding makes at most about memoryFactor bytes of one that came. Whoever
// comes when it is all taken waits a while for a share.
const (
	maxMemory    = 512 << 20
	memoryFactor = 16
	memoryWait   = 10 * time.Second
)

// receive reads a body as it comes, at most a byte more than is taken.
func receive(r io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, iot.MaxBody+1))
}

// broken is the end of a body that broke off, or nothing.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) {
	if b.err == nil {
		return 0, io.EOF
	}
	return 0, b.err
}

// hold takes a body's share of the memory. What is compressed counts as the
// largest that it may become.
func (f *Flow) hold(ctx context.Context, h http.Header, body []byte) (release func(), err error) {
	share := int64(memoryFactor * len(body))
	if h.Get("Content-Encoding") != "" {
		share = memoryFactor * iot.MaxBody
	}
	release = func() { f.memory.Release(share) }
	if f.memory.TryAcquire(share) {
		return release, nil // even if the sender is gone: the body came whole
	}
	limited, cancel := context.WithTimeout(ctx, memoryWait)
	defer cancel()
	if err := f.memory.Acquire(limited, share); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e := iot.Errorf(iot.Unavailable, "too many bodies are waiting for the disk")
		e.RetryAfter = time.Second
		return nil, e.Hinting("send the same body again; nothing of it was stored")
	}
	return release, nil
}
