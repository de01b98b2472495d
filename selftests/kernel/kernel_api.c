// SPDX-License-Identifier: GPL-2.0
/* What another module can do with a buffer, but for DMA. */
#include "kernel_buffer.h"
#include "machine.h"

#include <sys/mman.h>
#include <sys/resource.h>

/* Getting and putting */

TEST_F(kernel_buffer, get_takes_only_buffers_and_rights_that_there_are)
{
	int read_only = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	int peer = self->peer;

	EXPECT_ERRNO(EBADF, kernel_get(peer, -1, IOBMD_RIGHT_READ));
	EXPECT_ERRNO(EINVAL, kernel_get(peer, peer, IOBMD_RIGHT_READ));
	EXPECT_ERRNO(EINVAL, kernel_get(peer, self->fd, 0));
	EXPECT_ERRNO(EINVAL, kernel_get(peer, self->fd, IOBMD_RIGHT_WRITE));
	EXPECT_ERRNO(EINVAL, kernel_get(peer, self->fd, IOBMD_RIGHT_READ | IOBMD_RIGHT_RESIZE));
	EXPECT_ERRNO(EINVAL, kernel_get(peer, self->fd, IOBMD_RIGHTS_ALL | 8));
	EXPECT_ERRNO(EACCES, kernel_get(peer, read_only, READ_WRITE));
	EXPECT_EQ(0, kernel_get(peer, read_only, IOBMD_RIGHT_READ));
	EXPECT_EQ(self->size, kernel_size(peer));
}

TEST_F(kernel_buffer, user_holds_the_memory_until_put)
{
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->size - self->page));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size + self->page));
	EXPECT_EQ(self->size, kernel_size(self->peer));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->page));
}

TEST_F(kernel_buffer, user_of_a_shorter_length_holds_that)
{
	ASSERT_EQ(0, iobmd_set_length(self->fd, self->page + 1));
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	EXPECT_EQ(self->page + 1, kernel_size(self->peer));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->page + 1));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page));
}

TEST_F(kernel_buffer, user_keeps_module_and_buffer)
{
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	munmap(self->map, self->size);
	close(self->fd);
	EXPECT_EQ(1, buffers_listed(0));
	EXPECT_ERRNO(EWOULDBLOCK, module_unload("iobmd"));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	EXPECT_EQ(0, buffers_listed(0));
}

TEST_F(kernel_buffer, writing_user_keeps_the_seal_against_writing_off)
{
	munmap(self->map, self->size);
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	EXPECT_ERRNO(EBUSY, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	EXPECT_ERRNO(EPERM, kernel_get(self->peer, self->fd, READ_WRITE));
	EXPECT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
}

/* Creating and publishing */

TEST_F(kernel_buffer, created_buffer_is_one_like_any_other)
{
	uint8_t *map;
	int fd;

	EXPECT_ERRNO(EINVAL, kernel_create(self->peer, 0, 0));
	EXPECT_ERRNO(EINVAL, kernel_create(self->peer, 1, 4));
	EXPECT_ERRNO(EFBIG, kernel_create(self->peer, UINT64_MAX, 0));
	ASSERT_EQ(0, kernel_create(self->peer, self->size - 1, IOBMD_DIRECTION_OUT));
	EXPECT_EQ(self->size - 1, kernel_size(self->peer));
	fd = kernel_publish(self->peer, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(self->size - 1, IOBMD_INFO(fd, capacity));
	EXPECT_EQ(IOBMD_DIRECTION_OUT, IOBMD_INFO(fd, direction));
	EXPECT_EQ(IOBMD_RIGHTS_ALL, IOBMD_INFO(fd, rights));
	map = map_buffer(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_bytes(map, self->size, 0));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	EXPECT_EQ(0, iobmd_resize(fd, 1));
}

TEST_F(kernel_buffer, published_descriptor_has_no_more_than_the_user)
{
	int fd;

	EXPECT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	fd = kernel_publish(self->peer, 0);
	EXPECT_EQ(READ_WRITE, IOBMD_INFO(fd, rights));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_ERRNO(EACCES, iobmd_resize(fd, self->size));
	close(fd);
	fd = kernel_publish(self->peer, IOBMD_DERIVE_F_READ_ONLY);
	EXPECT_EQ(IOBMD_RIGHT_READ, IOBMD_INFO(fd, rights));
	EXPECT_ERRNO(EINVAL, kernel_publish(self->peer, IOBMD_DERIVE_F_WINDOW));
	close(fd);
	fd = kernel_publish(self->peer, IOBMD_DERIVE_F_HOLD);
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, 1));
	close(fd);
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(kernel_buffer, publish_with_a_full_table_changes_nothing)
{
	struct rlimit limit, low;
	int free_fd = next_fd();

	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	low.rlim_cur = free_fd;
	setrlimit(RLIMIT_NOFILE, &low);
	EXPECT_ERRNO(EMFILE, kernel_publish(self->peer, 0));
	setrlimit(RLIMIT_NOFILE, &limit);
	EXPECT_EQ(free_fd, next_fd());
	EXPECT_EQ(free_fd, kernel_publish(self->peer, 0));
}

TEST_F(kernel_buffer, set_length_needs_the_right)
{
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	EXPECT_ERRNO(EACCES, kernel_set_length(self->peer, 1));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHTS_ALL));
	EXPECT_ERRNO(EINVAL, kernel_set_length(self->peer, self->size + 1));
	EXPECT_EQ(self->size, IOBMD_INFO(self->fd, length));
	EXPECT_EQ(0, kernel_set_length(self->peer, 1));
	EXPECT_EQ(1, IOBMD_INFO(self->fd, length));
	EXPECT_EQ(0, kernel_set_length(self->peer, self->size));
}

