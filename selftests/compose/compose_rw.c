// SPDX-License-Identifier: GPL-2.0
/* read, write, lseek, splice, sendfile and EXPORT of a composite, across its edges. */
#include "composite_use.h"
#include "machine.h"
#include "pin.h"

#include <sys/sendfile.h>

/* What was written from @offset on, of seed 3, is there, and nothing else has changed. */
static void expect_written(struct __test_metadata *_metadata, FIXTURE_DATA(composite) *self,
			   uint64_t offset, uint64_t length)
{
	uint64_t end = offset + length;
	uint8_t *data = malloc(self->length);

	ASSERT_EQ(self->length, pread(self->fd, data, self->length, 0));
	EXPECT_EQ(-1, composite_differs(data, 0, offset));
	EXPECT_EQ(-1, check_pattern(data + offset, offset, length, 3));
	EXPECT_EQ(-1, composite_differs(data + end, end, self->length - end));
	EXPECT_SHOWS(self->a.map, self->a, 0, self->start);
	free(data);
}

TEST_F(composite, pread_goes_over_edges)
{
	const uint64_t edge = self->edge, page = self->page;
	const struct {
		uint64_t offset, length;
	} ranges[] = {
		{ 0, self->length }, { edge - 5, 10 }, { edge - 1, 2 }, { edge, 1 },
		{ edge - 1, 1 }, { page - 1, 2 * page }, { edge - page - 3, 3 * page },
		{ self->length - 9, 9 }, { 3 * page - 1, 2 }, { 1, self->length - 1 },
	};
	uint8_t *data = malloc(self->length);

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		uint64_t length = ranges[i].length;

		memset(data, 0xcc, length);
		ASSERT_EQ(length, pread(self->fd, data, length, ranges[i].offset));
		EXPECT_EQ(-1, composite_differs(data, ranges[i].offset, length));
	}
	free(data);
}

TEST_F(composite, pwrite_goes_over_edges)
{
	const uint64_t offset = self->edge - self->page - 7, length = 3 * self->page;
	uint8_t *data = malloc(length);

	fill_pattern(data, offset, length, 3);
	ASSERT_EQ(length, pwrite(self->fd, data, length, offset));
	EXPECT_EQ(-1, check_pattern(self->a.map + self->a.size - self->page - 7, offset,
				    self->page + 7, 3));
	EXPECT_EQ(-1, check_pattern(self->b.map, self->edge, 2 * self->page - 7, 3));
	expect_written(_metadata, self, offset, length);
	free(data);
}

TEST_F(composite, ends_where_the_last_part_does)
{
	const uint64_t length = self->length;
	uint8_t data[100];

	ASSERT_EQ(9, pread(self->fd, data, 100, length - 9));
	EXPECT_EQ(-1, composite_differs(data, length - 9, 9));
	EXPECT_EQ(0, pread(self->fd, data, 1, length));
	EXPECT_EQ(0, pread(self->fd, data, 1, self->whole));
	EXPECT_EQ(0, pread(self->fd, data, 1, INT64_MAX - 1));
	EXPECT_ERRNO(EINVAL, pread(self->fd, data, 1, -1));
	fill_pattern(data, length - 9, 9, 3);
	ASSERT_EQ(9, pwrite(self->fd, data, 100, length - 9));
	EXPECT_ERRNO(ENOSPC, pwrite(self->fd, data, 1, length));
	EXPECT_ERRNO(ENOSPC, pwrite(self->fd, data, 1, self->whole));
	expect_written(_metadata, self, length - 9, 9);
}

TEST_F(composite, position_moves_over_edges)
{
	uint8_t data[20];

	EXPECT_EQ(self->length, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(0, read(self->fd, data, 1));
	EXPECT_EQ(self->edge - 10, lseek(self->fd, self->edge - 10, SEEK_SET));
	ASSERT_EQ(20, read(self->fd, data, 20));
	EXPECT_EQ(-1, composite_differs(data, self->edge - 10, 20));
	EXPECT_EQ(self->edge + 10, lseek(self->fd, 0, SEEK_CUR));
	fill_pattern(data, self->edge + 10, 20, 3);
	ASSERT_EQ(20, write(self->fd, data, 20));
	EXPECT_EQ(self->edge + 30, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_ERRNO(EINVAL, lseek(self->fd, self->length + 1, SEEK_SET));
	expect_written(_metadata, self, self->edge + 10, 20);
}

TEST_F(composite, splice_moves_pages_of_all_parts)
{
	uint8_t *data = malloc(self->length);
	uint64_t done = 0;
	int pipe[2];
	ssize_t n;

	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC | O_NONBLOCK));
	while ((n = splice(self->fd, NULL, pipe[1], NULL, self->length, 0)) > 0) {
		ASSERT_EQ(n, read(pipe[0], data + done, n));
		done += n;
	}
	EXPECT_EQ(0, n);
	EXPECT_EQ(self->length, done);
	EXPECT_EQ(-1, composite_differs(data, 0, self->length));
	free(data);
}

