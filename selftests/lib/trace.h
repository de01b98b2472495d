/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's trace, in an instance of its own: what others trace is left alone. */
#ifndef IOBMD_TEST_TRACE_H
#define IOBMD_TEST_TRACE_H

#include "machine.h"

#define TRACE	"/sys/kernel/tracing/instances/iobmd_test"

static inline int trace_begin(void)
{
	rmdir(TRACE);
	return mkdir(TRACE, 0700);
}

static inline int trace_end(void)
{
	return rmdir(TRACE);
}

/* In how many lines of the trace there is @text. */
static inline int traced_lines(const char *text)
{
	char line[1024];
	FILE *trace = fopen(TRACE "/trace", "re");
	int count = 0;

	while (trace && fgets(line, sizeof(line), trace))
		count += !!strstr(line, text);
	if (trace)
		fclose(trace);
	return count;
}

#endif /* IOBMD_TEST_TRACE_H */
