# SPDX-License-Identifier: GPL-2.0
# Fresh Debian systems: made by debootstrap in a directory, entered by chroot. Sourced, after archive.sh; never run.
# shellcheck shell=bash disable=SC2154

# Runs a command in a system. It sees only its own processes, and ends with this script. /proc and /dev are mounted only for it. The root
# is a mount, since without that the command could make no mount namespaces.
# shellcheck disable=SC2016	# the inner shell's
in_root() {
	local root=$1
	shift

	setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child sh -c '
		mount --bind "$0" "$0" && mount -t proc proc "$0/proc" && mount -t sysfs -o ro sysfs "$0/sys" && mount --rbind /dev "$0/dev" || exit
		exec chroot "$0" "$@"' "$root" "$@"
}

# Makes the system of a release, with the SUITEs of it (-security, -backports) as apt's sources. debootstrap's messages go to LOG, its
# options come last.
make_root() {
	local release=$1 root=$2 log=$3 suites=$4 name=${codename[$1]} mirror security suite
	shift 4

	mirror=$(debian_mirror '') || die "apt's sources on this machine name no mirror of Debian"
	security=$(debian_mirror -security) || security=${mirror%/}-security
	rm -rf --one-file-system "$root"
	note "Debian $release: making the system"
	debootstrap "$@" --keyring="$keyring" "$name" "$root" "$mirror" >"$log" || die "debootstrap failed: $log"
	for suite in '' $suites; do
		case $suite in
		-security) printf 'deb %s main\n' "$security $name$suite" ;;
		*) printf 'deb %s main\n' "$mirror $name$suite" ;;
		esac
	done >"$root/etc/apt/sources.list"
	cp -L /etc/resolv.conf "$root/etc/"
}
