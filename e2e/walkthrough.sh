#!/usr/bin/env bash
# The README's walkthrough, by the tools that a person has: curl, and the MCP
# Inspector as the agent. By hand, from a checkout with Go, npm, curl and jq:
#
#   npm ci --prefix e2e --ignore-scripts
#   e2e/walkthrough.sh                     # builds the program, or
#   IOTMAN_BIN=./iotman e2e/walkthrough.sh # takes one
#
# It prints what it checks and ends at the first thing that is not as expected.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# inspect CODE [arguments] runs the Inspector on the MCP URL, whose exit code
# has to be CODE. Its output is in $tmp/body, what it says beside it in $tmp/err.
inspect() {
	local want=$1 code=0
	shift
	HOME=$tmp node "$here/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js" \
		--cli "$mcp$query" --transport http --format json "${auth[@]}" "$@" >"$tmp/body" 2>"$tmp/err" </dev/null || code=$?
	[ "$code" = "$want" ] ||
		die "the Inspector, $*: got exit code $code, want $want: $(grep -A 2 -e '^Error' -e '^{' "$tmp/err" | head -n 20) $(head -c 300 "$tmp/body")"
}

# tool CODE NAME ARGUMENTS calls a tool.
tool() { inspect "$1" --method tools/call --tool-name "$2" --tool-args-json "$3"; }

# accepted COUNT asks for the ids of so many events in the last answer.
accepted() {
	same 'the number of ids' "$(ask '.ids | unique | length')" "$1"
	total=$((total + $1))
}

# rest pages through the log over REST by the Link header. $tmp/pages has the
# answers as they came, one a line.
rest() {
	local next=$1
	: >"$tmp/pages"
	while [ -n "$next" ]; do
		request 200 GET "$next" "${bearer[@]}"
		cat "$tmp/body" >>"$tmp/pages"
		next=$(sed -n 's/\r$//; s/^[Ll]ink: <\(.*\)>; rel="next"$/\1/p' "$tmp/head")
	done
}

build
needs_packages
total=0 query='' auth=()

say 'the first start prints a sign-in link and the line for Claude Code'
serve
mcp=$url/mcp/default api=$url/api/v1/workspaces/default
has 'standard output' "$(cat "$tmp/serve.out")" "$url/signin/link?token="
has 'standard output' "$(cat "$tmp/serve.out")" "claude mcp add --transport http iotman $mcp"

say 'iotman token prints a token, and nothing else, beside the server'
token=$("$bin" token -data "$tmp/data")
[[ $token =~ ^ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$ ]] || die "the token: got $token"
bearer=(-H "Authorization: Bearer $token" -H 'Content-Type: application/json')
auth=(--header "Authorization: Bearer $token")

say 'an endpoint is made over REST'
request 201 POST "$api/http-endpoints" "${bearer[@]}" -d '{"name":"Greenhouse"}'
greenhouse=$(ask .id)
data=$(ask .url)
same 'its URL' "$data" "$url/data/default/greenhouse"

say 'a device posts an object, and an array of 1,000'
request 202 POST "$data" -d '{"temperature":21.5,"humidity":0.61}'
accepted 1
jq -nc '[range(1000) | {n: ., temperature: (20 + . / 100)}]' >"$tmp/array.json"
request 202 POST "$data" --data-binary @"$tmp/array.json"
accepted 1000

readings=$here/testdata/readings.ndjson
lines=$(wc -l <"$readings")
[ "$lines" -gt 300 ] || die "testdata/readings.ndjson has $lines lines"
say "a gateway posts NDJSON, $lines readings of a day; repeated under its key, it changes nothing"
ndjson=(-H 'Content-Type: application/x-ndjson' -H 'Idempotency-Key: day-165' --data-binary @"$readings")
request 202 POST "$data" "${ndjson[@]}"
accepted "$lines"
cp "$tmp/body" "$tmp/original"
request 202 POST "$data" "${ndjson[@]}"
cmp "$tmp/original" "$tmp/body" || die 'the repetition was answered otherwise'

say 'another posts the same with gzip'
request 201 POST "$api/http-endpoints" "${bearer[@]}" -d '{"name":"Zipped"}'
zipped=$(ask .id)
gzip -c "$readings" >"$tmp/readings.gz"
request 202 POST "$(ask .url)" -H 'Content-Type: application/x-ndjson' -H 'Content-Encoding: gzip' --data-binary @"$tmp/readings.gz"
accepted "$lines"

say 'a body with one bad item is refused whole, by the pointer of the item'
request 400 POST "$data" -H 'Content-Type: application/x-ndjson' --data-binary $'{"n":1}\n{"n":\n'
has 'the field at fault' "$(ask .field)" /1
request 404 POST "$url/data/default/greenhose" -d '{}'

say "REST pages through all $total events, none lost or doubled"
rest "$api/events?limit=300"
same 'the sequence numbers' "$(jq -s 'add | map(.seq) == [range(length; 0; -1)]' "$tmp/pages")" true
same 'the number of ids' "$(jq -s 'add | map(.id) | unique | length' "$tmp/pages")" "$total"
rest "$api/events?limit=1000&source=$zipped"
say 'the readings are there as they were sent, to the byte'
grep -oFf "$readings" "$tmp/pages" | tac | cmp - "$readings" || die 'the readings changed on their way'

say 'the Inspector lists the tools, strictly, in both eras'
request 200 GET "$url/openapi.json"
operations=$(ask -c '[.paths[][] | .operationId? // empty | select(. != "ingest")] + ["iotman_call"] | sort')
for era in legacy modern; do
	inspect 0 --protocol-era "$era" --method tools/list --strict
	same "the tools ($era)" "$(ask -c '(.result // .).tools | map(.name) | sort')" "$operations"
