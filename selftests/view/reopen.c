// SPDX-License-Identifier: GPL-2.0
/* open(2) of /proc/PID/fd/N: what that descriptor shows, and never more than it may do. */
#include "composite.h"
#include "users.h"

#include <sys/mman.h>

/* Opens the link of @fd; the errno is open(2)'s. */
static int open_link(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC, 0600);
}

FIXTURE(reopen)
{
	size_t page;
	uint64_t size;		/* three pages and a bit */
	int fd;
	uint8_t *map;		/* writable, filled with the pattern of seed 1 */
	int reader;		/* the read-only descriptor */
};

FIXTURE_SETUP(reopen)
{
	self->page = page_size();
	self->size = 3 * self->page + 100;
	self->fd = iobmd_create(self->size);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	fill_pattern(self->map, 0, self->size, 1);
	self->reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	ASSERT_LE(0, self->reader);
}

FIXTURE_TEARDOWN(reopen) { }

TEST_F(reopen, for_both_gives_all_rights)
{
	uint64_t id = IOBMD_INFO(self->fd, id);
	int fd = open_link(self->fd, O_RDWR);
	uint8_t *map;

	ASSERT_LE(0, fd);
	EXPECT_EQ(IOBMD_RIGHTS_ALL, IOBMD_INFO(fd, rights));
	EXPECT_EQ(id, IOBMD_INFO(fd, id));
	map = map_buffer(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(self->map[1], map[1]);
	EXPECT_EQ(page_frame(self->map), page_frame(map));
	EXPECT_EQ(1, pwrite(fd, "x", 1, 7));
	EXPECT_EQ('x', self->map[7]);
	munmap(map, page_round(self->size));
	EXPECT_EQ(0, iobmd_resize(fd, 2 * self->size));
	EXPECT_EQ(2 * self->size, IOBMD_INFO(self->fd, capacity));
}

TEST_F(reopen, has_a_position_of_its_own)
{
	int fd = open_link(self->fd, O_RDWR);

	ASSERT_LE(0, fd);
	ASSERT_EQ(9, lseek(self->fd, 9, SEEK_SET));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(self->size, lseek(fd, 0, SEEK_END));
}

TEST_F(reopen, of_a_reader_reads)
{
	int fd = open_link(self->reader, O_RDONLY);

	EXPECT_READ_ONLY(fd);
	EXPECT_EQ(-1, check_pattern(map_buffer(fd, PROT_READ), 0, self->size, 1));
	EXPECT_ERRNO(EACCES, iobmd_resize(fd, 1));
}

TEST_F(reopen, of_a_reader_does_not_write)
{
	const int modes[] = { O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_RDWR | O_TRUNC };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		EXPECT_ERRNO(EACCES, open_link(self->reader, modes[i]));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
}

TEST_F(reopen, for_reading_gives_a_reader)
{
	int fd = open_link(self->fd, O_RDONLY);

	EXPECT_READ_ONLY(fd);
	EXPECT_ERRNO(EACCES, iobmd_resize(fd, 1));
	EXPECT_ERRNO(EACCES, iobmd_seal(fd, IOBMD_SEAL_WRITE));
	EXPECT_EQ(IOBMD_RIGHT_READ, IOBMD_INFO(iobmd_derive(fd, 0, 0, 0), rights));
}

/* The attack: what was given for reading is opened for writing by its own link. */
TEST_F(reopen, of_what_was_opened_for_reading_does_not_write)
{
	int fd = open_link(self->fd, O_RDONLY), again;

	for (int i = 0; i < 3; i++) {
		ASSERT_LE(0, fd);
		EXPECT_ERRNO(EACCES, open_link(fd, O_RDWR));
		EXPECT_ERRNO(EACCES, open_link(fd, O_WRONLY));
		EXPECT_ERRNO(EACCES, open_link(open_link(fd, O_PATH), O_RDWR));
		again = open_link(fd, O_RDONLY);
		EXPECT_READ_ONLY(again);
		close(fd);
		fd = again;
	}
	EXPECT_LE(0, open_link(self->fd, O_RDWR));
}

TEST_F(reopen, by_a_mapping_gives_no_more)
{
	uint8_t *view = map_buffer(open_link(self->fd, O_RDONLY), PROT_READ);
	char path[96];

	ASSERT_NE(MAP_FAILED, view);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)view,
		 (unsigned long)view + (unsigned long)page_round(self->size));
	EXPECT_ERRNO(EACCES, open(path, O_RDWR));
	EXPECT_READ_ONLY(open(path, O_RDONLY | O_CLOEXEC));
}

