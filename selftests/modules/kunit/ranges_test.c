// SPDX-License-Identifier: GPL-2.0
/* Ranges and windows at the edges of 64 bits, and when a resize comes in between. */

#include "view.c"

#include "instance.h"

#define PAGE	((u64)PAGE_SIZE)
#define HUGE	BIT_ULL(62)

static struct iobmd_view window_of(struct iobmd_buffer *buffer, u64 offset, u64 size)
{
	return (struct iobmd_view) {
		.buffer		= buffer,
		.rights		= IOBMD_RIGHTS_ALL,
		.is_window	= true,
		.offset		= offset,
		.size		= size,
	};
}

static void range_lies_in_what_there_is(struct kunit *test)
{
	static const struct {
		u64 size, offset, length;
		int err;
		u64 result;
	} ranges[] = {
		{ 0, 0, 0, -EINVAL },
		{ 0, 0, 1, -EINVAL },
		{ 1, 0, 0, 0, 1 },
		{ 1, 0, 1, 0, 1 },
		{ 1, 0, 2, -EINVAL },
		{ 1, 1, 0, -EINVAL },
		{ 1, U64_MAX, 0, -EINVAL },
		{ 1, U64_MAX, 1, -EINVAL },
		{ 1, U64_MAX, 2, -EINVAL },
		{ PAGE, PAGE - 1, 0, 0, 1 },
		{ PAGE, PAGE - 1, 2, -EINVAL },
		{ PAGE, 1, PAGE - 1, 0, PAGE - 1 },
		{ PAGE, 1, PAGE, -EINVAL },
		{ PAGE, 1, U64_MAX, -EINVAL },
		{ PAGE, 0, U64_MAX, -EINVAL },
		{ LLONG_MAX, 0, LLONG_MAX, 0, LLONG_MAX },
		{ LLONG_MAX, 1, LLONG_MAX, -EINVAL },
		{ LLONG_MAX, LLONG_MAX - 1, 0, 0, 1 },
		{ LLONG_MAX, LLONG_MAX, 0, -EINVAL },
		{ LLONG_MAX, LLONG_MAX, U64_MAX, -EINVAL },
		{ U64_MAX, 0, U64_MAX, 0, U64_MAX },
		{ U64_MAX, 1, 0, 0, U64_MAX - 1 },
		{ U64_MAX, 1, U64_MAX, -EINVAL },
		{ U64_MAX, U64_MAX - 1, 1, 0, 1 },
		{ U64_MAX, U64_MAX - 1, 2, -EINVAL },
		{ U64_MAX, U64_MAX, 0, -EINVAL },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct iobmd_view view = window_of(NULL, 7 * PAGE, ranges[i].size);
		u64 length = ranges[i].length;

		KUNIT_EXPECT_EQ_MSG(test, ranges[i].err,
				    iobmd_view_check_range(&view, ranges[i].offset, &length),
				    "range %d", i);
		KUNIT_EXPECT_EQ_MSG(test, ranges[i].err ? ranges[i].length : ranges[i].result,
				    length, "range %d", i);
	}
}

static void range_of_a_whole_buffer_ends_with_its_length(struct kunit *test)
{
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, HUGE);
	struct iobmd_view view = { .buffer = buffer };
	u64 length = 0;

	KUNIT_EXPECT_EQ(test, 0, iobmd_view_check_range(&view, 5, &length));
	KUNIT_EXPECT_EQ(test, HUGE - 5, length);
	KUNIT_ASSERT_EQ(test, 0, iobmd_buffer_set_length(buffer, 6));
	KUNIT_EXPECT_EQ(test, -EINVAL, iobmd_view_check_range(&view, 5, &length));
	length = 0;
	KUNIT_EXPECT_EQ(test, 0, iobmd_view_check_range(&view, 5, &length));
	KUNIT_EXPECT_EQ(test, 1, length);
	KUNIT_ASSERT_EQ(test, 0, iobmd_buffer_set_length(buffer, 0));
	length = 0;
	KUNIT_EXPECT_EQ(test, -EINVAL, iobmd_view_check_range(&view, 0, &length));
}

static void mapping_is_of_whole_pages(struct kunit *test)
{
	static const struct {
		u64 size, offset, length;
		int err;
	} ranges[] = {
		{ 1, 0, PAGE },
		{ 1, 0, PAGE + 1, -EINVAL },
		{ 1, PAGE, 1, -EINVAL },
		{ PAGE, 0, 0, -EINVAL },
		{ PAGE, -PAGE, PAGE, -EINVAL },
		{ PAGE, -PAGE, 2 * PAGE, -EINVAL },
		{ PAGE, 0, -PAGE, -EINVAL },
		{ PAGE + 1, 0, 2 * PAGE },
		{ PAGE + 1, PAGE, PAGE },
		{ PAGE + 1, PAGE, PAGE + 1, -EINVAL },
		{ PAGE + 1, PAGE, -PAGE, -EINVAL },
		{ LLONG_MAX, 0, 1ULL << 63 },
		{ LLONG_MAX, (1ULL << 63) - PAGE, PAGE },
		{ LLONG_MAX, (1ULL << 63) - PAGE, 2 * PAGE, -EINVAL },
		{ LLONG_MAX, 1ULL << 63, PAGE, -EINVAL },
		{ -PAGE, -2 * PAGE, PAGE },
		{ -PAGE, -2 * PAGE, 2 * PAGE, -EINVAL },
	};
	struct file *file = kunit_kzalloc(test, sizeof(*file), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, file);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct iobmd_view view = window_of(NULL, 7 * PAGE, ranges[i].size);

		file->private_data = &view;
		KUNIT_EXPECT_EQ_MSG(test, ranges[i].err,
				    iobmd_descriptor_check_map(file, ranges[i].offset,
							       ranges[i].length),
				    "range %d", i);
	}
}

