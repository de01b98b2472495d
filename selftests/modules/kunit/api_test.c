// SPDX-License-Identifier: GPL-2.0
/*
 * The module itself, by what it exports, as a driver calls it: from a thread that
 * belongs to no process, with iterators over its own memory, and wrongly.
 */

#include <linux/bvec.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/iobmd.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/uio.h>

#include <kunit/test.h>

#define SIZE	((u64)(3 * PAGE_SIZE + 5))
#define RIGHTS	(IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE)

static void put(void *client)
{
	iobmd_client_put(client);
	flush_delayed_fput();
}

/* It goes with the case. */
static struct iobmd_client *create(struct kunit *test, u64 capacity)
{
	const struct iobmd_create args = { .capacity = capacity };
	struct iobmd_client *client = iobmd_client_create(&args);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, client);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put, client));
	return client;
}

static u8 *memory(struct kunit *test, u64 size, u8 value)
{
	u8 *bytes = kunit_kmalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	return memset(bytes, value, size);
}

static ssize_t copy(struct iobmd_client *client, u64 offset, void *bytes, u64 length, bool write)
{
	struct kvec kvec = { .iov_base = bytes, .iov_len = length };
	struct iov_iter iter;

	iov_iter_kvec(&iter, write ? ITER_SOURCE : ITER_DEST, &kvec, 1, length);
	return write ? iobmd_client_write(client, offset, &iter) :
		       iobmd_client_read(client, offset, &iter);
}

static void thread_without_a_process_has_a_buffer(struct kunit *test)
{
	struct iobmd_client *client;
	u8 *out, *in;
	u64 i;

	KUNIT_ASSERT_NULL(test, current->mm);
	client = create(test, SIZE);
	out = memory(test, SIZE, 0);
	in = memory(test, SIZE + 1, 0xcc);
	KUNIT_EXPECT_EQ(test, SIZE, iobmd_client_size(client));
	KUNIT_EXPECT_EQ(test, SIZE, copy(client, 0, in, SIZE + 1, false));
	KUNIT_EXPECT_EQ(test, 0, memcmp(out, in, SIZE));
	KUNIT_EXPECT_EQ(test, 0xcc, in[SIZE]);
	for (i = 0; i < SIZE; i++)
		out[i] = i * 7;
	KUNIT_EXPECT_EQ(test, SIZE - 3, copy(client, 3, out, SIZE, true));
	KUNIT_EXPECT_EQ(test, SIZE - 3, copy(client, 3, in, SIZE, false));
	KUNIT_EXPECT_EQ(test, 0, memcmp(out, in, SIZE - 3));
}

static void create_takes_what_the_ioctl_takes(struct kunit *test)
{
	static const struct {
		struct iobmd_create args;
		int err;
	} calls[] = {
		{ { .capacity = 1, .size = 1 } },
		{ { .capacity = 1, .size = U32_MAX } },
		{ { .capacity = 0 }, -EINVAL },
		{ { .capacity = LLONG_MAX }, -EFBIG },
		{ { .capacity = U64_MAX }, -EFBIG },
		{ { .capacity = 1, .flags = IOBMD_CREATE_F_NODE << 1 }, -EINVAL },
		{ { .capacity = 1, .flags = 1u << 31 }, -EINVAL },
		{ { .capacity = 1, .flags = IOBMD_CREATE_F_NODE, .node = MAX_NUMNODES }, -EINVAL },
		{ { .capacity = 1, .flags = IOBMD_CREATE_F_NODE, .node = -1 }, -EINVAL },
		{ { .capacity = 1, .direction = 1u << 31 }, -EINVAL },
		{ { .capacity = 1, .huge = IOBMD_HUGE_REQUIRE + 1 }, -EINVAL },
		{ { .capacity = 1, .huge = U32_MAX }, -EINVAL },
		{ { .capacity = 1, .alignment = 3 }, -EINVAL },
		{ { .capacity = 1, .alignment = 1ULL << 63 }, -EINVAL },
		{ { .capacity = 1, .__reserved = 1 }, -EINVAL },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		struct iobmd_client *client = iobmd_client_create(&calls[i].args);

		KUNIT_EXPECT_EQ_MSG(test, calls[i].err, PTR_ERR_OR_ZERO(client), "call %d", i);
		if (!IS_ERR(client))
			iobmd_client_put(client);
	}
	iobmd_client_put(NULL);
}

