// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation that the module makes when it is loaded fails once: it is there in
 * full, or not at all, and then can be loaded. As no_memory, that takes a kernel with
 * fault injection.
 */
#include "inject.h"
#include "trace.h"

#define DEBUGFS_DIR	DEBUG "/iobmd"
#define DEVICE_CLASS	"/sys/class/misc/iobmd"
#define WORKQUEUES	"/sys/devices/virtual/workqueue"

FIXTURE(no_memory_load)
{
	int fail_nth;
	int ko;
};

FIXTURE_SETUP(no_memory_load)
{
	ASSERT_EQ(0, inject_prepare());
	ASSERT_EQ(0, trace_begin());
	ASSERT_EQ(0, file_write(TRACE "/events/module/module_load/enable", "1"));
	self->fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fail_nth);
	self->ko = module_open(IOBMD_KO);
	ASSERT_LE(0, self->ko);
	ASSERT_EQ(0, module_unload("iobmd"));
}

/* Whatever has happened, the next test finds the module. */
FIXTURE_TEARDOWN_PARENT(no_memory_load)
{
	EXPECT_EQ(0, trace_end());
	if (!exists(MODULE_DIR)) {
		EXPECT_EQ(0, module_load(IOBMD_KO));
	}
	EXPECT_TRUE(exists(IOBMD_DEVICE));
}

static void expect_nothing_left(struct __test_metadata *_metadata)
{
	EXPECT_FALSE(exists(MODULE_DIR));
	EXPECT_FALSE(exists(DEVICE_CLASS));
	EXPECT_FALSE(exists(IOBMD_DEVICE));
	EXPECT_FALSE(exists(DEBUGFS_DIR));
	EXPECT_FALSE(exists(WORKQUEUES "/iobmd_batch"));
	EXPECT_FALSE(exists(WORKQUEUES "/iobmd_reserve"));
}

static unsigned int all_points(struct __test_metadata *_metadata,
			       FIXTURE_DATA(no_memory_load) *self)
{
	int left;

	EXPECT_TRUE(inject(self->fail_nth, MOST_POINTS));
	EXPECT_EQ(0, module_load_file(self->ko, ""));
	left = inject_end(self->fail_nth);
	EXPECT_EQ(0, module_unload("iobmd"));
	return MOST_POINTS - left;
}

/* What the kernel's loader says when it has done its part and the module begins. */
static int modules_begun(void)
{
	return traced_lines("module_load: iobmd ");
}

/*
 * From the last point to the first of the module: before that come the loader's, at
 * some of which it WARNs.
 */
TEST_F(no_memory_load, once_loads_or_leaves_nothing)
{
	unsigned int points = 0, failures = 0;
	bool begun = true;

	for (unsigned int nth = all_points(_metadata, self);
	     nth && begun && !_metadata->exit_code; nth--) {
		int before = modules_begun(), result, error;

		ASSERT_TRUE(inject(self->fail_nth, nth));
		result = module_load_file(self->ko, "");
		error = errno;
		inject_end(self->fail_nth);
		if (result == 0) {
			EXPECT_TRUE(exists(IOBMD_DEVICE));
			EXPECT_EQ(0, close(iobmd_create(page_size())));
			EXPECT_EQ(0, module_unload("iobmd"));
		} else {
			EXPECT_TRUE(error == ENOMEM || error == EFAULT) {
				TH_LOG("point %u: %s", nth, strerror(error));
			}
			failures++;
		}
		expect_nothing_left(_metadata);
		begun = modules_begun() > before;
		points += begun;
	}
	EXPECT_FALSE(begun);
	/* One is the loader's own */
	EXPECT_LT(1, failures);
	printf("# %u points, at %u of them it was not loaded\n", points, failures - 1);
}

TEST_HARNESS_MAIN
