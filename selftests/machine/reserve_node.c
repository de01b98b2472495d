// SPDX-License-Identifier: GPL-2.0
/* Which callers may take from the reserve of a NUMA node, and what is never taken. */
#include "fragment.h"
#include "kernel_peer.h"
#include "node.h"
#include "poison.h"
#include "reserve.h"

#include <sys/sysinfo.h>

#define PER_NODE	4		/* huge pages */
#define BUFFERS_MAX	64

FIXTURE(reserve_node)
{
	uint64_t huge;
	uint64_t share;		/* of each node in the reserve */
	uint64_t taken;
};

FIXTURE_VARIANT(reserve_node)
{
	int node;
};

FIXTURE_VARIANT_ADD(reserve_node, first) { .node = 0 };
FIXTURE_VARIANT_ADD(reserve_node, second) { .node = 1 };

FIXTURE_SETUP(reserve_node)
{
	self->huge = huge_page_size();
	if (!self->huge || reserve_of_node(1) == UINT64_MAX)
		SKIP(return, "this machine has no huge pages, or one NUMA node");
	memory_tidy();
	ASSERT_EQ(0, reserve_set(0));
	ASSERT_TRUE(reserve_has_room(4 * PER_NODE));
	self->share = PER_NODE * self->huge;
	ASSERT_EQ(0, run_on_node(!variant->node));
	RESERVE_FILL(reserve_size(PER_NODE));
	self->taken = reserve_number("taken");
}

FIXTURE_TEARDOWN_PARENT(reserve_node)
{
	EXPECT_EQ(0, reserve_set(0));
	EXPECT_EQ(0, buffers_listed(0));
}

TEST_F(reserve_node, that_is_asked_for_gives_from_its_own)
{
	int fd = create_on_node(self->share, variant->node, IOBMD_HUGE_PREFER);

	ASSERT_LE(0, fd);
	EXPECT_EQ(self->taken + PER_NODE, reserve_number("taken"));
	EXPECT_EQ(PER_NODE, huge_pages_on(fd, variant->node));
	close(fd);
}

TEST_F(reserve_node, that_is_asked_for_gives_all_that_it_has_before_others)
{
	int fd = create_on_node(3 * self->share, variant->node, IOBMD_HUGE_PREFER);

	ASSERT_LE(0, fd);
	EXPECT_LE(self->taken + PER_NODE, reserve_number("taken"));
	EXPECT_EQ(3 * PER_NODE, huge_pages_on(fd, variant->node));
	EXPECT_EQ(self->share, reserve_of_node(!variant->node));
	close(fd);
}

TEST_F(reserve_node, that_is_near_gives_first)
{
	int fd;

	ASSERT_EQ(0, run_on_node(variant->node));
	fd = iobmd_create(self->share);
	EXPECT_EQ(self->taken + PER_NODE, reserve_number("taken"));
	EXPECT_EQ(PER_NODE, huge_pages_on(fd, variant->node));
	close(fd);
}

TEST_F(reserve_node, that_the_caller_is_bound_to_by_a_policy_gives_alone)
{
	int fd;

	ASSERT_EQ(0, set_policy(MPOL_BIND, 1ul << variant->node));
	fd = iobmd_create(self->share);
	EXPECT_EQ(PER_NODE, huge_pages_on(fd, variant->node));
	EXPECT_EQ(self->taken, reserve_number("taken"));
	close(fd);
	ASSERT_EQ(0, run_on_node(variant->node));
	fd = iobmd_create(self->share);
	EXPECT_EQ(PER_NODE, huge_pages_on(fd, variant->node));
	EXPECT_EQ(self->taken + PER_NODE, reserve_number("taken"));
	close(fd);
}

TEST_F(reserve_node, does_not_change_what_a_policy_says)
{
	int fd;

	ASSERT_EQ(0, set_policy(MPOL_INTERLEAVE, 3));
	fd = iobmd_create(self->share);
	EXPECT_LT(0, huge_pages_on(fd, variant->node));
	EXPECT_LT(0, huge_pages_on(fd, !variant->node));
	close(fd);
	ASSERT_EQ(0, set_policy(MPOL_PREFERRED, 1ul << variant->node));
	fd = iobmd_create(self->share);
	EXPECT_EQ(PER_NODE, huge_pages_on(fd, variant->node));
	close(fd);
	EXPECT_EQ(self->taken, reserve_number("taken"));
}

