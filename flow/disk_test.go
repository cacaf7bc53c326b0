package flow

import (
	"errors"
	"testing"
	"time"

	"iotman/iot"
)

// TestI4SpaceLeft: below the reserve nothing is taken, at it all is, and the
// disk is not asked at every post.
func TestI4SpaceLeft(t *testing.T) {
	r := newRiver(t)
	r.endpoint(iot.EndpointSettings{})
	s := r.source("gh")
	free := func(n uint64, err error) { r.disk = diskGauge{at: time.Now().Add(time.Hour), free: n, err: err} } // asked a moment ago
	r.reserve = 1000
	for _, n := range []uint64{0, 999} {
		free(n, nil)
		_, err := r.Accept(t.Context(), s, post(`{}`))
		if e, ok := errors.AsType[*iot.Error](err); !ok || e.Kind != iot.Full || e.RetryAfter != time.Minute || e.Hint == "" {
			t.Errorf("%d bytes free: got %v, want Full and when to try again", n, err)
		}
	}
	free(0, errors.New("no such disk"))
	if _, err := r.Accept(t.Context(), s, post(`{}`)); iot.KindOf(err) != iot.Internal || err == nil {
		t.Errorf("a disk that does not answer: got %v, want a fault of ours", err)
	}
	free(1000, nil)
	if _, err := r.Accept(t.Context(), s, post(`{}`)); err != nil {
		t.Errorf("just enough: got %v", err)
	}
	r.disk.at = time.Time{} // long ago
	if _, err := r.Accept(t.Context(), s, post(`{}`)); err != nil || r.disk.free <= 1000 {
		t.Errorf("got %v and %d bytes free, want what the disk says", err, r.disk.free)
	}
	if n := r.head(); n != 2 {
		t.Errorf("got %d events, want 2", n)
	}
}
