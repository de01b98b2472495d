// SPDX-License-Identifier: GPL-2.0
/*
 * A descriptor as a file: what programs that were written for memfds expect of it,
 * and what the system calls for files must not do: its memory cannot be punched or go to
 * another owner. Opening it again is in view/reopen.c.
 */
#include "composite.h"
#include "pin.h"

#include <liburing.h>
#include <linux/falloc.h>
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

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

/* A path in /proc is no descriptor, and only a descriptor has the right. */
TEST_F(file, cannot_be_truncated_by_its_path)
{
	const off_t sizes[] = { 0, 1, page_size(), self->size, 2 * self->size };
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		EXPECT_ERRNO(EPERM, truncate(path, sizes[i]));
}

TEST_F(file, ftruncate_is_refused_as_resize_is)
{
	int window = iobmd_window(self->fd, 0, page_size()), reader, dmabuf;

	EXPECT_ERRNO(EINVAL, ftruncate(self->fd, 0));
	EXPECT_ERRNO(EFBIG, ftruncate(self->fd, INT64_MAX));
	EXPECT_ERRNO(EFBIG, ftruncate(self->fd, 1ull << 40));
	EXPECT_ERRNO(EACCES, ftruncate(window, page_size()));
	EXPECT_ERRNO(EACCES, ftruncate(window, 2 * page_size()));
	close(window);
	reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	EXPECT_ERRNO(EINVAL, ftruncate(reader, page_size()));
	dmabuf = iobmd_export(self->fd, 0, 0, 0);
	ASSERT_LE(0, dmabuf);
	EXPECT_ERRNO(EBUSY, ftruncate(self->fd, page_size()));
	EXPECT_NE(0, ftruncate(dmabuf, page_size()));
	close(dmabuf);
	close(reader);
}

TEST_F(file, ftruncate_of_a_composite_is_eacces)
{
	int composite = compose(0, part(self->fd, 0, page_size()));

	ASSERT_LE(0, composite);
	EXPECT_ERRNO(EACCES, ftruncate(composite, page_size()));
	EXPECT_ERRNO(EACCES, fallocate(composite, 0, 0, 2 * self->size));
	close(composite);
}

/* All ways to ask for the size say the same. */
static void expect_size(struct __test_metadata *_metadata, int fd, uint64_t capacity,
			uint64_t length)
{
	struct stat st;

	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(length, st.st_size);
	EXPECT_EQ(length, IOBMD_INFO(fd, length));
	EXPECT_EQ(capacity, IOBMD_INFO(fd, capacity));
	EXPECT_EQ(page_round(capacity), IOBMD_INFO(fd, allocated));
}

TEST(ftruncate_resizes)
{
	uint64_t page = page_size(), size = 3 * page;
	int fd = iobmd_create(size);
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	fill_pattern(map, 0, size, 1);
	ASSERT_EQ(0, ftruncate(fd, page + 10));
	expect_size(_metadata, fd, page + 10, page + 10);
	EXPECT_EQ(SIGBUS, faults(map + 2 * page, true));
	ASSERT_EQ(0, ftruncate(fd, size));
	expect_size(_metadata, fd, size, size);
	EXPECT_EQ(-1, check_pattern(map, 0, page + 10, 1));
	EXPECT_EQ(-1, check_bytes(map + page + 10, size - page - 10, 0));
	ASSERT_EQ(0, iobmd_seal(fd, IOBMD_SEAL_SHRINK));
	EXPECT_ERRNO(EBUSY, ftruncate(fd, page));
	ASSERT_EQ(0, ftruncate(fd, 2 * size));
	ASSERT_EQ(0, iobmd_seal(fd, IOBMD_SEAL_GROW));
	EXPECT_ERRNO(EBUSY, ftruncate(fd, 3 * size));
	expect_size(_metadata, fd, 2 * size, 2 * size);
	munmap(map, size);
	close(fd);
}

