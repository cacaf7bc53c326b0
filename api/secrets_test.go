package api_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"iotman/iot"
)

// TestH5Canaries: secrets that are planted where they belong, and beside it,
// stand in no log line at debug level, in no error, and in no answer that does
// not make them.
func TestH5Canaries(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	const canary = "canary-77-tweets" // a password as a person would choose it
	token, data, machine := p.owner(), p.data("pump", "plant:write"), p.machine(everything)
	var made shownEndpoint
	p.post(token, p.rest("/http-endpoints"), map[string]any{"name": "Made", "auth": "basic", "basic_username": "u"}).want(http.StatusCreated).into(&made)
	var own shownEndpoint
	p.post(token, p.rest("/http-endpoints"), map[string]any{"name": "Own", "auth": "basic", "basic_username": "u", "basic_password": canary}).want(http.StatusCreated).into(&own)
	p.endpoint("locked", map[string]any{"auth": "oauth2"})
	key, err := signingKey()
	s.must(err)

	var answers []*answer
	see := func(a *answer) { answers = append(answers, a) }
	path := p.rest("/http-endpoints/%s", own.ID)
	for _, body := range []string{
		`{"auth":"none","basic_password":"` + canary + `"}`, `{"basic_username":"a:b","basic_password":"` + canary + `"}`, `{"basic_pasword":"` + canary + `"}`,
		`{"name":7,"basic_password":"` + canary + `"}`, `{"basic_password":["` + canary + `"]}`, `{"basic_password":{"x":"` + canary + `"}}`,
		`{"basic_password":"` + strings.Repeat(canary, 20) + `"}`, `{"basic_password":"` + canary + `\n"}`, `{"basic_password":"` + canary, `{"basic_password":"` + canary + `","basic_password":"x"`,
		canary, `"` + canary + `"`, `["` + canary + `"]`, `{"version":1,"basic_password":"` + canary + `"}`, `{"url_path":"made","basic_password":"` + canary + `"}`,
	} {
		a := p.put(token, path, body)
		if a.status < 400 {
			t.Errorf("%s: got %d, want an error to look at", body, a.status)
		}
		see(a)
		see(p.do(req{method: http.MethodPost, path: "/mcp/north", token: token, header: accepts,
			body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"http_endpoint_update","arguments":` + strings.Replace(body, "{", `{"source_id":"`+string(own.ID)+`",`, 1) + `}}`}))
	}
	see(p.put(token, path+"?basic_password="+canary, `{"basic_password":"other"}`))
	see(p.put(token, path+"?basic_password="+canary+"%zz", `{}`))
	see(p.send("own", `{}`, basic("u", canary+"x")...))
	see(p.send("own", `{`, basic("u", canary)...))
	see(p.send("own?key="+canary, `{}`))
	see(p.send("own", `{"said-by-a-device":NaN}`, basic("u", canary)...))
	p.put(token, p.rest("/settings"), `{"timezone":"said-by-a-person"}`).problem(http.StatusBadRequest, "invalid") // quotes it
	see(p.send("own", `{}`, append(basic("u", canary), "Idempotency-Key", "")...))
	see(p.send("locked", `{`, "Authorization", "Bearer "+data))
	for _, wrong := range []string{token + "x", "x" + data, machine[:len(machine)-5], "Bearer " + token} {
		see(p.get(wrong, p.rest("")))
		see(p.send("locked", `{}`, "Authorization", "Bearer "+wrong))
		see(p.message(wrong, "", `{}`))
	}
	for _, tok := range []string{token, data, machine} {
		see(p.message(tok, "?token="+tok, `{}`))
		see(s.get(tok, "/api/v1/workspaces/south/events"))
		see(s.get(tok, p.rest("/nothing")))
		see(s.get("", p.rest("/events?access_token=%s", tok)))
		see(p.send("locked?access_token="+tok, `{}`))
	}
	for _, path := range []string{"", "/http-endpoints", "/http-endpoints/" + string(own.ID), "/http-endpoints/" + string(made.ID), "/audit?limit=1000", "/rejects?source_id=" + string(own.ID), "/events", "/settings"} {
		see(p.get(token, p.rest("%s", path)).want(http.StatusOK))
	}
	see(p.call(token, "audit_list", map[string]any{"limit": 200}).ok(nil).answer)
	see(p.call(token, "http_endpoint_list", nil).ok(nil).answer)
	see(s.get("", "/openapi.json"))
	see(s.get("", "/oauth/jwks"))

	secrets := map[string]string{"the password": canary, "the secret that was made": made.Secret, "the folder's key": hex.EncodeToString([]byte{1, 2, 3, 0, 0, 0, 0, 0})}
	for name, tok := range map[string]string{"a management token": token, "a data token": data, "a machine's token": machine} {
		secrets[name] = tok
		secrets[name+", its signature"] = tok[strings.LastIndexByte(tok, '.')+1:][:40]
	}
	for i := 300; i+24 < len(key); i += 97 { // the private half; the modulus comes first, and is public
		part := key[i : i+24]
		secrets[fmt.Sprintf("the signing key from byte %d", i)] = string(part)
		secrets[fmt.Sprintf("the signing key from byte %d, hex", i)] = hex.EncodeToString(part)
		secrets[fmt.Sprintf("the signing key from byte %d, base64", i)] = base64.RawURLEncoding.EncodeToString(part)
	}
	log := s.log.String()
	if len(log) < 1000 || !strings.Contains(log, "level=DEBUG") || !strings.Contains(log, "op=http_endpoint_update") {
		t.Fatalf("got a log of %d bytes, want one at debug level: %.300s", len(log), log)
	}
	for name, secret := range secrets {
		if strings.Contains(log, secret) {
			at := strings.Index(log, secret)
			t.Errorf("the log holds %s: %s", name, log[max(0, at-200):at])
		}
		for _, a := range answers {
			if strings.Contains(string(a.body), secret) || strings.Contains(fmt.Sprint(a.header), secret) {
				t.Errorf("%s answers %d with %s: %.300s", a.what[:min(len(a.what), 60)], a.status, name, a.body)
			}
		}
	}
	for _, personal := range []string{p.members[iot.Owner].Email, "127.0.0.1", "said-by-a-device", "said-by-a-person"} { // style.md: never bodies, addresses
		if strings.Contains(log, personal) {
			t.Errorf("the log holds %q", personal)
		}
	}
}
