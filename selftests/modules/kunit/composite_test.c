// SPDX-License-Identifier: GPL-2.0
/* Where the bytes of a composite lie, and what its parts leave behind. */

#include "composite.c"

#include "instance.h"

#define PAGE	((u64)PAGE_SIZE)
#define HUGE	BIT_ULL(60)

struct window {
	u64 offset;
	u64 length;
};

static void release(void *composite)
{
	iobmd_composite_release_parts(composite);
}

/* An empty one with room for all parts that there may be, which go with the case. */
static struct iobmd_composite *empty(struct kunit *test)
{
	struct iobmd_composite *composite =
		kunit_kzalloc(test, struct_size_t(struct iobmd_composite, parts, IOBMD_COMPOSE_MAX),
			      GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, composite);
	composite->max = IOBMD_COMPOSE_MAX;
	composite->is_writer = true;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, release, composite));
	return composite;
}

static int add(struct iobmd_composite *composite, struct iobmd_buffer *buffer, u64 offset,
	       u64 length)
{
	return iobmd_composite_add(composite, buffer, iobmd_mnt, offset, length);
}

/* Each window is of another buffer. */
static struct iobmd_composite *compose(struct kunit *test, const struct window *windows,
				       unsigned int nr)
{
	struct iobmd_composite *composite = empty(test);
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct iobmd_buffer *buffer = iobmd_instance_buffer(test, 4 * HUGE);

		KUNIT_ASSERT_EQ(test, 0, add(composite, buffer, windows[i].offset,
					     windows[i].length));
	}
	return composite;
}

static void expect_place(struct kunit *test, const struct iobmd_composite *composite,
			 unsigned int part, u64 start, u64 in_part, const struct window *window)
{
	struct iobmd_place place = iobmd_composite_find(composite, start + in_part);

	KUNIT_EXPECT_PTR_EQ(test, composite->parts[part].buffer, place.buffer);
	KUNIT_EXPECT_EQ(test, window->offset + in_part, place.offset);
	KUNIT_EXPECT_EQ(test, in_part, place.before);
	KUNIT_EXPECT_EQ(test, PAGE_ALIGN(window->length) - in_part, place.length);
}

static void every_edge_of_a_part_is_found(struct kunit *test)
{
	static const struct window windows[] = {
		{ 0, PAGE },
		{ 5 * PAGE, 3 * PAGE },
		{ HUGE, PAGE },
		{ PAGE, HUGE },
		{ 2 * HUGE + PAGE, 2 * PMD_SIZE },
		{ 7 * PAGE, 2 * PAGE - 1 },
	};
	unsigned int nr, i;

	for (nr = 1; nr <= ARRAY_SIZE(windows); nr++) {
		struct iobmd_composite *composite = compose(test, windows, nr);
		u64 start;

		iobmd_composite_align(composite);
		start = iobmd_composite_start(composite);
		for (i = 0; i < nr; i++) {
			u64 end = PAGE_ALIGN(windows[i].length);

			expect_place(test, composite, i, start, 0, &windows[i]);
			expect_place(test, composite, i, start, 1, &windows[i]);
			expect_place(test, composite, i, start, end / 2, &windows[i]);
			expect_place(test, composite, i, start, end - PAGE, &windows[i]);
			expect_place(test, composite, i, start, end - 1, &windows[i]);
			start += end;
		}
	}
}

static void each_of_as_many_parts_as_there_may_be_is_found(struct kunit *test)
{
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, HUGE);
	struct iobmd_composite *composite = empty(test);
	unsigned int i;

	/* The last pages first */
	for (i = 0; i < IOBMD_COMPOSE_MAX; i++)
		KUNIT_ASSERT_EQ(test, 0, add(composite, buffer, HUGE - (i + 1) * PAGE, PAGE));
	for (i = 0; i < IOBMD_COMPOSE_MAX; i++) {
		struct window window = { HUGE - (i + 1) * PAGE, PAGE };

		expect_place(test, composite, i, i * PAGE, 0, &window);
		expect_place(test, composite, i, i * PAGE, PAGE - 1, &window);
	}
	KUNIT_EXPECT_EQ(test, IOBMD_COMPOSE_MAX * PAGE, composite->size);
}

