// SPDX-License-Identifier: GPL-2.0
/* Locks and atomics that lie in a buffer work between processes. */
#include "iobmd_test.h"

#include <pthread.h>
#include <sys/mman.h>

#define ROUNDS	2000

struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	uint64_t counter;
	uint64_t ball;
};

FIXTURE(futex)
{
	int fd;
	struct shared *mine;	/* two mappings of one buffer: what is the key? */
	struct shared *other;
};

FIXTURE_VARIANT(futex)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(futex, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(futex, huge) { .huge = IOBMD_HUGE_PREFER };

static int mutex_init(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	return pthread_mutex_init(mutex, &attributes);
}

static int cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	return pthread_cond_init(cond, &attributes);
}

/* Not in the first page of a huge page: the key is that of the page itself. */
FIXTURE_SETUP(futex)
{
	uint64_t size = huge_page_size(), at = 3 * page_size() + 64;
	char *map;

	self->fd = iobmd_create_huge(size, variant->huge);
	ASSERT_LE(0, self->fd);
	map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	self->mine = (void *)(map + at);
	map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	self->other = (void *)(map + at);
	ASSERT_EQ(0, mutex_init(&self->mine->mutex));
	ASSERT_EQ(0, cond_init(&self->mine->changed));
}

FIXTURE_TEARDOWN(futex)
{
	close(self->fd);
}

static void add_under_lock(struct shared *shared)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&shared->mutex);
		*(volatile uint64_t *)&shared->counter += 1;
		pthread_mutex_unlock(&shared->mutex);
	}
}

TEST_F(futex, mutex_keeps_two_processes_apart)
{
	pid_t pid;

	IN_CHILD(pid) {
		add_under_lock(self->other);
	}
	add_under_lock(self->mine);
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(2 * ROUNDS, self->mine->counter);
}

/* Throws the ball back whenever it is at @side, until it has flown @rounds times */
static void play(struct shared *shared, uint64_t side, int rounds)
{
	pthread_mutex_lock(&shared->mutex);
	for (int i = 0; i < rounds; i++) {
		while (shared->ball % 2 != side)
			pthread_cond_wait(&shared->changed, &shared->mutex);
		shared->ball++;
		pthread_cond_signal(&shared->changed);
	}
	pthread_mutex_unlock(&shared->mutex);
}

TEST_F(futex, condition_wakes_another_process)
{
	pid_t pid;

	IN_CHILD(pid) {
		play(self->other, 1, ROUNDS / 4);
	}
	play(self->mine, 0, ROUNDS / 4);
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(2 * (ROUNDS / 4), self->mine->ball);
}

TEST_F(futex, robust_mutex_tells_that_its_owner_was_killed)
{
	int locked = event_create();
	pid_t pid;

	IN_CHILD(pid) {
		EXPECT_EQ(0, pthread_mutex_lock(&self->other->mutex));
		event_post(locked);
		pause();
	}
	event_await(locked);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->mine->mutex));
	kill(pid, SIGKILL);
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(&self->mine->mutex));
	EXPECT_EQ(0, pthread_mutex_consistent(&self->mine->mutex));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->mine->mutex));
	EXPECT_EQ(0, pthread_mutex_lock(&self->mine->mutex));
	EXPECT_EQ(128 + SIGKILL, child_status(pid));
}

TEST_F(futex, atomics_of_two_processes_add_up)
{
	pid_t pid;

	IN_CHILD(pid) {
		for (int i = 0; i < 10 * ROUNDS; i++)
			__atomic_fetch_add(&self->other->counter, 1, __ATOMIC_RELAXED);
	}
	for (int i = 0; i < 10 * ROUNDS; i++)
		__atomic_fetch_add(&self->mine->counter, 1, __ATOMIC_RELAXED);
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(20 * ROUNDS, self->mine->counter);
}

TEST_F(futex, lock_outlives_a_resize)
{
	int locked = event_create();
	pid_t pid;

	IN_CHILD(pid) {
		EXPECT_EQ(0, pthread_mutex_lock(&self->other->mutex));
		event_post(locked);
		EXPECT_EQ(0, iobmd_resize(self->fd, 8 * page_size()));
		EXPECT_EQ(0, iobmd_resize(self->fd, 2 * huge_page_size()));
		self->other->counter = 5;
		EXPECT_EQ(0, pthread_mutex_unlock(&self->other->mutex));
	}
	event_await(locked);
	EXPECT_EQ(0, pthread_mutex_lock(&self->mine->mutex));
	EXPECT_EQ(5, self->mine->counter);
	EXPECT_EQ(0, child_status(pid));
}

TEST_HARNESS_MAIN
