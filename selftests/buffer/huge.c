// SPDX-License-Identifier: GPL-2.0
/* What the memory is made of, and that page tables show it. */
#include "machine.h"
#include "pin.h"

#include <sys/mman.h>
#include <sys/resource.h>

#define HUGE_PAGES	32

FIXTURE(huge)
{
	size_t page;
	uint64_t huge;
	uint64_t size;
	int fd;
	uint8_t *map;
};

/* An even number, up to HUGE_PAGES, in an eighth of the memory at most; mapped and not touched */
FIXTURE_SETUP(huge)
{
	memory_tidy();
	self->page = page_size();
	self->huge = huge_page_size();
	ASSERT_LT(self->page, self->huge);
	self->size = meminfo("MemTotal:") / 16 / self->huge * 2 * self->huge;
	if (self->size > HUGE_PAGES * self->huge)
		self->size = HUGE_PAGES * self->huge;
	self->fd = iobmd_create(self->size);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
}

FIXTURE_TEARDOWN(huge)
{
	munmap(self->map, self->size);
	close(self->fd);
}

static uint64_t mapped_huge(const void *map, uint64_t size)
{
	return smaps_bytes(map, size, "FilePmdMapped");
}

static void touch(const void *map, uint64_t size, uint64_t step, bool write)
{
	for (uint64_t at = 0; at < size; at += step)
		faults((const char *)map + at, write);
}

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

TEST_F(huge, is_what_all_of_a_multiple_is_made_of)
{
	EXPECT_EQ(self->size, IOBMD_INFO(self->fd, huge_bytes));
}

TEST_F(huge, mapping_is_aligned_for_it)
{
	if (!ADDRESSES_FIT_HUGE_PAGES)
		SKIP(return, NO_ADDRESS_FITS);
	EXPECT_EQ(0, (uintptr_t)self->map % self->huge);
}

TEST_F(huge, one_read_in_each_maps_it_whole)
{
	touch(self->map, self->size, self->huge, false);
	EXPECT_EQ(self->size, mapped_huge(self->map, self->size));
}

TEST_F(huge, one_write_in_each_maps_it_whole)
{
	touch(self->map, self->size, self->huge, true);
	EXPECT_EQ(self->size, mapped_huge(self->map, self->size));
}

TEST_F(huge, touching_every_page_maps_all_of_it)
{
	touch(self->map, self->size, self->page, true);
	EXPECT_EQ(self->size, mapped_huge(self->map, self->size));
}

TEST_F(huge, the_last_one_is_mapped_whole_too)
{
	EXPECT_EQ(0, faults(self->map + self->size - 1, true));
	EXPECT_EQ(self->huge, mapped_huge(self->map, self->size));
}

TEST_F(huge, each_faults_once)
{
	long before = minor_faults();

	touch(self->map, self->size, self->page, true);
	EXPECT_GE(self->size / self->huge + 2, minor_faults() - before);
}

TEST_F(huge, mapping_by_the_ioctl_is_mapped_whole)
{
	void *map = iobmd_map(self->fd, 0, NULL, 0, 0);

	if (!ADDRESSES_FIT_HUGE_PAGES)
		SKIP(return, NO_ADDRESS_FITS);
	ASSERT_NE(MAP_FAILED, map);
	touch(map, self->size, self->huge, true);
	EXPECT_EQ(self->size, mapped_huge(map, self->size));
	munmap(map, self->size);
}

TEST_F(huge, mapping_of_a_window_that_begins_within_one_has_the_others)
{
	int window = iobmd_window(self->fd, self->huge / 2, self->huge * 4);
	void *map = map_buffer(window, PROT_READ | PROT_WRITE);

	if (!ADDRESSES_FIT_HUGE_PAGES)
		SKIP(return, NO_ADDRESS_FITS);
	ASSERT_NE(MAP_FAILED, map);
	touch(map, self->huge * 4, self->huge / 2, true);
	EXPECT_EQ(self->huge * 3, mapped_huge(map, self->huge * 4));
	EXPECT_EQ(self->huge / 2, (uintptr_t)map % self->huge);
	EXPECT_EQ(0, munmap(map, self->huge * 4));
	close(window);
}

