// SPDX-License-Identifier: GPL-2.0
/* The MAP command: what it maps, where, and what it refuses. */
#include "iobmd_test.h"

FIXTURE(map) {
	size_t page;
	size_t size;	/* four pages */
	uint64_t id;
	int fd;		/* filled with the pattern of seed 1 */
};

FIXTURE_SETUP(map)
{
	void *map;

	self->page = page_size();
	self->size = 4 * self->page;
	self->fd = iobmd_create(self->size);
	ASSERT_LE(0, self->fd);
	self->id = IOBMD_INFO(self->fd, id);
	map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	fill_pattern(map, 0, self->size, 1);
	ASSERT_EQ(0, munmap(map, self->size));
}

FIXTURE_TEARDOWN(map)
{
}

/* A hole in the address space of @pages pages, with one page mapped on either side. */
static uint8_t *make_hole(size_t pages)
{
	size_t page = page_size();
	uint8_t *area = mmap(NULL, (pages + 2) * page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED || munmap(area + page, pages * page))
		return NULL;
	memset(area, 0x5a, page);
	memset(area + (pages + 1) * page, 0x5a, page);
	return area + page;
}

/* Refused: the argument is as it was, and nothing has been mapped. */
#define EXPECT_REFUSED(expected, _args) do {				\
	struct iobmd_map __args = _args, __before;			\
	int __mappings = count_mappings(self->id);			\
									\
	__args.size = sizeof(__args);					\
	__before = __args;						\
	EXPECT_ERRNO(expected, ioctl(self->fd, IOBMD_IOC_MAP, &__args)); \
	EXPECT_EQ(0, memcmp(&__before, &__args, sizeof(__args)));	\
	EXPECT_EQ(__mappings, count_mappings(self->id));		\
} while (0)

#define MAP_ARGS(...)	((struct iobmd_map){ __VA_ARGS__ })

TEST_F(map, shows_the_buffer)
{
	uint8_t *map = iobmd_map(self->fd, 0, NULL, 0, self->size);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	EXPECT_EQ(0, faults(map, true));
	EXPECT_EQ(1, count_mappings(self->id));
}

TEST_F(map, is_undone_with_munmap)
{
	uint8_t *map = iobmd_map(self->fd, 0, NULL, 0, self->size);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(0, munmap(map, self->size));
	EXPECT_EQ(0, count_mappings(self->id));
	EXPECT_EQ(SIGSEGV, faults(map, false));
}

TEST_F(map, shows_it_from_the_offset_on)
{
	for (size_t offset = 0; offset < self->size; offset += self->page) {
		uint8_t *map = iobmd_map(self->fd, 0, NULL, offset, self->page);

		ASSERT_NE(MAP_FAILED, (void *)map);
		EXPECT_EQ(-1, check_pattern(map, offset, self->page, 1));
	}
}

TEST_F(map, tells_what_was_asked_for)
{
	struct iobmd_map args = {
		.size = sizeof(args),
		.offset = self->page,
		.length = self->page + 3,
	};

	ASSERT_EQ(0, ioctl(self->fd, IOBMD_IOC_MAP, &args));
	EXPECT_EQ(sizeof(args), args.size);
	EXPECT_EQ(0, args.flags);
	EXPECT_NE(0, args.address);
	EXPECT_EQ(self->page, args.offset);
	EXPECT_EQ(self->page + 3, args.length);
}

TEST_F(map, of_length_0_goes_to_the_end)
{
	struct iobmd_map args = { .size = sizeof(args), .offset = self->page };

	ASSERT_EQ(0, ioctl(self->fd, IOBMD_IOC_MAP, &args));
	EXPECT_EQ(3 * self->page, args.length);
	EXPECT_EQ(-1, check_pattern((void *)(uintptr_t)args.address, self->page,
				    3 * self->page, 1));
}

TEST_F(map, at_a_free_address_lies_there)
{
	uint8_t *hole = make_hole(4);

	ASSERT_NE(NULL, hole);
	EXPECT_EQ((void *)hole, iobmd_map(self->fd, 0, hole, 0, self->size));
}