static void window_of_a_window_lies_in_it(struct kunit *test)
{
	/* In one from page 4 on, and in one that ends where the largest buffer would */
	static const struct {
		u64 offset, length;
		int err;
	} windows[] = {
		{ 0, 4 * PAGE + 1 },
		{ 0, 4 * PAGE + 2, -EINVAL },
		{ 0, 1 },
		{ 1, 1, -EINVAL },
		{ PAGE, 3 * PAGE + 1 },
		{ PAGE, 3 * PAGE + 2, -EINVAL },
		{ PAGE, -PAGE, -EINVAL },
		{ 4 * PAGE, 1 },
		{ 4 * PAGE, 2, -EINVAL },
		{ 5 * PAGE, 1, -EINVAL },
		{ -4 * PAGE, 4 * PAGE, -EINVAL },
		{ -4 * PAGE, 5 * PAGE, -EINVAL },
		{ -PAGE, PAGE, -EINVAL },
		{ -PAGE, 2 * PAGE, -EINVAL },
	};
	static const u64 starts[] = { 4 * PAGE, HUGE - 5 * PAGE };
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, HUGE);
	int i, j;

	for (i = 0; i < ARRAY_SIZE(windows) * ARRAY_SIZE(starts); i++) {
		u64 start = starts[i % ARRAY_SIZE(starts)];
		struct iobmd_view *view, parent = window_of(buffer, start, 4 * PAGE + 1);
		struct iobmd_window window = { .rights = IOBMD_RIGHTS_ALL };

		j = i / ARRAY_SIZE(starts);
		window.offset = windows[j].offset;
		window.length = windows[j].length;
		view = iobmd_view_derive(&parent, &window);
		KUNIT_EXPECT_EQ_MSG(test, windows[j].err, PTR_ERR_OR_ZERO(view), "window %d", j);
		if (!IS_ERR(view)) {
			KUNIT_EXPECT_EQ(test, start + window.offset, view->offset);
			KUNIT_EXPECT_EQ(test, window.length, view->size);
			KUNIT_EXPECT_EQ(test, view->offset + view->size, view->hold.end);
			KUNIT_EXPECT_EQ(test, 0, view->rights & IOBMD_RIGHT_RESIZE);
			iobmd_view_put_hold(view);
			iobmd_view_free(view);
		}
		iobmd_instance_expect_unused(test, buffer);
	}
}

/* The length was looked at, then came a shrink, and then the hold is asked for. */
static void window_that_a_shrink_has_overtaken_is_refused(struct kunit *test)
{
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, 4 * PAGE);
	struct iobmd_view parent = window_of(buffer, 0, 8 * PAGE);
	struct iobmd_window window = {
		.offset = 3 * PAGE, .length = PAGE + 1, .rights = IOBMD_RIGHTS_ALL,
	};
	struct iobmd_view *view;

	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(iobmd_view_derive(&parent, &window)));
	window.offset = 4 * PAGE;
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(iobmd_view_derive(&parent, &window)));
	iobmd_instance_expect_unused(test, buffer);

	window.offset = 3 * PAGE;
	window.length = PAGE;
	view = iobmd_view_derive(&parent, &window);
	KUNIT_ASSERT_FALSE(test, IS_ERR(view));
	iobmd_view_put_hold(view);
	KUNIT_EXPECT_FALSE(test, view->has_hold);
	iobmd_view_put_hold(view);
	iobmd_view_free(view);
	iobmd_instance_expect_unused(test, buffer);
}

static void byte_of_a_window_is_found_from_its_start(struct kunit *test)
{
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, HUGE);
	struct iobmd_view view = window_of(buffer, HUGE - 5 * PAGE, 4 * PAGE + 1);
	struct iobmd_place place = iobmd_view_find(&view, 4 * PAGE, 1);

	KUNIT_EXPECT_PTR_EQ(test, buffer, place.buffer);
	KUNIT_EXPECT_EQ(test, HUGE - PAGE, place.offset);
	KUNIT_EXPECT_EQ(test, 1, place.length);
}

static struct kunit_case ranges_cases[] = {
	KUNIT_CASE(range_lies_in_what_there_is),
	KUNIT_CASE(range_of_a_whole_buffer_ends_with_its_length),
	KUNIT_CASE(mapping_is_of_whole_pages),
	KUNIT_CASE(window_of_a_window_lies_in_it),
	KUNIT_CASE(window_that_a_shrink_has_overtaken_is_refused),
	KUNIT_CASE(byte_of_a_window_is_found_from_its_start),
	{}
};

static struct kunit_suite ranges_suite = {
	.name		= "iobmd_ranges",
	.suite_init	= iobmd_instance_begin,
	.suite_exit	= iobmd_instance_end,
	.test_cases	= ranges_cases,
};

kunit_test_suite(ranges_suite);
