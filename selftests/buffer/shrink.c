// SPDX-License-Identifier: GPL-2.0
/* RESIZE to a smaller capacity: what goes goes for everyone, what stays stays. */
#include "machine.h"
#include "peer.h"
#include "pin.h"

#include <sys/mman.h>

#define HUGE_PAGES	3

FIXTURE(shrink)
{
	size_t page;
	uint64_t huge;
	uint64_t size;		/* before */
	uint64_t new_size;
	uint64_t end;		/* of the memory, after */
	int fd;
	uint8_t *map;
	const uint8_t *read_only;
	uint8_t *part;		/* from @part_at to the old end */
	uint64_t part_at;
	struct peer child;	/* inherited @map */
	struct peer stranger;	/* was handed the descriptor */
};

/* The new capacity is the sum of the three */
FIXTURE_VARIANT(shrink)
{
	uint32_t huge;
	uint64_t huge_pages;
	uint64_t pages;
	uint64_t bytes;
};

FIXTURE_VARIANT_ADD(shrink, huge_to_huge_page_edge) {
	.huge = IOBMD_HUGE_PREFER, .huge_pages = 2,
};

FIXTURE_VARIANT_ADD(shrink, huge_to_middle_of_huge_page) {
	.huge = IOBMD_HUGE_PREFER, .huge_pages = 1, .pages = 100,
};

FIXTURE_VARIANT_ADD(shrink, huge_to_first_page_of_huge_page) {
	.huge = IOBMD_HUGE_PREFER, .huge_pages = 2, .pages = 1,
};

FIXTURE_VARIANT_ADD(shrink, huge_to_ragged) {
	.huge = IOBMD_HUGE_PREFER, .huge_pages = 2, .pages = 9, .bytes = 100,
};

FIXTURE_VARIANT_ADD(shrink, huge_to_one_byte) {
	.huge = IOBMD_HUGE_PREFER, .bytes = 1,
};

FIXTURE_VARIANT_ADD(shrink, small_to_page_edge) {
	.huge = IOBMD_HUGE_NONE, .huge_pages = 1, .pages = 3,
};

FIXTURE_VARIANT_ADD(shrink, small_to_ragged) {
	.huge = IOBMD_HUGE_NONE, .pages = 5, .bytes = 1,
};

/* Every process has accessed every page. */
FIXTURE_SETUP(shrink)
{
	self->page = page_size();
	self->huge = huge_page_size();
	self->size = HUGE_PAGES * self->huge;
	self->new_size = variant->huge_pages * self->huge + variant->pages * self->page +
			 variant->bytes;
	self->end = page_round(self->new_size);
	self->part_at = self->end > self->page ? self->end - self->page : self->page;

	self->stranger = peer_start(-1, NULL, 0);
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	self->read_only = map_buffer(self->fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, self->read_only);
	self->part = mmap(NULL, self->size - self->part_at, PROT_READ | PROT_WRITE,
			  MAP_SHARED, self->fd, self->part_at);
	ASSERT_NE(MAP_FAILED, self->part);
	stamp_pages(self->map, self->size);
	ASSERT_EQ(-1, stamps_lost(self->read_only, self->size));
	ASSERT_EQ(0, faults(self->part + self->size - self->part_at - 1, true));

	self->child = peer_start(self->fd, self->map, self->size);
	ASSERT_EQ(0, peer_give(&self->stranger, self->fd));
	ASSERT_LE(0, peer_read(&self->child, self->size - self->page));
	ASSERT_LE(0, peer_read(&self->stranger, self->size - self->page));
	ASSERT_LE(0, peer_read(&self->child, self->end));
	ASSERT_LE(0, peer_read(&self->stranger, self->end));
}

FIXTURE_TEARDOWN(shrink)
{
	EXPECT_EQ(0, peer_stop(&self->child));
	EXPECT_EQ(0, peer_stop(&self->stranger));
	munmap(self->part, self->size - self->part_at);
	munmap((void *)self->read_only, self->size);
	munmap(self->map, self->size);
	close(self->fd);
}

