// SPDX-License-Identifier: GPL-2.0
/* libiobmd: handles of buffers. */
#include "library.h"

#include <sys/socket.h>

TEST(free_accepts_null)
{
	iobmd_buffer_free(NULL);
	iobmd_mapping_free(NULL);
}

TEST(create_passes_each_argument)
{
	struct iobmd_buffer_info info;
	struct iobmd_buffer *buffer;
	int device = iobmd_device_open();

	ASSERT_LE(0, device);
	ASSERT_EQ(0, iobmd_buffer_create(device, 12345, 64 * KIB, IOBMD_DIRECTION_IN, &buffer));
	memset(&info, 0xcc, sizeof(info));
	EXPECT_EQ(0, iobmd_buffer_get_info(buffer, &info, sizeof(info)));
	EXPECT_EQ(12345, info.capacity);
	EXPECT_EQ(12345, info.length);
	EXPECT_EQ(64 * KIB, info.alignment);
	EXPECT_EQ(IOBMD_DIRECTION_IN, info.direction);
	iobmd_buffer_free(buffer);
	close(device);
}

TEST(create_with_passes_what_create_cannot)
{
	struct iobmd_buffer_options options = {
		.capacity = 4 * MIB, .huge = IOBMD_HUGE_NONE, .alignment = 64 * KIB,
		.direction = IOBMD_DIRECTION_OUT, .flags = IOBMD_CREATE_F_NODE, .node = 0,
	};
	struct iobmd_buffer_info info;
	struct iobmd_buffer *buffer;
	int device = iobmd_device_open();

	ASSERT_EQ(0, iobmd_buffer_create_with(device, &options, sizeof(options), &buffer));
	EXPECT_EQ(0, iobmd_buffer_get_info(buffer, &info, sizeof(info)));
	EXPECT_EQ(4 * MIB, info.capacity);
	EXPECT_EQ(64 * KIB, info.alignment);
	EXPECT_EQ(IOBMD_DIRECTION_OUT, info.direction);
	EXPECT_EQ(0, info.node);
	EXPECT_EQ(IOBMD_HUGE_NONE, info.huge);
	EXPECT_EQ(0, info.huge_bytes);
	iobmd_buffer_free(buffer);
	close(device);
}

TEST(create_that_fails_says_why_and_leaves_the_handle_alone)
{
	int device = iobmd_device_open(), null = open("/dev/null", O_RDWR);
	struct iobmd_buffer *buffer = MARKER;
	int fds = open_fds();

	EXPECT_EQ(-EBADF, iobmd_buffer_create(-1, 1, 0, 0, &buffer));
	EXPECT_EQ(-ENOTTY, iobmd_buffer_create(null, 1, 0, 0, &buffer));
	EXPECT_EQ(-EINVAL, iobmd_buffer_create(device, 0, 0, 0, &buffer));
	EXPECT_EQ(-EINVAL, iobmd_buffer_create(device, 1, 3, 0, &buffer));
	EXPECT_EQ(-EINVAL, iobmd_buffer_create(device, 1, 0, 4, &buffer));
	EXPECT_EQ(-EFBIG, iobmd_buffer_create(device, 1ull << 62, 0, 0, &buffer));
	EXPECT_EQ(MARKER, buffer);
	EXPECT_EQ(fds, open_fds());
	close(null);
	close(device);
}

TEST(descriptors_are_close_on_exec)
{
	struct iobmd_buffer *buffer = create_buffer(1);
	int device = iobmd_device_open();

	EXPECT_EQ(FD_CLOEXEC, fcntl(device, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(iobmd_buffer_fd(buffer), F_GETFD));
	iobmd_buffer_free(buffer);
	close(device);
}

TEST(create_and_free_a_hundred_times_leaves_nothing)
{
	int fds = open_fds();

	for (int i = 0; i < 100; i++) {
		struct iobmd_buffer *buffer = create_buffer(page_size());

		ASSERT_NE(NULL, buffer);
		ASSERT_NE(MARKER, buffer_address(buffer));
		iobmd_buffer_free(buffer);
	}
	EXPECT_EQ(fds, open_fds());
}

TEST_F(library, from_fd_takes_the_descriptor_over)
{
	int fd = dup(iobmd_buffer_fd(self->buffer));
	struct iobmd_buffer *twin;

	ASSERT_EQ(0, iobmd_buffer_from_fd(fd, &twin));
	EXPECT_EQ(fd, iobmd_buffer_fd(twin));
	EXPECT_EQ(self->id, buffer_id(twin));
	iobmd_buffer_free(twin);
	EXPECT_ERRNO(EBADF, fcntl(fd, F_GETFD));
}

TEST_F(library, from_fd_refuses_other_files_and_leaves_them_open)
{
	int fds[] = { open("/dev/null", O_RDWR), iobmd_device_open(), event_create(),
		      socket(AF_INET, SOCK_DGRAM, 0), open("/dev/urandom", O_RDONLY) };
	struct iobmd_buffer *buffer = MARKER;

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		EXPECT_EQ(-ENOTTY, iobmd_buffer_from_fd(fds[i], &buffer));
		EXPECT_EQ(0, close(fds[i]));
	}
	EXPECT_EQ(-EBADF, iobmd_buffer_from_fd(-1, &buffer));
	EXPECT_EQ(MARKER, buffer);
}

