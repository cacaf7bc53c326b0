package flow

import (
	"sync"
	"time"
)

// limiter bounds a rate, in the manner of the generic cell rate algorithm
// (ITU-T I.371): a burst of one second's worth at once, and a body larger than
// that is let through whole but paid off before the next.
type limiter struct {
	mu   sync.Mutex
	free time.Time // when everything let through is paid off
}

// allow takes n at the rate of perSecond, or says how long to wait.
func (l *limiter) allow(now time.Time, n, perSecond int) (wait time.Duration, ok bool) {
	if perSecond <= 0 {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free.Before(now) {
		l.free = now
	}
	cost := time.Duration(n) * time.Second / time.Duration(perSecond)
	if over := l.free.Add(min(cost, time.Second)).Sub(now.Add(time.Second)); over > 0 {
		return over, false
	}
	l.free = l.free.Add(cost)
	return 0, true
}
