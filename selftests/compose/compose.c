// SPDX-License-Identifier: GPL-2.0
/* COMPOSE: parts of buffers, windows and composites make one descriptor. */
#include "composite.h"

FIXTURE(compose)
{
	size_t page;
	struct member a;	/* five pages */
	struct member b;	/* three pages and a bit */
	uint8_t *data;		/* room for both */
};

FIXTURE_SETUP(compose)
{
	self->page = page_size();
	ASSERT_TRUE(member_create(&self->a, 5 * self->page, IOBMD_HUGE_NONE, 1));
	ASSERT_TRUE(member_create(&self->b, 3 * self->page + 100, IOBMD_HUGE_NONE, 2));
	self->data = malloc(9 * self->page);
	ASSERT_NE(NULL, self->data);
}

FIXTURE_TEARDOWN(compose)
{
	free(self->data);
}

/* All that @fd has is @_length bytes; they are in self->data then. */
#define EXPECT_READS(_length, fd) do {					\
	ASSERT_LE(0, fd);						\
	ASSERT_EQ(_length, pread(fd, self->data, 9 * self->page, 0));	\
	EXPECT_EQ(_length, IOBMD_INFO(fd, length));			\
	EXPECT_EQ(_length, IOBMD_INFO(fd, capacity));			\
} while (0)

TEST_F(compose, one_part_is_shown_alone)
{
	int fd = compose(0, part(self->a.fd, self->page, 2 * self->page));

	EXPECT_READS(2 * self->page, fd);
	EXPECT_SHOWS(self->data, self->a, self->page, 2 * self->page);
}

TEST_F(compose, parts_of_several_buffers_follow_each_other)
{
	const uint64_t page = self->page;
	int fd = compose(0, part(self->a.fd, page, page), part(self->b.fd, 0, 2 * page),
			 part(self->a.fd, 3 * page, 2 * page));

	EXPECT_READS(5 * page, fd);
	EXPECT_SHOWS(self->data, self->a, page, page);
	EXPECT_SHOWS(self->data + page, self->b, 0, 2 * page);
	EXPECT_SHOWS(self->data + 3 * page, self->a, 3 * page, 2 * page);
}

TEST_F(compose, parts_come_in_the_order_given)
{
	const uint64_t page = self->page;
	int fd = compose(0, part(self->a.fd, 4 * page, page), part(self->a.fd, 2 * page, page),
			 part(self->a.fd, 3 * page, page), part(self->a.fd, 0, page));
	const uint64_t order[] = { 4, 2, 3, 0 };

	EXPECT_READS(4 * page, fd);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		EXPECT_SHOWS(self->data + i * page, self->a, order[i] * page, page);
}

TEST_F(compose, same_memory_twice_is_written_at_both_places)
{
	const uint64_t page = self->page;
	int fd = compose(0, part(self->a.fd, page, page), part(self->a.fd, page, page));
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	fill_pattern(map + page, 0, page, 7);
	EXPECT_EQ(-1, check_pattern(map, 0, page, 7));
	ASSERT_EQ(page, pread(fd, self->data, page, 0));
	EXPECT_EQ(-1, check_pattern(self->data, 0, page, 7));
	ASSERT_EQ(1, pwrite(fd, "x", 1, 5));
	EXPECT_EQ('x', map[page + 5]);
	EXPECT_EQ('x', self->a.map[page + 5]);
	EXPECT_EQ(page_frame(map), page_frame(map + page));
}

TEST_F(compose, part_without_a_length_goes_to_the_end)
{
	const uint64_t page = self->page;
	int fd = compose(0, part(self->a.fd, 3 * page, 0), part(self->b.fd, page, 0));

	EXPECT_READS(4 * page + 100, fd);
	EXPECT_SHOWS(self->data, self->a, 3 * page, 2 * page);
	EXPECT_SHOWS(self->data + 2 * page, self->b, page, 2 * page + 100);
}

