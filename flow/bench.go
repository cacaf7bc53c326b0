package flow

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"net/http"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"iotman/iot"
)

// benches keeps the benches that are not in use. It holds nothing of any body.
var benches = sync.Pool{New: func() any {
	b := &bench{sum: sha256.New()}
	b.zipped = bufio.NewReader(&b.raw)
	b.dec = jsontext.NewDecoder(&b.in)
	return b
}}

// bench is what the decoding of a body needs and the next body's can use again.
type bench struct {
	raw, plain capped        // the body as it comes, and decompressed
	zipped     *bufio.Reader // of raw
	zip        *gzip.Reader  // of zipped; nil until the first gzip body
	buf        bytes.Buffer
	sum        hash.Hash
	dec        *jsontext.Decoder
	in         bytes.Buffer // what dec reads
}

// release gives b back, holding on to nobody's bytes but its own buffer's.
func (b *bench) release() {
	b.raw, b.plain, b.in = capped{}, capped{}, bytes.Buffer{}
	b.dec.Reset(&b.in)
	benches.Put(b)
}

// text returns the body's bytes, decompressed: came itself where they are not
// compressed, or memory of their own. Neither the bytes that came nor the bytes
// they decompress to may exceed [iot.MaxBody], and no more than that is held.
func (b *bench) text(h http.Header, came []byte, broke error) ([]byte, error) {
	zipped, err := gzipped(h)
	if err != nil {
		return nil, err
	}
	b.raw = capped{r: io.MultiReader(bytes.NewReader(came), broken{broke}), left: iot.MaxBody}
	if !zipped {
		if len(came) > iot.MaxBody {
			return nil, b.readError(errCapped)
		}
		if b.raw.err = broke; broke != nil {
			return nil, b.readError(broke)
		}
		return came, nil
	}
	if err := b.unzip(); err != nil {
		return nil, b.readError(err)
	}
	b.plain = capped{r: b.zip, left: iot.MaxBody}
	b.buf.Reset()
	if _, err := b.buf.ReadFrom(&b.plain); err != nil {
		return nil, b.readError(err)
	}
	text := make([]byte, b.buf.Len())
	copy(text, b.buf.Bytes())
	if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		return nil, iot.Errorf(iot.Unsupported, "the body is gzip within gzip").At("Content-Encoding").Hinting("compress it once")
	}
	return text, nil
}

// unzip starts to decompress b.raw.
func (b *bench) unzip() (err error) {
	b.zipped.Reset(&b.raw)
	if b.zip == nil {
		b.zip, err = gzip.NewReader(b.zipped)
		return err
	}
	return b.zip.Reset(b.zipped)
}

// readError says why a body could not be read.
func (b *bench) readError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || errors.Is(err, errCapped) {
		return iot.Errorf(iot.TooLarge, "a body has at most %d bytes, before and after decompression; got more", iot.MaxBody).
			Hinting("send the events in several requests")
	}
	if b.raw.err != nil && !errors.Is(b.raw.err, io.EOF) {
		return iot.Errorf(iot.Invalid, "the body broke off").Hinting("send it again").Because(err)
	}
	return iot.Errorf(iot.Invalid, "the body is not valid gzip, as its Content-Encoding says").At("Content-Encoding").
		Hinting("compress it with gzip (RFC 1952), or leave Content-Encoding out").Because(err)
}

// digest returns the SHA-256 of the media type, the headers and the text, each
// but the last led by its length.
func (b *bench) digest(name string, headers []header, text []byte) (sum [sha256.Size]byte) {
	field := func(pre []byte, s string) []byte {
		return append(binary.AppendUvarint(pre, uint64(len(s))), s...)
	}
	pre := field(b.buf.AvailableBuffer(), name)
	for _, h := range headers {
		pre = field(field(pre, h.name), h.value)
	}
	b.sum.Reset()
	b.sum.Write(field(pre, ""))
	b.sum.Write(text)
	b.sum.Sum(sum[:0])
	return sum
}

// errCapped is what a capped reader fails with.
var errCapped = errors.New("more bytes than allowed")

// capped reads up to left bytes from r and fails with errCapped if there are
// more. It remembers the error r failed with.
type capped struct {
	r    io.Reader
	left int
	err  error
}

// Read reads the next bytes.
func (c *capped) Read(p []byte) (int, error) {
	if len(p) > c.left+1 {
		p = p[:c.left+1] // one more than allowed, to learn whether there is one
	}
	n, err := c.r.Read(p)
	if n > c.left {
		return 0, errCapped
	}
	c.left -= n
	if err != nil {
		c.err = err
	}
	return n, err
}
