package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/jsonschema-go/jsonschema"

	"iotman/iot"
	"iotman/tools"
)

// Version is the version of the contract: the operations, their routes and
// their schemas. It is raised with every change of them, and the goldens of
// this package see to it.
const Version = "1.1.0"

// bearer is the name of the one way to authenticate.
const bearer = "bearer"

// OpenAPI returns the OpenAPI 3.1 description of the registry, for the server
// at publicURL. The same registry gives the same bytes.
func OpenAPI(reg *tools.Registry, publicURL string) ([]byte, error) {
	doc := &openapi3.T{
		OpenAPI: "3.1.0", // pointers give type arrays, which 3.0 refuses
		Info: &openapi3.Info{
			Title: "iotman", Version: Version,
			Description: "Devices post JSON events; a workspace stores and serves them. Every operation is an MCP tool of the same name, too.",
			License:     &openapi3.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Servers: openapi3.Servers{{URL: publicURL}},
		Paths:   openapi3.NewPaths(),
		Components: &openapi3.Components{
			Schemas:         openapi3.Schemas{"Problem": problem()},
			SecuritySchemes: openapi3.SecuritySchemes{bearer: {Value: openapi3.NewJWTSecurityScheme()}},
		},
	}
	for op := range reg.All() {
		o, err := operation(op)
		if err != nil {
			return nil, fmt.Errorf("operation %s: %w", op.Name, err)
		}
		doc.AddOperation(op.Path(), op.Method(), o)
	}
	doc.AddOperation("/data/{workspace}/{url_path}", http.MethodPost, ingest())
	return json.MarshalIndent(doc, "", " ")
}

// operation describes one operation: the fields of its input are path
// variables, query parameters or members of the body, as tools.Op.Bind reads
// them.
func operation(op tools.Op) (*openapi3.Operation, error) {
	in, err := convert(op.In)
	if err != nil {
		return nil, err
	}
	o := openapi3.NewOperation()
	o.OperationID, o.Summary, o.Description, o.Tags = op.Name, op.Title(), op.Doc, []string{op.Toolset()}
	o.Security = openapi3.NewSecurityRequirements().With(openapi3.SecurityRequirement{bearer: {string(op.Permission)}})
	if op.InWorkspace() {
		o.AddParameter(workspaceParameter())
	}
	for _, name := range op.PathVars() {
		o.AddParameter(openapi3.NewPathParameter(name).WithSchema(in.Properties[name].Value))
		delete(in.Properties, name)
		in.Required = slices.DeleteFunc(in.Required, func(r string) bool { return r == name })
	}
	switch {
	case op.Method() == http.MethodGet || op.Method() == http.MethodDelete:
		for _, name := range slices.Sorted(maps.Keys(in.Properties)) {
			o.AddParameter(queryParameter(name, in))
		}
	case len(in.Properties) > 0:
		o.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(len(in.Required) > 0).WithJSONSchema(in)}
	}
	out, err := convert(op.Out)
	if err != nil {
		return nil, err
	}
	ok := openapi3.NewResponse().WithDescription("Done.")
	if items := out.Properties["items"]; items != nil && out.Properties["next_cursor"] != nil {
		out = items.Value // a list is bare over REST
		ok.WithDescription("One page; the next is in the Link header (RFC 8288), rel=\"next\".")
		ok.Headers = openapi3.Headers{"Link": header("the next page")}
	}
	status := http.StatusOK
	if op.Creates() {
		status = http.StatusCreated
	}
	o.Responses = responses(status, ok.WithJSONSchema(out))
	return o, nil
}

func workspaceParameter() *openapi3.Parameter {
	return openapi3.NewPathParameter("workspace").WithDescription("slug or id of the workspace").WithSchema(openapi3.NewStringSchema())
}

