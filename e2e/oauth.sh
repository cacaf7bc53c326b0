#!/usr/bin/env bash
# OAuth by clients that others wrote: the TypeScript SDKs, in oauth.mjs, with
# registration and with client ID metadata documents; two OAuth libraries, in
# libraries.mjs; the conformance suite's part for authorization servers. By hand:
#
#   npm ci --prefix e2e --ignore-scripts
#   e2e/oauth.sh                     # builds the program, or
#   IOTMAN_BIN=./iotman e2e/oauth.sh # takes one
#
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build
needs_packages

say 'a client ID metadata document, over https with a certificate that only this server trusts'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
	-addext 'subjectAltName=DNS:localhost' -keyout "$tmp/key.pem" -out "$tmp/ca.pem" 2>"$tmp/openssl" || die "openssl: $(cat "$tmp/openssl")"
"$node" "$here/document.mjs" "$tmp/ca.pem" "$tmp/key.pem" >"$tmp/document" &
helpers+=($!)
document=$(first "$tmp/document")

export SSL_CERT_FILE=$tmp/ca.pem
serve -egress-allow loopback
unset SSL_CERT_FILE
mcp=$url/mcp/default

for version in v1 v2; do
	node "$here/oauth.mjs" "$version" "$mcp" "$(login)"
	node "$here/oauth.mjs" "$version" "$mcp" "$(login)" "$document"
done

bearer=(-H "Authorization: Bearer $("$bin" token -data "$tmp/data")" -H 'Content-Type: application/json')
request 201 POST "$url/api/v1/workspaces/default/clients" "${bearer[@]}" -d '{"name":"A machine","scope":["data:read"]}'
CLIENT_ID=$(ask .id) CLIENT_SECRET=$(ask .secret)
export CLIENT_ID CLIENT_SECRET
node "$here/libraries.mjs" "$url" "$(login)"

say 'a script with client credentials, and one with an API key, as the README has them'
request 200 POST "$url/oauth/token" -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials -d "resource=$mcp"
request 200 GET "$url/api/v1/workspaces/default/events" -H "Authorization: Bearer $(ask .access_token)"
request 201 POST "$url/api/v1/workspaces/default/api-keys" "${bearer[@]}" -d '{"name":"A script","permissions":["data:read"]}'
key=$(ask .secret)
[[ $key == iot_ak_* ]] || die "the key: got $key"
request 200 GET "$url/api/v1/workspaces/default/events" -H "Authorization: Bearer $key"

# The suite for authorization servers prints a URL for a person to open. With a
# client that has a secret it fails: it proves nothing of itself wherever the
# metadata lists the method none beside others.
request 201 POST "$url/oauth/register" -H 'Content-Type: application/json' \
	-d '{"client_name":"Conformance","redirect_uris":["http://127.0.0.1:33420/callback"],"token_endpoint_auth_method":"none"}'
: >"$tmp/report" # it is looked at before the process writes it
NO_COLOR=1 "$node" "$here/node_modules/@modelcontextprotocol/conformance/dist/index.js" authorization \
	--url "$url" --resource "$mcp" --port 33420 --client-id "$(ask .client_id)" >"$tmp/report" 2>&1 </dev/null &
suite=$! code=0 asked=''
helpers+=("$suite")
for _ in {1..100}; do
	asked=$(grep -om 1 "^$url/oauth/authorize?.*" "$tmp/report") && break
	sleep 0.1
done
[ -n "$asked" ] || die "conformance authorization asked nobody: $(cat "$tmp/report")"
node "$here/person.mjs" "$(login)" "$asked" >"$tmp/callback"
wait "$suite" || code=$?
same 'the exit code of conformance authorization' "$code" 0
has 'conformance authorization' "$(cat "$tmp/report")" 'Total: 3 passed, 0 failed'
say 'conformance authorization: 3 checks passed'
halt
