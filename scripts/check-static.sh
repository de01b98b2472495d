# SPDX-License-Identifier: GPL-2.0
# How scripts/check looks at the code without running it. Sourced, never run.
# shellcheck shell=bash disable=SC2034,SC2154

# What tools say and we do not follow: where (a file, or a directory without those below it), what, and why. An exception that is of no use
# any more is a failure too, but for those with a ?: only some versions of the tool say that.
checkpatch_exceptions='
module				UNCOMMENTED_DEFINITION	the comment on the struct says what a lock protects
module/compat.h			MACRO_ARG_UNUSED	an older kernel has an argument less
module/dma.c			OPEN_BRACE		a function whose name has for_each in it is no loop
module/examples/edu		UNCOMMENTED_DEFINITION	as in module
module/ioctl.c			MACRO_ARG_REUSE		the argument is the name of a type
module/kernel_api.c		OPEN_BRACE		as in dma.c
module/trace.h			OPEN_ENDED_LINE		TRACE_EVENT() is laid out as in the kernel
module/trace.h			PARENTHESIS_ALIGNMENT	the same
selftests			BIT_MACRO		user space has no BIT()
selftests			BRACES			an EXPECT_EQ() is more than one statement
selftests			CAMELCASE		PRIu64 and its like are what the C library has
selftests			MACRO_ARG_REUSE		the arguments are variables
selftests			PREFER_KERNEL_TYPES	user space has stdint.h
selftests			SPACING			FIXTURE_DATA(x) *self is no multiplication
selftests			VOLATILE		somebody else reads or writes that memory, or it must be touched
selftests/bench			PREFER_KERNEL_TYPES	user space has stdint.h
selftests/bench			VOLATILE		memory that must be touched
selftests/bench/peers.c		ENOSYS			what a kernel without memfd_secret() answers
selftests/fuzz_check.h		MACRO_ARG_PRECEDENCE	the argument is the name of a member
selftests/import.c		UNNECESSARY_PARENTHESES	two comparisons in one are not for everybody to read
selftests/iobmd_memory.h	PREFER_DEFINED_ATTRIBUTE_MACRO	user space has no such macro
selftests/machine.h		EMBEDDED_FUNCTION_NAME	/proc/meminfo is not the function meminfo()
selftests/modules/iobmd_test	UNCOMMENTED_DEFINITION	as in module
selftests/peer.h		ENOSYS			what a peer answers to a command that it does not have
selftests/shrink.c		REPEATED_WORD		meant so
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
userlib/include			PREFER_KERNEL_TYPES	user space has stdint.h
'

cppcheck_exceptions='
selftests/compose.c		signConversion		an offset below 0 is what is tested
?selftests/fuzz_make.h		selfAssignment		it does not know "a ?: b"
userlib/area.c			invalidFunctionArg	anonymous memory has the descriptor -1
userlib/area.c			memleak			what is mapped is to stay mapped
userlib/buffer.c		resourceLeak		what is opened goes to the caller
userlib/examples/demo_common.c	invalidFunctionArg	anonymous memory has the descriptor -1
?userlib/examples/demo_common.c	deallocuse		it takes the argument of munmap() for a use after it
?userlib/examples/hello-ioctl.c	deallocuse		the same
'

# Those patches that are not for us, and why.
coccinelle_exceptions='
api/check_bq27xxx_data.cocci	about one driver; needs an OCaml compiler
api/stream_open.cocci		about nonseekable_open(), which we do not call; warns of itself
null/badzero.cocci		sparse warns of a 0 for a pointer too; needs an OCaml compiler
'

# Lets through what nobody has excused of lines FILE:LINE: SEVERITY:WHAT: MESSAGE.
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
			split($2, kind, ":")
			if ((file " " kind[2]) in unused)
				unused[file " " kind[2]] = 0
			else if ((directory " " kind[2]) in unused)
				unused[directory " " kind[2]] = 0
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

	mapfile -t scripts < <(grep -lE '^#!.*(bash|sh)$' scripts/* selftests/run .ci/run module/examples/*/*)
	shellcheck "${scripts[@]}" scripts/*.sh
}

# The one program in README.md is an example, which the library's Makefile builds.
check_readme() {
	awk '/^```$/ { shown = 0 } shown { print } /^```c$/ { shown = 1 }' README.md | diff - userlib/examples/short.c
}

# Where it finds no repository, it looks for names in the include directory below the root, and leaves a list of them where it is. That it
# has something to say is no failure.
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

# Each patch says what options it wants.
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

# With the definitions given, it looks at no other configurations. What it knows of POSIX is for the library only: a test maps memory for
# the end of the program, and calls what has to fail. Newer versions take mmap() for a function that returns NULL, and want tests to check
# what malloc() returns, or more time for what they call exhaustive.
check_user_space() {
	local -a options=(-q -j "$(nproc)" --std=c11 "--enable=warning,performance,portability"
		--suppress=nullPointerOutOfMemory --suppress=nullPointerArithmeticOutOfMemory --suppress=normalCheckLevelMaxBranches
		--template='{file}:{line}: {severity}:{id}: {message}' -D_GNU_SOURCE -D__x86_64__ -Iuapi -Iuserlib/include)

	{
		cppcheck "${options[@]}" --library=posix userlib
		cppcheck "${options[@]}" selftests/*.c selftests/bench/*.c
	} 2>&1 | unexcused "$cppcheck_exceptions"
}

# gcc does not look at what an optimisation has taken away, nor, without a word, at what it finds too complex.
check_library() {
	local cc="gcc-12 -fanalyzer -Wanalyzer-too-complex"

	cc+=" --param analyzer-bb-explosion-factor=20 --param analyzer-max-enodes-per-program-point=16"
	MAKEFLAGS='' make -s -C userlib OUTPUT="$work/analyzed" CC="$cc" CFLAGS=-O0 WERROR=1 all
}

# As distributions build it: with link-time optimisation, with hardening, with clang; the header by itself; the example in C++.
check_library_builds() {
	local -a make=(make -s -C userlib WERROR=1)
	local MAKEFLAGS=''

	"${make[@]}" OUTPUT="$work/lto" CFLAGS="-O2 -flto" lib check-symbols || return
	"${make[@]}" OUTPUT="$work/hardened" CPPFLAGS=-D_FORTIFY_SOURCE=2 CFLAGS="-O2 -fstack-protector-strong" all examples-cxx || return
	"${make[@]}" check-header
}

# Prints all structs of the header, which is compiled by itself.
abi_layout() {
	gcc-12 "$1" -g -fno-eliminate-unused-debug-types -Iuapi -x c -c -o "$work/abi.o" uapi/linux/iobmd.h &&
		pahole -y iobmd_ "$work/abi.o"
}

# pahole marks a hole in its comment, and says how long the padding at the end is.
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

set_static() {
	mode=static kernels=() jobs=(build test)
}

check_static() {
	local kernel_scripts

	kernel_scripts=$(scripts/kernel source)/scripts
	step "shellcheck" check_scripts
	step "README shows the example" check_readme
	step "checkpatch" check_style
	step "kernel-doc" check_comments
	step "coccinelle" check_patterns
	step "cppcheck" check_user_space
	step "library: gcc -fanalyzer" check_library
	step "library: LTO, hardening, header in every standard" check_library_builds
	step "ABI: no holes, the same for 32 and 64 bits" check_abi
}
