// SPDX-License-Identifier: GPL-2.0
/* A composite keeps its parts as they are, for as long as it or a mapping of it is there. */
#include "composite.h"
#include "machine.h"
#include "peer.h"

FIXTURE(keep)
{
	size_t page;
	uint64_t huge;
	struct member a;	/* a huge page and three pages */
	struct member b;	/* three pages and a bit */
	uint64_t id_a, id_b;
	uint64_t end;		/* of the part of a: in the middle of the huge page */
	uint64_t length;	/* of the composite */
	int fd;			/* a from its second page on, and all of b */
};

FIXTURE_VARIANT(keep)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(keep, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(keep, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(keep)
{
	self->page = page_size();
	self->huge = huge_page_size();
	ASSERT_TRUE(member_create(&self->a, self->huge + 3 * self->page, variant->huge, 1));
	ASSERT_TRUE(member_create(&self->b, 3 * self->page + 100, variant->huge, 2));
	self->id_a = IOBMD_INFO(self->a.fd, id);
	self->id_b = IOBMD_INFO(self->b.fd, id);
	self->end = self->huge / 2;
	self->length = self->end - self->page + self->b.size;
	self->fd = compose(0, part(self->a.fd, self->page, self->end - self->page),
			   part(self->b.fd, 0, 0));
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(keep)
{
}

#define EXPECT_WHOLE(_map) do {						\
	const uint8_t *__map = (_map);					\
	uint64_t __first = self->end - self->page;			\
									\
	ASSERT_NE(MAP_FAILED, (void *)__map);				\
	EXPECT_SHOWS(__map, self->a, self->page, __first);		\
	EXPECT_SHOWS(__map + __first, self->b, 0, self->b.size);	\
} while (0)

/* Not one byte of a part goes; the members have what they had. */
#define EXPECT_KEPT() do {						\
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->a.fd, self->end - 1));	\
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->a.fd, self->page));	\
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->a.fd, 1));		\
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->b.fd, self->b.size - 1)); \
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->b.fd, 1));		\
	EXPECT_EQ(self->b.size, IOBMD_INFO(self->b.fd, capacity));	\
} while (0)

#define EXPECT_NOT_KEPT() do {						\
	EXPECT_EQ(0, iobmd_resize(self->a.fd, 1));			\
	EXPECT_EQ(0, iobmd_resize(self->b.fd, 1));			\
} while (0)

TEST_F(keep, part_does_not_shrink_until_the_last_close)
{
	EXPECT_KEPT();
	EXPECT_EQ(self->a.size, IOBMD_INFO(self->a.fd, capacity));
	close(self->fd);
	EXPECT_NOT_KEPT();
}

/* A path is no descriptor. */
TEST_F(keep, parts_go_though_a_path_to_it_is_left)
{
	char path[64];
	struct stat stat;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	fd = open(path, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_KEPT();
	close(self->fd);
	EXPECT_NOT_KEPT();
	EXPECT_EQ(0, fstat(fd, &stat));
	EXPECT_EQ(self->length, stat.st_size);
	close(fd);
}

TEST_F(keep, part_does_not_shrink_while_it_is_mapped)
{
	uint8_t *map = map_buffer(self->fd, PROT_READ);

	close(self->fd);
	EXPECT_KEPT();
	EXPECT_WHOLE(map);
	EXPECT_KEPT();
	munmap(map, self->page);
	EXPECT_KEPT();
	munmap(map, page_round(self->length));
	EXPECT_NOT_KEPT();
}

TEST_F(keep, part_does_not_shrink_while_a_window_or_a_copy_is_left)
{
	int window = iobmd_window(self->fd, 0, 1), copy, again;

	close(self->fd);
	EXPECT_KEPT();
	copy = iobmd_derive(window, IOBMD_DERIVE_F_READ_ONLY | IOBMD_DERIVE_F_HOLD, 0, 0);
	close(window);
	EXPECT_KEPT();
	again = compose(IOBMD_COMPOSE_F_READ_ONLY, part(copy, 0, 0));
	close(copy);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->a.fd, self->page));
	EXPECT_EQ(0, iobmd_resize(self->b.fd, 1));
	close(again);
	EXPECT_NOT_KEPT();
}

TEST_F(keep, buffer_shrinks_down_to_the_part_and_grows)
{
	EXPECT_EQ(0, iobmd_resize(self->a.fd, self->end));
	EXPECT_EQ(0, iobmd_resize(self->b.fd, self->b.size));
	EXPECT_WHOLE(map_buffer(self->fd, PROT_READ));
	EXPECT_EQ(0, iobmd_resize(self->a.fd, 2 * self->huge));
	EXPECT_EQ(0, iobmd_resize(self->b.fd, 2 * self->b.size));
	EXPECT_EQ(self->length, IOBMD_INFO(self->fd, length));
	EXPECT_WHOLE(map_buffer(self->fd, PROT_READ));
}

