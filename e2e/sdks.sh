#!/usr/bin/env bash
# More clients that others wrote, each in both eras of the protocol: the Go SDK,
# in gosdk/, and the TypeScript SDK v2, in sdk2.mjs. By hand:
#
#   npm ci --prefix e2e --ignore-scripts
#   e2e/sdks.sh                     # builds the program, or
#   IOTMAN_BIN=./iotman e2e/sdks.sh # takes one
#
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build
needs_packages
serve
tokens=("$("$bin" token -data "$tmp/data")" "$("$bin" token -data "$tmp/data" -permissions data:read,sources:read)")
(cd "$here/gosdk" && go build -o "$tmp/gosdk" .)
"$tmp/gosdk" "$url/mcp/default" "${tokens[@]}"
node "$here/sdk2.mjs" "$url/mcp/default" "${tokens[@]}"
halt
