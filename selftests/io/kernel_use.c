// SPDX-License-Identifier: GPL-2.0
/* A disk's data goes to and from a buffer itself: O_DIRECT and io_uring. */
#include "machine.h"
#include "pin.h"

#include <liburing.h>
#include <sys/mman.h>

FIXTURE(disk)
{
	uint64_t size;
	int buffered;
	int direct;
	int fd;
	uint8_t *map;
};

FIXTURE_VARIANT(disk)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(disk, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(disk, huge) { .huge = IOBMD_HUGE_PREFER };

static int disk_fill(int disk, uint64_t size, uint8_t seed)
{
	uint8_t *data = malloc(size);
	ssize_t written;

	fill_pattern(data, 0, size, seed);
	written = pwrite(disk, data, size, 0);
	free(data);
	return written == (ssize_t)size ? fsync(disk) : -1;
}

/* Where the disk, read the ordinary way, differs first; -1 nowhere */
static ssize_t disk_differs(int disk, uint64_t at, uint64_t size, uint8_t seed)
{
	uint8_t *data = malloc(size);
	ssize_t differs = -2;

	if (pread(disk, data, size, at) == (ssize_t)size)
		differs = check_pattern(data, at, size, seed);
	free(data);
	return differs;
}

/* Over the edge of the second huge page; the disk holds pattern 1. */
FIXTURE_SETUP(disk)
{
	self->size = huge_page_size() + 3 * page_size();
	self->buffered = disk_open(0);
	ASSERT_LE(0, self->buffered) {
		TH_LOG("no scratch disk of %llu bytes", DISK_BYTES);
	}
	self->direct = disk_open(O_DIRECT);
	ASSERT_LE(0, self->direct);
	ASSERT_EQ(0, disk_fill(self->buffered, self->size, 1));
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
}

FIXTURE_TEARDOWN(disk)
{
	munmap(self->map, self->size);
	close(self->fd);
	close(self->direct);
	close(self->buffered);
}

TEST_F(disk, direct_read_fills_the_buffer)
{
	ASSERT_EQ(self->size, pread(self->direct, self->map, self->size, 0));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
}

TEST_F(disk, direct_read_into_pages_never_touched_shows_in_another_mapping)
{
	uint8_t *other = map_buffer(self->fd, PROT_READ);

	ASSERT_NE(MAP_FAILED, other);
	ASSERT_EQ(self->size, pread(self->direct, self->map, self->size, 0));
	EXPECT_EQ(-1, check_pattern(other, 0, self->size, 1));
	munmap(other, self->size);
}

TEST_F(disk, direct_read_of_a_part_leaves_the_rest)
{
	uint64_t from = page_size() - SECTOR, length = page_size() + 2 * SECTOR;

	memset(self->map, 0x5a, self->size);
	ASSERT_EQ(length, pread(self->direct, self->map + from, length, from));
	EXPECT_EQ(-1, check_bytes(self->map, from, 0x5a));
	EXPECT_EQ(-1, check_pattern(self->map + from, from, length, 1));
	EXPECT_EQ(-1, check_bytes(self->map + from + length, self->size - from - length, 0x5a));
}

TEST_F(disk, direct_write_takes_it_from_the_buffer)
{
	fill_pattern(self->map, 0, self->size, 2);
	ASSERT_EQ(self->size, pwrite(self->direct, self->map, self->size, 0));
	EXPECT_EQ(-1, disk_differs(self->buffered, 0, self->size, 2));
}

TEST_F(disk, direct_write_of_a_part_leaves_the_rest)
{
	uint64_t from = huge_page_size() - SECTOR;

	fill_pattern(self->map, 0, self->size, 3);
	ASSERT_EQ(2 * SECTOR, pwrite(self->direct, self->map + from, 2 * SECTOR, from));
	EXPECT_EQ(-1, disk_differs(self->buffered, 0, from, 1));
	EXPECT_EQ(-1, disk_differs(self->buffered, from, 2 * SECTOR, 3));
	EXPECT_EQ(-1, disk_differs(self->buffered, from + 2 * SECTOR,
				   self->size - from - 2 * SECTOR, 1));
}

TEST_F(disk, direct_io_works_after_the_descriptor_is_closed)
{
	ASSERT_EQ(0, close(self->fd));
	ASSERT_EQ(self->size, pread(self->direct, self->map, self->size, 0));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	fill_pattern(self->map, 0, self->size, 4);
	ASSERT_EQ(self->size, pwrite(self->direct, self->map, self->size, 0));
	EXPECT_EQ(-1, disk_differs(self->buffered, 0, self->size, 4));
}

TEST_F(disk, direct_read_into_a_read_only_mapping_is_refused)
{
	uint8_t *map = map_buffer(self->fd, PROT_READ);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_ERRNO(EFAULT, pread(self->direct, map, self->size, 0));
	EXPECT_EQ(-1, check_bytes(map, self->size, 0));
	ASSERT_EQ(self->size, pwrite(self->direct, map, self->size, 0));
	munmap(map, self->size);
}

TEST_F(disk, direct_io_lets_the_buffer_shrink_afterwards)
{
	ASSERT_EQ(self->size, pread(self->direct, self->map, self->size, 0));
	EXPECT_EQ(0, iobmd_resize(self->fd, page_size()));
	EXPECT_EQ(-1, check_pattern(self->map, 0, page_size(), 1));
}

TEST_F(disk, direct_io_beyond_a_new_end_is_refused)
{
	ASSERT_EQ(0, iobmd_resize(self->fd, page_size()));
	EXPECT_ERRNO(EFAULT, pread(self->direct, self->map + 2 * page_size(), SECTOR, 0));
	EXPECT_EQ(page_size(), pread(self->direct, self->map, page_size(), 0));
	EXPECT_EQ(-1, check_pattern(self->map, 0, page_size(), 1));
}

enum transfer { READ, WRITE, READ_FIXED, WRITE_FIXED };

/* One request from start to end: what it came to */
static int ring_transfer(struct io_uring *ring, FIXTURE_DATA(disk) *self,
			 enum transfer transfer)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int result;

	switch (transfer) {
	case READ:
		io_uring_prep_read(sqe, self->direct, self->map, self->size, 0);
		break;
	case WRITE:
		io_uring_prep_write(sqe, self->direct, self->map, self->size, 0);
		break;
	case READ_FIXED:
		io_uring_prep_read_fixed(sqe, self->direct, self->map, self->size, 0, 0);
		break;
	case WRITE_FIXED:
		io_uring_prep_write_fixed(sqe, self->direct, self->map, self->size, 0, 0);
		break;
	}
	result = io_uring_submit_and_wait(ring, 1);
	if (result < 0)
		return result;
	result = io_uring_peek_cqe(ring, &cqe);
	if (result < 0)
		return result;
	result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

static int ring_register(struct io_uring *ring, FIXTURE_DATA(disk) *self)
{
	struct iovec iov = { self->map, self->size };

	return io_uring_register_buffers(ring, &iov, 1);
}

TEST_F(disk, io_uring_reads_into_and_writes_from_the_buffer)
{
	struct io_uring ring;

	ASSERT_EQ(0, io_uring_queue_init(2, &ring, 0));
	ASSERT_EQ(self->size, ring_transfer(&ring, self, READ));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	fill_pattern(self->map, 0, self->size, 5);
	ASSERT_EQ(self->size, ring_transfer(&ring, self, WRITE));
	EXPECT_EQ(-1, disk_differs(self->buffered, 0, self->size, 5));
	io_uring_queue_exit(&ring);
}

TEST_F(disk, io_uring_reads_into_and_writes_from_a_registered_buffer)
{
	struct io_uring ring;

	ASSERT_EQ(0, io_uring_queue_init(2, &ring, 0));
	if (!kernel_registers_files()) {
		EXPECT_EQ(-EOPNOTSUPP, ring_register(&ring, self));
		io_uring_queue_exit(&ring);
		return;
	}
	ASSERT_EQ(0, ring_register(&ring, self));
	ASSERT_EQ(self->size, ring_transfer(&ring, self, READ_FIXED));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	fill_pattern(self->map, 0, self->size, 6);
	ASSERT_EQ(self->size, ring_transfer(&ring, self, WRITE_FIXED));
	EXPECT_EQ(-1, disk_differs(self->buffered, 0, self->size, 6));
	io_uring_queue_exit(&ring);
}

TEST_F(disk, registered_memory_outlives_the_buffer)
{
	uint64_t id = IOBMD_INFO(self->fd, id);
	struct io_uring ring;

	ASSERT_EQ(0, io_uring_queue_init(2, &ring, 0));
	if (!kernel_registers_files()) {
		EXPECT_EQ(-EOPNOTSUPP, ring_register(&ring, self));
		io_uring_queue_exit(&ring);
		return;
	}
	ASSERT_EQ(0, ring_register(&ring, self));
	fill_pattern(self->map, 0, self->size, 7);
	munmap(self->map, self->size);
	close(self->fd);
	EXPECT_EQ(0, buffer_listed(id));
	memory_tidy();
	ASSERT_EQ(self->size, ring_transfer(&ring, self, WRITE_FIXED));
	EXPECT_EQ(-1, disk_differs(self->buffered, 0, self->size, 7));
	io_uring_queue_exit(&ring);
}

TEST_HARNESS_MAIN
