package tools

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"iotman/iot"
)

// Request is an operation's call in the form of HTTP: over REST, or through
// iotman_call.
type Request struct {
	PathVars    func(name string) string
	Query       url.Values
	ContentType string // of the body; "" is JSON
	IfMatch     string // an entity's version (RFC 9110 section 13.1.1)
	Body        []byte
}

// ParseQuery reads a URL's query. What is malformed is refused: url.URL.Query
// leaves it out, and a filter that is left out lets everything through.
func ParseQuery(raw string) (url.Values, error) {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return nil, iot.Errorf(iot.Invalid, "the URL's query is malformed").Because(err).
			Hinting("put & between parameters, and write %% as %%25 and ; as %%3B")
	}
	return q, nil
}

// Bind makes the operation's input of a request: the members of the body, the
// query parameters by the types of the schema, and the variables of the path.
// What is said twice must be said alike.
func (o Op) Bind(r Request) (json.RawMessage, error) {
	in := map[string]json.RawMessage{}
	if len(r.Body) > 0 {
		if o.Method() == http.MethodGet || o.Method() == http.MethodDelete {
			return nil, iot.Errorf(iot.Invalid, "%s takes no body", o.Method()).Hinting("put its fields in the query")
		}
		if mt, _, err := mime.ParseMediaType(r.ContentType); r.ContentType != "" && (err != nil || mt != "application/json") {
			return nil, iot.Errorf(iot.Unsupported, "expected a body of application/json, got %.80q", r.ContentType)
		}
		if err := json.Unmarshal(r.Body, &in); err != nil || in == nil {
			return nil, iot.Errorf(iot.Invalid, "expected a JSON object as the body").Because(err)
		}
	}
	set := func(name string, v json.RawMessage) error {
		if had, ok := in[name]; ok && string(had) != string(v) {
			return iot.Errorf(iot.Invalid, "%s is given twice, with two values", name).At("/" + name)
		}
		in[name] = v
		return nil
	}
	for name, values := range r.Query {
		v, err := queryValue(o.In.Properties[name], values)
		if err != nil {
			return nil, err.At("/" + name)
		}
		if err := set(name, v); err != nil {
			return nil, err
		}
	}
	for _, name := range o.PathVars() {
		v, err := json.Marshal(r.PathVars(name))
		if err != nil {
			return nil, err
		}
		if err := set(name, v); err != nil {
			return nil, err
		}
	}
	if r.IfMatch != "" {
		v, err := version(r.IfMatch)
		if err != nil {
			return nil, err
		}
		if err := set("version", v); err != nil {
			return nil, err
		}
	}
	return json.Marshal(in)
}

// queryValue reads a query parameter as the type that the schema says. One
// that no field has is passed on, for the validation to name.
func queryValue(s *jsonschema.Schema, values []string) (json.RawMessage, *iot.Error) {
	if s == nil {
		return json.RawMessage(`""`), nil
	}
	kinds := append(slices.Clone(s.Types), s.Type)
	is := func(kind string) bool { return slices.Contains(kinds, kind) }
	if is("array") {
		var all []string
		for _, v := range values {
			all = append(all, strings.Split(v, ",")...)
		}
		return marshal(all), nil
	}
	if len(values) != 1 {
		return nil, iot.Errorf(iot.Invalid, "expected one value, got %d", len(values))
	}
	v := values[0]
	switch {
	case is("integer"):
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return nil, iot.Errorf(iot.Invalid, "expected an integer, got %.80q", v)
		}
		return marshal(n), nil
	case is("boolean"):
		if v != "true" && v != "false" {
			return nil, iot.Errorf(iot.Invalid, "expected true or false, got %.80q", v)
		}
		return json.RawMessage(v), nil
	case s.Format == "date-time":
		return marshal(unixTime(v)), nil
	}
	return marshal(v), nil
}

// unixTime makes RFC 3339 of seconds since the Unix epoch; anything else it
// leaves as it is.
func unixTime(v string) string {
	if n, err := strconv.ParseInt(v, 10, 40); err == nil {
		return iot.Micros(n * 1e6).Format(iot.TimeLayout)
	}
	return v
}

// version reads an entity tag that is a version: "12", W/"12" or 12; * is any.
func version(ifMatch string) (json.RawMessage, error) {
	tag := strings.Trim(strings.TrimPrefix(strings.TrimSpace(ifMatch), "W/"), `"`)
	if tag == "*" {
		return json.RawMessage("0"), nil
	}
	n, err := strconv.ParseInt(tag, 10, 64)
	if err != nil || n < 1 {
		return nil, iot.Errorf(iot.Invalid, "expected a version as the entity tag, got %.80q", ifMatch).At("If-Match")
	}
	return marshal(n), nil
}

// marshal writes a value that always can be written.
func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}
