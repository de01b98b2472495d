// SPDX-License-Identifier: GPL-2.0
/* mmap(2) of a descriptor, and what may be done with the mapping afterwards. */
#include "iobmd_test.h"

#include <sys/personality.h>

FIXTURE(mmap) {
	size_t page;
	size_t size;	/* eight pages */
	uint64_t id;
	int fd;
	uint8_t *map;	/* all of it, filled with the pattern of seed 1 */
};

FIXTURE_SETUP(mmap)
{
	self->page = page_size();
	self->size = 8 * self->page;
	self->fd = iobmd_create(self->size);
	ASSERT_LE(0, self->fd);
	self->id = IOBMD_INFO(self->fd, id);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	fill_pattern(self->map, 0, self->size, 1);
}

FIXTURE_TEARDOWN(mmap)
{
}

/* The pattern is what a fresh mapping of the buffer shows. */
#define EXPECT_BUFFER(seed) do {					\
	void *__map = map_buffer(self->fd, PROT_READ);			\
									\
	ASSERT_NE(MAP_FAILED, __map);					\
	EXPECT_EQ(-1, check_pattern(__map, 0, self->size, seed));	\
	EXPECT_EQ(0, munmap(__map, self->size));			\
} while (0)

TEST_F(mmap, private_is_einval)
{
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, self->page, PROT_READ, MAP_PRIVATE, self->fd, 0));
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_PRIVATE,
				      self->fd, 0));
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, self->page, PROT_NONE, MAP_PRIVATE, self->fd, 0));
	EXPECT_EQ(1, count_mappings(self->id));
}

TEST_F(mmap, private_and_fixed_leaves_no_buffer_behind)
{
	uint8_t *area = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)area);
	EXPECT_MAP_ERRNO(EINVAL, mmap(area, self->page, PROT_READ, MAP_PRIVATE | MAP_FIXED,
				      self->fd, 0));
	EXPECT_EQ(1, count_mappings(self->id));
}

TEST_F(mmap, shared_validate_is_shared)
{
	void *map = mmap(NULL, self->size, PROT_READ, MAP_SHARED_VALIDATE, self->fd, 0);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
}

TEST_F(mmap, executable_is_eperm)
{
	const int prots[] = { PROT_EXEC, PROT_READ | PROT_EXEC,
			      PROT_READ | PROT_WRITE | PROT_EXEC };

	for (size_t i = 0; i < ARRAY_SIZE(prots); i++)
		EXPECT_MAP_ERRNO(EPERM, mmap(NULL, self->page, prots[i], MAP_SHARED, self->fd, 0));
	EXPECT_EQ(1, count_mappings(self->id));
}

TEST_F(mmap, made_executable_is_eacces)
{
	EXPECT_ERRNO(EACCES, mprotect(self->map, self->size, PROT_EXEC));
	EXPECT_ERRNO(EACCES, mprotect(self->map, self->page, PROT_READ | PROT_EXEC));
	EXPECT_ERRNO(EACCES, mprotect(self->map + self->page, self->page,
				      PROT_READ | PROT_WRITE | PROT_EXEC));
	EXPECT_EQ(1, count_mappings(self->id));
	EXPECT_EQ(0, faults(self->map, true));
}

/* Old programs ask for PROT_EXEC with each PROT_READ, without knowing it. */
TEST_F(mmap, readable_of_an_old_program_works_and_is_not_executable)
{
	void *map;

	ASSERT_NE(-1, personality(READ_IMPLIES_EXEC));
	map = mmap(NULL, self->size, PROT_READ, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_ERRNO(EACCES, mprotect(map, self->size, PROT_EXEC));
}

TEST_F(mmap, works_after_the_descriptor_is_closed)
{
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	fill_pattern(self->map, 0, self->size, 2);
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 2));
	EXPECT_EQ(1, buffer_listed(self->id));
}

TEST_F(mmap, keeps_the_buffer_until_its_last_page_is_unmapped)
{
	ASSERT_EQ(0, close(self->fd));
	ASSERT_EQ(0, munmap(self->map, self->size - self->page));
	EXPECT_EQ(1, buffer_listed(self->id));
	EXPECT_EQ(-1, check_pattern(self->map + 7 * self->page, 7 * self->page, self->page, 1));
	ASSERT_EQ(0, munmap(self->map + 7 * self->page, self->page));
	EXPECT_EQ(0, buffer_listed(self->id));
}

TEST_F(mmap, two_mappings_show_the_same_bytes_at_once)
{
	uint8_t *other = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, (void *)other);
	for (size_t at = 0; at < self->size; at += self->page / 2 + 1) {
		self->map[at] ^= 0xff;
		EXPECT_EQ(self->map[at], other[at]);
		other[at] ^= 0xff;
		EXPECT_EQ(pattern_byte(at, 1), self->map[at]);
	}
}

TEST_F(mmap, at_an_offset_shows_the_bytes_from_there_on)
{
	for (size_t offset = 0; offset < self->size; offset += self->page) {
		uint8_t *map = mmap(NULL, self->size - offset, PROT_READ | PROT_WRITE,
				    MAP_SHARED, self->fd, offset);

		ASSERT_NE(MAP_FAILED, (void *)map);
		EXPECT_EQ(-1, check_pattern(map, offset, self->size - offset, 1));
		map[0] = ~map[0];
		EXPECT_EQ(map[0], self->map[offset]);
		map[0] = ~map[0];
	}
}