TEST_F(compose, end_is_that_of_the_length_not_of_the_capacity)
{
	const uint64_t page = self->page;

	ASSERT_EQ(0, iobmd_set_length(self->a.fd, 2 * page));
	EXPECT_EQ(2 * page, IOBMD_INFO(compose(0, part(self->a.fd, 0, 0)), length));
	EXPECT_ERRNO(EINVAL, compose(0, part(self->a.fd, 0, 2 * page + 1)));
	EXPECT_ERRNO(EINVAL, compose(0, part(self->a.fd, 2 * page, 0)));
	ASSERT_EQ(0, iobmd_set_length(self->a.fd, 0));
	EXPECT_ERRNO(EINVAL, compose(0, part(self->a.fd, 0, 0)));
	EXPECT_ERRNO(EINVAL, compose(0, part(self->a.fd, 0, 1)));
}

TEST_F(compose, last_part_may_end_within_a_page)
{
	const uint64_t page = self->page, length = 2 * page + 5;
	int fd = compose(0, part(self->b.fd, 0, page), part(self->a.fd, 2 * page, page + 5));
	struct stat st;
	uint8_t *map;

	EXPECT_READS(length, fd);
	EXPECT_EQ(3 * page, IOBMD_INFO(fd, allocated));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(length, st.st_size);
	EXPECT_EQ(length, lseek(fd, 0, SEEK_END));
	ASSERT_EQ(5, pread(fd, self->data, page, 2 * page));
	EXPECT_EQ(0, pread(fd, self->data, page, length));
	ASSERT_EQ(2, pwrite(fd, "xyz", 3, length - 2));
	EXPECT_EQ('y', self->a.map[3 * page + 4]);
	EXPECT_SHOWS(self->a.map + 3 * page + 5, self->a, 3 * page + 5, 2 * page - 5);
	EXPECT_ERRNO(ENOSPC, pwrite(fd, "x", 1, length));
	/* The last page is mapped whole */
	map = map_buffer(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_SHOWS(map + length, self->a, 3 * page + 5, page - 5);
}

TEST_F(compose, other_parts_may_not_end_within_a_page)
{
	const uint64_t page = self->page;
	int ragged = compose(0, part(self->a.fd, 0, 7));
	const struct iobmd_compose_part first[] = {
		part(self->a.fd, 0, 1), part(self->a.fd, 0, page + 1),
		part(self->a.fd, page, page - 1), part(self->a.fd, 0, 512),
		part(self->b.fd, 0, 0), part(self->b.fd, 0, self->b.size),
		part(self->b.fd, 3 * page, 0), part(self->b.fd, 3 * page, 100),
		part(iobmd_window(self->a.fd, 0, page + 9), 0, 0), part(ragged, 0, 0),
	};

	ASSERT_LE(0, ragged);
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		EXPECT_ERRNO(EINVAL, compose(0, first[i], part(self->a.fd, 0, page)));
		EXPECT_ERRNO(EINVAL, compose(0, part(self->a.fd, 0, page), first[i],
					     part(self->a.fd, 0, 1)));
		EXPECT_LE(0, compose(0, part(self->a.fd, 0, page), first[i]));
	}
}

TEST_F(compose, part_of_a_window_counts_from_its_start)
{
	const uint64_t page = self->page;
	int window = iobmd_window(self->a.fd, 2 * page, 2 * page + 7);
	int fd = compose(0, part(window, page, page), part(window, 0, 0));

	EXPECT_READS(3 * page + 7, fd);
	EXPECT_SHOWS(self->data, self->a, 3 * page, page);
	EXPECT_SHOWS(self->data + page, self->a, 2 * page, 2 * page + 7);
	EXPECT_ERRNO(EINVAL, compose(0, part(window, 0, 2 * page + 8)));
	EXPECT_ERRNO(EINVAL, compose(0, part(window, 3 * page, 0)));
	EXPECT_ERRNO(EINVAL, compose(0, part(window, -2 * page, page)));
}

