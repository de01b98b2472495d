// SPDX-License-Identifier: GPL-2.0
/* DERIVE: a read-only descriptor remains so, in any process and by any means. */
#include "machine.h"
#include "peer.h"
#include "pin.h"

#include <liburing.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

FIXTURE(read_only)
{
	size_t page;
	uint64_t size;		/* three pages and a bit */
	int fd;
	uint8_t *map;		/* writable, filled with the pattern of seed 1 */
	int reader;		/* the read-only descriptor */
	uint8_t *view;		/* its mapping */
	struct iobmd_get_info info;
};

FIXTURE_SETUP(read_only)
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
	self->view = map_buffer(self->reader, PROT_READ);
	ASSERT_NE(MAP_FAILED, self->view);
	ASSERT_EQ(0, iobmd_get_info(self->fd, &self->info));
}

/* Whatever was tried, no byte and no property has changed. */
FIXTURE_TEARDOWN(read_only)
{
	struct iobmd_get_info info;
	char name[64];

	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	EXPECT_EQ(0, iobmd_get_info(self->fd, &info));
	EXPECT_EQ(0, memcmp(&self->info, &info, sizeof(info)));
	EXPECT_TRUE(fdinfo_get(self->fd, "name", name));
	EXPECT_STREQ("", name);
}

TEST_F(read_only, shows_the_buffer_itself)
{
	EXPECT_EQ(self->info.id, IOBMD_INFO(self->reader, id));
	EXPECT_EQ(self->size, IOBMD_INFO(self->reader, capacity));
	EXPECT_EQ(-1, check_pattern(self->view, 0, self->size, 1));
	EXPECT_NE(0, page_frame(self->map + self->page));
	EXPECT_EQ(page_frame(self->map + self->page), page_frame(self->view + self->page));
	self->map[5] ^= 1;
	EXPECT_EQ(self->map[5], self->view[5]);
	self->map[5] ^= 1;
}

TEST_F(read_only, has_no_other_right_and_says_so)
{
	char rights[64];

	EXPECT_READ_ONLY(self->reader);
	EXPECT_TRUE(fdinfo_get(self->reader, "rights", rights));
	EXPECT_STREQ("r--", rights);
	EXPECT_EQ(IOBMD_RIGHTS_ALL, IOBMD_INFO(self->fd, rights));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->reader, F_GETFD));
}

TEST_F(read_only, mapping_cannot_be_written)
{
	EXPECT_EQ(SIGSEGV, faults(self->view, true));
	EXPECT_EQ(SIGSEGV, faults(self->view + self->size - 1, true));
}

TEST_F(read_only, mapping_cannot_be_made_writable)
{
	EXPECT_ERRNO(EACCES, mprotect(self->view, self->page, PROT_READ | PROT_WRITE));
	EXPECT_ERRNO(EACCES, mprotect(self->view, self->page, PROT_WRITE));
	EXPECT_EQ(0, mprotect(self->view, self->page, PROT_NONE));
	EXPECT_EQ(0, mprotect(self->view, self->page, PROT_READ));
	EXPECT_ERRNO(EACCES, mprotect(self->view, self->page, PROT_READ | PROT_WRITE));
	remap_file_pages(self->view, self->page, 0, 1, 0);
	EXPECT_EQ(SIGSEGV, faults(self->view, true));
}

TEST_F(read_only, moved_mapping_is_still_so)
{
	uint8_t *moved = mremap(self->view, self->page, self->page, MREMAP_MAYMOVE | MREMAP_FIXED,
				self->view + 64 * self->page);
	uint8_t *twin = mremap(self->view + self->page, 0, self->page, MREMAP_MAYMOVE);

	ASSERT_NE(MAP_FAILED, moved);
	EXPECT_ERRNO(EACCES, mprotect(moved, self->page, PROT_READ | PROT_WRITE));
	if (twin != MAP_FAILED)
		EXPECT_ERRNO(EACCES, mprotect(twin, self->page, PROT_READ | PROT_WRITE));
}

