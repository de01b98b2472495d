// SPDX-License-Identifier: GPL-2.0
/*
 * A program with an own allocator, which uses memfds in unusual ways: a mode for each.
 * memfd_preload.c runs it, in part with memfds and with buffers, to compare.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "show.h"

/* Each allocation is a mapping, which begins with its length. */
struct allocation {
	union {
		size_t length;
		max_align_t aligned;
	};
	char data[];
};

void *malloc(size_t size)
{
	size_t length = sizeof(struct allocation) + size;
	struct allocation *new;

	if (length < size)
		return NULL;
	new = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (new == MAP_FAILED)
		return NULL;
	new->length = length;
	return new->data;
}

static struct allocation *allocation_of(void *data)
{
	return (struct allocation *)((char *)data - offsetof(struct allocation, data));
}

void free(void *data)
{
	if (data)
		munmap(allocation_of(data), allocation_of(data)->length);
}

void *calloc(size_t count, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(count, size, &bytes) ? NULL : malloc(bytes);
}

void *realloc(void *data, size_t size)
{
	void *new = malloc(size);
	size_t old;

	if (!new || !data)
		return new;
	old = allocation_of(data)->length - sizeof(struct allocation);
	memcpy(new, data, old < size ? old : size);
	free(data);
	return new;
}

static int make(unsigned int flags)
{
	int fd = memfd_create("corner", flags);

	if (fd < 0) {
		perror("memfd_create");
		exit(1);
	}
	return fd;
}

static int show_name(void)
{
	char path[64], name[256];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", make(0));
	length = readlink(path, name, sizeof(name));
	printf("%.*s\n", (int)(length < 0 ? 0 : length), name);
	return 0;
}

/* One of two threads that extend the same file */
struct extension {
	pthread_barrier_t *start;
	long wait_ns;
	int fd;
	off_t offset;
};

static long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void *extend(void *argument)
{
	const struct extension *extension = argument;
	long end;

	pthread_barrier_wait(extension->start);
	end = now_ns() + extension->wait_ns;
	while (now_ns() < end)
		;
	if (pwrite(extension->fd, "x", 1, extension->offset) != 1)
		perror("pwrite");
	return NULL;
}

static bool has_byte(int fd, off_t offset)
{
	char byte;

	return pread(fd, &byte, 1, offset) == 1 && byte == 'x';
}

/* Whether a file that two threads extend, the second after a while, has what they wrote. */
static bool extend_by_two(off_t first, off_t second, long wait_ns)
{
	pthread_barrier_t start;
	int fd = make(0);
	struct extension one = { &start, 0, fd, first }, two = { &start, wait_ns, fd, second };
	pthread_t thread;
	bool whole;

	if (pthread_barrier_init(&start, NULL, 2) || pthread_create(&thread, NULL, extend, &two))
		exit(1);
	extend(&one);
	pthread_join(thread, NULL);
	whole = size_of(fd) == second + 1 && has_byte(fd, first) && has_byte(fd, second);
	close(fd);
	return whole;
}

#define MIB	1048576L

static int show_threads(void)
{
	long far = 0, near = 0;

	for (long i = 0; i < 100; i++)
		far += extend_by_two(3 * MIB, 10 * MIB, i % 10 * 10000);
	for (long i = 0; i < 400; i++)
		near += extend_by_two(3 * MIB, 3 * MIB + 4096, i * 1000);
	show(far);
	show(near);
	return 0;
}

/* Writes that fail or are short leave the size as it is. */
static int show_failures(void)
{
	long page = sysconf(_SC_PAGESIZE);
	int sealed = make(MFD_ALLOW_SEALING), fd = make(0);
	char *data = mmap(NULL, 4 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec iov = { data, 4 * page };

	show(ftruncate(sealed, page));
	show(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE));
	show(pwrite(sealed, "x", 1, 2 * page));
	show(lseek(sealed, 0, SEEK_END) - page);
	show(write(sealed, "x", 1));
	show(size_of(sealed) - page);

	show(mprotect(data, page, PROT_READ | PROT_WRITE));
	show(ftruncate(fd, 3 * page));
	show(pwrite(fd, data, 4 * page, 0) - page);
	show(size_of(fd) - 3 * page);
	show(write(fd, data, 4 * page) - page);
	show(lseek(fd, 0, SEEK_SET));
	show(writev(fd, &iov, 1) - page);
	show(size_of(fd) - 3 * page);
	return 0;
}

/* The lowest that is free */
static int show_descriptors(void)
{
	show(make(0));
	show(make(MFD_CLOEXEC));
	show(fcntl(make(0), F_GETFD));
	show(fcntl(make(MFD_CLOEXEC), F_GETFD));
	close(0);
	show(make(0));
	return 0;
}

/* Whether something is mapped */
static int look(void *address, long page)
{
	unsigned char in_core;

	return mincore(address, page, &in_core);
}

/* A mapping that fails for lack of descriptors must not have replaced another. */
static int show_fixed(void)
{
	long page = sysconf(_SC_PAGESIZE);
	struct rlimit none = { 0 };
	int fd = make(0);
	void *map = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *fixed;

	show(pwrite(fd, "data", 5, 0));
	show(ftruncate(fd, page));
	fixed = mmap(map, page, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
	printf("%d %s\n", map == fixed, map == fixed ? (char *)fixed : "");
	setrlimit(RLIMIT_NOFILE, &none);
	fixed = mmap(map, page, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
	printf("%s\n", fixed == MAP_FAILED ? "failed" : "mapped");
	show(look(map, page));
	return 0;
}

static int run_again(const char *mode)
{
	execl("/proc/self/exe", "corners", mode, NULL);
	return 1;
}

/* Standard error is a pipe without a reader. */
static int lose_reader(void)
{
	int pipes[2];

	if (pipe(pipes) || dup2(pipes[1], 2) < 0)
		return 1;
	close(pipes[0]);
	close(pipes[1]);
	return run_again("name");
}

/* Standard error is a pipe without room. */
static int fill_pipe(void)
{
	int pipes[2];

	if (pipe(pipes) || dup2(pipes[1], 2) < 0 || fcntl(2, F_SETFL, O_NONBLOCK) < 0)
		return 1;
	while (write(2, "x", 1) == 1)
		;
	return fcntl(2, F_SETFL, 0) ? 1 : run_again("name");
}

/* Another file has the number of standard error. */
static int reuse_number(void)
{
	int file;

	close(2);
	file = open("/tmp/corner", O_RDWR | O_CREAT | O_EXCL, 0600);
	unlink("/tmp/corner");
	show(file);
	make(0);
	show(size_of(file));
	return 0;
}

static int show_odd_name(void)
{
	return memfd_create("odd\033[1m\n\303\274", 0) < 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} modes[] = {
	{ "name", show_name },
	{ "threads", show_threads },
	{ "failures", show_failures },
	{ "descriptors", show_descriptors },
	{ "fixed", show_fixed },
	{ "no-reader", lose_reader },
	{ "full-pipe", fill_pipe },
	{ "reused", reuse_number },
	{ "odd-name", show_odd_name },
	{ NULL, NULL }
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && modes[i].name; i++) {
		if (!strcmp(argv[1], modes[i].name))
			return modes[i].run();
	}
	fprintf(stderr, "no such mode\n");
	return 2;
}
