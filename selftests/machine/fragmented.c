// SPDX-License-Identifier: GPL-2.0
/* There is memory, but not one free huge page, and none that could be put together. */
#include "fragment.h"
#include "pin.h"

#include <sys/mman.h>

#define SLACK		(8 * MIB)	/* that the rest of the machine may take meanwhile */
#define BUFFERS_MAX	64

FIXTURE(fragmented)
{
	uint64_t max_buffer_mib;
	uint64_t kills;
	uint64_t huge;
	uint64_t size;
	int kept;			/* has a block of every huge page in the machine */
	int takers[BUFFERS_MAX];	/* of the huge pages that there are nevertheless */
	int nr_takers;
};

FIXTURE_SETUP(fragmented)
{
	memory_tidy();
	self->max_buffer_mib = parameter("max_buffer_mib");
	ASSERT_EQ(0, parameter_set("max_buffer_mib", meminfo("MemTotal:") / MIB));
	self->huge = huge_page_size();
	self->size = 4 * self->huge + 3 * page_size();
	self->kept = fragment();
	ASSERT_LE(0, self->kept);
	memory_tidy();
	self->nr_takers = huge_pages_take(self->takers, BUFFERS_MAX);
	ASSERT_GT(BUFFERS_MAX, self->nr_takers);
	ASSERT_LE(meminfo("MemTotal:") / 4, meminfo("MemAvailable:"));
	self->kills = oom_kills();
}

FIXTURE_TEARDOWN(fragmented)
{
	EXPECT_EQ(self->kills, oom_kills());
	EXPECT_EQ(0, parameter_set("max_buffer_mib", self->max_buffer_mib));
}

TEST_F_TIMEOUT(fragmented, memory_is_no_obstacle_to_a_buffer, 600)
{
	int fd = iobmd_create(self->size);
	uint8_t *map;

	/* A huge page may have come together since the others were taken: so is that. */
	for (int i = 0; i < 8 && fd >= 0 && IOBMD_INFO(fd, huge_bytes); i++)
		fd = iobmd_create(self->size);
	map = map_buffer(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, IOBMD_INFO(fd, huge_bytes));
	EXPECT_EQ(page_round(self->size), IOBMD_INFO(fd, allocated));
	EXPECT_EQ(-1, check_bytes(map, self->size, 0));
	stamp_pages(map, self->size);
	EXPECT_EQ(0, iobmd_resize(fd, self->huge + page_size()));
	EXPECT_EQ(SIGBUS, faults(map + self->huge + page_size(), true));
	EXPECT_EQ(0, iobmd_resize(fd, self->size));
	EXPECT_EQ(-1, stamps_lost(map, self->huge + page_size()));
	EXPECT_EQ(-1, check_bytes(map + self->huge + page_size(),
				  self->size - self->huge - page_size(), 0));
	EXPECT_EQ(0, IOBMD_INFO(fd, huge_bytes));
	munmap(map, self->size);
	close(fd);
}

TEST_F_TIMEOUT(fragmented, memory_is_a_shortage_for_whoever_insists_on_huge_pages, 600)
{
	struct iobmd_create aligned = { .capacity = 1, .alignment = self->huge };
	int fd = self->takers[0];
	struct iobmd_get_info before, after;
	uint64_t free_before;
	uint8_t *map;

	ASSERT_LT(0, self->nr_takers);
	map = map_buffer(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, iobmd_get_info(fd, &before));
	stamp_pages(map, before.capacity);
	free_before = memory_free();
	EXPECT_ERRNO(ENOMEM, iobmd_resize(fd, before.capacity + self->huge));
	EXPECT_ERRNO(ENOMEM, iobmd_create_huge(self->huge, IOBMD_HUGE_REQUIRE));
	EXPECT_ERRNO(ENOMEM, iobmd_create_args(&aligned));
	AWAIT(memory_free() + SLACK >= free_before);
	ASSERT_EQ(0, iobmd_get_info(fd, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)));
	EXPECT_EQ(-1, stamps_lost(map, before.capacity));
}

TEST_HARNESS_MAIN
