package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"iotman/flow/schema"
	"iotman/iot"
	"iotman/store"
)

// Spec is what is said about an operation, as opposed to what it does.
type Spec struct {
	Name       string         // "http_endpoint_create": MCP tool and OpenAPI operationId
	Route      string         // "POST /http-endpoints", relative to the workspace, or absolute from /api/
	Permission iot.Permission // what role ∩ token must hold
	Doc        string         // the first sentence is the title; written for a model that sees nothing else

	Destroys  bool // loses something that cannot be had back, beyond what DELETE implies
	OpenWorld bool // reaches outside iotman
	OwnCommit bool // a Define that writes in transactions of its own

	// Own is enough for what is the caller's own, where Permission is for what is
	// anybody's: the handler judges, by the thing in question. "" where nothing is.
	Own iot.Permission
}

// Allows reports whether the caller may call the operation: nil, or the error of
// Caller.Can.
func (s Spec) Allows(c iot.Caller) error {
	err := c.Can(s.Permission)
	if err != nil && s.Own != "" && c.Can(s.Own) == nil {
		return nil
	}
	return err
}

// Base is the path that routes relative to a workspace follow.
const Base = "/api/v1/workspaces/{workspace}"

// Method returns the HTTP method of the route.
func (s Spec) Method() string {
	m, _, _ := strings.Cut(s.Route, " ")
	return m
}

// Path returns the whole path template, as http.ServeMux reads it.
func (s Spec) Path() string {
	_, p, _ := strings.Cut(s.Route, " ")
	if strings.HasPrefix(p, "/api/") {
		return p
	}
	return strings.TrimSuffix(Base+p, "/")
}

// InWorkspace reports whether the operation's path names a workspace; the
// others concern the caller's account.
func (s Spec) InWorkspace() bool { return strings.HasPrefix(s.Path(), Base) }

// ReadOnly reports whether the operation changes nothing: a GET, or anything
// that a reading permission is enough for.
func (s Spec) ReadOnly() bool { return s.Method() == http.MethodGet || s.Permission.Reads() }

// Lean reports whether the operation is in the lean catalogue: GET only.
func (s Spec) Lean() bool { return s.Method() == http.MethodGet }

// Destructive reports whether the operation may lose something: DELETE, or
// as declared.
func (s Spec) Destructive() bool { return s.Method() == http.MethodDelete || s.Destroys }

// Idempotent reports whether a repeated call has no further effect.
func (s Spec) Idempotent() bool { return s.ReadOnly() || s.Method() != http.MethodPost }

// Creates reports whether the operation makes an entity (201 over HTTP).
func (s Spec) Creates() bool { return strings.HasSuffix(s.Name, "_create") }

// Title returns the first sentence of the documentation.
func (s Spec) Title() string {
	first, _, _ := strings.Cut(s.Doc, ". ")
	return strings.TrimSuffix(first, ".")
}

// Toolset returns the group the operation belongs to: the noun of its
// permission, except that what concerns accounts goes by its own noun and the
// audit log goes with the workspace.
func (s Spec) Toolset() string {
	noun, _, _ := strings.Cut(string(s.Permission), ":")
	switch noun {
	case "account":
		noun, _, _ = strings.Cut(s.Name, "_")
	case "audit":
		noun = "workspace"
	}
	return noun
}

var pathVar = regexp.MustCompile(`\{([a-z_]+)\}`)

// PathVars returns the names of the variables in the path but for the
// workspace, in order.
func (s Spec) PathVars() []string {
	var vs []string
	for _, m := range pathVar.FindAllStringSubmatch(s.Path(), -1) {
		if m[1] != "workspace" {
			vs = append(vs, m[1])
		}
	}
	return vs
}

