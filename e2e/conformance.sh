#!/usr/bin/env bash
# The official conformance suite, twice: everything that two revisions require,
# against the program's edge with the suite's fixtures behind it (a test of
# package mcp serves them); and what needs no fixture, against the program. By
# hand, from a checkout with Go:
#
#   npm ci --prefix e2e --ignore-scripts
#   e2e/conformance.sh                     # builds the program, or
#   IOTMAN_BIN=./iotman e2e/conformance.sh # takes one
#
# What is known to fail is in conformance-*.yml, each entry with its reason. An
# entry that passes is a failure too.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# behind URL TOKEN starts a proxy that adds the token, which the suite cannot
# send. It sets $mcp, the URL to try instead.
behind() {
	local origin path=/mcp/${1##*/mcp/}
	: >"$tmp/proxy"
	TOKEN=$2 "$node" "$here/proxy.mjs" "${1%"$path"}" >"$tmp/proxy" &
	helpers+=($!)
	origin=$(first "$tmp/proxy")
	mcp=$origin$path
}

# suite BASELINE [arguments] runs the suite, whose report is in $tmp/report then.
suite() {
	local code=0 known=$1
	shift
	NO_COLOR=1 "$node" "$here/node_modules/@modelcontextprotocol/conformance/dist/index.js" \
		server --url "$mcp" --expected-failures "$known" "$@" >"$tmp/report.raw" 2>&1 </dev/null || code=$?
	sed 's/\x1b\[[0-9;]*m//g' "$tmp/report.raw" >"$tmp/report"
	if [ $code != 0 ]; then
		tail -n 60 "$tmp/report"
		die "conformance $*: exit code $code"
	fi
	grep -q '^Baseline check passed' "$tmp/report" || die "conformance $*: no verdict: $(tail -n 20 "$tmp/report")"
}

# patient is suite, tried three times: mcp-go answers subscriptions/listen with
# an empty filter at once, and now and then loses its acknowledgement on the way
# (streamable_http.go: the notice is taken off the channel when the stream is
# closed already), so that server-stateless fails.
patient() {
	local tries
	for tries in 1 2; do
		if (suite "$@") >/dev/null 2>&1; then return; fi
	done
	suite "$@"
}

# required REVISION SCENARIOS [arguments] runs what a revision requires, so many
# scenarios at least.
required() {
	local revision=$1 least=$2 total expected
	shift 2
	patient "$here/conformance-$revision.yml" --requirements "$revision" "$@"
	total=$(sed -n "s/^Running requirements $revision (\([0-9]*\) scenarios).*/\1/p" "$tmp/report")
	[ "${total:-0}" -ge "$least" ] || die "revision $revision: got ${total:-no} scenarios, want $least at least"
	expected=$(grep -c '^  ~ ' "$tmp/report") || true
	say "revision $revision: $total scenarios, $(sed -n 's/^Total: \([0-9]* passed\).*/\1/p' "$tmp/report"), $expected failures as in the baseline"
}

# scenario REVISION NAME CHECKS runs one scenario, in which so many checks have
# to pass.
scenario() {
	local passed
	if [ "$2" = server-stateless ]; then
		patient "$baseline" --spec-version "$1" --scenario "$2"
	else
		suite "$baseline" --spec-version "$1" --scenario "$2"
	fi
	passed=$(sed -n 's/^Passed: \([0-9]*\)\/.*/\1/p' "$tmp/report")
	[ "${passed:-0}" -ge "$3" ] || die "scenario $2 of $1: got ${passed:-no} checks passed, want $3"
	say "$2 of $1: $passed checks passed"
}

build
needs_packages

say 'the fixtures, behind the edge of the program'
(cd "$here/.." && go test -c -o "$tmp/fixtures" ./mcp)
IOTMAN_CONFORMANCE_LISTEN=127.0.0.1:0 "$tmp/fixtures" -test.run '^TestConformance$' -test.timeout 10m >"$tmp/fixtures.out" 2>&1 &
helpers+=($!)
first "$tmp/fixtures.out" >"$tmp/body"
fixtures=$(ask .url 2>&1) || die "the fixtures: $(cat "$tmp/fixtures.out")"
token=$(ask .token)
behind "$fixtures" "$token"
required 2025-11-25 33 --timeout 5000 # four scenarios of the baseline wait for its end
required 2026-07-28 50
baseline=$here/conformance-2026-07-28.yml
scenario 2026-07-28 json-schema-2020-12 8 # not required, as the suite's own server fails it

say 'the suite fails when an entry of a baseline passes'
printf 'server:\n  - ping\n' >"$tmp/stale.yml"
if (suite "$tmp/stale.yml" --spec-version 2025-11-25 --scenario ping) >/dev/null 2>&1; then die 'a stale baseline passed'; fi
has 'the report' "$(cat "$tmp/report")" 'Stale baseline entries'

say 'the program'
baseline=$here/conformance-program.yml
serve
token=$("$bin" token -data "$tmp/data")
behind "$url/mcp/default" "$token"
scenario 2025-11-25 server-initialize 2
scenario 2025-11-25 ping 2
scenario 2025-11-25 tools-list 3
scenario 2025-11-25 dns-rebinding-protection 2
suite "$baseline" --spec-version 2025-11-25 --scenario server-session-lifecycle
has 'server-session-lifecycle' "$(cat "$tmp/report")" 'Server is stateless (no MCP-Session-Id)'
say 'server-session-lifecycle of 2025-11-25: no sessions, nothing to check'
scenario 2026-07-28 tools-list 4
scenario 2026-07-28 dns-rebinding-protection 2
scenario 2026-07-28 http-header-validation 14
scenario 2026-07-28 server-stateless 24
scenario 2026-07-28 server-sse-multiple-streams 1
scenario 2026-07-28 caching 4
scenario 2026-07-28 input-required-result-unsupported-methods 2
halt