TEST_F(library, length_and_capacity_are_exact)
{
	struct iobmd_buffer_info info;
	uint64_t length;

	EXPECT_EQ(0, iobmd_buffer_set_length(self->buffer, 7));
	EXPECT_EQ(0, iobmd_buffer_get_length(self->buffer, &length));
	EXPECT_EQ(7, length);
	EXPECT_EQ(-EINVAL, iobmd_buffer_set_length(self->buffer, self->size + 1));
	EXPECT_EQ(0, iobmd_buffer_resize(self->buffer, self->size + 1));
	EXPECT_EQ(0, iobmd_buffer_get_info(self->buffer, &info, sizeof(info)));
	EXPECT_EQ(self->size + 1, info.capacity);
	EXPECT_EQ(self->size + 1, info.length);
	EXPECT_EQ(-EINVAL, iobmd_buffer_resize(self->buffer, 0));
	EXPECT_EQ(-EFBIG, iobmd_buffer_resize(self->buffer, 1ull << 62));
}

TEST_F(library, name_of_up_to_31_bytes_is_set_and_taken_away)
{
	const char *longest = "0123456789012345678901234567890";
	char too_long[33] = "", value[64];
	int fd = iobmd_buffer_fd(self->buffer);

	EXPECT_EQ(0, iobmd_buffer_set_name(self->buffer, longest));
	EXPECT_TRUE(fdinfo_get(fd, "name", value));
	EXPECT_STREQ(longest, value);
	memset(too_long, 'x', 32);
	EXPECT_EQ(-EINVAL, iobmd_buffer_set_name(self->buffer, too_long));
	EXPECT_EQ(-EINVAL, iobmd_buffer_set_name(self->buffer, "a\n"));
	EXPECT_TRUE(fdinfo_get(fd, "name", value));
	EXPECT_STREQ(longest, value);
	EXPECT_EQ(0, iobmd_buffer_set_name(self->buffer, NULL));
	EXPECT_TRUE(fdinfo_get(fd, "name", value));
	EXPECT_STREQ("", value);
}

TEST_F(library, what_fails_writes_nothing)
{
	struct iobmd_address_segment segment;
	struct iobmd_mapping *mapping = MARKER;
	struct iobmd_buffer_info info;
	uint64_t length;

	memset(&segment, 0xcc, sizeof(segment));
	memset(&info, 0xcc, sizeof(info));
	memset(&length, 0xcc, sizeof(length));
	close(iobmd_buffer_fd(self->buffer));
	EXPECT_EQ(-EBADF, iobmd_buffer_get_address_range(self->buffer, 0, &segment));
	EXPECT_EQ(-EBADF, iobmd_buffer_get_info(self->buffer, &info, sizeof(info)));
	EXPECT_EQ(-EBADF, iobmd_buffer_get_length(self->buffer, &length));
	EXPECT_EQ(-EBADF, iobmd_mapping_create(self->buffer, 0, NULL, 0, 0, &mapping));
	EXPECT_EQ(-EBADF, iobmd_buffer_set_length(self->buffer, 1));
	EXPECT_EQ(-EBADF, iobmd_buffer_resize(self->buffer, 1));
	EXPECT_EQ(-EBADF, iobmd_buffer_set_name(self->buffer, ""));
	EXPECT_EQ(-1, check_bytes(&segment, sizeof(segment), 0xcc));
	EXPECT_EQ(-1, check_bytes(&info, sizeof(info), 0xcc));
	EXPECT_EQ(-1, check_bytes(&length, sizeof(length), 0xcc));
	EXPECT_EQ(MARKER, mapping);
}

TEST_HARNESS_MAIN
