package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"regexp"
	"time"

	"iotman/iot"
	"iotman/store"
)

// Registry is a checked, immutable set of operations.
type Registry struct {
	store  *store.Store
	log    *slog.Logger
	ops    []Op
	byName map[string]int
}

var opName = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)

// MaxName is the greatest length of an operation's name: agents prefix it with
// the server's, and some cut what is longer.
const MaxName = 25

// NewRegistry checks every operation and reports all that is wrong at once.
func NewRegistry(st *store.Store, log *slog.Logger, ops ...Op) (*Registry, error) {
	r := &Registry{store: st, log: log, ops: ops, byName: make(map[string]int, len(ops))}
	routes := map[string]string{}
	var errs []error
	for i, op := range ops {
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("operation %s: "+format, append([]any{op.Name}, args...)...))
		}
		if op.err != nil {
			bad("%w", op.err)
		}
		if !opName.MatchString(op.Name) || len(op.Name) > MaxName {
			bad("a name is noun_verb, at most %d characters", MaxName)
		}
		if !op.Permission.Valid() {
			bad("unknown permission %q", op.Permission)
		}
		if op.Doc == "" {
			bad("no documentation")
		}
		if op.changes && op.ReadOnly() {
			bad("a change needs a writing permission and method")
		}
		if !op.changes && !op.ReadOnly() && !op.OwnCommit {
			bad("declare it with Change, or say OwnCommit")
		}
		if _, dup := r.byName[op.Name]; dup {
			bad("declared twice")
		}
		route := pathVar.ReplaceAllString(op.Method()+" "+op.Path(), "{}")
		if other, dup := routes[route]; dup {
			bad("route %q is taken by %s", op.Route, other)
		}
		r.byName[op.Name], routes[route] = i, op.Name
	}
	return r, errors.Join(errs...)
}

// All iterates over the operations in the order they were declared.
func (r *Registry) All() iter.Seq[Op] {
	return func(yield func(Op) bool) {
		for _, op := range r.ops {
			if !yield(op) {
				return
			}
		}
	}
}

// Lookup returns the operation called name.
func (r *Registry) Lookup(name string) (Op, bool) {
	i, ok := r.byName[name]
	if !ok {
		return Op{}, false
	}
	return r.ops[i], true
}

// Call runs an operation for a caller; every transport ends here. The error is
// an *iot.Error, or internal: then it is logged here, and may not be shown.
func (r *Registry) Call(ctx context.Context, c iot.Caller, name string, raw json.RawMessage) (any, error) {
	start := time.Now()
	out, err := r.call(ctx, c, name, raw)
	level := slog.LevelDebug
	if err != nil && iot.KindOf(err) == iot.Internal && ctx.Err() == nil {
		level = slog.LevelError
	}
	r.log.LogAttrs(ctx, level, "call", slog.String("op", name), slog.String("workspace", string(c.Workspace)),
		slog.Duration("took", time.Since(start)), slog.Any("err", logged(err)))
	return out, err
}

// logged returns what the log may hold of an error: of one that is shown to
// the caller only its kind, since its words quote the input.
func logged(err error) error {
	if kind := iot.KindOf(err); err != nil && kind != iot.Internal {
		return errors.New(kind.Slug())
	}
	return err
}

func (r *Registry) call(ctx context.Context, c iot.Caller, name string, raw json.RawMessage) (any, error) {
	op, ok := r.Lookup(name)
	if !ok {
		return nil, iot.Errorf(iot.NotFound, "no operation is called %q", name)
	}
	if err := op.Allows(c); err != nil {
		return nil, err
	}
	if len(raw) == 0 {
		raw = json.RawMessage(`{}`)
	}
	if mistakes := op.valid.Validate(raw); len(mistakes) > 0 {
		return nil, Invalid(mistakes)
	}
	return op.run(ctx, r.store, c, raw)
}

// Invalid makes one error of an input's mistakes.
func Invalid(mistakes []iot.Detail) error {
	e := iot.Errorf(iot.Invalid, "%s", mistakes[0].Detail).At(mistakes[0].Field)
	if len(mistakes) > 1 {
		e.Msg = fmt.Sprintf("%d mistakes in the input; the first: %s", len(mistakes), mistakes[0].Detail)
		e.Details = mistakes
	}
	return e.Hinting("mend the input as its schema says and call again; nothing was done")
}

// Do calls an operation from Go, with its types.
func Do[Out any](ctx context.Context, r *Registry, c iot.Caller, name string, in any) (Out, error) {
	var zero Out
	raw, err := json.Marshal(in)
	if err != nil {
		return zero, fmt.Errorf("input of %s: %w", name, err)
	}
	out, err := r.Call(ctx, c, name, raw)
	if err != nil {
		return zero, err
	}
	o, ok := out.(Out)
	if !ok {
		return zero, fmt.Errorf("operation %s answers %T, not %T", name, out, zero)
	}
	return o, nil
}
