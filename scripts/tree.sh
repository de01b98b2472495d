# SPDX-License-Identifier: GPL-2.0
# Programs of newer Debian releases, in the cache: sparse, and, if this machine is older than a kernel's headers, a tree with the compiler
# and the C library that they need. Sourced, never run.
# shellcheck shell=bash disable=SC2154

# The programs that run when a module is built. (dpkg tells the headers the architecture.)
tree_packages=(gcc-14 make bash dash coreutils sed grep findutils diffutils mawk perl tar gzip xz-utils dpkg kmod pahole)

# To be incremented when changes below affect the contents of a tree.
tree_layout=1

# The tree for building for ARCH.
tree_directory() {
	printf '%s/tree/%s-%s-r%s\n' "$iobmd_cache" "${codename[$newest_release]}" "$1" "$tree_layout"
}

# Packages are unpacked but not configured: only awk would be missing.
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

# Kernels from 7.0 on need a sparse that is only in a later release than theirs. It needs a newer C library than this machine may have, so
# it runs with that of its release. (Nothing else needs the lists of that release.)
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
