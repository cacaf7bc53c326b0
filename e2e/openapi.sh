#!/usr/bin/env bash
# A client that nobody wrote: generated from /openapi.json, checked by the
# compiler and run. By hand:
#
#   npm ci --prefix e2e --ignore-scripts
#   e2e/openapi.sh                     # builds the program, or
#   IOTMAN_BIN=./iotman e2e/openapi.sh # takes one
#
# The generator is openapi-typescript, because it takes OpenAPI 3.1 as it is:
# type arrays, true as a schema, JSON Schema beside them.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build
needs_packages
serve
mkdir "$tmp/client"
request 200 GET "$url/openapi.json"
cp "$tmp/body" "$tmp/client/openapi.json"
node "$here/openapi-lint.mjs" "$tmp/client/openapi.json"

ln -s "$here/node_modules" "$tmp/client/node_modules"
cp "$here/openapi.ts" "$tmp/client/"
cd "$tmp/client"
echo '{"type": "module"}' >package.json
node node_modules/openapi-typescript/bin/cli.js openapi.json -o api.d.ts >"$tmp/generate" 2>&1 || die "openapi-typescript: $(cat "$tmp/generate")"
say "openapi-typescript: $(wc -l <api.d.ts) lines"
node node_modules/typescript/bin/tsc --noEmit --strict --noUncheckedIndexedAccess --target es2024 --module nodenext --allowImportingTsExtensions \
	--skipLibCheck --types node openapi.ts || die 'tsc refuses the client'
say 'tsc takes the client, and refuses what it has to'
node --disable-warning=ExperimentalWarning openapi.ts "$url" "$("$bin" token -data "$tmp/data")"
halt
