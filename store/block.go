package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"iotman/iot"
)

// A block is the row form of consecutive events of one workspace:
//
//	version   1 byte
//	base      uvarint, microseconds: the first event's received_at
//	origins   uvarint count, each: source id (16 bytes), meta (length, bytes)
//	events    until the end, each:
//	  seq - first_seq   uvarint
//	  received_at - base   uvarint
//	  random   2 bytes of its id
//	  origin   uvarint
//	  occurred_at - received_at   varint
//	  tags, payload   length, bytes
//
// What devices repeat (source, address, method) is written once a block, and
// one row a commit costs the engine far less than one row an event.
const blockVersion = 1

// record is an event in a block. Its slices alias the block.
type record struct {
	seq        int64
	receivedAt int64 // microseconds
	occurredAt int64 // microseconds
	random     uint16
	source     iot.ID
	meta       []byte
	tags       []byte // "" stands for {}
	payload    []byte
}

func (r *record) id() iot.ID { return eventID(r.receivedAt, r.seq, r.random) }

func (r *record) event() iot.Event {
	tags := r.tags
	if len(tags) == 0 {
		tags = []byte("{}")
	}
	return iot.Event{
		ID: r.id(), Seq: r.seq, ReceivedAt: iot.Micros(r.receivedAt), OccurredAt: iot.Micros(r.occurredAt),
		SourceID: r.source, Payload: r.payload, Tags: tags, Meta: r.meta,
	}
}

// encodeBlock returns the row form of records, which are in sequence and of
// which there is at least one.
//
//nolint:gosec // which[i-1] has i > 0; differences wrap, and decodeBlock wraps them back
func encodeBlock(records []record) ([]byte, error) {
	type origin struct {
		source iot.ID
		meta   string
	}
	index := map[origin]uint64{}
	var origins []byte
	size, which := 32, make([]uint64, len(records))
	for i, r := range records {
		size += 24 + len(r.tags) + len(r.payload)
		if i > 0 && r.source == records[i-1].source && string(r.meta) == string(records[i-1].meta) {
			which[i] = which[i-1]
			continue
		}
		o := origin{r.source, string(r.meta)}
		n, seen := index[o]
		if !seen {
			n = uint64(len(index))
			index[o] = n
			u, err := uuid.Parse(string(r.source))
			if err != nil {
				return nil, fmt.Errorf("source of event %d: %w", r.seq, err)
			}
			origins = append(origins, u[:]...)
			origins = appendBytes(origins, r.meta)
		}
		which[i] = n
	}
	first := records[0]
	b := make([]byte, 0, size+len(origins))
	b = append(b, blockVersion)
	b = binary.AppendUvarint(b, uint64(first.receivedAt))
	b = binary.AppendUvarint(b, uint64(len(index)))
	b = append(b, origins...)
	for i, r := range records {
		b = binary.AppendUvarint(b, uint64(r.seq-first.seq))
		b = binary.AppendUvarint(b, uint64(r.receivedAt-first.receivedAt))
		b = binary.LittleEndian.AppendUint16(b, r.random)
		b = binary.AppendUvarint(b, which[i])
		b = binary.AppendVarint(b, r.occurredAt-r.receivedAt)
		b = appendBytes(b, r.tags)
		b = appendBytes(b, r.payload)
	}
	return b, nil
}

func appendBytes(b, data []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(data))), data...)
}

var errBlock = errors.New("a block of the event log is damaged")

// decodeBlock appends the events of a block to dst.
//
//nolint:gosec // differences wrap, as encodeBlock made them
func decodeBlock(dst []record, first int64, b []byte) ([]record, error) {
	d := decoder{b: b}
	if d.byte() != blockVersion {
		return nil, fmt.Errorf("block at %d: unknown form: %w", first, errBlock)
	}
	base := int64(d.uvarint())
	type origin struct {
		source iot.ID
		meta   []byte
	}
	n := d.uvarint()
	if n > uint64(len(d.b))/17 { // the least that an origin takes
		return nil, fmt.Errorf("block at %d: %w", first, errBlock)
	}
	origins := make([]origin, n)
	for i := range origins {
		if u := d.take(16); u != nil {
			origins[i].source = iot.ID(uuid.UUID(u).String())
		}
		origins[i].meta = d.take(d.uvarint())
	}
	for len(d.b) > 0 && !d.bad {
		r := record{seq: first + int64(d.uvarint()), receivedAt: base + int64(d.uvarint())}
		if two := d.take(2); two != nil {
			r.random = binary.LittleEndian.Uint16(two)
		}
		o := d.uvarint()
		if o >= n {
			d.bad = true
			break
		}
		r.source, r.meta = origins[o].source, origins[o].meta
		r.occurredAt = r.receivedAt + d.varint()
		r.tags = d.take(d.uvarint())
		r.payload = d.take(d.uvarint())
		dst = append(dst, r)
	}
	if d.bad {
		return nil, fmt.Errorf("block at %d: %w", first, errBlock)
	}
	return dst, nil
}

// decoder reads what encodeBlock wrote; after the first fault everything is
// zero and bad is set.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}
