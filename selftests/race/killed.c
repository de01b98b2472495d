// SPDX-License-Identifier: GPL-2.0
/* SIGKILL in the middle of CREATE and RESIZE. */
#include "machine.h"
#include "pin.h"

#include <sys/mman.h>

#define SLACK	(8 * MIB)	/* that the rest of the machine may take meanwhile */
#define KILLS	8

FIXTURE(killed)
{
	uint64_t size;
	uint64_t start;		/* free memory then */
	int listed;
};

FIXTURE_VARIANT(killed)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(killed, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(killed, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(killed)
{
	memory_tidy();
	self->size = 256 * MIB;
	self->start = memory_free();
	self->listed = buffers_listed(0);
	ASSERT_LT(self->size, self->start);
}

FIXTURE_TEARDOWN(killed)
{
}

/* Waits for the end of @pid: how much memory was taken at most, meanwhile */
static uint64_t peak_until_gone(pid_t pid, uint64_t start, int *status)
{
	uint64_t least = start, now;

	while (waitpid(pid, status, WNOHANG) == 0) {
		now = memory_free();
		least = now < least ? now : least;
	}
	return start - least;
}

/*
 * Kills a CREATE, or the RESIZE of @fd if that is one, to the full size, when it has
 * taken @taken bytes: its peak
 */
static uint64_t kill_at(struct __test_metadata *_metadata, FIXTURE_DATA(killed) *self,
			uint32_t huge, int fd, uint64_t taken)
{
	int status = 0, ended = event_create();
	uint64_t start = memory_free(), peak, done = 0;
	pid_t pid = child_fork();

	if (pid == 0) {
		if (fd < 0)
			iobmd_create_huge(self->size, huge);
		else
			iobmd_resize(fd, self->size);
		event_post(ended);
		pause();
	}
	fcntl(ended, F_SETFL, O_NONBLOCK);
	AWAIT(memory_free() + taken <= start || eventfd_read(ended, &done) == 0);
	kill(pid, SIGKILL);
	peak = peak_until_gone(pid, start, &status);
	close(ended);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return peak;
}

static uint64_t kill_create_at(struct __test_metadata *_metadata,
			       FIXTURE_DATA(killed) *self, uint32_t huge, uint64_t taken)
{
	uint64_t peak = kill_at(_metadata, self, huge, -1, taken);

	EXPECT_EQ(self->listed, buffers_listed(0));
	AWAIT(memory_free() + SLACK >= self->start);
	return peak;
}

/* One of the two sizes, all of it; what is below @kept has its stamps. */
static void expect_before_or_after(struct __test_metadata *_metadata, int fd,
				   const uint8_t *map, uint64_t kept, uint64_t one,
				   uint64_t other)
{
	struct iobmd_get_info info;

	ASSERT_EQ(0, iobmd_get_info(fd, &info));
	EXPECT_TRUE(info.capacity == one || info.capacity == other) {
		TH_LOG("%llu", (unsigned long long)info.capacity);
	}
	EXPECT_EQ(info.capacity, info.length);
	EXPECT_EQ(info.capacity, info.allocated);
	EXPECT_EQ(-1, stamps_lost(map, kept));
	EXPECT_EQ(SIGBUS, faults(map + info.capacity, false));
}

TEST_F_TIMEOUT(killed, while_creating_gives_all_back, 600)
{
	for (int i = 1; i <= KILLS; i++)
		kill_create_at(_metadata, self, variant->huge, self->size * i / (2 * KILLS));
}

/* Were it not so, every one of them would have come to its full size. */
TEST_F_TIMEOUT(killed, while_creating_does_not_go_on_to_the_end, 600)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t peak = kill_create_at(_metadata, self, variant->huge, SLACK);

		least = peak < least ? peak : least;
	}
	EXPECT_GT(self->size / 2, least);
}

/* A buffer of @size with stamps, or -1; mapped up to @end, which is larger. */
static int create_stamped(uint64_t size, uint64_t end, uint32_t huge, uint8_t **map)
{
	int fd = iobmd_create_huge(end, huge);

	*map = map_buffer(fd, PROT_READ | PROT_WRITE);
	if (*map == MAP_FAILED || iobmd_resize(fd, size))
		return -1;
	stamp_pages(*map, size);
	return fd;
}

TEST_F_TIMEOUT(killed, while_growing_is_before_or_after, 600)
{
	uint64_t size = 3 * huge_page_size(), end = self->size + huge_page_size();
	uint8_t *map;
	int fd = create_stamped(size, end, variant->huge, &map);

	ASSERT_LE(0, fd);
	for (int i = 1; i <= KILLS; i++) {
		uint64_t start = memory_free();

		kill_at(_metadata, self, variant->huge, fd, self->size * i / (2 * KILLS));
		expect_before_or_after(_metadata, fd, map, size, size, self->size);
		ASSERT_EQ(0, iobmd_resize(fd, size));
		AWAIT(memory_free() + SLACK >= start);
	}
	munmap(map, end);
	close(fd);
}

TEST_F_TIMEOUT(killed, while_resizing_is_before_or_after, 600)
{
	uint64_t one = 3 * huge_page_size() + page_size(), other = 9 * huge_page_size();
	uint64_t end = other + page_size();
	uint64_t *rounds = shared_memory(sizeof(*rounds));
	unsigned int seed = 1;
	uint8_t *map;
	int fd = create_stamped(one, end, variant->huge, &map);

	ASSERT_LE(0, fd);
	for (int i = 0; i < 5 * KILLS && !_metadata->exit_code; i++) {
		uint64_t seen = *rounds;
		pid_t pid = child_fork();

		while (pid == 0) {
			iobmd_resize(fd, other);
			iobmd_resize(fd, one);
			shared_count(rounds);
		}
		AWAIT(shared_load(rounds) > seen);
		for (int wait = rand_r(&seed) % 1000; wait; wait--)
			sched_yield();
		kill(pid, SIGKILL);
		EXPECT_EQ(128 + SIGKILL, child_status(pid));
		expect_before_or_after(_metadata, fd, map, one, one, other);
	}
	munmap(map, end);
	close(fd);
}

TEST_HARNESS_MAIN
