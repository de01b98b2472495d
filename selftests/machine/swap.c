// SPDX-License-Identifier: GPL-2.0
/* Memory is scarce and there is swap: others' memory goes there, and a buffer's does not. */
#include "machine.h"
#include "pin.h"

#include <sys/mman.h>
#include <sys/swap.h>

#define SWAPPED_LEAST	(4 * MIB)

FIXTURE(swap)
{
	uint64_t limit;
	struct cgroup group;
	char disk[64];
};

FIXTURE_VARIANT(swap)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(swap, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(swap, huge) { .huge = IOBMD_HUGE_PREFER };

static int swap_format(const char *disk)
{
	pid_t pid = child_fork();

	if (pid == 0) {
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
		execlp("busybox", "busybox", "mkswap", disk, NULL);
		_exit(127);
	}
	return child_status(pid);
}

FIXTURE_SETUP(swap)
{
	ASSERT_TRUE(disk_find(self->disk));
	ASSERT_EQ(0, swap_format(self->disk));
	ASSERT_EQ(0, swapon(self->disk, 0));
	self->limit = 32 * MIB;
	ASSERT_EQ(0, cgroup_create(&self->group, "iobmd_swap"));
	ASSERT_EQ(0, cgroup_set(&self->group, "memory.max", self->limit));
}

FIXTURE_TEARDOWN(swap)
{
	EXPECT_EQ(0, cgroup_number(&self->group, "memory.events", "oom_kill "));
	EXPECT_EQ(0, swapoff(self->disk));
	EXPECT_EQ(0, cgroup_free(&self->group));
}

static uint8_t *anonymous_memory(uint64_t size)
{
	uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map != MAP_FAILED)
		stamp_pages(map, size);
	return map;
}

static uint64_t swapped(const struct cgroup *group)
{
	return cgroup_number(group, "memory.swap.current", "");
}

TEST_F(swap, takes_others_memory_and_not_a_buffers)
{
	uint64_t size = self->limit / 2, first, last;
	pid_t pid;

	IN_CHILD(pid) {
		uint8_t *map, *others;
		int fd;

		ASSERT_EQ(0, cgroup_join(&self->group));
		fd = iobmd_create_huge(size, variant->huge);
		map = map_buffer(fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, map);
		stamp_pages(map, size);
		first = page_frame(map);
		last = page_frame(map + size - 1);
		others = anonymous_memory(size + SWAPPED_LEAST);
		ASSERT_NE(MAP_FAILED, others);
		EXPECT_LE(SWAPPED_LEAST, swapped(&self->group));
		EXPECT_EQ(first, page_frame(map));
		EXPECT_EQ(last, page_frame(map + size - 1));
		EXPECT_EQ(-1, stamps_lost(map, size));
		EXPECT_EQ(-1, stamps_lost(others, size + SWAPPED_LEAST));
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(swap, makes_room_for_a_buffer_and_for_its_growth)
{
	uint64_t size = self->limit / 4;
	pid_t pid;

	IN_CHILD(pid) {
		uint8_t *map, *others;
		int fd;

		ASSERT_EQ(0, cgroup_join(&self->group));
		others = anonymous_memory(self->limit - 2 * SWAPPED_LEAST);
		ASSERT_NE(MAP_FAILED, others);
		ASSERT_EQ(0, swapped(&self->group));
		fd = iobmd_create_huge(size, variant->huge);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, iobmd_resize(fd, 2 * size));
		EXPECT_LE(SWAPPED_LEAST, swapped(&self->group));
		map = map_buffer(fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(-1, check_bytes(map, 2 * size, 0));
		EXPECT_EQ(-1, stamps_lost(others, self->limit - 2 * SWAPPED_LEAST));
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_HARNESS_MAIN
