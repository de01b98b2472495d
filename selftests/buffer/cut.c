// SPDX-License-Identifier: GPL-2.0
/*
 * What was one huge page is cut again and again, at each of its pages. In what pieces a
 * cut leaves it is up to the kernel, and the next cut goes through one of them.
 */
#include "cut.h"
#include "users.h"

#define STRIDE	197	/* has no factor in common with the pages of a huge page */
#define ROUNDS	16

FIXTURE(cut)
{
	struct cut cut;
	uint64_t pages;		/* of a huge page */
};

FIXTURE_SETUP(cut)
{
	memory_tidy();
	ASSERT_TRUE(cut_create(&self->cut));
	self->pages = self->cut.huge / self->cut.page;
}

FIXTURE_TEARDOWN(cut)
{
	munmap(self->cut.map, self->cut.size);
	close(self->cut.fd);
}

/* Shrinks to @end, and looks at everything. */
static void cut_at(struct __test_metadata *_metadata, const struct cut *cut, uint64_t end)
{
	struct iobmd_get_info info;

	ASSERT_EQ(0, iobmd_resize(cut->fd, end));
	ASSERT_EQ(0, iobmd_get_info(cut->fd, &info));
	EXPECT_EQ(end, info.allocated);
	EXPECT_EQ(cut->huge, info.huge_bytes);
	EXPECT_EQ(-1, stamps_lost(cut->map, end));
	EXPECT_EQ(SIGBUS, faults(cut->map + end, true));
	EXPECT_EQ(SIGBUS, faults(cut->map + cut->size - 1, false));
}

TEST_F_TIMEOUT(cut, whole_one_at_each_page, 300)
{
	struct cut *cut = &self->cut;

	for (uint64_t i = 1; i < self->pages && !_metadata->exit_code; i += self->pages / 64 - 1) {
		uint64_t page = i * STRIDE % self->pages;

		if (page)
			cut_at(_metadata, cut, cut->huge + page * cut->page);
		ASSERT_TRUE(cut_restore(cut));
	}
}

TEST_F_TIMEOUT(cut, pieces_from_the_end_to_the_start, 300)
{
	struct cut *cut = &self->cut;

	for (uint64_t page = self->pages - 1; page && !_metadata->exit_code; page--)
		cut_at(_metadata, cut, cut->huge + page * cut->page);
}

/* Grown back in between, what is behind the cut is new: zeros, and in pieces of its own. */
TEST_F_TIMEOUT(cut, pieces_at_each_page_grown_back_in_between, 300)
{
	struct cut *cut = &self->cut;

	for (uint64_t i = 1; i < self->pages && !_metadata->exit_code; i++) {
		uint64_t end = cut->huge + i * STRIDE % self->pages * cut->page;

		cut_at(_metadata, cut, end);
		ASSERT_EQ(0, iobmd_resize(cut->fd, cut->size));
		EXPECT_EQ(cut->huge, IOBMD_INFO(cut->fd, huge_bytes));
		EXPECT_EQ(-1, check_bytes(cut->map + end, cut->size - end, 0));
		EXPECT_EQ(-1, stamps_lost(cut->map, end));
		ASSERT_TRUE(cut_stamp(cut));
	}
}

FIXTURE(cut_charge)
{
	uint64_t max_user_mib;
	int device;
};

FIXTURE_SETUP(cut_charge)
{
	memory_tidy();
	self->max_user_mib = parameter("max_user_mib");
	ASSERT_EQ(0, parameter_set("max_user_mib", 2 * huge_page_size() / MIB));
	self->device = iobmd_open();
	ASSERT_LE(0, self->device);
}

FIXTURE_TEARDOWN_PARENT(cut_charge)
{
	EXPECT_EQ(0, parameter_set("max_user_mib", self->max_user_mib));
}

/* What a cut gives back can be had again, to the page, and not a page more. */
TEST_F_TIMEOUT(cut_charge, follows_each_cut, 120)
{
	uint64_t huge = huge_page_size(), page = page_size(), pages = huge / page;
	int fd, rest;

	ASSERT_EQ(0, become(USER_ONE));
	fd = create_on(self->device, 2 * huge, IOBMD_HUGE_PREFER);
	ASSERT_LE(0, fd);
	for (uint64_t i = 1; i <= ROUNDS; i++) {
		uint64_t free = pages - i * STRIDE % pages;

		ASSERT_EQ(0, iobmd_resize(fd, 2 * huge - free * page));
		EXPECT_ERRNO(EDQUOT, create_on(self->device, (free + 1) * page, IOBMD_HUGE_NONE));
		rest = create_on(self->device, free * page, IOBMD_HUGE_NONE);
		EXPECT_LE(0, rest);
		EXPECT_ERRNO(EDQUOT, create_on(self->device, page, IOBMD_HUGE_NONE));
		EXPECT_ERRNO(EDQUOT, iobmd_resize(fd, 2 * huge));
		close(rest);
		ASSERT_EQ(0, iobmd_resize(fd, 2 * huge));
	}
}

TEST_HARNESS_MAIN
