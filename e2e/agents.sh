#!/usr/bin/env bash
# Coding agents that people have: Claude Code, Codex, and mcp-remote for those
# that speak only stdio. Each is given the MCP URL and nothing else, signs in by
# itself, and sends a person to the browser, whose part person.mjs plays. None
# gets to the Internet. By hand, on Linux on x86-64:
#
#   npm ci --prefix e2e --ignore-scripts
#   e2e/agents.sh                     # builds the program, or
#   IOTMAN_BIN=./iotman e2e/agents.sh # takes one
#
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# agent COMMAND runs an agent, with a home of its own and with nothing of the
# environment. What it opens in a browser a person answers.
agent() {
	env -i HOME="$tmp/home" PATH="$tmp/bin:/usr/bin:/bin" TERM=dumb BROWSER="$tmp/bin/xdg-open" \
		DISABLE_AUTOUPDATER=1 CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 timeout 60 "$@" </dev/null
}

# prints WHAT WANT COMMAND runs an agent that has to say so.
prints() {
	local what=$1 want=$2 code=0
	shift 2
	(cd "$tmp/home" && agent "$@") >"$tmp/said" 2>&1 || code=$?
	[ $code = 0 ] || die "$what: exit code $code: $(cat "$tmp/said") $(cat "$tmp/browser" 2>/dev/null)"
	has "$what" "$(cat "$tmp/said")" "$want"
	say "$what: $want"
}

build
needs_packages
serve -client-documents=false # what agents publish of themselves cannot be fetched from here
mcp=$url/mcp/default

mkdir "$tmp/home" "$tmp/bin"
cat >"$tmp/bin/xdg-open" <<END
#!/usr/bin/env bash
exec >>"$tmp/browser" 2>&1
link=\$("$bin" login-link -data "$tmp/data") && "$node" "$here/person.mjs" "\$link" "\$1"
END
chmod +x "$tmp/bin/xdg-open"

claude=$here/node_modules/@anthropic-ai/claude-code-linux-x64/claude
prints 'claude mcp add' 'Added HTTP MCP server iotman' "$claude" mcp add --transport http iotman "$mcp"
prints 'claude mcp list, before' 'Needs authentication' "$claude" mcp list
prints 'claude mcp login' 'Authenticated with "iotman"' script -qec "'$claude' mcp login iotman" /dev/null
prints 'claude mcp list, after' '✔ Connected' "$claude" mcp list

codex=$(echo "$here"/node_modules/@openai/codex-linux-x64/vendor/*/bin/codex)
prints 'codex mcp add' 'Successfully logged in' "$codex" mcp add iotman --url "$mcp"
prints 'codex mcp list' 'OAuth' "$codex" mcp list

ln -s "$node" "$tmp/bin/node"
prints 'a tool call through mcp-remote' 'workspace_get answers Default' node "$here/stdio.mjs" node "$here/node_modules/mcp-remote/dist/proxy.js" "$mcp"

say 'what a person let in is listed, and out at once when they say so'
sessions=$url/api/v1/workspaces/default/sessions
bearer=(-H "Authorization: Bearer $("$bin" token -data "$tmp/data")")
request 200 GET "$sessions" "${bearer[@]}"
same 'the sessions' "$(ask -c 'map(.client_name // empty) | sort')" '["Claude Code (iotman)","Codex","MCP CLI Proxy"]'
request 200 DELETE "$sessions/$(ask -r '.[] | select(.client_name // "" | startswith("Claude")) | .id')" "${bearer[@]}"
prints 'claude mcp list, revoked' 'Needs authentication' "$claude" mcp list
halt
