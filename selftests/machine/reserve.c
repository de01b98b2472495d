// SPDX-License-Identifier: GPL-2.0
/* The reserve of huge pages that are zeroed ahead of time: its size, and whose memory it is. */
#include "modules.h"
#include "reserve.h"

#include <pthread.h>
#include <sys/mman.h>

#define SLACK		(8 * MIB)	/* that the rest of the machine may take meanwhile */
#define PER_NODE	8		/* huge pages */

FIXTURE(reserve)
{
	uint64_t huge;
	uint64_t size;			/* of the reserve */
	uint64_t share;			/* of each node in it */
	uint64_t max_buffer_mib;
	uint64_t kills;
};

FIXTURE_SETUP(reserve)
{
	self->huge = huge_page_size();
	if (!self->huge)
		SKIP(return, "this kernel has no huge pages");
	self->max_buffer_mib = parameter("max_buffer_mib");
	self->kills = oom_kills();
	memory_tidy();
	ASSERT_EQ(0, reserve_set(0));
	ASSERT_TRUE(reserve_has_room(2 * PER_NODE));
	self->share = PER_NODE * self->huge;
	self->size = reserve_size(PER_NODE);
}

FIXTURE_TEARDOWN_PARENT(reserve)
{
	EXPECT_EQ(0, reserve_set(0));
	EXPECT_EQ(0, parameter_set("max_buffer_mib", self->max_buffer_mib));
	EXPECT_EQ(self->kills, oom_kills());
	EXPECT_EQ(0, buffers_listed(0));
}

static int set_text(const char *text)
{
	return file_write(PARAMETERS "/reserve_mib", text);
}

TEST_F(reserve, size_is_refused_if_it_is_no_number_or_too_large)
{
	const char *const wrong[] = { "-1", "x", "1x", " ", "0x", "1.5" };
	uint64_t half = meminfo("MemTotal:") / 2 / MIB;

	RESERVE_FILL(self->size);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT_ERRNO(EINVAL, set_text(wrong[i]));
	EXPECT_ERRNO(ERANGE, set_text("18446744073709551616"));
	EXPECT_ERRNO(EINVAL, parameter_set("reserve_mib", half + 1));
	EXPECT_ERRNO(EINVAL, parameter_set("reserve_mib", UINT64_MAX));
	EXPECT_EQ(self->size / MIB, parameter("reserve_mib"));
	EXPECT_EQ(self->size, reserve_number("held"));
	EXPECT_EQ(0, parameter_set("reserve_mib", half));
}

TEST_F(reserve, is_spread_over_the_nodes_and_rounded_up_to_huge_pages)
{
	uint64_t size = self->size - self->huge / 2;

	if (self->huge < 2 * MIB)
		SKIP(return, "a huge page is no multiple of 2 MiB");
	RESERVE_FILL(size);
	EXPECT_EQ(self->size, reserve_number("held"));
	for (uint64_t node = 0; node < self->size / self->share; node++)
		EXPECT_EQ(self->share, reserve_of_node(node));
	RESERVE_FILL(1 * MIB);
	EXPECT_EQ(self->huge, reserve_number("held"));
}

/* Leaves something in the free memory that others are about to get. */
static void dirty(struct __test_metadata *_metadata, uint64_t size)
{
	int fd = iobmd_create(size);
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	memset(map, 0xa5, size);
	munmap(map, size);
	close(fd);
}

