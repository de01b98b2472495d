# SPDX-License-Identifier: GPL-2.0
# The static checks of scripts/check. Sourced, never run.
# shellcheck shell=bash disable=SC2034,SC2154

. "$(dirname "$0")/check-man.sh"

# Warnings of tools that are deliberately ignored: where (a file; a directory without those below it; or with a *, each of those), what,
# and why. An exception that is no longer used is a failure too, except with a ?: only some versions of the tool give that warning.
checkpatch_exceptions='
module				UNCOMMENTED_DEFINITION	the comment on the struct says what a lock protects
module/compat.h			MACRO_ARG_UNUSED	an older kernel has an argument less
module/examples/edu		UNCOMMENTED_DEFINITION	as in module
module/ioctl.c			MACRO_ARG_REUSE		the argument is the name of a type
module/kernel_api.c		OPEN_BRACE		as in runs.c
module/runs.c			OPEN_BRACE		a function whose name has for_each in it is no loop
module/trace.h			OPEN_ENDED_LINE		TRACE_EVENT() is laid out as in the kernel
module/trace.h			PARENTHESIS_ALIGNMENT	the same
selftests/*			BIT_MACRO		user space has no BIT()
selftests/*			BRACES			an EXPECT_EQ() is more than one statement
selftests/*			CAMELCASE		PRIu64 and its like are what the C library has
selftests/*			MACRO_ARG_REUSE		the arguments are variables
selftests/*			PREFER_KERNEL_TYPES	user space has stdint.h
selftests/*			SPACING			FIXTURE_DATA(x) *self is no multiplication
selftests/*			VOLATILE		the memory is shared with other processes, or must be accessed
selftests/abi/abi.c		MACRO_ARG_UNUSED	a table takes some columns of the list of commands
selftests/abi/abi.c		MULTISTATEMENT_MACRO_USE_DO_WHILE	it defines a variant
selftests/abi/abi.c		TRAILING_SEMICOLON	the same
selftests/abi/layout.c		COMPLEX_MACRO		elements of an array
selftests/abi/layout.c		MACRO_ARG_UNUSED	as in abi.c
selftests/abi/layout.c		TRAILING_SEMICOLON	a list has nothing between its lines
selftests/bench/peers.c		ENOSYS			what a kernel without memfd_secret() answers
selftests/buffer/shrink.c	REPEATED_WORD		meant so
selftests/dmabuf/import.c	UNNECESSARY_PARENTHESES	parentheses make two comparisons in one expression readable
selftests/fuzz/check.c		MACRO_ARG_PRECEDENCE	the argument is the name of a member
selftests/fuzz/refused.c	MACRO_ARG_UNUSED	as in abi.c
selftests/lib/commands.h	COMPLEX_MACRO		lists, of which tables are made
selftests/lib/iobmd_memory.h	PREFER_DEFINED_ATTRIBUTE_MACRO	user space has no such macro
selftests/lib/machine.h		EMBEDDED_FUNCTION_NAME	/proc/meminfo is not the function meminfo()
selftests/lib/peer.h		ENOSYS			what a peer answers to a command that it does not have
selftests/modules/iobmd_test	UNCOMMENTED_DEFINITION	as in module
userlib				CAMELCASE		as in selftests
userlib				PREFER_KERNEL_TYPES	user space has stdint.h
userlib/examples		ARRAY_SIZE		user space has no such macro
userlib/examples		CAMELCASE		as in selftests
userlib/examples		EMBEDDED_FUNCTION_NAME	words of the output, not names
userlib/examples		LONG_LINE		the output of the demo, line by line as it is shown
userlib/examples		LONG_LINE_STRING	the same
userlib/examples		PREFER_DEFINED_ATTRIBUTE_MACRO	user space has no such macros
userlib/examples		PREFER_KERNEL_TYPES	user space has stdint.h
userlib/examples		STRCPY			of a constant, into much more memory
userlib/examples/hello.c	ASSIGN_IN_IF		one message for two calls
userlib/python			CAMELCASE		the names of the C API of Python
userlib/python			MACRO_ARG_REUSE		the argument is a variable
userlib/python			PREFER_KERNEL_TYPES	user space has stdint.h
userlib/python			STATIC_CONST_CHAR_ARRAY	Python 3.11 wants to be given an array that is not constant
userlib/tools/memfd		ARRAY_SIZE		user space has no such macro
userlib/tools/memfd		CAMELCASE		as in selftests, and the names of ELF
userlib/tools/memfd		PREFER_DEFINED_ATTRIBUTE_MACRO	user space has no such macros
userlib/tools/memfd		SPACING			ElfW(Ehdr) *header is no multiplication
userlib/include			PREFER_KERNEL_TYPES	user space has stdint.h
userlib/tools			PREFER_DEFINED_ATTRIBUTE_MACRO	as in examples
userlib/tools			SPLIT_STRING		a message of one line, longer than a line of code may be
userlib/tools/bench.c		VOLATILE		memory that must be touched
userlib/tools/tool.h		COMPLEX_MACRO		a part of an initialiser
'

cppcheck_exceptions='
selftests/compose/compose.c	signConversion		an offset below 0 is what is tested
?selftests/fuzz/compose.c	selfAssignment		it does not know "a ?: b"
userlib/area.c			invalidFunctionArg	anonymous memory has the descriptor -1
userlib/area.c			memleak			what is mapped is to stay mapped
userlib/buffer.c		resourceLeak		what is opened goes to the caller
userlib/examples/demo_common.c	invalidFunctionArg	anonymous memory has the descriptor -1
?userlib/examples/demo_common.c	deallocuse		it takes the argument of munmap() for a use after it
?userlib/examples/hello-ioctl.c	deallocuse		the same
?userlib/tools/check.c		getgrgidCalled		the program has one thread
?userlib/tools/check.c		readdirCalled		the same
?userlib/tools/scan.c		readdirCalled		the same
'

# The patches that do not apply to this project, and why.
coccinelle_exceptions='
api/check_bq27xxx_data.cocci	about one driver; needs an OCaml compiler
api/stream_open.cocci		about nonseekable_open(), which we do not call; warns of itself
null/badzero.cocci		sparse warns of a 0 for a pointer too; needs an OCaml compiler
'

# Passes on the lines FILE:LINE: SEVERITY:WHAT: MESSAGE that no exception matches.
unexcused() {
	awk '
		NR == FNR {
			optional = sub(/^[?]/, "")
			if (NF)
				unused[$1 " " $2] = !optional
			next
		}
		{
			file = $1
			sub(/:.*/, "", file)
			directory = file
			sub("/[^/]*$", "", directory)
			parent = directory
			sub("/[^/]*$", "/*", parent)
			split($2, kind, ":")
			if ((file " " kind[2]) in unused)
				unused[file " " kind[2]] = 0
			else if ((directory " " kind[2]) in unused)
				unused[directory " " kind[2]] = 0
			else if ((parent " " kind[2]) in unused)
				unused[parent " " kind[2]] = 0
			else
				print
		}
		END {
			for (exception in unused)
				if (unused[exception])
					print "an exception of no use: " exception
		}' <(printf '%s\n' "$1") -
}

