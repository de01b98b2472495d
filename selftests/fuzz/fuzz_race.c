// SPDX-License-Identifier: GPL-2.0
/*
 * The operations of fuzz.c from many threads and processes at once: nothing crashes
 * or hangs, nothing is left over, and no memory shows what others had in it.
 *
 * By hand: OPERATIONS=1000000 SEED=5 scripts/vm --timeout 0 -- build/selftests/fuzz_race
 */
#include "importers.h"
#include "race.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#define RACE_PROCESSES		2
#define RACE_THREADS		3
#define OPERATIONS_PER_ROUND	(RACE_PROCESSES * RACE_THREADS * 400)

/* Of all buffers of a user. */
#define USER_HUGE_PAGES		2

/* Threads of all but the first are bound by it. */
static const uid_t race_users[] = { 0, 65534, 65533 };

static const struct race_operation *const groups[] = {
	create_races,
	compose_races,
	derive_races,
	import_races,
	change_races,
	map_races,
	remap_races,
	io_races,
	stash_races,
	share_races,
};

static unsigned int weight_of_all(void)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		for (const struct race_operation *at = groups[i]; at->operate; at++)
			sum += at->weight;
	}
	return sum;
}

static void race_once(struct racer *racer)
{
	unsigned int choice = random_below(&racer->random, weight_of_all());

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		for (const struct race_operation *at = groups[i]; at->operate; at++) {
			if (choice < at->weight) {
				at->operate(racer);
				return;
			}
			choice -= at->weight;
		}
	}
}

/* No thread unmaps before all have their stacks: one could be mapped in the arena. */
static void *race_thread(void *argument)
{
	struct racer *racer = argument;

	pthread_barrier_wait(racer->start);
	/* The library would change all threads. */
	if (racer->uid)
		syscall(SYS_setresuid, racer->uid, racer->uid, racer->uid);
	while (racer->operations--)
		race_once(racer);
	return NULL;
}

/* One process: its threads have numbers and addresses in common. */
static void race_process(const struct racer *common, uint64_t seed)
{
	static struct racer racers[RACE_THREADS];
	int card = vgem_open();
	pthread_barrier_t start;
	uint64_t huge = common->random.huge;
	uint8_t *room = mmap(NULL, RACE_ARENA + huge, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	pthread_barrier_init(&start, NULL, RACE_THREADS);
	for (unsigned int i = 0; i < RACE_THREADS; i++) {
		racers[i] = *common;
		racers[i].start = &start;
		racers[i].card = card;
		racers[i].uid = race_users[i % ARRAY_SIZE(race_users)];
		random_seed(&racers[i].random, seed, i);
		racers[i].arena = address_round(room, huge);
		memset(racers[i].bytes, RACE_BYTE, sizeof(racers[i].bytes));
	}
	for (unsigned int i = 1; i < RACE_THREADS; i++)
		pthread_create(&racers[i].thread, NULL, race_thread, &racers[i]);
	race_thread(&racers[0]);
	for (unsigned int i = 1; i < RACE_THREADS; i++)
		pthread_join(racers[i].thread, NULL);
}

/* What the processes of a round share. */
static bool round_open(struct racer *common)
{
	if (pipe2(common->pipe, O_CLOEXEC | O_NONBLOCK) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       common->stream) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       common->passage))
		return false;
	for (int i = 0; i < RACE_FDS; i++)
		race_create(common);
	return true;
}

/* What the pages show that are left, now that their buffers have gone. */
static void round_drain(struct racer *common, int fd)
{
	int64_t n;

	while ((n = read(fd, common->seen, RACE_BYTES)) > 0) {
		race_judge(common, n);
		common->race->leftovers += n;
	}
}

static void round_close(struct racer *common)
{
	for (int i = 0; i < 2; i++)
		close(common->passage[i]);
	for (int i = 0; i < RACE_FDS; i++)
		close(RACE_FIRST_FD + i);
	round_drain(common, common->pipe[0]);
	round_drain(common, common->stream[1]);
	for (int i = 0; i < 2; i++) {
		close(common->pipe[i]);
		close(common->stream[i]);
	}
}

