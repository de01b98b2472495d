// SPDX-License-Identifier: GPL-2.0
/* Where the memory of a buffer lies: its physical alignment, and its NUMA node. */
#include "node.h"

static int create_aligned(uint64_t capacity, uint64_t alignment, uint32_t huge)
{
	struct iobmd_create args = {
		.capacity = capacity,
		.alignment = alignment,
		.huge = huge,
	};

	return iobmd_create_args(&args);
}

/*
 * The first page of @map that is not where its stretch of @alignment bytes says
 * that it must be; -1 if all are right.
 */
static ssize_t misplaced_page(const uint8_t *map, size_t size, size_t alignment)
{
	size_t stretch = alignment / page_size();
	uint64_t frame, first = 0;

	for (size_t page = 0; page < size / page_size(); page++) {
		faults(map + page * page_size(), false);
		frame = page_frame(map + page * page_size());
		if (page % stretch == 0)
			first = frame;
		if (!frame || first % stretch || frame != first + page % stretch)
			return page;
	}
	return -1;
}

static ssize_t misplaced_page_of(int fd, size_t alignment)
{
	size_t size = IOBMD_INFO(fd, allocated);
	void *map = map_buffer(fd, PROT_READ | PROT_WRITE);
	ssize_t page;

	if (map == MAP_FAILED)
		return -2;
	page = misplaced_page(map, size, alignment);
	munmap(map, size);
	return page;
}

FIXTURE(alignment) {
	size_t largest;
};

FIXTURE_VARIANT(alignment) {
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(alignment, prefer) { IOBMD_HUGE_PREFER };
FIXTURE_VARIANT_ADD(alignment, none) { IOBMD_HUGE_NONE };

FIXTURE_SETUP(alignment)
{
	self->largest = huge_page_size() ?: page_size();
}

FIXTURE_TEARDOWN(alignment)
{
}

TEST_F(alignment, up_to_a_page_changes_nothing)
{
	for (size_t alignment = 1; alignment <= page_size(); alignment *= 2) {
		int fd = create_aligned(77, alignment, variant->huge);

		ASSERT_LE(0, fd);
		EXPECT_EQ(alignment, IOBMD_INFO(fd, alignment));
		EXPECT_EQ(77, IOBMD_INFO(fd, capacity));
		EXPECT_EQ(page_size(), IOBMD_INFO(fd, allocated));
		close(fd);
	}
}

TEST_F(alignment, 0_is_reported_as_such)
{
	EXPECT_EQ(0, IOBMD_INFO(create_aligned(1, 0, variant->huge), alignment));
}

TEST_F(alignment, stretches_are_contiguous_and_naturally_aligned)
{
	for (size_t alignment = 2 * page_size(); alignment <= self->largest; alignment *= 2) {
		int fd = create_aligned(3 * alignment, alignment, variant->huge);

		ASSERT_LE(0, fd);
		EXPECT_EQ(alignment, IOBMD_INFO(fd, alignment));
		EXPECT_EQ(-1, misplaced_page_of(fd, alignment)) {
			TH_LOG("alignment %zu", alignment);
		}
		close(fd);
	}
}

TEST_F(alignment, last_stretch_cut_short_is_contiguous_too)
{
	for (size_t alignment = 4 * page_size(); alignment <= self->largest; alignment *= 2) {
		uint64_t capacity = alignment + alignment / 2 + page_size() + 1;
		int fd = create_aligned(capacity, alignment, variant->huge);

		ASSERT_LE(0, fd);
		EXPECT_EQ(page_round(capacity), IOBMD_INFO(fd, allocated));
		EXPECT_EQ(-1, misplaced_page_of(fd, alignment)) {
			TH_LOG("alignment %zu", alignment);
		}
		close(fd);
	}
}

TEST_F(alignment, only_stretch_cut_short_is_contiguous_too)
{
	int fd = create_aligned(self->largest / 2 + 1, self->largest, variant->huge);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, misplaced_page_of(fd, self->largest));
}

TEST_F(alignment, aligned_memory_is_zero)
{
	uint64_t capacity = self->largest + self->largest / 2 + 1;
	int fd = create_aligned(capacity, self->largest / 4, variant->huge);
	void *map = map_buffer(fd, PROT_READ);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_bytes(map, page_round(capacity), 0));
}

TEST_F(alignment, grown_buffer_keeps_it)
{
	size_t alignment = self->largest / 4;
	int fd = create_aligned(alignment, alignment, variant->huge);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, iobmd_resize(fd, 3 * alignment + 1));
	EXPECT_EQ(-1, misplaced_page_of(fd, alignment));
}

TEST_F(alignment, buffer_that_ends_in_a_cut_stretch_does_not_grow)
{
	size_t alignment = self->largest / 4;
	uint64_t capacity = alignment + page_size();
	int fd = create_aligned(capacity, alignment, variant->huge);

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EINVAL, iobmd_resize(fd, 2 * alignment));
	EXPECT_ERRNO(EINVAL, iobmd_resize(fd, 3 * alignment));
	EXPECT_EQ(capacity, IOBMD_INFO(fd, capacity));
	EXPECT_EQ(capacity, IOBMD_INFO(fd, allocated));
	EXPECT_EQ(-1, misplaced_page_of(fd, alignment));
}

