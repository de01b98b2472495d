// SPDX-License-Identifier: GPL-2.0
/* libiobmd: handles of composites. */
#include "library.h"

#include <sys/socket.h>

FIXTURE(library_compose)
{
	uint64_t page;
	int device;
	struct iobmd_buffer *first;	/* three pages, the pattern of seed 1 */
	struct iobmd_buffer *second;	/* two pages and a bit, the pattern of seed 2 */
	struct iobmd_buffer *composite;
	int next_fd;
};

static struct iobmd_buffer *create_filled(uint64_t size, uint8_t seed)
{
	struct iobmd_buffer *buffer = create_buffer(size);

	if (buffer)
		fill_pattern(buffer_address(buffer), 0, size, seed);
	return buffer;
}

FIXTURE_SETUP(library_compose)
{
	self->page = page_size();
	self->device = iobmd_device_open();
	ASSERT_LE(0, self->device);
	self->first = create_filled(3 * self->page, 1);
	self->second = create_filled(2 * self->page + 100, 2);
	ASSERT_TRUE(self->first && self->second);
	self->composite = NULL;
	self->next_fd = next_fd();
}

/* Nothing is left behind but what has a handle. */
FIXTURE_TEARDOWN(library_compose)
{
	iobmd_buffer_free(self->composite);
	EXPECT_EQ(self->next_fd, next_fd());
	iobmd_buffer_free(self->first);
	iobmd_buffer_free(self->second);
}

#define library_part(_buffer, _offset, _length)				\
	((struct iobmd_part){						\
		.buffer = (_buffer), .offset = (_offset), .length = (_length), \
	})

TEST_F(library_compose, composite_is_a_handle_like_any_other)
{
	const struct iobmd_part parts[] = {
		library_part(self->first, self->page, self->page), library_part(self->second, 0, 0),
	};
	struct iobmd_address_segment segment;
	struct iobmd_mapping *mapping;
	uint8_t *address;

	ASSERT_EQ(0, iobmd_buffer_compose(self->device, parts, 2, 0, &self->composite));
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->composite, 0, &segment));
	EXPECT_EQ(3 * self->page + 100, segment.length);
	address = segment.address;
	EXPECT_EQ(-1, check_pattern(address, self->page, self->page, 1));
	EXPECT_EQ(-1, check_pattern(address + self->page, 0, 2 * self->page + 100, 2));
	address[self->page] = 'x';
	EXPECT_EQ('x', buffer_address(self->second)[0]);
	ASSERT_EQ(0, iobmd_mapping_create(self->composite, IOBMD_MAPPING_GUARD, NULL,
					  self->page - 5, 20, &mapping));
	address = iobmd_mapping_address(mapping);
	EXPECT_EQ(-1, check_pattern(address, 2 * self->page - 5, 5, 1));
	EXPECT_EQ('x', address[5]);
	EXPECT_EQ(-1, check_pattern(address + 6, 1, 14, 2));
	iobmd_mapping_free(mapping);
}

TEST_F(library_compose, composite_outlives_the_handles_of_its_parts)
{
	const struct iobmd_part parts[] = {
		library_part(self->second, self->page, self->page), library_part(self->first, 0, 0),
	};
	uint64_t id = buffer_id(self->second);
	uint8_t *address;

	ASSERT_EQ(0, iobmd_buffer_compose(self->device, parts, 2, IOBMD_COMPOSE_F_READ_ONLY,
					  &self->composite));
	EXPECT_EQ(-EBUSY, iobmd_buffer_resize(self->first, self->page));
	iobmd_buffer_free(self->second);
	self->second = NULL;
	address = buffer_address(self->composite);
	EXPECT_EQ(-1, check_pattern(address, self->page, self->page, 2));
	EXPECT_EQ(-1, check_pattern(address + self->page, 0, 3 * self->page, 1));
	EXPECT_EQ(SIGSEGV, faults(address, true));
	iobmd_buffer_free(self->composite);
	self->composite = NULL;
	EXPECT_EQ(0, buffer_listed(id));
	EXPECT_EQ(0, iobmd_buffer_resize(self->first, self->page));
	self->next_fd = next_fd();
}

