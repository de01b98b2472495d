// SPDX-License-Identifier: GPL-2.0
/* Trials, and how many of them. */

#include "iobmd_memory.h"

#include <stdlib.h>
#include <time.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "bench.h"

#define NANOSECONDS	1000000000ull

/* What leaves the buffer as it was is run so often in a trial. */
#define RUNS_AT_ONCE	5
#define COUNT_LEAST	3
/* What is cheap gets more runs than were asked for. */
#define CHEAP_NS	(NANOSECONDS / 50)
#define LARGE		(16 * MIB)

/**
 * struct lane - what one peer does in a group
 * @peer: The peer.
 * @cells: Of its operations, in order.
 * @count: How many.
 * @size: In bytes.
 * @budget: Nanoseconds; when they are spent few samples have to do, and then one.
 * @spent: Nanoseconds.
 * @buffer: The buffer of the trial.
 * @state: Its state.
 */
struct lane {
	const struct peer *peer;
	struct cell *cells[OPERATIONS_MAX];
	unsigned int count;
	uint64_t size;
	uint64_t budget;
	uint64_t spent;
	struct buffer buffer;
	enum state state;
};

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

/* The minimum time between two readings of the clock is overhead. */
void clock_calibrate(void)
{
	clock_overhead = UINT64_MAX;
	for (int i = 0; i < 1000; i++) {
		uint64_t before = clock_now(), passed = clock_now() - before;

		if (passed < clock_overhead)
			clock_overhead = passed;
	}
}

/* The buffer's state */

