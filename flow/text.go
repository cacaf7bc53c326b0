package flow

import (
	"github.com/go-json-experiment/json/jsontext"
)

// facts are what a survey of a valid JSON text finds.
type facts struct {
	depth  int  // how deep its arrays and objects nest; 0 for any other value
	blanks bool // there is insignificant white space
	nul    bool // U+0000 is in a string, escaped: JSON allows it no other way
}

// survey looks once through a valid JSON text.
func survey(v []byte) facts {
	var f facts
	depth := 0
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '{', '[':
			depth++
			f.depth = max(f.depth, depth)
		case '}', ']':
			depth--
		case ' ', '\t', '\n', '\r':
			f.blanks = true
		case '"':
			for i++; v[i] != '"'; i++ {
				if v[i] != '\\' {
					continue
				}
				i++
				f.nul = f.nul || v[i] == 'u' && string(v[i+1:i+5]) == "0000"
			}
		}
	}
	return f
}

// compact appends a valid JSON text to dst without insignificant white space.
func compact(dst, v []byte) []byte {
	quoted := false
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\\':
			dst = append(dst, c)
			i++
			c = v[i]
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// kindOf names the type of a JSON value.
func kindOf(raw []byte) string {
	switch k := jsontext.Value(raw).Kind(); k {
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	default:
		return k.String()
	}
}
