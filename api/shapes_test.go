package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// shapes hold answers against what the server itself says of them: the OpenAPI
// document and the output schemas of tools/list.
type shapes struct {
	site     *site
	document *jsonschema.Compiler
	outputs  map[string]*jsonschema.Schema
}

// shapes reads both descriptions as a client would.
func (p *plant) shapes() *shapes {
	p.t.Helper()
	s := &shapes{site: p.site, outputs: map[string]*jsonschema.Schema{}, document: jsonschema.NewCompiler()}
	s.document.AssertFormat()
	p.must(s.document.AddResource("openapi.json", s.decode(p.get("", "/openapi.json").want(http.StatusOK).body)))
	for _, t := range p.list(p.owner(), "") {
		if t.OutputSchema == nil {
			continue
		}
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		p.must(c.AddResource(t.Name, s.decode(t.OutputSchema)))
		compiled, err := c.Compile(t.Name)
		p.must(err)
		s.outputs[t.Name] = compiled
	}
	return s
}

func (s *shapes) decode(text []byte) any {
	s.site.t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	s.site.must(err)
	return v
}

// at returns the schema at a place in the OpenAPI document.
func (s *shapes) at(place ...string) *jsonschema.Schema {
	s.site.t.Helper()
	var b strings.Builder
	for _, token := range place {
		b.WriteString("/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(token)))
	}
	compiled, err := s.document.Compile("openapi.json#" + b.String())
	s.site.must(err)
	return compiled
}

// rest holds a good answer against the schema of its operation.
func (s *shapes) rest(o operation, a *answer) {
	s.site.t.Helper()
	method, path, _ := strings.Cut(o.route, " ")
	if rest, ok := strings.CutPrefix(path, "W"); ok {
		path = "/api/v1/workspaces/{workspace}" + rest
	}
	s.fits(s.at("paths", path, strings.ToLower(method), "responses", strconv.Itoa(a.status), "content", "application/json", "schema"), a.what, a.body)
}

// problem holds an error against the one schema that all have.
func (s *shapes) problem(a *answer) {
	s.site.t.Helper()
	s.fits(s.at("components", "schemas", "Problem"), a.what, a.body)
}

// tool holds a tool's structured content against its output schema, and its
// text copy against the structured content where no part is fenced.
func (s *shapes) tool(o operation, out *outcome) {
	s.site.t.Helper()
	s.fits(s.outputs[o.name], o.name, out.StructuredContent)
	if len(out.Content) != 1 || out.Content[0].Type != "text" {
		s.site.t.Fatalf("%s: got content %+v, want one text", o.name, out.Content)
	}
	var structured map[string]any
	s.site.must(json.Unmarshal(out.StructuredContent, &structured))
	if structured["untrusted"] == nil && !sameJSON([]byte(out.Content[0].Text), out.StructuredContent) {
		s.site.t.Errorf("%s: got text %s, want that of the structured content %s", o.name, out.Content[0].Text, out.StructuredContent)
	}
}

func (s *shapes) fits(schema *jsonschema.Schema, what string, text []byte) {
	s.site.t.Helper()
	if schema == nil {
		s.site.t.Fatalf("%s: no schema", what)
	}
	if err := schema.Validate(s.decode(text)); err != nil {
		s.site.t.Errorf("%s: got %.400s, which its schema refuses: %v", what, text, err)
	}
}

// sameJSON reports whether two texts are the same JSON, numbers by their digits.
func sameJSON(a, b []byte) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, canonical(a)) == nil && json.Compact(&y, canonical(b)) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// canonical writes a JSON text with its members sorted.
func canonical(text []byte) []byte {
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}