TEST_F(mmap, partial_munmap_leaves_the_rest)
{
	size_t page = self->page;

	ASSERT_EQ(0, munmap(self->map + 2 * page, 3 * page));
	EXPECT_EQ(-1, check_pattern(self->map, 0, 2 * page, 1));
	for (size_t at = 2 * page; at < 5 * page; at += page)
		EXPECT_EQ(SIGSEGV, faults(self->map + at, false));
	EXPECT_EQ(-1, check_pattern(self->map + 5 * page, 5 * page, 3 * page, 1));
	EXPECT_EQ(2, count_mappings(self->id));
	EXPECT_BUFFER(1);
}

TEST_F(mmap, mprotect_of_a_part_changes_that_part)
{
	size_t page = self->page;

	ASSERT_EQ(0, mprotect(self->map + page, 2 * page, PROT_READ));
	ASSERT_EQ(0, mprotect(self->map + 3 * page, page, PROT_NONE));
	EXPECT_EQ(0, faults(self->map, true));
	EXPECT_EQ(SIGSEGV, faults(self->map + page, true));
	EXPECT_EQ(0, faults(self->map + page, false));
	EXPECT_EQ(SIGSEGV, faults(self->map + 3 * page, false));
	EXPECT_EQ(0, faults(self->map + 4 * page, true));
	ASSERT_EQ(0, mprotect(self->map, self->size, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, faults(self->map + 3 * page, true));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
}

TEST_F(mmap, mremap_moves_it_with_its_contents)
{
	uint8_t *place = mmap(NULL, self->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)place);
	ASSERT_EQ((void *)place, mremap(self->map, self->size, self->size,
					MREMAP_MAYMOVE | MREMAP_FIXED, place));
	EXPECT_EQ(SIGSEGV, faults(self->map, false));
	EXPECT_EQ(-1, check_pattern(place, 0, self->size, 1));
	fill_pattern(place, 0, self->size, 2);
	EXPECT_BUFFER(2);
}

TEST_F(mmap, mremap_shrinks_it)
{
	ASSERT_EQ((void *)self->map, mremap(self->map, self->size, 3 * self->page, 0));
	EXPECT_EQ(-1, check_pattern(self->map, 0, 3 * self->page, 1));
	EXPECT_EQ(SIGSEGV, faults(self->map + 3 * self->page, false));
	EXPECT_BUFFER(1);
}

TEST_F(mmap, mremap_grows_it_within_the_buffer)
{
	uint8_t *map = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE, MAP_SHARED,
			    self->fd, self->page);

	ASSERT_NE(MAP_FAILED, (void *)map);
	map = mremap(map, 2 * self->page, 5 * self->page, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, check_pattern(map, self->page, 5 * self->page, 1));
}

TEST_F(mmap, mremap_beyond_the_buffer_shows_nothing_there)
{
	uint8_t *map = mremap(self->map, self->size, self->size + 2 * self->page, MREMAP_MAYMOVE);

	if (map == MAP_FAILED)
		return;
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	EXPECT_EQ(SIGBUS, faults(map + self->size, false));
	EXPECT_EQ(SIGBUS, faults(map + self->size, true));
	EXPECT_EQ(SIGBUS, faults(map + self->size + 2 * self->page - 1, false));
}

TEST_F(mmap, mremap_of_length_0_makes_a_second_mapping)
{
	uint8_t *copy = mremap(self->map, 0, self->size, MREMAP_MAYMOVE);

	ASSERT_NE(MAP_FAILED, (void *)copy);
	fill_pattern(copy, 0, self->size, 2);
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 2));
}

TEST_F(mmap, can_be_locked_and_unlocked)
{
	ASSERT_EQ(0, mlock(self->map, self->size));
	EXPECT_EQ(self->size, smaps_bytes(self->map, self->size, "Locked"));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	ASSERT_EQ(0, munlock(self->map, self->size));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
}

TEST_F(mmap, with_populate_or_locked_is_present)
{
	const int flags[] = { MAP_POPULATE, MAP_LOCKED };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		void *map = mmap(NULL, self->size, PROT_READ | PROT_WRITE,
				 MAP_SHARED | flags[i], self->fd, 0);

		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(self->size, smaps_bytes(map, self->size, "Rss"));
		ASSERT_EQ(0, munmap(map, self->size));
	}
}

TEST_F(mmap, none_can_become_readable_and_writable)
{
	void *map = map_buffer(self->fd, PROT_NONE);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(SIGSEGV, faults(map, false));
	ASSERT_EQ(0, mprotect(map, self->size, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, faults(map, true));
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
}

TEST_F(mmap, is_inherited_over_fork)
{
	pid_t pid;

	IN_CHILD(pid) {
		EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
		fill_pattern(self->map, 0, self->size, 2);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 2));
}

TEST_F(mmap, of_the_parent_survives_what_the_child_does_to_its_own)
{
	pid_t pid;

	IN_CHILD(pid) {
		EXPECT_EQ(0, mprotect(self->map, self->page, PROT_NONE));
		EXPECT_EQ(0, munmap(self->map + self->page, self->size - self->page));
		EXPECT_EQ(0, close(self->fd));
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	EXPECT_EQ(0, faults(self->map, true));
	EXPECT_BUFFER(1);
}

TEST_F(mmap, inherited_before_its_first_access_works)
{
	uint8_t *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)map);
	IN_CHILD(pid) {
		fill_pattern(map, 0, self->size, 2);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 2));
}

TEST_HARNESS_MAIN
