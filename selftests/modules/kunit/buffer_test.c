// SPDX-License-Identifier: GPL-2.0
/* A buffer without memory: what holds it, and the list of all. */

#include "buffer.c"

#include <linux/completion.h>
#include <linux/kthread.h>

#include "instance.h"

#define FAR	BIT_ULL(62)

static int check_resize(struct iobmd_buffer *buffer, u64 capacity)
{
	int ret;

	mutex_lock(&buffer->memory.resize_lock);
	ret = iobmd_hold_begin_resize(buffer, capacity);
	if (!ret)
		iobmd_hold_end_resize(buffer);
	mutex_unlock(&buffer->memory.resize_lock);
	return ret;
}

static void hold_reaches_to_its_last_byte(struct kunit *test)
{
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, FAR);
	struct iobmd_hold hold;

	KUNIT_EXPECT_EQ(test, -EINVAL, iobmd_hold_get(&hold, buffer, FAR + 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, iobmd_hold_get(&hold, buffer, U64_MAX));
	iobmd_instance_expect_unused(test, buffer);
	KUNIT_ASSERT_EQ(test, 0, iobmd_hold_get(&hold, buffer, FAR));
	KUNIT_EXPECT_EQ(test, 0, check_resize(buffer, U64_MAX));
	KUNIT_EXPECT_EQ(test, 0, check_resize(buffer, FAR));
	KUNIT_EXPECT_EQ(test, -EBUSY, check_resize(buffer, FAR - 1));
	KUNIT_EXPECT_EQ(test, -EBUSY, check_resize(buffer, 1));
	iobmd_hold_put(&hold, buffer);
	KUNIT_EXPECT_EQ(test, 0, check_resize(buffer, 1));
}

/* Of a buffer of length 0 there is nothing to hold; but it is no window to its end. */
static void hold_of_the_length_stays_when_that_changes(struct kunit *test)
{
	static const u64 lengths[] = { 0, 1, FAR - 1, FAR };
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, FAR);
	struct iobmd_hold hold;
	int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		KUNIT_ASSERT_EQ(test, 0, iobmd_buffer_set_length(buffer, lengths[i]));
		KUNIT_ASSERT_EQ(test, 0, iobmd_hold_get(&hold, buffer, 0));
		KUNIT_ASSERT_EQ(test, 0, iobmd_buffer_set_length(buffer, FAR - lengths[i]));
		KUNIT_EXPECT_EQ(test, lengths[i], hold.end);
		KUNIT_EXPECT_EQ(test, 0, check_resize(buffer, max(lengths[i], 1ULL)));
		KUNIT_EXPECT_EQ(test, lengths[i] > 1 ? -EBUSY : 0,
				check_resize(buffer, lengths[i] - (lengths[i] > 1)));
		iobmd_hold_put(&hold, buffer);
	}
	KUNIT_EXPECT_EQ(test, -EINVAL, iobmd_buffer_set_length(buffer, FAR + 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, iobmd_buffer_set_length(buffer, U64_MAX));
	KUNIT_EXPECT_EQ(test, 0, iobmd_buffer_length(buffer));
}

/**
 * struct taker - a thread that takes a hold
 * @buffer: Of which.
 * @hold: What it takes.
 * @ret: What that returned.
 * @done: It has ended.
 */
struct taker {
	struct iobmd_buffer *buffer;
	struct iobmd_hold hold;
	int ret;
	struct completion done;
};

static int take(void *arg)
{
	struct taker *taker = arg;

	taker->ret = iobmd_hold_get(&taker->hold, taker->buffer, FAR);
	kthread_complete_and_exit(&taker->done, 0);
}

/* No shrink takes the memory away from a hold that waits for another shrink. */
static void hold_waits_for_one_shrink_only(struct kunit *test)
{
	struct taker taker = { .buffer = iobmd_instance_buffer(test, FAR) };
	struct iobmd_buffer *buffer = taker.buffer;
	struct task_struct *task;

	init_completion(&taker.done);
	mutex_lock(&buffer->memory.resize_lock);
	KUNIT_EXPECT_EQ(test, 0, iobmd_hold_begin_resize(buffer, 1));
	task = kthread_run(take, &taker, "iobmd-taker");
	if (IS_ERR(task)) {
		mutex_unlock(&buffer->memory.resize_lock);
		KUNIT_FAIL(test, "no thread");
		return;
	}
	while (!READ_ONCE(buffer->memory.nr_waiting))
		schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_FALSE(test, completion_done(&taker.done));
	iobmd_hold_end_resize(buffer);
	KUNIT_EXPECT_EQ(test, -EBUSY, iobmd_hold_begin_resize(buffer, 1));
	wait_for_completion(&taker.done);
	KUNIT_EXPECT_EQ(test, 0, taker.ret);
	KUNIT_EXPECT_EQ(test, -EBUSY, iobmd_hold_begin_resize(buffer, 1));
	mutex_unlock(&buffer->memory.resize_lock);
	iobmd_hold_put(&taker.hold, buffer);
	KUNIT_EXPECT_EQ(test, 0, check_resize(buffer, 1));
}

