# SPDX-License-Identifier: GPL-2.0
# What the scripts share: messages, the cache's place, and talking to apt. Sourced, never run.
# shellcheck shell=bash disable=SC2034

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
iobmd_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
iobmd_cache=${IOBMD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/iobmd}
program=${0##*/}
apt_lists=/var/lib/apt/lists
apt_tried=$iobmd_cache/apt-update-tried
apt_options=()

note() {
	printf '%s: %s\n' "$program" "$*" >&2
}

# A script may say beforehand which status means that it could not do its work.
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

# The architecture that a kernel's headers are for: x86 or arm64.
kernel_arch() {
	if grep -qsx CONFIG_ARM64=y "$1/include/config/auto.conf"; then echo arm64; else echo x86; fi
}

# From now on apt is asked about another architecture as well. It has lists of its own for that, in the cache: what is installed here,
# and what for, does not change.
apt_foreign() {
	local dir=$iobmd_cache/apt-$1

	mkdir -p "$dir"/lists/partial "$dir"/archives/partial
	: >"$dir/status"
	apt_lists=$dir/lists
	apt_tried=$dir/update-tried
	apt_options=(-o "APT::Architecture=$1" -o "APT::Architectures::=$1" -o "APT::Architectures::=$(dpkg --print-architecture)"
		-o "Dir::State::Lists=$dir/lists" -o "Dir::State::status=$dir/status" -o "Dir::Cache=$dir")
}

# apt's messages go to stderr: stdout belongs to the caller. As root, apt would hand downloads to a user who cannot write here.
apt_get() {
	local -a options=(-q -o Dpkg::Use-Pty=0 "${apt_options[@]}")

	[ "$EUID" -ne 0 ] || options+=(-o APT::Sandbox::User=root)
	LC_ALL=C apt-get "${options[@]}" "$@" >&2
}

# Refreshes apt's lists where that is possible without asking anybody; true if it was.
apt_update() {
	note "refreshing the package lists (apt-get update)"
	mkdir -p "$iobmd_cache" && touch "$apt_tried"
	if [ "$EUID" -eq 0 ] || [ ${#apt_options[@]} -gt 0 ]; then
		apt_get update
	else
		sudo -n apt-get -q update >&2 2>/dev/null
	fi
}

# True if neither apt nor we have looked at the archive for a day.
apt_lists_are_old() {
	[ -z "$(find "$apt_lists" "$apt_lists/partial" "$apt_tried" \
		-maxdepth 0 -mtime -1 -print -quit 2>/dev/null)" ]
}

# One field of the package version that apt would install; empty if apt knows no such package.
apt_field() {
	local package=$1 field=$2

	LC_ALL=C apt-cache "${apt_options[@]}" show --no-all-versions "$package" 2>/dev/null | sed -n "s/^$field: //p" | head -n 1
}

# Names of the packages that PACKAGE depends on, one a line; of alternatives the first.
apt_depends() {
	apt_field "$1" Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/[[:space:]]//g; /^$/d'
}
