// SPDX-License-Identifier: GPL-2.0
/* Other processors help to allocate large buffers, where that changes nothing else. */
#include "node.h"
#include "reserve.h"
#include "trace.h"

#include <sys/sysinfo.h>

#define QUEUED		"workqueue_queue_work"
#define QUEUED_DIR	TRACE "/events/workqueue/" QUEUED

/* More than other things take or give back meanwhile, and less than a large batch. */
#define SLACK		(20 * MIB)

FIXTURE(batch)
{
	uint64_t size;
	uint64_t max_buffer_mib;
	uint64_t kills;
	struct cgroup group;
};

FIXTURE_SETUP(batch)
{
	if (huge_page_size() != 2 * MIB || get_nprocs() < 2)
		SKIP(return, "this machine has one processor, or no huge pages of 2 MiB");
	self->size = 32 * MIB;
	self->kills = oom_kills();
	self->max_buffer_mib = parameter("max_buffer_mib");
	memory_tidy();
	ASSERT_EQ(0, cgroup_create(&self->group, "iobmd_batch"));
	ASSERT_EQ(0, trace_begin());
	ASSERT_EQ(0, file_write(QUEUED_DIR "/filter", "workqueue == \"iobmd_batch\""));
	ASSERT_EQ(0, file_write(QUEUED_DIR "/enable", "1"));
}

FIXTURE_TEARDOWN_PARENT(batch)
{
	EXPECT_EQ(0, trace_end());
	AWAIT(!cgroup_free(&self->group) || errno == ENOENT);
	EXPECT_EQ(self->kills, oom_kills());
	EXPECT_EQ(0, reserve_set(0));
	EXPECT_EQ(0, parameter_set("max_buffer_mib", self->max_buffer_mib));
	EXPECT_EQ(0, buffers_listed(0));
}

static int helpers_asked(void)
{
	return traced_lines(QUEUED ":");
}

/* All of it huge pages, and zero. */
static bool is_as_ever(int fd, uint64_t size)
{
	uint8_t *map = map_buffer(fd, PROT_READ);
	uint64_t dirty = 0;

	if (map == MAP_FAILED)
		return false;
	for (uint64_t i = 0; i < size; i += sizeof(uint64_t))
		dirty |= *(uint64_t *)(map + i);
	munmap(map, size);
	return !dirty && IOBMD_INFO(fd, huge_bytes) == size;
}

TEST_F(batch, is_what_a_large_buffer_comes_from)
{
	int fd = iobmd_create(self->size);

	EXPECT_LT(0, helpers_asked());
	EXPECT_TRUE(is_as_ever(fd, self->size));
}

TEST_F(batch, is_what_a_buffer_grows_by)
{
	int fd = iobmd_create(2 * MIB);

	ASSERT_EQ(0, iobmd_resize(fd, self->size));
	EXPECT_LT(0, helpers_asked());
	EXPECT_TRUE(is_as_ever(fd, self->size));
}

TEST_F(batch, is_nothing_for_small_buffers)
{
	EXPECT_TRUE(is_as_ever(iobmd_create(6 * MIB), 6 * MIB));
	EXPECT_LE(0, iobmd_create_huge(self->size, IOBMD_HUGE_NONE));
	EXPECT_EQ(0, helpers_asked());
}

TEST_F(batch, comes_after_the_reserve)
{
	RESERVE_FILL(reserve_size(16));
	EXPECT_TRUE(is_as_ever(iobmd_create(16 * MIB), 16 * MIB));
	EXPECT_EQ(0, helpers_asked());
}

TEST_F(batch, lies_on_the_node_that_was_asked_for)
{
	for_each_node(node) {
		int before = helpers_asked();
		int fd = create_on_node(self->size, node, IOBMD_HUGE_PREFER);

		EXPECT_EQ(self->size / (2 * MIB), huge_pages_on(fd, node));
		EXPECT_LT(before, helpers_asked());
		close(fd);
	}
}

/* Neighbours in memory are, so that a device needs few segments. */
TEST_F(batch, is_in_the_order_of_its_addresses)
{
	int fd = iobmd_create(8 * MIB);
	uint8_t *map = map_buffer(fd, PROT_READ);
	uint64_t frame = 0;

	ASSERT_NE(MAP_FAILED, map);
	for (uint64_t at = 0; at < 8 * MIB; at += 2 * MIB) {
		faults(map + at, false);
		EXPECT_LT(frame, page_frame(map + at));
		frame = page_frame(map + at);
	}
}