TEST_F(shrink, sets_capacity_length_and_allocated)
{
	struct iobmd_get_info info;

	ASSERT_EQ(0, iobmd_resize(self->fd, self->new_size));
	ASSERT_EQ(0, iobmd_get_info(self->fd, &info));
	EXPECT_EQ(self->new_size, info.capacity);
	EXPECT_EQ(self->new_size, info.length);
	EXPECT_EQ(self->end, info.allocated);
	EXPECT_GE(self->end, info.huge_bytes);
}

TEST_F(shrink, takes_the_tail_from_every_mapping)
{
	uint64_t end = self->end, size = self->size;

	ASSERT_EQ(0, iobmd_resize(self->fd, self->new_size));
	EXPECT_EQ(-1, pages_left(self->map, end, size, false));
	EXPECT_EQ(-1, pages_left(self->map, end, size, true));
	EXPECT_EQ(-1, pages_left(self->read_only, end, size, false));
	EXPECT_EQ(-1, pages_left(self->part, end - self->part_at, size - self->part_at, true));
}

TEST_F(shrink, takes_the_tail_from_a_forked_child)
{
	ASSERT_EQ(0, iobmd_resize(self->fd, self->new_size));
	for (uint64_t at = self->end; at < self->size; at += self->huge / 8) {
		EXPECT_EQ(-SIGBUS, peer_read(&self->child, at));
		EXPECT_EQ(-SIGBUS, peer_write(&self->child, at, 1));
	}
}

TEST_F(shrink, takes_the_tail_from_a_stranger)
{
	ASSERT_EQ(0, iobmd_resize(self->fd, self->new_size));
	for (uint64_t at = self->end; at < self->size; at += self->huge / 8) {
		EXPECT_EQ(-SIGBUS, peer_read(&self->stranger, at));
		EXPECT_EQ(-SIGBUS, peer_write(&self->stranger, at, 1));
	}
}

TEST_F(shrink, by_a_stranger_takes_the_tail_from_this_process)
{
	ASSERT_EQ(0, peer_do(&self->stranger, PEER_RESIZE, self->new_size));
	EXPECT_EQ(-1, pages_left(self->map, self->end, self->size, true));
	EXPECT_EQ(-1, stamps_lost(self->map, self->new_size));
}

TEST_F(shrink, takes_the_tail_from_pages_that_were_not_touched)
{
	uint8_t *fresh = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, fresh);
	ASSERT_EQ(0, iobmd_resize(self->fd, self->new_size));
	EXPECT_EQ(-1, pages_left(fresh, self->end, self->size, true));
	munmap(fresh, self->size);
}

TEST_F(shrink, leaves_the_head_as_it_was)
{
	uint64_t last = self->end - self->page;

	memset(self->map + last + sizeof(uint64_t), 0x5a, self->page - sizeof(uint64_t));
	ASSERT_EQ(0, iobmd_resize(self->fd, self->new_size));
	EXPECT_EQ(-1, stamps_lost(self->read_only, last));
	for (uint64_t at = last + sizeof(uint64_t); at < self->new_size; at++) {
		ASSERT_EQ(0x5a, self->map[at]);
	}
}

TEST_F(shrink, leaves_the_head_shared_by_all)
{
	ASSERT_EQ(0, iobmd_resize(self->fd, self->new_size));
	self->map[0] = 1;
	EXPECT_EQ(1, peer_read(&self->child, 0));
	EXPECT_EQ(0, peer_write(&self->stranger, 0, 2));
	EXPECT_EQ(2, self->read_only[0]);
	EXPECT_EQ(0, faults(self->map + self->end - 1, true));
}

TEST_F(shrink, then_growing_reads_zeros_for_everyone)
{
	uint64_t at = self->new_size, size = self->size;

	memset(self->map + at, 0xaa, size - at);
	ASSERT_EQ(0, iobmd_resize(self->fd, self->new_size));
	ASSERT_EQ(0, iobmd_resize(self->fd, size));
	EXPECT_EQ(0, peer_read(&self->child, size - self->page));
	EXPECT_EQ(0, peer_read(&self->stranger, self->end));
	ASSERT_EQ(0, faults(self->map + size - 1, true));
	EXPECT_EQ(-1, check_bytes(self->map + at, size - at, 0));
	ASSERT_EQ(0, faults(self->read_only + size - 1, false));
	EXPECT_EQ(-1, check_bytes(self->read_only + at, size - at, 0));
}

