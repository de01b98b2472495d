// SPDX-License-Identifier: GPL-2.0
/* RESIZE does not pull memory from under a user: EBUSY, and nothing changed. */
#include "machine.h"
#include "pin.h"

#include <sys/mman.h>

FIXTURE(shrink_busy)
{
	size_t page;
	uint64_t huge;
	uint64_t size;
	int fd;
	uint8_t *map;
	int pipe[2];
	struct iobmd_get_info before;
};

FIXTURE_VARIANT(shrink_busy)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(shrink_busy, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(shrink_busy, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(shrink_busy)
{
	self->page = page_size();
	self->huge = huge_page_size();
	self->size = 3 * self->huge;
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	stamp_pages(self->map, self->size);
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK));
	ASSERT_EQ(0, iobmd_get_info(self->fd, &self->before));
}

FIXTURE_TEARDOWN(shrink_busy)
{
	close(self->pipe[0]);
	close(self->pipe[1]);
	munmap(self->map, self->size);
	close(self->fd);
}

/* All that GET_INFO tells, all stamps, and the whole range is there to write. */
#define EXPECT_UNCHANGED(self) do {					\
	struct iobmd_get_info __now;					\
									\
	EXPECT_EQ(0, iobmd_get_info((self)->fd, &__now));		\
	EXPECT_EQ(0, memcmp(&(self)->before, &__now, sizeof(__now)));	\
	EXPECT_EQ(-1, stamps_lost((self)->map, (self)->size));		\
	for (uint64_t __at = 0; __at < (self)->size; __at += (self)->page) \
		ASSERT_EQ(0, faults((self)->map + __at, true));		\
} while (0)

#define EXPECT_BUSY(self, new_size) do {				\
	EXPECT_ERRNO(EBUSY, iobmd_resize((self)->fd, new_size));	\
	EXPECT_UNCHANGED(self);						\
} while (0)

#define EXPECT_SHRINKS(self, new_size) do {				\
	EXPECT_EQ(0, iobmd_resize((self)->fd, new_size));		\
	EXPECT_EQ(new_size, IOBMD_INFO((self)->fd, capacity));		\
	EXPECT_EQ(-1, stamps_lost((self)->map, new_size));		\
	EXPECT_EQ(-1, pages_left((self)->map, new_size, (self)->size, true)); \
} while (0)

TEST_F(shrink_busy, page_of_the_tail_in_a_pipe)
{
	uint64_t at = self->size - self->page;

	ASSERT_EQ(self->page, pipe_put(self->pipe[1], self->map + at));
	EXPECT_BUSY(self, self->huge);
	EXPECT_BUSY(self, at);
	EXPECT_EQ(0, pipe_take(self->pipe[0], stamp_of(at)));
	EXPECT_SHRINKS(self, self->huge);
}

TEST_F(shrink_busy, first_page_of_the_tail_in_a_pipe)
{
	uint64_t at = self->huge + 7 * self->page;

	ASSERT_EQ(self->page, pipe_put(self->pipe[1], self->map + at));
	EXPECT_BUSY(self, at);
	EXPECT_EQ(0, pipe_take(self->pipe[0], stamp_of(at)));
	EXPECT_SHRINKS(self, at);
}

TEST_F(shrink_busy, page_in_two_pipes_until_both_are_drained)
{
	uint64_t at = self->size - self->page;
	int other[2];

	ASSERT_EQ(0, pipe2(other, O_CLOEXEC));
	ASSERT_EQ(self->page, pipe_put(self->pipe[1], self->map + at));
	ASSERT_EQ(self->page, tee(self->pipe[0], other[1], self->page, 0));
	EXPECT_EQ(0, pipe_take(self->pipe[0], stamp_of(at)));
	EXPECT_BUSY(self, self->huge);
	EXPECT_EQ(0, pipe_take(other[0], stamp_of(at)));
	EXPECT_SHRINKS(self, self->huge);
	close(other[0]);
	close(other[1]);
}

TEST_F(shrink_busy, page_of_the_tail_in_a_pipe_that_is_closed)
{
	int other[2];

	ASSERT_EQ(0, pipe2(other, O_CLOEXEC));
	ASSERT_EQ(self->page, pipe_put(other[1], self->map + 2 * self->huge));
	EXPECT_BUSY(self, self->huge);
	close(other[0]);
	close(other[1]);
	EXPECT_SHRINKS(self, self->huge);
}

TEST_F(shrink_busy, page_put_into_a_pipe_through_another_mapping)
{
	uint64_t at = 2 * self->huge;
	uint8_t *other = map_buffer(self->fd, PROT_READ);

	ASSERT_NE(MAP_FAILED, other);
	ASSERT_EQ(self->page, pipe_put(self->pipe[1], other + at));
	munmap(other, self->size);
	EXPECT_BUSY(self, self->huge);
	EXPECT_EQ(0, pipe_take(self->pipe[0], stamp_of(at)));
	EXPECT_SHRINKS(self, self->huge);
}