TEST_F(library_compose, composite_goes_through_a_socket)
{
	const struct iobmd_part parts[] = {
		library_part(self->first, 0, self->page), library_part(self->second, 0, 7),
	};
	struct iobmd_buffer *received;
	int sockets[2];

	ASSERT_EQ(0, iobmd_buffer_compose(self->device, parts, 2, 0, &self->composite));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(0, iobmd_buffer_send(self->composite, sockets[0]));
	ASSERT_EQ(0, iobmd_buffer_receive(sockets[1], &received));
	EXPECT_EQ(buffer_id(self->composite), buffer_id(received));
	EXPECT_EQ(-1, check_pattern(buffer_address(received) + self->page, 0, 7, 2));
	iobmd_buffer_free(received);
	close(sockets[0]);
	close(sockets[1]);
}

/* On both sides of where the library takes memory for the kernel's array */
TEST_F(library_compose, parts_may_be_any_number_up_to_1024)
{
	const uint32_t counts[] = { 1, 2, 15, 16, 17, 18, 100, IOBMD_COMPOSE_MAX };
	struct iobmd_part parts[IOBMD_COMPOSE_MAX];
	uint64_t length;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i] = library_part(i % 3 ? self->first : self->second, i % 2 * self->page,
					self->page);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		uint64_t last = counts[i] - 1;
		uint8_t *address;

		ASSERT_EQ(0, iobmd_buffer_compose(self->device, parts, counts[i], 0,
						  &self->composite));
		EXPECT_EQ(0, iobmd_buffer_get_length(self->composite, &length));
		EXPECT_EQ(counts[i] * self->page, length);
		address = buffer_address(self->composite);
		EXPECT_EQ(-1, check_pattern(address, 0, self->page, 2));
		EXPECT_EQ(-1, check_pattern(address + last * self->page, last % 2 * self->page,
					    self->page, last % 3 ? 1 : 2));
		iobmd_buffer_free(self->composite);
		self->composite = NULL;
	}
}

/* As by a process that cannot open the device */
TEST_F(library_compose, any_buffer_stands_for_the_device)
{
	struct iobmd_part part = library_part(self->first, 0, self->page);
	int fd = iobmd_buffer_fd(self->second);
	struct iobmd_buffer_info info;

	ASSERT_EQ(0, iobmd_buffer_compose(fd, &part, 1, 0, &self->composite));
	ASSERT_EQ(0, iobmd_buffer_get_info(self->composite, &info, sizeof(info)));
	EXPECT_EQ(self->page, info.capacity);
}

TEST_F(library_compose, says_why_it_fails_and_leaves_the_handle_alone)
{
	struct iobmd_part parts[IOBMD_COMPOSE_MAX + 1];
	struct iobmd_buffer *composite = MARKER, *reader;
	int device = self->device, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i] = library_part(self->first, 0, self->page);
	EXPECT_EQ(-EBADF, iobmd_buffer_compose(-1, parts, 1, 0, &composite));
	EXPECT_EQ(-ENOTTY, iobmd_buffer_compose(null, parts, 1, 0, &composite));
	EXPECT_EQ(-EINVAL, iobmd_buffer_compose(device, parts, 0, 0, &composite));
	EXPECT_EQ(-EINVAL, iobmd_buffer_compose(device, parts, 1, 1u << 31, &composite));
	EXPECT_EQ(-EINVAL, iobmd_buffer_compose(device, parts, ARRAY_SIZE(parts), 0, &composite));
	EXPECT_EQ(-EINVAL, iobmd_buffer_compose(device, parts, UINT32_MAX, 0, &composite));
	parts[20].length = self->page + 1;
	EXPECT_EQ(-EINVAL, iobmd_buffer_compose(device, parts, 100, 0, &composite));
	parts[20] = library_part(self->first, self->page, 2 * self->page + 1);
	EXPECT_EQ(-EINVAL, iobmd_buffer_compose(device, parts, 21, 0, &composite));
	EXPECT_EQ(MARKER, composite);
	close(null);

	ASSERT_EQ(0, iobmd_buffer_derive(self->first, IOBMD_DERIVE_F_READ_ONLY, 0, 0, &reader));
	parts[1].buffer = reader;
	EXPECT_EQ(-EACCES, iobmd_buffer_compose(device, parts, 2, 0, &composite));
	EXPECT_EQ(MARKER, composite);
	EXPECT_EQ(0, iobmd_buffer_compose(device, parts, 2, IOBMD_COMPOSE_F_READ_ONLY,
					  &self->composite));
	iobmd_buffer_free(reader);
	iobmd_buffer_free(self->composite);
	self->composite = NULL;
	EXPECT_EQ(0, iobmd_buffer_resize(self->first, 1));
}

TEST_HARNESS_MAIN