TEST(fallocate_is_there_already_or_grows)
{
	uint64_t page = page_size(), size = 3 * page;
	int fd = iobmd_create(size);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, fallocate(fd, 0, 0, size));
	EXPECT_EQ(0, fallocate(fd, FALLOC_FL_KEEP_SIZE, page, size - page));
	EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd, FALLOC_FL_KEEP_SIZE, page, size));
	EXPECT_ERRNO(EFBIG, fallocate(fd, 0, INT64_MAX - page, page));
	EXPECT_ERRNO(EFBIG, fallocate(fd, 0, 1ull << 40, page));
	expect_size(_metadata, fd, size, size);
	ASSERT_EQ(0, iobmd_set_length(fd, 10));
	ASSERT_EQ(0, fallocate(fd, 0, 0, 5));
	expect_size(_metadata, fd, size, 10);
	ASSERT_EQ(0, fallocate(fd, 0, 0, page));
	expect_size(_metadata, fd, size, page);
	ASSERT_EQ(0, posix_fallocate(fd, size, 1));
	expect_size(_metadata, fd, size + 1, size + 1);
	ASSERT_EQ(0, iobmd_seal(fd, IOBMD_SEAL_GROW));
	EXPECT_ERRNO(EBUSY, fallocate(fd, 0, 0, 2 * size));
	EXPECT_EQ(0, fallocate(fd, 0, 0, size + 1));
	expect_size(_metadata, fd, size + 1, size + 1);
	close(fd);
}

TEST_F(file, fallocate_wants_the_right)
{
	int window = iobmd_window(self->fd, 0, page_size());
	int reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);

	EXPECT_EQ(0, fallocate(window, 0, 0, page_size()));
	EXPECT_ERRNO(EACCES, fallocate(window, 0, 0, page_size() + 1));
	EXPECT_ERRNO(EBADF, fallocate(reader, 0, 0, 1));
	close(window);
	close(reader);
}

/* These bytes and no others: within a page, across pages, across the end of a huge page. */
TEST(fallocate_zeroes_a_range)
{
	uint64_t huge = huge_page_size(), page = page_size(), size = huge + 3 * page;
	const struct { uint64_t from, to; } ranges[] = {
		{ 5, 6 }, { page - 1, page + 1 }, { huge - 3, huge + page + 3 },
		{ huge + 3 * page - 1, size }, { 0, size },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		uint64_t from = ranges[i].from, to = ranges[i].to;
		int fd = iobmd_create(size);
		uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

		ASSERT_NE(MAP_FAILED, map);
		fill_pattern(map, 0, size, 1);
		ASSERT_EQ(0, fallocate(fd, FALLOC_FL_ZERO_RANGE, from, to - from));
		EXPECT_EQ(-1, check_pattern(map, 0, from, 1));
		EXPECT_EQ(-1, check_bytes(map + from, to - from, 0));
		EXPECT_EQ(-1, check_pattern(map + to, to, size - to, 1));
		expect_size(_metadata, fd, size, size);
		munmap(map, size);
		close(fd);
	}
}

TEST(fallocate_zeroes_up_to_the_end_and_beyond)
{
	const int keep = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
	uint64_t page = page_size(), size = 2 * page + 10;
	int fd = iobmd_create(size), window;
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	fill_pattern(map, 0, size, 1);
	window = iobmd_window(fd, page, page);
	ASSERT_EQ(0, fallocate(window, keep, page - 10, 5 * page));
	EXPECT_EQ(-1, check_pattern(map, 0, 2 * page - 10, 1));
	EXPECT_EQ(-1, check_bytes(map + 2 * page - 10, 10, 0));
	EXPECT_EQ(-1, check_pattern(map + 2 * page, 2 * page, 10, 1));
	EXPECT_EQ(0, fallocate(fd, keep, INT64_MAX - 10, 10));
	expect_size(_metadata, fd, size, size);
	close(window);
	ASSERT_EQ(0, fallocate(fd, FALLOC_FL_ZERO_RANGE, size - 1, page));
	expect_size(_metadata, fd, size + page - 1, size + page - 1);
	EXPECT_EQ(-1, check_pattern(map + 2 * page, 2 * page, 9, 1));
	EXPECT_EQ(0, map[size - 1]);
	munmap(map, size);
	ASSERT_EQ(0, iobmd_seal(fd, IOBMD_SEAL_WRITE));
	EXPECT_ERRNO(EPERM, fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 1));
	close(fd);
}