TEST_F(shrink, then_growing_shares_the_new_memory)
{
	ASSERT_EQ(0, iobmd_resize(self->fd, self->new_size));
	ASSERT_EQ(0, iobmd_resize(self->fd, self->size));
	EXPECT_EQ(0, peer_write(&self->child, self->end, 7));
	EXPECT_EQ(7, peer_read(&self->stranger, self->end));
	EXPECT_EQ(7, self->read_only[self->end]);
}

TEST(shrinking_by_less_than_a_page_keeps_the_page)
{
	uint64_t size = 3 * page_size();
	int fd = iobmd_create(size);
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	stamp_pages(map, size);
	ASSERT_EQ(0, iobmd_resize(fd, size - page_size() + 1));
	EXPECT_EQ(0, faults(map + size - 1, true));
	EXPECT_EQ(stamp_of(size - page_size()) & 0xff, map[size - page_size()]);
	EXPECT_EQ(-1, stamps_lost(map, size - page_size()));
	munmap(map, size);
	close(fd);
}

/* Pages on their way to a list of the kernel's are held for a moment. */
TEST(shrinking_right_after_creating_works_on_every_cpu)
{
	uint64_t huge = huge_page_size();
	cpu_set_t all, one;

	ASSERT_EQ(0, sched_getaffinity(0, sizeof(all), &all));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int fd;

		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
		fd = iobmd_create(2 * huge + 5 * page_size());
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, sched_setaffinity(0, sizeof(all), &all));
		EXPECT_EQ(0, iobmd_resize(fd, 2 * huge + page_size()));
		EXPECT_EQ(0, iobmd_resize(fd, huge + page_size()));
		EXPECT_EQ(0, iobmd_resize(fd, page_size()));
		close(fd);
	}
}

TEST(shrinking_under_mlock_works)
{
	uint64_t huge = huge_page_size(), size = 2 * huge;
	int fd = iobmd_create(size);
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, mlock(map, size));
	EXPECT_EQ(0, iobmd_resize(fd, huge + page_size()));
	EXPECT_EQ(-1, pages_left(map, huge + page_size(), size, true));
	munmap(map, size);
	close(fd);
}

static int run_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one);
}

/* A fault in locked memory leaves the page in a batch of its CPU, until that is full. */
TEST(shrinking_what_a_batch_of_another_cpu_holds_works)
{
	uint64_t page = page_size(), size = 4 * page;
	int fd = iobmd_create_huge(size, IOBMD_HUGE_NONE);
	int touched = event_create(), done = event_create();
	pid_t pid;

	ASSERT_LE(0, fd);
	if (run_on(1))
		SKIP(close(fd), "one CPU");
	IN_CHILD(pid) {
		uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

		ASSERT_EQ(0, mlock2(map, size, MLOCK_ONFAULT));
		for (uint64_t at = page; at < size; at += page)
			map[at] = 1;
		event_post(touched);
		event_await(done);
		EXPECT_EQ(-1, pages_left(map, page, size, true));
	}
	ASSERT_EQ(0, run_on(0));
	event_await(touched);
	EXPECT_EQ(0, iobmd_resize(fd, page));
	event_post(done);
	EXPECT_EQ(0, child_status(pid));
	close(fd);
}

TEST(shrinking_under_a_populated_mapping_works)
{
	uint64_t huge = huge_page_size(), size = 2 * huge;
	int fd = iobmd_create(size);
	uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			    fd, 0);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, iobmd_resize(fd, huge + page_size()));
	EXPECT_EQ(-1, pages_left(map, huge + page_size(), size, true));
	munmap(map, size);
	close(fd);
}

TEST(shrinking_page_by_page_leaves_the_rest_at_each_step)
{
	uint64_t huge = huge_page_size(), size = 2 * huge, step = 31 * page_size();
	int fd = iobmd_create(size);
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	stamp_pages(map, size);
	for (uint64_t end = size - step; end > step; end -= step) {
		ASSERT_EQ(0, iobmd_resize(fd, end));
		ASSERT_EQ(end, IOBMD_INFO(fd, allocated));
		ASSERT_EQ(SIGBUS, faults(map + end, true));
		ASSERT_EQ(-1, stamps_lost(map, end));
	}
	munmap(map, size);
	close(fd);
}

TEST_HARNESS_MAIN
