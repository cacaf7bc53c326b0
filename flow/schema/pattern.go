package schema

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"iotman/iot"
)

// pattern is a compiled pattern that knows what matching costs.
type pattern struct {
	*regexp.Regexp
	size int // instructions
}

// compilePattern compiles an RE2 pattern within the limits.
func compilePattern(s string) (jsonschema.Regexp, error) {
	size, err := programSize(s)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, err
	}
	return pattern{re, size}, nil
}

// programSize returns how many instructions a pattern compiles to, if it is
// within the limits.
func programSize(s string) (int, error) {
	if len(s) > MaxPattern {
		return 0, fmt.Errorf("expected a pattern of at most %d bytes, got %d", MaxPattern, len(s))
	}
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return 0, errors.New("expected an RE2 pattern, which has no look-around and no back-references: " + iot.Clip(err.Error()))
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return 0, err
	}
	if len(prog.Inst) > maxProgram {
		return 0, errors.New("expected a pattern with smaller repetitions")
	}
	return len(prog.Inst), nil
}
