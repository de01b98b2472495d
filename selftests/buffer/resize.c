// SPDX-License-Identifier: GPL-2.0
/* RESIZE to the same size, to a larger one, and refused. */
#include "machine.h"
#include "peer.h"
#include "pin.h"

#include <sys/mman.h>

FIXTURE(resize)
{
	int fd;
	size_t page;
	uint64_t size;
	uint8_t *map;
	struct iobmd_get_info before;
};

FIXTURE_VARIANT(resize)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(resize, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(resize, huge) { .huge = IOBMD_HUGE_PREFER };

/* A huge page and some more, mapped, each page with its stamp */
FIXTURE_SETUP(resize)
{
	self->page = page_size();
	self->size = huge_page_size() + 8 * self->page;
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	stamp_pages(self->map, self->size);
	ASSERT_EQ(0, iobmd_get_info(self->fd, &self->before));
}

FIXTURE_TEARDOWN(resize)
{
	munmap(self->map, self->size);
	close(self->fd);
}

#define EXPECT_SIZES(fd, size) do {					\
	struct iobmd_get_info __now;					\
									\
	EXPECT_EQ(0, iobmd_get_info(fd, &__now));			\
	EXPECT_EQ((uint64_t)(size), __now.capacity);			\
	EXPECT_EQ((uint64_t)(size), __now.length);			\
	EXPECT_EQ(page_round(size), __now.allocated);			\
} while (0)

/* Nothing that GET_INFO tells has changed, and no page has lost its stamp. */
#define EXPECT_UNCHANGED(self) do {					\
	struct iobmd_get_info __now;					\
									\
	EXPECT_EQ(0, iobmd_get_info((self)->fd, &__now));		\
	EXPECT_EQ(0, memcmp(&(self)->before, &__now, sizeof(__now)));	\
	EXPECT_EQ(-1, stamps_lost((self)->map, (self)->size));		\
} while (0)

TEST_F(resize, to_the_same_size_changes_nothing)
{
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size));
	EXPECT_UNCHANGED(self);
}

TEST_F(resize, to_the_same_size_sets_the_length_to_it)
{
	ASSERT_EQ(0, iobmd_set_length(self->fd, 5));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size));
	EXPECT_UNCHANGED(self);
}

TEST_F(resize, to_nothing_is_refused)
{
	EXPECT_ERRNO(EINVAL, iobmd_resize(self->fd, 0));
	EXPECT_UNCHANGED(self);
}

TEST_F(resize, growing_sets_capacity_length_and_allocated)
{
	EXPECT_EQ(0, iobmd_resize(self->fd, 2 * self->size + 1));
	EXPECT_SIZES(self->fd, 2 * self->size + 1);
}

TEST_F(resize, growing_sets_a_smaller_length_to_the_capacity)
{
	ASSERT_EQ(0, iobmd_set_length(self->fd, 0));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size + 1));
	EXPECT_SIZES(self->fd, self->size + 1);
}

TEST_F(resize, growing_leaves_what_is_mapped_in_place)
{
	uint64_t first = page_frame(self->map);
	uint64_t last = page_frame(self->map + self->size - 1);

	ASSERT_NE(0, first);
	ASSERT_NE(0, last);
	EXPECT_EQ(0, iobmd_resize(self->fd, 3 * self->size));
	EXPECT_EQ(first, page_frame(self->map));
	EXPECT_EQ(last, page_frame(self->map + self->size - 1));
	EXPECT_EQ(-1, stamps_lost(self->map, self->size));
}

TEST_F(resize, growing_adds_zeros)
{
	uint8_t *grown;

	ASSERT_EQ(0, iobmd_resize(self->fd, 3 * self->size));
	grown = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, grown);
	EXPECT_EQ(-1, stamps_lost(grown, self->size));
	EXPECT_EQ(-1, check_bytes(grown + self->size, 2 * self->size, 0));
	munmap(grown, 3 * self->size);
}

TEST_F(resize, growing_fills_a_mapping_that_reached_past_the_old_end)
{
	uint64_t size = self->size + 4 * self->page;
	uint8_t *longer, *other;

	longer = mremap(self->map, self->size, size, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, longer);
	self->map = longer;
	EXPECT_EQ(-1, pages_left(longer, self->size, size, false));
	EXPECT_EQ(-1, pages_left(longer, self->size, size, true));
	ASSERT_EQ(0, iobmd_resize(self->fd, size));
	EXPECT_EQ(-1, stamps_lost(longer, self->size));
	ASSERT_EQ(0, faults(longer + size - 1, true));
	EXPECT_EQ(-1, check_bytes(longer + self->size, size - self->size, 0));
	other = map_buffer(self->fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, other);
	longer[size - 1] = 7;
	EXPECT_EQ(7, other[size - 1]);
	munmap(other, size);
	munmap(longer + self->size, size - self->size);
}

