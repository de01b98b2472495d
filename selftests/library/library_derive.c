// SPDX-License-Identifier: GPL-2.0
/* libiobmd: handles that may do less, seals, exports, synchronisation. */
#include "iobmd_test.h"

#include <iobmd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define MARKER ((void *)0xcccc)

FIXTURE(less)
{
	uint64_t page, size;	/* three pages and a bit */
	struct iobmd_buffer *buffer;	/* filled with the pattern of seed 1 */
	struct iobmd_buffer *derived;
	struct iobmd_address_segment segment;
	int next_fd;
};

FIXTURE_SETUP(less)
{
	int device = iobmd_device_open();

	self->page = page_size();
	self->size = 3 * self->page + 100;
	ASSERT_EQ(0, iobmd_buffer_create(device, self->size, 0, 0, &self->buffer));
	close(device);
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, 0, &self->segment));
	fill_pattern(self->segment.address, 0, self->size, 1);
	self->derived = NULL;
	self->next_fd = next_fd();
}

/* Nothing is left behind but what has a handle. */
FIXTURE_TEARDOWN(less)
{
	iobmd_buffer_free(self->derived);
	EXPECT_EQ(self->next_fd, next_fd());
	iobmd_buffer_free(self->buffer);
}

TEST_F(less, read_only_handle_reads)
{
	struct iobmd_address_segment segment;
	struct iobmd_mapping *mapping = MARKER;

	ASSERT_EQ(0, iobmd_buffer_derive(self->buffer, IOBMD_DERIVE_F_READ_ONLY, 0, 0,
					 &self->derived));
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->derived, 0, &segment));
	EXPECT_EQ(self->size, segment.length);
	EXPECT_EQ(-1, check_pattern(segment.address, 0, self->size, 1));
	EXPECT_EQ(SIGSEGV, faults(segment.address, true));
	EXPECT_EQ(-EACCES, iobmd_mapping_create(self->derived, 0, NULL, 0, 0, &mapping));
	EXPECT_EQ(MARKER, mapping);
	EXPECT_EQ(-EACCES, iobmd_buffer_resize(self->derived, 1));
	EXPECT_EQ(-EACCES, iobmd_buffer_set_length(self->derived, 1));
	EXPECT_EQ(-EACCES, iobmd_buffer_seal(self->derived, IOBMD_SEAL_GROW));
	EXPECT_EQ(-EACCES, iobmd_buffer_set_name(self->derived, "x"));
}

TEST_F(less, window_counts_from_its_start)
{
	struct iobmd_address_segment segment;
	struct iobmd_mapping *mapping;
	uint64_t length;

	ASSERT_EQ(0, iobmd_buffer_derive(self->buffer, IOBMD_DERIVE_F_WINDOW, self->page,
					 self->page + 7, &self->derived));
	EXPECT_EQ(0, iobmd_buffer_get_length(self->derived, &length));
	EXPECT_EQ(self->page + 7, length);
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->derived, 0, &segment));
	EXPECT_EQ(self->page + 7, segment.length);
	EXPECT_EQ(-1, check_pattern(segment.address, self->page, segment.length, 1));
	ASSERT_EQ(0, iobmd_mapping_create(self->derived, 0, NULL, 5, 0, &mapping));
	EXPECT_EQ(self->page + 2, iobmd_mapping_length(mapping));
	EXPECT_EQ(-1, check_pattern(iobmd_mapping_address(mapping), self->page + 5,
				    self->page + 2, 1));
	iobmd_mapping_free(mapping);
	EXPECT_EQ(-EINVAL, iobmd_mapping_create(self->derived, 0, NULL, 0, self->page + 8,
						&mapping));
	EXPECT_EQ(-EBUSY, iobmd_buffer_resize(self->buffer, self->page));
	EXPECT_EQ(-EACCES, iobmd_buffer_resize(self->derived, self->page));
}

TEST_F(less, derive_that_fails_says_why_and_leaves_the_handle_alone)
{
	struct iobmd_buffer *derived = MARKER;

	EXPECT_EQ(-EINVAL, iobmd_buffer_derive(self->buffer, 1u << 31, 0, 0, &derived));
	EXPECT_EQ(-EINVAL, iobmd_buffer_derive(self->buffer, 0, 0, 1, &derived));
	EXPECT_EQ(-EINVAL, iobmd_buffer_derive(self->buffer, IOBMD_DERIVE_F_WINDOW, 1, 1,
					       &derived));
	EXPECT_EQ(-EINVAL, iobmd_buffer_derive(self->buffer, IOBMD_DERIVE_F_WINDOW, 0,
					       self->size + 1, &derived));
	EXPECT_EQ(MARKER, derived);
}

