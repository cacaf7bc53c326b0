package flow

import (
	"sync"
	"time"

	"iotman/iot"
)

// diskGauge remembers for a second how much of the disk is free.
type diskGauge struct {
	mu   sync.Mutex
	at   time.Time
	free uint64
	err  error
}

// spaceLeft refuses ingest where the disk's reserve is reached.
func (f *Flow) spaceLeft() error {
	g := &f.disk
	g.mu.Lock()
	if now := time.Now(); now.Sub(g.at) > time.Second {
		g.at = now
		g.free, g.err = f.st.FreeBytes()
	}
	free, err := g.free, g.err
	g.mu.Unlock()
	if err != nil {
		return err
	}
	if free >= f.reserve {
		return nil
	}
	e := iot.Errorf(iot.Full, "the disk has %d MiB free, which ingest leaves untouched", free>>20)
	e.RetryAfter = time.Minute
	return e.Hinting("send the same body again later; whoever runs the server has to free space")
}
