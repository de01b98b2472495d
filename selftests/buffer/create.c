// SPDX-License-Identifier: GPL-2.0
/* What CREATE makes of its arguments, and what it refuses. */
#include "iobmd_test.h"

/* Refused: the argument is untouched, and neither a descriptor nor a buffer is left. */
#define EXPECT_REFUSED(expected, ...) do {				\
	struct iobmd_create __args = { .size = sizeof(__args), __VA_ARGS__ }; \
	struct iobmd_create __before = __args;				\
	int __next_fd = next_fd(), __buffers = buffers_listed(0);	\
									\
	EXPECT_ERRNO(expected, iobmd_create_args(&__args));		\
	EXPECT_EQ(0, memcmp(&__before, &__args, sizeof(__args)));	\
	EXPECT_EQ(__next_fd, next_fd());				\
	EXPECT_GE(__buffers, buffers_listed(0));			\
} while (0)

/* Capacities around the edges: so many huge pages, pages, and bytes. */
FIXTURE(capacity) {
	uint64_t capacity;
	int fd;
};

FIXTURE_VARIANT(capacity) {
	int huge_pages;
	int pages;
	int bytes;
};

FIXTURE_VARIANT_ADD(capacity, one_byte) { 0, 0, 1 };
FIXTURE_VARIANT_ADD(capacity, page_minus_one) { 0, 1, -1 };
FIXTURE_VARIANT_ADD(capacity, page) { 0, 1, 0 };
FIXTURE_VARIANT_ADD(capacity, page_plus_one) { 0, 1, 1 };
FIXTURE_VARIANT_ADD(capacity, odd_pages) { 0, 7, 5 };
FIXTURE_VARIANT_ADD(capacity, huge_page_minus_one) { 1, 0, -1 };
FIXTURE_VARIANT_ADD(capacity, huge_page) { 1, 0, 0 };
FIXTURE_VARIANT_ADD(capacity, huge_page_plus_one) { 1, 0, 1 };
FIXTURE_VARIANT_ADD(capacity, huge_pages_and_a_rest) { 3, 37, 1234 };

FIXTURE_SETUP(capacity)
{
	self->capacity = variant->huge_pages * huge_page_size() +
			 variant->pages * page_size() + variant->bytes;
	self->fd = iobmd_create(self->capacity);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(capacity)
{
}

TEST_F(capacity, is_exact)
{
	EXPECT_EQ(self->capacity, IOBMD_INFO(self->fd, capacity));
}

TEST_F(capacity, is_the_first_length)
{
	EXPECT_EQ(self->capacity, IOBMD_INFO(self->fd, length));
}

TEST_F(capacity, is_allocated_in_whole_pages)
{
	EXPECT_EQ(page_round(self->capacity), IOBMD_INFO(self->fd, allocated));
}

TEST_F(capacity, is_all_zero)
{
	size_t size = page_round(self->capacity);
	void *map = map_buffer(self->fd, PROT_READ);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_bytes(map, size, 0));
}

TEST_F(capacity, is_all_its_own)
{
	size_t size = page_round(self->capacity);
	int other_fd = iobmd_create(self->capacity);
	void *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	void *other = map_buffer(other_fd, PROT_READ);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_NE(MAP_FAILED, other);
	fill_pattern(map, 0, size, 1);
	EXPECT_EQ(-1, check_pattern(map, 0, size, 1));
	EXPECT_EQ(-1, check_bytes(other, size, 0));
}

TEST(capacity_zero_is_einval)
{
	EXPECT_REFUSED(EINVAL, .capacity = 0);
}

FIXTURE(policy) {
	size_t huge_page;
};

