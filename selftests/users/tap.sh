# SPDX-License-Identifier: GPL-2.0
# What the tests of other programs share. Sourced, never run.
# shellcheck shell=bash disable=SC2034

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
examples=$top/userlib/examples
tools=$top/build/userlib/tools
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export PATH=$tools:$PATH
number=0 failed=0

# check DESCRIPTION COMMAND...: the command succeeds. What it says is shown if it does not,
# within five minutes.
check() {
	local description=$1 result=ok
	shift

	number=$((number + 1))
	if ! timeout 300 "$@" >"$work/output" 2>&1 </dev/null; then
		result="not ok"
		failed=$((failed + 1))
		sed 's/^/# /' "$work/output"
	fi
	echo "$result $number $description"
}

# check_buffer DESCRIPTION SIZE COMMAND...: the same, with a buffer in the descriptor $IOBMD_FD.
check_buffer() {
	local description=$1 size=$2
	shift 2

	check "$description" iobmd create --capacity "$size" -- "$@"
}

skip() {
	number=$((number + 1))
	echo "ok $number # SKIP $*"
}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 4
}

need() {
	local command

	for command; do
		command -v "$command" >/dev/null || skip_all "there is no $command"
	done
}

# The last call of a test.
finish() {
	echo "1..$number"
	exit $((failed > 0))
}
