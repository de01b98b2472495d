// SPDX-License-Identifier: GPL-2.0
/* Trials, and how many of them. */

#include "../iobmd_memory.h"

#include <stdlib.h>
#include <time.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "bench.h"

#define NANOSECONDS	1000000000ull

/* A trial of what can be repeated has up to so many samples. */
#define SAMPLES_AT_ONCE	5
#define COUNT_LEAST	3
/* What is cheap gets more trials than were asked for. */
#define CHEAP_NS	(NANOSECONDS / 50)

static uint64_t clock_overhead;

uint64_t clock_now(void)
{
	struct timespec now;

#ifdef __x86_64__
	if (options.ticks)
		return __rdtsc();
#endif
	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * NANOSECONDS + now.tv_nsec;
}

/* The least time between two looks at the clock is nobody's work. */
void clock_calibrate(void)
{
	clock_overhead = UINT64_MAX;
	for (int i = 0; i < 1000; i++) {
		uint64_t before = clock_now(), passed = clock_now() - before;

		if (passed < clock_overhead)
			clock_overhead = passed;
	}
}

/* A trial */

static bool peer_can(const struct peer *peer, enum ability asks)
{
	switch (asks) {
	case RESIZE:
		return peer->resize || peer->floor;
	case EXPORT:
		return peer->export || peer->floor;
	case IOBMD_ONLY:
		return peer->ours || peer->floor;
	default:
		return true;
	}
}

static int trial_prepare(struct trial *trial)
{
	const struct operation *operation = trial->operation;
	uint64_t size = peer_round(trial->peer, trial->size);
	int err = 0;

	if (!peer_can(trial->peer, operation->asks))
		return NO_SUCH_THING;
	if (operation->needs >= CREATED)
		err = buffer_create(&trial->buffer, trial->peer,
				    operation->times ? size * operation->times : size);
	if (!err && operation->needs >= MAPPED)
		err = buffer_map(&trial->buffer);
	if (!err && operation->needs >= TOUCHED)
		pages_write(trial->buffer.map, 0, trial->buffer.size);
	if (!err && operation->prepare)
		err = operation->prepare(trial);
	return err;
}

static void trial_finish(struct trial *trial)
{
	if (trial->operation->finish)
		trial->operation->finish(trial);
	buffer_unmap(&trial->buffer);
	buffer_destroy(&trial->buffer);
}

static int trial_run(struct trial *trial, double *sample)
{
	uint64_t start, passed;
	int err;

	trial->calls = 1;
	start = clock_now();
	err = trial->operation->run(trial);
	passed = clock_now() - start;
	passed -= passed < clock_overhead ? passed : clock_overhead;
	*sample = (double)passed / trial->calls;
	return err;
}

/* The results of a cell */

static bool cell_wants_more(const struct cell *cell, uint64_t budget)
{
	if (cell->error || cell->failure || cell->count == SAMPLES_MAX)
		return false;
	if (options.fixed)
		return cell->count < options.repetitions;
	if (cell->count < COUNT_LEAST)
		return true;
	if (cell->count < options.repetitions)
		return cell->spent < budget;
	return cell->spent < CHEAP_NS;
}

static void cell_add(struct cell *cell, struct trial *trial, uint64_t budget)
{
	unsigned int least = trial->operation->again ? SAMPLES_AT_ONCE : 1;

	for (unsigned int i = 0; i < least && cell_wants_more(cell, budget); i++) {
		double sample;

		cell->error = trial_run(trial, &sample);
		if (cell->error)
			return;
		cell->samples[cell->count++] = sample;
	}
}

/* In the first trial of a cell all is for the first time, which is not what is to be measured: it is for the data. */
static void cell_check(struct cell *cell, struct trial *trial)
{
	double sample;

	cell->error = trial_run(trial, &sample);
	if (cell->error)
		return;
	if (trial->operation->check)
		trial->operation->check(trial);
	if (trial->operation->noted && !trial->peer->floor) {
		cell->noted = trial->note;
		cell->has_note = true;
	}
	cell->bytes = trial->buffer.size;
}

static void trial_do(struct cell *cell, struct trial *trial, bool check, uint64_t budget)
{
	cell->error = trial_prepare(trial);
	if (!cell->error && check)
		cell_check(cell, trial);
	else if (!cell->error)
		cell_add(cell, trial, budget);
}

/* Memory that a peer has mapped, but has not, is a result like any other. */
void cell_trial(struct cell *cell, bool check, uint64_t budget)
{
	const struct operation *operation = cell->operation;
	struct trial trial = { .peer = cell->peer, .size = cell->size };
	uint64_t start = clock_now();

	trial.operation = cell->peer->floor ? operation->floor : operation;
	if (sigsetjmp(fault_env, 0)) {
		cell->error = SIGNALLED;
	} else {
		fault_expected = 1;
		trial_do(cell, &trial, check, budget);
	}
	fault_expected = 0;
	trial_finish(&trial);
	cell->failure = trial.failure;
	cell->spent += clock_now() - start;
}

/* Rows: all peers at one operation and size */

static uint64_t random_next(void)
{
	options.seed = options.seed * 6364136223846793005ull + 1442695040888963407ull;
	return options.seed >> 33;
}

static void shuffle(struct cell **cells, unsigned int count)
{
	for (unsigned int i = count; i > 1; i--) {
		unsigned int other = random_next() % i;
		struct cell *cell = cells[i - 1];

		cells[i - 1] = cells[other];
		cells[other] = cell;
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void row_measure(struct cell *cells, unsigned int count, uint64_t budget)
{
	struct cell *order[PEERS_MAX];
	bool more = true;

	for (unsigned int i = 0; i < count; i++) {
		order[i] = &cells[i];
		cell_trial(&cells[i], true, 0);
	}
	while (more) {
		more = false;
		shuffle(order, count);
		for (unsigned int i = 0; i < count; i++) {
			if (!cell_wants_more(order[i], budget / count))
				continue;
			cell_trial(order[i], false, budget / count);
			more = true;
		}
	}
	for (unsigned int i = 0; i < count; i++)
		qsort(cells[i].samples, cells[i].count, sizeof(double), compare);
}
