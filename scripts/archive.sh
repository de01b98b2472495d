# SPDX-License-Identifier: GPL-2.0
# The view that scripts/kernel has of Debian's archive: apt with a configuration of its own, which reads the suites of every release that
# has suitable kernels. Neither installed packages nor apt's own lists change. Sourced, never run.
# shellcheck shell=bash disable=SC2154

# The releases with suitable kernels. Backports suites have the newest kernels, and keep the last of a series for a while.
declare -A codename=([12]=bookworm [13]=trixie)
newest_release=13

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
host=$(dpkg --print-architecture)
host_release=$(. /etc/os-release && echo "${VERSION_ID:-99}")
host_release=${host_release%%.*}

# The base address of Debian's mirror in this machine's apt sources, of the suites whose names end with SUFFIX, -security or nothing.
# Other archives have suites of these names too.
debian_mirror() {
	local suffix=$1 address list

	while read -r address list; do
		list=/var/lib/apt/lists/$list
		if [ ! -e "$list" ] || grep -qx 'Origin: Debian' "$list"; then
			printf '%s\n' "$address"
			return
		fi
	done < <(apt-get --print-uris update 2>/dev/null |
		sed -nE "s#^'([^']+)/dists/(bookworm|trixie|forky|sid|(old)*stable|testing|unstable)$suffix/InRelease' ([^ ]+).*#\1 \4#p")
	return 1
}

# The lines of sources.list for SUITEs.
list_sources() {
	local architectures=$1 main security suite address
	shift

	main=$(debian_mirror '') || die "apt's sources on this machine name no mirror of Debian, where the kernels come from"
	security=$(debian_mirror -security) || security=${main%/}-security
	for suite; do
		case $suite in
		*-security) address=$security ;;
		*) address=$main ;;
		esac
		printf '%s\n' "deb [arch=$architectures target=Packages lang=none signed-by=$keyring] $address $suite main"
	done
}

# Makes apt look for packages for ARCH, and for tools of this machine, in SUITEs. Its state is in a directory. A mirror that is weeks
# behind is good enough for a virtual machine or for sources: the lists must be signed, but may have expired.
apt_use() {
	local dir=$1 arch=$2 architectures sources
	shift 2

	architectures=$arch
	[ "$arch" = "$host" ] || architectures+=,$host
	sources=$(list_sources "$architectures" "$@")
	if [ "$sources" != "$(cat "$dir/sources.list" 2>/dev/null)" ]; then
		rm -rf "$dir"
		mkdir -p "$dir"/lists/partial "$dir"/archives/partial
		touch "$dir/status"
		printf '%s\n' "$sources" >"$dir/sources.list"
	fi
	apt_directory=$dir
	apt_options=(-o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o "APT::Architectures::=$host"
		-o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null
		-o Dir::Etc::PreferencesParts=/dev/null -o "Dir::State::Lists=$dir/lists" -o "Dir::State::status=$dir/status"
		-o "Dir::State::extended_states=$dir/extended" -o "Dir::Cache=$dir" -o Dir::Cache::pkgcache=pkgcache.bin
		-o Acquire::Check-Valid-Until=false)
}

# The same for all suites with kernels. If several releases have a package, that of this machine's release is preferred.
apt_archive() {
	local arch=$1 own=${codename[$host_release]:-${codename[$newest_release]}} name
	local -a suites

	for name in "${codename[@]}"; do
		suites+=("$name" "$name-backports" "$name-security")
	done
	[ "$arch" != i386 ] || suites=("$own" "$own-security")
	apt_use "$iobmd_cache/apt-$arch" "$arch" "${suites[@]}"
	prefer_release "$own"
}

# The last one given counts.
prefer_release() {
	apt_options+=(-o "APT::Default-Release=/^$1(-security)?\$/")
}

# apt's messages go to stderr: stdout belongs to the caller. As root, apt would download as a user without write permission here.
apt_get() {
	local -a options=(-q -o Dpkg::Use-Pty=0 "${apt_options[@]}")

	[ "$EUID" -ne 0 ] || options+=(-o APT::Sandbox::User=root)
	LC_ALL=C apt-get "${options[@]}" "$@" >&2
}

# Refreshes the lists; true if all could be refreshed. One process at a time.
apt_update() {
	note "refreshing the package lists of Debian's releases"
	touch "$apt_directory/tried"
	(
		flock 9
		apt_get -o APT::Update::Error-Mode=any update
	) 9>"$apt_directory/update"
}

# True if the lists were neither refreshed within a day, nor was it tried.
apt_lists_are_old() {
	[ -z "$(find "$apt_directory/tried" -maxdepth 0 -mtime -1 -print -quit 2>/dev/null)" ]
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

# The names of packages that match, without PREFIX.
apt_names() {
	local prefix=$1 rest=$2

	apt-cache "${apt_options[@]}" search --names-only "^$prefix$rest\$" | sed -n "s/^$prefix\([^ ]*\) - .*/\1/p"
}

# Downloads packages into a directory.
apt_download() {
	local dir=$1
	shift

	mkdir -p "$dir"
	(cd "$dir" && apt_get download "$@")
}

# Downloads packages and all their dependencies into a directory.
apt_download_closure() {
	local dir=$1
	shift

	mkdir -p "$dir/partial"
	apt_get -qq -o "Dir::Cache::archives=$dir" --download-only --no-install-recommends -y install "$@"
}

# The Debian release whose compiler and C library a kernel is built with, from its name, as in 6.12.118+deb13-amd64.
release_of() {
	if [[ $1 =~ \+deb([0-9]+) ]]; then echo "${BASH_REMATCH[1]}"; else echo 12; fi
}

# The version of its gcc.
compiler_of() {
	if [ "$(release_of "$1")" -ge 13 ]; then echo 14; else echo 12; fi
}

runs_here() {
	[ "$(release_of "$1")" -le "$host_release" ]
}

# The kernel releases of a series, as 6.12 or 6.12-arm64, best last: the newest, but those whose tools run on this machine after all
# others.
list_releases() {
	local series=${1%%-*} flavour=${1#*-} release

	[ "$flavour" != "$1" ] || flavour=$host
	apt_names linux-image- "${series/./[.]}[.][0-9].*[0-9]-$flavour" | while read -r release; do
		if runs_here "$release"; then
			echo "1 $release"
		elif [ "$(release_of "$release")" -le $newest_release ]; then
			echo "0 $release"
		fi
	done | sort -k 1,1n -k 2,2V | cut -d ' ' -f 2
}

# The release of a series that the archive offers; empty if there is none. An image may appear before its headers.
offered_release() {
	local release

	while read -r release; do
		if [ -n "$(apt_field "linux-headers-$release" Version)" ]; then
			printf '%s\n' "$release"
			return
		fi
	done < <(list_releases "$1" | tac)
}

# The newest series that the archive has.
newest_series() {
	apt_names linux-image- "[0-9]+[.][0-9]+[.].*[0-9]-$host" | sort -V | tail -n 1 | cut -d . -f 1,2
}