TEST_F(keep, part_that_reaches_furthest_counts)
{
	const uint64_t page = self->page;
	int fd;

	close(self->fd);
	fd = compose(0, part(self->b.fd, 2 * page, page), part(self->b.fd, 0, page + 1));
	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->b.fd, 3 * page - 1));
	EXPECT_EQ(0, iobmd_resize(self->b.fd, 3 * page));
	close(fd);
	EXPECT_EQ(0, iobmd_resize(self->b.fd, 1));
}

/* A huge page that is cut is taken apart, and nothing may have it mapped then. */
TEST_F(keep, shrink_cuts_a_huge_page_only_while_no_part_of_it_is_mapped)
{
	uint8_t *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, faults(map, true));
	if (variant->huge == IOBMD_HUGE_PREFER) {
		EXPECT_ERRNO(EBUSY, iobmd_resize(self->a.fd, self->end));
		EXPECT_EQ(self->a.size, IOBMD_INFO(self->a.fd, capacity));
		EXPECT_SHOWS(self->a.map, self->a, 0, self->a.size);
		EXPECT_WHOLE(map);
		munmap(map, page_round(self->length));
		map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	}
	EXPECT_EQ(0, iobmd_resize(self->a.fd, self->end));
	EXPECT_WHOLE(map);
	fill_pattern(map, 0, self->page, 9);
	EXPECT_EQ(-1, check_pattern(self->a.map + self->page, 0, self->page, 9));
}

TEST_F(keep, shrink_beyond_the_huge_page_minds_no_mapping)
{
	uint8_t *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	EXPECT_WHOLE(map);
	EXPECT_EQ(0, iobmd_resize(self->a.fd, self->huge));
	EXPECT_WHOLE(map);
}

TEST_F(keep, setting_the_length_of_a_part_changes_nothing)
{
	ASSERT_EQ(0, iobmd_set_length(self->a.fd, 0));
	ASSERT_EQ(0, iobmd_set_length(self->b.fd, 1));
	EXPECT_EQ(self->length, IOBMD_INFO(self->fd, length));
	EXPECT_WHOLE(map_buffer(self->fd, PROT_READ));
	EXPECT_LE(0, compose(0, part(self->fd, 0, 0)));
}

TEST_F(keep, contents_stay_when_the_parts_are_closed)
{
	member_drop(&self->a);
	member_drop(&self->b);
	EXPECT_EQ(1, buffer_listed(self->id_a));
	EXPECT_EQ(1, buffer_listed(self->id_b));
	EXPECT_WHOLE(map_buffer(self->fd, PROT_READ));
}

TEST_F(keep, last_mapping_ends_all_parts)
{
	uint8_t *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	member_drop(&self->a);
	member_drop(&self->b);
	close(self->fd);
	EXPECT_WHOLE(map);
	EXPECT_EQ(1, buffer_listed(self->id_a));
	munmap(map + self->page, page_round(self->length) - self->page);
	EXPECT_EQ(1, buffer_listed(self->id_a));
	EXPECT_EQ(1, buffer_listed(self->id_b));
	munmap(map, self->page);
	EXPECT_EQ(0, buffer_listed(self->id_a));
	EXPECT_EQ(0, buffer_listed(self->id_b));
	EXPECT_EQ(0, buffers_listed(0));
}

TEST_F(keep, composite_in_a_composite_goes_when_it_is_closed)
{
	int outer = compose(0, part(self->fd, 0, self->page));

	member_drop(&self->b);
	EXPECT_EQ(1, buffer_listed(self->id_b));
	close(self->fd);
	EXPECT_EQ(0, buffer_listed(self->id_b));
	member_drop(&self->a);
	EXPECT_EQ(1, buffer_listed(self->id_a));
	close(outer);
	EXPECT_EQ(0, buffers_listed(0));
}

TEST_F(keep, seal_against_writing_waits_for_the_one_that_writes)
{
	int other = compose(0, part(self->a.fd, 0, self->page));

	member_unmap(&self->a);
	member_unmap(&self->b);
	EXPECT_ERRNO(EBUSY, iobmd_seal(self->a.fd, IOBMD_SEAL_WRITE));
	EXPECT_ERRNO(EBUSY, iobmd_seal(self->b.fd, IOBMD_SEAL_WRITE));
	EXPECT_EQ(1, pwrite(self->fd, "x", 1, 0));
	close(self->fd);
	EXPECT_EQ(0, iobmd_seal(self->b.fd, IOBMD_SEAL_WRITE));
	EXPECT_ERRNO(EBUSY, iobmd_seal(self->a.fd, IOBMD_SEAL_WRITE));
	close(other);
	EXPECT_EQ(0, iobmd_seal(self->a.fd, IOBMD_SEAL_WRITE));
}

