// SPDX-License-Identifier: GPL-2.0
/* SET_LENGTH changes a number; the number bounds what is mapped anew, and nothing else. */
#include "iobmd_test.h"

FIXTURE(length) {
	size_t page;
	uint64_t capacity;	/* five pages, of the last one 100 bytes */
	size_t size;
	int fd;
	uint8_t *map;		/* all of it, filled with the pattern of seed 1 */
};

FIXTURE_SETUP(length)
{
	self->page = page_size();
	self->capacity = 4 * self->page + 100;
	self->size = 5 * self->page;
	self->fd = iobmd_create(self->capacity);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	fill_pattern(self->map, 0, self->size, 1);
}

/* No length changes the contents, the capacity, the memory, or what is mapped. */
FIXTURE_TEARDOWN(length)
{
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	EXPECT_EQ(self->capacity, IOBMD_INFO(self->fd, capacity));
	EXPECT_EQ(self->size, IOBMD_INFO(self->fd, allocated));
}

TEST_F(length, up_to_the_capacity_is_taken_exactly)
{
	const uint64_t lengths[] = {
		0, 1, self->page - 1, self->page, self->page + 1,
		self->capacity - 1, self->capacity,
	};

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		EXPECT_EQ(0, iobmd_set_length(self->fd, lengths[i]));
		EXPECT_EQ(lengths[i], IOBMD_INFO(self->fd, length));
	}
}

TEST_F(length, above_the_capacity_is_einval)
{
	const uint64_t lengths[] = {
		self->capacity + 1, self->size, self->size + 1, UINT32_MAX,
		1ull << 32, (1ull << 32) + 1, INT64_MAX, 1ull << 63, UINT64_MAX - 1, UINT64_MAX,
	};

	ASSERT_EQ(0, iobmd_set_length(self->fd, 7));
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		EXPECT_ERRNO(EINVAL, iobmd_set_length(self->fd, lengths[i]));
		EXPECT_EQ(7, IOBMD_INFO(self->fd, length));
	}
}

TEST_F(length, shrunk_and_grown_back_finds_the_bytes)
{
	for (uint64_t length = 0; length < self->capacity; length += self->page / 2 + 1) {
		ASSERT_EQ(0, iobmd_set_length(self->fd, length));
		ASSERT_EQ(0, iobmd_set_length(self->fd, self->capacity));
		ASSERT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	}
}

TEST_F(length, of_zero_leaves_mappings_usable)
{
	ASSERT_EQ(0, iobmd_set_length(self->fd, 0));
	for (size_t at = 0; at < self->size; at += self->page) {
		EXPECT_EQ(0, faults(self->map + at, false));
		EXPECT_EQ(0, faults(self->map + at, true));
	}
}

TEST_F(length, of_zero_leaves_untouched_mappings_usable)
{
	uint8_t *untouched = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, (void *)untouched);
	ASSERT_EQ(0, iobmd_set_length(self->fd, 0));
	EXPECT_EQ(0, faults(untouched + self->size - 1, true));
	EXPECT_EQ(-1, check_pattern(untouched, 0, self->size, 1));
}

TEST_F(length, does_not_unmap)
{
	uint64_t present = smaps_bytes(self->map, self->size, "Rss");

	EXPECT_EQ(self->size, present);
	ASSERT_EQ(0, iobmd_set_length(self->fd, 0));
	EXPECT_EQ(present, smaps_bytes(self->map, self->size, "Rss"));
}

TEST_F(length, of_zero_allows_no_new_mapping)
{
	ASSERT_EQ(0, iobmd_set_length(self->fd, 0));
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, 1, PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, 1, PROT_READ, MAP_SHARED, self->fd, self->page));
	EXPECT_MAP_ERRNO(EINVAL, iobmd_map(self->fd, 0, NULL, 0, 0));
	EXPECT_MAP_ERRNO(EINVAL, iobmd_map(self->fd, 0, NULL, 0, 1));
	EXPECT_EQ(1, count_mappings(IOBMD_INFO(self->fd, id)));
}

/* The last page that a mapping may show is the one in which the length ends. */
FIXTURE(bound) {
	size_t page;
	int fd;			/* of five pages */
	size_t pages;		/* in which the length lies */
};

FIXTURE_VARIANT(bound) {
	int pages;
	int bytes;
};

FIXTURE_VARIANT_ADD(bound, one_byte) { 0, 1 };
FIXTURE_VARIANT_ADD(bound, below_a_page) { 1, -1 };
FIXTURE_VARIANT_ADD(bound, page) { 1, 0 };
FIXTURE_VARIANT_ADD(bound, above_a_page) { 1, 1 };
FIXTURE_VARIANT_ADD(bound, below_three_pages) { 3, -1 };
FIXTURE_VARIANT_ADD(bound, three_pages) { 3, 0 };
FIXTURE_VARIANT_ADD(bound, above_three_pages) { 3, 1 };

FIXTURE_SETUP(bound)
{
	uint64_t length;

	self->page = page_size();
	length = variant->pages * self->page + variant->bytes;
	self->pages = page_round(length) / self->page;
	self->fd = iobmd_create(5 * self->page);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, iobmd_set_length(self->fd, length));
}

FIXTURE_TEARDOWN(bound)
{
}

