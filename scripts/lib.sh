# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts: messages, the place of the cache, and the architecture of kernel headers. Sourced, never run.
# shellcheck shell=bash disable=SC2034

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
iobmd_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
iobmd_cache=${IOBMD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/iobmd}
program=${0##*/}

note() {
	printf '%s: %s\n' "$program" "$*" >&2
}

# A script may set beforehand the status that means that it could not do its work.
die() {
	note "$@"
	exit "${failure_status:-1}"
}

# Prints the comment block at the top of the calling script.
print_usage() {
	sed -n '4,/^[^#]/{ s/^# \{0,1\}//p }' "$0"
}

usage_error() {
	note "$@"
	print_usage | sed -n '1,/^$/p' >&2
	note "\`scripts/$program --help' tells more"
	exit 2
}

as_root() {
	if [ "$EUID" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root and there is no sudo: $*"
	fi
}

# The architecture of kernel headers: x86 or arm64.
kernel_arch() {
	if grep -qsx CONFIG_ARM64=y "$1/include/config/auto.conf"; then echo arm64; else echo x86; fi
}