TEST_F(map, at_a_used_address_lies_elsewhere)
{
	uint8_t *hole = make_hole(2), *map;

	ASSERT_NE(NULL, hole);
	map = iobmd_map(self->fd, 0, hole, 0, self->size);
	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_NE((void *)hole, (void *)map);
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	EXPECT_EQ(-1, check_bytes(hole - self->page, self->page, 0x5a));
	EXPECT_EQ(-1, check_bytes(hole + 2 * self->page, self->page, 0x5a));
}

TEST_F(map, at_an_unaligned_address_is_no_error_unless_fixed)
{
	uint8_t *hole = make_hole(5), *map;

	ASSERT_NE(NULL, hole);
	map = iobmd_map(self->fd, 0, hole + 1, 0, self->size);
	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(0, (uintptr_t)map % self->page);
}

TEST_F(map, fixed_lies_there)
{
	uint8_t *hole = make_hole(4);

	ASSERT_NE(NULL, hole);
	EXPECT_EQ((void *)hole, iobmd_map(self->fd, IOBMD_MAP_F_FIXED, hole, 0, self->size));
	EXPECT_EQ(-1, check_pattern(hole, 0, self->size, 1));
}

TEST_F(map, fixed_over_something_is_eexist)
{
	uint8_t *hole = make_hole(2);
	uint8_t *before = hole - self->page, *after = hole + 2 * self->page;
	uint8_t *const places[] = { before - 3 * self->page, before, hole, hole + self->page };

	ASSERT_NE(NULL, hole);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		EXPECT_REFUSED(EEXIST, MAP_ARGS(.flags = IOBMD_MAP_F_FIXED,
						.address = (uintptr_t)places[i],
						.length = self->size));
	}
	EXPECT_EQ(-1, check_bytes(before, self->page, 0x5a));
	EXPECT_EQ(-1, check_bytes(after, self->page, 0x5a));
	EXPECT_EQ(SIGSEGV, faults(hole, false));
}

TEST_F(map, fixed_over_itself_is_eexist)
{
	void *map = iobmd_map(self->fd, 0, NULL, 0, self->size);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_REFUSED(EEXIST, MAP_ARGS(.flags = IOBMD_MAP_F_FIXED, .address = (uintptr_t)map,
					.length = self->page));
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
}

TEST_F(map, fixed_at_an_unaligned_address_is_einval)
{
	uint8_t *hole = make_hole(6);

	ASSERT_NE(NULL, hole);
	for (size_t by = 1; by < self->page; by *= 2) {
		EXPECT_REFUSED(EINVAL, MAP_ARGS(.flags = IOBMD_MAP_F_FIXED,
						.address = (uintptr_t)hole + by,
						.length = self->page));
	}
}

TEST_F(map, fixed_where_no_process_may_map_fails)
{
	const uint64_t top = -(uint64_t)self->size;

	EXPECT_REFUSED(ENOMEM, MAP_ARGS(.flags = IOBMD_MAP_F_FIXED, .address = top,
					.length = self->size));
	EXPECT_REFUSED(ENOMEM, MAP_ARGS(.flags = IOBMD_MAP_F_FIXED, .address = 1ull << 63,
					.length = self->size));
}

TEST_F(map, offset_that_is_unaligned_is_einval)
{
	for (size_t by = 1; by < self->page; by *= 2) {
		EXPECT_REFUSED(EINVAL, MAP_ARGS(.offset = by, .length = 1));
		EXPECT_REFUSED(EINVAL, MAP_ARGS(.offset = self->page + by));
	}
}

TEST_F(map, offset_at_or_behind_the_end_is_einval)
{
	EXPECT_REFUSED(EINVAL, MAP_ARGS(.offset = self->size));
	EXPECT_REFUSED(EINVAL, MAP_ARGS(.offset = self->size, .length = 1));
	EXPECT_REFUSED(EINVAL, MAP_ARGS(.offset = self->size + self->page, .length = 1));
}