static bool peer_can(const struct peer *peer, const struct operation *operation)
{
	if (peer->ready && !operation->takes)
		return false;
	switch (operation->asks) {
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

static int lane_raise(struct lane *lane)
{
	switch (lane->state) {
	case NOTHING:
		return buffer_create(&lane->buffer, lane->peer, lane->size);
	case CREATED:
		return buffer_map(&lane->buffer);
	default:
		pages_write(lane->buffer.map, 0, lane->buffer.size);
		return 0;
	}
}

static int lane_bring(struct lane *lane, enum state state)
{
	while (lane->state < state) {
		int err = lane_raise(lane);

		if (err)
			return err;
		lane->state++;
	}
	return 0;
}

static void lane_end(struct lane *lane)
{
	buffer_unmap(&lane->buffer);
	buffer_destroy(&lane->buffer);
	lane->state = NOTHING;
}

/* One operation in a trial */

static int timed_run(const struct operation *operation, struct trial *trial, double *sample)
{
	uint64_t start, passed;
	int err;

	trial->calls = 1;
	start = clock_now();
	err = operation->run(trial);
	passed = clock_now() - start;
	passed -= passed < clock_overhead ? passed : clock_overhead;
	*sample = (double)passed / trial->calls;
	return err;
}

/* How many samples are wanted, with the time that is left */
static unsigned int lane_wanted(const struct lane *lane)
{
	if (options.fixed || lane->spent < lane->budget)
		return options.repetitions;
	return lane->spent < 2 * lane->budget ? COUNT_LEAST : 1;
}

static bool cell_wants_more(const struct cell *cell, unsigned int wanted)
{
	if (cell->error || cell->failure || cell->count == SAMPLES_MAX)
		return false;
	if (cell->count < wanted)
		return true;
	return !options.fixed && wanted == options.repetitions && cell->spent < CHEAP_NS;
}

static int cell_sample(struct cell *cell, struct trial *trial, unsigned int wanted)
{
	unsigned int runs = cell->operation->again ? RUNS_AT_ONCE : 1;

	for (unsigned int i = 0; i < runs && cell_wants_more(cell, wanted); i++) {
		double sample;
		int err = timed_run(trial->operation, trial, &sample);

		if (err)
			return err;
		cell->samples[cell->count++] = sample;
		cell->spent += sample * trial->calls;
	}
	return 0;
}

/*
 * The first run is for the data, and all is for the first time in it. Only where it
 * takes so long that this is of no account it is a sample too; large buffers are not
 * looked at then, as smaller ones have been.
 */
static int cell_check(struct cell *cell, struct trial *trial)
{
	bool large = options.measure && !options.size && cell->size > LARGE;
	double sample;
	int err = timed_run(trial->operation, trial, &sample);

	if (err)
		return err;
	if (large || cell->operation->slow)
		cell->samples[cell->count++] = sample;
	if (!large && trial->operation->check)
		trial->operation->check(trial);
	if (trial->operation->noted) {
		cell->noted = trial->note;
		cell->has_note = true;
	}
	cell->bytes = peer_round(cell->peer, cell->size);
	cell->failure = trial->failure;
	return 0;
}

static int cell_work(struct cell *cell, struct trial *trial, bool check,
		     unsigned int wanted)
{
	int err = trial->peer->ready ? trial->peer->ready(trial->size) : 0;

	if (!err && trial->operation->prepare)
		err = trial->operation->prepare(trial);
	if (err)
		return err;
	return check ? cell_check(cell, trial) : cell_sample(cell, trial, wanted);
}

/* Memory that a peer has mapped, but has not, is a result like any other. */
static void lane_operate(struct lane *lane, struct cell *cell, bool check)
{
	const struct operation *operation = cell->operation;
	struct trial trial = {
		.operation = lane->peer->floor ? operation->floor : operation,
		.peer = lane->peer,
		.size = lane->size,
		.buffer = &lane->buffer,
	};

	if (sigsetjmp(fault_env, 0)) {
		cell->error = SIGNALLED;
	} else {
		fault_expected = 1;
		cell->error = lane_bring(lane, trial.operation->needs);
		if (!cell->error)
			cell->error = cell_work(cell, &trial, check, lane_wanted(lane));
	}
	fault_expected = 0;
	if (trial.operation->finish)
		trial.operation->finish(&trial);
	if (trial.peer->rest)
		trial.peer->rest();
	if (!cell->error)
		lane->state = trial.operation->leaves;
	else if (lane->state == NOTHING)
		lane_end(lane);
}

/* A trial: all operations of the group on one buffer */
static void lane_trial(struct lane *lane, bool check)
{
	uint64_t start = clock_now();

	for (unsigned int i = 0; i < lane->count; i++) {
		struct cell *cell = lane->cells[i];

		if (!peer_can(lane->peer, cell->operation))
			cell->error = NO_SUCH_THING;
		if (!cell->error && (check || cell_wants_more(cell, lane_wanted(lane))))
			lane_operate(lane, cell, check);
	}
	lane_end(lane);
	lane->spent += clock_now() - start;
}

static bool lane_wants_more(const struct lane *lane)
{
	for (unsigned int i = 0; i < lane->count; i++) {
		if (cell_wants_more(lane->cells[i], lane_wanted(lane)))
			return true;
	}
	return false;
}

/* Groups: all peers at the same operations and size */

static uint64_t random_next(void)
{
	options.seed = options.seed * 6364136223846793005ull + 1442695040888963407ull;
	return options.seed >> 33;
}

static void shuffle(struct lane **lanes, unsigned int count)
{
	for (unsigned int i = count; i > 1; i--) {
		unsigned int other = random_next() % i;
		struct lane *lane = lanes[i - 1];

		lanes[i - 1] = lanes[other];
		lanes[other] = lane;
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void lane_sort(struct lane *lane)
{
	for (unsigned int i = 0; i < lane->count; i++)
		qsort(lane->cells[i]->samples, lane->cells[i]->count, sizeof(double), compare);
}

static void lanes_measure(struct lane **lanes, unsigned int count)
{
	bool more = true;

	while (more) {
		more = false;
		shuffle(lanes, count);
		for (unsigned int i = 0; i < count; i++) {
			if (!lane_wants_more(lanes[i]))
				continue;
			lane_trial(lanes[i], false);
			more = true;
		}
	}
}

static void lane_start(struct lane *lane, struct cell **rows, unsigned int nr_rows,
		       unsigned int column, uint64_t budget)
{
	*lane = (struct lane){
		.peer = rows[0][column].peer,
		.size = rows[0][column].size,
		.budget = budget,
		.count = nr_rows,
	};
	for (unsigned int i = 0; i < nr_rows; i++)
		lane->cells[i] = &rows[i][column];
}

void group_run(struct cell **rows, unsigned int nr_rows, unsigned int nr_columns,
	       uint64_t budget)
{
	struct lane lanes[PEERS_MAX], *order[PEERS_MAX];

	for (unsigned int i = 0; i < nr_columns; i++) {
		order[i] = &lanes[i];
		lane_start(&lanes[i], rows, nr_rows, i, budget / nr_columns);
		lane_trial(&lanes[i], true);
	}
	if (options.measure)
		lanes_measure(order, nr_columns);
	for (unsigned int i = 0; i < nr_columns; i++)
		lane_sort(&lanes[i]);
}