TEST_F(huge, read_only_mapping_is_mapped_whole)
{
	void *map = map_buffer(self->fd, PROT_READ);

	ASSERT_NE(MAP_FAILED, map);
	touch(map, self->size, self->huge, false);
	EXPECT_EQ(self->size, mapped_huge(map, self->size));
	munmap(map, self->size);
}

TEST_F(huge, physical_pages_are_contiguous_in_each)
{
	touch(self->map, self->size, self->huge, false);
	for (uint64_t at = 0; at < self->size; at += self->huge) {
		uint64_t first = page_frame(self->map + at);

		EXPECT_EQ(0, first % (self->huge / self->page));
		EXPECT_EQ(first + self->huge / self->page - 1,
			  page_frame(self->map + at + self->huge - 1));
	}
}

TEST_F(huge, grown_part_is_huge_and_mapped_whole)
{
	uint64_t size = self->size + 4 * self->huge;
	void *map;

	ASSERT_EQ(0, iobmd_resize(self->fd, size));
	EXPECT_EQ(size, IOBMD_INFO(self->fd, huge_bytes));
	map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	touch(map, size, self->huge, true);
	EXPECT_EQ(size, mapped_huge(map, size));
	munmap(map, size);
}

TEST_F(huge, shrink_to_an_edge_leaves_the_rest_huge)
{
	stamp_pages(self->map, self->size);
	ASSERT_EQ(0, iobmd_resize(self->fd, self->size / 2));
	EXPECT_EQ(self->size / 2, IOBMD_INFO(self->fd, huge_bytes));
	EXPECT_EQ(-1, stamps_lost(self->map, self->size / 2));
	EXPECT_EQ(self->size / 2, mapped_huge(self->map, self->size));
}

TEST_F(huge, shrink_into_one_leaves_the_others_huge)
{
	uint64_t end = self->size / 2 + self->page;

	ASSERT_EQ(0, iobmd_resize(self->fd, end));
	EXPECT_EQ(self->size / 2, IOBMD_INFO(self->fd, huge_bytes));
	touch(self->map, end, self->huge, true);
	EXPECT_EQ(self->size / 2, mapped_huge(self->map, self->size));
}

TEST_F(huge, partial_munmap_leaves_the_rest)
{
	uint64_t hole = 3 * self->huge + 5 * self->page;

	stamp_pages(self->map, self->size);
	ASSERT_EQ(0, munmap(self->map + hole, self->page));
	EXPECT_EQ(SIGSEGV, faults(self->map + hole, false));
	EXPECT_EQ(-1, stamps_lost(self->map, hole));
	for (uint64_t at = hole + self->page; at < self->size; at += self->page) {
		ASSERT_EQ(stamp_of(at), *(uint64_t *)(self->map + at));
	}
	EXPECT_EQ(self->size - self->huge, mapped_huge(self->map, self->size));
}

