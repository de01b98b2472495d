// SPDX-License-Identifier: GPL-2.0
/* Which blocks make up the memory of a buffer, of sizes that no machine here has. */

#include "grow.c"

#include "instance.h"

#define TOP	IOBMD_HUGE_ORDER
#define HUGE	BIT(TOP)
#define FAR	BIT(40)

static void block_is_the_largest_that_may_begin_there(struct kunit *test)
{
	static const struct {
		struct iobmd_fill fill;
		unsigned int order;
	} fills[] = {
		{ { .index = 0, .end = 1, .max_order = TOP }, 0 },
		{ { .index = 0, .end = 3, .max_order = TOP }, 1 },
		{ { .index = 0, .end = HUGE - 1, .max_order = TOP }, TOP - 1 },
		{ { .index = 0, .end = HUGE, .max_order = TOP }, TOP },
		{ { .index = 0, .end = FAR, .max_order = TOP }, TOP },
		{ { .index = 0, .end = FAR, .max_order = 0 }, 0 },
		{ { .index = 1, .end = FAR, .max_order = TOP }, 0 },
		{ { .index = 6, .end = FAR, .max_order = TOP }, 1 },
		{ { .index = HUGE / 2, .end = FAR, .max_order = TOP }, TOP - 1 },
		{ { .index = HUGE, .end = 2 * HUGE - 1, .max_order = TOP }, TOP - 1 },
		{ { .index = HUGE, .end = 2 * HUGE, .max_order = TOP }, TOP },
		{ { .index = HUGE, .end = 2 * HUGE, .max_order = 3 }, 3 },
		{ { .index = FAR, .end = FAR + HUGE, .max_order = TOP }, TOP },
		{ { .index = FAR + 4, .end = 2 * FAR, .max_order = TOP }, 2 },
		{ { .index = FAR - 1, .end = FAR, .max_order = TOP }, 0 },
		/* One that the end cuts short */
		{ { .index = 0, .end = 1, .min_order = 4, .max_order = 4 }, 4 },
		{ { .index = 16, .end = 17, .min_order = 4, .max_order = TOP }, 4 },
		{ { .index = 0, .end = 1, .min_order = TOP, .max_order = TOP }, TOP },
		{ { .index = 0, .end = 40, .min_order = 4, .max_order = TOP }, 5 },
		{ { .index = 32, .end = 40, .min_order = 4, .max_order = TOP }, 4 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(fills); i++)
		KUNIT_EXPECT_EQ_MSG(test, fills[i].order, iobmd_fill_order(&fills[i].fill),
				    "fill %d", i);
}

/* Where a fill to @fill->end stops keeping the rules; that end if it keeps them. */
static pgoff_t first_wrong(struct iobmd_fill fill)
{
	pgoff_t left;

	while (fill.index < fill.end) {
		unsigned int order = iobmd_fill_order(&fill);

		left = fill.end - fill.index;
		if (order < fill.min_order || order > fill.max_order ||
		    !IS_ALIGNED(fill.index, 1UL << order))
			break;
		if (left < 1UL << order && order > fill.min_order)
			break;
		/* It could have been twice as large. */
		if (order < fill.max_order && left >= 2UL << order &&
		    IS_ALIGNED(fill.index, 2UL << order))
			break;
		fill.index += min(left, 1UL << order);
	}
	return fill.index;
}

static void every_size_is_filled_with_aligned_blocks(struct kunit *test)
{
	static const unsigned int orders[][2] = {
		{ 0, TOP }, { 0, 0 }, { 0, 3 }, { 1, 1 }, { 1, TOP }, { 4, 4 }, { 4, TOP },
		{ TOP, TOP },
	};
	static const pgoff_t starts[] = { 0, HUGE, 3 * HUGE / 2, FAR - HUGE, FAR };
	struct iobmd_fill fill = {};
	int i, j;
	pgoff_t n;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		for (j = 0; j < ARRAY_SIZE(starts); j++) {
			fill.min_order = orders[i][0];
			fill.max_order = orders[i][1];
			fill.index = ALIGN(starts[j], 1UL << fill.min_order);
			for (n = 1; n <= 2 * HUGE + 1; n += n < 70 ? 1 : 37) {
				fill.end = fill.index + n;
				KUNIT_EXPECT_EQ_MSG(test, fill.end, first_wrong(fill),
						    "%lu pages from %lu, orders %u to %u", n,
						    fill.index, fill.min_order, fill.max_order);
			}
		}
	}
}

static void smallest_and_largest_block_are_as_asked(struct kunit *test)
{
	static const struct {
		u32 huge;
		u64 alignment;
		unsigned int min_order, max_order;
	} buffers[] = {
		{ IOBMD_HUGE_PREFER, 0, 0, TOP },
		{ IOBMD_HUGE_PREFER, 1, 0, TOP },
		{ IOBMD_HUGE_PREFER, PAGE_SIZE, 0, TOP },
		{ IOBMD_HUGE_PREFER, 2 * PAGE_SIZE, 1, TOP },
		{ IOBMD_HUGE_PREFER, PMD_SIZE, TOP, TOP },
		{ IOBMD_HUGE_NONE, 0, 0, 0 },
		{ IOBMD_HUGE_NONE, PAGE_SIZE / 2, 0, 0 },
		{ IOBMD_HUGE_NONE, 16 * PAGE_SIZE, 4, 4 },
		{ IOBMD_HUGE_NONE, PMD_SIZE, TOP, TOP },
		{ IOBMD_HUGE_REQUIRE, 0, TOP, TOP },
		{ IOBMD_HUGE_REQUIRE, 2 * PAGE_SIZE, TOP, TOP },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(buffers); i++) {
		struct iobmd_buffer buffer = {
			.memory.huge = buffers[i].huge,
			.memory.alignment = buffers[i].alignment,
		};

		KUNIT_EXPECT_EQ_MSG(test, buffers[i].min_order, iobmd_fill_min_order(&buffer),
				    "buffer %d", i);
		KUNIT_EXPECT_EQ_MSG(test, buffers[i].max_order, iobmd_fill_max_order(&buffer),
				    "buffer %d", i);
	}
}

/* The ceiling of a buffer prevents this from user space. */
static void more_than_there_is_is_refused_before_any_is_taken(struct kunit *test)
{
	const pgoff_t sizes[] = {
		totalram_pages(), 2 * totalram_pages(), FAR, LLONG_MAX >> PAGE_SHIFT,
	};
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, 1);
	long available = si_mem_available();
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ(test, -ENOMEM, iobmd_memory_grow(buffer, sizes[i], true));
		KUNIT_EXPECT_EQ(test, 0, i_size_read(buffer->inode));
		KUNIT_EXPECT_EQ(test, 0, buffer->inode->i_mapping->nrpages);
		KUNIT_EXPECT_EQ(test, 0, buffer->memory.huge_bytes);
	}
	KUNIT_EXPECT_LT(test, available / 2, si_mem_available());
}

static struct kunit_case fill_cases[] = {
	KUNIT_CASE(block_is_the_largest_that_may_begin_there),
	KUNIT_CASE(every_size_is_filled_with_aligned_blocks),
	KUNIT_CASE(smallest_and_largest_block_are_as_asked),
	KUNIT_CASE(more_than_there_is_is_refused_before_any_is_taken),
	{}
};

static struct kunit_suite fill_suite = {
	.name		= "iobmd_fill",
	.suite_init	= iobmd_instance_begin,
	.suite_exit	= iobmd_instance_end,
	.test_cases	= fill_cases,
};

kunit_test_suite(fill_suite);
