// SPDX-License-Identifier: GPL-2.0
/* read, write, lseek, splice, sendfile and fstat on a descriptor. */
#include "machine.h"
#include "pin.h"

#include <sys/mman.h>
#include <sys/sendfile.h>

FIXTURE(rw)
{
	size_t page;
	uint64_t size;		/* a huge page, two pages and a bit */
	int fd;
	uint8_t *map;		/* all of it, filled with the pattern of seed 1 */
	uint8_t *data;		/* ordinary memory: a page more than that, then nothing */
	int pipe[2];
};

FIXTURE_VARIANT(rw)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(rw, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(rw, huge) { .huge = IOBMD_HUGE_PREFER };

/* Memory of @size bytes, with nothing behind it */
static uint8_t *guarded(uint64_t size)
{
	uint8_t *data = mmap(NULL, size + page_size(), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(data + size, page_size(), PROT_NONE);
	return data;
}

FIXTURE_SETUP(rw)
{
	self->page = page_size();
	self->size = huge_page_size() + 2 * self->page + 100;
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	fill_pattern(self->map, 0, self->size, 1);
	self->data = guarded(page_round(self->size) + self->page);
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK));
}

FIXTURE_TEARDOWN(rw)
{
}

TEST_F(rw, pread_reads_what_is_there)
{
	const uint64_t huge = huge_page_size();
	const uint64_t at[] = { 0, 1, self->page - 1, self->page, huge - 3, huge, self->size - 9 };

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		ASSERT_EQ(9, pread(self->fd, self->data, 9, at[i]));
		EXPECT_EQ(-1, check_pattern(self->data, at[i], 9, 1));
	}
	ASSERT_EQ(self->size, pread(self->fd, self->data, self->size, 0));
	EXPECT_EQ(-1, check_pattern(self->data, 0, self->size, 1));
}

TEST_F(rw, pwrite_writes_there_and_nowhere_else)
{
	const uint64_t huge = huge_page_size(), length = 2 * self->page;
	const uint64_t at = huge - self->page - 5;

	fill_pattern(self->data, at, length, 2);
	ASSERT_EQ(length, pwrite(self->fd, self->data, length, at));
	EXPECT_EQ(-1, check_pattern(self->map, 0, at, 1));
	EXPECT_EQ(-1, check_pattern(self->map + at, at, length, 2));
	EXPECT_EQ(-1, check_pattern(self->map + at + length, at + length,
				    self->size - at - length, 1));
	fill_pattern(self->data, 0, self->size, 3);
	ASSERT_EQ(self->size, pwrite(self->fd, self->data, self->size, 0));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 3));
}

TEST_F(rw, ends_short_at_the_end)
{
	memset(self->data, 0xee, self->page);
	ASSERT_EQ(10, pread(self->fd, self->data, 100, self->size - 10));
	EXPECT_EQ(-1, check_pattern(self->data, self->size - 10, 10, 1));
	EXPECT_EQ(-1, check_bytes(self->data + 10, 90, 0xee));
	EXPECT_EQ(0, pread(self->fd, self->data, 1, self->size));
	EXPECT_EQ(0, pread(self->fd, self->data, 1, page_round(self->size)));
	EXPECT_EQ(0, pread(self->fd, self->data, 1, INT64_MAX - 1));
	EXPECT_EQ(10, pwrite(self->fd, self->data, 100, self->size - 10));
	EXPECT_EQ(0, self->map[self->size]);
	EXPECT_ERRNO(ENOSPC, pwrite(self->fd, self->data, 1, self->size));
	EXPECT_ERRNO(ENOSPC, pwrite(self->fd, self->data, 1, INT64_MAX - 1));
	EXPECT_EQ(0, pwrite(self->fd, self->data, 0, self->size));
	EXPECT_EQ(0, pread(self->fd, self->data, 0, 0));
	EXPECT_ERRNO(EINVAL, pread(self->fd, self->data, 1, -1));
	EXPECT_ERRNO(EINVAL, pwrite(self->fd, self->data, 1, INT64_MIN));
	EXPECT_EQ(self->size, IOBMD_INFO(self->fd, length));
}