/* One of the processes is killed in the middle of it, every other time. */
static void race_round(struct __test_metadata *_metadata, struct racer *common, uint64_t seed)
{
	bool killed = random_chance(&common->random, 50);
	pid_t pids[RACE_PROCESSES];

	common->race->parts = 0;
	ASSERT_TRUE(round_open(common));
	for (unsigned int i = 0; i < RACE_PROCESSES; i++) {
		IN_CHILD(pids[i]) {
			race_process(common, seed * RACE_PROCESSES + i);
		}
	}
	if (killed) {
		usleep(random_below(&common->random, 500000));
		kill(pids[0], SIGKILL);
	}
	for (unsigned int i = 0; i < RACE_PROCESSES; i++) {
		int status = child_status(pids[i]);

		EXPECT_TRUE(status == 0 || (killed && !i && status == 128 + SIGKILL)) {
			TH_LOG("process %u ended with status %d", i, status);
		}
	}
	round_close(common);
}

/* Everything has gone: each user may have all of the ceiling again. */
static void check_room(struct __test_metadata *_metadata, int device)
{
	for (size_t i = 1; i < ARRAY_SIZE(race_users); i++) {
		EXPECT_TRUE(user_await_room(device, race_users[i],
					    USER_HUGE_PAGES * huge_page_size())) {
			TH_LOG("user %u does not get back what it had", race_users[i]);
		}
	}
}

static void print_counts(const struct race *race)
{
	printf("# %" PRIu64 " calls, %" PRIu64 " of them succeeded\n", race->calls,
	       race->successes);
	printf("# %" PRIu64 " calls put pages into a socket; %" PRIu64
	       " bytes were in pipes and sockets after the end of their buffers\n", race->sent,
	       race->leftovers);
	printf("# %" PRIu64 " imports, %" PRIu64 " mappings through an importer\n",
	       race->imports, race->import_mappings);
	printf("# %" PRIu64 " composites of many parts, %" PRIu64 " parts at once\n",
	       race->composites, race->parts_max);
	printf("# EDQUOT: CREATE %" PRIu64 ", RESIZE %" PRIu64 ", COMPOSE %" PRIu64
	       ", DERIVE %" PRIu64 ", EXPORT %" PRIu64 "\n",
	       race->denied[_IOC_NR(IOBMD_IOC_CREATE)], race->denied[_IOC_NR(IOBMD_IOC_RESIZE)],
	       race->denied[_IOC_NR(IOBMD_IOC_COMPOSE)], race->denied[_IOC_NR(IOBMD_IOC_DERIVE)],
	       race->denied[_IOC_NR(IOBMD_IOC_EXPORT)]);
}

FIXTURE(fuzz_race)
{
	uint64_t max_user_mib;
};

FIXTURE_SETUP(fuzz_race)
{
	setlinebuf(stdout);
	/* Without it nothing imports. */
	kernel_module_load("vgem", NULL);
	self->max_user_mib = parameter("max_user_mib");
	ASSERT_EQ(0, parameter_set("max_user_mib", USER_HUGE_PAGES * huge_page_size() / MIB));
}

/* Also where the test has died */
FIXTURE_TEARDOWN_PARENT(fuzz_race)
{
	EXPECT_EQ(0, parameter_set("max_user_mib", self->max_user_mib));
}

TEST_F_TIMEOUT(fuzz_race, nothing_breaks_and_nothing_leaks, 1000000)
{
	static struct racer common;
	uint64_t seed = setting("SEED", time(NULL)), operations = setting("OPERATIONS", 24000);
	int listed = buffers_listed(0);
	time_t told = time(NULL);

	common.random = (struct random) { .page = page_size(), .huge = huge_page_size() };
	common.race = shared_memory(sizeof(*common.race));
	common.device = iobmd_open();
	ASSERT_LE(0, common.device);
	printf("# seed %" PRIu64 "\n", seed);
	for (uint64_t at = 0; at < operations; at += OPERATIONS_PER_ROUND) {
		common.operations = OPERATIONS_PER_ROUND / RACE_PROCESSES / RACE_THREADS;
		random_seed(&common.random, seed, 0);
		race_round(_metadata, &common, seed++);
		for (int i = 0; i < 1000 && buffers_listed(0) != listed; i++)
			usleep(10000);
		EXPECT_EQ(listed, buffers_listed(0));
		check_room(_metadata, common.device);
		EXPECT_EQ(0, common.race->foreign);
		EXPECT_EQ(0, common.race->odd_infos);
		if (_metadata->exit_code)
			break;
		if (time(NULL) - told < 60)
			continue;
		told = time(NULL);
		printf("# %" PRIu64 " calls, seed %" PRIu64 "\n", common.race->calls, seed);
	}
	print_counts(common.race);
	EXPECT_LT(common.race->calls / 10, common.race->successes);
}

TEST_HARNESS_MAIN
