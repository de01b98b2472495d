// SPDX-License-Identifier: GPL-2.0
/* Nothing that user space may ask of memory loses, swaps or moves a buffer's. */
#include "machine.h"
#include "pin.h"

#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* MPOL_MF_MOVE of move_pages(2) */
#define MOVE	(1 << 1)

#define PAGES_WATCHED	8

FIXTURE(unmoved)
{
	uint64_t huge;
	uint64_t size;
	int fd;
	uint8_t *map;
	uint64_t frames[PAGES_WATCHED];
};

FIXTURE_VARIANT(unmoved)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(unmoved, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(unmoved, huge) { .huge = IOBMD_HUGE_PREFER };

static uint8_t *watched(FIXTURE_DATA(unmoved) *self, int i)
{
	return self->map + i * (self->size / PAGES_WATCHED);
}

FIXTURE_SETUP(unmoved)
{
	self->huge = huge_page_size();
	self->size = 4 * self->huge;
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	stamp_pages(self->map, self->size);
	for (int i = 0; i < PAGES_WATCHED; i++) {
		self->frames[i] = page_frame(watched(self, i));
		ASSERT_NE(0, self->frames[i]);
	}
}

FIXTURE_TEARDOWN(unmoved)
{
	munmap(self->map, self->size);
	close(self->fd);
}

#define EXPECT_UNMOVED(self) do {					\
	EXPECT_EQ(-1, stamps_lost((self)->map, (self)->size));		\
	for (int __i = 0; __i < PAGES_WATCHED; __i++)			\
		EXPECT_EQ((self)->frames[__i], page_frame(watched(self, __i))); \
	EXPECT_EQ((self)->size, IOBMD_INFO((self)->fd, allocated));	\
} while (0)

/* A new look at the page tables: huge pages are so still. */
#define EXPECT_AS_HUGE(self, variant) do {				\
	uint64_t __huge = (variant)->huge == IOBMD_HUGE_NONE ? 0 : (self)->size; \
									\
	ASSERT_EQ(0, madvise((self)->map, (self)->size, MADV_DONTNEED)); \
	EXPECT_EQ(-1, stamps_lost((self)->map, (self)->size));		\
	EXPECT_EQ(__huge, smaps_bytes((self)->map, (self)->size, "FilePmdMapped")); \
	EXPECT_EQ(__huge, IOBMD_INFO((self)->fd, huge_bytes));		\
} while (0)

TEST_F(unmoved, by_advice)
{
	static const int advice[] = {
		MADV_COLD, MADV_PAGEOUT, MADV_DONTNEED, MADV_WILLNEED, MADV_SEQUENTIAL,
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_POPULATE_WRITE, MADV_COLLAPSE,
		MADV_MERGEABLE, MADV_DONTDUMP, MADV_FREE,
	};

	for (size_t i = 0; i < ARRAY_SIZE(advice); i++) {
		madvise(self->map, self->size, advice[i]);
		EXPECT_UNMOVED(self);
	}
}

TEST_F(unmoved, by_advice_on_a_part_of_a_huge_page)
{
	static const int advice[] = { MADV_COLD, MADV_PAGEOUT, MADV_DONTNEED };

	for (size_t i = 0; i < ARRAY_SIZE(advice); i++) {
		madvise(self->map + page_size(), self->huge / 2, advice[i]);
		EXPECT_UNMOVED(self);
		EXPECT_AS_HUGE(self, variant);
	}
}

TEST_F(unmoved, by_a_hole_that_is_refused)
{
	EXPECT_EQ(-1, madvise(self->map, self->huge, MADV_REMOVE));
	EXPECT_UNMOVED(self);
	EXPECT_EQ(-1, fallocate(self->fd, 0x03 /* keep size, punch */, 0, self->huge));
	EXPECT_UNMOVED(self);
	ASSERT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_SHRINK));
	EXPECT_ERRNO(EBUSY, ftruncate(self->fd, self->huge));
	EXPECT_UNMOVED(self);
}

TEST_F(unmoved, by_file_advice_and_sync)
{
	posix_fadvise(self->fd, 0, 0, POSIX_FADV_DONTNEED);
	EXPECT_UNMOVED(self);
	msync(self->map, self->size, MS_SYNC | MS_INVALIDATE);
	EXPECT_UNMOVED(self);
}