TEST_F(rw, goes_by_the_length)
{
	ASSERT_EQ(0, iobmd_set_length(self->fd, 100));
	EXPECT_EQ(100, pread(self->fd, self->data, self->size, 0));
	EXPECT_EQ(0, pread(self->fd, self->data, 1, 100));
	EXPECT_ERRNO(ENOSPC, pwrite(self->fd, self->data, 1, 100));
	EXPECT_EQ(1, pwrite(self->fd, self->data, 2, 99));
	EXPECT_EQ(100, lseek(self->fd, 0, SEEK_END));
	ASSERT_EQ(0, iobmd_set_length(self->fd, 0));
	EXPECT_EQ(0, pread(self->fd, self->data, 1, 0));
	EXPECT_ERRNO(ENOSPC, pwrite(self->fd, self->data, 1, 0));
	ASSERT_EQ(0, iobmd_set_length(self->fd, self->size));
	EXPECT_EQ(self->size, pread(self->fd, self->data, self->size, 0));
	EXPECT_EQ(-1, check_pattern(self->data + 100, 100, self->size - 100, 1));
}

TEST_F(rw, position_moves_with_read_and_write)
{
	int copy = dup(self->fd);

	ASSERT_EQ(100, read(self->fd, self->data, 100));
	ASSERT_EQ(100, read(copy, self->data, 100));
	EXPECT_EQ(-1, check_pattern(self->data, 100, 100, 1));
	ASSERT_EQ(5, pread(self->fd, self->data, 5, 0));
	EXPECT_EQ(200, lseek(self->fd, 0, SEEK_CUR));
	memset(self->data, 0xee, 10);
	ASSERT_EQ(10, write(self->fd, self->data, 10));
	EXPECT_EQ(-1, check_bytes(self->map + 200, 10, 0xee));
	EXPECT_EQ(210, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(self->size - 1, lseek(self->fd, -1, SEEK_END));
	EXPECT_EQ(1, read(self->fd, self->data, 10));
	EXPECT_EQ(0, read(self->fd, self->data, 10));
	EXPECT_ERRNO(ENOSPC, write(self->fd, self->data, 10));
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(rw, seeks_to_the_end_and_not_beyond)
{
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(self->size, lseek(self->fd, self->size, SEEK_SET));
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_ERRNO(EINVAL, lseek(self->fd, 1, SEEK_CUR));
	EXPECT_ERRNO(EINVAL, lseek(self->fd, self->size + 1, SEEK_SET));
	EXPECT_ERRNO(EINVAL, lseek(self->fd, -1, SEEK_SET));
	EXPECT_ERRNO(EINVAL, lseek(self->fd, 1, SEEK_END));
	EXPECT_ERRNO(EINVAL, lseek(self->fd, INT64_MAX, SEEK_CUR));
	EXPECT_ERRNO(EINVAL, lseek(self->fd, INT64_MIN, SEEK_END));
	EXPECT_ERRNO(EINVAL, lseek(self->fd, 0, 77));
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(0, lseek(self->fd, -(off_t)self->size, SEEK_CUR));
}

TEST_F(rw, gathers_and_scatters)
{
	struct iovec iov[] = {
		{ self->data, 3 }, { NULL, 0 }, { self->data + 100, self->page },
		{ self->data + 2 * self->page, 1 },
	};

	ASSERT_EQ(self->page + 4, preadv(self->fd, iov, 4, 7));
	EXPECT_EQ(-1, check_pattern(self->data, 7, 3, 1));
	EXPECT_EQ(-1, check_pattern(self->data + 100, 10, self->page, 1));
	EXPECT_EQ(pattern_byte(self->page + 10, 1), self->data[2 * self->page]);
	ASSERT_EQ(self->page + 4, pwritev(self->fd, iov, 4, self->size - self->page - 4));
	EXPECT_EQ(-1, check_pattern(self->map + self->size - self->page - 1, 10, self->page, 1));
	ASSERT_EQ(4, readv(self->fd, (struct iovec[]){ { self->data, 1 }, { self->data, 3 } }, 2));
	EXPECT_EQ(4, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(rw, partly_bad_memory_ends_it_short)
{
	uint8_t *end = self->data + page_round(self->size) + self->page;

	EXPECT_ERRNO(EFAULT, pread(self->fd, end, 1, 0));
	EXPECT_ERRNO(EFAULT, pwrite(self->fd, end, 1, 0));
	EXPECT_EQ(10, pread(self->fd, end - 10, 100, 5));
	EXPECT_EQ(-1, check_pattern(end - 10, 5, 10, 1));
	memset(end - 10, 0xee, 10);
	EXPECT_EQ(10, pwrite(self->fd, end - 10, 100, 5));
	EXPECT_EQ(-1, check_bytes(self->map + 5, 10, 0xee));
	EXPECT_EQ(-1, check_pattern(self->map + 15, 15, self->size - 15, 1));
	EXPECT_EQ(10, read(self->fd, end - 10, 100));
	EXPECT_EQ(10, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(rw, into_and_out_of_the_buffer_itself)
{
	const uint64_t to = self->size - self->page;
	uint8_t *fresh = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	/* Nothing is mapped there yet: the copy faults. */
	ASSERT_EQ(self->page, pread(self->fd, fresh + to, self->page, 0));
	EXPECT_EQ(-1, check_pattern(self->map + to, 0, self->page, 1));
	ASSERT_EQ(self->page, pwrite(self->fd, fresh + self->page, self->page, to));
	EXPECT_EQ(-1, check_pattern(self->map + to, self->page, self->page, 1));
	/* On itself, and one byte off */
	ASSERT_EQ(self->page, pread(self->fd, self->map, self->page, 0));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->page, 1));
	EXPECT_EQ(self->size - 1, pread(self->fd, self->map + 1, self->size - 1, 0));
	EXPECT_EQ(self->size - 1, pwrite(self->fd, self->map + 1, self->size - 1, 0));
}

TEST_F(rw, into_itself_while_it_shrinks_and_grows)
{
	const uint64_t page = self->page;
	pid_t pid;

	IN_CHILD(pid) {
		for (int i = 0; i < 300; i++) {
			iobmd_resize(self->fd, page + i % 7);
			iobmd_resize(self->fd, self->size);
		}
	}
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		ssize_t got = pread(self->fd, self->map + page / 2, self->size, 0);

		if (got < 0)
			EXPECT_EQ(EFAULT, errno);
		got = pwrite(self->fd, self->map, self->size, page / 2);
		if (got < 0)
			EXPECT_TRUE(errno == EFAULT || errno == ENOSPC);
	}
	EXPECT_EQ(0, iobmd_resize(self->fd, page));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size));
}

/* Whatever the moment, a write finds the byte or the end. */
TEST_F(rw, write_that_a_shrink_overtakes_is_enospc)
{
	pid_t pid;

	IN_CHILD(pid) {
		for (int i = 0; i < 200; i++) {
			iobmd_resize(self->fd, 1);
			iobmd_resize(self->fd, self->size);
		}
	}
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		off_t at = self->size - 1;

		errno = 0;
		if (pwrite(self->fd, "x", 1, at) != 1)
			ASSERT_EQ(ENOSPC, errno);
		ASSERT_EQ(1, write(self->pipe[1], "x", 1));
		errno = 0;
		if (splice(self->pipe[0], NULL, self->fd, &at, 1, 0) == 1)
			continue;
		ASSERT_EQ(ENOSPC, errno);
		ASSERT_EQ(1, read(self->pipe[0], self->data, 1));
	}
}