TEST_F(batch, is_nothing_for_a_policy)
{
	ASSERT_EQ(0, set_policy(MPOL_BIND, 1));
	EXPECT_LE(0, iobmd_create(self->size));
	ASSERT_EQ(0, set_policy(MPOL_INTERLEAVE, 1));
	EXPECT_LE(0, iobmd_create(self->size));
	EXPECT_EQ(0, helpers_asked());
	ASSERT_EQ(0, set_policy(MPOL_LOCAL, 0));
	EXPECT_LE(0, iobmd_create(self->size));
	EXPECT_LT(0, helpers_asked());
}

TEST_F(batch, is_nothing_for_one_processor)
{
	ASSERT_EQ(0, run_on_node(0));
	EXPECT_LE(0, iobmd_create(self->size));
	EXPECT_EQ(0, helpers_asked());
}

TEST_F(batch, is_nothing_for_real_time)
{
	const struct sched_param priority = { .sched_priority = 1 };

	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &priority));
	EXPECT_LE(0, iobmd_create(self->size));
	EXPECT_EQ(0, helpers_asked());
}

/* glibc has no sched_setattr(), and the kernel's header does not go with glibc's. */
static int set_deadline(uint64_t runtime_ns, uint64_t period_ns)
{
	const struct {
		uint32_t size;
		uint32_t policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime;
		uint64_t deadline;
		uint64_t period;
	} attributes = {
		.size = sizeof(attributes),
		.policy = SCHED_DEADLINE,
		.runtime = runtime_ns,
		.deadline = period_ns,
		.period = period_ns,
	};

	return syscall(SYS_sched_setattr, 0, &attributes, 0);
}

TEST_F(batch, is_nothing_for_deadlines)
{
	ASSERT_EQ(0, set_deadline(50000000, 100000000));
	EXPECT_LE(0, iobmd_create(self->size));
	EXPECT_EQ(0, helpers_asked());
}

TEST_F(batch, is_nothing_for_a_cpuset_of_some_nodes)
{
	pid_t pid;

	if (!node_is_online(1))
		SKIP(return, "this machine has one NUMA node");
	if (file_write(CGROUP_ROOT "/cgroup.subtree_control", "+cpuset"))
		SKIP(return, "this machine has no cpusets");
	ASSERT_EQ(0, cgroup_set(&self->group, "cpuset.mems", 1));
	IN_CHILD(pid) {
		int fd;

		ASSERT_EQ(0, cgroup_join(&self->group));
		fd = iobmd_create(self->size);
		EXPECT_EQ(self->size / (2 * MIB), huge_pages_on(fd, 1));
		EXPECT_EQ(0, helpers_asked());
	}
	EXPECT_EQ(0, child_status(pid));
}

/* At the beginning of the third batch, of 32 MiB. */
TEST_F(batch, goes_back_when_the_cgroup_has_no_room)
{
	uint64_t free_before = memory_free();
	pid_t pid;

	ASSERT_EQ(0, cgroup_set(&self->group, "memory.max", 28 * MIB));
	IN_CHILD(pid) {
		ASSERT_EQ(0, cgroup_join(&self->group));
		for (int i = 0; i < 2; i++)
			EXPECT_ERRNO(ENOMEM, iobmd_create(2 * self->size));
	}
	EXPECT_EQ(0, child_status(pid));
	AWAIT(memory_free() + SLACK >= free_before);
	EXPECT_LT(0, helpers_asked());
}

/* What is in a batch is there already, and needs no room a second time. */
TEST_F_TIMEOUT(batch, needs_no_more_room_than_the_buffer, 600)
{
	uint64_t others = meminfo("MemTotal:") / 32, size;
	int fd;

	ASSERT_EQ(0, parameter_set("max_buffer_mib", meminfo("MemTotal:") / MIB));
	size = (meminfo("MemAvailable:") - others - SLACK) / MIB * MIB;
	fd = iobmd_create(size);
	ASSERT_LE(0, fd);
	EXPECT_EQ(size, IOBMD_INFO(fd, allocated));
}

TEST_HARNESS_MAIN
