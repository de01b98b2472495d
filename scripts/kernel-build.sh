# SPDX-License-Identifier: GPL-2.0
# Builds a kernel with a configuration of this project from Debian's sources, for scripts/kernel. Sourced, never run.
# shellcheck shell=bash disable=SC2154

# Directories that no build for x86 reads; two thirds of them are one graphics driver.
unneeded=('*/drivers/gpu/drm/amd/*.[ch]' '*/arch/[!x]*/*.[chS]' '*/arch/[!x]*/*.dts*' '*/Documentation/*.rst' '*/tools/testing')

build_pid=

# The series in a name like debug-7.3, else 6.12.
source_series() {
	if [[ $1 =~ [0-9]+\.[0-9]+ ]]; then echo "${BASH_REMATCH[0]}"; else echo 6.12; fi
}

# The requested configuration: the common part and that of the flavour. A line may begin with a series, and then applies only to that.
kernel_config() {
	sed -n "s/^$(source_series "$1"): //; /^CONFIG_/p" "$iobmd_top/scripts/common.config" "$iobmd_top/scripts/${1%%-*}.config"
}

short_hash() {
	sha256sum | cut -c 1-12
}

config_hash() {
	kernel_config "$1" | short_hash
}

# Unpacks the sources, with arguments of tar that select files or exclude some.
unpack_source() {
	local dir=$1
	shift

	mkdir "$dir"
	download "$source_package"
	dpkg-deb --fsys-tarfile "$work"/deb/*.deb | tar -xO "./usr/src/$source_package.tar.xz" |
		tar -xJ -C "$dir" --strip-components=1 "$@"
	rm -r "$work/deb"
}

# Keeps the environment from configuring the kernel.
set_kernel_make() {
	kernel_make=(env -i "PATH=$PATH" LC_ALL=C setpriv --pdeathsig TERM make -C "$1" -j "$(nproc)")
}

fail_with_log() {
	tail -n 40 "$work/log" >&2
	die "$@"
}

# kconfig silently drops options that it does not know or whose dependencies are missing.
check_config() {
	local config=$1 line dropped=()

	while read -r line; do
		case $line in
		*=n) ! grep -q "^${line%n}" "$config" ;;
		*) grep -qxF "$line" "$config" ;;
		esac || dropped+=("$line")
	done
	[ ${#dropped[@]} -eq 0 ] || die "the kernel's configuration does not follow ${dropped[*]}"
}

configure() {
	local source=$1 flavour=$2

	kernel_config "$flavour" >"$work/config"
	"${kernel_make[@]}" KCONFIG_ALLCONFIG="$work/config" allnoconfig >"$work/log" 2>&1 || fail_with_log "could not configure the kernel"
	check_config "$source/.config" <"$work/config"
}

# In the background, so that a signal ends it at once.
compile() {
	local next=$((SECONDS + 60)) started=$SECONDS

	"${kernel_make[@]}" vmlinux modules >"$work/log" 2>&1 &
	build_pid=$!
	while kill -0 "$build_pid" 2>/dev/null; do
		sleep 1
		if [ $SECONDS -ge $next ]; then
			note "$(((SECONDS - started) / 60)) min: $(grep -cE '^  (CC|AS) ' "$work/log") of about 1500 files are compiled"
			next=$((next + 60))
		fi
	done
	wait "$build_pid" || fail_with_log "the kernel's build failed, see above"
	build_pid=
}

# The kernel's own script selects what building a module needs.
install_headers() {
	local source=$1 dir=$2

	# shellcheck disable=SC2016	# make's variable
	"${kernel_make[@]}" run-command KBUILD_RUN_COMMAND='$(srctree)/scripts/package/install-extmod-build '"$dir/headers" \
		>"$work/log" 2>&1 || fail_with_log "could not install the kernel's headers"
	cp "$source/.config" "$dir/headers"
}

install_kernel() {
	local source=$1 dir=$2 release

	release=$(cat "$source/include/config/kernel.release")
	mkdir "$dir"
	printf '%s\n' "$release" >"$dir/release"
	strip -s -o "$dir/image" "$source/vmlinux"
	"${kernel_make[@]}" modules_install INSTALL_MOD_PATH="$dir" >"$work/log" 2>&1 || fail_with_log "could not install the kernel's modules"
	install_headers "$source" "$dir"
	ln -sfn ../../../headers "$dir/lib/modules/$release/build"
	make_initramfs "$dir" "$release"
}

build_kernel() {
	local final=$1 flavour=$2 source=$work/source dir=$work/kernel source_package
	local -a kernel_make

	source_package=linux-source-$(source_series "$flavour")
	"$iobmd_top/scripts/setup" build vm kernel
	unpack_source "$source" "${unneeded[@]/#/--exclude=}"
	set_kernel_make "$source"
	note "building the $flavour kernel, which takes a quarter of an hour on two cores"
	configure "$source" "$flavour"
	compile
	install_kernel "$source" "$dir"
	cache_publish "$dir" "$final"
}