static void one_part_too_many_is_refused(struct kunit *test)
{
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, HUGE);
	struct iobmd_composite *one = empty(test), *many = empty(test);
	unsigned int i;

	for (i = 0; i < IOBMD_COMPOSE_MAX; i++)
		KUNIT_ASSERT_EQ(test, 0, add(many, buffer, 2 * i * PAGE, PAGE));
	KUNIT_EXPECT_EQ(test, -EINVAL, add(many, buffer, 0, PAGE));
	KUNIT_EXPECT_EQ(test, IOBMD_COMPOSE_MAX, many->nr);

	KUNIT_ASSERT_EQ(test, 0, add(one, buffer, 0, PAGE));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			iobmd_composite_add_parts(one, many, 0, many->size));
	KUNIT_EXPECT_EQ(test, IOBMD_COMPOSE_MAX, one->nr);

	iobmd_composite_release_parts(one);
	iobmd_composite_release_parts(many);
	iobmd_instance_expect_unused(test, buffer);
}

/* Of what lies between byte @offset and @end, counted from the start of the first part */
static void expect_cut(struct kunit *test, const struct iobmd_composite *other, u64 offset,
		       u64 end, const struct window *expected, unsigned int nr)
{
	struct iobmd_composite *composite = empty(test);
	u64 size = 0;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0,
			iobmd_composite_add_parts(composite, other,
						  iobmd_composite_start(other) + offset,
						  end - offset));
	KUNIT_ASSERT_EQ(test, nr, composite->nr);
	for (i = 0; i < nr; i++) {
		const struct iobmd_part *part = &composite->parts[i];

		KUNIT_EXPECT_EQ(test, expected[i].offset, part->offset);
		KUNIT_EXPECT_EQ(test, size, part->start);
		KUNIT_EXPECT_EQ(test, PAGE_ALIGN(size + expected[i].length), part->end);
		KUNIT_EXPECT_EQ(test, expected[i].offset + expected[i].length,
				part->hold.end);
		size += expected[i].length;
	}
	KUNIT_EXPECT_EQ(test, size, composite->size);
}

static void composite_is_taken_apart_at_its_edges(struct kunit *test)
{
	static const struct window windows[] = {
		{ 10 * PAGE, 2 * PAGE }, { HUGE, 4 * PAGE }, { 20 * PAGE, 2 * PAGE - 1 },
	};
	struct iobmd_composite *composite = compose(test, windows, ARRAY_SIZE(windows));

	iobmd_composite_align(composite);
	expect_cut(test, composite, 0, composite->size, windows, 3);
	expect_cut(test, composite, 0, 2 * PAGE, windows, 1);
	expect_cut(test, composite, 2 * PAGE, 6 * PAGE, &windows[1], 1);
	expect_cut(test, composite, 0, 1, &(struct window) { 10 * PAGE, 1 }, 1);
	expect_cut(test, composite, PAGE, 2 * PAGE, &(struct window) { 11 * PAGE, PAGE }, 1);
	expect_cut(test, composite, 5 * PAGE, 6 * PAGE,
		   &(struct window) { HUGE + 3 * PAGE, PAGE }, 1);
	expect_cut(test, composite, 7 * PAGE, composite->size,
		   &(struct window) { 21 * PAGE, PAGE - 1 }, 1);
	expect_cut(test, composite, PAGE, 7 * PAGE + 1,
		   (struct window []) { { 11 * PAGE, PAGE }, windows[1],
					{ 20 * PAGE, PAGE + 1 } }, 3);
}