TEST_F(less, hold_lets_nobody_shrink)
{
	ASSERT_EQ(0, iobmd_buffer_derive(self->buffer, IOBMD_DERIVE_F_HOLD, 0, 0, &self->derived));
	EXPECT_EQ(-EBUSY, iobmd_buffer_resize(self->buffer, 1));
	iobmd_buffer_free(self->derived);
	self->derived = NULL;
	EXPECT_EQ(0, iobmd_buffer_resize(self->buffer, 1));
}

TEST_F(less, derived_handle_goes_through_a_socket)
{
	struct iobmd_buffer *received;
	struct iobmd_buffer_info info;
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(0, iobmd_buffer_derive(self->buffer,
					 IOBMD_DERIVE_F_WINDOW | IOBMD_DERIVE_F_READ_ONLY, 0, 1,
					 &self->derived));
	ASSERT_EQ(0, iobmd_buffer_send(self->derived, sockets[0]));
	ASSERT_EQ(0, iobmd_buffer_receive(sockets[1], &received));
	EXPECT_EQ(0, iobmd_buffer_get_info(received, &info, sizeof(info)));
	EXPECT_EQ(1, info.length);
	EXPECT_EQ(IOBMD_RIGHT_READ, info.rights);
	iobmd_buffer_free(received);
	close(sockets[0]);
	close(sockets[1]);
}

TEST_F(less, seals_say_why_they_fail)
{
	struct iobmd_buffer_info info;

	EXPECT_EQ(-EINVAL, iobmd_buffer_seal(self->buffer, 1u << 31));
	EXPECT_EQ(-EBUSY, iobmd_buffer_seal(self->buffer, IOBMD_SEAL_WRITE));
	EXPECT_EQ(0, iobmd_buffer_seal(self->buffer, IOBMD_SEAL_GROW | IOBMD_SEAL_SEAL));
	EXPECT_EQ(-EPERM, iobmd_buffer_seal(self->buffer, IOBMD_SEAL_SHRINK));
	EXPECT_EQ(-EBUSY, iobmd_buffer_resize(self->buffer, 2 * self->size));
	EXPECT_EQ(0, iobmd_buffer_get_info(self->buffer, &info, sizeof(info)));
	EXPECT_EQ(IOBMD_SEAL_GROW | IOBMD_SEAL_SEAL, info.seals);
}

TEST_F(less, export_is_a_dma_buf_that_outlives_the_handle)
{
	int dmabuf = iobmd_buffer_export(self->buffer, 0, self->page, 0);
	uint8_t *map;

	ASSERT_LE(0, dmabuf);
	EXPECT_EQ(FD_CLOEXEC, fcntl(dmabuf, F_GETFD));
	iobmd_buffer_free(self->buffer);
	self->buffer = NULL;
	EXPECT_EQ(3 * self->page, lseek(dmabuf, 0, SEEK_END));
	map = mmap(NULL, 3 * self->page, PROT_READ, MAP_SHARED, dmabuf, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, self->page, self->size - self->page, 1));
	munmap(map, 3 * self->page);
	close(dmabuf);
	self->next_fd = next_fd();
}

TEST_F(less, export_says_why_it_fails)
{
	EXPECT_EQ(-EINVAL, iobmd_buffer_export(self->buffer, 1u << 31, 0, 0));
	EXPECT_EQ(-EINVAL, iobmd_buffer_export(self->buffer, 0, 1, 0));
	EXPECT_EQ(-EINVAL, iobmd_buffer_export(self->buffer, 0, 0, self->size + 1));
}

TEST_F(less, sync_says_whether_the_machine_needs_it)
{
	const uint32_t both = IOBMD_DIRECTION_IN | IOBMD_DIRECTION_OUT;
	uint32_t flags = 0xcccccccc;

	EXPECT_EQ(-EINVAL, iobmd_buffer_sync(self->buffer, 0, 0, 0, &flags));
	EXPECT_EQ(-EINVAL, iobmd_buffer_sync(self->buffer, 0, self->size + 1, both, &flags));
	EXPECT_EQ(0xcccccccc, flags);
	EXPECT_EQ(0, iobmd_buffer_sync(self->buffer, 3, 5, both, &flags));
	EXPECT_EQ(IOBMD_SYNC_F_NOOP, flags);
	EXPECT_EQ(0, iobmd_buffer_sync(self->buffer, 0, 0, IOBMD_DIRECTION_OUT, NULL));
}

TEST_HARNESS_MAIN