TEST_F(reserve_node, that_a_cpuset_forbids_gives_nothing)
{
	struct cgroup group;
	pid_t pid;

	if (file_write(CGROUP_ROOT "/cgroup.subtree_control", "+cpuset"))
		SKIP(return, "this machine has no cpusets");
	ASSERT_EQ(0, cgroup_create(&group, "iobmd_bound"));
	ASSERT_EQ(0, cgroup_set(&group, "cpuset.mems", variant->node));
	IN_CHILD(pid) {
		int near, far;

		ASSERT_EQ(0, cgroup_join(&group));
		near = iobmd_create(self->share);
		EXPECT_EQ(PER_NODE, huge_pages_on(near, variant->node));
		far = create_on_node(self->share, !variant->node, IOBMD_HUGE_PREFER);
		EXPECT_EQ(PER_NODE, huge_pages_on(far, variant->node));
		EXPECT_EQ(self->taken, reserve_number("taken"));
	}
	EXPECT_EQ(0, child_status(pid));
	AWAIT(!cgroup_free(&group));
}

FIXTURE(reserve_left)
{
	uint64_t max_buffer_mib;
	uint64_t huge;
	uint64_t size;		/* of the reserve, which has the last huge pages */
	int kept;
	int takers[BUFFERS_MAX];
};

/*
 * Has the reserve look again at once. Of the huge pages that there are each processor
 * may keep one at hand for ever.
 */
static bool reserve_gets_most(uint64_t size)
{
	uint64_t kept = get_nprocs() * huge_page_size();

	return !reserve_set(size) && reserve_number("held") + kept >= size;
}

/*
 * With this policy the reserve is used last: when a folio has been taken from it, no
 * other memory was left. Returns what is left in the reserve then.
 */
static uint64_t take_all_others(void)
{
	uint64_t taken = reserve_number("taken"), given_back = reserve_number("given_back");

	set_policy(MPOL_INTERLEAVE, 1);
	while (reserve_number("taken") == taken && reserve_number("given_back") == given_back &&
	       iobmd_create_huge(huge_page_size(), IOBMD_HUGE_REQUIRE) >= 0)
		;
	set_policy(MPOL_DEFAULT, 0);
	return reserve_number("held");
}

FIXTURE_SETUP(reserve_left)
{
	int nodes = 0, given[8];

	self->huge = huge_page_size();
	if (!self->huge)
		SKIP(return, "this kernel has no huge pages");
	memory_tidy();
	ASSERT_EQ(0, reserve_set(0));
	ASSERT_EQ(0, keep_few_at_hand(true));
	self->max_buffer_mib = parameter("max_buffer_mib");
	ASSERT_EQ(0, parameter_set("max_buffer_mib", meminfo("MemTotal:") / MIB));
	self->size = reserve_size(PER_NODE);
	ASSERT_GE(ARRAY_SIZE(given) * PER_NODE * self->huge, self->size);
	for (; nodes * PER_NODE * self->huge < self->size; nodes++) {
		given[nodes] = create_on_node(PER_NODE * self->huge, nodes, IOBMD_HUGE_PREFER);
		ASSERT_EQ(PER_NODE, huge_pages_on(given[nodes], nodes));
	}
	self->kept = fragment();
	ASSERT_LE(0, self->kept);
	memory_tidy();
	ASSERT_GT(BUFFERS_MAX, huge_pages_take(self->takers, BUFFERS_MAX));
	while (nodes)
		close(given[--nodes]);
	AWAIT(reserve_gets_most(self->size));
	self->size = take_all_others();
	ASSERT_LE(PER_NODE / 2 * self->huge, self->size);
}

FIXTURE_TEARDOWN_PARENT(reserve_left)
{
	EXPECT_EQ(0, reserve_set(0));
	EXPECT_EQ(0, keep_few_at_hand(false));
	EXPECT_EQ(0, parameter_set("max_buffer_mib", self->max_buffer_mib));
	EXPECT_EQ(0, buffers_listed(0));
}

