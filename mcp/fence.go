package mcp

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"reflect"
)

// mark adds to an answer the list of the paths that hold data from devices, or
// texts by members.
func mark(answer []byte, untrusted []string) ([]byte, error) {
	list, err := json.Marshal(untrusted)
	if err != nil {
		return nil, err
	}
	if len(answer) < 2 || answer[len(answer)-1] != '}' {
		return nil, fmt.Errorf("an answer with untrusted parts is not an object")
	}
	out := answer[: len(answer)-1 : len(answer)-1]
	if len(answer) > 2 {
		out = append(out, ',')
	}
	out = append(out, `"untrusted":`...)
	return append(append(out, list...), '}'), nil
}

// fence returns a copy of an answer for a model to read, in which every field
// tagged untrusted stands between two marks. The marks hold a code that no
// payload can know, so that none can end its fence and speak as the server.
func fence(answer any) any {
	f := newFencer()
	v := reflect.New(reflect.TypeOf(answer)).Elem()
	v.Set(reflect.ValueOf(answer))
	f.walk(v)
	return v.Interface()
}

type fencer struct{ begin, end string }

func newFencer() fencer {
	nonce := rand.Text()[:8]
	return fencer{begin: "BEGIN UNTRUSTED " + nonce, end: "END UNTRUSTED " + nonce}
}

// text returns text between the marks, "" as it is.
func (f fencer) text(s string) string {
	if s == "" {
		return ""
	}
	return f.begin + "\n" + s + "\n" + f.end
}

// walk fences the tagged fields of v, a struct or a slice of structs that may
// be changed; slices are copied first.
func (f fencer) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct || v.Len() == 0 {
			return
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		v.Set(c)
		for i := range c.Len() {
			f.walk(c.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field, value := v.Type().Field(i), v.Field(i)
			if !value.CanSet() {
				continue
			}
			if field.Tag.Get("untrusted") == "true" {
				f.enclose(value)
			} else {
				f.walk(value)
			}
		}
	default:
	}
}

// enclose puts a field's content between the marks: JSON as the middle of
// three array elements, text between two lines.
func (f fencer) enclose(v reflect.Value) {
	switch held := v.Interface().(type) {
	case json.RawMessage:
		if len(held) == 0 || string(held) == "{}" {
			return
		}
		if b, err := marshal([]any{f.begin, held, f.end}); err == nil {
			v.SetBytes(b)
		}
	default:
		switch {
		case v.IsZero():
		case v.Kind() == reflect.String:
			v.SetString(f.text(v.String()))
		case v.Kind() == reflect.Interface:
			v.Set(reflect.ValueOf([]any{f.begin, held, f.end}))
		}
	}
}
