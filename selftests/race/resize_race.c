// SPDX-License-Identifier: GPL-2.0
/* RESIZE while others use the buffer: what it says holds once it has returned. */
#include "machine.h"
#include "pin.h"

#include <pthread.h>
#include <sys/mman.h>

#define PROBERS_MAX	8

/*
 * The resizer publishes the end of the memory after RESIZE has returned, and
 * no end at all before it grows. An access that began and ended in one
 * generation met that end. What is below @floor is always there.
 */
struct arena {
	uint64_t generation;
	uint64_t end;		/* UINT64_MAX: may be anywhere */
	uint64_t probes[PROBERS_MAX];
	uint64_t past_end;	/* accesses beyond the end that succeeded */
	uint64_t below_floor;	/* accesses below the floor that did not */
	uint64_t odd_signals;
	uint8_t *map;
	uint64_t from, to;	/* where they probe */
	uint64_t floor;
	bool stop;
};

struct prober {
	struct arena *arena;
	int number;
	pthread_t thread;
	pid_t pid;
};

static void probe_once(struct arena *arena, int number, unsigned int *seed)
{
	uint64_t pages = (arena->to - arena->from) / page_size();
	uint64_t at = arena->from + rand_r(seed) % pages * page_size();
	uint64_t generation = shared_load(&arena->generation);
	uint64_t end = shared_load(&arena->end);
	int sig = faults(arena->map + at, rand_r(seed) & 1);

	if (sig && sig != SIGBUS)
		shared_count(&arena->odd_signals);
	if (sig && at < arena->floor)
		shared_count(&arena->below_floor);
	if (!sig && at >= end && shared_load(&arena->generation) == generation)
		shared_count(&arena->past_end);
	shared_count(&arena->probes[number]);
}

static void *probe(void *argument)
{
	struct prober *prober = argument;
	unsigned int seed = prober->number;

	while (!__atomic_load_n(&prober->arena->stop, __ATOMIC_SEQ_CST))
		probe_once(prober->arena, prober->number, &seed);
	return NULL;
}

static void publish(struct arena *arena, uint64_t end)
{
	/* Readers must not take the new end for that of the old generation, or vice versa. */
	__atomic_store_n(&arena->end, UINT64_MAX, __ATOMIC_SEQ_CST);
	shared_count(&arena->generation);
	__atomic_store_n(&arena->end, end, __ATOMIC_SEQ_CST);
}

/* Every accessor has begun and ended an access since. */
static void await_probes(struct arena *arena, int probers)
{
	for (int i = 0; i < probers; i++) {
		uint64_t seen = shared_load(&arena->probes[i]);

		AWAIT(shared_load(&arena->probes[i]) >= seen + 2);
	}
}

FIXTURE(resize_race)
{
	size_t page;
	uint64_t huge;
	uint64_t size;
	int fd;
	uint8_t *map;
	struct arena *arena;
};

FIXTURE_VARIANT(resize_race)
{
	uint32_t huge;
	int cuts;
};

FIXTURE_VARIANT_ADD(resize_race, small) { .huge = IOBMD_HUGE_NONE, .cuts = 40 };
FIXTURE_VARIANT_ADD(resize_race, huge) { .huge = IOBMD_HUGE_PREFER, .cuts = 150 };

FIXTURE_SETUP(resize_race)
{
	self->page = page_size();
	self->huge = huge_page_size();
	self->size = 2 * self->huge;
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	self->arena = shared_memory(sizeof(*self->arena));
	ASSERT_NE(MAP_FAILED, self->arena);
	self->arena->map = self->map;
	self->arena->end = UINT64_MAX;
	self->arena->to = self->size;
}

FIXTURE_TEARDOWN(resize_race)
{
	munmap(self->map, self->size);
	close(self->fd);
}

/* To a new end in [@from, @to) and back to the full size, again and again. */
static void shrink_and_grow(struct __test_metadata *_metadata,
			    FIXTURE_DATA(resize_race) *self, int probers, int rounds)
{
	uint64_t pages = (self->arena->to - self->arena->floor) / self->page;
	unsigned int seed = 1;

	for (int i = 0; i < rounds; i++) {
		uint64_t end = self->arena->floor + rand_r(&seed) % pages * self->page;

		ASSERT_EQ(0, iobmd_resize(self->fd, end));
		publish(self->arena, end);
		await_probes(self->arena, probers);
		publish(self->arena, UINT64_MAX);
		ASSERT_EQ(0, iobmd_resize(self->fd, self->size));
		ASSERT_EQ(self->size, IOBMD_INFO(self->fd, capacity));
	}
}

#define EXPECT_NO_BREACH(arena) do {					\
	EXPECT_EQ(0, (arena)->past_end);				\
	EXPECT_EQ(0, (arena)->below_floor);				\
	EXPECT_EQ(0, (arena)->odd_signals);				\
} while (0)

TEST_F_TIMEOUT(resize_race, eight_processes_touch_all_of_it, 120)
{
	struct prober probers[PROBERS_MAX];

	self->arena->floor = self->huge / 2;
	for (int i = 0; i < PROBERS_MAX; i++) {
		probers[i] = (struct prober) { .arena = self->arena, .number = i };
		IN_CHILD(probers[i].pid) {
			probe(&probers[i]);
		}
	}
	shrink_and_grow(_metadata, self, PROBERS_MAX, 25);
	self->arena->stop = true;
	for (int i = 0; i < PROBERS_MAX; i++) {
		EXPECT_EQ(0, child_status(probers[i].pid));
	}
	EXPECT_NO_BREACH(self->arena);
}