TEST_F(keep, seal_against_writing_minds_a_reader_only_while_it_is_mapped)
{
	int reader = compose(IOBMD_COMPOSE_F_READ_ONLY, part(self->a.fd, 0, self->page),
			     part(self->b.fd, 0, 0));
	uint8_t *map = map_buffer(reader, PROT_READ);

	close(self->fd);
	member_unmap(&self->a);
	member_unmap(&self->b);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_SHOWS(map, self->a, 0, self->page);
	EXPECT_SHOWS(map + self->page, self->b, 0, self->b.size);
	EXPECT_ERRNO(EBUSY, iobmd_seal(self->a.fd, IOBMD_SEAL_WRITE));
	EXPECT_EQ(0, IOBMD_INFO(self->a.fd, seals));
	EXPECT_EQ(1, pwrite(self->a.fd, map, 1, 0));
	munmap(map, self->page + page_round(self->b.size));
	EXPECT_EQ(0, iobmd_seal(self->a.fd, IOBMD_SEAL_WRITE));
	EXPECT_EQ(0, iobmd_seal(self->b.fd, IOBMD_SEAL_WRITE));
	map = map_buffer(reader, PROT_READ);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_SHOWS(map, self->a, 0, self->page);
}

TEST_F(keep, other_seals_do_not_mind_it)
{
	EXPECT_EQ(0, iobmd_seal(self->a.fd, IOBMD_SEAL_SHRINK | IOBMD_SEAL_GROW));
	EXPECT_EQ(0, iobmd_seal(self->b.fd, IOBMD_SEAL_SEAL));
	EXPECT_WHOLE(map_buffer(self->fd, PROT_READ | PROT_WRITE));
	EXPECT_LE(0, compose(0, part(self->a.fd, 0, self->page), part(self->b.fd, 0, 0)));
}

TEST_F(keep, another_process_works_on_it)
{
	struct peer peer = peer_start(-1, NULL, 0);
	uint64_t second = self->end - self->page;

	ASSERT_EQ(0, peer_give(&peer, self->fd));
	close(self->fd);
	EXPECT_EQ(self->a.map[self->page + 5], peer_read(&peer, 5));
	EXPECT_EQ(self->b.map[7], peer_read(&peer, second + 7));
	EXPECT_EQ(0, peer_write(&peer, second, 'x'));
	EXPECT_EQ(0, peer_write(&peer, second - 1, 'y'));
	EXPECT_EQ('x', self->b.map[0]);
	EXPECT_EQ('y', self->a.map[self->end - 1]);
	EXPECT_EQ(-EACCES, peer_do(&peer, PEER_RESIZE, 1));
	EXPECT_KEPT();
	EXPECT_EQ(0, peer_do(&peer, PEER_CLOSE, 0));
	EXPECT_KEPT();
	kill(peer.pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, peer_stop(&peer));
	EXPECT_NOT_KEPT();
}

TEST_F(keep, never_received_goes_with_its_socket)
{
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(0, fd_send(sockets[0], self->fd));
	close(self->fd);
	member_drop(&self->b);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->a.fd, 1));
	EXPECT_EQ(1, buffer_listed(self->id_b));
	close(sockets[0]);
	close(sockets[1]);
	AWAIT(!buffer_listed(self->id_b));
	EXPECT_EQ(0, iobmd_resize(self->a.fd, 1));
	EXPECT_EQ(1, buffers_listed(0));
}

/* Made, and refused for the last of many parts, many times. */
static void make_and_refuse(struct __test_metadata *_metadata, int fd, int rounds)
{
	struct iobmd_compose_part parts[IOBMD_COMPOSE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i] = part(fd, 0, page_size());
	for (int i = 0; i < rounds; i++) {
		parts[IOBMD_COMPOSE_MAX - 1].fd = i & 1 ? fd : -1;
		if (i & 1) {
			ASSERT_EQ(0, close(iobmd_compose(0, parts, IOBMD_COMPOSE_MAX)));
		} else {
			EXPECT_ERRNO(EBADF, iobmd_compose(0, parts, IOBMD_COMPOSE_MAX));
		}
	}
}

/*
 * A leak costs as much each time. What the kernel itself keeps for a while (as KASAN
 * does) has a limit.
 */
TEST(leaves_no_memory_behind)
{
	int fd = iobmd_create(page_size());
	uint64_t unreclaimable;

	do {
		unreclaimable = meminfo("SUnreclaim:");
		make_and_refuse(_metadata, fd, 100);
	} while (meminfo("SUnreclaim:") >= unreclaimable + 4 * MIB);
	EXPECT_EQ(0, iobmd_resize(fd, 1));
	EXPECT_EQ(1, buffers_listed(0));
}

TEST_HARNESS_MAIN
