// SPDX-License-Identifier: GPL-2.0
/*
 * Random sequences of all operations, by several processes, against a model in user
 * space that says what each returns and what memory holds then.
 *
 * By hand, for as long as one likes; a failure says the seed that brings it back:
 *
 *	OPERATIONS=1000000 scripts/vm --timeout 0 -- build/selftests/fuzz
 *	SEED=5 VERBOSE=1 scripts/vm -- build/selftests/fuzz
 */
#include "fuzz.h"
#include "machine.h"
#include "modules.h"

#include <time.h>

#define OPERATIONS_PER_RUN	1000

/* Sequences of as many seeds as it takes, beginning with @seed. */
static void fuzz_seeds(struct __test_metadata *_metadata, uint64_t seed, uint64_t operations)
{
	bool verbose = setting("VERBOSE", 0), good = true;
	uint64_t counts[COUNTS] = { 0 };
	time_t told = time(NULL);

	for (uint64_t at = 0; good && at < operations; at += OPERATIONS_PER_RUN, seed++) {
		uint64_t left = operations - at;

		good = fuzz_run(seed, left < OPERATIONS_PER_RUN ? left : OPERATIONS_PER_RUN,
				verbose, counts);
		if (time(NULL) - told < 60)
			continue;
		told = time(NULL);
		printf("# %" PRIu64 " operations, seed %" PRIu64 "\n", at + OPERATIONS_PER_RUN,
		       seed);
	}
	for (unsigned int i = 0; i < COUNTS; i++)
		printf("# %" PRIu64 " %s\n", counts[i], count_names[i]);
	EXPECT_TRUE(good);
}

/* The suite's are always the same; by hand they are others each time, or as said. */
static uint64_t first_seed(void)
{
	return setting("SEED", getenv("OPERATIONS") ? time(NULL) : 1);
}

/* Of all buffers of a user: it is reached again and again. */
#define USER_HUGE_PAGES		2

FIXTURE(fuzz)
{
	uint64_t max_user_mib;
};

FIXTURE_SETUP(fuzz)
{
	if (sizeof(long) < sizeof(uint64_t))
		SKIP(return, "the model is of calls with 64-bit arguments");
	setlinebuf(stdout);
	/* Without it nothing imports. */
	kernel_module_load("vgem", NULL);
	self->max_user_mib = parameter("max_user_mib");
	ASSERT_EQ(0, parameter_set("max_user_mib", USER_HUGE_PAGES * huge_page_size() / MIB));
}

/* Also where the test has died */
FIXTURE_TEARDOWN_PARENT(fuzz)
{
	EXPECT_EQ(0, parameter_set("max_user_mib", self->max_user_mib));
}

/* TEST() has no time limit of its own to set. */
TEST_F_TIMEOUT(fuzz, does_as_the_model_says, 1000000)
{
	uint64_t seed = first_seed();

	printf("# seed %" PRIu64 "\n", seed);
	fuzz_seeds(_metadata, seed, setting("OPERATIONS", 2 * OPERATIONS_PER_RUN));
}

TEST_HARNESS_MAIN