TEST_F(compose, part_of_a_composite_is_of_what_that_shows)
{
	const uint64_t page = self->page;
	int inner = compose(0, part(self->b.fd, 0, 2 * page), part(self->a.fd, page, 2 * page));
	int fd = compose(0, part(inner, page, 2 * page), part(inner, 3 * page, 0),
			 part(self->b.fd, 2 * page, page), part(inner, 0, 9));

	close(inner);
	EXPECT_READS(4 * page + 9, fd);
	EXPECT_SHOWS(self->data, self->b, page, page);
	EXPECT_SHOWS(self->data + page, self->a, page, page);
	EXPECT_SHOWS(self->data + 2 * page, self->a, 2 * page, page);
	EXPECT_SHOWS(self->data + 3 * page, self->b, 2 * page, page);
	EXPECT_SHOWS(self->data + 4 * page, self->b, 0, 9);
}

TEST_F(compose, window_of_a_composite_crosses_its_inner_edges)
{
	const uint64_t page = self->page;
	int whole = compose(0, part(self->a.fd, 0, 2 * page), part(self->b.fd, 0, page),
			    part(self->a.fd, 3 * page, 2 * page));
	int window = iobmd_window(whole, page, 3 * page - 7);
	int inner = iobmd_window(window, page, page + 3);
	int fd = compose(0, part(window, page, page), part(window, 0, 0));

	EXPECT_READS(3 * page - 7, window);
	EXPECT_SHOWS(self->data, self->a, page, page);
	EXPECT_SHOWS(self->data + page, self->b, 0, page);
	EXPECT_SHOWS(self->data + 2 * page, self->a, 3 * page, page - 7);
	EXPECT_EQ(IOBMD_INFO(whole, id), IOBMD_INFO(window, id));
	EXPECT_READS(page + 3, inner);
	EXPECT_SHOWS(self->data, self->b, 0, page);
	EXPECT_SHOWS(self->data + page, self->a, 3 * page, 3);
	EXPECT_READS(4 * page - 7, fd);
	EXPECT_SHOWS(self->data, self->b, 0, page);
	EXPECT_SHOWS(self->data + page, self->a, page, page);
	EXPECT_ERRNO(EINVAL, iobmd_window(whole, 0, 5 * page + 1));
	EXPECT_ERRNO(EINVAL, iobmd_window(window, 0, 3 * page - 6));
	EXPECT_ERRNO(EINVAL, iobmd_window(window, 1, page));
	EXPECT_ERRNO(EINVAL, compose(0, part(window, 0, 3 * page)));
}

TEST_F(compose, says_what_it_is)
{
	int fd = compose(0, part(self->a.fd, 0, 2 * self->page), part(self->b.fd, 0, 0));
	struct iobmd_get_info info;
	struct stat st;

	ASSERT_EQ(0, iobmd_get_info(fd, &info));
	EXPECT_LT(IOBMD_INFO(self->b.fd, id), info.id);
	EXPECT_EQ(5 * self->page + 100, info.capacity);
	EXPECT_EQ(5 * self->page + 100, info.length);
	EXPECT_EQ(6 * self->page, info.allocated);
	EXPECT_EQ(0, info.huge_bytes);
	EXPECT_EQ(IOBMD_DIRECTION_IN | IOBMD_DIRECTION_OUT, info.direction);
	EXPECT_EQ(IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE, info.rights);
	EXPECT_EQ(self->page, info.page_size);
	EXPECT_EQ(huge_page_size(), info.huge_page_size);
	EXPECT_EQ(0, info.seals);
	EXPECT_EQ(0, info.__reserved);
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(info.id, st.st_ino);
	EXPECT_EQ(5 * self->page + 100, st.st_size);
	EXPECT_EQ(6 * self->page / 512, st.st_blocks);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & O_ACCMODE);
	EXPECT_LT(info.id, IOBMD_INFO(compose(0, part(fd, 0, 0)), id));
	EXPECT_LT(info.id, IOBMD_INFO(iobmd_create(1), id));
}

