/* SPDX-License-Identifier: GPL-2.0 */
/* Making allocations, and copies from and to user memory, of this thread fail. */
#ifndef IOBMD_TEST_INJECT_H
#define IOBMD_TEST_INJECT_H

#include "machine.h"
#include "modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUG		"/sys/kernel/debug"
#define SLABS		DEBUG "/failslab"
#define PAGES		DEBUG "/fail_page_alloc"

/* More than the longest call has; a call that does not end with that is stuck. */
#define MOST_POINTS	20000

/* Anything may fail, and none of it is worth a word in the log. */
static inline int inject_prepare(void)
{
	int err = 0;

	err |= file_write(SLABS "/ignore-gfp-wait", "N");
	err |= file_write(PAGES "/ignore-gfp-wait", "N");
	err |= file_write(PAGES "/ignore-gfp-highmem", "N");
	err |= file_write(PAGES "/min-order", "0");
	err |= file_write(SLABS "/verbose", "0");
	err |= file_write(PAGES "/verbose", "0");
	err |= file_write(SLABS "/task-filter", "Y");
	err |= file_write(PAGES "/task-filter", "Y");
	err |= file_write(DEBUG "/fail_usercopy/verbose", "0");
	return err;
}

/* From now on the @nth point of this thread fails. */
static inline bool inject(int fail_nth, unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(fail_nth, text, length, 0) == length;
}

/*
 * Ends that, and tells how many points are left to go, or -1. To ask is to copy from
 * and to user memory: the answer fails if it is the point itself.
 */
static inline int inject_end(int fail_nth)
{
	char text[16] = "";
	bool told = pread(fail_nth, text, sizeof(text) - 1, 0) > 0;

	AWAIT(inject(fail_nth, 0));
	return told ? atoi(text) : -1;
}

/* One word for all cases: Debian's kernels have nothing of it. */
static __attribute__((constructor)) void skip_without(void)
{
	if (exists(FAIL_NTH))
		return;
	printf("TAP version 13\n1..0 # SKIP this kernel has no fault injection\n");
	exit(KSFT_SKIP);
}

#endif /* IOBMD_TEST_INJECT_H */