TEST_F(bound, of_mmap_is_the_length_in_whole_pages)
{
	size_t page = self->page;
	size_t size = self->pages * page;

	for (size_t at = 0; at < size; at += page) {
		EXPECT_NE(MAP_FAILED, mmap(NULL, size - at, PROT_READ, MAP_SHARED, self->fd, at));
		EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, size - at + 1, PROT_READ, MAP_SHARED,
					      self->fd, at));
		EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, size - at + page, PROT_READ, MAP_SHARED,
					      self->fd, at));
	}
	for (size_t at = size; at < 6 * page; at += page)
		EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, 1, PROT_READ, MAP_SHARED, self->fd, at));
}

TEST_F(bound, of_map_is_the_length_in_whole_pages)
{
	size_t page = self->page;
	size_t size = self->pages * page;

	for (size_t at = 0; at < size; at += page) {
		EXPECT_NE(MAP_FAILED, iobmd_map(self->fd, 0, NULL, at, size - at));
		EXPECT_MAP_ERRNO(EINVAL, iobmd_map(self->fd, 0, NULL, at, size - at + 1));
		EXPECT_MAP_ERRNO(EINVAL, iobmd_map(self->fd, 0, NULL, at, size - at + page));
	}
	for (size_t at = size; at < 6 * page; at += page) {
		EXPECT_MAP_ERRNO(EINVAL, iobmd_map(self->fd, 0, NULL, at, 1));
		EXPECT_MAP_ERRNO(EINVAL, iobmd_map(self->fd, 0, NULL, at, 0));
	}
}

TEST_F(bound, map_of_length_0_goes_to_the_length)
{
	uint64_t length = IOBMD_INFO(self->fd, length);
	struct iobmd_map args = { .size = sizeof(args) };
	uint8_t *map;

	for (args.offset = 0; args.offset < length; args.offset += self->page) {
		args.address = 0;
		args.length = 0;
		ASSERT_EQ(0, ioctl(self->fd, IOBMD_IOC_MAP, &args));
		EXPECT_EQ(length - args.offset, args.length);
		map = (void *)(uintptr_t)args.address;
		EXPECT_EQ(0, faults(map + args.length - 1, true));
		ASSERT_EQ(0, munmap(map, args.length));
	}
	EXPECT_EQ(0, count_mappings(IOBMD_INFO(self->fd, id)));
}

TEST_F(bound, moves_with_the_length)
{
	size_t size = (self->pages + 1) * self->page;

	EXPECT_MAP_ERRNO(EINVAL, iobmd_map(self->fd, 0, NULL, 0, size));
	ASSERT_EQ(0, iobmd_set_length(self->fd, self->pages * self->page + 1));
	EXPECT_NE(MAP_FAILED, iobmd_map(self->fd, 0, NULL, 0, size));
	EXPECT_NE(MAP_FAILED, mmap(NULL, size, PROT_READ, MAP_SHARED, self->fd, 0));
}

TEST(length_is_the_same_for_every_process_at_once)
{
	int go = event_create(), done = event_create();
	int fd = iobmd_create(1000);
	pid_t pid;

	ASSERT_LE(0, fd);
	IN_CHILD(pid) {
		event_await(go);
		EXPECT_EQ(123, IOBMD_INFO(fd, length));
		EXPECT_EQ(0, iobmd_set_length(fd, 456));
		event_post(done);
	}
	ASSERT_EQ(0, iobmd_set_length(fd, 123));
	event_post(go);
	event_await(done);
	EXPECT_EQ(456, IOBMD_INFO(fd, length));
	EXPECT_EQ(0, child_status(pid));
}

TEST(length_becomes_the_capacity_when_the_buffer_is_resized)
{
	int fd = iobmd_create(1000);

	ASSERT_EQ(0, iobmd_set_length(fd, 10));
	ASSERT_EQ(0, iobmd_resize(fd, 2000));
	EXPECT_EQ(2000, IOBMD_INFO(fd, length));
	ASSERT_EQ(0, iobmd_set_length(fd, 10));
	ASSERT_EQ(0, iobmd_resize(fd, 500));
	EXPECT_EQ(500, IOBMD_INFO(fd, length));
	ASSERT_EQ(0, iobmd_set_length(fd, 10));
	ASSERT_EQ(0, iobmd_resize(fd, 500));
	EXPECT_EQ(500, IOBMD_INFO(fd, length));
}

TEST(length_stays_when_a_resize_is_refused)
{
	int fd = iobmd_create(1000);

	ASSERT_EQ(0, iobmd_set_length(fd, 10));
	EXPECT_ERRNO(EINVAL, iobmd_resize(fd, 0));
	EXPECT_EQ(10, IOBMD_INFO(fd, length));
	EXPECT_EQ(1000, IOBMD_INFO(fd, capacity));
}

TEST(length_keeps_huge_pages_whole)
{
	size_t huge_page = huge_page_size();
	int fd = iobmd_create(2 * huge_page);
	uint64_t huge_bytes = IOBMD_INFO(fd, huge_bytes);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, iobmd_set_length(fd, huge_page / 2 + 1));
	EXPECT_EQ(huge_bytes, IOBMD_INFO(fd, huge_bytes));
	EXPECT_EQ(2 * huge_page, IOBMD_INFO(fd, allocated));
}

TEST_HARNESS_MAIN