TEST_F(reopen, for_writing_does_not_read)
{
	int fd = open_link(self->fd, O_WRONLY);
	char byte;

	ASSERT_LE(0, fd);
	EXPECT_EQ(1, pwrite(fd, "x", 1, self->size - 1));
	EXPECT_EQ('x', self->map[self->size - 1]);
	EXPECT_ERRNO(EBADF, pread(fd, &byte, 1, 0));
	EXPECT_MAP_ERRNO(EACCES, mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fd, 0));
	EXPECT_ERRNO(ENOSPC, pwrite(fd, "x", 1, self->size));
}

/* As of a block device: programs that write a file from its start go on. */
TEST_F(reopen, truncates_nothing)
{
	int fd = open_link(self->fd, O_RDWR | O_TRUNC | O_CREAT);

	ASSERT_LE(0, fd);
	EXPECT_EQ(self->size, IOBMD_INFO(fd, length));
	EXPECT_EQ(self->size, IOBMD_INFO(fd, capacity));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	EXPECT_ERRNO(EEXIST, open_link(self->fd, O_RDWR | O_CREAT | O_EXCL));
}

TEST_F(reopen, to_append_has_no_space)
{
	int fd = open_link(self->fd, O_RDWR | O_APPEND);

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(ENOSPC, write(fd, "x", 1));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
}

TEST_F(reopen, shows_the_rights_as_its_mode)
{
	struct stat st;

	ASSERT_EQ(0, fstat(open_link(self->fd, O_RDONLY), &st));
	EXPECT_EQ(S_IFREG | 0444, st.st_mode);
	EXPECT_EQ(self->size, st.st_size);
	ASSERT_EQ(0, fstat(open_link(self->fd, O_RDWR), &st));
	EXPECT_EQ(S_IFREG | 0666, st.st_mode);
	EXPECT_EQ(IOBMD_INFO(self->fd, id), st.st_ino);
}

TEST_F(reopen, has_the_same_link)
{
	char path[64], link[128], again[128];
	ssize_t length;

	ASSERT_EQ(0, iobmd_set_name(self->fd, "frames"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	length = readlink(path, link, sizeof(link));
	ASSERT_LT(0, length);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", open_link(self->fd, O_RDONLY));
	ASSERT_EQ(length, readlink(path, again, sizeof(again)));
	EXPECT_EQ(0, memcmp(link, again, length));
}

TEST_F(reopen, of_a_window_sees_its_part)
{
	int window = iobmd_window(self->fd, self->page, self->page);
	int fd = open_link(window, O_RDWR);
	uint8_t *map;

	ASSERT_LE(0, fd);
	close(window);
	EXPECT_EQ(self->page, IOBMD_INFO(fd, length));
	EXPECT_EQ(IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE, IOBMD_INFO(fd, rights));
	map = mmap(NULL, self->page, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(self->map[self->page], map[0]);
	EXPECT_EQ(page_frame(self->map + self->page), page_frame(map));
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, 2 * self->page, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_ERRNO(ENOSPC, pwrite(fd, "x", 1, self->page));
	/* It holds what it shows, as the window did. */
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page));
	close(fd);
	munmap(map, self->page);
	EXPECT_EQ(0, iobmd_resize(self->fd, self->page));
}

/* A path holds no memory: what it showed may be gone when it is opened. */
TEST_F(reopen, of_a_window_that_was_cut_off)
{
	int window = iobmd_window(self->fd, 2 * self->page, self->page);
	int path = open_link(window, O_PATH), fd;

	ASSERT_LE(0, path);
	close(window);
	fd = open_link(path, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(self->page, IOBMD_INFO(fd, length));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page));
	close(fd);
	ASSERT_EQ(0, iobmd_resize(self->fd, self->page));
	EXPECT_ERRNO(EINVAL, open_link(path, O_RDONLY));
	ASSERT_EQ(0, iobmd_resize(self->fd, 3 * self->page));
	EXPECT_LE(0, open_link(path, O_RDONLY));
}