func queryParameter(name string, in *openapi3.Schema) *openapi3.Parameter {
	s := in.Properties[name].Value
	p := openapi3.NewQueryParameter(name).WithDescription(s.Description).WithRequired(slices.Contains(in.Required, name)).WithSchema(s)
	if s.Type.Includes("array") {
		p.Style, p.Explode = "form", new(false) // a,b
	}
	return p
}

// ingest describes the one raw route, which is served without the registry
// for speed.
func ingest() *openapi3.Operation {
	o := openapi3.NewOperation()
	o.OperationID, o.Summary, o.Tags = "ingest", "Post events to an HTTP endpoint", []string{"data"}
	o.Description = "An object is one event; an array, or NDJSON, an event each; CloudEvents in structured, batch and binary mode. " +
		"The body may be gzip and has at most " + strconv.Itoa(iot.MaxBody) + " bytes. All of its events are stored, or none. " +
		"Authentication is as the endpoint asks: none, HTTP Basic, or a bearer token."
	o.Security = &openapi3.SecurityRequirements{}
	o.AddParameter(workspaceParameter())
	o.AddParameter(openapi3.NewPathParameter("url_path").WithSchema(openapi3.NewStringSchema().WithPattern(iot.URLPathPattern)))
	o.AddParameter(openapi3.NewHeaderParameter("Idempotency-Key").
		WithDescription("names the request: repeated within 24 hours with the same body it is answered as before").WithSchema(openapi3.NewStringSchema()))
	content := openapi3.Content{}
	for _, mt := range []string{"application/json", "application/x-ndjson", "application/cloudevents+json", "application/cloudevents-batch+json"} {
		content[mt] = openapi3.NewMediaType()
	}
	o.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).WithContent(content)}
	ids := openapi3.NewObjectSchema().WithProperty("ids", openapi3.NewArraySchema().WithItems(openapi3.NewStringSchema()))
	ids.Required = []string{"ids"}
	o.Responses = responses(http.StatusAccepted, openapi3.NewResponse().WithDescription("On disk; the events' ids, in order.").WithJSONSchema(ids))
	return o
}

func responses(status int, ok *openapi3.Response) *openapi3.Responses {
	failed := openapi3.NewResponse().WithDescription("A problem (RFC 9457).")
	failed.Content = openapi3.Content{"application/problem+json": openapi3.NewMediaType().WithSchemaRef(
		openapi3.NewSchemaRef("#/components/schemas/Problem", nil))}
	rs := openapi3.NewResponsesWithCapacity(2)
	rs.Set(strconv.Itoa(status), &openapi3.ResponseRef{Value: ok})
	rs.Set("default", &openapi3.ResponseRef{Value: failed})
	return rs
}

func header(about string) *openapi3.HeaderRef {
	return &openapi3.HeaderRef{Value: &openapi3.Header{Parameter: openapi3.Parameter{Description: about, Schema: openapi3.NewStringSchema().NewRef()}}}
}

func problem() *openapi3.SchemaRef {
	s := openapi3.NewObjectSchema().
		WithProperty("status", openapi3.NewIntegerSchema()).
		WithProperty("errors", openapi3.NewArraySchema().WithItems(detail())).
		WithProperty("permissions", openapi3.NewArraySchema().WithItems(openapi3.NewStringSchema())).
		WithProperty("current", openapi3.NewSchema())
	for name := range strings.FieldsSeq("title code detail error field hint event_id") {
		s.WithProperty(name, openapi3.NewStringSchema())
	}
	s.Required = []string{"status", "code", "detail", "error"}
	return s.NewRef()
}

// detail is one mistake among several (iot.Detail).
func detail() *openapi3.Schema {
	s := openapi3.NewObjectSchema().WithProperty("field", openapi3.NewStringSchema()).WithProperty("detail", openapi3.NewStringSchema())
	s.Required = []string{"detail"}
	return s
}

// convert makes an OpenAPI schema of a JSON Schema: in 3.1 they are one.
func convert(s *jsonschema.Schema) (*openapi3.Schema, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var o openapi3.Schema
	return &o, json.Unmarshal(b, &o)
}