done

say 'it makes an endpoint, and a device posts to it'
tool 0 http_endpoint_create '{"name":"Cold store"}'
same 'its path' "$(ask .result.structuredContent.url_path)" cold-store
request 202 POST "$(ask .result.structuredContent.url)" -d '{"door":"open"}'
accepted 1
tool 0 http_endpoint_list '{}'
same 'the endpoints' "$(ask -c '.result.structuredContent.items | map(.slug) | sort')" '["cold-store","greenhouse","zipped"]'

for era in legacy modern; do
	say "it reads all $total events page by page ($era)"
	: >"$tmp/events"
	cursor='' pages=0
	while :; do
		inspect 0 --protocol-era "$era" --method tools/call --tool-name event_list \
			--tool-args-json "$(jq -nc --arg c "$cursor" '{limit: 200} + if $c == "" then {} else {cursor: $c} end')"
		ask -c '.result.structuredContent.items[]' >>"$tmp/events"
		pages=$((pages + 1))
		cursor=$(jq -r '.result.structuredContent.next_cursor // ""' "$tmp/body")
		[ -n "$cursor" ] || break
		[ "$pages" -le "$total" ] || die 'the pages have no end'
	done
	[ "$pages" -gt $((total / 200)) ] || die "got $pages pages for $total events, want at most 200 on each"
	same 'the sequence numbers' "$(jq -s 'map(.seq) == [range(length; 0; -1)]' "$tmp/events")" true
	same 'the number of ids' "$(jq -s 'map(.id) | unique | length' "$tmp/events")" "$total"
	same 'the readings' "$(jq -c --arg s "$zipped" 'select(.source_id == $s) | .payload' "$tmp/events" | tac | jq -cS . | sha256sum)" "$(jq -cS . "$readings" | sha256sum)"
done

say 'a wrong argument is told by name (exit 5)'
tool 5 http_endpoint_create '{"nmae":"Greenhouse"}'
has 'the text' "$(ask '.result.content[0].text')" 'unknown field'
has 'the text' "$(ask '.result.content[0].text')" '/nmae'
tool 5 event_get '{"event_id":"01a20216-fede-729f-8cb0-a7155f743a16"}'
has 'the text' "$(ask '.result.content[0].text')" 'no event has this id'

say '?mode=lean lists only what reads, and refuses the rest by name'
query='?mode=lean'
inspect 0 --method tools/list --strict
same 'tools that write' "$(ask -c '(.result // .).tools | map(select(.annotations.readOnlyHint != true) | .name)')" '[]'
has 'the lean tools' "$(ask -c '(.result // .).tools | map(.name)')" '"event_list"'
[ "$(ask '(.result // .).tools | length')" -lt "$(jq length <<<"$operations")" ] || die 'lean is not leaner'
tool 5 http_endpoint_create '{"name":"Sneaked in"}'
has 'the Inspector' "$(cat "$tmp/err")" "'http_endpoint_create' not found"
request 200 POST "$mcp$query" "${bearer[@]}" -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"http_endpoint_create","arguments":{"name":"Sneaked in"}}}'
same 'the JSON-RPC error' "$(ask .error.code)" -32602
query=''
tool 0 http_endpoint_list '{}'
same 'the endpoints' "$(ask '.result.structuredContent.items | length')" 3

say 'an unknown query parameter is refused'
query='?mod=lean'
inspect 1 --method tools/list
has 'the Inspector' "$(cat "$tmp/err")" 'unknown parameter'
query='?mode=laen'
inspect 1 --method tools/list
has 'the Inspector' "$(cat "$tmp/err")" 'unknown mode'
query=''

say 'no token, and one that is none, are asked to sign in (exit 3)'
auth=(--stored-auth-only)
inspect 3 --method tools/list
auth=(--stored-auth-only --header "Authorization: Bearer ${token%?????}AAAAA")
inspect 3 --method tools/list
request 401 POST "$mcp" -H 'Content-Type: application/json' -d '{}'
has 'WWW-Authenticate' "$(cat "$tmp/head")" "resource_metadata=\"$url/.well-known/oauth-protected-resource/mcp/default\""

say 'a token that may only look lists only that, and is told what it lacks'
looker=$("$bin" token -data "$tmp/data" -permissions data:read,sources:read)
auth=(--header "Authorization: Bearer $looker")
inspect 0 --method tools/list
same 'its tools that write' "$(ask -c '(.result // .).tools | map(select(.annotations.readOnlyHint != true) | .name)')" '["iotman_call"]' # judged by what it calls
request 403 POST "$mcp" -H "Authorization: Bearer $looker" -H 'Content-Type: application/json' \
	-d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"http_endpoint_create","arguments":{"name":"x"}}}'
has 'WWW-Authenticate' "$(cat "$tmp/head")" 'error="insufficient_scope", scope="sources:write"'

say 'a stop and a start lose nothing'
halt
serve
api=$url/api/v1/workspaces/default
same 'standard output' "$(cat "$tmp/serve.out")" "iotman listens on $url, data in $tmp/data"
bearer=(-H "Authorization: Bearer $("$bin" token -data "$tmp/data")")
rest "$api/events?limit=1000"
same 'the sequence numbers' "$(jq -s 'add | map(.seq) == [range(length; 0; -1)]' "$tmp/pages")" true
same 'the number of ids' "$(jq -s 'add | map(.id) | unique | length' "$tmp/pages")" "$total"
rest "$api/events?limit=1000&source=$greenhouse"
same "the greenhouse's events" "$(jq -s 'add | length' "$tmp/pages")" $((1001 + lines))
halt
say "all as expected, $total events"