/* Beside a writable mapping of the same memory, so that the two could be one. */
TEST_F(read_only, does_not_merge_with_a_writable_mapping)
{
	uint8_t *room = mmap(NULL, 2 * self->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(room, mmap(room, self->page, PROT_READ, MAP_SHARED | MAP_FIXED, self->fd, 0));
	ASSERT_EQ(room + self->page, mmap(room + self->page, self->page, PROT_READ,
					  MAP_SHARED | MAP_FIXED, self->reader, self->page));
	EXPECT_ERRNO(EACCES, mprotect(room, 2 * self->page, PROT_READ | PROT_WRITE));
	EXPECT_EQ(SIGSEGV, faults(room + self->page, true));
}

TEST_F(read_only, maps_with_the_read_only_flag)
{
	uint8_t *map = iobmd_map(self->reader, IOBMD_MAP_F_READ_ONLY | IOBMD_MAP_F_PREFAULT,
				 NULL, 0, 0);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	EXPECT_ERRNO(EACCES, mprotect(map, self->page, PROT_READ | PROT_WRITE));
}

TEST_F(read_only, cannot_be_opened_for_writing)
{
	const int modes[] = { O_WRONLY, O_RDWR, O_RDWR | O_TRUNC, O_WRONLY | O_APPEND };
	char path[64], map_file[128];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->reader);
	snprintf(map_file, sizeof(map_file), "/proc/self/map_files/%lx-%lx",
		 (unsigned long)self->view,
		 (unsigned long)self->view + (unsigned long)page_round(self->size));
	EXPECT_EQ(0, access("/proc/self/map_files", F_OK));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		EXPECT_ERRNO(EACCES, open(path, modes[i]));
		EXPECT_ERRNO(EACCES, open(map_file, modes[i]));
	}
	fcntl(self->reader, F_SETFL, O_RDWR);
	EXPECT_READ_ONLY(self->reader);
}

TEST_F(read_only, cannot_be_written)
{
	struct iovec iov = { "x", 1 };
	int pipe[2];

	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	ASSERT_EQ(1, write(pipe[1], "x", 1));
	EXPECT_ERRNO(EBADF, write(self->reader, "x", 1));
	EXPECT_ERRNO(EBADF, pwrite(self->reader, "x", 1, 1));
	EXPECT_ERRNO(EBADF, writev(self->reader, &iov, 1));
	EXPECT_ERRNO(EBADF, pwritev2(self->reader, &iov, 1, 0, 0));
	EXPECT_ERRNO(EBADF, splice(pipe[0], NULL, self->reader, NULL, 1, 0));
	EXPECT_ERRNO(EBADF, copy_file_range(self->fd, NULL, self->reader, NULL, 1, 0));
	EXPECT_EQ(-1, ftruncate(self->reader, 0));
	EXPECT_EQ(-1, fallocate(self->reader, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				self->page));
	EXPECT_EQ(-1, madvise(self->view, self->page, MADV_REMOVE));
}

static int ring_write(int fd, const void *data, unsigned int length)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int ret;

	ret = io_uring_queue_init(1, &ring, 0);
	if (ret)
		return ret;
	io_uring_prep_write(io_uring_get_sqe(&ring), fd, data, length, 0);
	io_uring_submit(&ring);
	ret = io_uring_wait_cqe(&ring, &cqe) ?: cqe->res;
	io_uring_queue_exit(&ring);
	return ret;
}

TEST_F(read_only, cannot_be_written_by_io_uring)
{
	EXPECT_EQ(-EBADF, ring_write(self->reader, "x", 1));
	EXPECT_EQ(1, ring_write(self->fd, self->map, 1));
}

TEST_F(read_only, mapping_cannot_be_where_the_kernel_writes)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	EXPECT_ERRNO(EFAULT, read(zero, self->view, 1));
	EXPECT_EQ(-1, ring_pin(self->view, self->page));
	close(zero);
}

TEST_F(read_only, mapping_cannot_be_written_from_another_process)
{
	struct peer peer = peer_start(self->reader, self->view, self->size);
	struct iovec local = { "x", 1 }, remote = { self->view, 1 };
	char path[64];
	int memory;

	EXPECT_ERRNO(EFAULT, process_vm_writev(peer.pid, &local, 1, &remote, 1, 0));
	snprintf(path, sizeof(path), "/proc/%d/mem", peer.pid);
	memory = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, memory);
	EXPECT_EQ(-1, pwrite(memory, "x", 1, (uintptr_t)self->view));
	EXPECT_EQ(-SIGSEGV, peer_write(&peer, 0, 'x'));
	EXPECT_EQ(0, peer_stop(&peer));
}

