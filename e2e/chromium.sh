#!/usr/bin/env bash
# Sign-in and consent in Chromium, from the page of the MCP Inspector. By hand,
# with /usr/bin/chromium (CHROMIUM names another):
#
#   npm ci --prefix e2e --ignore-scripts
#   e2e/chromium.sh [FOLDER] # screenshots go into FOLDER
#
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder=${1:-$tmp/screenshots}
mkdir -p "$folder"
build
needs_packages
serve

: >"$tmp/inspector" # it is looked at before the process writes it
HOME=$tmp MCP_INSPECTOR_SECRET_STORE=memory MCP_AUTO_OPEN_ENABLED=false CLIENT_PORT=33421 MCP_SANDBOX_PORT=33422 MCP_APP_ORIGIN_PORT=33423 \
	"$node" "$here/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js" \
	--web --transport http --server-url "$url/mcp/default" >"$tmp/inspector" 2>&1 </dev/null &
helpers+=($!)
inspector=''
for _ in {1..200}; do
	inspector=$(grep -om 1 'http://127.0.0.1:33421?.*' "$tmp/inspector") && break
	sleep 0.1
done
[ -n "$inspector" ] || die "the Inspector was not ready within 20 s: $(cat "$tmp/inspector")"
node "$here/chromium.mjs" "$folder" "$url/mcp/default" "$tmp/serve.out" "$inspector"
halt
