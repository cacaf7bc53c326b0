package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"iotman/iot"
)

// typeName names the JSON type of v: "integer" for whole numbers.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case json.Number:
		if isInteger(v) {
			return "integer"
		}
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "no JSON value"
}

// show writes v for people: a string in quotes, an array or object by its type.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(iot.Clip(v))
	case json.Number:
		return iot.Clip(string(v))
	case bool:
		return strconv.FormatBool(v)
	}
	return typeName(v)
}

// most is how many alternatives a message lists.
const most = 20

// list joins what show returns of values, strings without quotes.
func list(values []any) string {
	return join(values, ", ", func(v any) string {
		if s, ok := v.(string); ok && s != "" {
			return iot.Clip(s)
		}
		return show(v)
	})
}

// join joins what text returns of the first values.
func join[T any](values []T, sep string, text func(T) string) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(sep)
		}
		if i == most {
			b.WriteString("…")
			break
		}
		b.WriteString(text(v))
	}
	return b.String()
}

// knownFields says which properties a schema names.
func knownFields(s *jsonschema.Schema) string {
	names := slices.Sorted(maps.Keys(s.Properties))
	for re := range s.PatternProperties {
		names = append(names, "those that match "+re.String())
	}
	slices.Sort(names[len(s.Properties):])
	if len(names) == 0 {
		return "unknown field; there are no known fields"
	}
	return "unknown field; known fields are " + join(names, ", ", iot.Clip)
}

// escape writes a token of a JSON pointer (RFC 6901 section 3).
func escape(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}