TEST_F(map, range_behind_the_end_is_einval)
{
	EXPECT_REFUSED(EINVAL, MAP_ARGS(.length = self->size + 1));
	EXPECT_REFUSED(EINVAL, MAP_ARGS(.offset = self->page, .length = self->size));
}

/* Whose sum, or whose rounding up, is small again */
TEST_F(map, range_that_wraps_is_einval)
{
	const uint64_t last_page = -(uint64_t)self->page;
	const uint64_t edges[] = { last_page, last_page + 1, UINT64_MAX, 1ull << 63,
				   (1ull << 63) - self->page, 1ull << 32, 1ull << 44 };

	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		uint64_t aligned = edges[i] & last_page;

		EXPECT_REFUSED(EINVAL, MAP_ARGS(.length = edges[i]));
		EXPECT_REFUSED(EINVAL, MAP_ARGS(.offset = self->page, .length = edges[i]));
		EXPECT_REFUSED(EINVAL, MAP_ARGS(.offset = aligned));
		EXPECT_REFUSED(EINVAL, MAP_ARGS(.offset = aligned, .length = self->page));
		EXPECT_REFUSED(EINVAL, MAP_ARGS(.offset = aligned, .length = -aligned));
		EXPECT_REFUSED(EINVAL, MAP_ARGS(.offset = aligned, .length = edges[i]));
	}
}

TEST_F(map, read_only_cannot_be_written)
{
	uint8_t *map = iobmd_map(self->fd, IOBMD_MAP_F_READ_ONLY, NULL, 0, 0);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(0, faults(map, false));
	EXPECT_EQ(SIGSEGV, faults(map, true));
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
}

TEST_F(map, read_only_sees_what_others_write)
{
	uint8_t *reader = iobmd_map(self->fd, IOBMD_MAP_F_READ_ONLY, NULL, 0, 0);
	uint8_t *writer = iobmd_map(self->fd, 0, NULL, 0, 0);

	ASSERT_NE(MAP_FAILED, (void *)reader);
	ASSERT_NE(MAP_FAILED, (void *)writer);
	fill_pattern(writer, 0, self->size, 2);
	EXPECT_EQ(-1, check_pattern(reader, 0, self->size, 2));
}

TEST_F(map, read_only_may_be_made_writable_by_who_may_write)
{
	uint8_t *map = iobmd_map(self->fd, IOBMD_MAP_F_READ_ONLY, NULL, 0, 0);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(0, mprotect(map, self->size, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, faults(map, true));
}

TEST_F(map, flags_may_be_combined)
{
	uint8_t *hole = make_hole(4);
	uint32_t flags = IOBMD_MAP_F_FIXED | IOBMD_MAP_F_READ_ONLY | IOBMD_MAP_F_PREFAULT;

	ASSERT_NE(NULL, hole);
	EXPECT_EQ((void *)hole, iobmd_map(self->fd, flags, hole, 0, self->size));
	EXPECT_EQ(SIGSEGV, faults(hole, true));
	EXPECT_EQ(self->size, smaps_bytes(hole, self->size, "Rss"));
}

TEST_F(map, is_never_executable)
{
	uint8_t *map = iobmd_map(self->fd, 0, NULL, 0, self->size);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_ERRNO(EACCES, mprotect(map, self->page, PROT_READ | PROT_EXEC));
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
}

TEST_F(map, of_the_same_bytes_twice_is_two_mappings)
{
	uint8_t *first = iobmd_map(self->fd, 0, NULL, 0, 0);
	uint8_t *second = iobmd_map(self->fd, 0, NULL, 0, 0);

	ASSERT_NE(MAP_FAILED, (void *)first);
	ASSERT_NE(MAP_FAILED, (void *)second);
	EXPECT_NE((void *)first, (void *)second);
	EXPECT_EQ(0, munmap(first, self->size));
	EXPECT_EQ(-1, check_pattern(second, 0, self->size, 1));
}

TEST_HARNESS_MAIN
