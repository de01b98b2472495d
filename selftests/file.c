// SPDX-License-Identifier: GPL-2.0
/*
 * A descriptor as a file: what the system calls for files must not do to it.
 * It cannot be opened once more, and its memory cannot be cut, punched or given
 * to somebody else.
 */
#include "iobmd_test.h"

#include <linux/falloc.h>

FIXTURE(file) {
	size_t size;		/* a huge page and a few */
	int fd;
	uint8_t *map;		/* all of it, filled with the pattern of seed 1 */
	struct iobmd_get_info info;
	struct stat st;
};

FIXTURE_SETUP(file)
{
	self->size = huge_page_size() + 3 * page_size();
	self->fd = iobmd_create(self->size);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	fill_pattern(self->map, 0, self->size, 1);
	ASSERT_EQ(0, iobmd_get_info(self->fd, &self->info));
	ASSERT_EQ(0, fstat(self->fd, &self->st));
}

/* Whatever a test tried, the buffer is what it was, also in a fresh mapping. */
FIXTURE_TEARDOWN(file)
{
	struct iobmd_get_info info;
	struct stat st;
	uint8_t *map;

	EXPECT_EQ(0, iobmd_get_info(self->fd, &info));
	EXPECT_EQ(0, memcmp(&self->info, &info, sizeof(info)));
	EXPECT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(self->st.st_size, st.st_size);
	EXPECT_EQ(self->st.st_mode, st.st_mode);
	EXPECT_EQ(self->st.st_uid, st.st_uid);
	EXPECT_EQ(0, faults(self->map + self->size - 1, true));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	map = map_buffer(self->fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
}

TEST_F(file, cannot_be_truncated)
{
	const off_t sizes[] = { 0, 1, page_size(), self->size - 1, self->size, self->size + 1,
				2 * self->size };
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(-1, ftruncate(self->fd, sizes[i]));
		EXPECT_EQ(-1, truncate(path, sizes[i]));
	}
}

TEST_F(file, cannot_be_punched_zeroed_or_extended)
{
	const int modes[] = {
		0,
		FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_COLLAPSE_RANGE,
		FALLOC_FL_INSERT_RANGE,
		FALLOC_FL_UNSHARE_RANGE,
	};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		EXPECT_EQ(-1, fallocate(self->fd, modes[i], 0, page_size()));
		EXPECT_EQ(-1, fallocate(self->fd, modes[i], 0, 2 * self->size));
	}
	EXPECT_NE(0, posix_fallocate(self->fd, 0, 2 * self->size));
}

TEST_F(file, keeps_its_memory_whatever_is_advised)
{
	const int advices[] = { POSIX_FADV_DONTNEED, POSIX_FADV_WILLNEED, POSIX_FADV_NOREUSE,
				POSIX_FADV_RANDOM, POSIX_FADV_SEQUENTIAL, POSIX_FADV_NORMAL };

	for (size_t i = 0; i < ARRAY_SIZE(advices); i++) {
		posix_fadvise(self->fd, 0, 0, advices[i]);
		posix_fadvise(self->fd, page_size(), page_size(), advices[i]);
	}
}

TEST_F(file, keeps_its_memory_when_advised_unmapped)
{
	ASSERT_EQ(0, munmap(self->map, self->size));
	posix_fadvise(self->fd, 0, 0, POSIX_FADV_DONTNEED);
	readahead(self->fd, 0, self->size);
	sync_file_range(self->fd, 0, 0, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
}

TEST_F(file, cannot_be_given_another_owner_or_mode)
{
	EXPECT_EQ(-1, fchmod(self->fd, 0777));
	EXPECT_EQ(-1, fchown(self->fd, 65534, 65534));
	futimens(self->fd, NULL);
}

TEST_F(file, cannot_be_opened_once_more)
{
	const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	const int flags[] = { 0, O_TRUNC, O_APPEND, O_NONBLOCK, O_DIRECT, O_CREAT };
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	for (size_t i = 0; i < ARRAY_SIZE(modes) * ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(-1, open(path, modes[i % ARRAY_SIZE(modes)] |
				   flags[i / ARRAY_SIZE(modes)], 0600));
	}
}

TEST_F(file, cannot_be_opened_by_its_mapping)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)self->map,
		 (unsigned long)self->map + self->size);
	EXPECT_EQ(0, access(path, F_OK));
	EXPECT_EQ(-1, open(path, O_RDONLY));
	EXPECT_EQ(-1, open(path, O_RDWR));
}

TEST_F(file, cannot_be_reached_by_a_path)
{
	char path[64], name[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	snprintf(name, sizeof(name), "/tmp/iobmd-%d", getpid());
	EXPECT_EQ(-1, linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW));
	EXPECT_EQ(-1, linkat(self->fd, "", AT_FDCWD, name, AT_EMPTY_PATH));
	EXPECT_EQ(-1, access(name, F_OK));
}

TEST_F(file, cannot_be_executed)
{
	char *const argv[] = { "iobmd", NULL }, *const envp[] = { NULL };
	pid_t pid;

	IN_CHILD(pid) {
		EXPECT_EQ(-1, fexecve(self->fd, argv, envp));
	}
	EXPECT_EQ(0, child_status(pid));
}

/* O_PATH names a file and opens nothing. */
TEST_F(file, opened_as_a_path_gives_no_right)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	fd = open(path, O_PATH);
	if (fd < 0)
		return;
	EXPECT_ERRNO(EBADF, iobmd_resize(fd, 1));
	EXPECT_ERRNO(EBADF, iobmd_set_length(fd, 0));
	EXPECT_MAP_ERRNO(EBADF, mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0));
}

TEST_F(file, flags_give_no_other_right)
{
	fcntl(self->fd, F_SETFL, O_RDONLY | O_APPEND | O_NONBLOCK);
	EXPECT_EQ(O_RDWR, fcntl(self->fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(IOBMD_RIGHTS_ALL, IOBMD_INFO(self->fd, rights));
}

TEST_F(file, synced_is_as_before)
{
	fsync(self->fd);
	fdatasync(self->fd);
	syncfs(self->fd);
	EXPECT_EQ(0, msync(self->map, self->size, MS_ASYNC));
	msync(self->map, self->size, MS_SYNC);
	msync(self->map, self->size, MS_INVALIDATE);
}

TEST_HARNESS_MAIN