TEST_F(shrink_busy, page_put_into_a_pipe_by_a_process_that_is_gone)
{
	uint64_t at = 2 * self->huge;
	pid_t pid;

	IN_CHILD(pid) {
		EXPECT_EQ(self->page, pipe_put(self->pipe[1], self->map + at));
	}
	ASSERT_EQ(0, child_status(pid));
	EXPECT_BUSY(self, self->huge);
	EXPECT_EQ(0, pipe_take(self->pipe[0], stamp_of(at)));
	EXPECT_SHRINKS(self, self->huge);
}

TEST_F(shrink_busy, page_of_the_head_in_a_pipe_does_not_matter)
{
	ASSERT_EQ(self->page, pipe_put(self->pipe[1], self->map));
	EXPECT_SHRINKS(self, self->huge);
	EXPECT_EQ(0, pipe_take(self->pipe[0], stamp_of(0)));
}

/* The kernel cannot split a huge page while a part of it is in use. */
TEST_F(shrink_busy, page_before_the_cut_of_a_huge_page_in_a_pipe)
{
	uint64_t cut = self->huge + 8 * self->page;

	ASSERT_EQ(self->page, pipe_put(self->pipe[1], self->map + self->huge));
	if (variant->huge == IOBMD_HUGE_PREFER) {
		ASSERT_EQ(self->size, self->before.huge_bytes);
		EXPECT_BUSY(self, cut);
	} else {
		EXPECT_SHRINKS(self, cut);
	}
	EXPECT_EQ(0, pipe_take(self->pipe[0], stamp_of(self->huge)));
	EXPECT_SHRINKS(self, cut);
}

TEST_F(shrink_busy, page_after_the_cut_of_a_huge_page_in_a_pipe)
{
	uint64_t cut = self->huge + 8 * self->page;
	uint64_t at = self->huge + 9 * self->page;

	ASSERT_EQ(self->page, pipe_put(self->pipe[1], self->map + at));
	EXPECT_BUSY(self, cut);
	EXPECT_EQ(0, pipe_take(self->pipe[0], stamp_of(at)));
	EXPECT_SHRINKS(self, cut);
}

TEST_F(shrink_busy, growing_is_not)
{
	ASSERT_EQ(self->page, pipe_put(self->pipe[1], self->map + self->size - self->page));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size + 5 * self->page));
	EXPECT_EQ(-1, stamps_lost(self->map, self->size));
	EXPECT_EQ(0, pipe_take(self->pipe[0], stamp_of(self->size - self->page)));
}

TEST_F(shrink_busy, a_changed_page_in_a_pipe_shows_in_it)
{
	uint64_t at = 2 * self->huge;

	ASSERT_EQ(self->page, pipe_put(self->pipe[1], self->map + at));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page));
	*(uint64_t *)(self->map + at) = 0x1234;
	EXPECT_EQ(0, pipe_take(self->pipe[0], 0x1234));
}

TEST_F(shrink_busy, tail_registered_with_io_uring)
{
	int ring = ring_pin(self->map + 2 * self->huge, 4 * self->page);

	if (!kernel_registers_files()) {
		EXPECT_EQ(-1, ring);
		EXPECT_EQ(EOPNOTSUPP, errno);
		return;
	}
	ASSERT_LE(0, ring);
	EXPECT_BUSY(self, self->huge);
	EXPECT_BUSY(self, 2 * self->huge);
	EXPECT_EQ(0, ring_unpin(ring));
	EXPECT_SHRINKS(self, self->huge);
	close(ring);
}

TEST_F(shrink_busy, head_registered_with_io_uring_does_not_matter)
{
	int ring = ring_pin(self->map, self->huge);

	if (!kernel_registers_files()) {
		EXPECT_EQ(-1, ring);
		EXPECT_EQ(EOPNOTSUPP, errno);
		return;
	}
	ASSERT_LE(0, ring);
	EXPECT_SHRINKS(self, self->huge);
	close(ring);
}

TEST_F(shrink_busy, range_over_the_new_end_registered_with_io_uring)
{
	int ring = ring_pin(self->map + self->huge - self->page, 2 * self->page);

	if (!kernel_registers_files()) {
		EXPECT_EQ(-1, ring);
		EXPECT_EQ(EOPNOTSUPP, errno);
		return;
	}
	ASSERT_LE(0, ring);
	EXPECT_BUSY(self, self->huge);
	EXPECT_BUSY(self, self->page);
	EXPECT_EQ(0, ring_unpin(ring));
	EXPECT_SHRINKS(self, self->huge);
	close(ring);
}

/*
 * It looks at every page there is, but nothing of the buffer is its to use. (A shrink
 * waits for it some tenth of a second; an emulated processor that has to share one may
 * be away for longer, seldom.)
 */
TEST_F_TIMEOUT(shrink_busy, compaction_is_no_user, 600)
{
	uint64_t size = self->size + 128 * MIB, end = self->huge + self->page;
	pid_t compaction = compaction_start();
	int refused = 0;

	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, iobmd_resize(self->fd, size));
		while (iobmd_resize(self->fd, end)) {
			ASSERT_EQ(EBUSY, errno);
			ASSERT_GT(4, ++refused);
		}
	}
	compaction_stop(compaction);
	EXPECT_EQ(-1, stamps_lost(self->map, end));
}

TEST_HARNESS_MAIN
