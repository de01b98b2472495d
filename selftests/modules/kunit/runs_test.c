// SPDX-License-Identifier: GPL-2.0
/* Where physically contiguous runs are cut: byte by byte against a model, and far out. */

#include "dma.c"
#include "runs.c"

#include <linux/delay.h>
#include <linux/platform_device.h>
#include <linux/workqueue.h>

#include "instance.h"

#define MOST_RUNS	64
#define MOST_CHUNKS	3

struct chunk {
	phys_addr_t address;
	u64 length;
};

/* @stop: The value that ends the walk at the last run that there is room for. */
struct runs {
	unsigned int nr;
	unsigned int room;
	int stop;
	struct chunk run[MOST_RUNS];
};

static int visit(phys_addr_t address, u64 length, void *arg)
{
	struct runs *runs = arg;

	if (runs->nr == MOST_RUNS)
		return -E2BIG;
	runs->run[runs->nr++] = (struct chunk) { address, length };
	return runs->nr == runs->room ? runs->stop : 0;
}

/* What the limits say, one byte after the other */
static void model_add(struct runs *runs, struct iobmd_run_limits limits, struct chunk chunk)
{
	for (; chunk.length; chunk.address++, chunk.length--) {
		struct chunk *last = &runs->run[max(runs->nr, 1U) - 1];

		if (last->length && last->address + last->length == chunk.address &&
		    last->length < limits.max && chunk.address & limits.boundary)
			last->length++;
		else
			runs->run[runs->nr++] = (struct chunk) { chunk.address, 1 };
	}
}

static int walk(struct runs *runs, struct iobmd_run_limits limits, const struct chunk *chunks)
{
	struct iobmd_run run = { .limits = limits, .visit = visit, .arg = runs };
	int i, ret;

	for (i = 0; i < MOST_CHUNKS; i++) {
		ret = iobmd_run_add(&run, chunks[i].address, chunks[i].length);
		if (ret)
			return ret;
	}
	return iobmd_run_finish(&run);
}

static const struct chunk sequences[][MOST_CHUNKS] = {
	{ { 0x1000, 16 }, { 0x1010, 16 }, { 0x1020, 1 } },
	{ { 0x100d, 7 }, { 0x1014, 1 }, { 0x1015, 30 } },
	{ { 0x2000, 5 }, { 0x2006, 5 }, { 0x200b, 9 } },
	{ { 0x3008, 8 }, { 0x3000, 8 }, { 0x3008, 4 } },
	{ { 0x1003, 4 }, { 0x1003, 4 }, { 0x1007, 1 } },
	{ { 0, 5 }, { 5, 3 }, { 8, 20 } },
	{ { 0xfffffffd, 7 }, { 0x100000004, 9 }, { 0x10000000e, 1 } },
	{ { U64_MAX - 20, 11 }, { U64_MAX - 9, 9 }, { 0x10, 3 } },
};

static const u64 maxima[] = { 1, 2, 3, 5, 8, 11, 16, 17, U64_MAX };
static const u64 boundaries[] = { 0, 1, 3, 7, 15, 0xffffffff, U64_MAX };

static void runs_are_cut_where_the_limits_say(struct kunit *test)
{
	struct runs *runs = kunit_kzalloc(test, sizeof(*runs), GFP_KERNEL);
	struct runs *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	int i, j;

	KUNIT_ASSERT_NOT_NULL(test, runs);
	KUNIT_ASSERT_NOT_NULL(test, model);
	for (i = 0; i < ARRAY_SIZE(sequences) * ARRAY_SIZE(maxima) * ARRAY_SIZE(boundaries); i++) {
		const struct chunk *chunks = sequences[i % ARRAY_SIZE(sequences)];
		int limit = i / ARRAY_SIZE(sequences);
		struct iobmd_run_limits limits = {
			.max = maxima[limit % ARRAY_SIZE(maxima)],
			.boundary = boundaries[limit / ARRAY_SIZE(maxima)],
		};

		memset(runs, 0, sizeof(*runs));
		memset(model, 0, sizeof(*model));
		for (j = 0; j < MOST_CHUNKS; j++)
			model_add(model, limits, chunks[j]);
		KUNIT_ASSERT_EQ(test, 0, walk(runs, limits, chunks));
		KUNIT_EXPECT_EQ_MSG(test, 0, memcmp(model, runs, sizeof(*runs)),
				    "from %#llx: max %llu, boundary %#llx: %u runs instead of %u",
				    (u64)chunks->address, limits.max, limits.boundary, runs->nr,
				    model->nr);
	}
}

