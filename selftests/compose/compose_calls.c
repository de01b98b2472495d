// SPDX-License-Identifier: GPL-2.0
/* System calls that take a pointer take one into a mapping of a composite. */
#include "composite_use.h"
#include "machine.h"
#include "peer.h"
#include "pin.h"

#include <linux/futex.h>
#include <sys/ptrace.h>

/* The pages around the edge between the two buffers, not touched yet */
#define around(self, map)	((map) + (self)->edge - 2 * (self)->page)

#define map_writable(self)						\
	((uint8_t *)mmap(NULL, (self)->whole, PROT_READ | PROT_WRITE, MAP_SHARED, (self)->fd, 0))

TEST_F(composite, disk_is_read_into_it)
{
	uint8_t *map = map_writable(self), *data = malloc(self->whole);
	int disk = disk_open(0), direct = disk_open(O_DIRECT);

	ASSERT_LE(0, disk) {
		TH_LOG("no scratch disk of %llu bytes", DISK_BYTES);
	}
	fill_pattern(data, 0, self->whole, 5);
	ASSERT_EQ(self->whole, pwrite(disk, data, self->whole, 0));
	ASSERT_EQ(0, fsync(disk));
	/* First a piece across the edge: a huge page's last sector, and a bit of the next */
	ASSERT_EQ(4 * SECTOR, pread(direct, map + self->edge - SECTOR, 4 * SECTOR,
				    self->edge - SECTOR));
	EXPECT_EQ(-1, composite_differs(map, 0, self->edge - SECTOR));
	EXPECT_EQ(-1, check_pattern(map + self->edge - SECTOR, self->edge - SECTOR,
				    4 * SECTOR, 5));
	ASSERT_EQ(self->whole, pread(direct, map, self->whole, 0));
	EXPECT_EQ(-1, check_pattern(self->a.map + self->start, 0, self->edge, 5));
	EXPECT_EQ(-1, check_pattern(self->b.map, self->edge, self->b.size, 5));
	EXPECT_SHOWS(self->a.map, self->a, 0, self->start);
	free(data);
}

TEST_F(composite, disk_is_written_from_it)
{
	uint8_t *map = map_writable(self), *data = malloc(self->whole);
	int disk = disk_open(0), direct = disk_open(O_DIRECT);

	ASSERT_LE(0, disk);
	member_drop(&self->a);
	member_drop(&self->b);
	close(self->fd);
	ASSERT_EQ(self->whole, pwrite(direct, map, self->whole, 0));
	ASSERT_EQ(self->whole, pread(disk, data, self->whole, 0));
	EXPECT_EQ(-1, composite_differs(data, 0, self->length));
	free(data);
}

/* Pages in a pipe are in use, also if they came through a composite. */
TEST_F(composite, pages_are_put_into_a_pipe)
{
	uint8_t *map = map_writable(self), *from = around(self, map), *data = malloc(self->whole);
	struct iovec iov = { from, 4 * self->page };
	int pipe[2];

	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	ASSERT_EQ(4 * self->page, vmsplice(pipe[1], &iov, 1, 0));
	munmap(map, self->whole);
	close(self->fd);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->a.fd, 1));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->b.fd, 1));
	/* Without a copy: what is written now is what comes out */
	memset(self->b.map, 0xee, self->page);
	ASSERT_EQ(4 * self->page, read(pipe[0], data, self->whole));
	EXPECT_EQ(-1, composite_differs(data, self->edge - 2 * self->page, 2 * self->page));
	EXPECT_EQ(-1, check_bytes(data + 2 * self->page, self->page, 0xee));
	EXPECT_EQ(0, iobmd_resize(self->a.fd, 1));
	EXPECT_EQ(0, iobmd_resize(self->b.fd, 1));
	free(data);
}

TEST_F(composite, another_process_reads_and_writes_it_by_address)
{
	uint8_t *map = map_writable(self), *data = malloc(self->length);
	struct peer peer = peer_start(self->fd, map, self->whole);
	struct iovec local = { data, self->length }, remote = { map, self->length };

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(self->length, process_vm_readv(peer.pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(-1, composite_differs(data, 0, self->length));
	fill_pattern(data, 0, self->length, 6);
	ASSERT_EQ(self->length, process_vm_writev(peer.pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(-1, check_pattern(map, 0, self->length, 6));
	EXPECT_EQ(-1, check_pattern(self->b.map, self->edge, self->b.size, 6));
	EXPECT_EQ(0, peer_stop(&peer));
	free(data);
}

TEST_F(composite, debugger_reads_and_writes_it)
{
	uint8_t *map = map_writable(self), *at = map + self->edge - 4;
	struct peer peer = peer_start(self->fd, map, self->whole);
	char path[64], data[8];
	int memory, status;
	long word;

	snprintf(path, sizeof(path), "/proc/%d/mem", peer.pid);
	memory = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_EQ(sizeof(data), pread(memory, data, sizeof(data), (uintptr_t)at));
	EXPECT_EQ(-1, composite_differs((uint8_t *)data, self->edge - 4, sizeof(data)));
	ASSERT_EQ(sizeof(data), pwrite(memory, "abcdefgh", sizeof(data), (uintptr_t)at));
	EXPECT_EQ(0, memcmp(self->a.map + self->a.size - 4, "abcd", 4));
	EXPECT_EQ(0, memcmp(self->b.map, "efgh", 4));
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, peer.pid, NULL, NULL));
	ASSERT_EQ(peer.pid, waitpid(peer.pid, &status, 0));
	word = ptrace(PTRACE_PEEKDATA, peer.pid, map + self->edge, NULL);
	EXPECT_EQ(0, memcmp(self->b.map, &word, sizeof(word)));
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, peer.pid, map + self->edge, ~word));
	EXPECT_EQ(~word, *(long *)self->b.map);
	EXPECT_EQ(0, ptrace(PTRACE_DETACH, peer.pid, NULL, NULL));
	EXPECT_EQ(0, peer_stop(&peer));
}

