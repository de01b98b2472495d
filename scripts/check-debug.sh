# SPDX-License-Identifier: GPL-2.0
# The part of scripts/check for the debug kernel: the proof that the kernel reports errors, and the coverage of the module. Sourced, never
# run.
# shellcheck shell=bash disable=SC2034,SC2154

# The errors that a test module makes, and the reports of the debug kernel. A report of KASAN disables lockdep. The leak is reported last.
misuses=(lock_order shift use_after_free leak)
declare -A report=(
	[lock_order]='WARNING: possible circular locking dependency detected'
	[shift]='UBSAN: shift-out-of-bounds in .*/misuse\.c'
	[use_after_free]='BUG: KASAN: slab-use-after-free in misuse_use_after_free'
	[leak]='kmemleak: .* misuse_leak'
)

# The minimum of executed lines of the whole module, in percent.
least_coverage=95

# Programs that are useless on this kernel, which is ten times slower: a second build of a test, tests of the benchmark and of Python.
not_debug=(abi_32 bench edu_ioctl_32 layout_32 python)

# The sanitizers need time and memory; all memory must be below 4 GiB, where every device reaches it.
set_debug() {
	mode=debug jobs=(build kernel vm test) memory=2800
	read -r -a kernels <<<"${KERNELS:-debug}"
	export TIMEOUT=${TIMEOUT:-1500} GCOV_PROFILE=y
}

# Makes the module commit all errors.
misuse_kernel() {
	# shellcheck disable=SC2016	# the guest's shell
	scripts/vm -k "$debug_kernel" --no-module --log "$work/kernel-log" -- sh -c '
		for what; do
			rmmod misuse 2>/dev/null
			insmod "$0" "what=$what" || exit
		done' "$modules/selftests/modules/misuse/misuse.ko" "${misuses[@]}" >"$work/proof" 2>&1 </dev/null
}

reported() {
	grep -qE "${report[$1]}" "$work/kernel-log" || {
		echo "not reported; the kernel's log ends with"
		tail -n 20 "$work/kernel-log"
		return 1
	}
}

# Runs first on the debug kernel.
prove_sanitizers() {
	local what status=0

	misuse_kernel || status=$?
	! died_of_emulation "$work/kernel-log" || misuse_kernel || status=$?
	if [ $status -ne 125 ]; then
		sed 's/^/# /' "$work/proof"
		echo "not ok - debug: scripts/vm sees complaints (it exits with $status instead of 125)" | tee -a "$work/results"
		return
	fi
	for what in "${misuses[@]}"; do
		step "debug: the kernel reports ${what//_/ }" reported "$what"
	done
}

# In the guest: runs the tests, then writes the module's counters to the second disk. (tar cannot read files of debugfs.)
# shellcheck disable=SC2016	# the guest's shell
counting_suite='
	counters=$0
	selftests/run "$@"
	status=$?
	mkdir /tmp/counters
	cp /sys/kernel/debug/gcov"$counters"/*.gcda /tmp/counters
	tar -cf /dev/vdb -C /tmp/counters .
	exit $status'

# Adds up the counters of the machines in build/coverage. Needs gcov of the gcc that builds the debug kernel.
gather_counters() {
	local disk dir=$iobmd_top/build/coverage

	rm -rf "$dir"
	mkdir -p "$dir"
	for disk in "$work"/disk-*; do
		mkdir "$work/counters"
		tar -xf "$disk" -C "$work/counters" || return
		[ -d "$work/sum" ] || cp -r "$work/counters" "$work/sum"
		[ "$disk" = "$work"/disk-1 ] || gcov-tool merge -o "$work/sum" "$work/sum" "$work/counters" || return
		rm -r "$work/counters"
	done
	cp "$modules"/module/*.gcno "$work/sum" || return
	(cd "$dir" && gcov -r -s "$iobmd_top/$modules" -o "$work/sum" "$work"/sum/*.gcda)
}

# Each file with its executed lines, all its lines, and those that were not executed.
list_coverage() {
	local file

	for file in build/coverage/*.c.gcov; do
		awk -F: -v name="$(basename "$file" .gcov)" '
			$1 ~ /-$/ { next }
			{ lines++ }
			$1 ~ /[#=]$/ { missed++; list = list " " $2 + 0 }
			END { if (lines) print name, lines - missed, lines, list }' "$file"
	done
}

check_coverage() {
	quietly gather_counters || return
	list_coverage >"$work/coverage"
	awk -v least=$least_coverage '
		{ executed += $2; lines += $3 }
		END {
			if (!lines || 100 * executed / lines < least)
				printf "%d of %d lines were executed, less than %d %%\n", executed, lines, least
		}' "$work/coverage"
	awk '{
		printf "# coverage: %5.1f %% of %3d lines of module/%s", 100 * $2 / $3, $3, $1
		if (NF > 3) printf ", not:"
		for (i = 4; i <= NF; i++) printf " %s", $i
		print ""
	}' "$work/coverage" >"$work/coverage.report"
}

# Checks one kernel.
check_debug() {
	local debug_kernel=${kernels[0]}

	modules=build/$(cat "$(scripts/kernel "$debug_kernel")/release")
	prove_sanitizers
	good_so_far || return 0
	suites=("$debug_kernel-1of2" "$debug_kernel-2of2")
	run_suites "$@"
	[ $# -eq 0 ] || return 0
	step "debug: the tests executed at least $least_coverage % of the module" check_coverage
	cat "$work/coverage.report"
}