TEST_F(compose, counts_huge_pages_as_far_as_parts_cover_them)
{
	const uint64_t huge = huge_page_size(), page = self->page;
	int member = iobmd_create_huge(2 * huge, IOBMD_HUGE_REQUIRE);
	int fd = compose(0, part(self->a.fd, 0, page), part(member, huge - 3 * page, 5 * page),
			 part(member, 0, huge), part(self->b.fd, 0, 0));

	EXPECT_EQ(huge + 5 * page, IOBMD_INFO(fd, huge_bytes));
	EXPECT_EQ(2 * page, IOBMD_INFO(iobmd_window(fd, 0, 3 * page), huge_bytes));
}

TEST_F(compose, has_the_directions_that_all_parts_have)
{
	struct iobmd_create in = { .capacity = self->page, .direction = IOBMD_DIRECTION_IN };
	struct iobmd_create out = { .capacity = self->page, .direction = IOBMD_DIRECTION_OUT };
	int in_fd = iobmd_create_args(&in), out_fd = iobmd_create_args(&out), both;

	both = compose(0, part(in_fd, 0, 0), part(self->a.fd, 0, 0));
	EXPECT_EQ(IOBMD_DIRECTION_IN, IOBMD_INFO(both, direction));
	EXPECT_EQ(IOBMD_DIRECTION_IN, IOBMD_INFO(iobmd_derive(both, 0, 0, 0), direction));
	EXPECT_EQ(IOBMD_DIRECTION_OUT,
		  IOBMD_INFO(compose(0, part(self->a.fd, 0, 0), part(out_fd, 0, 0)), direction));
	EXPECT_EQ(0, IOBMD_INFO(compose(0, part(in_fd, 0, 0), part(out_fd, 0, 0)), direction));
	EXPECT_EQ(0, IOBMD_INFO(compose(0, part(both, 0, 0), part(out_fd, 0, 0)), direction));
	EXPECT_EQ(0, iobmd_sync(both, 0, 0, IOBMD_DIRECTION_IN));
	EXPECT_ERRNO(EINVAL, iobmd_sync(both, 0, 0, IOBMD_DIRECTION_OUT));
}

TEST_F(compose, is_named_on_its_own)
{
	int fd = compose(0, part(self->a.fd, 0, 0));
	char text[64], id[64];

	ASSERT_EQ(0, iobmd_set_name(self->a.fd, "member"));
	ASSERT_EQ(0, iobmd_set_name(fd, "composite"));
	EXPECT_TRUE(fdinfo_get(fd, "name", text));
	EXPECT_STREQ("composite", text);
	EXPECT_TRUE(fdinfo_get(self->a.fd, "name", text));
	EXPECT_STREQ("member", text);
	snprintf(id, sizeof(id), "%" PRIu64, (uint64_t)IOBMD_INFO(fd, id));
	EXPECT_TRUE(fdinfo_get(fd, "iobmd-id", text));
	EXPECT_STREQ(id, text);
	EXPECT_TRUE(fdinfo_get(fd, "rights", text));
	EXPECT_STREQ("rw-", text);
}

/* Every other page, backwards, so that no two parts are neighbours. */
static void parts_backwards(struct iobmd_compose_part *parts, size_t count, int fd)
{
	for (size_t i = 0; i < count; i++)
		parts[i] = part(fd, 2 * (count - 1 - i) * page_size(), page_size());
}

/* The kernel asks no module: it sees as much as the largest buffer of a part, or more. */
TEST_F(compose, size_that_the_kernel_sees_is_that_of_memory)
{
	int fd = compose(0, part(self->b.fd, 0, self->page), part(self->a.fd, 0, self->page));
	int whole = compose(0, part(self->a.fd, 0, 0), part(self->a.fd, 0, 0));
	int size;

	EXPECT_EQ(2 * self->page, lseek(fd, 0, SEEK_END));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	if (ioctl(fd, FIONREAD, &size) && errno == ENOTTY)
		SKIP(return, "this kernel tells no size of a file that is on no path");
	ASSERT_EQ(0, ioctl(fd, FIONREAD, &size));
	EXPECT_LE(5 * self->page, size);
	EXPECT_GT(5 * self->page + huge_page_size(), size);
	ASSERT_EQ(0, ioctl(whole, FIONREAD, &size));
	EXPECT_LE(10 * self->page, size);
	EXPECT_GT(10 * self->page + huge_page_size(), size);
}