TEST_F(resize, growing_by_another_process_shows_in_this_one)
{
	struct peer peer = peer_start(-1, NULL, 0);
	uint64_t size = self->size + self->page;
	uint8_t *grown;

	ASSERT_EQ(0, peer_give(&peer, self->fd));
	EXPECT_EQ(0, peer_do(&peer, PEER_RESIZE, size));
	EXPECT_SIZES(self->fd, size);
	EXPECT_EQ(-1, stamps_lost(self->map, self->size));
	grown = map_buffer(self->fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, grown);
	EXPECT_EQ(-1, check_bytes(grown + self->size, self->page, 0));
	munmap(grown, size);
	EXPECT_EQ(0, peer_stop(&peer));
}

TEST_F(resize, over_the_ceiling_is_refused)
{
	uint64_t old = parameter("max_buffer_mib");
	uint64_t ceiling = self->size / MIB + 1;

	ASSERT_EQ(0, parameter_set("max_buffer_mib", ceiling));
	EXPECT_ERRNO(EFBIG, iobmd_resize(self->fd, ceiling * MIB + 1));
	ASSERT_EQ(0, parameter_set("max_buffer_mib", old));
	EXPECT_UNCHANGED(self);
}

TEST_F(resize, to_an_absurd_size_is_refused)
{
	static const uint64_t sizes[] = {
		1ull << 40, 1ull << 62, (1ull << 63) - 1, 1ull << 63,
		-4096ull, -4095ull, -2ull, -1ull,
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_ERRNO(EFBIG, iobmd_resize(self->fd, sizes[i]));
		EXPECT_UNCHANGED(self);
	}
}

/* @old bytes, then whatever a mapping shows of the last page, is overwritten */
static uint8_t *map_scribbled(int fd, uint64_t old)
{
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	if (map != MAP_FAILED)
		memset(map, 0xaa, page_round(old));
	return map;
}

static void grow_from_ragged(struct __test_metadata *_metadata, uint64_t old, uint64_t new)
{
	int fd = iobmd_create(old);
	uint8_t *map, *grown;

	ASSERT_LE(0, fd);
	map = map_scribbled(fd, old);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, iobmd_resize(fd, new));
	grown = map_buffer(fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, grown);
	EXPECT_EQ(-1, check_bytes(grown, old, 0xaa));
	EXPECT_EQ(-1, check_bytes(grown + old, new - old, 0));
	munmap(grown, page_round(new));
	munmap(map, page_round(old));
	close(fd);
}

TEST(growing_within_the_last_page_reads_zeros)
{
	grow_from_ragged(_metadata, 3 * page_size() + 100, 3 * page_size() + 200);
}

TEST(growing_to_the_end_of_the_last_page_reads_zeros)
{
	grow_from_ragged(_metadata, 3 * page_size() + 100, 4 * page_size());
}

TEST(growing_from_a_ragged_capacity_reads_zeros)
{
	grow_from_ragged(_metadata, 3 * page_size() + 100, 9 * page_size() + 1);
}

TEST(growing_from_a_ragged_capacity_in_huge_pages_reads_zeros)
{
	uint64_t huge = huge_page_size();

	grow_from_ragged(_metadata, 2 * huge - 100, 3 * huge);
}

TEST(shrinking_within_the_last_page_and_growing_reads_zeros)
{
	uint64_t size = 2 * page_size();
	int fd = iobmd_create(size);
	uint8_t *map = map_scribbled(fd, size);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, iobmd_resize(fd, size - 100));
	memset(map + size - 100, 0xbb, 100);
	ASSERT_EQ(0, iobmd_resize(fd, size));
	EXPECT_EQ(-1, check_bytes(map, size - 100, 0xaa));
	EXPECT_EQ(-1, check_bytes(map + size - 100, 100, 0));
	munmap(map, size);
	close(fd);
}

TEST(required_huge_pages_refuse_a_capacity_that_is_no_multiple)
{
	uint64_t huge = huge_page_size();
	int fd = iobmd_create_huge(2 * huge, IOBMD_HUGE_REQUIRE);

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EINVAL, iobmd_resize(fd, 3 * huge + page_size()));
	EXPECT_ERRNO(EINVAL, iobmd_resize(fd, 2 * huge - 1));
	EXPECT_ERRNO(EINVAL, iobmd_resize(fd, 1));
	EXPECT_SIZES(fd, 2 * huge);
	EXPECT_EQ(2 * huge, IOBMD_INFO(fd, huge_bytes));
	EXPECT_EQ(0, iobmd_resize(fd, huge));
	EXPECT_SIZES(fd, huge);
	close(fd);
}

TEST_HARNESS_MAIN
