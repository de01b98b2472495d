/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's trace, in a separate instance, so that other tracing is not disturbed. */
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

/* The number of lines of the trace that contain @text. */
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
