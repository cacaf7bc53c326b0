package iot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"iotman/iot"
)

// kindNames reads the constants of type Kind from the source, so that one
// without a row in the table cannot be forgotten here too.
func kindNames(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "error.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range file.Decls {
		block, ok := d.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		for _, s := range block.Specs {
			for _, name := range s.(*ast.ValueSpec).Names {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

func TestEveryKindHasARow(t *testing.T) {
	names := kindNames(t)
	if len(names) != int(iot.Full)+1 || names[0] != "Internal" || names[len(names)-1] != "Full" {
		t.Fatalf("got the constants %v, want Internal to Full and nothing else in error.go", names)
	}
	slug := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[string]string{}
	for i, name := range names {
		k := iot.Kind(i)
		if !slug.MatchString(k.Slug()) {
			t.Errorf("%s: got the slug %q, want lower-case words", name, k.Slug())
		}
		if other, ok := seen[k.Slug()]; ok {
			t.Errorf("%s: got the slug %q of %s, want its own", name, k.Slug(), other)
		}
		seen[k.Slug()] = name
		if k.Status() < 400 || k.Status() > 599 {
			t.Errorf("%s: got status %d, want 400 to 599", name, k.Status())
		}
		if iot.ProblemOf(iot.Errorf(k, "x")).Title == "" {
			t.Errorf("%s: got no title for status %d, want a registered status", name, k.Status())
		}
		if k.OAuthCode() == "" {
			t.Errorf("%s: got no OAuth code, want one", name)
		}
	}
	if k := iot.Kind(0); k != iot.Internal || k.Status() != 500 {
		t.Errorf("the zero Kind: got %s, %d, want internal, 500", k.Slug(), k.Status())
	}
}

func TestProblemOfHidesInternal(t *testing.T) {
	secret := errors.New("dial tcp 10.0.0.7: password hunter2")
	for name, err := range map[string]error{
		"a plain error":        secret,
		"a wrapped error":      fmt.Errorf("store: %w", secret),
		"io.EOF":               io.EOF,
		"nil":                  nil,
		"an internal Error":    &iot.Error{Msg: "hunter2", Field: "hunter2", Hint: "hunter2", Current: "hunter2", Err: secret},
		"a detailed internal":  &iot.Error{Details: []iot.Detail{{Field: "f", Detail: "hunter2"}}},
		"an internal, wrapped": fmt.Errorf("hunter2: %w", iot.Errorf(iot.Internal, "hunter2")),
	} {
		p := iot.ProblemOf(err)
		b, jsonErr := json.Marshal(p)
		if jsonErr != nil || strings.Contains(string(b), "hunter2") || strings.Contains(string(b), "10.0.0.7") {
			t.Errorf("%s: got %s, %v, want nothing of the cause", name, b, jsonErr)
		}
		if p.Status != 500 || p.Code != "internal" || p.Detail != "internal error" || p.Error != p.Detail || p.Hint == "" {
			t.Errorf("%s: got %+v, want internal, 500", name, p)
		}
	}
}

func TestProblemOf(t *testing.T) {
	e := &iot.Error{
		Kind: iot.Stale, Field: "version", Msg: "version 3 was expected, the current is 5", Hint: "read it again",
		Current: map[string]int{"version": 5}, Needs: []iot.Permission{iot.DataRead},
		Details: []iot.Detail{{Field: "/name", Detail: "too long"}}, RetryAfter: time.Second, Err: errors.New("hunter2"),
	}
	const want = `{"title":"Precondition Failed","status":412,"code":"stale",` +
		`"detail":"version 3 was expected, the current is 5","error":"version 3 was expected, the current is 5",` +
		`"field":"version","hint":"read it again","permissions":["data:read"],` +
		`"errors":[{"field":"/name","detail":"too long"}],"current":{"version":5}}`
	for name, err := range map[string]error{
		"itself":        e,
		"wrapped":       fmt.Errorf("tools: %w", e),
		"wrapped twice": fmt.Errorf("api: %w", fmt.Errorf("tools: %w", e)),
		"joined":        errors.Join(io.EOF, e),
	} {
		got, jsonErr := json.Marshal(iot.ProblemOf(err))
		if jsonErr != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", name, got, jsonErr, want)
		}
		if k := iot.KindOf(err); k != iot.Stale {
			t.Errorf("%s: got kind %s, want stale", name, k.Slug())
		}
	}
	if k := iot.KindOf(io.EOF); k != iot.Internal {
		t.Errorf("an unclassified error: got kind %s, want internal", k.Slug())
	}
}

func TestError(t *testing.T) {
	cause := errors.New("disk full")
	for want, err := range map[string]*iot.Error{
		"internal":                      {},
		"invalid: bad":                  iot.Errorf(iot.Invalid, "bad"),
		"invalid name: got 7":           iot.Errorf(iot.Invalid, "got %d", 7).At("name"),
		"unavailable: later: disk full": iot.Errorf(iot.Unavailable, "later").Because(cause),
		"invalid name":                  (&iot.Error{Kind: iot.Invalid}).At("name").Hinting("use %s", "another"),
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if err := iot.Errorf(iot.Full, "full").Because(cause); !errors.Is(err, cause) {
		t.Errorf("%v is not its cause, want it found by errors.Is", err)
	}
	if got := iot.Errorf(iot.Invalid, "bad").Hinting("use %s", "another").Hint; got != "use another" {
		t.Errorf("hint: got %q, want %q", got, "use another")
	}
}
