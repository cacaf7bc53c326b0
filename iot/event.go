package iot

import "encoding/json"

// Event is one entry of a workspace's log. Seq is gapless as it is assigned;
// ReceivedAt never falls as Seq rises.
type Event struct {
	ID         ID
	Seq        int64
	ReceivedAt Time
	OccurredAt Time            // the device's time; ReceivedAt where it named none
	SourceID   ID              // the source it came through
	Payload    json.RawMessage // as sent, without insignificant white space
	Tags       json.RawMessage // an object
	Meta       json.RawMessage // an object: where it came from and how; see Meta
}

// Meta is what iotman noted about an event's arrival.
type Meta struct {
	SourceIP       string            `json:"source_ip,omitempty"`
	AuthMethod     string            `json:"auth_method,omitempty"` // none, basic, oauth2, account
	OAuth2ClientID string            `json:"oauth2_client_id,omitempty"`
	IngestContext  map[string]string `json:"ingest_context,omitempty"` // HTTP headers asked for
	CloudEvent     map[string]any    `json:"cloudevent,omitempty"`     // its attributes, but for data
}

// MaxDepth is how deep the values of a payload may nest.
const MaxDepth = 64

// MaxBody is how many bytes the body of an ingest request, or a message of
// any other source, may have, after decompression.
const MaxBody = 1 << 20