TEST_F(rw, splice_moves_pages_and_not_copies)
{
	off_t at = 5;

	ASSERT_EQ(self->page, splice(self->fd, &at, self->pipe[1], NULL, self->page, 0));
	EXPECT_EQ(self->page + 5, at);
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
	fill_pattern(self->map, 0, 2 * self->page, 2);
	ASSERT_EQ(self->page, read(self->pipe[0], self->data, 2 * self->page));
	EXPECT_EQ(-1, check_pattern(self->data, 5, self->page, 2));
}

TEST_F(rw, splice_fills_the_pipe_and_goes_on)
{
	uint64_t done = 0;
	ssize_t n;

	while ((n = splice(self->fd, NULL, self->pipe[1], NULL, self->size, 0)) > 0) {
		if (!done)
			EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, 1));
		ASSERT_EQ(n, read(self->pipe[0], self->data + done, n));
		done += n;
	}
	EXPECT_EQ(0, n);
	EXPECT_EQ(self->size, done);
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(-1, check_pattern(self->data, 0, self->size, 1));
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(rw, splice_into_a_full_pipe_is_eagain)
{
	while (splice(self->fd, NULL, self->pipe[1], NULL, self->size, SPLICE_F_NONBLOCK) > 0)
		;
	EXPECT_EQ(EAGAIN, errno);
	close(self->pipe[0]);
	close(self->pipe[1]);
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(rw, pages_in_a_pipe_cannot_be_changed_or_taken_there)
{
	int file = memfd_create("file", MFD_CLOEXEC), other[2];
	off_t at = 0;

	ASSERT_EQ(0, pipe2(other, O_CLOEXEC));
	ASSERT_EQ(100, splice(self->fd, &at, self->pipe[1], NULL, 100, 0));
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	ASSERT_EQ(100, tee(self->pipe[0], other[1], 100, 0));
	ASSERT_EQ(100, splice(self->pipe[0], NULL, file, NULL, 100, SPLICE_F_MOVE));
	ASSERT_EQ(1, pwrite(file, "x", 1, 0));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	close(other[0]);
}

TEST_F(rw, splice_out_of_a_pipe_writes)
{
	off_t at = self->size - 5;

	ASSERT_EQ(10, write(self->pipe[1], "0123456789", 10));
	ASSERT_EQ(5, splice(self->pipe[0], NULL, self->fd, &at, 10, 0));
	EXPECT_EQ(0, memcmp(self->map + self->size - 5, "01234", 5));
	EXPECT_ERRNO(ENOSPC, splice(self->pipe[0], NULL, self->fd, &at, 5, 0));
}

TEST_F(rw, sendfile_to_and_from_a_file)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	off_t at = 0;

	ASSERT_EQ(self->size, sendfile(file, self->fd, &at, 2 * self->size));
	ASSERT_EQ(self->size, pread(file, self->data, self->size, 0));
	EXPECT_EQ(-1, check_pattern(self->data, 0, self->size, 1));
	memset(self->map, 0, self->size);
	at = 0;
	ASSERT_EQ(self->size, sendfile(self->fd, file, &at, self->size));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(rw, copies_within_the_buffer)
{
	off_t from = 7, to = self->size - self->page;
	ssize_t n = 1;

	while (n > 0 && to < (off_t)self->size)
		n = copy_file_range(self->fd, &from, self->fd, &to, self->size - to, 0);
	EXPECT_LT(0, n);
	EXPECT_EQ(7 + self->page, from);
	EXPECT_EQ(-1, check_pattern(self->map + self->size - self->page, 7, self->page, 1));
}

TEST_F(rw, fstat_tells_the_length_and_a_number_of_its_own)
{
	int other = iobmd_create(1);
	struct stat st, st_other;

	ASSERT_EQ(0, fstat(self->fd, &st));
	ASSERT_EQ(0, fstat(other, &st_other));
	EXPECT_EQ(self->size, st.st_size);
	EXPECT_EQ(IOBMD_INFO(self->fd, allocated) / 512, st.st_blocks);
	EXPECT_EQ(IOBMD_INFO(self->fd, id), st.st_ino);
	EXPECT_TRUE(S_ISREG(st.st_mode));
	EXPECT_NE(st.st_ino, st_other.st_ino);
	ASSERT_EQ(0, iobmd_set_length(self->fd, 5));
	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(5, st.st_size);
}

TEST_HARNESS_MAIN