TEST_F(read_only, mapping_cannot_be_changed_by_a_debugger)
{
	struct peer peer = peer_start(self->reader, self->view, self->size);
	long word;
	int status;

	memcpy(&word, self->map, sizeof(word));
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, peer.pid, NULL, NULL));
	ASSERT_EQ(peer.pid, waitpid(peer.pid, &status, 0));
	EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, peer.pid, self->view, ~word));
	EXPECT_EQ(word, ptrace(PTRACE_PEEKDATA, peer.pid, self->view, NULL));
	EXPECT_EQ(0, ptrace(PTRACE_DETACH, peer.pid, NULL, NULL));
	EXPECT_EQ(0, peer_stop(&peer));
}

TEST_F(read_only, commands_that_change_are_refused)
{
	EXPECT_ERRNO(EACCES, iobmd_set_name(self->reader, "x"));
	EXPECT_ERRNO(EACCES, iobmd_resize(self->reader, 2 * self->size));
	EXPECT_ERRNO(EACCES, iobmd_resize(self->reader, 1));
	EXPECT_ERRNO(EACCES, iobmd_set_length(self->reader, 1));
	EXPECT_ERRNO(EACCES, iobmd_seal(self->reader, IOBMD_SEAL_SHRINK));
}

TEST_F(read_only, what_is_derived_from_it_is_too)
{
	EXPECT_READ_ONLY(iobmd_derive(self->reader, 0, 0, 0));
	EXPECT_READ_ONLY(iobmd_derive(self->reader, IOBMD_DERIVE_F_HOLD, 0, 0));
	EXPECT_READ_ONLY(iobmd_derive(self->reader, IOBMD_DERIVE_F_READ_ONLY, 0, 0));
	EXPECT_READ_ONLY(iobmd_window(self->reader, 0, self->page));
	EXPECT_READ_ONLY(iobmd_derive(iobmd_window(self->reader, 0, self->page), 0, 0, 0));
	EXPECT_READ_ONLY(dup(self->reader));
}

TEST_F(read_only, what_is_exported_from_it_is_too)
{
	int dmabuf = iobmd_export(self->reader, 0, 0, 0);
	uint8_t *map;

	ASSERT_LE(0, dmabuf);
	EXPECT_MAP_ERRNO(EACCES, mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_SHARED,
				      dmabuf, 0));
	map = mmap(NULL, self->page, PROT_READ, MAP_SHARED, dmabuf, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, 0, self->page, 1));
	EXPECT_ERRNO(EACCES, mprotect(map, self->page, PROT_READ | PROT_WRITE));
	remap_file_pages(map, self->page, 0, 1, 0);
	EXPECT_EQ(SIGSEGV, faults(map, true));
}

TEST_F(read_only, in_the_hands_of_another_process_is_too)
{
	int sockets[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(0, fd_send(sockets[0], self->reader));
	IN_CHILD(pid) {
		EXPECT_READ_ONLY(fd_receive(sockets[1]));
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(read_only, follows_the_size_of_the_buffer)
{
	ASSERT_EQ(0, iobmd_resize(self->fd, 5 * self->page));
	EXPECT_EQ(5 * self->page, IOBMD_INFO(self->reader, capacity));
	ASSERT_EQ(0, iobmd_resize(self->fd, self->page));
	EXPECT_EQ(self->page, IOBMD_INFO(self->reader, length));
	EXPECT_EQ(SIGBUS, faults(self->view + self->page, false));
	ASSERT_EQ(0, iobmd_resize(self->fd, self->size));
	fill_pattern(self->map, 0, self->size, 1);
}

TEST_F(read_only, offset_or_length_without_a_window_is_einval)
{
	EXPECT_ERRNO(EINVAL, iobmd_derive(self->fd, 0, self->page, 0));
	EXPECT_ERRNO(EINVAL, iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 1));
	EXPECT_ERRNO(EINVAL, iobmd_derive(self->fd, IOBMD_DERIVE_F_HOLD, 0, self->page));
}

/* A path to a descriptor outlives it, and its mappings. */
TEST_F(read_only, looked_at_by_a_path_that_outlives_it)
{
	struct stat st;
	char path[64];
	int by_path;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->reader);
	by_path = open(path, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, by_path);
	ASSERT_EQ(0, munmap(self->view, page_round(self->size)));
	close(self->reader);
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, fstat(by_path, &st));
		EXPECT_EQ(self->size, st.st_size);
	}
	close(by_path);
}

TEST_HARNESS_MAIN