/* A grow is no obstacle. */
static void hold_does_not_wait_for_a_grow(struct kunit *test)
{
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, FAR - 1);
	struct iobmd_hold hold;

	mutex_lock(&buffer->memory.resize_lock);
	KUNIT_EXPECT_EQ(test, 0, iobmd_hold_begin_resize(buffer, FAR));
	KUNIT_EXPECT_EQ(test, -EINVAL, iobmd_hold_get(&hold, buffer, FAR));
	KUNIT_EXPECT_EQ(test, 0, iobmd_hold_get(&hold, buffer, FAR - 1));
	iobmd_hold_end_resize(buffer);
	mutex_unlock(&buffer->memory.resize_lock);
	iobmd_hold_put(&hold, buffer);
}

static void farthest_hold_counts_in_whatever_order_they_go(struct kunit *test)
{
	static const u64 ends[] = { 5, FAR, 1, FAR - 1, FAR };
	static const unsigned int orders[][ARRAY_SIZE(ends)] = {
		{ 0, 1, 2, 3, 4 }, { 4, 3, 2, 1, 0 }, { 1, 4, 3, 0, 2 }, { 2, 0, 3, 4, 1 },
	};
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, FAR);
	struct iobmd_hold holds[ARRAY_SIZE(ends)];
	int i, j, k;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		for (j = 0; j < ARRAY_SIZE(ends); j++)
			KUNIT_ASSERT_EQ(test, 0, iobmd_hold_get(&holds[j], buffer, ends[j]));
		for (j = 0; j < ARRAY_SIZE(ends); j++) {
			u64 farthest = 0;

			for (k = j; k < ARRAY_SIZE(ends); k++)
				farthest = max(farthest, ends[orders[i][k]]);
			KUNIT_EXPECT_EQ(test, 0, check_resize(buffer, farthest));
			KUNIT_EXPECT_EQ(test, -EBUSY, check_resize(buffer, farthest - 1));
			iobmd_hold_put(&holds[orders[i][j]], buffer);
		}
		iobmd_instance_expect_unused(test, buffer);
	}
}

/* One that could not be made ends before it is in the list. */
static void buffer_is_listed_from_publication_to_its_end(struct kunit *test)
{
	struct iobmd_buffer *first = iobmd_buffer_alloc(iobmd_mnt->mnt_sb);
	struct iobmd_buffer *second = iobmd_buffer_alloc(iobmd_mnt->mnt_sb);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	KUNIT_EXPECT_NE(test, first->id, second->id);
	KUNIT_EXPECT_TRUE(test, list_empty(&iobmd_buffers));
	iobmd_buffer_publish(first, FAR);
	iput(second->inode);
	KUNIT_EXPECT_PTR_EQ(test, &first->listed, iobmd_buffers.next);
	KUNIT_EXPECT_PTR_EQ(test, &first->listed, iobmd_buffers.prev);
	iput(first->inode);
	KUNIT_EXPECT_TRUE(test, list_empty(&iobmd_buffers));
}

static struct kunit_case buffer_cases[] = {
	KUNIT_CASE(hold_reaches_to_its_last_byte),
	KUNIT_CASE(hold_of_the_length_stays_when_that_changes),
	KUNIT_CASE(hold_waits_for_one_shrink_only),
	KUNIT_CASE(hold_does_not_wait_for_a_grow),
	KUNIT_CASE(farthest_hold_counts_in_whatever_order_they_go),
	KUNIT_CASE(buffer_is_listed_from_publication_to_its_end),
	{}
};

static struct kunit_suite buffer_suite = {
	.name		= "iobmd_buffer",
	.suite_init	= iobmd_instance_begin,
	.suite_exit	= iobmd_instance_end,
	.test_cases	= buffer_cases,
};

kunit_test_suite(buffer_suite);
