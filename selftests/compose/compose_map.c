// SPDX-License-Identifier: GPL-2.0
/* Mappings of a composite: one range of addresses, the memory of many. */
#include "composite_use.h"
#include "poison.h"

#include <linux/mman.h>
#include <pthread.h>

#define map_whole(self, prot)						\
	((uint8_t *)mmap(NULL, (self)->whole, prot, MAP_SHARED, (self)->fd, 0))

TEST_F(composite, mapping_shows_all_parts_as_one)
{
	uint8_t *map = map_whole(self, PROT_READ);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, composite_differs(map, 0, self->length));
}

TEST_F(composite, mapping_written_first_is_written_in_the_buffers)
{
	uint8_t *map = map_whole(self, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, (void *)map);
	fill_pattern(map, 0, self->length, 3);
	EXPECT_EQ(-1, check_pattern(self->a.map + self->start, 0, self->edge, 3));
	EXPECT_EQ(-1, check_pattern(self->b.map, self->edge, self->b.size, 3));
	EXPECT_SHOWS(self->a.map, self->a, 0, self->start);
}

/* By whichever side it was touched first, it is the same page. */
TEST_F(composite, mapping_is_the_memory_itself)
{
	uint8_t *map = map_whole(self, PROT_READ | PROT_WRITE);
	uint64_t *here = (uint64_t *)(map + self->edge - 8), *there;

	ASSERT_NE(MAP_FAILED, (void *)map);
	there = (uint64_t *)(self->a.map + self->a.size - 8);
	*there = 1;
	EXPECT_EQ(1, *here);
	EXPECT_EQ(2, __atomic_add_fetch(here, 1, __ATOMIC_SEQ_CST));
	EXPECT_EQ(3, __atomic_add_fetch(there, 1, __ATOMIC_SEQ_CST));
	EXPECT_EQ(4, __atomic_add_fetch(here, 1, __ATOMIC_SEQ_CST));
	for (uint64_t at = 0; at < self->whole; at += self->page) {
		uint8_t *member = at < self->edge ? self->a.map + self->start + at :
						    self->b.map + at - self->edge;

		faults(map + at, at / self->page & 1);
		ASSERT_EQ(page_frame(member), page_frame(map + at));
	}
}

TEST_F_TIMEOUT(composite, mapping_of_a_range_shows_that, 120)
{
	const uint64_t page = self->page, edge = self->edge, huge = self->huge;
	const struct {
		uint64_t offset, length;
	} ranges[] = {
		{ 0, page }, { edge - page, page }, { edge, page }, { edge - page, 2 * page },
		{ page, huge }, { edge - 2 * page, huge + page }, { edge + page, huge / 2 },
		{ self->whole - page, page }, { self->whole - 2 * page, 2 * page },
		{ 3 * page, self->whole - 3 * page },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		uint64_t offset = ranges[i].offset, length = ranges[i].length;
		uint64_t shown = offset + length > self->length ? self->length - offset : length;
		uint8_t *map = mmap(NULL, length, PROT_READ, MAP_SHARED, self->fd, offset);

		ASSERT_NE(MAP_FAILED, (void *)map);
		EXPECT_EQ(-1, composite_differs(map, offset, shown)) {
			TH_LOG("range %zu", i);
		}
		munmap(map, length);
		map = iobmd_map(self->fd, IOBMD_MAP_F_PREFAULT, NULL, offset, length);
		ASSERT_NE(MAP_FAILED, (void *)map);
		EXPECT_EQ(length, smaps_bytes(map, length, "Rss"));
		EXPECT_EQ(-1, composite_differs(map, offset, shown));
		munmap(map, length);
	}
}

TEST_F(composite, mapping_outside_is_refused)
{
	const uint64_t page = self->page, whole = self->whole;
	const struct {
		uint64_t offset, length;
	} bad[] = {
		{ 0, whole + 1 }, { page, whole }, { whole, 1 }, { whole, page },
		{ whole - page, 2 * page }, { 1ull << 62, page }, { -page, page },
		{ -page, 2 * page }, { -self->start, page },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(MAP_FAILED, mmap(NULL, bad[i].length, PROT_READ, MAP_SHARED,
					   self->fd, bad[i].offset));
		EXPECT_MAP_ERRNO(EINVAL, iobmd_map(self->fd, 0, NULL, bad[i].offset,
						   bad[i].length));
	}
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, page, PROT_READ, MAP_PRIVATE, self->fd, 0));
	EXPECT_MAP_ERRNO(EPERM, mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_SHARED,
				     self->fd, 0));
}