TEST_F(alignment, buffer_shrunk_to_a_whole_stretch_grows_again)
{
	size_t alignment = self->largest / 4;
	int fd = create_aligned(alignment + page_size(), alignment, variant->huge);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, iobmd_resize(fd, alignment));
	ASSERT_EQ(0, iobmd_resize(fd, 3 * alignment));
	EXPECT_EQ(-1, misplaced_page_of(fd, alignment));
}

TEST_F(alignment, shrunk_buffer_keeps_it)
{
	int fd = create_aligned(2 * self->largest, self->largest, variant->huge);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, iobmd_resize(fd, self->largest + self->largest / 2));
	EXPECT_EQ(-1, misplaced_page_of(fd, self->largest));
}

TEST_F(alignment, no_power_of_two_is_einval)
{
	const uint64_t alignments[] = {
		3, 6, page_size() - 1, page_size() + 1, 3 * page_size(),
		self->largest - 1, self->largest - page_size(),
	};

	for (size_t i = 0; i < ARRAY_SIZE(alignments); i++)
		EXPECT_ERRNO(EINVAL, create_aligned(1, alignments[i], variant->huge));
}

TEST_F(alignment, above_the_huge_page_size_is_einval)
{
	for (uint64_t alignment = 2 * self->largest; alignment; alignment *= 2)
		EXPECT_ERRNO(EINVAL, create_aligned(1, alignment, variant->huge));
	EXPECT_ERRNO(EINVAL, create_aligned(1, UINT64_MAX, variant->huge));
}

TEST(huge_pages_are_aligned_whatever_is_asked)
{
	size_t huge_page = huge_page_size();
	int fd;

	if (!huge_page)
		SKIP(return, "this kernel has no huge pages");
	for (size_t alignment = 1; alignment <= huge_page; alignment *= 8) {
		fd = create_aligned(2 * huge_page, alignment, IOBMD_HUGE_REQUIRE);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-1, misplaced_page_of(fd, huge_page));
		close(fd);
	}
}

/* How many pages of the buffer do not lie on @node. */
static size_t pages_off_node(int fd, int node)
{
	size_t count = IOBMD_INFO(fd, allocated) / page_size(), off = 0;
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);
	void *address;
	int status;

	for (size_t i = 0; i < count; i++) {
		address = map + i * page_size();
		status = -1;
		faults(address, false);
		syscall(SYS_move_pages, 0, 1, &address, NULL, &status, 0);
		off += status != node;
	}
	munmap(map, count * page_size());
	return off;
}

TEST(node_that_does_not_exist_is_einval)
{
	const int32_t nodes[] = { -1, -2, INT_MIN, INT_MAX, 1 << 20, 1 << 10, 64 };

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		EXPECT_ERRNO(EINVAL, create_on_node(1, nodes[i], IOBMD_HUGE_PREFER));
}

TEST(node_that_is_offline_is_einval)
{
	EXPECT_ERRNO(EINVAL, create_on_node(1, node_offline(), IOBMD_HUGE_PREFER));
}

TEST(node_without_its_flag_is_einval)
{
	const int32_t nodes[] = { 1, -1, INT_MIN };

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		struct iobmd_create args = { .capacity = 1, .node = nodes[i] };

		EXPECT_ERRNO(EINVAL, iobmd_create_args(&args));
	}
}

TEST(node_is_reported)
{
	EXPECT_EQ(0, IOBMD_INFO(create_on_node(1, 0, IOBMD_HUGE_PREFER), node));
	EXPECT_EQ(-1, IOBMD_INFO(iobmd_create(1), node));
}

FIXTURE(node) {
	uint64_t capacity;
};

FIXTURE_VARIANT(node) {
	int node;
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(node, first_prefer) { 0, IOBMD_HUGE_PREFER };
FIXTURE_VARIANT_ADD(node, first_none) { 0, IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(node, first_require) { 0, IOBMD_HUGE_REQUIRE };
FIXTURE_VARIANT_ADD(node, second_prefer) { 1, IOBMD_HUGE_PREFER };
FIXTURE_VARIANT_ADD(node, second_none) { 1, IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(node, second_require) { 1, IOBMD_HUGE_REQUIRE };

FIXTURE_SETUP(node)
{
	self->capacity = huge_page_size() ?: MIB;
	if (!node_is_online(1))
		SKIP(return, "this machine has one NUMA node");
	ASSERT_EQ(0, run_on_node(!variant->node));
}

FIXTURE_TEARDOWN(node)
{
}

TEST_F(node, that_was_asked_for_has_the_memory)
{
	int fd = create_on_node(self->capacity, variant->node, variant->huge);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, pages_off_node(fd, variant->node));
}

TEST_F(node, that_was_asked_for_has_what_the_buffer_grows_by)
{
	int fd = create_on_node(self->capacity, variant->node, variant->huge);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, iobmd_resize(fd, 2 * self->capacity));
	EXPECT_EQ(0, pages_off_node(fd, variant->node));
}

TEST_F(node, of_the_callers_memory_policy_is_taken_otherwise)
{
	int fd;

	ASSERT_EQ(0, set_policy(MPOL_BIND, 1ul << variant->node));
	fd = iobmd_create_huge(self->capacity, variant->huge);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, pages_off_node(fd, variant->node));
}

TEST_F(node, that_was_asked_for_comes_before_the_callers_memory_policy)
{
	int fd;

	ASSERT_EQ(0, set_policy(MPOL_PREFERRED, 1ul << !variant->node));
	fd = create_on_node(self->capacity, variant->node, variant->huge);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, pages_off_node(fd, variant->node));
}

TEST_HARNESS_MAIN
