package store

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"github.com/google/uuid"

	"iotman/iot"
)

// An event's id is a UUIDv7 whose 74 free bits hold, in this order, the
// microseconds within its millisecond (10), nothing (2), its sequence number
// (46) and 16 random ones. RFC 9562 section 6.2 allows such counters. So ids
// sort as the log does, and an id leads to its event without an index.
const (
	seqBits = 46
	maxSeq  = 1<<seqBits - 1
)

func randomBits() uint16 { return uint16(rand.Uint32()) } //nolint:gosec // uniqueness, not secrecy: ids are no credentials

//nolint:gosec // neither a time since 1970 nor a sequence number is negative
func eventID(receivedMicros, seq int64, random uint16) iot.ID {
	var b [16]byte
	ms, us := receivedMicros/1000, receivedMicros%1000
	binary.BigEndian.PutUint64(b[:8], uint64(ms)<<16|0x7000|uint64(us)<<2)
	binary.BigEndian.PutUint64(b[8:], 1<<63|uint64(seq)<<16|uint64(random))
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return iot.ID(text[:])
}

// seqOf returns the sequence number in an event's id; any other id gives a
// number that leads to no event of that id.
func seqOf(id iot.ID) (int64, bool) {
	u, err := uuid.Parse(string(id))
	if err != nil {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(u[8:]) >> 16 & maxSeq), true
}
