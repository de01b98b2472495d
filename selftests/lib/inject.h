/* SPDX-License-Identifier: GPL-2.0 */
/* Fault injection into allocations, and copies from and to user memory, of this thread. */
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

/* More than the longest call has; a call that reaches this is stuck. */
#define MOST_POINTS	20000

/* Any allocation may fail, and failures are not logged. */
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

/* Makes the @nth point of this thread from now on fail. */
static inline bool inject(int fail_nth, unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(fail_nth, text, length, 0) == length;
}

/*
 * Stops the injection, and returns how many points were left, or -1. The query copies
 * from and to user memory itself, so it fails if it is the point to fail.
 */
static inline int inject_end(int fail_nth)
{
	char text[16] = "";
	bool told = pread(fail_nth, text, sizeof(text) - 1, 0) > 0;

	AWAIT(inject(fail_nth, 0));
	return told ? atoi(text) : -1;
}

/* Skips all cases at once: Debian's kernels lack fault injection. */
static __attribute__((constructor)) void skip_without(void)
{
	if (exists(FAIL_NTH))
		return;
	printf("TAP version 13\n1..0 # SKIP this kernel has no fault injection\n");
	exit(KSFT_SKIP);
}

#endif /* IOBMD_TEST_INJECT_H */