TEST_F(composite, memory_is_pinned_for_io_uring)
{
	uint8_t *map = map_writable(self);
	int ring = ring_pin(map, self->length);

	EXPECT_EQ(kernel_registers_files(), ring >= 0);
	if (ring < 0)
		return;
	munmap(map, self->whole);
	close(self->fd);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->a.fd, 1));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->b.fd, 1));
	EXPECT_SHOWS(self->b.map, self->b, 0, self->b.size);
	ASSERT_EQ(0, ring_unpin(ring));
	EXPECT_EQ(0, iobmd_resize(self->a.fd, 1));
	EXPECT_EQ(0, iobmd_resize(self->b.fd, 1));
}

/* Its own mapping is where a file's and the composite's bytes come from and go to. */
TEST_F(composite, reads_and_writes_into_itself)
{
	uint8_t *map = map_writable(self), *data = malloc(self->length);
	int file = memfd_create("file", MFD_CLOEXEC);

	ASSERT_EQ(self->length, pwrite(file, map, self->length, 0));
	ASSERT_EQ(self->length, pread(file, data, self->length, 0));
	EXPECT_EQ(-1, composite_differs(data, 0, self->length));
	ASSERT_EQ(self->length, pread(self->fd, map, self->length, 0));
	EXPECT_EQ(-1, composite_differs(map, 0, self->length));
	ASSERT_EQ(0, madvise(map, self->whole, MADV_DONTNEED));
	ASSERT_EQ(self->length, pwrite(self->fd, map, self->length, 0));
	EXPECT_EQ(-1, composite_differs(map, 0, self->length));
	free(data);
}

#define MOVE	2	/* MPOL_MF_MOVE of move_pages(2) */

TEST_F_TIMEOUT(composite, memory_is_not_moved, 120)
{
	uint8_t *map = map_writable(self);
	void *pages[] = { map, map + self->edge, map + self->whole - self->page };
	uint64_t frames[ARRAY_SIZE(pages)];
	int status[ARRAY_SIZE(pages)];
	pid_t compaction = compaction_start();

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, composite_differs(map, 0, self->length));
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		frames[i] = page_frame(pages[i]);
	for (int round = 0; round < 6; round++) {
		const int nodes[ARRAY_SIZE(pages)] = { round & 1, round & 1, round & 1 };

		syscall(SYS_move_pages, 0, ARRAY_SIZE(pages), pages, nodes, status, MOVE);
		EXPECT_EQ(0, file_write("/proc/sys/vm/drop_caches", "3"));
		EXPECT_EQ(-1, composite_differs(map, 0, self->length));
		for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
			EXPECT_EQ(frames[i], page_frame(pages[i]));
		EXPECT_EQ(0, madvise(map, self->whole, MADV_DONTNEED));
	}
	compaction_stop(compaction);
}

static long futex(uint32_t *word, int op, uint32_t value)
{
	return syscall(__NR_futex, word, op, value, NULL, NULL, 0);
}

/* A lock is one lock, in the buffer's own mapping and in the composite's. */
static void expect_wakes(struct __test_metadata *_metadata, uint32_t *here, uint32_t *there)
{
	pid_t pid;

	*here = 0;
	IN_CHILD(pid) {
		while (!__atomic_load_n(there, __ATOMIC_SEQ_CST))
			futex(there, FUTEX_WAIT, 0);
	}
	/* Woken before the word changes: only a task that really waits is counted. */
	AWAIT(futex(here, FUTEX_WAKE, 1) == 1);
	__atomic_store_n(here, 1, __ATOMIC_SEQ_CST);
	futex(here, FUTEX_WAKE, 1);
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(composite, futex_is_the_same_as_in_the_buffer)
{
	uint8_t *map = map_writable(self), *other;
	uint64_t at = 3 * self->page + 64;
	int second = compose(0, part(self->b.fd, 2 * self->page, 2 * self->page));

	other = map_buffer(second, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, (void *)other);
	expect_wakes(_metadata, (uint32_t *)(self->b.map + at),
		     (uint32_t *)(map + self->edge + at));
	expect_wakes(_metadata, (uint32_t *)(map + self->edge + at),
		     (uint32_t *)(self->b.map + at));
	expect_wakes(_metadata, (uint32_t *)(map + self->edge + at),
		     (uint32_t *)(other + self->page + 64));
	expect_wakes(_metadata, (uint32_t *)(self->a.map + self->start),
		     (uint32_t *)map);
}

TEST_HARNESS_MAIN
