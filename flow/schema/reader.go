package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"iotman/iot"
)

// reader reads a JSON document.
type reader struct {
	dec   jsontext.Decoder
	depth int // how deep values may nest; 0: as deep as the decoder's own limit
}

var (
	errDepth = errors.New("nested too deep")
	errMore  = errors.New("more than one value")
)

// value reads the next value.
func (r *reader) value() (any, error) {
	tok, err := r.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return tok.Bool(), nil
	case '0':
		return json.Number(tok.String()), nil
	case '"':
		return tok.String(), nil
	}
	if r.depth > 0 && r.dec.StackDepth() > r.depth {
		return nil, errDepth
	}
	if tok.Kind() == '[' {
		return r.array()
	}
	return r.object()
}

// array reads what follows the bracket of an array.
func (r *reader) array() (any, error) {
	a := []any{}
	for r.dec.PeekKind() != ']' {
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
	_, err := r.dec.ReadToken()
	return a, err
}

// object reads what follows the brace of an object.
func (r *reader) object() (any, error) {
	o := map[string]any{}
	for r.dec.PeekKind() != '}' {
		tok, err := r.dec.ReadToken()
		if err != nil {
			return nil, err
		}
		name := tok.String()
		if o[name], err = r.value(); err != nil {
			return nil, err
		}
	}
	_, err := r.dec.ReadToken()
	return o, err
}

// end refuses anything after the value.
func (r *reader) end() error {
	_, err := r.dec.ReadToken()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return errMore
	}
	return err
}

// mistake says what was wrong with the document.
func (r *reader) mistake(err error) *iot.Detail {
	at, why := r.dec.StackPointer(), "is not valid JSON"
	switch se, ok := errors.AsType[*jsontext.SyntacticError](err); {
	case errors.Is(err, errDepth):
		why = fmt.Sprintf("is nested deeper than %d levels", r.depth)
	case errors.Is(err, errMore):
		why = "expected one value, got another after it"
	case errors.Is(err, io.EOF):
		why = "expected a value, got nothing"
	case ok && errors.Is(err, jsontext.ErrDuplicateName):
		at, why = se.JSONPointer, "is there twice"
	case ok:
		at, why = se.JSONPointer, "is not valid JSON: "+iot.Clip(fmt.Sprint(se.Err))
	}
	return &iot.Detail{Field: iot.ClipPointer(string(at)), Detail: why}
}