/* Where the cut is in the middle of the huge page that is being touched. */
TEST_F_TIMEOUT(resize_race, threads_touch_the_huge_page_that_is_cut, 120)
{
	struct prober probers[3];

	self->arena->floor = self->huge + self->page;
	self->arena->from = self->huge;
	for (int i = 0; i < (int)ARRAY_SIZE(probers); i++) {
		probers[i] = (struct prober) { .arena = self->arena, .number = i };
		ASSERT_EQ(0, pthread_create(&probers[i].thread, NULL, probe, &probers[i]));
	}
	shrink_and_grow(_metadata, self, ARRAY_SIZE(probers), variant->cuts);
	self->arena->stop = true;
	for (int i = 0; i < (int)ARRAY_SIZE(probers); i++) {
		EXPECT_EQ(0, pthread_join(probers[i].thread, NULL));
	}
	EXPECT_NO_BREACH(self->arena);
}

TEST_F_TIMEOUT(resize_race, readers_never_see_old_bytes_after_growing, 120)
{
	struct prober prober = { .arena = self->arena };
	uint64_t end = self->huge + 5 * self->page;

	self->arena->floor = end;
	IN_CHILD(prober.pid) {
		probe(&prober);
	}
	for (int i = 0; i < 50; i++) {
		memset(self->map + end, 0xaa, self->size - end);
		ASSERT_EQ(0, iobmd_resize(self->fd, end));
		await_probes(self->arena, 1);
		ASSERT_EQ(0, iobmd_resize(self->fd, self->size));
		ASSERT_EQ(-1, check_bytes(self->map + end, self->size - end, 0));
	}
	self->arena->stop = true;
	EXPECT_EQ(0, child_status(prober.pid));
	EXPECT_NO_BREACH(self->arena);
}

static void resize_between(struct __test_metadata *_metadata, int fd, uint64_t one,
			   uint64_t other)
{
	for (int i = 0; i < 50; i++) {
		ASSERT_EQ(0, iobmd_resize(fd, one));
		ASSERT_EQ(0, iobmd_resize(fd, other));
	}
}

TEST_F_TIMEOUT(resize_race, two_processes_resize_to_sizes_of_their_own, 120)
{
	uint64_t least = self->huge / 2 + self->page, size;
	uint64_t mine = self->size, his = self->huge + 3 * self->page;
	struct iobmd_get_info info;
	pid_t pid;

	stamp_pages(self->map, self->size);
	IN_CHILD(pid) {
		resize_between(_metadata, self->fd, least, his);
	}
	resize_between(_metadata, self->fd, least, mine);
	EXPECT_EQ(0, child_status(pid));
	ASSERT_EQ(0, iobmd_get_info(self->fd, &info));
	size = info.capacity;
	EXPECT_TRUE(size == mine || size == his);
	EXPECT_EQ(size, info.length);
	EXPECT_EQ(size, info.allocated);
	EXPECT_EQ(-1, stamps_lost(self->map, least));
	EXPECT_EQ(-1, pages_left(self->map, size, self->size, true));
	EXPECT_EQ(-1, check_bytes(self->map + least, size - least, 0));
}

/*
 * Puts the page at @at into a pipe, writes through the mapping, and looks for
 * it in the pipe: while the page is there, it must be the buffer's. False
 * where the page was not there to be put.
 */
static bool page_in_pipe_stays(struct __test_metadata *_metadata, uint8_t *at, const int *pipe,
			       uint64_t token)
{
	if (pipe_put(pipe[1], at) < 0) {
		EXPECT_EQ(EFAULT, errno);
		return false;
	}
	EXPECT_EQ(0, faults(at, true)) {
		return false;
	}
	*(volatile uint64_t *)at = token;
	EXPECT_EQ(0, pipe_take(pipe[0], token));
	return true;
}

static void fill_and_drain_pipe(struct __test_metadata *_metadata,
				FIXTURE_DATA(resize_race) *self)
{
	struct arena *arena = self->arena;
	unsigned int seed = 1;
	int pipe[2];

	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	while (!__atomic_load_n(&arena->stop, __ATOMIC_SEQ_CST) && !_metadata->exit_code) {
		uint64_t page = rand_r(&seed) % (self->size / self->page);

		page_in_pipe_stays(_metadata, self->map + page * self->page, pipe, rand_r(&seed));
		shared_count(&arena->probes[0]);
	}
	close(pipe[0]);
	close(pipe[1]);
}

TEST_F_TIMEOUT(resize_race, page_in_a_pipe_is_never_replaced, 120)
{
	uint64_t cut = self->huge + 9 * self->page;
	pid_t pid;

	IN_CHILD(pid) {
		fill_and_drain_pipe(_metadata, self);
	}
	for (int i = 0; i < 200 && !_metadata->exit_code; i++) {
		uint64_t seen = shared_load(&self->arena->probes[0]);

		if (iobmd_resize(self->fd, cut)) {
			EXPECT_EQ(EBUSY, errno);
			EXPECT_EQ(self->size, IOBMD_INFO(self->fd, capacity));
		} else {
			EXPECT_EQ(SIGBUS, faults(self->map + cut, true));
			EXPECT_EQ(0, iobmd_resize(self->fd, self->size));
		}
		AWAIT(shared_load(&self->arena->probes[0]) > seen || _metadata->exit_code);
	}
	self->arena->stop = true;
	EXPECT_EQ(0, child_status(pid));
}

TEST_HARNESS_MAIN
