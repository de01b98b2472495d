# SPDX-License-Identifier: GPL-2.0
# The checks of the manual pages by scripts/check: markup, examples, completeness. Sourced, never run.
# shellcheck shell=bash disable=SC2154

# All pages except those that only refer to another.
man_pages() {
	[ -d "$work/man" ] || scripts/man "$work/man" || return
	find "$work/man" -type f -exec grep -L '^\.so ' {} + | sort
}

# groff warns of what it cannot display; the output itself does not matter.
check_man_tools() {
	local page pages

	pages=$(man_pages) || return
	while read -r page; do
		mandoc -Tlint -W warning "$page" || true
		LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null | sed "s|^|$page: |"
	done <<<"$pages" | sed "s|$work/man/||"
}

# Writes the example programs of a page, as displayed, to one file each.
man_programs() {
	awk -v prefix="$2" '
		/^\.\\" program$/ { is_program = 1; next }
		/^\.Ed/ { shown = "" }
		shown != "" { print >shown }
		/^\.Bd/ && is_program { shown = prefix "." ++count ".c" }
		{ is_program = 0 }' "$1"
}

check_man_programs() {
	local page pages program

	pages=$(man_pages) || return
	mkdir -p "$work/man-programs"
	while read -r page; do
		man_programs "$page" "$work/man-programs/${page##*/}"
	done <<<"$pages"
	for program in "$work"/man-programs/*.c; do
		sed -i 's/^\\&//; s/\\e/\\/g' "$program"
		gcc -std=gnu99 -Wall -Wextra -Werror -fsyntax-only -Iuserlib/include -Iuapi "$program" || true
	done
}

# Each name read must be a line of PAGE, after PREFIX. If no names are read, the check looks in the wrong place.
expect_lines() {
	local what=$1 page=$2 prefix=$3 name found=''

	while read -r name; do
		found=yes
		grep -qxF -- "$prefix$name" "$work/man/$page" || echo "$page does not tell of $what $name"
	done
	[ -n "$found" ] || echo "$what: none found"
}

# Each name read must have a page in SECTION.
expect_pages() {
	local what=$1 section=$2 name found=''

	while read -r name; do
		found=yes
		[ -e "$work/man/man$section/$name.$section" ] || echo "no page for $what $name"
	done
	[ -n "$found" ] || echo "$what: none found"
}

check_man_library() {
	local macro

	sed -n 's/^\t\(iobmd_[a-z_]*\);$/\1/p' userlib/libiobmd.map | expect_pages "function" 3
	sed -n 's/^struct \(iobmd_[a-z_]*\)[ ;{]*$/\1/p' userlib/include/iobmd.h | expect_pages "struct" 3
	sed -n 's/^#define \(IOBMD_[A-Z_]*\)[ \t(].*/\1/p' userlib/include/iobmd.h | while read -r macro; do
		grep -qxF ".Ss $macro" "$work"/man/man3/*.3 || echo "no page tells of $macro"
	done
	sed -n '/^static/d; s/^[a-z].*[ *]\(iobmd_[a-z_]*\)(.*/\1/p' module/include/linux/iobmd.h | expect_pages "function" 9
}

check_man_uapi() {
	sed -n 's/^#define \(IOBMD_IOC_[A-Z_]*\)\t*_IO.*/\1/p' uapi/linux/iobmd.h | sort -u | expect_lines "ioctl" man4/iobmd.4 ".Ss "
	grep -E '^(enum|struct) iobmd_[a-z_]* \{$' uapi/linux/iobmd.h | expect_lines "type" man4/iobmd.4 ""
	sed -n '/^\.Sh COMMANDS/,/^\.Sh AS A FILE/p' "$work/man/man4/iobmd.4" | grep -oE 'Er E[A-Z0-9]+' | sort -u |
		expect_lines "errno" man4/iobmd.4 ".It "
}

check_man_module() {
	sed -n 's/^module_param[a-z_]*(\([a-z_]*\),.*/\1/p' module/*.c | expect_lines "parameter" man4/iobmd.4 ".It Cm "
	sed -n '/debugfs_create_dir/d; s/.*debugfs_create_[a-z0-9_]*("\([^"]*\)".*/\1/p' module/*.c |
		expect_lines "debugfs file" man4/iobmd.4 ".It Pa /sys/kernel/debug/iobmd/"
	sed -n 's/^\(TRACE\|DEFINE\)_EVENT(\(iobmd_[a-z_]*\),.*/\2/p' module/trace.h | expect_lines "tracepoint" man4/iobmd.4 ".It Va "
	sed -n '/_show_fdinfo(/,/^}/s/.*m, "\([a-z_-]*\):\\t.*/\1/p' module/*.c | expect_lines "fdinfo" man4/iobmd.4 ".It Va "
	sed -n 's/^\t\[IOBMD_RESERVE_.*= "\([a-z_]*\)",$/\1/p' module/*.c | expect_lines "the number" man4/iobmd.4 ".It Va "
}

check_man_complete() {
	man_pages >/dev/null && check_man_library && check_man_uapi && check_man_module
}