/* Also what is on the other node: half of it for each. */
TEST_F_TIMEOUT(reserve_left, over_alone_serves_whoever_wants_huge_pages, 600)
{
	uint64_t size = self->size / self->huge / 2 * self->huge;
	int insists = iobmd_create_huge(size, IOBMD_HUGE_REQUIRE);
	int prefers = iobmd_create_huge(size, IOBMD_HUGE_PREFER);

	ASSERT_LE(0, insists);
	ASSERT_LE(0, prefers);
	EXPECT_EQ(size, IOBMD_INFO(insists, huge_bytes));
	EXPECT_EQ(size, IOBMD_INFO(prefers, huge_bytes));
}

/* No buffer is refused for want of a block as long as the reserve has one. */
static void expect_last_used(struct __test_metadata *_metadata, struct iobmd_create *args)
{
	while (iobmd_create_args(args) >= 0)
		;
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(0, reserve_number("held"));
}

TEST_F_TIMEOUT(reserve_left, over_alone_goes_back_for_a_block_that_is_cut_short, 600)
{
	struct iobmd_create args = { .capacity = self->huge - page_size(),
				     .alignment = self->huge };

	expect_last_used(_metadata, &args);
}

TEST_F_TIMEOUT(reserve_left, over_alone_goes_back_for_smaller_blocks, 600)
{
	struct iobmd_create args = { .capacity = self->huge, .huge = IOBMD_HUGE_NONE,
				     .alignment = self->huge / 2 };

	expect_last_used(_metadata, &args);
}

/* A page that begins a large block of the kernel's. */
static bool may_be_in_reserve(uint64_t flags)
{
	return flags & KPF(COMPOUND_HEAD) &&
	       !(flags & (KPF(LRU) | KPF(ANON) | KPF(SLAB) | KPF(HUGE) | KPF(BUDDY)));
}

/* Every huge page which has come to the reserve gets a hardware error: how many did. */
static uint64_t spoil_reserve(struct __test_metadata *_metadata, int peer, uint64_t size)
{
	uint64_t step = huge_page_size() / page_size(), frames, flags = 0;
	int kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	uint64_t spoilt = 0;
	uint8_t *before;

	for (frames = 0; pread(kpageflags, &flags, 8, frames * 8) == 8; frames += step)
		;
	before = calloc(frames / step, 1);
	for (uint64_t i = 0; i < frames; i += step)
		before[i / step] = may_be_in_reserve(page_flags(kpageflags, i));
	RESERVE_FILL(size);
	for (uint64_t i = 0; i < frames; i += step) {
		if (before[i / step] || !may_be_in_reserve(page_flags(kpageflags, i)))
			continue;
		ASSERT_EQ(0, kernel_memory_error(peer, (i + 5) * page_size()));
		AWAIT(page_flags(kpageflags, i + 5) & KPF(HWPOISON));
		spoilt++;
	}
	free(before);
	close(kpageflags);
	return spoilt;
}

TEST(reserve_with_a_memory_error_is_given_to_nobody)
{
	uint64_t size = reserve_size(1), huge = huge_page_size(), bad;
	int peer;

	if (!huge || !exists("/proc/sys/vm/memory_failure_recovery"))
		SKIP(return, "this kernel has no huge pages, or knows nothing of memory errors");
	peer = kernel_load();
	ASSERT_LE(0, peer);
	ASSERT_EQ(0, reserve_set(0));
	bad = reserve_number("bad");
	ASSERT_LE(size / huge, spoil_reserve(_metadata, peer, size));
	for (uint64_t node = 0; node < size / huge; node++) {
		int fd = create_on_node(huge, node, IOBMD_HUGE_PREFER);
		uint8_t *map = map_buffer(fd, PROT_READ);

		ASSERT_NE(MAP_FAILED, map);
		for (uint64_t at = 0; at < huge; at += page_size()) {
			ASSERT_EQ(0, faults(map + at, false));
		}
		munmap(map, huge);
		close(fd);
	}
	EXPECT_EQ(bad + size / huge, reserve_number("bad"));
	AWAIT(reserve_is_full());
	EXPECT_EQ(0, reserve_set(0));
	close(peer);
	EXPECT_EQ(0, kernel_unload());
}

TEST_HARNESS_MAIN