TEST_F(huge, partial_mprotect_leaves_contents_and_the_rest_writable)
{
	uint8_t *part = self->map + self->huge + 5 * self->page;

	stamp_pages(self->map, self->size);
	ASSERT_EQ(0, mprotect(part, self->page, PROT_READ));
	EXPECT_EQ(SIGSEGV, faults(part, true));
	EXPECT_EQ(0, faults(part - 1, true));
	EXPECT_EQ(0, faults(part + self->page, true));
	EXPECT_EQ(-1, stamps_lost(self->map, self->size));
	ASSERT_EQ(0, mprotect(part, self->page, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, faults(part, true));
}

TEST_F(huge, refaults_whole_after_dontneed)
{
	stamp_pages(self->map, self->size);
	ASSERT_EQ(0, madvise(self->map, self->size, MADV_DONTNEED));
	EXPECT_EQ(0, mapped_huge(self->map, self->size));
	EXPECT_EQ(-1, stamps_lost(self->map, self->size));
	EXPECT_EQ(self->size, mapped_huge(self->map, self->size));
}

TEST_F(huge, forked_child_maps_it_whole_and_shares_it)
{
	pid_t pid;

	stamp_pages(self->map, self->size);
	IN_CHILD(pid) {
		EXPECT_EQ(-1, stamps_lost(self->map, self->size));
		EXPECT_EQ(self->size, mapped_huge(self->map, self->size));
		self->map[self->size - 1] = 9;
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(9, self->map[self->size - 1]);
}

TEST_F(huge, mapping_from_an_odd_offset_shows_the_right_pages)
{
	uint64_t shift = 3 * self->page, size = self->size - shift;
	uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, shift);

	ASSERT_NE(MAP_FAILED, map);
	stamp_pages(self->map, self->size);
	for (uint64_t at = 0; at < size; at += self->page) {
		ASSERT_EQ(stamp_of(shift + at), *(uint64_t *)(map + at));
	}
	EXPECT_EQ(page_frame(self->map + shift), page_frame(map));
	munmap(map, size);
}

TEST_F(huge, mapping_at_an_odd_address_works_page_by_page)
{
	uint8_t *room = mmap(NULL, self->size + 2 * self->huge, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *odd, *map;

	ASSERT_NE(MAP_FAILED, room);
	odd = room + self->huge - (uintptr_t)room % self->huge + self->page;
	map = mmap(odd, self->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		   self->fd, 0);
	ASSERT_EQ(odd, map);
	stamp_pages(self->map, self->size);
	EXPECT_EQ(-1, stamps_lost(map, self->size));
	EXPECT_EQ(0, mapped_huge(map, self->size));
	EXPECT_EQ(page_frame(self->map), page_frame(map));
	munmap(room, self->size + 2 * self->huge);
}

TEST_F(huge, mapping_that_ends_within_one_shows_no_page_beyond)
{
	uint64_t size = self->huge + self->page;
	uint8_t *map = mmap(address_hint(self->fd, size), size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    self->fd, 0);

	ASSERT_NE(MAP_FAILED, map);
	stamp_pages(self->map, self->size);
	EXPECT_EQ(-1, stamps_lost(map, size));
	EXPECT_EQ(self->huge, mapped_huge(map, size));
	munmap(map, size);
}

TEST(small_where_policy_is_none)
{
	uint64_t huge = huge_page_size(), size = 4 * huge;
	int fd = iobmd_create_huge(size, IOBMD_HUGE_NONE);
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	stamp_pages(map, size);
	EXPECT_EQ(0, IOBMD_INFO(fd, huge_bytes));
	EXPECT_EQ(0, mapped_huge(map, size));
	EXPECT_EQ(-1, stamps_lost(map, size));
	munmap(map, size);
	close(fd);
}

TEST(small_pages_fault_as_seldom_as_huge_ones)
{
	uint64_t huge = huge_page_size(), size = 4 * huge;
	int fd = iobmd_create_huge(size, IOBMD_HUGE_NONE);
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);
	long before = minor_faults();

	ASSERT_NE(MAP_FAILED, map);
	touch(map, size, page_size(), true);
	EXPECT_GE(4 + 2, minor_faults() - before);
	munmap(map, size);
	close(fd);
}

TEST(huge_as_far_as_the_size_goes_and_small_beyond)
{
	uint64_t huge = huge_page_size(), size = huge + huge / 2 + page_size();
	int fd = iobmd_create(size);
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(huge, IOBMD_INFO(fd, huge_bytes));
	EXPECT_EQ(size, IOBMD_INFO(fd, allocated));
	EXPECT_EQ(-1, check_bytes(map, size, 0));
	stamp_pages(map, size);
	EXPECT_EQ(-1, stamps_lost(map, size));
	EXPECT_EQ(huge, mapped_huge(map, size));
	munmap(map, size);
	close(fd);
}

TEST(required_means_all_of_it)
{
	uint64_t size = 5 * huge_page_size();
	int fd = iobmd_create_huge(size, IOBMD_HUGE_REQUIRE);

	ASSERT_LE(0, fd);
	EXPECT_EQ(size, IOBMD_INFO(fd, huge_bytes));
	close(fd);
}

TEST(required_refuses_a_capacity_that_is_no_multiple)
{
	uint64_t huge = huge_page_size();

	EXPECT_ERRNO(EINVAL, iobmd_create_huge(1, IOBMD_HUGE_REQUIRE));
	EXPECT_ERRNO(EINVAL, iobmd_create_huge(huge + 1, IOBMD_HUGE_REQUIRE));
	EXPECT_ERRNO(EINVAL, iobmd_create_huge(2 * huge - page_size(), IOBMD_HUGE_REQUIRE));
	EXPECT_EQ(0, buffers_listed(0));
}

TEST_HARNESS_MAIN
