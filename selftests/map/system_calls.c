// SPDX-License-Identifier: GPL-2.0
/* A mapping is memory to every system call that takes a pointer. */
#include "machine.h"
#include "peer.h"
#include "pin.h"

#include <sys/mman.h>
#include <sys/ptrace.h>

FIXTURE(call)
{
	size_t page;
	uint64_t size;
	int fd;
	uint8_t *map;
	uint8_t *data;		/* ordinary memory of that size */
	int pipe[2];
};

FIXTURE_VARIANT(call)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(call, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(call, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(call)
{
	self->page = page_size();
	self->size = huge_page_size() + 3 * self->page;
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	self->data = malloc(self->size);
	ASSERT_NE(NULL, self->data);
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
}

FIXTURE_TEARDOWN(call)
{
	close(self->pipe[0]);
	close(self->pipe[1]);
	free(self->data);
	munmap(self->map, self->size);
	close(self->fd);
}

TEST_F(call, write_to_a_file_and_read_back)
{
	int file = memfd_create("file", MFD_CLOEXEC);

	fill_pattern(self->map, 0, self->size, 1);
	ASSERT_EQ(self->size, pwrite(file, self->map, self->size, 0));
	ASSERT_EQ(self->size, pread(file, self->data, self->size, 0));
	EXPECT_EQ(-1, check_pattern(self->data, 0, self->size, 1));
	memset(self->map, 0, self->size);
	ASSERT_EQ(self->size, pread(file, self->map, self->size, 0));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
	close(file);
}

TEST_F(call, write_to_a_pipe_and_read_back)
{
	fill_pattern(self->map, 0, self->page, 2);
	ASSERT_EQ(self->page, write(self->pipe[1], self->map, self->page));
	ASSERT_EQ(self->page, read(self->pipe[0], self->map + self->size - self->page,
				   self->page));
	EXPECT_EQ(-1, check_pattern(self->map + self->size - self->page, 0, self->page, 2));
}

TEST_F(call, read_into_a_read_only_mapping_is_refused)
{
	void *map = map_buffer(self->fd, PROT_READ);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	EXPECT_ERRNO(EFAULT, read(self->pipe[0], map, 1));
	EXPECT_EQ(0, self->map[0]);
	munmap(map, self->size);
}

TEST_F(call, read_beyond_a_new_end_is_refused)
{
	ASSERT_EQ(0, iobmd_resize(self->fd, self->page));
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	EXPECT_ERRNO(EFAULT, read(self->pipe[0], self->map + self->page, 1));
	EXPECT_EQ(1, read(self->pipe[0], self->map, 1));
	EXPECT_EQ('x', self->map[0]);
}

TEST_F(call, vmsplice_shows_the_contents_in_the_pipe)
{
	uint64_t at = self->size - 2 * self->page;

	fill_pattern(self->map + at, 0, self->page, 3);
	ASSERT_EQ(self->page, pipe_put(self->pipe[1], self->map + at));
	ASSERT_EQ(self->page, read(self->pipe[0], self->data, self->page));
	EXPECT_EQ(-1, check_pattern(self->data, 0, self->page, 3));
}

TEST_F(call, vmsplice_does_not_copy)
{
	fill_pattern(self->map, 0, self->page, 4);
	ASSERT_EQ(self->page, pipe_put(self->pipe[1], self->map));
	fill_pattern(self->map, 0, self->page, 5);
	ASSERT_EQ(self->page, read(self->pipe[0], self->data, self->page));
	EXPECT_EQ(-1, check_pattern(self->data, 0, self->page, 5));
}

TEST_F(call, vmsplice_beyond_a_new_end_is_refused)
{
	ASSERT_EQ(0, iobmd_resize(self->fd, self->page));
	EXPECT_ERRNO(EFAULT, pipe_put(self->pipe[1], self->map + self->page));
}

TEST_F(call, process_vm_readv_of_another_process)
{
	struct peer peer = peer_start(self->fd, self->map, self->size);
	struct iovec remote = { self->map, self->size }, local = { self->data, self->size };

	fill_pattern(self->map, 0, self->size, 6);
	munmap(self->map, self->size);
	ASSERT_EQ(self->size, process_vm_readv(peer.pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(-1, check_pattern(self->data, 0, self->size, 6));
	EXPECT_EQ(0, peer_stop(&peer));
}

TEST_F(call, process_vm_writev_into_another_process)
{
	struct peer peer = peer_start(self->fd, self->map, self->size);
	struct iovec remote = { self->map, self->size }, local = { self->data, self->size };

	fill_pattern(self->data, 0, self->size, 7);
	ASSERT_EQ(self->size, process_vm_writev(peer.pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 7));
	EXPECT_EQ(0, peer_stop(&peer));
}

TEST_F(call, process_vm_readv_from_the_buffer_into_the_buffer)
{
	struct iovec from = { self->map, self->page };
	struct iovec to = { self->map + self->size - self->page, self->page };

	fill_pattern(self->map, 0, self->page, 8);
	ASSERT_EQ(self->page, process_vm_readv(getpid(), &to, 1, &from, 1, 0));
	EXPECT_EQ(-1, check_pattern(to.iov_base, 0, self->page, 8));
}

TEST_F(call, debugger_reads_and_changes_the_buffer)
{
	struct peer peer = peer_start(self->fd, self->map, self->size);
	long *word = (long *)(self->map + self->page);
	int status;

	*word = 1234;
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, peer.pid, NULL, NULL));
	ASSERT_EQ(peer.pid, waitpid(peer.pid, &status, 0));
	errno = 0;
	EXPECT_EQ(1234, ptrace(PTRACE_PEEKDATA, peer.pid, word, NULL));
	EXPECT_EQ(0, errno);
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, peer.pid, word, (void *)4321));
	EXPECT_EQ(4321, *word);
	EXPECT_EQ(0, ptrace(PTRACE_DETACH, peer.pid, NULL, NULL));
	EXPECT_EQ(0, peer_stop(&peer));
}

TEST_F(call, proc_pid_mem_reads_the_buffer)
{
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, memory);
	fill_pattern(self->map, 0, self->page, 9);
	ASSERT_EQ(self->page, pread(memory, self->data, self->page, (uintptr_t)self->map));
	EXPECT_EQ(-1, check_pattern(self->data, 0, self->page, 9));
	close(memory);
}

/* Not a private copy: what a debugger forces in is seen by all processes, or by none */
TEST_F(call, debugger_cannot_write_through_a_read_only_mapping)
{
	uint8_t *map = map_buffer(self->fd, PROT_READ);
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_LE(0, memory);
	pwrite(memory, "x", 1, (uintptr_t)map);
	EXPECT_EQ(map[0], self->map[0]);
	EXPECT_EQ(page_frame(self->map), page_frame(map));
	close(memory);
	munmap(map, self->size);
}

TEST_F(call, child_without_the_mapping_faults)
{
	pid_t pid;

	ASSERT_EQ(0, madvise(self->map, self->size, MADV_DONTFORK));
	IN_CHILD(pid) {
		EXPECT_EQ(SIGSEGV, faults(self->map, false));
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(0, faults(self->map, true));
}

TEST_F(call, mincore_says_that_it_is_resident)
{
	unsigned char resident[self->size / self->page];

	ASSERT_EQ(0, mincore(self->map, self->size, resident));
	for (size_t i = 0; i < sizeof(resident); i++) {
		EXPECT_EQ(1, resident[i] & 1);
	}
}

TEST_HARNESS_MAIN
