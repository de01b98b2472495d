// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libiobmd-memfd: a preloaded library that gives a program buffers instead of memfds.
 * This file creates them; calls.c and write.c have the calls that change them.
 */
#include "memfd.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

/* Since Linux 6.3 */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* The maximum length of the name of a memfd, see memfd_create(2). */
#define MEMFD_NAME_MAX 249

/* The flags that a buffer supports. It is never executable: MFD_EXEC needs a real memfd. */
#define BUFFER_FLAGS (MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_NOEXEC_SEAL)
#define HUGETLB_FLAGS ((unsigned int)MFD_HUGE_MASK << MFD_HUGE_SHIFT)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct memfd_next next;
static struct memfd_options options;

static void find_next(void)
{
	next.memfd_create = dlsym(RTLD_NEXT, "memfd_create");
	next.syscall = dlsym(RTLD_NEXT, "syscall");
	next.fcntl = dlsym(RTLD_NEXT, "fcntl");
	next.fcntl64 = dlsym(RTLD_NEXT, "fcntl64");
#ifdef IOBMD_MEMFD_TIME64
	next.fcntl_time64 = dlsym(RTLD_NEXT, "__fcntl_time64");
#endif
	next.ftruncate = dlsym(RTLD_NEXT, "ftruncate");
	next.ftruncate64 = dlsym(RTLD_NEXT, "ftruncate64");
	next.fallocate = dlsym(RTLD_NEXT, "fallocate");
	next.fallocate64 = dlsym(RTLD_NEXT, "fallocate64");
	next.posix_fallocate64 = dlsym(RTLD_NEXT, "posix_fallocate64");
	next.write = dlsym(RTLD_NEXT, "write");
	next.writev = dlsym(RTLD_NEXT, "writev");
	next.pwrite64 = dlsym(RTLD_NEXT, "pwrite64");
	next.mmap = dlsym(RTLD_NEXT, "mmap");
	next.mmap64 = dlsym(RTLD_NEXT, "mmap64");
}

/* A value that the launcher does not write fails when a buffer is created. */
static uint32_t read_huge(const char *value)
{
	if (!value || !strcmp(value, "allow"))
		return IOBMD_HUGE_PREFER;
	if (!strcmp(value, "never"))
		return IOBMD_HUGE_NONE;
	return strcmp(value, "require") ? UINT32_MAX : IOBMD_HUGE_REQUIRE;
}

static int32_t read_node(const char *value)
{
	char *end;
	long node;

	errno = 0;
	node = strtol(value, &end, 10);
	return errno || end == value || *end || node < 0 || node > INT32_MAX ? -1 : node;
}

static bool is_set(const char *value)
{
	return value && *value && strcmp(value, "0");
}

static void read_prefix(const char *value)
{
	if (value)
		memcpy(options.prefix, value, strnlen(value, IOBMD_NAME_MAX));
}

static void read_options(void)
{
	const char *node = getenv("IOBMD_MEMFD_NODE");

	options.huge = read_huge(getenv("IOBMD_MEMFD_HUGE"));
	options.has_node = node;
	options.node = node ? read_node(node) : 0;
	read_prefix(getenv("IOBMD_MEMFD_NAME"));
	options.strict = is_set(getenv("IOBMD_MEMFD_STRICT"));
	options.verbose = is_set(getenv("IOBMD_MEMFD_VERBOSE"));
}

/* Must not allocate: the program's malloc(3) may call mmap(2), which waits for this. */
static void prepare(void)
{
	int saved_errno = errno;

	find_next();
	read_options();
	memfd_say_prepare();
	errno = saved_errno;
}

/* Runs before the program: a signal handler may call write(2), but not dlsym(3). */
static __attribute__((constructor)) void prepare_once(void)
{
	pthread_once(&once, prepare);
}

const struct memfd_next *memfd_next(void)
{
	prepare_once();
	return &next;
}

const struct memfd_options *memfd_options(void)
{
	prepare_once();
	return &options;
}

static void say_made(const char *name, int fd)
{
	struct iobmd_get_info info;

	if (memfd_buffer_ask(fd, &info))
		memfd_say("iobmd-memfd: %s[%d]: descriptor %d, \"%s\", is buffer %llu",
			  program_invocation_short_name, getpid(), fd, name,
			  (unsigned long long)info.id);
}

/* Reported once in each process, unless --verbose. */
static void say_failed(const char *name)
{
	static bool said;

	if (__atomic_exchange_n(&said, true, __ATOMIC_RELAXED) && !options.verbose)
		return;
	memfd_say("iobmd-memfd: %s[%d]: no buffer for \"%s\": %s%s",
		  program_invocation_short_name, getpid(), name, strerror(errno),
		  options.strict ? "" : "; it is a memfd");
}

static bool can_be_buffer(const char *name, unsigned int flags)
{
	unsigned int allowed = BUFFER_FLAGS | (flags & MFD_HUGETLB ? HUGETLB_FLAGS : 0);

	return name && strlen(name) <= MEMFD_NAME_MAX && !(flags & ~allowed);
}

IOBMD_MEMFD_EXPORT int memfd_create(const char *name, unsigned int flags)
{
	int fd;

	prepare_once();
	if (!can_be_buffer(name, flags)) {
		if (name && options.verbose)
			memfd_say("iobmd-memfd: %s[%d]: \"%s\" is a memfd: flags 0x%x",
				  program_invocation_short_name, getpid(), name, flags);
		return next.memfd_create(name, flags);
	}
	fd = memfd_buffer_create(name, flags);
	if (fd >= 0) {
		if (options.verbose)
			say_made(name, fd);
		return fd;
	}
	say_failed(name);
	return options.strict ? -1 : next.memfd_create(name, flags);
}

/* Programs older than memfd_create(3) call it by its number. */
IOBMD_MEMFD_EXPORT long syscall(long number, ...)
{
	long arg[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_memfd_create)
		return memfd_create((const char *)arg[0], arg[1]);
	return memfd_next()->syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}
