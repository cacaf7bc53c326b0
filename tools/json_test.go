package tools

import (
	"encoding/json"
	"testing"

	"iotman/iot"
)

// TestEventRows: what events write of themselves is what encoding/json would.
func TestEventRows(t *testing.T) {
	full := Event{
		ID: "01a201f1-fb9b-76a0-8000-000000014e13", Seq: 7, ReceivedAt: iot.Micros(1), OccurredAt: iot.Micros(-5_000_001),
		SourceID: "01a201f1-fb93-7ae3-bed5-cd9f57456d03", Payload: json.RawMessage(`{"n":1e999,"s":"a\u0041\"\\"}`),
		Tags: json.RawMessage(`{}`), Meta: json.RawMessage(`{"source_ip":"::1"}`), Omitted: "tags (7 bytes) would not fit",
	}
	for _, rows := range [][]Event{
		{}, {full}, {{}}, {{Seq: 1}}, {{Payload: json.RawMessage(`null`)}}, {full, {ID: full.ID, Meta: full.Meta}, full},
	} {
		want, err := json.Marshal(rows)
		if err != nil {
			t.Fatal(err)
		}
		got, err := AppendJSON([]byte("x"), Page[Event]{Items: rows}.Rows())
		if err != nil || string(got) != "x"+string(want) {
			t.Errorf("got %s, error %v, want x%s", got, err, want)
		}
	}
}