TEST_F(unmoved, by_dropping_caches)
{
	ASSERT_EQ(0, file_write("/proc/sys/vm/drop_caches", "3"));
	EXPECT_UNMOVED(self);
	ASSERT_EQ(0, munmap(self->map, self->size));
	ASSERT_EQ(0, file_write("/proc/sys/vm/drop_caches", "3"));
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	EXPECT_UNMOVED(self);
	EXPECT_AS_HUGE(self, variant);
}

TEST_F(unmoved, by_compaction)
{
	ASSERT_EQ(0, file_write("/proc/sys/vm/compact_memory", "1"));
	EXPECT_UNMOVED(self);
	ASSERT_EQ(0, munmap(self->map, self->size));
	ASSERT_EQ(0, file_write("/proc/sys/vm/compact_memory", "1"));
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	EXPECT_UNMOVED(self);
	EXPECT_AS_HUGE(self, variant);
}

TEST_F_TIMEOUT(unmoved, by_compaction_while_it_grows_and_shrinks, 120)
{
	uint64_t size = self->size, grown = 16 * self->huge;
	pid_t compaction = compaction_start();
	uint8_t *map;

	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, iobmd_resize(self->fd, grown));
		map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, map);
		for (uint64_t at = size; at < grown; at += page_size()) {
			ASSERT_EQ(0, faults(map + at, true));
		}
		ASSERT_EQ(-1, check_bytes(map + size, grown - size, 0));
		memset(map + size, 0xaa, grown - size);
		munmap(map, grown);
		AWAIT(!iobmd_resize(self->fd, size) || errno != EBUSY);
		ASSERT_EQ(size, IOBMD_INFO(self->fd, capacity));
	}
	compaction_stop(compaction);
	EXPECT_UNMOVED(self);
	EXPECT_AS_HUGE(self, variant);
}

TEST_F(unmoved, by_move_pages_to_another_node)
{
	void *page = self->map;
	int status = 0;

	for (int to = 0; to < 2; to++) {
		syscall(SYS_move_pages, 0, 1, &page, &to, &status, MOVE);
		EXPECT_UNMOVED(self);
	}
}

/* A clean page of a file could be dropped unnoticed: its contents are on a disk. */
TEST_F(unmoved, by_advice_on_pages_never_written)
{
	uint64_t size = 2 * self->huge, first, last;
	int fd = iobmd_create_huge(size, variant->huge);
	uint8_t *map = map_buffer(fd, PROT_READ);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(-1, check_bytes(map, size, 0));
	first = page_frame(map);
	last = page_frame(map + size - 1);
	madvise(map, size, MADV_PAGEOUT);
	ASSERT_EQ(0, faults(map, false));
	ASSERT_EQ(0, faults(map + size - 1, false));
	munmap(map, size);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	map = map_buffer(fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, faults(map, false));
	ASSERT_EQ(0, faults(map + size - 1, false));
	EXPECT_EQ(-1, check_bytes(map, size, 0));
	EXPECT_EQ(first, page_frame(map));
	EXPECT_EQ(last, page_frame(map + size - 1));
	munmap(map, size);
	close(fd);
}

/* All that a memory cgroup can be made to give back */
TEST_F(unmoved, by_reclaim)
{
	struct cgroup group;
	uint8_t *map;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, cgroup_create(&group, "iobmd_reclaim"));
	IN_CHILD(pid) {
		ASSERT_EQ(0, cgroup_join(&group));
		fd = iobmd_create_huge(self->size, variant->huge);
		map = map_buffer(fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, map);
		stamp_pages(map, self->size);
		cgroup_set(&group, "memory.reclaim", self->size);
		EXPECT_LE(self->size, cgroup_charged(&group));
		EXPECT_EQ(-1, stamps_lost(map, self->size));
		munmap(map, self->size);
		EXPECT_LE(self->size, cgroup_charged(&group));
		cgroup_set(&group, "memory.reclaim", self->size);
		EXPECT_LE(self->size, cgroup_charged(&group));
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(0, cgroup_free(&group));
}

TEST_HARNESS_MAIN