c_sources() {
	find "$iobmd_top"/{module,uapi,userlib,selftests} -name '*.[ch]' -print0
}

check_scripts() {
	local -a scripts

	mapfile -t scripts < <(grep -slE '^#!.*(bash|sh)$' scripts/* scripts/package/* selftests/run selftests/users/* .ci/run module/examples/*/*)
	shellcheck "${scripts[@]}" scripts/*.sh scripts/package/*.dkms userlib/tools/*.bash
}

# The only program in README.md is an example, which the library's Makefile builds.
check_readme() {
	awk '/^```$/ { shown = 0 } shown { print } /^```c$/ { shown = 1 }' README.md | diff - userlib/examples/short.c
}

# Without a repository, checkpatch looks for names in the include directory of the root, and leaves a list of them there. Its output is
# not a failure by itself.
check_style() {
	c_sources | (
		cd "$work" || exit
		xargs -0 -n 12 -P "$(nproc)" perl "$kernel_scripts/checkpatch.pl" --no-tree --root="$iobmd_top/module" --strict \
			--terse --show-types --no-summary -f || true
	) 2>&1 | sed "s|^$iobmd_top/||" | unexcused "$checkpatch_exceptions"
}

check_comments() {
	c_sources | xargs -0 perl "$kernel_scripts/kernel-doc" -none -Wall -Werror
}

# Each patch specifies the options that it needs.
check_patterns() {
	local -a sources

	mapfile -t sources < <(find module selftests/modules -name '*.[ch]')
	# shellcheck disable=SC2016	# the inner shell's
	(cd "$kernel_scripts/coccinelle" && find . -name '*.cocci' -printf '%P\n') |
		grep -vxFf <(awk 'NF { print $1 }' <<<"$coccinelle_exceptions") |
		xargs -P "$(nproc)" -I PATCH sh -c '
			spatch --very-quiet --no-show-diff -D report $(sed -n "s|^// *Options:||p" "$0") --cocci-file "$@"
			' "$kernel_scripts/coccinelle/PATCH" "$kernel_scripts/coccinelle/PATCH" "${sources[@]}"
}

# Given definitions, it checks no other configurations. Its rules for POSIX apply to the library only: a test maps memory until it exits,
# and calls what has to fail. Newer versions think that mmap() returns NULL, and require tests to check the result of malloc(), or more
# time for exhaustive checks.
check_user_space() {
	local -a options=(-q -j "$(nproc)" --std=c11 "--enable=warning,performance,portability"
		--suppress=nullPointerOutOfMemory --suppress=nullPointerArithmeticOutOfMemory --suppress=normalCheckLevelMaxBranches
		--template='{file}:{line}: {severity}:{id}: {message}' -D_GNU_SOURCE -D__x86_64__ -Iuapi -Iuserlib/include -Iselftests/lib)

	{
		cppcheck "${options[@]}" --library=posix userlib
		cppcheck "${options[@]}" selftests/*/*.c
	} 2>&1 | unexcused "$cppcheck_exceptions"
}