// Op is an operation with its Go types erased. Only Define and Change make one.
type Op struct {
	Spec
	In, Out   *jsonschema.Schema
	Untrusted []string // paths in the output that hold data sent by devices, or texts by members: "items[].payload"

	valid   *schema.Schema
	changes bool // made by Change
	run     func(ctx context.Context, st *store.Store, c iot.Caller, raw json.RawMessage) (any, error)
	err     error // what is wrong with the declaration; reported by NewRegistry
}

// None is the input of an operation that has none.
type None struct{}

// Deleted is the output of an operation that deletes.
type Deleted struct {
	Status string `json:"status"`
}

var deleted = Deleted{Status: "deleted"}

// Define declares an operation that changes no configuration. Its schemas come
// from In and Out, so the compiler keeps documents and handler in step.
func Define[In, Out any](s Spec, h func(context.Context, iot.Caller, In) (Out, error)) Op {
	op := declare[In, Out](s)
	op.run = func(ctx context.Context, _ *store.Store, c iot.Caller, raw json.RawMessage) (any, error) {
		in, err := decode[In](raw)
		if err != nil {
			return nil, err
		}
		return h(ctx, c, in)
	}
	return op
}

// Change declares an operation that changes a workspace's configuration. The
// handler runs in one transaction, which also raises the workspace's version
// and writes its version and audit rows; if the handler fails, nothing is left.
func Change[In, Out any](s Spec, h func(context.Context, *store.Tx, iot.Caller, In) (Out, error)) Op {
	op := declare[In, Out](s)
	op.changes = true
	op.run = func(ctx context.Context, st *store.Store, c iot.Caller, raw json.RawMessage) (any, error) {
		in, err := decode[In](raw)
		if err != nil {
			return nil, err
		}
		var out Out
		err = st.Change(ctx, by(c, s.Name), func(ctx context.Context, tx *store.Tx) (err error) {
			out, err = h(ctx, tx, c, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		return out, nil
	}
	return op
}

func by(c iot.Caller, operation string) store.By {
	return store.By{Workspace: c.Workspace, Account: c.Account, Email: c.Email, Client: c.Client, Operation: operation}
}

func declare[In, Out any](s Spec) Op {
	op := Op{Spec: s, Untrusted: untrusted(reflect.TypeFor[Out](), "")}
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var err error
	op.In, err = inputSchema(reflect.TypeFor[In]())
	note(err)
	op.Out, err = outputSchema(reflect.TypeFor[Out]())
	note(err)
	if op.In != nil {
		text, err := json.Marshal(op.In)
		note(err)
		op.valid, err = schema.Compile(text)
		note(err)
		for _, v := range s.PathVars() {
			if op.In.Properties[v] == nil {
				note(fmt.Errorf("path variable %q is not a field of %s", v, reflect.TypeFor[In]()))
			}
		}
	}
	op.err = errors.Join(errs...)
	return op
}

// decode reads the validated input. What the schema let pass and the types do
// not, such as a malformed time, tells its own error.
func decode[In any](raw json.RawMessage) (In, error) {
	var in In
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	err := dec.Decode(&in)
	if err == nil {
		return in, nil
	}
	if shown, ok := errors.AsType[*iot.Error](err); ok {
		return in, shown
	}
	bad := iot.Errorf(iot.Invalid, "the input does not fit")
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		bad = iot.Errorf(iot.Invalid, "expected %s, got %s", wanted(t.Type.Kind()), iot.Clip(t.Value)).At(pointer(t.Field))
	}
	return in, bad.Because(err)
}

// pointer makes a JSON pointer of the path that encoding/json names a field by,
// in which embedded structs stand, too.
func pointer(path string) string {
	var b strings.Builder
	for name := range strings.SplitSeq(path, ".") {
		if name == strings.ToLower(name) { // a field's; a struct's begins with a capital
			b.WriteString("/" + name)
		}
	}
	return b.String()
}

// wanted says what JSON a kind is read from.
func wanted(k reflect.Kind) string {
	switch k {
	case reflect.Int, reflect.Int64:
		return "an integer of at most 64 bits, written without a fraction or exponent"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	default:
		return "an object"
	}
}
