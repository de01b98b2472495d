// SPDX-License-Identifier: GPL-2.0
/* The memory is charged to the cgroup of the buffer's creator. */
#include "fd_pass.h"
#include "peer.h"
#include "pin.h"
#include "users.h"

#include <sys/mman.h>
#include <sys/sysinfo.h>

/* Pages that a group keeps charged for each processor: MEMCG_CHARGE_BATCH of the kernel */
#define STOCK	64

/* What else a process is charged for, and what its group keeps in stock */
#define SLACK	(MIB / 2 + get_nprocs() * STOCK * page_size())

FIXTURE(memcg)
{
	struct cgroup group;
	struct cgroup other;
};

FIXTURE_VARIANT(memcg)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(memcg, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(memcg, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(memcg)
{
	ASSERT_EQ(0, cgroup_create(&self->group, "iobmd_creator"));
	ASSERT_EQ(0, cgroup_create(&self->other, "iobmd_other"));
}

FIXTURE_TEARDOWN_PARENT(memcg)
{
	AWAIT(!cgroup_free(&self->group) || errno == ENOENT);
	AWAIT(!cgroup_free(&self->other) || errno == ENOENT);
}

static void expect_nobody_killed(struct __test_metadata *_metadata, const struct cgroup *group)
{
	EXPECT_EQ(0, cgroup_number(group, "memory.events", "oom_kill "));
}

TEST_F(memcg, pays_for_a_buffer_until_it_is_closed)
{
	uint64_t size = 16 * MIB, before;
	pid_t pid;

	IN_CHILD(pid) {
		int fd;

		ASSERT_EQ(0, cgroup_join(&self->group));
		before = cgroup_charged(&self->group);
		fd = iobmd_create_huge(size, variant->huge);
		ASSERT_LE(0, fd);
		EXPECT_LE(before + size, cgroup_charged(&self->group) + SLACK);
		EXPECT_GE(before + size + SLACK, cgroup_charged(&self->group));
		close(fd);
		AWAIT(cgroup_charged(&self->group) < before + SLACK);
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(memcg, gets_back_what_a_shrink_frees)
{
	uint64_t size = 16 * MIB, before;
	pid_t pid;

	IN_CHILD(pid) {
		int fd;

		ASSERT_EQ(0, cgroup_join(&self->group));
		before = cgroup_charged(&self->group);
		fd = iobmd_create_huge(size, variant->huge);
		ASSERT_EQ(0, iobmd_resize(fd, size / 4));
		AWAIT(cgroup_charged(&self->group) < before + size / 4 + SLACK);
		EXPECT_LE(before + size / 4, cgroup_charged(&self->group) + SLACK);
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(memcg, limit_refuses_a_buffer_and_kills_nobody)
{
	uint64_t before;
	pid_t pid;

	ASSERT_EQ(0, cgroup_set(&self->group, "memory.max", 16 * MIB));
	IN_CHILD(pid) {
		ASSERT_EQ(0, cgroup_join(&self->group));
		before = cgroup_charged(&self->group);
		EXPECT_ERRNO(ENOMEM, iobmd_create_huge(32 * MIB, variant->huge));
		AWAIT(cgroup_charged(&self->group) < before + SLACK);
		EXPECT_EQ(0, buffers_listed(0));
		EXPECT_LE(0, iobmd_create_huge(8 * MIB, variant->huge));
	}
	EXPECT_EQ(0, child_status(pid));
	expect_nobody_killed(_metadata, &self->group);
}

#define FAILED_GROWS	20

/* A reader tries all the time; what it would see is zeroed, but goes again. */
TEST_F(memcg, page_of_a_grow_that_fails_is_never_seen)
{
	uint64_t size = 4 * MIB, end = page_size();
	int fd, sockets[2];
	uint64_t *tries = shared_memory(2 * sizeof(*tries)), *seen = tries + 1;
	pid_t reader, grower;

	ASSERT_NE(MAP_FAILED, tries);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(0, cgroup_set(&self->group, "memory.max", 16 * MIB));
	IN_CHILD(reader) {
		uint8_t *map;

		fd = fd_receive(sockets[1]);
		map = map_buffer(fd, PROT_READ);
		ASSERT_NE(MAP_FAILED, map);
		ASSERT_EQ(0, iobmd_resize(fd, end));
		for (;; shared_count(tries)) {
			if (!faults(map + end, false))
				shared_count(seen);
		}
	}
	IN_CHILD(grower) {
		ASSERT_EQ(0, cgroup_join(&self->group));
		fd = iobmd_create_huge(size, variant->huge);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, fd_send(sockets[0], fd));
		AWAIT(shared_load(tries));
		for (int i = 0; i < FAILED_GROWS; i++) {
			uint64_t before = shared_load(tries);

			EXPECT_ERRNO(ENOMEM, iobmd_resize(fd, 64 * MIB));
			AWAIT(shared_load(tries) > before);
		}
	}
	EXPECT_EQ(0, child_status(grower));
	EXPECT_EQ(0, shared_load(seen));
	kill(reader, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_status(reader));
	munmap(tries, 2 * sizeof(*tries));
}

TEST_F(memcg, limit_refuses_to_grow_and_leaves_all_as_it_was)
{
	uint64_t size = 4 * MIB;
	pid_t pid;

	ASSERT_EQ(0, cgroup_set(&self->group, "memory.max", 16 * MIB));
	IN_CHILD(pid) {
		struct iobmd_get_info before, after;
		uint64_t charged;
		uint8_t *map;
		int fd;

		ASSERT_EQ(0, cgroup_join(&self->group));
		fd = iobmd_create_huge(size, variant->huge);
		map = map_buffer(fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, map);
		stamp_pages(map, size);
		ASSERT_EQ(0, iobmd_set_length(fd, size - 5));
		ASSERT_EQ(0, iobmd_get_info(fd, &before));
		charged = cgroup_charged(&self->group);
		EXPECT_ERRNO(ENOMEM, iobmd_resize(fd, 32 * MIB));
		ASSERT_EQ(0, iobmd_get_info(fd, &after));
		EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)));
		EXPECT_EQ(-1, stamps_lost(map, size));
		AWAIT(cgroup_charged(&self->group) < charged + SLACK);
		EXPECT_EQ(0, iobmd_resize(fd, 2 * size));
		EXPECT_EQ(-1, stamps_lost(map, size));
	}
	EXPECT_EQ(0, child_status(pid));
	expect_nobody_killed(_metadata, &self->group);
}

TEST_F(memcg, of_the_creator_pays_for_what_another_grows)
{
	uint64_t size = 16 * MIB, mine, his;
	struct peer peer;
	pid_t pid;

	IN_CHILD(pid) {
		int fd;

		ASSERT_EQ(0, cgroup_join(&self->other));
		peer = peer_start(-1, NULL, 0);
		ASSERT_EQ(0, cgroup_join(&self->group));
		fd = iobmd_create_huge(MIB, variant->huge);
		ASSERT_EQ(0, peer_give(&peer, fd));
		mine = cgroup_charged(&self->group);
		his = cgroup_charged(&self->other);
		EXPECT_EQ(0, peer_do(&peer, PEER_RESIZE, MIB + size));
		EXPECT_LE(mine + size, cgroup_charged(&self->group) + SLACK);
		EXPECT_GE(his + SLACK, cgroup_charged(&self->other));
		EXPECT_EQ(0, peer_stop(&peer));
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(memcg, limit_of_the_creator_counts_not_that_of_another)
{
	struct peer peer;
	pid_t pid;

	ASSERT_EQ(0, cgroup_set(&self->group, "memory.max", 16 * MIB));
	IN_CHILD(pid) {
		int fd;

		ASSERT_EQ(0, cgroup_join(&self->other));
		peer = peer_start(-1, NULL, 0);
		ASSERT_EQ(0, cgroup_join(&self->group));
		fd = iobmd_create_huge(MIB, variant->huge);
		ASSERT_EQ(0, peer_give(&peer, fd));
		EXPECT_EQ(-ENOMEM, peer_do(&peer, PEER_RESIZE, 32 * MIB));
		EXPECT_EQ(MIB, IOBMD_INFO(fd, capacity));
		EXPECT_EQ(0, peer_stop(&peer));
	}
	EXPECT_EQ(0, child_status(pid));
	expect_nobody_killed(_metadata, &self->group);
	expect_nobody_killed(_metadata, &self->other);
}

TEST_F(memcg, that_is_gone_does_not_keep_a_buffer_from_growing)
{
	int sockets[2], fd;
	uint8_t *map;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	IN_CHILD(pid) {
		ASSERT_EQ(0, cgroup_join(&self->group));
		fd = iobmd_create_huge(MIB, variant->huge);
		ASSERT_EQ(0, fd_send(sockets[0], fd));
	}
	ASSERT_EQ(0, child_status(pid));
	fd = fd_receive(sockets[1]);
	AWAIT(!cgroup_free(&self->group));
	EXPECT_EQ(0, iobmd_resize(fd, 8 * MIB));
	map = map_buffer(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_bytes(map, 8 * MIB, 0));
	EXPECT_EQ(0, iobmd_resize(fd, 1));
	munmap(map, 8 * MIB);
	close(fd);
}

/*
 * What the module and the core allocate for descriptors, parts and exports: the core
 * would have a process killed, so the module looks for room first.
 */
#define FULL_GROUP	(24 * MIB)
#define MANY		60000

static int make_buffer(int device, int fd)
{
	return create_on(device, 1, IOBMD_HUGE_NONE);
}

static int make_descriptor(int device, int fd)
{
	return iobmd_derive(fd, IOBMD_DERIVE_F_HOLD, 0, 0);
}

static int make_export(int device, int fd)
{
	return iobmd_export(fd, 0, 0, 0);
}

static int make_composite(int device, int fd)
{
	struct iobmd_compose_part parts[256];

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i] = (struct iobmd_compose_part){ .fd = fd };
	return iobmd_compose_on(device, 0, parts, ARRAY_SIZE(parts));
}

FIXTURE(memcg_full)
{
	struct cgroup group;
	int device;
	int fd;
};

FIXTURE_VARIANT(memcg_full)
{
	int (*make)(int device, int fd);
};

FIXTURE_VARIANT_ADD(memcg_full, buffers) { make_buffer };
FIXTURE_VARIANT_ADD(memcg_full, descriptors) { make_descriptor };
FIXTURE_VARIANT_ADD(memcg_full, exports) { make_export };
FIXTURE_VARIANT_ADD(memcg_full, composites) { make_composite };

FIXTURE_SETUP(memcg_full)
{
	ASSERT_EQ(0, cgroup_create(&self->group, "iobmd_full"));
	ASSERT_EQ(0, cgroup_set(&self->group, "memory.max", FULL_GROUP));
	self->device = iobmd_open();
	ASSERT_LE(0, self->device);
	self->fd = iobmd_create(page_size());
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN_PARENT(memcg_full)
{
	AWAIT(!cgroup_free(&self->group) || errno == ENOENT);
	EXPECT_EQ(0, buffers_listed(0));
}

TEST_F(memcg_full, refuses_and_kills_no_process)
{
	int made = 0, first = next_fd();
	pid_t pid;

	IN_CHILD(pid) {
		ASSERT_EQ(0, allow_many_files(2 * MANY));
		/* The table of descriptors is no matter of ours. */
		ASSERT_EQ(MANY, dup2(self->fd, MANY));
		ASSERT_EQ(0, cgroup_join(&self->group));
		while (made < MANY && variant->make(self->device, self->fd) >= 0)
			made++;
		EXPECT_EQ(ENOMEM, errno);
		EXPECT_LT(16, made);
		EXPECT_GT(MANY - first, made);
		/* Again and again, when there is a little room */
		for (int round = 0; round < 20; round++) {
			close(first + round);
			for (int i = 0; i < 10; i++)
				variant->make(self->device, self->fd);
		}
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(0, cgroup_number(&self->group, "memory.events", "oom_kill "));
	AWAIT(iobmd_resize(self->fd, 1) == 0);
}

TEST_HARNESS_MAIN
