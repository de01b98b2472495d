// SPDX-License-Identifier: 0BSD
/* Both ways side by side, each measured several times. */
#include "demo.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MANY_RUNS	7
#define FEW_RUNS	3

/* For files from this size on, hashing takes long enough for few runs. */
#define LARGE		(16 * 1024 * 1024)

typedef void (*way)(const struct demo *demo, struct demo_run *run);

static const char *const steps[] = {
	"  from the disk to the producer", "  from the producer to the pipe",
	"  from the pipe to the consumer", "  from the consumer to the hash",
};

/*
 * How often the way with a pipe copies the file in each step. read() copies from the
 * page cache, and a pipe copies in and out; but AF_ALG hashes the pages passed to
 * send() in place.
 */
static const int pipe_copies[] = { 1, 1, 1, 0 };

#define STEPS	(sizeof(steps) / sizeof(steps[0]))

static int compare_numbers(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static int nr_runs(const struct demo *demo)
{
	return demo->size < LARGE ? MANY_RUNS : FEW_RUNS;
}

/* The median of each metric. */
static void measure(const struct demo *demo, way take, uint64_t *median)
{
	int metric, i, runs = nr_runs(demo);
	uint64_t values[DEMO_METRICS][MANY_RUNS];
	struct demo_run run;

	for (i = 0; i < runs; i++) {
		take(demo, &run);
		demo_check(!strcmp(run.answer.digest, demo->digest),
			   "every run finds the right digest");
		for (metric = 0; metric < DEMO_METRICS; metric++)
			values[metric][i] = run.value[metric];
		demo_run_end(demo, &run);
	}
	for (metric = 0; metric < DEMO_METRICS; metric++) {
		qsort(values[metric], runs, sizeof(uint64_t), compare_numbers);
		median[metric] = values[metric][runs / 2];
	}
}

static void print_count(const char *what, uint64_t iobmd, uint64_t pipe)
{
	printf("   %-42s %12" PRIu64 " %12" PRIu64 "\n", what, iobmd, pipe);
}

static void print_copies(uint64_t size)
{
	uint64_t all = 0;
	size_t i;

	printf("   bytes that a processor copied (steps 2, 4, 5 and 7 show why)\n");
	for (i = 0; i < STEPS; i++) {
		print_count(steps[i], 0, pipe_copies[i] * size);
		all += pipe_copies[i] * size;
	}
	print_count("  in all", 0, all);
}

static void print_time(const char *what, uint64_t iobmd, uint64_t pipe)
{
	printf("   %-42s %9.2f ms %9.2f ms %9.1f : 1\n", what, iobmd / 1e6, pipe / 1e6,
	       (double)pipe / iobmd);
}

static void print_table(const struct demo *demo, const uint64_t *iobmd, const uint64_t *pipe)
{
	printf("   %-42s %12s %12s %13s\n", "", "iobmd", "pipe", "pipe : iobmd");
	print_copies(demo->size);
	print_count("bytes of memory that held the file", iobmd[DEMO_MEMORY], pipe[DEMO_MEMORY]);
	print_count("page faults", iobmd[DEMO_FAULTS], pipe[DEMO_FAULTS]);
	print_count("system calls that the file went through", iobmd[DEMO_CALLS], pipe[DEMO_CALLS]);
	print_time("until the consumer has the file", iobmd[DEMO_ARRIVED], pipe[DEMO_ARRIVED]);
	print_time("  processor time", iobmd[DEMO_ARRIVED_CPU], pipe[DEMO_ARRIVED_CPU]);
	print_time("until it has the digest, too", iobmd[DEMO_FINISHED], pipe[DEMO_FINISHED]);
	print_time("  processor time", iobmd[DEMO_FINISHED_CPU], pipe[DEMO_FINISHED_CPU]);
}

void demo_compare(const struct demo *demo)
{
	uint64_t iobmd[DEMO_METRICS], pipe[DEMO_METRICS];

	printf("8. Both ways again, %d times each, every time with new memory and nothing of the disk in\n"
	       "   the page cache. Shown are the medians, of both processes together.\n",
	       nr_runs(demo));
	measure(demo, demo_run_buffer, iobmd);
	measure(demo, demo_run_pipe, pipe);
	print_table(demo, iobmd, pipe);
	printf("   This is a virtual machine, and an emulated one where the host has no KVM: of the\n"
	       "   times only the ratios say something.\n");
}
