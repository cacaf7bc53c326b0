package mcp_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"iotman/flow"
	"iotman/iot"
	"iotman/mcp"
	"iotman/spec"
	"iotman/tools"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// listed is a tool as it is listed.
type listed struct {
	Name         string          `json:"name"`
	Title        string          `json:"title"`
	Description  string          `json:"description"`
	Annotations  map[string]any  `json:"annotations"`
	InputSchema  json.RawMessage `json:"inputSchema"`
	OutputSchema json.RawMessage `json:"outputSchema,omitempty"`
}

// listTools lists the tools at a URL with the query, for an owner.
func listTools(t *testing.T, query string) []listed {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	st := newStore(t, log)
	data, err := flow.New(st, log, 0)
	must(t, err)
	reg, err := tools.NewRegistry(st, log, tools.Catalogue(tools.Parts{Store: st, Flow: data, PublicURL: "https://iot.example.com"})...)
	must(t, err)
	h, err := mcp.New(mcp.Config{Version: "test", Log: log, Registry: reg, Flow: data})
	must(t, err)
	all := iot.AllPermissions()
	w := httptest.NewRecorder()
	const body = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mcp/default"+query, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	must(t, h.Serve(w, r, iot.Caller{Role: iot.Owner, Held: all, Token: all, Via: iot.MCP}, []byte(body)))
	var answer struct {
		Result struct {
			Tools []listed `json:"tools"`
		} `json:"result"`
	}
	must(t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer.Result.Tools
}

// TestToolsGolden: what agents are shown does not change unnoticed. Whoever
// changes it raises spec.Version, and the golden follows by -update.
func TestToolsGolden(t *testing.T) {
	const golden = "testdata/tools.json"
	type contract struct {
		Version string   `json:"version"`
		Tools   []listed `json:"tools"`
	}
	got, err := json.MarshalIndent(contract{spec.Version, listTools(t, "")}, "", " ")
	must(t, err)
	got = append(got, '\n')
	want, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	var had contract
	if err := json.Unmarshal(want, &had); err == nil && had.Version == spec.Version {
		t.Fatalf("the tools changed and their version is still %s: raise spec.Version, then run this test with -update", spec.Version)
	}
	if !*update {
		t.Fatalf("%s is of version %s, the program of %s: run this test with -update", golden, had.Version, spec.Version)
	}
	must(t, os.WriteFile(golden, got, 0o644)) //nolint:gosec // a golden
}

// What an agent's context may be charged for a whole catalogue of 115 tools,
// and for its 45 that only read: name, description and input schema, in bytes.
const (
	budget, budgetTools         = 90_000, 115
	leanBudget, leanBudgetTools = 27_000, 45
)

// TestCatalogueBudget prints what the catalogue costs an agent's context, and
// holds it to its share of the budget.
func TestCatalogueBudget(t *testing.T) {
	for _, c := range []struct {
		query         string
		budget, tools int
	}{{"", budget, budgetTools}, {"?mode=lean", leanBudget, leanBudgetTools}} {
		bytes, list := 0, listTools(t, c.query)
		for _, tool := range list {
			bytes += len(tool.Name) + len(tool.Description) + len(tool.InputSchema)
			if len(tool.Name) > tools.MaxName || tool.Title == "" || len(tool.Annotations) != 5 {
				t.Errorf("%s: want a name of at most %d characters, a title and all hints; got %v", tool.Name, tools.MaxName, tool.Annotations)
			}
		}
		t.Logf("%-10s %3d tools, %6d bytes, %4d a tool (budget %d)", c.query, len(list), bytes, bytes/len(list), c.budget/c.tools)
		if most := c.budget * len(list) / c.tools; bytes > most {
			t.Errorf("%q: %d tools take %d bytes; their share of the budget is %d", c.query, len(list), bytes, most)
		}
	}
}