TEST_F(composite, spliced_pages_are_in_use)
{
	off_t at = self->edge - self->page;
	uint8_t *data = malloc(self->whole);
	int pipe[2];

	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC | O_NONBLOCK));
	ASSERT_EQ(3 * self->page, splice(self->fd, &at, pipe[1], NULL, 3 * self->page, 0));
	close(self->fd);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->a.fd, 1));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->b.fd, 1));
	/* Without a copy: what is written now is what comes out */
	memset(self->b.map, 0xee, 2 * self->page);
	ASSERT_EQ(3 * self->page, read(pipe[0], data, self->whole));
	EXPECT_EQ(-1, composite_differs(data, self->edge - self->page, self->page));
	EXPECT_EQ(-1, check_bytes(data + self->page, 2 * self->page, 0xee));
	EXPECT_EQ(0, iobmd_resize(self->a.fd, 1));
	EXPECT_EQ(0, iobmd_resize(self->b.fd, 1));
	free(data);
}

TEST_F(composite, sendfile_to_and_from_a_file)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	uint8_t *data = malloc(self->length);
	off_t at = 0;

	ASSERT_EQ(self->length, sendfile(file, self->fd, &at, 2 * self->length));
	ASSERT_EQ(self->length, pread(file, data, self->length, 0));
	EXPECT_EQ(-1, composite_differs(data, 0, self->length));
	fill_pattern(data, 0, self->length, 3);
	ASSERT_EQ(self->length, pwrite(file, data, self->length, 0));
	at = 0;
	ASSERT_EQ(self->length, sendfile(self->fd, file, &at, self->length));
	expect_written(_metadata, self, 0, self->length);
	free(data);
}

TEST_F(composite, copies_from_one_part_to_another)
{
	const uint64_t edge = self->edge, page = self->page;
	off_t from = edge + 7, to = 0;
	ssize_t n = 1;

	while (n > 0 && to < (off_t)page)
		n = copy_file_range(self->fd, &from, self->fd, &to, page - to, 0);
	EXPECT_LT(0, n);
	EXPECT_SHOWS(self->a.map + self->start, self->b, 7, page);
	EXPECT_SHOWS(self->a.map + self->start + page, self->a, self->start + page, 4 * page);
}

TEST_F(composite, export_is_mapped_as_one)
{
	int dmabuf = iobmd_export(self->fd, 0, 0, 0);
	uint8_t *map;

	ASSERT_LE(0, dmabuf);
	EXPECT_EQ(self->whole, lseek(dmabuf, 0, SEEK_END));
	map = mmap(NULL, self->whole, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, composite_differs(map, 0, self->length));
	EXPECT_EQ(page_frame(self->b.map + self->page), page_frame(map + self->edge + self->page));
	fill_pattern(map + self->edge - 10, self->edge - 10, 20, 3);
	expect_written(_metadata, self, self->edge - 10, 20);
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, self->whole + 1, PROT_READ, MAP_SHARED, dmabuf, 0));
	EXPECT_MAP_ERRNO(EFAULT, mremap(map, self->whole, 2 * self->whole, MREMAP_MAYMOVE));
}

TEST_F(composite, export_of_a_range_shows_that)
{
	const uint64_t page = self->page, offset = self->edge - 2 * page, length = 4 * page;
	int dmabuf = iobmd_export(self->fd, 0, offset, length - 9);
	uint8_t *map;

	ASSERT_LE(0, dmabuf);
	EXPECT_EQ(length, lseek(dmabuf, 0, SEEK_END));
	map = mmap(NULL, length, PROT_READ, MAP_SHARED, dmabuf, 0);
	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, composite_differs(map, offset, length));
	EXPECT_ERRNO(EINVAL, iobmd_export(self->fd, 0, 0, self->length + 1));
	EXPECT_ERRNO(EINVAL, iobmd_export(self->fd, 0, self->whole, 0));
	EXPECT_ERRNO(EINVAL, iobmd_export(self->fd, 0, 1, 1));
	EXPECT_ERRNO(EINVAL, iobmd_export(self->fd, 0, page, UINT64_MAX));
}

TEST_F(composite, export_keeps_all_parts)
{
	int dmabuf = iobmd_export(self->fd, 0, self->edge, self->page);
	uint64_t id = IOBMD_INFO(self->b.fd, id);
	uint8_t *map;

	close(self->fd);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->b.fd, 1));
	EXPECT_ERRNO(EBUSY, iobmd_seal(self->b.fd, IOBMD_SEAL_WRITE));
	member_drop(&self->b);
	map = mmap(NULL, self->page, PROT_READ, MAP_SHARED, dmabuf, 0);
	ASSERT_NE(MAP_FAILED, (void *)map);
	close(dmabuf);
	EXPECT_SHOWS(map, self->b, 0, self->page);
	EXPECT_EQ(1, buffer_listed(id));
	munmap(map, self->page);
	AWAIT(!buffer_listed(id));
	EXPECT_EQ(0, iobmd_resize(self->a.fd, 1));
}

TEST_F(composite, export_mapping_takes_a_disks_data)
{
	int disk = disk_open(0), direct = disk_open(O_DIRECT);
	int dmabuf = iobmd_export(self->fd, 0, 0, 0);
	uint8_t *map = mmap(NULL, self->whole, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	uint8_t *data = malloc(self->whole);

	ASSERT_LE(0, disk);
	fill_pattern(data, 0, self->whole, 3);
	ASSERT_EQ(self->whole, pwrite(disk, data, self->whole, 0));
	ASSERT_EQ(0, fsync(disk));
	ASSERT_EQ(self->whole, pread(direct, map, self->whole, 0));
	expect_written(_metadata, self, 0, self->length);
	free(data);
}

TEST_HARNESS_MAIN