static void visitor_may_end_the_walk_at_any_run(struct kunit *test)
{
	const struct iobmd_run_limits limits = { .max = 4, .boundary = 7 };
	struct runs *runs = kunit_kzalloc(test, sizeof(*runs), GFP_KERNEL);
	unsigned int nr, room;

	KUNIT_ASSERT_NOT_NULL(test, runs);
	KUNIT_ASSERT_EQ(test, 0, walk(runs, limits, sequences[1]));
	nr = runs->nr;
	for (room = 1; room <= nr; room++) {
		memset(runs, 0, sizeof(*runs));
		runs->room = room;
		runs->stop = room % 2 ? -EIO : 5;
		KUNIT_EXPECT_EQ(test, runs->stop, walk(runs, limits, sequences[1]));
		KUNIT_EXPECT_EQ(test, room, runs->nr);
	}
}

/* Runs of more than 32 bits count; @broken: how many do not keep to @limits. */
struct far {
	struct iobmd_run_limits limits;
	u64 nr;
	u64 total;
	u64 broken;
};

static int visit_far(phys_addr_t address, u64 length, void *arg)
{
	struct far *far = arg;

	far->nr++;
	far->total += length;
	if (!length || length > far->limits.max ||
	    (address ^ (address + length - 1)) & ~far->limits.boundary)
		far->broken++;
	return 0;
}

static void runs_may_be_longer_than_32_bits(struct kunit *test)
{
	const u64 page = PAGE_SIZE, tib = 1ULL << 40;
	const struct {
		struct iobmd_run_limits limits;
		u64 address, nr;
	} walks[] = {
		{ { U64_MAX, U64_MAX }, page, 1 },
		{ { tib, U64_MAX }, page, 1 },
		{ { tib - page, U64_MAX }, page, 2 },
		{ { U32_MAX & PAGE_MASK, U64_MAX }, 0, 257 },
		{ { U64_MAX, U32_MAX }, 0, 256 },
		{ { U64_MAX, U32_MAX }, page, 257 },
		{ { 1ULL << 32, U32_MAX }, 5ULL << 32, 256 },
		{ { 1ULL << 33, U32_MAX }, (5ULL << 32) - page, 257 },
		{ { 3ULL << 32, (1ULL << 34) - 1 }, 0, 128 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(walks); i++) {
		struct far far = { .limits = walks[i].limits };
		struct iobmd_run run = {
			.limits = walks[i].limits, .visit = visit_far, .arg = &far,
		};

		KUNIT_EXPECT_EQ(test, 0, iobmd_run_add(&run, walks[i].address, tib / 2));
		KUNIT_EXPECT_EQ(test, 0, iobmd_run_add(&run, walks[i].address + tib / 2, tib / 2));
		KUNIT_EXPECT_EQ(test, 0, iobmd_run_finish(&run));
		KUNIT_EXPECT_EQ_MSG(test, walks[i].nr, far.nr, "walk %d", i);
		KUNIT_EXPECT_EQ_MSG(test, tib, far.total, "walk %d", i);
		KUNIT_EXPECT_EQ_MSG(test, 0, far.broken, "walk %d", i);
	}
}

static void unregister(void *device)
{
	platform_device_unregister(device);
}

/* What a segment's length can hold, and whole pages unless that would be none */
static void segments_are_whole_pages_where_the_device_can(struct kunit *test)
{
	static const struct {
		u32 max, segment;
	} sizes[] = {
		{ 1, 1 }, { 512, 512 }, { PAGE_SIZE - 1, PAGE_SIZE - 1 },
		{ PAGE_SIZE, PAGE_SIZE }, { PAGE_SIZE + 1, PAGE_SIZE },
		{ 2 * PAGE_SIZE - 1, PAGE_SIZE }, { SZ_64K, SZ_64K },
		{ SZ_2G, SZ_2G }, { U32_MAX, U32_MAX & PAGE_MASK },
	};
	struct platform_device *device =
		platform_device_register_simple("iobmd-kunit-runs", PLATFORM_DEVID_NONE, NULL, 0);
	int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, device);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, unregister, device));
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(&device->dev, DMA_BIT_MASK(64)));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		dma_set_max_seg_size(&device->dev, sizes[i].max);
		dma_set_seg_boundary(&device->dev, sizes[i].max);
		KUNIT_EXPECT_EQ(test, sizes[i].segment, iobmd_dma_limits(&device->dev).max);
		KUNIT_EXPECT_EQ(test, sizes[i].max, iobmd_dma_limits(&device->dev).boundary);
	}
}