TEST_F(reopen, of_a_path_after_the_last_descriptor)
{
	int path = open_link(self->fd, O_PATH), fd;

	ASSERT_LE(0, path);
	munmap(self->map, page_round(self->size));
	close(self->reader);
	close(self->fd);
	fd = open_link(path, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, check_pattern(map_buffer(fd, PROT_READ), 0, self->size, 1));
	EXPECT_EQ(0, iobmd_resize(fd, 1));
}

TEST_F(reopen, of_a_composite_keeps_its_parts)
{
	const struct iobmd_compose_part parts[] = {
		part(self->fd, 2 * self->page, self->page), part(self->fd, 0, self->page),
	};
	int composite = iobmd_compose(0, parts, 2), path, fd;
	uint8_t *map;

	ASSERT_LE(0, composite);
	path = open_link(composite, O_PATH);
	fd = open_link(composite, O_RDONLY);
	EXPECT_READ_ONLY(fd);
	close(composite);
	map = map_buffer(fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(self->map[0], map[self->page]);
	EXPECT_EQ(page_frame(self->map), page_frame(map + self->page));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page));
	munmap(map, 2 * self->page);
	close(fd);
	EXPECT_ERRNO(ENXIO, open_link(path, O_RDONLY));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->page));
}

/* The inode's owner does not matter, but that of the process in /proc does. */
TEST_F(reopen, by_another_user)
{
	char path[64];
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), self->fd);
	IN_CHILD(pid) {
		ASSERT_EQ(0, become(USER_ONE));
		EXPECT_LE(0, open_link(self->fd, O_RDWR));
		EXPECT_READ_ONLY(open_link(self->reader, O_RDONLY));
		EXPECT_ERRNO(EACCES, open_link(self->reader, O_RDWR));
		close(self->fd);
		EXPECT_ERRNO(EACCES, open(path, O_RDONLY));
		EXPECT_ERRNO(EACCES, open(path, O_RDWR));
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(reopen, of_another_process)
{
	int fd = self->fd;
	char path[64];
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), self->fd);
	IN_CHILD(pid) {
		close(self->fd);
		fd = open(path, O_RDWR | O_CLOEXEC);
		EXPECT_EQ(IOBMD_RIGHTS_ALL, IOBMD_INFO(fd, rights));
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(reopen, counts_for_writing_until_it_is_closed)
{
	int fd = open_link(self->fd, O_RDWR);
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	munmap(self->map, page_round(self->size));
	close(fd);
	EXPECT_ERRNO(EBUSY, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	munmap(map, page_round(self->size));
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	fd = open_link(self->fd, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EPERM, pwrite(fd, "x", 1, 0));
	EXPECT_MAP_ERRNO(EPERM, mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fd, 0));
}

TEST_F(reopen, without_buffered_access_is_refused)
{
	int fd = next_fd();

	EXPECT_ERRNO(EINVAL, open_link(self->fd, O_RDWR | O_DIRECT));
	EXPECT_EQ(fd, next_fd());
	EXPECT_EQ(0, iobmd_resize(self->fd, self->page));
}

/* Over and over, and nothing is left: no hold, no descriptor, no buffer. */
TEST_F(reopen, leaves_nothing)
{
	int window = iobmd_window(self->fd, 0, self->page), fd;
	uint64_t id = IOBMD_INFO(self->fd, id);

	for (int i = 0; i < 1000; i++) {
		fd = open_link(window, i % 2 ? O_RDWR : O_RDONLY);
		ASSERT_LE(0, fd);
		close(fd);
		EXPECT_ERRNO(EINVAL, open_link(window, O_RDWR | O_DIRECT));
	}
	close(window);
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
	munmap(self->map, page_round(self->size));
	close(self->reader);
	close(self->fd);
	AWAIT(!buffer_listed(id));
}

TEST_HARNESS_MAIN