TEST_F(file, cannot_be_punched)
{
	const int modes[] = {
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_COLLAPSE_RANGE,
		FALLOC_FL_INSERT_RANGE,
		FALLOC_FL_UNSHARE_RANGE,
	};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		EXPECT_ERRNO(EOPNOTSUPP, fallocate(self->fd, modes[i], 0, page_size()));
		EXPECT_ERRNO(EOPNOTSUPP, fallocate(self->fd, modes[i], 0, 2 * self->size));
	}
	EXPECT_NE(0, madvise(self->map, page_size(), MADV_REMOVE));
}

TEST_F(file, is_one_extent_of_data)
{
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_DATA));
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_HOLE));
	EXPECT_EQ(self->size - 1, lseek(self->fd, self->size - 1, SEEK_DATA));
	EXPECT_ERRNO(ENXIO, lseek(self->fd, self->size, SEEK_DATA));
	EXPECT_ERRNO(ENXIO, lseek(self->fd, self->size, SEEK_HOLE));
	EXPECT_ERRNO(ENXIO, lseek(self->fd, -1, SEEK_DATA));
	EXPECT_EQ(self->size - 1, lseek(self->fd, 0, SEEK_CUR));
	ASSERT_EQ(0, iobmd_set_length(self->fd, 10));
	EXPECT_EQ(10, lseek(self->fd, 3, SEEK_HOLE));
	EXPECT_ERRNO(ENXIO, lseek(self->fd, 10, SEEK_DATA));
	ASSERT_EQ(0, iobmd_set_length(self->fd, self->size));
}

/* A file that does not grow has no room to append. */
static void expect_no_appending(struct __test_metadata *_metadata, int fd)
{
	struct iovec iov = { "xyz", 3 };
	int flags = fcntl(fd, F_GETFL), pipe[2];

	EXPECT_ERRNO(ENOSPC, pwritev2(fd, &iov, 1, 0, RWF_APPEND));
	ASSERT_EQ(0, fcntl(fd, F_SETFL, flags | O_APPEND));
	EXPECT_ERRNO(ENOSPC, write(fd, "xyz", 3));
	EXPECT_ERRNO(ENOSPC, pwrite(fd, "xyz", 3, 0));
	EXPECT_EQ(0, write(fd, "", 0));
	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	ASSERT_EQ(3, write(pipe[1], "xyz", 3));
	EXPECT_ERRNO(EINVAL, splice(pipe[0], NULL, fd, NULL, 3, 0));
	close(pipe[0]);
	close(pipe[1]);
	EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
	ASSERT_EQ(0, fcntl(fd, F_SETFL, flags));
}

TEST_F(file, appending_is_enospc)
{
	int window = iobmd_window(self->fd, page_size(), page_size());
	int composite = compose(0, part(self->fd, page_size(), page_size()));

	ASSERT_LE(0, composite);
	expect_no_appending(_metadata, self->fd);
	expect_no_appending(_metadata, window);
	expect_no_appending(_metadata, composite);
	close(composite);
	close(window);
}

/* As Wayland's clients map what the compositor has given to them for reading. */
TEST_F(file, can_be_mapped_privately_by_readers)
{
	int reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	uint8_t *map;

	ASSERT_LE(0, reader);
	map = mmap(NULL, self->size, PROT_READ, MAP_PRIVATE, reader, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	self->map[3] ^= 1;
	EXPECT_EQ(self->map[3], map[3]);
	self->map[3] ^= 1;
	EXPECT_ERRNO(EACCES, mprotect(map, page_size(), PROT_READ | PROT_WRITE));
	EXPECT_EQ(SIGSEGV, faults(map, true));
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE,
				      reader, 0));
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE, self->fd, 0));
	munmap(map, self->size);
	close(reader);
}