/* For a process that has descriptors and no device. Which one it is does not matter. */
TEST_F(compose, any_descriptor_makes_one)
{
	struct iobmd_compose_part parts[] = {
		part(self->a.fd, 0, self->page), part(self->b.fd, 0, 0),
	};
	int reader = iobmd_derive(self->a.fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	int other = iobmd_create(1), dmabuf = iobmd_export(self->a.fd, 0, 0, 0), fd = -1;
	int makers[] = { self->a.fd, reader, other, iobmd_window(self->b.fd, 0, 1) };

	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		fd = iobmd_compose_on(makers[i], 0, parts, ARRAY_SIZE(parts));
		EXPECT_READS(4 * self->page + 100, fd);
		EXPECT_SHOWS(self->data, self->a, 0, self->page);
		EXPECT_SHOWS(self->data + self->page, self->b, 0, 3 * self->page + 100);
		EXPECT_EQ(IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE, IOBMD_INFO(fd, rights));
	}
	/* The rights are those of the parts. */
	parts[0].fd = iobmd_derive(fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	EXPECT_ERRNO(EACCES, iobmd_compose_on(fd, 0, parts, 1));
	EXPECT_ERRNO(ENOTTY, iobmd_compose_on(dmabuf, 0, parts, 1));
}

TEST_F(compose, parts_may_be_1024)
{
	struct iobmd_compose_part parts[IOBMD_COMPOSE_MAX];
	const uint64_t page = self->page, count = IOBMD_COMPOSE_MAX;
	struct member many;
	uint8_t *map;
	int fd;

	ASSERT_TRUE(member_create(&many, 2 * count * page, IOBMD_HUGE_PREFER, 3));
	parts_backwards(parts, count, many.fd);
	fd = iobmd_compose(0, parts, count);
	ASSERT_LE(0, fd);
	EXPECT_EQ(count * page, IOBMD_INFO(fd, length));
	map = map_buffer(fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, map);
	for (size_t i = 0; i < count; i++) {
		ASSERT_EQ(-1, check_pattern(map + i * page, parts[i].offset, page, 3));
		if (i + 1 == count)
			break;
		ASSERT_EQ(20, pread(fd, self->data, 20, (i + 1) * page - 10));
		ASSERT_EQ(-1, check_pattern(self->data, parts[i].offset + page - 10, 10, 3));
		ASSERT_EQ(-1, check_pattern(self->data + 10, parts[i + 1].offset, 10, 3));
	}
}

TEST_F(compose, parts_of_composites_may_be_1024_together)
{
	struct iobmd_compose_part parts[600];
	const uint64_t page = self->page;
	int member = iobmd_create(2 * ARRAY_SIZE(parts) * page), inner, fd;

	parts_backwards(parts, ARRAY_SIZE(parts), member);
	inner = iobmd_compose(0, parts, ARRAY_SIZE(parts));
	ASSERT_LE(0, inner);
	fd = compose(0, part(inner, 0, 0), part(inner, 100 * page, 424 * page));
	EXPECT_EQ(1024 * page, IOBMD_INFO(fd, length));
	EXPECT_ERRNO(EINVAL, compose(0, part(inner, 0, 0), part(inner, 0, 425 * page)));
	EXPECT_ERRNO(EINVAL, compose(0, part(inner, 0, 0), part(inner, 0, 0)));
	EXPECT_ERRNO(EINVAL, compose(0, part(fd, 0, 0), part(inner, 0, 1)));
	EXPECT_LE(0, compose(0, part(fd, 0, 0)));
}

TEST_HARNESS_MAIN
