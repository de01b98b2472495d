# SPDX-License-Identifier: LGPL-2.1-or-later
# Completes the command iobmd in bash.
# shellcheck shell=bash

_iobmd_options() {
	local view='--read-only --window --hold'
	local creation="--capacity --name --huge --node --alignment $view"

	case $1 in
	list) echo --bytes --json ;;
	top) echo --interval --count --bytes ;;
	info | doctor) echo --json ;;
	create) echo "$creation" ;;
	load) echo --to "$creation" ;;
	dump) echo --from ;;
	send) echo --from --count "$view" ;;
	receive) echo --wait ;;
	esac
	echo --help
}

# PID:FD of the descriptors that this user may see; bash splits words at the colon
_iobmd_descriptors() {
	local link target

	for link in /proc/[0-9]*/fd/*; do
		target=$(readlink "$link") 2>/dev/null
		[[ $target == /dev/iobmd:* && $link =~ ^/proc/([0-9]+)/fd/([0-9]+)$ ]] &&
			echo "${BASH_REMATCH[1]}:${BASH_REMATCH[2]}"
	done
}

_iobmd_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_iobmd() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]-} i

	if ((COMP_CWORD == 1)); then
		_iobmd_words "list top info create load dump send receive doctor bench --help --version" "$current"
		return
	fi
	# After -- comes another command: complete its first word.
	for ((i = 2; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] || continue
		if ((i == COMP_CWORD - 1)); then
			mapfile -t COMPREPLY < <(compgen -c -- "$current")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
		fi
		return
	done
	case $previous in
	# bash treats a colon as a word of its own, and what follows it is unknown here.
	:) ;;
	--huge) _iobmd_words "prefer none require" "$current" ;;
	--from | --to) _iobmd_words "$(_iobmd_descriptors)" "$current" ;;
	--capacity | --name | --node | --alignment | --window | --count | --interval | --wait) ;;
	*)
		if [[ $current == -* ]]; then
			_iobmd_words "$(_iobmd_options "$command") --" "$current"
		elif [[ $command == info ]]; then
			_iobmd_words "$(_iobmd_descriptors)" "$current"
		elif [[ $command =~ ^(load|dump|send|receive)$ ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
		fi
		;;
	esac
}

complete -o filenames -F _iobmd iobmd
