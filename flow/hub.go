package flow

import (
	"sync"

	"iotman/iot"
)

// hub tells whoever waits that a workspace's log has grown. It carries no
// events and never blocks: readers fetch from the log what they lack.
type hub struct {
	mu      sync.Mutex
	waiting map[iot.ID]chan struct{}
}

// next returns a channel that is closed when the workspace's log next grows.
// Get it before reading the log, so that nothing falls between.
func (h *hub) next(ws iot.ID) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting == nil {
		h.waiting = map[iot.ID]chan struct{}{}
	}
	c := h.waiting[ws]
	if c == nil {
		c = make(chan struct{})
		h.waiting[ws] = c
	}
	return c
}

// publish wakes whoever waits for the workspace.
func (h *hub) publish(ws iot.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.waiting[ws]; c != nil {
		close(c)
		delete(h.waiting, ws)
	}
}
