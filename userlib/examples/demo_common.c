// SPDX-License-Identifier: 0BSD
/* Errors, clocks and ordinary memory for the demo. */
#include "demo.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

static uint64_t demo_calls;

void demo_fail(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fputs("FAILED: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void demo_check(int condition, const char *what)
{
	if (!condition)
		demo_fail("this is not so: %s", what);
}

int demo_iobmd(int result, const char *what)
{
	if (result < 0)
		demo_fail("%s: %s", what, strerror(-result));
	return result;
}

int demo_system(int result, const char *what)
{
	if (result < 0)
		demo_fail("%s: %s", what, strerror(errno));
	return result;
}

/* For calls that transfer bytes of the file: 0 is an error too. */
size_t demo_moved(ssize_t result, const char *what)
{
	demo_calls++;
	if (result < 0)
		demo_fail("%s: %s", what, strerror(errno));
	if (result == 0)
		demo_fail("%s: the data ended too early", what);
	return result;
}

static uint64_t demo_clock(clockid_t clock)
{
	struct timespec time;

	demo_system(clock_gettime(clock, &time), "clock_gettime");
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

uint64_t demo_now(void)
{
	return demo_clock(CLOCK_MONOTONIC);
}

void demo_usage_get(struct demo_usage *usage)
{
	struct rusage kernel;

	demo_system(getrusage(RUSAGE_SELF, &kernel), "getrusage");
	usage->faults = kernel.ru_minflt + kernel.ru_majflt;
	usage->calls = demo_calls;
	usage->cpu = demo_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void demo_usage_subtract(struct demo_usage *usage, const struct demo_usage *earlier)
{
	usage->cpu -= earlier->cpu;
	usage->faults -= earlier->faults;
	usage->calls -= earlier->calls;
}

/* Like malloc() of this size, but always with new memory. */
void *demo_memory_map(uint64_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		demo_fail("no memory for %" PRIu64 " bytes: %s", size, strerror(errno));
	return memory;
}

void demo_memory_unmap(void *memory, uint64_t size)
{
	demo_system(munmap(memory, size), "munmap");
}
