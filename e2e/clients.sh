#!/usr/bin/env bash
# A second client that others wrote: the TypeScript SDK, in sdk.mjs. By hand:
#
#   npm ci --prefix e2e --ignore-scripts
#   e2e/clients.sh                     # builds the program, or
#   IOTMAN_BIN=./iotman e2e/clients.sh # takes one
#
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build
needs_packages
serve
token=$("$bin" token -data "$tmp/data")
request 201 POST "$url/api/v1/workspaces/default/http-endpoints" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"name":"Greenhouse"}'
data=$(ask .url)
jq -nc 'range(300) | {n: ., note: "ä<&\"\u2028"}' >"$tmp/body.ndjson"
request 202 POST "$data" -H 'Content-Type: application/x-ndjson' --data-binary @"$tmp/body.ndjson"
node "$here/sdk.mjs" "$url/mcp/default" "$token" 300
halt