/* Not even a debugger writes there. */
TEST_F(file, private_mapping_is_not_written_by_proc_mem)
{
	int reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	int mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	uint8_t *map = mmap(NULL, self->size, PROT_READ, MAP_PRIVATE, reader, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_LE(0, mem);
	EXPECT_EQ(-1, pwrite(mem, "x", 1, (uintptr_t)map));
	munmap(map, self->size);
	close(mem);
	close(reader);
}

TEST(private_mapping_loses_what_a_shrink_takes)
{
	uint64_t huge = huge_page_size(), size = 2 * huge;
	int fd = iobmd_create(size);
	int reader = iobmd_derive(fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	uint8_t *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, reader, 0);

	ASSERT_NE(MAP_FAILED, map);
	for (uint64_t at = 0; at < size; at += page_size())
		ASSERT_EQ(0, faults(map + at, false));
	ASSERT_EQ(0, iobmd_resize(fd, huge + page_size()));
	EXPECT_EQ(-1, pages_left(map, huge + page_size(), size, false));
	EXPECT_EQ(-1, check_bytes(map, huge + page_size(), 0));
	munmap(map, size);
	close(reader);
	close(fd);
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
	EXPECT_EQ(0, sync_file_range(self->fd, 0, 0, SYNC_FILE_RANGE_WRITE |
				     SYNC_FILE_RANGE_WAIT_AFTER));
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
}

TEST_F(file, cannot_be_given_another_owner_or_mode)
{
	EXPECT_ERRNO(EPERM, fchmod(self->fd, 0777));
	EXPECT_ERRNO(EPERM, fchown(self->fd, 65534, 65534));
	EXPECT_ERRNO(EPERM, futimens(self->fd, NULL));
}

/* It would hold up those that open the descriptor's link. */
TEST_F(file, takes_no_lease)
{
	const int leases[] = { F_RDLCK, F_WRLCK, F_UNLCK };

	for (size_t i = 0; i < ARRAY_SIZE(leases); i++)
		EXPECT_ERRNO(EINVAL, fcntl(self->fd, F_SETLEASE, leases[i]));
}

TEST_F(file, has_no_link)
{
	EXPECT_EQ(0, self->st.st_nlink);
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

/* Where the header says that a file would do and a buffer does not */
TEST_F(file, cannot_do_what_the_kernel_asks_no_module_for)
{
	int other = memfd_create("other", MFD_CLOEXEC);
	int monitor = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)self->map, page_size() },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	ASSERT_LE(0, other);
	ASSERT_EQ(0, ftruncate(other, page_size()));
	EXPECT_ERRNO(EXDEV, copy_file_range(self->fd, NULL, other, NULL, 1, 0));
	EXPECT_ERRNO(EXDEV, copy_file_range(other, NULL, self->fd, NULL, 1, 0));
	EXPECT_ERRNO(EINVAL, fcntl(self->fd, F_GET_SEALS));
	EXPECT_ERRNO(EINVAL, fcntl(self->fd, F_ADD_SEALS, F_SEAL_SHRINK));
	ASSERT_LE(0, monitor);
	ASSERT_EQ(0, ioctl(monitor, UFFDIO_API, &api));
	EXPECT_ERRNO(EINVAL, ioctl(monitor, UFFDIO_REGISTER, &range));
	close(monitor);
	close(other);
}

/* A mapping may be larger than the buffer: there is SIGBUS until that has grown. */
TEST(mapping_reserves_what_to_grow_into)
{
	uint64_t page = page_size();
	int fd = iobmd_create(page);
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, 4 * page, PROT_READ, MAP_SHARED, fd, 0));
	map = mremap(map, page, 4 * page, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(SIGBUS, faults(map + page, true));
	ASSERT_EQ(0, ftruncate(fd, 4 * page));
	EXPECT_EQ(0, faults(map + page, true));
	munmap(map, 4 * page);
	close(fd);
}

/* There is nothing to write back. */
TEST_F(file, is_synced_at_all_times)
{
	EXPECT_EQ(0, fsync(self->fd));
	EXPECT_EQ(0, fdatasync(self->fd));
	EXPECT_EQ(0, syncfs(self->fd));
	EXPECT_EQ(0, sync_file_range(self->fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE |
				     SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
	EXPECT_EQ(0, msync(self->map, self->size, MS_ASYNC));
	EXPECT_EQ(0, msync(self->map, self->size, MS_SYNC));
	EXPECT_EQ(0, msync(self->map, self->size, MS_SYNC | MS_INVALIDATE));
}

TEST_F(file, is_synced_for_io_uring)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;

	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	io_uring_prep_fsync(io_uring_get_sqe(&ring), self->fd, 0);
	ASSERT_EQ(1, io_uring_submit_and_wait(&ring, 1));
	ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
	EXPECT_EQ(0, cqe->res);
	io_uring_queue_exit(&ring);
}

TEST_HARNESS_MAIN
