/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ways in which the kernel keeps references to the memory of a mapping: pages in a
 * pipe, and pages pinned by io_uring for DMA. Also stamps, which quickly show whether
 * each page of a buffer is still the same.
 */
#ifndef IOBMD_TEST_PIN_H
#define IOBMD_TEST_PIN_H

#include "iobmd_test.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>

/* Whether the running kernel is this version or newer. */
static inline bool kernel_at_least(int major, int minor)
{
	struct utsname name;
	int a, b;

	if (uname(&name) || sscanf(name.release, "%d.%d", &a, &b) != 2)
		return false;
	return a > major || (a == major && b >= minor);
}

/* Older kernels let io_uring register only anonymous, shmem and hugetlb memory. */
static inline bool kernel_registers_files(void)
{
	return kernel_at_least(6, 12);
}

/* Puts a page of a mapping into a pipe, without a copy. */
static inline ssize_t pipe_put(int pipe_in, void *page)
{
	struct iovec iov = { page, page_size() };

	return vmsplice(pipe_in, &iov, 1, 0);
}

/* Reads a page from the pipe; -1 if it lacks @stamp. */
static inline int pipe_take(int pipe_out, uint64_t stamp)
{
	uint64_t bytes[page_size() / sizeof(uint64_t)];

	if (read(pipe_out, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
		return -1;
	return bytes[0] == stamp ? 0 : -1;
}

/* Registers a range with a new ring, which pins it. Returns the ring, or -1. */
static inline int ring_pin(void *address, size_t length)
{
	struct io_uring_params params = { 0 };
	struct iovec iov = { address, length };
	int ring = syscall(__NR_io_uring_setup, 1, &params);
	int saved_errno;

	if (ring < 0)
		return -1;
	if (!syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1))
		return ring;
	saved_errno = errno;
	close(ring);
	errno = saved_errno;
	return -1;
}

/* Unpins the range at once; close() would do so some time later. */
static inline int ring_unpin(int ring)
{
	return syscall(__NR_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
}

static inline uint64_t stamp_of(uint64_t offset)
{
	return (offset + 1) * 0x9e3779b97f4a7c15ull;
}

/* Writes a stamp at the start of every page of [0, @end) of a buffer. */
static inline void stamp_pages(void *map, uint64_t end)
{
	for (uint64_t at = 0; at < end; at += page_size())
		*(volatile uint64_t *)((char *)map + at) = stamp_of(at);
}

/* The offset of the first page of [0, @end) that lacks its stamp, or -1. */
static inline int64_t stamps_lost(const void *map, uint64_t end)
{
	for (uint64_t at = 0; at < end; at += page_size()) {
		if (faults((const char *)map + at, false) ||
		    *(const volatile uint64_t *)((const char *)map + at) != stamp_of(at))
			return at;
	}
	return -1;
}

/* The offset of the first page of [@from, @end) that does not raise SIGBUS, or -1. */
static inline int64_t pages_left(const void *map, uint64_t from, uint64_t end, bool write)
{
	for (uint64_t at = from; at < end; at += page_size()) {
		if (faults((const char *)map + at, write) != SIGBUS)
			return at;
	}
	return -1;
}

#endif /* IOBMD_TEST_PIN_H */
