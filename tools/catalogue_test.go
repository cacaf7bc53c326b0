package tools_test

import (
	"slices"
	"strings"
	"testing"

	"iotman/tools"
)

// evident are the fields that a model needs no words about.
var evident = strings.Fields("name slug url_path auth source_id event_id avatar_url basic_username oauth2_client_id oauth2_scope payload_schema rate_limit capture_headers enabled source from to session_id client_id key_id grant_types redirect_uris client_uri scope")

// verbs are those of operations.md that an operation's name may end with.
var verbs = strings.Fields("list get create update delete wait purge test transfer add remove resend cancel plan import history diff revert publish replay start query chart profile trace invite revoke secret")

// losing are the operations that delete what devices sent.
var losing = []string{"event_purge", "workspace_delete"}

// TestCatalogue holds every declared operation to what all have in common.
func TestCatalogue(t *testing.T) {
	ops := tools.Catalogue(tools.Parts{})
	if len(ops) > 128 {
		t.Errorf("got %d operations; clients stop at 128 tools", len(ops))
	}
	for _, op := range ops {
		if verb := op.Name[strings.LastIndexByte(op.Name, '_')+1:]; !slices.Contains(verbs, verb) {
			t.Errorf("%s: %q is none of the verbs", op.Name, verb)
		}
		if !strings.HasSuffix(op.Doc, ".") || len(op.Doc) > 400 || len(op.Title()) > 80 || strings.ContainsAny(op.Doc, "\n\t") {
			t.Errorf("%s: documentation %q is no short sentences, or its title is long", op.Name, op.Doc)
		}
		if op.In.Type != "object" || op.In.AdditionalProperties == nil {
			t.Errorf("%s: the input is not a closed object", op.Name)
		}
		if op.Out.AdditionalProperties != nil || op.Out.Type != "object" {
			t.Errorf("%s: the output is not an open object", op.Name)
		}
		for name, s := range op.In.Properties {
			if s.Description == "" && !slices.Contains(evident, name) {
				t.Errorf("%s: %s has no description, and says little by itself", op.Name, name)
			}
			if name == "workspace" || name == "workspace_id" {
				t.Errorf("%s: the input names a workspace; the caller is in one", op.Name)
			}
		}
		if strings.HasSuffix(op.Name, "_list") != (op.Out.Properties["items"] != nil && op.Out.Properties["next_cursor"] != nil) {
			t.Errorf("%s: a list, and nothing else, answers pages", op.Name)
		}
		if strings.HasSuffix(op.Name, "_list") && (op.In.Properties["limit"] == nil || op.In.Properties["cursor"] == nil) {
			t.Errorf("%s: a list takes limit and cursor", op.Name)
		}
		if loses := slices.Contains(losing, op.Name); loses != (op.In.Properties["confirm"] != nil) {
			t.Errorf("%s: what loses data takes confirm, and nothing else does", op.Name)
		}
	}
}