FIXTURE_VARIANT(policy) {
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(policy, prefer) { IOBMD_HUGE_PREFER };
FIXTURE_VARIANT_ADD(policy, none) { IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(policy, require) { IOBMD_HUGE_REQUIRE };

FIXTURE_SETUP(policy)
{
	self->huge_page = huge_page_size();
	if (!self->huge_page)
		SKIP(return, "this kernel has no huge pages");
}

FIXTURE_TEARDOWN(policy)
{
}

TEST_F(policy, is_reported)
{
	EXPECT_EQ(variant->huge,
		  IOBMD_INFO(iobmd_create_huge(self->huge_page, variant->huge), huge));
}

TEST_F(policy, says_what_the_memory_is_made_of)
{
	size_t capacity = 2 * self->huge_page;
	int fd = iobmd_create_huge(capacity, variant->huge);

	ASSERT_LE(0, fd);
	EXPECT_EQ(variant->huge == IOBMD_HUGE_NONE ? 0 : capacity, IOBMD_INFO(fd, huge_bytes));
}

/* What a buffer leaves behind when it goes is not seen in the next. */
TEST_F(policy, memory_of_a_freed_buffer_comes_back_zero)
{
	size_t capacity = 2 * self->huge_page;
	void *map;
	int fd;

	for (int i = 0; i < 4; i++) {
		fd = iobmd_create_huge(capacity, variant->huge);
		ASSERT_LE(0, fd);
		map = map_buffer(fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, map);
		ASSERT_EQ(-1, check_bytes(map, capacity, 0));
		memset(map, 0xa5, capacity);
		ASSERT_EQ(0, munmap(map, capacity));
		ASSERT_EQ(0, close(fd));
	}
}

TEST(policy_unknown_is_einval)
{
	EXPECT_REFUSED(EINVAL, .capacity = 1, .huge = IOBMD_HUGE_REQUIRE + 1);
	for (int bit = 2; bit < 32; bit++)
		EXPECT_REFUSED(EINVAL, .capacity = 1, .huge = 1u << bit);
}

TEST(policy_require_with_a_part_of_a_huge_page_is_einval)
{
	size_t huge_page = huge_page_size();

	if (!huge_page)
		SKIP(return, "this kernel has no huge pages");
	EXPECT_REFUSED(EINVAL, .capacity = 1, .huge = IOBMD_HUGE_REQUIRE);
	EXPECT_REFUSED(EINVAL, .capacity = huge_page - 1, .huge = IOBMD_HUGE_REQUIRE);
	EXPECT_REFUSED(EINVAL, .capacity = huge_page + page_size(), .huge = IOBMD_HUGE_REQUIRE);
}

TEST(direction_is_reported_and_0_is_both)
{
	const uint32_t both = IOBMD_DIRECTION_IN | IOBMD_DIRECTION_OUT;

	for (uint32_t direction = 0; direction <= both; direction++) {
		struct iobmd_create args = { .capacity = 1, .direction = direction };

		EXPECT_EQ(direction ?: both, IOBMD_INFO(iobmd_create_args(&args), direction));
	}
}

TEST(direction_takes_no_right_of_the_cpu)
{
	for (uint32_t direction = 1; direction <= 2; direction++) {
		struct iobmd_create args = { .capacity = 1, .direction = direction };
		void *map = map_buffer(iobmd_create_args(&args), PROT_READ | PROT_WRITE);

		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(0, faults(map, true));
		EXPECT_EQ(0, faults(map, false));
	}
}

TEST(direction_unknown_is_einval)
{
	for (int bit = 2; bit < 32; bit++)
		EXPECT_REFUSED(EINVAL, .capacity = 1,
			       .direction = 1u << bit | IOBMD_DIRECTION_IN);
}

TEST(id_is_larger_than_any_before)
{
	uint64_t last = 0, id;
	int kept = -1;

	for (int i = 0; i < 20; i++) {
		int fd = iobmd_create(1);

		ASSERT_LE(0, fd);
		id = IOBMD_INFO(fd, id);
		EXPECT_LT(last, id);
		last = id;
		close(i % 3 ? fd : kept);
		if (i % 3 == 0)
			kept = fd;
	}
}

TEST(id_is_the_inode_number)
{
	int fd = iobmd_create(1);
	struct stat st;

	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(st.st_ino, IOBMD_INFO(fd, id));
}

TEST(descriptor_is_close_on_exec)
{
	int fd = iobmd_create(1);

	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
}

TEST(descriptor_may_be_read_and_written)
{
	int fd = iobmd_create(1);

	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(IOBMD_RIGHTS_ALL, IOBMD_INFO(fd, rights));
}

TEST(device_is_not_needed_afterwards)
{
	struct iobmd_create args = { .size = sizeof(args), .capacity = 1 };
	int device = iobmd_open();
	int fd = ioctl(device, IOBMD_IOC_CREATE, &args);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, close(device));
	EXPECT_EQ(1, IOBMD_INFO(fd, capacity));
	EXPECT_EQ(0, faults(map_buffer(fd, PROT_READ | PROT_WRITE), true));
}

TEST(info_names_the_units_of_memory)
{
	struct iobmd_get_info info;

	ASSERT_EQ(0, iobmd_get_info(iobmd_create(1), &info));
	EXPECT_EQ(page_size(), info.page_size);
	EXPECT_EQ(0, info.huge_page_size & (info.huge_page_size - 1));
	EXPECT_TRUE(!info.huge_page_size || info.huge_page_size > info.page_size);
}

TEST(info_leaves_size_and_flags_alone)
{
	struct iobmd_get_info info;

	ASSERT_EQ(0, iobmd_get_info(iobmd_create(1), &info));
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(0, info.flags);
}

TEST(info_without_a_node_says_minus_one)
{
	EXPECT_EQ(-1, IOBMD_INFO(iobmd_create(1), node));
}

TEST_HARNESS_MAIN