# gcc does not analyse code that an optimisation has removed, and silently skips functions that it considers too complex, like the nested
# loops of the command.
check_library() {
	local cc="gcc-12 -fanalyzer"
	local all="-Wanalyzer-too-complex --param analyzer-bb-explosion-factor=20 --param analyzer-max-enodes-per-program-point=16"

	MAKEFLAGS='' make -s -C userlib OUTPUT="$work/analyzed" CC="$cc $all" CFLAGS=-O0 WERROR=1 lib examples &&
		MAKEFLAGS='' make -s -C userlib OUTPUT="$work/analyzed" CC="$cc" CFLAGS=-O0 WERROR=1 tools
}

# Builds as distributions do: with link-time optimisation, with hardening; also the header alone, and the example in C++.
check_library_builds() {
	local -a make=(make -s -C userlib WERROR=1)
	local MAKEFLAGS=''

	"${make[@]}" OUTPUT="$work/lto" CFLAGS="-O2 -flto" lib check-symbols || return
	"${make[@]}" OUTPUT="$work/hardened" CPPFLAGS=-D_FORTIFY_SOURCE=2 CFLAGS="-O2 -fstack-protector-strong" all examples-cxx || return
	"${make[@]}" check-header
}

# Prints all structs of the header, which is compiled alone.
abi_layout() {
	gcc-12 "$1" -g -fno-eliminate-unused-debug-types -Iuapi -x c -c -o "$work/abi.o" uapi/linux/iobmd.h &&
		pahole -y iobmd_ "$work/abi.o"
}

# pahole marks a hole in a comment, and reports the padding at the end.
structs_with_holes() {
	awk '
		/^struct/ { text = "" }
		{ text = text $0 "\n" }
		/^}/ && text ~ /XXX|padding:/ { printf "%s", text }' "$1"
}

check_abi() {
	abi_layout -m64 >"$work/abi-64" && abi_layout -m32 >"$work/abi-32" || return
	grep -q '^struct' "$work/abi-64" || echo "no structs"
	structs_with_holes "$work/abi-64"
	diff "$work/abi-64" "$work/abi-32"
}

# The order is that of the objects in Kbuild, from the top down. The only exception: the table of operations of a descriptor names its
# ioctls, which may use everything below them.
check_layers() {
	local -a objects
	local out

	scripts/module build "$kernel" || return
	out=build/$(cat "$(scripts/kernel "$kernel")/release")
	mapfile -t objects < <(sed '/^iobmd-y/, /[^\\]$/!d' Kbuild | grep -o 'module/[a-z_]*\.o')
	(cd "$out" && nm -A "${objects[@]}") | awk -F '[: ]+' '
		!($1 in layer) { layer[$1] = ++nr }
		$(NF - 1) == "U" { user[++uses] = $1; used[uses] = $NF; next }
		{ home[$NF] = $1 }
		END {
			if (nr < 20)
				print "only " nr + 0 " objects"
			for (i = 1; i <= uses; i++)
				if (layer[home[used[i]]] && layer[home[used[i]]] < layer[user[i]] &&
				    used[i] != "iobmd_descriptor_ioctl")
					print user[i] " uses " used[i] " of " home[used[i]] ", which stands above it"
		}'
}

set_static() {
	mode=static kernels=() jobs=(build test package)
}

check_static() {
	local kernel_scripts kernel=${kernels[0]:-6.12}

	kernel_scripts=$(scripts/kernel source)/scripts
	scripts/kernel "$kernel" >/dev/null
	step "shellcheck" check_scripts
	step "README shows the example" check_readme
	step "checkpatch" check_style
	step "kernel-doc" check_comments
	step "coccinelle" check_patterns
	step "layers of the module" check_layers
	step "cppcheck" check_user_space
	step "library: gcc -fanalyzer" check_library
	step "library: LTO, hardening, header in every standard" check_library_builds
	step "ABI: no holes, the same for 32 and 64 bits" check_abi
	step "manual pages: mandoc, man" check_man_tools
	step "manual pages: examples compile" check_man_programs
	step "manual pages: everything is there" check_man_complete
	step "packages: lintian" quietly scripts/deb
}