/* What is left is for another buffer: nothing of the iterator is lost. */
static void copy_cut_short_leaves_the_rest_of_the_iterator(struct kunit *test)
{
	struct iobmd_client *first = create(test, SIZE), *second = create(test, SIZE);
	u8 *out = memory(test, 2 * SIZE, 1), *in = memory(test, 2 * SIZE, 0xcc);
	struct kvec kvec = { .iov_base = out, .iov_len = 2 * SIZE };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_SOURCE, &kvec, 1, 2 * SIZE);
	KUNIT_EXPECT_EQ(test, SIZE, iobmd_client_write(first, 0, &iter));
	KUNIT_EXPECT_EQ(test, SIZE, iov_iter_count(&iter));
	KUNIT_EXPECT_EQ(test, 0, iobmd_client_write(first, SIZE, &iter));
	KUNIT_EXPECT_EQ(test, SIZE, iov_iter_count(&iter));
	KUNIT_EXPECT_EQ(test, SIZE - 7, iobmd_client_write(second, 7, &iter));
	KUNIT_EXPECT_EQ(test, 7, iov_iter_count(&iter));

	kvec.iov_base = in;
	iov_iter_kvec(&iter, ITER_DEST, &kvec, 1, 2 * SIZE);
	KUNIT_EXPECT_EQ(test, SIZE, iobmd_client_read(first, 0, &iter));
	KUNIT_EXPECT_EQ(test, 0, iobmd_client_read(first, U64_MAX, &iter));
	KUNIT_EXPECT_EQ(test, SIZE, iov_iter_count(&iter));
	KUNIT_EXPECT_EQ(test, SIZE - 7, iobmd_client_read(second, 7, &iter));
	KUNIT_EXPECT_EQ(test, 7, iov_iter_count(&iter));
	KUNIT_EXPECT_EQ(test, 0, memcmp(out, in, 2 * SIZE - 7));
	KUNIT_EXPECT_EQ(test, 0xcc, in[2 * SIZE - 7]);
}

static void copies_by_iterators_over_pages(struct kunit *test)
{
	struct iobmd_client *client = create(test, SIZE);
	u8 *bytes = memory(test, PAGE_SIZE, 9), *back = memory(test, PAGE_SIZE, 0);
	struct iov_iter iter;
	struct bio_vec bvec;

	bvec_set_page(&bvec, virt_to_page(bytes), 100, offset_in_page(bytes));
	iov_iter_bvec(&iter, ITER_SOURCE, &bvec, 1, 100);
	KUNIT_EXPECT_EQ(test, 100, iobmd_client_write(client, PAGE_SIZE - 50, &iter));
	bvec_set_page(&bvec, virt_to_page(back), 100, offset_in_page(back));
	iov_iter_bvec(&iter, ITER_DEST, &bvec, 1, 100);
	KUNIT_EXPECT_EQ(test, 100, iobmd_client_read(client, PAGE_SIZE - 50, &iter));
	KUNIT_EXPECT_EQ(test, 0, memcmp(bytes, back, 100));
	iov_iter_discard(&iter, ITER_DEST, U32_MAX);
	KUNIT_EXPECT_EQ(test, SIZE - 1, iobmd_client_read(client, 1, &iter));
	iov_iter_discard(&iter, ITER_DEST, 0);
	KUNIT_EXPECT_EQ(test, 0, iobmd_client_read(client, 0, &iter));
}

static int visit(phys_addr_t address, u64 length, void *arg)
{
	u64 *total = arg;

	*total += length;
	return 0;
}

struct inside {
	struct iobmd_client *client;
	u64 total;
	u8 byte;
};

static int visit_and_use(phys_addr_t address, u64 length, void *arg)
{
	struct inside *inside = arg;
	int ret = iobmd_client_for_each_run(inside->client, 0, SIZE, visit, &inside->total);

	if (ret || copy(inside->client, SIZE - 1, &inside->byte, 1, true) != 1)
		return -EIO;
	return -ESTALE;
}

