// SPDX-License-Identifier: GPL-2.0
/*
 * A cut of a huge page that fails half way, at each point at which it can: the memory
 * stays all there, with what it had, and the numbers tell what became of the huge page.
 */
#include "cut.h"
#include "inject.h"

#include <fcntl.h>

FIXTURE(cut_fail)
{
	struct cut cut;
	int fail_nth;
};

FIXTURE_SETUP(cut_fail)
{
	memory_tidy();
	ASSERT_EQ(0, inject_prepare());
	self->fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fail_nth);
	ASSERT_TRUE(cut_create(&self->cut));
}

FIXTURE_TEARDOWN(cut_fail)
{
	munmap(self->cut.map, self->cut.size);
	close(self->cut.fd);
}

/* Whether the cut has failed, as everything shows that is left by it. */
static bool fails(struct __test_metadata *_metadata, const struct cut *cut, uint64_t end,
		  int result, int error)
{
	uint64_t size = result ? cut->size : end;

	if (result) {
		/* EFAULT: the copy of the argument was the point. */
		EXPECT_TRUE(error == ENOMEM || error == EFAULT);
	}
	EXPECT_EQ(size, IOBMD_INFO(cut->fd, capacity));
	EXPECT_EQ(size, IOBMD_INFO(cut->fd, length));
	EXPECT_EQ(size, IOBMD_INFO(cut->fd, allocated));
	EXPECT_EQ(-1, stamps_lost(cut->map, size));
	EXPECT_EQ(cut_mapped_huge(cut), IOBMD_INFO(cut->fd, huge_bytes));
	return result;
}

/* @pieces: the huge page is one no more when the cut begins that fails. */
static void fail_at_each_point(struct __test_metadata *_metadata, struct cut *cut,
			       int fail_nth, bool pieces)
{
	const uint64_t pages = cut->huge / cut->page;
	const uint64_t at[] = { 1, 2, 63, 64, pages / 2 - 1, pages / 2, pages - 2 };
	unsigned int failures = 0;

	for (size_t i = 0; i < ARRAY_SIZE(at) && !_metadata->exit_code; i++) {
		uint64_t end = cut->huge + at[i] * cut->page;
		bool reached = true;

		for (unsigned int nth = 1; reached && !_metadata->exit_code; nth++) {
			int result, error;

			if (pieces) {
				ASSERT_EQ(0, iobmd_resize(cut->fd, cut->size - cut->page));
				ASSERT_EQ(0, iobmd_resize(cut->fd, cut->size));
				ASSERT_TRUE(cut_stamp(cut));
			}
			ASSERT_TRUE(inject(fail_nth, nth));
			result = iobmd_resize(cut->fd, end);
			error = errno;
			reached = inject_end(fail_nth) == 0;
			EXPECT_TRUE(reached || !result);
			failures += fails(_metadata, cut, end, result, error);
			/* Then it works. */
			ASSERT_EQ(0, iobmd_resize(cut->fd, end));
			EXPECT_EQ(-1, stamps_lost(cut->map, end));
			ASSERT_TRUE(cut_restore(cut));
		}
	}
	EXPECT_LT(0, failures);
	printf("# %u of the cuts failed\n", failures);
}

TEST_F_TIMEOUT(cut_fail, of_a_whole_huge_page_changes_nothing, 300)
{
	fail_at_each_point(_metadata, &self->cut, self->fail_nth, false);
}

TEST_F_TIMEOUT(cut_fail, of_a_piece_changes_nothing, 300)
{
	fail_at_each_point(_metadata, &self->cut, self->fail_nth, true);
}

TEST_HARNESS_MAIN
