package spec_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"iotman/flow"
	"iotman/spec"
	"iotman/store"
	"iotman/tools"
)

var update = flag.Bool("update", false, "rewrite the goldens")

const golden = "testdata/openapi.json"

// registry returns the catalogue over an empty store.
func registry(t *testing.T, more ...tools.Op) *tools.Registry {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Key: store.Key{1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	log := slog.New(slog.DiscardHandler)
	data, err := flow.New(st, log, 0)
	if err != nil {
		t.Fatal(err)
	}
	const url = "https://iot.example.com"
	reg, err := tools.NewRegistry(st, log, append(tools.Catalogue(tools.Parts{Store: st, Flow: data, PublicURL: url}), more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

func document(t *testing.T) []byte {
	t.Helper()
	b, err := spec.OpenAPI(registry(t), "https://iot.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// TestOpenAPIValid: the document is one, by a validator that did not write it.
func TestOpenAPIValid(t *testing.T) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(document(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if doc.OpenAPI != "3.1.0" || doc.Paths.Len() < 10 {
		t.Errorf("got OpenAPI %s with %d paths", doc.OpenAPI, doc.Paths.Len())
	}
}

// TestOpenAPIStable: the same registry gives the same bytes.
func TestOpenAPIStable(t *testing.T) {
	if !bytes.Equal(document(t), document(t)) {
		t.Error("two documents of one registry differ")
	}
}

// TestOpenAPIGolden: the contract does not change unnoticed. Whoever changes it
// raises spec.Version, and the golden follows by -update.
func TestOpenAPIGolden(t *testing.T) {
	got := document(t)
	want, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	var had struct {
		Info struct {
			Version string `json:"version"`
		} `json:"info"`
	}
	if err := json.Unmarshal(want, &had); err == nil && had.Info.Version == spec.Version {
		t.Fatalf("the contract changed and its version is still %s: raise spec.Version, then run this test with -update", spec.Version)
	}
	if !*update {
		t.Fatalf("%s is of version %s, the program of %s: run this test with -update", golden, had.Info.Version, spec.Version)
	}
	if err := os.WriteFile(golden, got, 0o600); err != nil {
		t.Fatal(err)
	}
}
