#!/usr/bin/env bash
# The pages in a browser: Chromium shows every page that package web has, served
# by a test of that package, and axe-core looks at it (G18). By hand, from a checkout
# with Go and /usr/bin/chromium (CHROMIUM names another):
#
#   npm ci --prefix e2e --ignore-scripts
#   e2e/pages.sh [FOLDER] # screenshots go into FOLDER
#
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder=${1:-$tmp/screenshots}
mkdir -p "$folder"
needs_packages

(cd "$here/.." && go test -c -o "$tmp/pages" ./web)
: >"$tmp/pages.out"
IOTMAN_PAGES_LISTEN=127.0.0.1:0 "$tmp/pages" -test.run '^TestServePages$' -test.timeout 10m >"$tmp/pages.out" 2>&1 &
server=$! # which finish stops
for _ in {1..100}; do
	if grep -q '^ready$' "$tmp/pages.out"; then break; fi
	kill -0 "$server" 2>/dev/null || die "the pages: $(cat "$tmp/pages.out")"
	sleep 0.1
done
app=$(sed -n 's/^app //p' "$tmp/pages.out")
mapfile -t pages < <(sed -n 's/^page //p' "$tmp/pages.out")
[ ${#pages[@]} -gt 0 ] || die "no pages within 10 s: $(cat "$tmp/pages.out")"
node "$here/pages.mjs" "$folder" "$app" "${pages[@]}"
