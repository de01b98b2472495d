// SPDX-License-Identifier: GPL-2.0
/*
 * Page faults: few, and right. A window is what one page table covers, as large
 * as a huge page.
 */
#include "iobmd_test.h"

#include <sys/resource.h>

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

/* The minor faults of touching every page. Compiled once: the setup has it mapped. */
static __attribute__((noipa)) long touch(volatile uint8_t *map, size_t size, bool write)
{
	size_t page = page_size();
	long before = minor_faults();

	for (size_t at = 0; at < size; at += page) {
		if (write)
			map[at] = 1;
		else
			(void)map[at];
	}
	return minor_faults() - before;
}

/* An address that is a multiple of @alignment, with @size free bytes from there on. */
static uint8_t *free_address(size_t size, size_t alignment)
{
	uint8_t *area = mmap(NULL, size + alignment, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(area, size + alignment);
	return (uint8_t *)(((uintptr_t)area + alignment - 1) / alignment * alignment);
}

FIXTURE(fault) {
	size_t page;
	size_t window;
	size_t size;		/* three windows and a few pages */
	int fd;
};

FIXTURE_VARIANT(fault) {
	uint32_t huge;
	bool write;
};

FIXTURE_VARIANT_ADD(fault, huge_read) { IOBMD_HUGE_PREFER, false };
FIXTURE_VARIANT_ADD(fault, huge_write) { IOBMD_HUGE_PREFER, true };
FIXTURE_VARIANT_ADD(fault, small_read) { IOBMD_HUGE_NONE, false };
FIXTURE_VARIANT_ADD(fault, small_write) { IOBMD_HUGE_NONE, true };

FIXTURE_SETUP(fault)
{
	uint8_t warm = 0;

	self->page = page_size();
	self->window = huge_page_size();
	if (!self->window)
		SKIP(return, "this kernel has no huge pages");
	self->size = 3 * self->window + 5 * self->page;
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	/* The code that counts may fault too, once */
	touch(&warm, sizeof(warm), false);
	touch(&warm, sizeof(warm), true);
}

FIXTURE_TEARDOWN(fault)
{
}

#define map_at(address, offset, length)					\
	((uint8_t *)iobmd_map(self->fd, IOBMD_MAP_F_FIXED, address, offset, length))

TEST_F(fault, first_touch_of_a_window_takes_two_at_most)
{
	uint8_t *map = map_at(free_address(self->size, self->window), 0, self->size);

	ASSERT_NE(MAP_FAILED, (void *)map);
	for (int i = 0; i < 3; i++)
		EXPECT_GE(2, touch(map + i * self->window, self->window, variant->write));
	EXPECT_GE(2, touch(map + 3 * self->window, 5 * self->page, variant->write));
}

TEST_F(fault, first_touch_of_an_unaligned_window_takes_two_at_most)
{
	uint8_t *address = free_address(self->size + self->window, self->window);
	size_t part = self->window - 3 * self->page;
	uint8_t *map = map_at(address + 3 * self->page, 0, self->size);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_GE(2, touch(map, part, variant->write));
	EXPECT_GE(2, touch(map + part, self->window, variant->write));
}

/* The window goes both ways from where it is touched. */
TEST_F(fault, first_touch_of_a_window_backwards_takes_two_at_most)
{
	uint8_t *map = map_at(free_address(self->size, self->window), 0, self->size);
	long count = 0;

	ASSERT_NE(MAP_FAILED, (void *)map);
	for (size_t at = self->window; at; at -= self->page)
		count += touch(map + at - self->page, self->page, variant->write);
	EXPECT_GE(2, count);
}

TEST_F(fault, second_touch_takes_none)
{
	uint8_t *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, (void *)map);
	touch(map, self->size, variant->write);
	EXPECT_EQ(0, touch(map, self->size, variant->write));
}

TEST_F(fault, prefault_leaves_none)
{
	uint8_t *map = iobmd_map(self->fd, IOBMD_MAP_F_PREFAULT, NULL, 0, 0);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(self->size, smaps_bytes(map, self->size, "Rss"));
	EXPECT_EQ(0, touch(map, self->size, variant->write));
}

TEST_F(fault, prefault_of_a_read_only_mapping_leaves_none)
{
	uint32_t flags = IOBMD_MAP_F_PREFAULT | IOBMD_MAP_F_READ_ONLY;
	uint8_t *map = iobmd_map(self->fd, flags, NULL, 0, 0);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(0, touch(map, self->size, false));
}

