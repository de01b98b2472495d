// SPDX-License-Identifier: GPL-2.0
/* Operations: many buffers at a time, and many threads that create them. */

#include "machine.h"

#include <pthread.h>
#include <sys/resource.h>

#include "bench.h"

#define MANY		10000
#define MANY_SHORT	100

/* many: as each has its page, the memory of all can be compared. */

struct crowd {
	uint64_t free_before;
	unsigned int count;
	struct buffer buffers[];
};

static unsigned int crowd_size(void)
{
	return options.measure ? MANY : MANY_SHORT;
}

static int crowd_prepare(struct trial *trial)
{
	struct rlimit limit = { 2 * MANY + 100, 2 * MANY + 100 };
	struct crowd *crowd = calloc(1, sizeof(*crowd) + crowd_size() * sizeof(struct buffer));

	if (!crowd)
		return -ENOMEM;
	memset(crowd->buffers, 0, crowd_size() * sizeof(struct buffer));
	trial->data = crowd;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	slabs_shrink();
	crowd->free_before = memory_free();
	return 0;
}

static int crowd_run(struct trial *trial)
{
	struct crowd *crowd = trial->data;

	trial->calls = crowd_size();
	while (crowd->count < trial->calls) {
		struct buffer *buffer = &crowd->buffers[crowd->count];
		int err = buffer_create(buffer, trial->peer, trial->size);

		if (err)
			return err;
		crowd->count++;
		err = buffer_map(buffer);
		if (err)
			return err;
		pages_write(buffer->map, 0, trial->size);
		buffer_unmap(buffer);
	}
	return 0;
}

/* What the machine has less, but for the data */
static void crowd_check(struct trial *trial)
{
	struct crowd *crowd = trial->data;
	uint64_t data = crowd->count * crowd->buffers[0].size, gone;
	struct buffer *last = &crowd->buffers[crowd->count - 1];

	gone = crowd->free_before - memory_free();
	trial->note = gone > data ? (gone - data) / crowd->count : 0;
	if (!buffer_map(last))
		check_stamps(trial, last->map, trial->size);
	buffer_unmap(last);
}

static void crowd_finish(struct trial *trial)
{
	struct crowd *crowd = trial->data;

	for (unsigned int i = 0; crowd && i < crowd->count; i++)
		buffer_destroy(&crowd->buffers[i]);
	free(crowd);
}

const struct operation op_many = {
	.name = "many",
	.what = "create, map, write, unmap: 10 000 of them alive in the end; time for each",
	.most = 4 * KIB,
	.slow = true,
	.noted = "bytes of kernel memory each",
	.prepare = crowd_prepare,
	.run = crowd_run,
	.check = crowd_check,
	.finish = crowd_finish,
};

/* threads: each does the same work, so that the time of one buffer may go down */

#define THREADS_MOST	4
#define CYCLES_MOST	16
#define CYCLE_BYTES	(16 * MIB)

struct team {
	struct trial *trial;
	pthread_barrier_t barrier;
	unsigned int members;
	unsigned int cycles;
	pthread_t threads[THREADS_MOST];
	int errors[THREADS_MOST];
};

struct member {
	struct team *team;
	int *error;
};

static int member_use(struct buffer *buffer, uint64_t size)
{
	int err = buffer_map(buffer);

	if (err)
		return err;
	if (sigsetjmp(fault_env, 0))
		return SIGNALLED;
	fault_expected = 1;
	pages_write(buffer->map, 0, size);
	fault_expected = 0;
	return 0;
}

static int member_cycle(struct trial *trial)
{
	struct buffer buffer;
	int err = buffer_create(&buffer, trial->peer, trial->size);

	if (err)
		return err;
	err = member_use(&buffer, trial->size);
	buffer_unmap(&buffer);
	buffer_destroy(&buffer);
	return err;
}

static void *member_run(void *arg)
{
	struct member *member = arg;
	struct team *team = member->team;

	pthread_barrier_wait(&team->barrier);
	for (unsigned int i = 0; i < team->cycles && !*member->error; i++)
		*member->error = member_cycle(team->trial);
	pthread_barrier_wait(&team->barrier);
	free(member);
	return NULL;
}

static int team_prepare(struct trial *trial)
{
	struct team *team = calloc(1, sizeof(*team));
	uint64_t cycles = CYCLE_BYTES / trial->size;

	if (!team)
		return -ENOMEM;
	trial->data = team;
	team->trial = trial;
	team->cycles = cycles < CYCLES_MOST ? cycles : CYCLES_MOST;
	pthread_barrier_init(&team->barrier, NULL, trial->operation->argument + 1);
	while (team->members < trial->operation->argument) {
		struct member *member = calloc(1, sizeof(*member));

		*member = (struct member){ team, &team->errors[team->members] };
		/* The others wait for all. */
		if (pthread_create(&team->threads[team->members], NULL, member_run, member))
			abort();
		team->members++;
	}
	return 0;
}

static int team_run(struct trial *trial)
{
	struct team *team = trial->data;
	int err = 0;

	pthread_barrier_wait(&team->barrier);
	pthread_barrier_wait(&team->barrier);
	trial->calls = team->cycles * team->members;
	for (unsigned int i = 0; i < team->members; i++)
		err = err ?: team->errors[i];
	return err;
}

static void team_finish(struct trial *trial)
{
	struct team *team = trial->data;

	for (unsigned int i = 0; team && i < team->members; i++)
		pthread_join(team->threads[i], NULL);
	free(team);
}

#define TEAM(threads) {							\
	.name = "threads-" #threads,					\
	.what = "create, map, write, unmap, close; " #threads " threads at once, time for each", \
	.most = 2 * MIB,						\
	.argument = threads,						\
	.prepare = team_prepare,					\
	.run = team_run,						\
	.finish = team_finish,						\
}

const struct operation op_threads_1 = TEAM(1), op_threads_2 = TEAM(2), op_threads_4 = TEAM(4);
