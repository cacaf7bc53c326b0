package flow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"iotman/iot"
)

// decoder decodes the events of one body.
type decoder struct {
	*bench
	text  []byte // the body
	part  []byte // what is being decoded: the text, or a line of it
	line  int    // the line's number, from 1; 0 if the text is not of lines
	spare []byte // room for payloads without white space; never moves
	items []Item
}

// begin turns to a part of the text.
func (d *decoder) begin(part []byte) {
	d.part = part
	d.in = *bytes.NewBuffer(part)
	d.dec.Reset(&d.in)
}

// end refuses anything after the part's value.
func (d *decoder) end() error {
	switch _, err := d.dec.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return d.fault(err)
	case d.line > 0:
		return d.invalid("expected one value; got another after it").Hinting("send an object a line")
	}
	return d.invalid("expected one value; got another after it").
		Hinting("send several events as an array, or a line each as application/x-ndjson")
}

// value reads the next value, which is valid JSON (RFC 8259) and I-JSON
// (RFC 7493) afterwards, and returns the part of the text that holds it.
func (d *decoder) value() ([]byte, error) {
	v, err := d.dec.ReadValue()
	if err != nil {
		return nil, d.fault(err)
	}
	end := int(d.dec.InputOffset())
	return d.part[end-len(v) : end : end], nil
}

// open reads the beginning of an array or object.
func (d *decoder) open(kind jsontext.Kind, expected string) error {
	if d.dec.PeekKind() != kind {
		raw, err := d.value()
		if err != nil {
			return err
		}
		return d.unexpected(expected, raw)
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return d.fault(err)
	}
	return nil
}

// tidy returns raw, a value just read, without insignificant white space,
// having refused what JSON allows and iotman does not.
func (d *decoder) tidy(raw []byte) (json.RawMessage, error) {
	s := survey(raw)
	if s.nul || s.depth > iot.MaxDepth {
		return nil, d.locate(raw)
	}
	if !s.blanks {
		return raw, nil
	}
	if d.spare == nil {
		d.spare = make([]byte, 0, len(d.text))
	}
	begin := len(d.spare)
	d.spare = compact(d.spare, raw)
	return d.spare[begin:len(d.spare):len(d.spare)], nil
}

// pointer returns the JSON pointer of the value that was read last.
func (d *decoder) pointer() string { return d.at(d.dec.StackPointer()) }

// at returns the JSON pointer of a place within the part.
func (d *decoder) at(p jsontext.Pointer) string {
	if d.line > 0 {
		return iot.ClipPointer("/" + strconv.Itoa(len(d.items)) + string(p))
	}
	return iot.ClipPointer(string(p))
}

// invalid returns an error about the value that was read last.
func (d *decoder) invalid(format string, args ...any) *iot.Error {
	e := iot.Errorf(iot.Invalid, format, args...).At(d.pointer())
	if d.line > 0 {
		e.Msg = "line " + strconv.Itoa(d.line) + ": " + e.Msg
	}
	return e
}

// unexpected returns the error that raw, just read, is not what it should be.
func (d *decoder) unexpected(expected string, raw []byte) error {
	return d.invalid("expected %s, got %s", expected, kindOf(raw))
}

// fault returns what a sender is told of an error of the JSON decoder.
func (d *decoder) fault(err error) error {
	se, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return d.invalid("not valid JSON").Because(err)
	}
	e := d.invalid("not valid JSON at byte %d: %s", se.ByteOffset, iot.Clip(fmt.Sprint(se.Err)))
	switch rest := string(d.part[min(int(se.ByteOffset), len(d.part)):min(int(se.ByteOffset)+8, len(d.part))]); {
	case strings.Count(string(se.JSONPointer), "/") > iot.MaxDepth+2: // the decoder's own limit is far beyond ours
		e = d.tooDeep(se.JSONPointer)
	case errors.Is(err, jsontext.ErrDuplicateName):
		e = d.invalid("duplicate key %q", iot.Clip(se.JSONPointer.LastToken())).Hinting("send each key of an object once")
	case errors.Is(err, io.ErrUnexpectedEOF):
		e = d.invalid("not valid JSON: it ends too early")
	case strings.HasPrefix(rest, "NaN"), strings.HasPrefix(rest, "Inf"), strings.HasPrefix(rest, "-Inf"):
		e.Hint = "JSON has no NaN and no Infinity: send null, or leave the key out"
	case strings.HasPrefix(rest, "\ufeff"):
		e.Hint = "the body begins with a byte order mark: leave it out"
	}
	return e.At(d.at(se.JSONPointer))
}

// locate returns the error for what survey found in raw, naming its place.
func (d *decoder) locate(raw []byte) error {
	base := d.dec.StackPointer()
	dec := jsontext.NewDecoder(bytes.NewReader(raw))
	for {
		tok, err := dec.ReadToken()
		if err != nil {
			return d.invalid("not valid JSON").Because(err)
		}
		place := base + dec.StackPointer()
		switch tok.Kind() {
		case '{', '[':
			if dec.StackDepth() > iot.MaxDepth {
				return d.tooDeep(place)
			}
		case '"':
			if strings.IndexByte(tok.String(), 0) >= 0 {
				e := d.invalid("a string holds U+0000, which cannot be stored").Hinting("leave the character out")
				return e.At(d.at(place))
			}
		}
	}
}

// tooDeep returns the error for a value that nests too deep.
func (d *decoder) tooDeep(p jsontext.Pointer) *iot.Error {
	return d.invalid("nested deeper than %d levels", iot.MaxDepth).At(d.at(p)).Hinting("send a flatter object")
}
