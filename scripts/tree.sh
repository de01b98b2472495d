# SPDX-License-Identifier: GPL-2.0
# Programs of newer Debian releases, in the cache: a tree with the compiler and the C library that kernels' headers want, where this machine
# is older; and sparse. Sourced, never run.
# shellcheck shell=bash disable=SC2154

# What is run to build a module. (dpkg tells the headers the architecture.)
tree_packages=(gcc-14 make bash dash coreutils sed grep findutils diffutils mawk perl tar gzip xz-utils dpkg kmod pahole)

# Goes up when what is below changes what a tree consists of.
tree_layout=1

# The tree for building for ARCH.
tree_directory() {
	printf '%s/tree/%s-%s-r%s\n' "$iobmd_cache" "${codename[$newest_release]}" "$1" "$tree_layout"
}

# Nothing is configured: awk is all that would be missing.
fetch_tree() {
	local final=$1 arch=$2 dir=$work/tree

	[ "$arch" = "$host" ] || tree_packages+=("gcc-14-${cross_name[$arch]}")
	apt_archive "$host"
	prefer_release "${codename[$newest_release]}"
	note "downloading the programs that build modules for newer kernels"
	apt_download_closure "$work/deb" "${tree_packages[@]}" || exit "$no_download"
	unpack_debs "$dir"
	rm -rf "$dir"/usr/share/{doc,info,locale,man}
	ln -s mawk "$dir/usr/bin/awk"
	mkdir -p "$dir"/usr/{local,src}
	cache_publish "$dir" "$final"
}

# Kernels from 7.0 on want a sparse that is only in the release after those, and this wants a C library that this machine may not have: it
# runs with its own. (The lists of that release are needed for nothing else.)
fetch_sparse() {
	local final=$1 dir=$work/sparse

	apt_use "$work/apt" "$host" forky
	apt_update || exit "$no_download"
	unpack_packages "$dir" sparse libc6
	cat >"$dir/sparse" <<-EOF
		#!/bin/sh
		exec $final/usr/lib64/ld-linux-x86-64.so.2 --library-path $final/usr/lib/x86_64-linux-gnu $final/usr/bin/sparse "\$@"
	EOF
	chmod +x "$dir/sparse"
	cache_publish "$dir" "$final"
}