TEST_F(composite, mapping_of_a_window_counts_from_its_start)
{
	const uint64_t start = self->edge - self->page, length = self->huge + self->page - 9;
	int window = iobmd_window(self->fd, start, length);
	uint8_t *map = map_buffer(window, PROT_READ);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, composite_differs(map, start, length));
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, self->page, PROT_READ, MAP_SHARED, window,
				      page_round(length)));
	munmap(map, page_round(length));
	map = mmap(NULL, 2 * self->page, PROT_READ, MAP_SHARED, window, self->page);
	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, composite_differs(map, self->edge, 2 * self->page));
}

TEST_F(composite, mapping_is_inherited)
{
	uint8_t *map = map_whole(self, PROT_READ | PROT_WRITE);
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(0, faults(map + self->edge, true));
	IN_CHILD(pid) {
		close(self->fd);
		EXPECT_EQ(-1, composite_differs(map, 0, self->length));
		fill_pattern(map, 0, self->length, 3);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(-1, check_pattern(map, 0, self->length, 3));
	EXPECT_EQ(-1, check_pattern(self->b.map, self->edge, self->b.size, 3));
}

TEST_F(composite, mapping_is_unmapped_in_parts)
{
	uint8_t *map = map_whole(self, PROT_READ | PROT_WRITE);
	uint8_t *hole = map + self->edge - self->page;

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, composite_differs(map, 0, self->length));
	ASSERT_EQ(0, munmap(hole, 3 * self->page));
	EXPECT_EQ(SIGSEGV, faults(hole, false));
	EXPECT_EQ(SIGSEGV, faults(hole + 3 * self->page - 1, false));
	EXPECT_EQ(-1, composite_differs(map, 0, self->edge - self->page));
	EXPECT_EQ(-1, composite_differs(hole + 3 * self->page, self->edge + 2 * self->page,
					self->length - self->edge - 2 * self->page));
}

TEST_F(composite, mapping_is_moved_in_parts)
{
	const uint64_t at = self->edge - 2 * self->page, length = 5 * self->page;
	uint8_t *map = map_whole(self, PROT_READ | PROT_WRITE), *moved;

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, composite_differs(map, 0, self->length));
	moved = mremap(map + at, length, length, MREMAP_MAYMOVE | MREMAP_FIXED,
		       map + self->whole + 64 * self->page);
	ASSERT_NE(MAP_FAILED, (void *)moved);
	EXPECT_EQ(-1, composite_differs(moved, at, length));
	EXPECT_EQ(SIGSEGV, faults(map + at, false));
	EXPECT_EQ(-1, composite_differs(map, 0, at));
	EXPECT_EQ(-1, composite_differs(map + at + length, at + length,
					self->length - at - length));
	/* To an address that no huge page fits */
	moved = mremap(map + at + length, self->huge - length, self->huge - length,
		       MREMAP_MAYMOVE | MREMAP_FIXED, map + 2 * self->whole + 7 * self->page);
	ASSERT_NE(MAP_FAILED, (void *)moved);
	EXPECT_EQ(-1, composite_differs(moved, at + length, self->huge - length));
}

