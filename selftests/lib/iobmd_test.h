/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by all tests. A wrapper of a system call returns what the call returns: -1
 * (MAP_FAILED) with errno set on failure.
 */
#ifndef IOBMD_TEST_H
#define IOBMD_TEST_H

/* In a program of several files, only the file with the cases has the harness. */
#ifdef IOBMD_TEST_NO_HARNESS
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#else
#include <kselftest_harness.h>
#endif

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "commands.h"
#include "iobmd_memory.h"

/*
 * Seconds for a case: the default of 30 is too short for a kernel with sanitizers in an
 * emulated machine.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#define IOBMD_LIST	"/sys/kernel/debug/iobmd/buffers"

#define IOBMD_RIGHTS_ALL							\
	(IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE | IOBMD_RIGHT_RESIZE)

/* EXPECT_ERRNO(EINVAL, ioctl(...)): the call fails, and with this errno. */
#define EXPECT_ERRNO(expected, call) do {				\
	long long __ret;						\
	int __errno;							\
									\
	errno = 0;							\
	__ret = (long long)(call);					\
	__errno = errno;						\
	EXPECT_EQ(-1, __ret) {						\
		TH_LOG("succeeded: %s", #call);				\
	}								\
	EXPECT_EQ(expected, __errno) {					\
		TH_LOG("%s: %s", #call, strerror(__errno));		\
	}								\
} while (0)

/* EXPECT_MAP_ERRNO(EINVAL, mmap(...)): the same for calls that map. */
#define EXPECT_MAP_ERRNO(expected, call)				\
	EXPECT_ERRNO(expected, (call) == MAP_FAILED ? -1 : 0)

/* Waits for something that another process or the kernel is about to do. */
#define AWAIT(condition) do {						\
	while (!(condition))						\
		sched_yield();						\
} while (0)

/*
 * IN_CHILD(pid) { ... }: runs the block in a child, where a failed EXPECT or
 * ASSERT makes child_status() non-zero. Leave the block at its end only, or by
 * _exit(). The child is killed when its parent dies.
 */
#define IN_CHILD(pid)							\
	for ((pid) = child_fork(); (pid) == 0; _exit(_metadata->exit_code))

static inline pid_t child_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* Waits for @pid. Returns its exit status, 128 + the signal that ended it, or -1. */
static inline int child_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Zeroed memory that this process shares with those that it forks; or MAP_FAILED. */
static inline void *shared_memory(size_t length)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* For values that other processes change meanwhile. */
static inline uint64_t shared_load(const uint64_t *what)
{
	return __atomic_load_n(what, __ATOMIC_SEQ_CST);
}

static inline void shared_count(uint64_t *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_SEQ_CST);
}

/* A one-shot event between processes: created before the fork, posted and awaited once. */
static inline int event_create(void)
{
	return eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
}

static inline int event_post(int event)
{
	return eventfd_write(event, 1);
}

static inline int event_await(int event)
{
	eventfd_t value;

	return eventfd_read(event, &value);
}

static inline int iobmd_create_huge(uint64_t capacity, uint32_t huge)
{
	struct iobmd_create args = { .capacity = capacity, .huge = huge };

	return iobmd_create_args(&args);
}

static inline int iobmd_window(int fd, uint64_t offset, uint64_t length)
{
	return iobmd_derive(fd, IOBMD_DERIVE_F_WINDOW, offset, length);
}

static inline size_t huge_page_size(void)
{
	int fd = iobmd_create(1);
	size_t size = IOBMD_INFO(fd, huge_page_size);

	close(fd);
	return size;
}

/* The kernel aligns mappings for huge pages, except from 6.12 on for 32-bit programs. */
#define ADDRESSES_FIT_HUGE_PAGES	(sizeof(void *) >= sizeof(uint64_t))

#define NO_ADDRESS_FITS	"a 32-bit program finds such addresses itself"

/* An aligned address to pass to mmap(2) in that case; NULL if the kernel aligns it. */
static inline void *address_hint(int fd, size_t length)
{
	size_t huge = IOBMD_INFO(fd, huge_page_size);
	uint8_t *room;

	if (ADDRESSES_FIT_HUGE_PAGES || !huge)
		return NULL;
	room = mmap(NULL, length + huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (room == MAP_FAILED)
		return NULL;
	munmap(room, length + huge);
	return address_round(room, huge);
}

/* mmap(2) of everything up to the length, rounded up to whole pages. */
static inline void *map_buffer(int fd, int prot)
{
	uint64_t length = page_round(IOBMD_INFO(fd, length));

	return mmap(address_hint(fd, length), length, prot, MAP_SHARED, fd, 0);
}

/* The lowest free descriptor, to detect one that is left open. */
static inline int next_fd(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

/*
 * The number of lines in the module's list: those of buffer @id, or all if @id is 0. -1
 * without a list.
 */
static inline int buffers_listed(uint64_t id)
{
	char line[256];
	int count = 0;
	FILE *list = fopen(IOBMD_LIST, "re");

	if (!list)
		return -1;
	while (fgets(line, sizeof(line), list))
		count += isdigit(line[0]) && (!id || strtoull(line, NULL, 10) == id);
	fclose(list);
	return count;
}

static inline int buffer_listed(uint64_t id)
{
	return buffers_listed(id);
}

/* Expects that the buffer cannot be changed through @fd in any way. */
#define EXPECT_READ_ONLY(fd) do {					\
	int __fd = (fd);						\
									\
	ASSERT_LE(0, __fd);						\
	EXPECT_EQ(IOBMD_RIGHT_READ, IOBMD_INFO(__fd, rights));		\
	EXPECT_EQ(O_RDONLY, fcntl(__fd, F_GETFL) & O_ACCMODE);		\
	EXPECT_MAP_ERRNO(EACCES, mmap(NULL, 1, PROT_READ | PROT_WRITE,	\
				      MAP_SHARED, __fd, 0));		\
	EXPECT_MAP_ERRNO(EACCES, mmap(NULL, 1, PROT_WRITE, MAP_SHARED, __fd, 0)); \
	EXPECT_MAP_ERRNO(EACCES, iobmd_map(__fd, 0, NULL, 0, 0));	\
	EXPECT_ERRNO(EBADF, pwrite(__fd, "x", 1, 0));			\
} while (0)

#endif /* IOBMD_TEST_H */