static void longest_part_has_its_huge_pages(struct kunit *test)
{
	static const struct {
		struct window windows[3];
		unsigned int longest;
	} composites[] = {
		{ { { 0, PAGE }, { 0, PMD_SIZE }, { 0, PAGE } }, 1 },
		{ { { PAGE, 3 * PAGE }, { 0, PAGE }, { 9 * PAGE, 2 * PAGE } }, 0 },
		{ { { 0, PAGE }, { 5 * PAGE, PAGE }, { HUGE - PAGE, 3 * PMD_SIZE } }, 2 },
		{ { { 3 * PMD_SIZE - PAGE, PAGE }, { 0, PAGE }, { PAGE, PAGE } }, 0 },
		{ { { PMD_SIZE, HUGE }, { PAGE, PAGE }, { PMD_SIZE + PAGE, 1 } }, 0 },
		/* Of equal ones the first */
		{ { { PAGE, PMD_SIZE }, { 2 * PAGE, PMD_SIZE }, { 0, PMD_SIZE } }, 0 },
	};
	int i, j;

	for (i = 0; i < ARRAY_SIZE(composites); i++) {
		struct iobmd_composite *composite = compose(test, composites[i].windows, 3);
		const struct iobmd_part *part = &composite->parts[composites[i].longest];
		u64 next;

		iobmd_composite_align(composite);
		KUNIT_EXPECT_EQ_MSG(test, part->offset % PMD_SIZE, part->start % PMD_SIZE,
				    "composite %d", i);
		next = iobmd_composite_start(composite);
		KUNIT_EXPECT_LT(test, next, PMD_SIZE);
		for (j = 0; j < 3; j++) {
			KUNIT_EXPECT_EQ(test, next, composite->parts[j].start);
			next += PAGE_ALIGN(composites[i].windows[j].length);
			KUNIT_EXPECT_EQ(test, next, composite->parts[j].end);
		}
	}
}

static void part_that_is_refused_leaves_nothing(struct kunit *test)
{
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, 8 * PAGE);
	struct iobmd_composite *composite = empty(test);

	/* A shrink came after the look at the length. */
	buffer->capacity = 4 * PAGE;
	KUNIT_EXPECT_EQ(test, -EINVAL, add(composite, buffer, 3 * PAGE, 2 * PAGE));
	iobmd_instance_expect_unused(test, buffer);

	buffer->memory.seals = IOBMD_SEAL_WRITE;
	KUNIT_EXPECT_EQ(test, -EPERM, add(composite, buffer, 0, PAGE));
	iobmd_instance_expect_unused(test, buffer);
	buffer->memory.seals = 0;

	/* As it is while the seal is being applied */
	KUNIT_ASSERT_EQ(test, 0, mapping_deny_writable(buffer->inode->i_mapping));
	KUNIT_EXPECT_EQ(test, -EPERM, add(composite, buffer, 0, PAGE));
	mapping_allow_writable(buffer->inode->i_mapping);
	iobmd_instance_expect_unused(test, buffer);

	KUNIT_EXPECT_EQ(test, 0, composite->nr);
	KUNIT_EXPECT_EQ(test, 0, composite->size);
}

static void parts_go_with_the_last_file(struct kunit *test)
{
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, HUGE);
	struct iobmd_composite *composite = empty(test);

	KUNIT_ASSERT_EQ(test, 0, add(composite, buffer, 0, PAGE));
	KUNIT_ASSERT_EQ(test, 0, add(composite, buffer, 0, HUGE));
	iobmd_composite_get(composite);
	iobmd_composite_get(composite);
	iobmd_composite_put(composite);
	KUNIT_EXPECT_EQ(test, 2, composite->nr);
	KUNIT_EXPECT_TRUE(test, mapping_writably_mapped(buffer->inode->i_mapping));
	iobmd_composite_put(composite);
	iobmd_instance_expect_unused(test, buffer);
}

static struct kunit_case composite_cases[] = {
	KUNIT_CASE(every_edge_of_a_part_is_found),
	KUNIT_CASE(each_of_as_many_parts_as_there_may_be_is_found),
	KUNIT_CASE(one_part_too_many_is_refused),
	KUNIT_CASE(composite_is_taken_apart_at_its_edges),
	KUNIT_CASE(longest_part_has_its_huge_pages),
	KUNIT_CASE(part_that_is_refused_leaves_nothing),
	KUNIT_CASE(parts_go_with_the_last_file),
	{}
};

static struct kunit_suite composite_suite = {
	.name		= "iobmd_composite",
	.suite_init	= iobmd_instance_begin,
	.suite_exit	= iobmd_instance_end,
	.test_cases	= composite_cases,
};

kunit_test_suite(composite_suite);