TEST_F(reserve, gives_a_buffer_zeroed_huge_pages)
{
	uint64_t taken, missed;

	dirty(_metadata, 2 * self->size);
	RESERVE_FILL(self->size);
	for (int i = 1; i <= 4; i++) {
		uint8_t *map;
		int fd;

		AWAIT(reserve_is_full());
		taken = reserve_number("taken");
		missed = reserve_number("missed");
		fd = iobmd_create(self->share);
		map = map_buffer(fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(taken + PER_NODE, reserve_number("taken"));
		EXPECT_EQ(missed, reserve_number("missed"));
		EXPECT_EQ(self->share, IOBMD_INFO(fd, huge_bytes));
		EXPECT_EQ(-1, check_bytes(map, self->share, 0));
		memset(map, i, self->share);
		munmap(map, self->share);
		close(fd);
	}
}

TEST_F(reserve, gives_a_buffer_what_it_grows_by)
{
	uint64_t taken;
	int fd;

	RESERVE_FILL(self->size);
	fd = iobmd_create(self->huge);
	AWAIT(reserve_is_full());
	taken = reserve_number("taken");
	ASSERT_EQ(0, iobmd_resize(fd, 5 * self->huge + 3));
	EXPECT_EQ(taken + 4, reserve_number("taken"));
	EXPECT_EQ(5 * self->huge, IOBMD_INFO(fd, huge_bytes));
	close(fd);
}

TEST_F(reserve, is_not_for_a_buffer_without_huge_pages)
{
	uint64_t taken;

	RESERVE_FILL(self->size);
	taken = reserve_number("taken");
	close(iobmd_create_huge(self->share, IOBMD_HUGE_NONE));
	close(iobmd_create(self->huge / 2));
	EXPECT_EQ(taken, reserve_number("taken"));
	EXPECT_EQ(self->size, reserve_number("held"));
}

TEST_F(reserve, is_refilled_and_says_how_long_that_took)
{
	uint64_t refilled, zeroing;

	RESERVE_FILL(self->size);
	refilled = reserve_number("refilled");
	zeroing = reserve_number("zeroing_ns");
	EXPECT_LT(0, zeroing);
	close(iobmd_create(self->share));
	AWAIT(reserve_number("refilled") >= refilled + PER_NODE && reserve_is_full());
	EXPECT_EQ(self->size, reserve_number("held"));
	EXPECT_LT(zeroing, reserve_number("zeroing_ns"));
}

TEST_F(reserve, is_given_back_before_its_size_is_written)
{
	uint64_t free_before;

	RESERVE_FILL(self->size);
	ASSERT_EQ(0, reserve_set(0));
	free_before = memory_free();
	RESERVE_FILL(self->size);
	EXPECT_GE(free_before + SLACK, memory_free() + self->size);
	ASSERT_EQ(0, reserve_set(self->size / 2));
	EXPECT_EQ(self->size / 2, reserve_number("held"));
	ASSERT_EQ(0, reserve_set(0));
	EXPECT_EQ(0, reserve_number("held"));
	EXPECT_LE(free_before, memory_free() + SLACK);
}

TEST_F(reserve, counts_as_memory_that_can_be_had)
{
	uint64_t reclaimable = meminfo("KReclaimable:");

	RESERVE_FILL(self->size);
	EXPECT_LE(reclaimable + self->size, meminfo("KReclaimable:") + SLACK);
	ASSERT_EQ(0, reserve_set(0));
	AWAIT(meminfo("KReclaimable:") < reclaimable + SLACK);
}

/* The reserve is charged neither to the task that sets its size nor to a creator. */
TEST_F(reserve, is_charged_to_whoever_has_the_buffer)
{
	struct cgroup group;
	pid_t pid;

	ASSERT_EQ(0, cgroup_create(&group, "iobmd_taker"));
	IN_CHILD(pid) {
		uint64_t before;
		int fd;

		ASSERT_EQ(0, cgroup_join(&group));
		before = cgroup_charged(&group);
		RESERVE_FILL(self->size);
		EXPECT_GE(before + SLACK, cgroup_charged(&group));
		fd = iobmd_create(self->share);
		EXPECT_LE(before + self->share, cgroup_charged(&group) + SLACK);
		EXPECT_GE(before + self->share + SLACK, cgroup_charged(&group));
		AWAIT(reserve_is_full());
		EXPECT_GE(before + self->share + SLACK, cgroup_charged(&group));
		close(fd);
		AWAIT(cgroup_charged(&group) < before + SLACK);
		ASSERT_EQ(0, cgroup_set(&group, "memory.max", before + 4 * self->huge));
		EXPECT_ERRNO(ENOMEM, iobmd_create(self->share));
		AWAIT(cgroup_charged(&group) < before + SLACK);
	}
	EXPECT_EQ(0, child_status(pid));
	AWAIT(!cgroup_free(&group));
}

TEST_F(reserve, is_given_back_when_caches_are_and_then_left_alone)
{
	uint64_t given_back;

	RESERVE_FILL(self->size);
	given_back = reserve_number("given_back");
	ASSERT_EQ(0, file_write("/proc/sys/vm/drop_caches", "2"));
	EXPECT_EQ(given_back + self->size / self->huge, reserve_number("given_back"));
	EXPECT_EQ(0, reserve_number("held"));
	close(iobmd_create(self->huge));
	EXPECT_EQ(0, reserve_number("held"));
}

/* But for the pages that were being zeroed right then. */
TEST_F(reserve, is_left_alone_also_if_it_was_not_full_yet)
{
	uint64_t refilled;

	ASSERT_EQ(0, reserve_set(meminfo("MemTotal:") / 3));
	for (uint64_t node = 0; node < self->size / self->share; node++)
		AWAIT(reserve_of_node(node) >= self->share);
	ASSERT_EQ(0, file_write("/proc/sys/vm/drop_caches", "2"));
	refilled = reserve_number("refilled");
	close(iobmd_create_huge(2 * self->size, IOBMD_HUGE_NONE));
	EXPECT_GE(refilled + self->size / self->share, reserve_number("refilled"));
}

/* A process takes all that is free, and half of the reserve. */
TEST_F_TIMEOUT(reserve, is_given_back_to_a_process_that_needs_memory, 600)
{
	uint64_t size = meminfo("MemTotal:") / 4 / self->huge * self->huge;
	uint64_t given_back = reserve_number("given_back");
	pid_t pid;

	RESERVE_FILL(size);
	IN_CHILD(pid) {
		size_t at_once = memory_free() / self->huge * self->huge;
		size_t length = at_once + size / 2;
		uint8_t *map = mmap(NULL, length, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		ASSERT_NE(MAP_FAILED, map);
		ASSERT_EQ(0, madvise(map, at_once, MADV_HUGEPAGE));
		ASSERT_EQ(0, madvise(map, at_once, MADV_POPULATE_WRITE));
		for (size_t at = at_once; at < length; at += page_size())
			map[at] = 1;
		EXPECT_GT(size, reserve_number("held"));
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_LT(given_back, reserve_number("given_back"));
}

FIXTURE(full_machine)
{
	uint64_t size;
	uint64_t max_buffer_mib;
	uint64_t kills;
};

FIXTURE_VARIANT(full_machine)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(full_machine, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(full_machine, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(full_machine)
{
	uint64_t huge = huge_page_size();

	if (!huge)
		SKIP(return, "this kernel has no huge pages");
	memory_tidy();
	self->size = meminfo("MemTotal:") / 4 / huge * huge;
	ASSERT_TRUE(reserve_has_room(self->size / reserve_size(1) + 1));
	pages_at_hand_free();
	self->max_buffer_mib = parameter("max_buffer_mib");
	self->kills = oom_kills();
	ASSERT_EQ(0, parameter_set("max_buffer_mib", meminfo("MemTotal:") / MIB));
	RESERVE_FILL(self->size);
}

FIXTURE_TEARDOWN_PARENT(full_machine)
{
	EXPECT_EQ(0, reserve_set(0));
	EXPECT_EQ(0, parameter_set("max_buffer_mib", self->max_buffer_mib));
	EXPECT_EQ(self->kills, oom_kills());
	EXPECT_EQ(0, buffers_listed(0));
}

TEST_F_TIMEOUT(full_machine, has_room_for_a_buffer_in_the_reserve, 600)
{
	uint64_t most = meminfo("MemAvailable:") - meminfo("MemTotal:") / 32;
	uint64_t huge = huge_page_size(), free_before = memory_free(), size;
	int fd;

	size = (free_before + most) / 2 / huge * huge;
	ASSERT_LT(free_before, size);
	ASSERT_LT(size, most);
	fd = iobmd_create_huge(size, variant->huge);
	ASSERT_LE(0, fd) {
		TH_LOG("%s", strerror(errno));
	}
	EXPECT_EQ(size, IOBMD_INFO(fd, allocated));
	close(fd);
}

/* Buffers cannot take the rest: it is left to the rest of the system. */
TEST_F_TIMEOUT(full_machine, has_no_room_for_a_buffer_of_everything, 600)
{
	EXPECT_ERRNO(ENOMEM, iobmd_create_huge(meminfo("MemTotal:") / MIB * MIB, variant->huge));
}

/* The parameter can be written for as long as the module is to be seen. */
TEST_F(reserve, goes_with_the_module)
{
	uint64_t free_before, reclaimable = meminfo("KReclaimable:");
	pid_t pid;

	RESERVE_FILL(self->size);
	ASSERT_EQ(0, reserve_set(0));
	free_before = memory_free();
	RESERVE_FILL(self->size);
	EXPECT_EQ(0, module_unload("iobmd"));
	AWAIT(memory_free() + SLACK >= free_before);
	EXPECT_LE(meminfo("KReclaimable:"), reclaimable + SLACK);
	IN_CHILD(pid) {
		for (uint64_t i = 0; ; i++)
			reserve_set(i % 3 * self->size);
	}
	for (int i = 0; i < 30; i++) {
		EXPECT_EQ(0, module_load(IOBMD_KO));
		EXPECT_EQ(0, module_unload("iobmd"));
	}
	kill(pid, SIGKILL);
	child_status(pid);
	AWAIT(memory_free() + SLACK >= free_before);
	EXPECT_EQ(0, module_load(IOBMD_KO));
	AWAIT(exists(IOBMD_DEVICE));
}

struct workers {
	uint64_t huge;
	bool stop;
	uint64_t wrong;
};

/* Makes buffers, finds zeros there, leaves something else. */
static void *make_buffers(void *arg)
{
	struct workers *workers = arg;

	for (uint64_t i = 0; !__atomic_load_n(&workers->stop, __ATOMIC_SEQ_CST); i++) {
		uint64_t size = (1 + i % 3) * workers->huge;
		int fd = iobmd_create(size);
		uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

		if (map == MAP_FAILED || check_bytes(map, size, 0) != -1)
			shared_count(&workers->wrong);
		if (map != MAP_FAILED) {
			memset(map, 0x5a, size);
			munmap(map, size);
		}
		close(fd);
	}
	return NULL;
}

TEST_F_TIMEOUT(reserve, changes_while_others_make_buffers, 600)
{
	struct workers workers = { .huge = self->huge };
	uint64_t free_before = memory_free(), taken = reserve_number("taken");
	pthread_t threads[6];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, make_buffers, &workers));
	for (uint64_t i = 0; i < 200; i++) {
		EXPECT_EQ(0, reserve_set(i * 7 % 5 * self->size / 4));
		if (i % 50 == 0)
			file_write("/proc/sys/vm/drop_caches", "2");
		sched_yield();
	}
	ASSERT_EQ(0, reserve_set(self->size));
	AWAIT(reserve_number("taken") > taken + PER_NODE);
	workers.stop = true;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		EXPECT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(0, workers.wrong);
	AWAIT(reserve_is_full());
	ASSERT_EQ(0, reserve_set(0));
	EXPECT_EQ(0, reserve_number("held"));
	AWAIT(memory_free() + SLACK >= free_before);
}

TEST_HARNESS_MAIN