TEST_F(composite, mapping_does_not_grow_out_of_it)
{
	uint8_t *map = map_whole(self, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_MAP_ERRNO(EFAULT, mremap(map, self->whole, 2 * self->whole, MREMAP_MAYMOVE));
	EXPECT_MAP_ERRNO(EFAULT, mremap(map, self->page, 2 * self->page, MREMAP_MAYMOVE));
	EXPECT_MAP_ERRNO(EFAULT, mremap(map, 0, self->whole + self->page, MREMAP_MAYMOVE));
	EXPECT_EQ(-1, composite_differs(map, 0, self->length));
}

TEST_F(composite, mapping_is_protected_in_parts)
{
	uint8_t *map = map_whole(self, PROT_READ | PROT_WRITE);
	uint8_t *at = map + self->edge - self->page;

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, composite_differs(map, 0, self->length));
	ASSERT_EQ(0, mprotect(at, 2 * self->page, PROT_READ));
	EXPECT_EQ(SIGSEGV, faults(at, true));
	EXPECT_EQ(SIGSEGV, faults(at + 2 * self->page - 1, true));
	EXPECT_EQ(0, faults(at - 1, true));
	EXPECT_EQ(0, faults(at + 2 * self->page, true));
	EXPECT_EQ(-1, composite_differs(map, 0, self->length));
	ASSERT_EQ(0, mprotect(at, 2 * self->page, PROT_NONE));
	EXPECT_EQ(SIGSEGV, faults(at, false));
	ASSERT_EQ(0, mprotect(at, 2 * self->page, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, faults(at, true));
	EXPECT_ERRNO(EACCES, mprotect(at, self->page, PROT_READ | PROT_EXEC));
	EXPECT_EQ(-1, composite_differs(map, 0, self->length));
}

TEST_F_TIMEOUT(composite, contents_stay_whatever_is_advised, 120)
{
	const int advice[] = {
		MADV_DONTNEED, MADV_COLD, MADV_PAGEOUT, MADV_COLLAPSE, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_REMOVE, MADV_FREE, MADV_WILLNEED, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE,
	};
	uint8_t *map = map_whole(self, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, (void *)map);
	for (size_t i = 0; i < ARRAY_SIZE(advice); i++) {
		faults(map, true);
		madvise(map, self->whole, advice[i]);
		madvise(map + self->edge - self->page, 3 * self->page, advice[i]);
		EXPECT_EQ(-1, composite_differs(map, 0, self->length)) {
			TH_LOG("after advice %d", advice[i]);
		}
	}
	EXPECT_SHOWS(self->a.map, self->a, 0, self->a.size);
	EXPECT_EQ(0, madvise(map, self->whole, MADV_DONTNEED));
	EXPECT_EQ(0, smaps_bytes(map, self->whole, "Rss"));
	EXPECT_EQ(0, madvise(map, self->whole, MADV_POPULATE_WRITE));
	EXPECT_EQ(self->whole, smaps_bytes(map, self->whole, "Rss"));
}

TEST_F(composite, mapping_is_locked)
{
	uint8_t *map = map_whole(self, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(0, mlock(map, self->whole));
	EXPECT_EQ(self->whole, smaps_bytes(map, self->whole, "Rss"));
	EXPECT_EQ(-1, composite_differs(map, 0, self->length));
	ASSERT_EQ(0, munlock(map + self->edge, self->page));
	munmap(map, self->edge);
	munmap(map, self->whole);
	close(self->fd);
	EXPECT_EQ(0, iobmd_resize(self->a.fd, 1));
	EXPECT_EQ(0, iobmd_resize(self->b.fd, 1));
}

struct walk {
	const uint8_t *map;
	uint64_t from, to;	/* backwards if @from is the larger */
	bool write;
	bool failed;
	pthread_barrier_t *start;
};

static void *walk(void *argument)
{
	struct walk *walk = argument;
	uint64_t page = page_size();

	pthread_barrier_wait(walk->start);
	for (uint64_t at = walk->from; at != walk->to;
	     at = walk->from < walk->to ? at + page : at - page)
		walk->failed |= faults(walk->map + at, walk->write);
	return NULL;
}

/* Several threads fault in the same stretches, each in its own order. */
TEST_F_TIMEOUT(composite, mapping_is_touched_by_many_at_once, 120)
{
	const uint64_t last = self->whole - self->page;
	pthread_barrier_t start;
	pthread_t threads[4];

	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, ARRAY_SIZE(threads)));
	for (int round = 0; round < 8; round++) {
		uint8_t *map = map_whole(self, PROT_READ | PROT_WRITE);
		struct walk walks[] = {
			{ map, 0, last, round & 1, false, &start },
			{ map, last, 0, round & 2, false, &start },
			{ map, self->edge, last, true, false, &start },
			{ map, self->edge, 0, false, false, &start },
		};

		ASSERT_NE(MAP_FAILED, (void *)map);
		for (size_t i = 0; i < ARRAY_SIZE(walks); i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, walk, &walks[i]));
		for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
			ASSERT_EQ(0, pthread_join(threads[i], NULL));
			EXPECT_FALSE(walks[i].failed);
		}
		if (round % 4 == 3)
			EXPECT_EQ(-1, composite_differs(map, 0, self->length));
		munmap(map, self->whole);
	}
}

TEST_F(composite, page_with_a_hardware_error_raises_sigbus)
{
	const uint64_t at = self->edge + 3 * self->page;
	uint8_t *map = map_whole(self, PROT_READ | PROT_WRITE), *data = malloc(self->whole);

	ASSERT_NE(MAP_FAILED, (void *)map);
	memory_poison(self->b.map + 3 * self->page);
	ASSERT_EQ(SIGBUS, faults(self->b.map + 3 * self->page, false));
	EXPECT_EQ(SIGBUS, faults(map + at, false));
	EXPECT_EQ(SIGBUS, faults(map + at, true));
	EXPECT_EQ(-1, composite_differs(map, 0, at));
	EXPECT_EQ(-1, composite_differs(map + at + self->page, at + self->page,
					self->length - at - self->page));
	EXPECT_EQ(SIGBUS, faults(map + at + 9, false));
	EXPECT_EQ(at, pread(self->fd, data, self->length, 0));
	EXPECT_EQ(-1, composite_differs(data, 0, at));
	EXPECT_ERRNO(EIO, pread(self->fd, data, 1, at));
	free(data);
}

TEST_HARNESS_MAIN
