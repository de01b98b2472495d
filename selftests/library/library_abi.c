// SPDX-License-Identifier: GPL-2.0
/* libiobmd: programs built against an older and a newer header, versions, hints. */
#include "library.h"

#include <sys/socket.h>

/* What a program has that knows fields which this library does not. */
struct newer_info {
	struct iobmd_buffer_info known;
	uint64_t unknown[2];
};

struct newer_options {
	struct iobmd_buffer_options known;
	uint64_t unknown;
};

TEST_F(library, info_of_an_older_program_is_not_written_beyond)
{
	struct iobmd_buffer_info all, info;
	uint8_t *bytes = (uint8_t *)&info;

	ASSERT_EQ(0, iobmd_buffer_get_info(self->buffer, &all, sizeof(all)));
	for (size_t size = 0; size <= sizeof(info); size += 4) {
		memset(&info, 0xcc, sizeof(info));
		EXPECT_EQ(0, iobmd_buffer_get_info(self->buffer, &info, size));
		EXPECT_EQ(0, memcmp(&all, &info, size));
		EXPECT_EQ(-1, check_bytes(bytes + size, sizeof(info) - size, 0xcc));
	}
}

TEST_F(library, info_of_a_newer_program_is_zero_where_nothing_is_known)
{
	struct newer_info info;

	memset(&info, 0xcc, sizeof(info));
	EXPECT_EQ(0, iobmd_buffer_get_info(self->buffer, &info.known, sizeof(info)));
	EXPECT_EQ(self->size, info.known.capacity);
	EXPECT_EQ(0, info.known.reserved);
	EXPECT_EQ(-1, check_bytes(info.unknown, sizeof(info.unknown), 0));
}

TEST_F(library, info_is_what_the_module_says)
{
	struct iobmd_buffer_info info;
	struct iobmd_get_info raw;

	ASSERT_EQ(0, iobmd_buffer_seal(self->buffer, IOBMD_SEAL_GROW));
	ASSERT_EQ(0, iobmd_buffer_set_length(self->buffer, 5));
	ASSERT_EQ(0, iobmd_get_info(iobmd_buffer_fd(self->buffer), &raw));
	ASSERT_EQ(0, iobmd_buffer_get_info(self->buffer, &info, sizeof(info)));
	EXPECT_EQ(raw.id, info.id);
	EXPECT_EQ(raw.capacity, info.capacity);
	EXPECT_EQ(5, info.length);
	EXPECT_EQ(raw.allocated, info.allocated);
	EXPECT_EQ(raw.huge_bytes, info.huge_bytes);
	EXPECT_EQ(raw.alignment, info.alignment);
	EXPECT_EQ(raw.direction, info.direction);
	EXPECT_EQ(raw.huge, info.huge);
	EXPECT_EQ(raw.rights, info.rights);
	EXPECT_EQ(raw.node, info.node);
	EXPECT_EQ(page_size(), info.page_size);
	EXPECT_EQ(raw.huge_page_size, info.huge_page_size);
	EXPECT_EQ(IOBMD_SEAL_GROW, info.seals);
}

TEST(options_of_a_newer_program_are_refused_unless_zero)
{
	struct newer_options options = { .known = { .capacity = 1 } };
	struct iobmd_buffer *buffer = MARKER;
	int device = iobmd_device_open();

	options.unknown = 1ull << 56;
	EXPECT_EQ(-E2BIG, iobmd_buffer_create_with(device, &options.known, sizeof(options),
						   &buffer));
	EXPECT_EQ(-EINVAL, iobmd_buffer_create_with(device, &options.known,
						    sizeof(options.known) - 1, &buffer));
	EXPECT_EQ(MARKER, buffer);
	options.unknown = 0;
	ASSERT_EQ(0, iobmd_buffer_create_with(device, &options.known, sizeof(options), &buffer));
	iobmd_buffer_free(buffer);
	close(device);
}

TEST_F(library, part_with_something_reserved_is_refused)
{
	struct iobmd_part part = { .buffer = self->buffer };
	struct iobmd_buffer *composite = MARKER;
	int fd = iobmd_buffer_fd(self->buffer);

	for (int i = 0; i < 2; i++) {
		part.reserved[i] = 1;
		EXPECT_EQ(-EINVAL, iobmd_buffer_compose(fd, &part, 1, 0, &composite));
		part.reserved[i] = 0;
	}
	EXPECT_EQ(MARKER, composite);
	ASSERT_EQ(0, iobmd_buffer_compose(fd, &part, 1, 0, &composite));
	iobmd_buffer_free(composite);
}

TEST_F(library, segment_is_written_as_a_whole)
{
	struct iobmd_address_segment segment;

	memset(&segment, 0xcc, sizeof(segment));
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, 0, &segment));
	EXPECT_EQ(0, segment.flags);
	EXPECT_EQ(-1, check_bytes(segment.reserved, sizeof(segment.reserved), 0));
}

TEST(flags_have_one_value_for_one_meaning)
{
	EXPECT_EQ((int)IOBMD_MAP_F_FIXED, (int)IOBMD_MAPPING_FIXED);
	EXPECT_EQ((int)IOBMD_MAP_F_READ_ONLY, (int)IOBMD_MAPPING_READ_ONLY);
	EXPECT_EQ((int)IOBMD_MAP_F_PREFAULT, (int)IOBMD_MAPPING_PREFAULT);
}

TEST(version_is_that_of_the_header)
{
	EXPECT_EQ(LIBIOBMD_VERSION, iobmd_version());
	EXPECT_EQ(LIBIOBMD_VERSION_MAJOR, iobmd_version() >> 16);
}

TEST(hint_says_what_to_do_or_nothing)
{
	EXPECT_NE(NULL, strstr(iobmd_error_hint(-ENOENT), "modprobe iobmd"));
	EXPECT_NE(NULL, strstr(iobmd_error_hint(EDQUOT), "max_user_mib"));
	EXPECT_NE(NULL, strstr(iobmd_error_hint(-EFBIG), "max_buffer_mib"));
	EXPECT_STREQ("", iobmd_error_hint(0));
	EXPECT_STREQ("", iobmd_error_hint(INT_MIN));
	EXPECT_STREQ("", iobmd_error_hint(-EILSEQ));
}

TEST_F(library, into_fd_leaves_the_descriptor_and_nothing_else)
{
	struct iobmd_buffer *twin = duplicate(self->buffer);
	int fd = iobmd_buffer_fd(twin);

	ASSERT_NE(MARKER, buffer_address(twin));
	EXPECT_EQ(fd, iobmd_buffer_into_fd(twin));
	EXPECT_EQ(0, count_mappings(self->id));
	EXPECT_EQ(self->id, IOBMD_INFO(fd, id));
	close(fd);
}

TEST_HARNESS_MAIN