/* Runs */

static struct iobmd_peer_args runs_of(int peer, uint64_t offset, uint64_t length, uint32_t stop)
{
	struct iobmd_peer_args args = { .offset = offset, .length = length, .flags = stop };

	args.address = ioctl(peer, IOBMD_PEER_RUNS, &args) < 0 ? errno : 0;
	return args;
}

TEST_F(kernel_buffer, runs_are_the_memory_in_order_and_as_long_as_can_be)
{
	struct iobmd_peer_args args;

	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	args = runs_of(self->peer, 0, self->size, 0);
	EXPECT_EQ(0, args.broken);
	EXPECT_EQ(self->size, args.total);
	EXPECT_EQ(digest_of(self->map, self->size), args.digest);
	if (variant->huge == IOBMD_HUGE_PREFER) {
		EXPECT_LE(huge_page_size(), args.largest);
		EXPECT_GE(4, args.count);
	}
	args = runs_of(self->peer, self->page + 1, self->size - self->page - 2, 0);
	EXPECT_EQ(0, args.broken);
	EXPECT_EQ(self->size - self->page - 2, args.total);
	args = runs_of(self->peer, self->size - 1, 1, 0);
	EXPECT_EQ(1, args.count);
	EXPECT_EQ(1, args.total);
}

TEST_F(kernel_buffer, runs_end_when_the_visitor_says_so)
{
	struct iobmd_peer_args args = { .length = self->size, .flags = 1 };

	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	EXPECT_EQ(1, ioctl(self->peer, IOBMD_PEER_RUNS, &args));
	EXPECT_EQ(1, args.count);
}

TEST_F(kernel_buffer, runs_outside_are_refused)
{
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	EXPECT_EQ(EINVAL, runs_of(self->peer, 0, 0, 0).address);
	EXPECT_EQ(EINVAL, runs_of(self->peer, 0, self->size + 1, 0).address);
	EXPECT_EQ(EINVAL, runs_of(self->peer, self->size, 1, 0).address);
	EXPECT_EQ(EINVAL, runs_of(self->peer, 1, UINT64_MAX, 0).address);
	EXPECT_EQ(EINVAL, runs_of(self->peer, UINT64_MAX, 1, 0).address);
	EXPECT_EQ(EINVAL, runs_of(self->peer, 1ull << 63, 1ull << 63, 0).address);
}

/* A shrink splits the huge page that the user's last page is in. */
TEST_F(kernel_buffer, runs_stay_while_a_huge_page_is_split_behind_them)
{
	uint64_t kept = huge_page_size() + 3 * self->page, digest;
	pid_t pid;

	ASSERT_EQ(0, iobmd_set_length(self->fd, kept));
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	digest = digest_of(self->map, kept);
	munmap(self->map, self->size);
	IN_CHILD(pid) {
		while (IOBMD_INFO(self->fd, capacity) > kept) {
			struct iobmd_peer_args args = runs_of(self->peer, 0, kept, 0);

			ASSERT_EQ(digest, args.digest);
			ASSERT_EQ(0, args.broken);
		}
		ASSERT_EQ(digest, runs_of(self->peer, 0, kept, 0).digest);
	}
	EXPECT_EQ(0, iobmd_resize(self->fd, kept));
	EXPECT_EQ(0, child_status(pid));
}

/* The mapping into the kernel */