TEST_F(fault, prefault_of_a_part_leaves_none_there)
{
	uint8_t *map = iobmd_map(self->fd, IOBMD_MAP_F_PREFAULT, NULL, self->page, self->window);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(0, touch(map, self->window, variant->write));
}

/* Stamps each page with where it is in the buffer. */
static void stamp(uint8_t *map, size_t size, size_t page)
{
	for (uint64_t at = 0; at < size; at += page)
		memcpy(map + at, &at, sizeof(at));
}

/* The first page of @map that is not the one that belongs there, or -1. */
static ssize_t misplaced(const uint8_t *map, uint64_t offset, size_t size, size_t page)
{
	uint64_t stamped;

	for (size_t at = 0; at < size; at += page) {
		memcpy(&stamped, map + at, sizeof(stamped));
		if (stamped != offset + at)
			return at / page;
	}
	return -1;
}

TEST_F(fault, shows_each_page_where_it_belongs)
{
	const size_t shifts[] = { 0, 1, 3, 255, 256, 511 };
	size_t window = self->window, page = self->page, length = 2 * window;
	uint8_t *all = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	uint8_t *address = free_address(self->size + window, window);

	ASSERT_NE(MAP_FAILED, (void *)all);
	stamp(all, self->size, page);
	for (size_t i = 0; i < ARRAY_SIZE(shifts) * ARRAY_SIZE(shifts); i++) {
		size_t offset = shifts[i % ARRAY_SIZE(shifts)] * page % window;
		size_t shift = shifts[i / ARRAY_SIZE(shifts)] * page % window;
		uint8_t *map = map_at(address + shift, offset, length);

		ASSERT_NE(MAP_FAILED, (void *)map);
		ASSERT_EQ(0, faults(map + length / 2, variant->write));
		EXPECT_EQ(-1, misplaced(map, offset, length, page)) {
			TH_LOG("offset %#zx, address ...%#zx", offset, shift);
		}
		ASSERT_EQ(0, munmap(map, length));
	}
}

TEST_F(fault, does_not_reach_into_a_hole_or_a_neighbour)
{
	size_t page = self->page, middle = self->window / 2;
	uint8_t *map = map_at(free_address(self->window, self->window), 0, self->window);
	uint8_t *neighbour = map + middle;

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(0, munmap(neighbour, 2 * page));
	ASSERT_EQ((void *)neighbour, mmap(neighbour, page, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	touch(map, middle, variant->write);
	touch(map + middle + 2 * page, self->window - middle - 2 * page, variant->write);
	EXPECT_EQ(-1, check_bytes(neighbour, page, 0));
	EXPECT_EQ(SIGSEGV, faults(neighbour + page, false));
}

TEST_F(fault, of_a_partial_mapping_shows_no_more_than_that)
{
	uint8_t *address = free_address(2 * self->window, self->window);
	uint8_t *map = map_at(address + self->page, self->page, 3 * self->page);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(0, faults(map + self->page, variant->write));
	EXPECT_EQ(SIGSEGV, faults(map - 1, false));
	EXPECT_EQ(SIGSEGV, faults(map + 3 * self->page, false));
}

/* A page that a read has mapped is still to be writable, and only where allowed. */
TEST_F(fault, by_read_does_not_keep_writes_out)
{
	uint8_t *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	uint8_t *other = map_buffer(self->fd, PROT_READ);

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_NE(MAP_FAILED, (void *)other);
	touch(map, self->size, false);
	touch(other, self->size, false);
	for (size_t at = 0; at < self->size; at += self->page) {
		map[at] = at / self->page;
		ASSERT_EQ((uint8_t)(at / self->page), other[at]);
	}
	EXPECT_EQ(SIGSEGV, faults(other, true));
}

TEST_F(fault, by_write_in_one_mapping_gives_no_right_to_another)
{
	uint8_t *other = map_buffer(self->fd, PROT_READ);
	uint8_t *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_NE(MAP_FAILED, (void *)other);
	touch(map, self->size, variant->write);
	EXPECT_EQ(SIGSEGV, faults(other + self->window, true));
	touch(other, self->size, false);
	EXPECT_EQ(SIGSEGV, faults(other + self->size - 1, true));
}

TEST_HARNESS_MAIN
