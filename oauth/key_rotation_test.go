package oauth_test

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iotman/store"
)

// published are the ids of the keys that others verify tokens by.
func (f *front) published() map[string]bool {
	f.t.Helper()
	r := f.get("/oauth/jwks")
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(r.text), &set); err != nil || r.status != http.StatusOK {
		f.t.Fatalf("jwks: got %d %s, %v", r.status, r.text, err)
	}
	out := map[string]bool{}
	for _, k := range set.Keys {
		out[k.KeyID] = true
	}
	return out
}

// TestA22Rotation: through two lives of a key, day by day, and hour by hour while
// there are two. A key signs only when it has been published for a day, and stays
// for as long as a token that it signed may live, so that nobody ever sees one
// that does not verify.
func TestA22Rotation(t *testing.T) {
	f := newFront(t, nil)
	since, signed := map[string]int{}, map[string]int{} // by kid, in hours: when it was first published, last signed
	type issued struct {
		token string
		hour  int
	}
	var live []issued
	request := f.house.request()
	request.Life = 24 * time.Hour
	for hour := 0; hour < 2*92*24; {
		f.must(f.issuer.Rotate(t.Context()))
		now := f.published()
		for kid := range now {
			if _, ok := since[kid]; !ok {
				since[kid] = hour
			}
		}
		for kid, last := range signed {
			if hour-last <= 24 && !now[kid] {
				t.Fatalf("hour %d: key %s went %d h after it last signed", hour, kid, hour-last)
			}
		}
		token, err := f.issuer.Issue(t.Context(), request)
		f.must(err)
		header, _ := f.parts(token)
		kid, _ := header["kid"].(string)
		if _, before := signed[kid]; !before && hour > 0 && hour-since[kid] < 24 {
			t.Fatalf("hour %d: key %s signs %d h after it was published", hour, kid, hour-since[kid])
		}
		signed[kid] = hour
		for len(live) > 0 && hour-live[0].hour >= 24 {
			live = live[1:]
		}
		live = append(live, issued{token, hour})
		f.issuer.Forget() // so that signatures are checked
		f.accepted("the oldest that lives", live[0].token)
		f.accepted("the newest", token)
		step := 24
		if len(now) > 1 {
			step = 1
		}
		hour += step
		f.add(time.Duration(step) * time.Hour)
	}
	if len(signed) != 3 || len(f.published()) != 1 {
		t.Errorf("got %d keys that signed and %d at last, want 3 and 1", len(signed), len(f.published()))
	}
}

// TestA22Flood: tokens with unknown keys make the keys be read once a minute, and
// another node's key is known by then.
func TestA22Flood(t *testing.T) {
	f := newFront(t, nil)
	evil, err := attackersKey()
	f.must(err)
	_, claims := f.parts(f.token())
	header := map[string]any{"alg": "RS256", "typ": "at+jwt"}
	flood := func() {
		for range 100 {
			f.refused("unknown", f.sign(evil, crypto.SHA256, with(header, "kid", string(store.NewID())), claims))
		}
	}
	for range 3 {
		f.add(time.Minute + time.Microsecond)
		flood() // reads the keys, once
		row, err := f.store.AddSigningKey(t.Context(), x509.MarshalPKCS1PrivateKey(evil))
		f.must(err)
		token := f.sign(evil, crypto.SHA256, with(header, "kid", string(row.ID)), claims)
		f.refused("read a moment ago", token)
		f.add(time.Minute)
		flood()
		f.refused("read a minute ago", token)
		f.add(time.Microsecond)
		f.accepted("another node's key, a minute later", token)
	}
}