static void visitor_of_a_run_may_use_the_buffer(struct kunit *test)
{
	struct inside inside = { .client = create(test, SIZE) };

	KUNIT_EXPECT_EQ(test, -ESTALE, iobmd_client_for_each_run(inside.client, 5, 1,
								 visit_and_use, &inside));
	KUNIT_EXPECT_EQ(test, SIZE, inside.total);
}

static void every_mapping_of_one_client_shows_the_same(struct kunit *test)
{
	struct iobmd_client *client = create(test, SIZE);
	u8 *first = iobmd_client_vmap(client), *second = iobmd_client_vmap(client);
	u8 byte = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	KUNIT_EXPECT_PTR_NE(test, first, second);
	WRITE_ONCE(first[SIZE - 1], 77);
	KUNIT_EXPECT_EQ(test, 77, READ_ONCE(second[SIZE - 1]));
	iobmd_client_vunmap(client, first);
	WRITE_ONCE(second[SIZE - 1], 78);
	KUNIT_EXPECT_EQ(test, 1, copy(client, SIZE - 1, &byte, 1, false));
	KUNIT_EXPECT_EQ(test, 78, byte);
	iobmd_client_vunmap(client, second);
}

static void client_of_a_buffer_of_length_0_has_nothing(struct kunit *test)
{
	struct platform_device *device =
		platform_device_register_simple("iobmd-kunit-api", PLATFORM_DEVID_NONE, NULL, 0);
	struct iobmd_client *client, *owner = create(test, SIZE);
	u8 byte = 0xcc;
	u64 total = 0;
	int fd;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, device);
	KUNIT_EXPECT_EQ(test, 0, iobmd_client_set_length(owner, 0));
	fd = iobmd_client_publish(owner, 0);
	KUNIT_EXPECT_GE(test, fd, 0);
	client = iobmd_client_get(fd, RIGHTS);
	KUNIT_EXPECT_EQ(test, 0, PTR_ERR_OR_ZERO(client));
	if (!IS_ERR(client)) {
		KUNIT_EXPECT_EQ(test, 0, iobmd_client_size(client));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				iobmd_client_for_each_run(client, 0, 0, visit, &total));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				iobmd_client_for_each_run(client, 0, 1, visit, &total));
		KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(iobmd_client_vmap(client)));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				PTR_ERR(iobmd_client_dma_map(client, &device->dev, 0, 0,
							     DMA_TO_DEVICE)));
		KUNIT_EXPECT_EQ(test, 0, copy(client, 0, &byte, 1, false));
		KUNIT_EXPECT_EQ(test, 0, copy(client, 0, &byte, 1, true));
		iobmd_client_put(client);
	}
	close_fd(fd);
	KUNIT_EXPECT_EQ(test, 0xcc, byte);
	KUNIT_EXPECT_EQ(test, 0, total);
	platform_device_unregister(device);
}

/* What may be called in any context, in the narrowest that a test can be in */
static void nothing_for_any_context_sleeps(struct kunit *test)
{
	struct iobmd_client *client = create(test, SIZE);
	unsigned long flags;
	u64 size;

	local_irq_save(flags);
	size = iobmd_client_size(client);
	iobmd_client_notify(client);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, SIZE, size);
}

/* What the cases have put is gone before the next, and before the module. */
static void api_exit(struct kunit *test)
{
	flush_delayed_fput();
}

static struct kunit_case api_cases[] = {
	KUNIT_CASE(thread_without_a_process_has_a_buffer),
	KUNIT_CASE(create_takes_what_the_ioctl_takes),
	KUNIT_CASE(copy_cut_short_leaves_the_rest_of_the_iterator),
	KUNIT_CASE(copies_by_iterators_over_pages),
	KUNIT_CASE(visitor_of_a_run_may_use_the_buffer),
	KUNIT_CASE(every_mapping_of_one_client_shows_the_same),
	KUNIT_CASE(client_of_a_buffer_of_length_0_has_nothing),
	KUNIT_CASE(nothing_for_any_context_sleeps),
	{}
};

static struct kunit_suite api_suite = {
	.name		= "iobmd_api",
	.exit		= api_exit,
	.test_cases	= api_cases,
};

kunit_test_suite(api_suite);
