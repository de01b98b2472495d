// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation that the module makes when it is loaded fails once: it is there in
 * full, or not at all, and then can be loaded. As no_memory, that takes a kernel with
 * fault injection.
 */
#include "inject.h"

#define MODULE_DIR	"/sys/module/iobmd"
#define DEBUGFS_DIR	DEBUG "/iobmd"
#define DEVICE_CLASS	"/sys/class/misc/iobmd"
#define WORKQUEUES	"/sys/devices/virtual/workqueue"

/* The loader's points are not always as many; the last of them are in sysfs. */
#define LOADER_VARIES	8

FIXTURE(no_memory_load)
{
	int fail_nth;
	int ko;
};

FIXTURE_SETUP(no_memory_load)
{
	ASSERT_EQ(0, inject_prepare());
	self->fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fail_nth);
	self->ko = module_open(IOBMD_KO);
	ASSERT_LE(0, self->ko);
	ASSERT_EQ(0, module_unload("iobmd"));
}

/* Whatever has happened, the next test finds the module. */
FIXTURE_TEARDOWN_PARENT(no_memory_load)
{
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

/*
 * How many points the kernel's loader has, which WARNs at some of them: the module
 * refuses such a mode before anything else.
 */
static unsigned int loader_points(struct __test_metadata *_metadata,
				  FIXTURE_DATA(no_memory_load) *self)
{
	EXPECT_TRUE(inject(self->fail_nth, MOST_POINTS));
	EXPECT_ERRNO(EINVAL, module_load_file(self->ko, "device_mode=01000"));
	return MOST_POINTS - inject_end(self->fail_nth);
}

TEST_F(no_memory_load, once_loads_or_leaves_nothing)
{
	unsigned int first = loader_points(_metadata, self) - LOADER_VARIES;
	unsigned int nth, failures = 0;
	bool reached = true;

	for (nth = first; reached && nth < MOST_POINTS && !_metadata->exit_code; nth++) {
		int result, error;

		ASSERT_TRUE(inject(self->fail_nth, nth));
		result = module_load_file(self->ko, "device_mode=00600");
		error = errno;
		reached = inject_end(self->fail_nth) == 0;
		if (result == 0) {
			EXPECT_TRUE(exists(IOBMD_DEVICE));
			EXPECT_EQ(0, close(iobmd_create(page_size())));
			EXPECT_EQ(0, module_unload("iobmd"));
		} else {
			EXPECT_TRUE(reached);
			EXPECT_TRUE(error == ENOMEM || error == EFAULT) {
				TH_LOG("point %u: %s", nth, strerror(error));
			}
			failures++;
		}
		expect_nothing_left(_metadata);
	}
	EXPECT_FALSE(reached);
	printf("# %u points from the loader's last on, at %u of them it was not loaded\n",
	       nth - 1 - first, failures);
}

TEST_HARNESS_MAIN