#define SPLIT_PAGES	5

struct split_walk {
	struct work_struct work;
	const struct iobmd_view *view;
	struct far far;
	bool begun;
	bool go;
	int err;
};

static void walk_view(struct work_struct *work)
{
	struct split_walk *walk = container_of(work, struct split_walk, work);

	WRITE_ONCE(walk->begun, true);
	while (!READ_ONCE(walk->go))
		cond_resched();
	walk->err = iobmd_view_for_each_run(walk->view, 0, SPLIT_PAGES * PAGE_SIZE,
					    IOBMD_NO_LIMITS, visit_far, &walk->far);
}

/*
 * No reference to a folio can be taken while the kernel splits it. The walk takes the
 * lock before, and holds it until it has a reference.
 */
static void walk_waits_for_a_folio_that_is_being_split(struct kunit *test)
{
	struct iobmd_buffer *buffer = iobmd_instance_buffer(test, SPLIT_PAGES * PAGE_SIZE);
	const struct iobmd_view view = { .buffer = buffer, .rights = IOBMD_RIGHTS_ALL };
	struct split_walk walk = { .view = &view, .far.limits = IOBMD_NO_LIMITS };
	bool frozen, met = false;
	struct folio *folio;
	int refs, i;

	if (num_online_cpus() == 1)
		kunit_skip(test, "this machine has one processor");
	KUNIT_ASSERT_EQ(test, 0, iobmd_memory_grow(buffer, SPLIT_PAGES, true));
	folio = iobmd_memory_folio(buffer, 0);
	INIT_WORK_ONSTACK(&walk.work, walk_view);
	queue_work(system_unbound_wq, &walk.work);
	while (!READ_ONCE(walk.begun))
		cond_resched();

	preempt_disable();
	refs = folio_ref_count(folio);
	frozen = folio_ref_freeze(folio, refs);
	WRITE_ONCE(walk.go, true);
	for (i = 0; i < 1000 && !met; i++) {
		mdelay(1);
		met = rwsem_is_locked(&buffer->memory.fault_lock);
	}
	mdelay(5);
	if (frozen)
		folio_ref_unfreeze(folio, refs);
	preempt_enable();

	flush_work(&walk.work);
	destroy_work_on_stack(&walk.work);
	KUNIT_EXPECT_TRUE(test, frozen);
	KUNIT_EXPECT_TRUE(test, met);
	KUNIT_EXPECT_EQ(test, 0, walk.err);
	KUNIT_EXPECT_EQ(test, SPLIT_PAGES * PAGE_SIZE, walk.far.total);
	KUNIT_EXPECT_EQ(test, refs, folio_ref_count(folio));
}

static struct kunit_case runs_cases[] = {
	KUNIT_CASE(runs_are_cut_where_the_limits_say),
	KUNIT_CASE(visitor_may_end_the_walk_at_any_run),
	KUNIT_CASE(runs_may_be_longer_than_32_bits),
	KUNIT_CASE(segments_are_whole_pages_where_the_device_can),
	KUNIT_CASE(walk_waits_for_a_folio_that_is_being_split),
	{}
};

static struct kunit_suite runs_suite = {
	.name		= "iobmd_runs",
	.suite_init	= iobmd_instance_begin,
	.suite_exit	= iobmd_instance_end,
	.test_cases	= runs_cases,
};

kunit_test_suite(runs_suite);
