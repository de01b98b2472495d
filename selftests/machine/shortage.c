// SPDX-License-Identifier: GPL-2.0
/* CREATE and RESIZE when there is no memory left, or little. */
#include "machine.h"

#include <sys/mman.h>

#define SLACK	(8 * MIB)	/* that the rest of the machine may take meanwhile */

FIXTURE(shortage)
{
	uint64_t max_buffer_mib;
	uint64_t kills;
	uint64_t total;
};

FIXTURE_VARIANT(shortage)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(shortage, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(shortage, huge) { .huge = IOBMD_HUGE_PREFER };
FIXTURE_VARIANT_ADD(shortage, nothing_but_huge) { .huge = IOBMD_HUGE_REQUIRE };

FIXTURE_SETUP(shortage)
{
	memory_tidy();
	self->max_buffer_mib = parameter("max_buffer_mib");
	self->kills = oom_kills();
	self->total = meminfo("MemTotal:") / huge_page_size() * huge_page_size();
	ASSERT_EQ(0, parameter_set("max_buffer_mib", 2 * self->total / MIB));
}

FIXTURE_TEARDOWN_PARENT(shortage)
{
	EXPECT_EQ(0, parameter_set("max_buffer_mib", self->max_buffer_mib));
}

TEST_F_TIMEOUT(shortage, of_the_machine_refuses_a_buffer_and_kills_nobody, 600)
{
	uint64_t free_before = memory_free();

	EXPECT_ERRNO(ENOMEM, iobmd_create_huge(self->total, variant->huge));
	EXPECT_EQ(self->kills, oom_kills());
	EXPECT_EQ(0, buffers_listed(0));
	AWAIT(memory_free() + SLACK >= free_before);
}

TEST_F_TIMEOUT(shortage, of_the_machine_refuses_to_grow_and_changes_nothing, 600)
{
	uint64_t huge = huge_page_size(), free_before = memory_free();
	int fd = iobmd_create_huge(2 * huge, variant->huge);
	struct iobmd_get_info before, after;
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	memset(map, 0x5a, 2 * huge);
	ASSERT_EQ(0, iobmd_get_info(fd, &before));
	EXPECT_ERRNO(ENOMEM, iobmd_resize(fd, self->total));
	ASSERT_EQ(0, iobmd_get_info(fd, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)));
	EXPECT_EQ(-1, check_bytes(map, 2 * huge, 0x5a));
	EXPECT_EQ(self->kills, oom_kills());
	munmap(map, 2 * huge);
	close(fd);
	AWAIT(memory_free() + SLACK >= free_before);
}

/* The kernel looks through memory for what it can move, also the new memory. */
TEST_F_TIMEOUT(shortage, while_memory_is_compacted_is_only_a_shortage, 600)
{
	pid_t compaction = compaction_start();

	for (int i = 0; i < 3; i++) {
		EXPECT_ERRNO(ENOMEM, iobmd_create_huge(self->total, variant->huge));
	}
	compaction_stop(compaction);
	EXPECT_EQ(self->kills, oom_kills());
	EXPECT_EQ(0, buffers_listed(0));
}

/* Not a shortage yet, but few huge pages are left to move anything to. */
TEST_F_TIMEOUT(shortage, that_only_threatens_while_memory_is_compacted_loses_nothing, 600)
{
	uint64_t size = memory_free_huge() / 4 * 3 / huge_page_size() * huge_page_size();
	pid_t compaction = compaction_start();

	for (int i = 0; i < 3; i++) {
		int fd = iobmd_create_huge(size, variant->huge);
		uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

		ASSERT_NE(MAP_FAILED, map);
		for (uint64_t at = 0; at < size; at += page_size()) {
			ASSERT_EQ(0, faults(map + at, false));
		}
		munmap(map, size);
		close(fd);
	}
	compaction_stop(compaction);
	EXPECT_EQ(self->kills, oom_kills());
}

TEST_HARNESS_MAIN