TEST_F(kernel_buffer, vmap_shows_every_page_of_huge_pages)
{
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VMAP));
	EXPECT_EQ(digest_of(self->map, self->size), kernel_look(self->peer));
	EXPECT_EQ(0, kernel_fill(self->peer, 77));
	for (uint64_t at = 0; at < self->size; at += sizeof(uint64_t))
		ASSERT_EQ(at + 77, *(uint64_t *)(self->map + at));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VUNMAP));
}

TEST_F(kernel_buffer, vmap_of_a_window_shows_no_more)
{
	int fd = iobmd_window(self->fd, huge_page_size() - self->page, 2 * self->page + 1);

	ASSERT_EQ(0, kernel_get(self->peer, fd, READ_WRITE));
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VMAP));
	EXPECT_EQ(digest_of(self->map + huge_page_size() - self->page, 3 * self->page),
		  kernel_look(self->peer));
}

TEST_F(kernel_buffer, vmap_needs_the_right_to_write)
{
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	EXPECT_ERRNO(EACCES, kernel_do(self->peer, IOBMD_PEER_VMAP));
}

/* Reading and writing */

static void copy_both_ways(struct __test_metadata *_metadata, FIXTURE_DATA(kernel_buffer) *self,
			   uint64_t offset, uint64_t length, bool kernel)
{
	uint8_t *data = malloc(length);

	fill_pattern(data, 0, length, offset);
	EXPECT_EQ(length, kernel_copy(self->peer, IOBMD_PEER_WRITE, offset, data, length, kernel));
	EXPECT_EQ(-1, check_pattern(self->map + offset, 0, length, offset));
	memset(data, 0xcc, length);
	EXPECT_EQ(length, kernel_copy(self->peer, IOBMD_PEER_READ, offset, data, length, kernel));
	EXPECT_EQ(-1, check_pattern(data, 0, length, offset));
	free(data);
}

TEST_F(kernel_buffer, reads_and_writes_everywhere)
{
	uint64_t huge = huge_page_size();

	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	for (int kernel = 0; kernel < 2; kernel++) {
		copy_both_ways(_metadata, self, 0, self->size, kernel);
		copy_both_ways(_metadata, self, 1, 1, kernel);
		copy_both_ways(_metadata, self, self->page - 1, 2, kernel);
		copy_both_ways(_metadata, self, huge - 5, 3 * self->page, kernel);
		copy_both_ways(_metadata, self, self->size - 1, 1, kernel);
	}
}

TEST_F(kernel_buffer, reads_and_writes_end_with_the_buffer)
{
	uint8_t data[100];
	int peer = self->peer;

	ASSERT_EQ(0, kernel_get(peer, self->fd, READ_WRITE));
	EXPECT_EQ(7, kernel_copy(peer, IOBMD_PEER_READ, self->size - 7, data, 100, false));
	EXPECT_EQ(7, kernel_copy(peer, IOBMD_PEER_WRITE, self->size - 7, data, 100, true));
	EXPECT_EQ(0, kernel_copy(peer, IOBMD_PEER_READ, self->size, data, 100, false));
	EXPECT_EQ(0, kernel_copy(peer, IOBMD_PEER_WRITE, self->size, data, 100, false));
	EXPECT_EQ(0, kernel_copy(peer, IOBMD_PEER_READ, UINT64_MAX, data, 100, false));
	EXPECT_EQ(0, kernel_copy(peer, IOBMD_PEER_WRITE, 1ull << 63, data, 100, false));
	EXPECT_EQ(0, kernel_copy(peer, IOBMD_PEER_READ, 0, data, 0, false));
	EXPECT_ERRNO(EFAULT, kernel_copy(peer, IOBMD_PEER_READ, 0, (void *)8, 100, false));
	EXPECT_ERRNO(EFAULT, kernel_copy(peer, IOBMD_PEER_WRITE, 0, (void *)8, 100, false));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size + self->page));
	EXPECT_EQ(7, kernel_copy(peer, IOBMD_PEER_READ, self->size - 7, data, 100, false));
}

/* The other side of the copy is a mapping of the same buffer. */
TEST_F(kernel_buffer, copies_between_a_buffer_and_itself)
{
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	EXPECT_EQ(self->page, kernel_copy(self->peer, IOBMD_PEER_READ, 0,
					  self->map + 2 * self->page, self->page, false));
	EXPECT_EQ(0, memcmp(self->map, self->map + 2 * self->page, self->page));
}

TEST_F(kernel_buffer, write_needs_the_right)
{
	uint8_t byte = 1;

	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	EXPECT_ERRNO(EACCES, kernel_copy(self->peer, IOBMD_PEER_WRITE, 0, &byte, 1, false));
	EXPECT_EQ(1, kernel_copy(self->peer, IOBMD_PEER_READ, 0, &byte, 1, false));
}

TEST_HARNESS_MAIN
