// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Calls that a buffer rejects or handles differently from a memfd, except those of
 * write.c. Each goes to the
 * kernel first. Only after an error that a buffer returns is the descriptor examined,
 * so that other files lose nothing, and buffers of other processes are recognised too.
 * Calls that set a size are rare, and examine the descriptor first: a seal of a buffer
 * applies to its capacity, within which the kernel would change the size.
 */
#include "memfd.h"

#include <errno.h>
#include <stdarg.h>

static int fcntl_seals(int fd, int command, unsigned int seals)
{
	struct iobmd_get_info info;

	if (errno != EINVAL || !memfd_buffer_ask(fd, &info))
		return -1;
	if (command == F_GET_SEALS)
		return info.seals;
	return memfd_buffer_add_seals(fd, &info, seals);
}

/* An int argument is passed as a pointer, whose upper bits are undefined. */
static int fcntl_any(__typeof__(fcntl) *call, int fd, int command, void *arg)
{
	int ret = call(fd, command, arg);

	if (ret < 0 && (command == F_GET_SEALS || command == F_ADD_SEALS))
		return fcntl_seals(fd, command, (uintptr_t)arg);
	return ret;
}

IOBMD_MEMFD_EXPORT int fcntl(int fd, int command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	return fcntl_any(memfd_next()->fcntl, fd, command, arg);
}

IOBMD_MEMFD_EXPORT int fcntl64(int fd, int command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	return fcntl_any(memfd_next()->fcntl64, fd, command, arg);
}

#ifdef IOBMD_MEMFD_TIME64
IOBMD_MEMFD_EXPORT int __fcntl_time64(int fd, int command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	return fcntl_any(memfd_next()->fcntl_time64, fd, command, arg);
}
#endif

/* The size cannot be a capacity (EINVAL), or a seal forbids it (EBUSY). */
static bool may_be_size_of_buffer(int fd, struct iobmd_get_info *info)
{
	return (errno == EINVAL || errno == EBUSY) && memfd_buffer_ask(fd, info);
}

/* Whether one of @seals forbids @size. */
static bool is_sealed(int fd, int64_t size, uint32_t seals)
{
	struct iobmd_get_info info;

	if (size < 0 || !memfd_buffer_ask(fd, &info) || (uint64_t)size == info.length)
		return false;
	seals &= (uint64_t)size > info.length ? IOBMD_SEAL_GROW : IOBMD_SEAL_SHRINK;
	if (!(info.seals & seals))
		return false;
	errno = EPERM;
	return true;
}

static int truncate_buffer(int fd, int64_t size)
{
	struct iobmd_get_info info;

	if (!may_be_size_of_buffer(fd, &info) || !(info.rights & IOBMD_RIGHT_WRITE))
		return -1;
	return memfd_buffer_set_size(fd, size);
}

IOBMD_MEMFD_EXPORT int ftruncate(int fd, off_t length)
{
	if (is_sealed(fd, length, IOBMD_SEAL_GROW | IOBMD_SEAL_SHRINK))
		return -1;
	return memfd_next()->ftruncate(fd, length) ? truncate_buffer(fd, length) : 0;
}

IOBMD_MEMFD_EXPORT int ftruncate64(int fd, off64_t length)
{
	if (is_sealed(fd, length, IOBMD_SEAL_GROW | IOBMD_SEAL_SHRINK))
		return -1;
	return memfd_next()->ftruncate64(fd, length) ? truncate_buffer(fd, length) : 0;
}

/* The end of the range to allocate, or -1. */
static int64_t allocation_end(int64_t offset, int64_t length)
{
	int64_t end;

	if (offset < 0 || length <= 0 || __builtin_add_overflow(offset, length, &end))
		return -1;
	return end;
}

static int extend_buffer(int fd, int64_t end)
{
	struct iobmd_get_info info;

	if (end < 0 || !may_be_size_of_buffer(fd, &info))
		return -1;
	return memfd_buffer_extend(fd, end);
}

/* A hole reads as 0 afterwards, but no memory is freed. */
static int punch_buffer(int fd, int64_t offset, int64_t length)
{
	struct iobmd_get_info info;

	if (errno != EOPNOTSUPP || !memfd_buffer_ask(fd, &info))
		return -1;
	return memfd_next()->fallocate64(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
					 offset, length);
}

static int allocate_in_buffer(int fd, int mode, int64_t offset, int64_t length)
{
	if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return punch_buffer(fd, offset, length);
	return mode ? -1 : extend_buffer(fd, allocation_end(offset, length));
}

IOBMD_MEMFD_EXPORT int fallocate(int fd, int mode, off_t offset, off_t length)
{
	if (!mode && is_sealed(fd, allocation_end(offset, length), IOBMD_SEAL_GROW))
		return -1;
	if (!memfd_next()->fallocate(fd, mode, offset, length))
		return 0;
	return allocate_in_buffer(fd, mode, offset, length);
}

IOBMD_MEMFD_EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
	if (!mode && is_sealed(fd, allocation_end(offset, length), IOBMD_SEAL_GROW))
		return -1;
	if (!memfd_next()->fallocate64(fd, mode, offset, length))
		return 0;
	return allocate_in_buffer(fd, mode, offset, length);
}

/* Returns the error and preserves errno. A buffer never needs the C library's emulation. */
IOBMD_MEMFD_EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t length)
{
	int err = 0, saved_errno = errno;
	struct iobmd_get_info info;

	if (!memfd_buffer_ask(fd, &info))
		return memfd_next()->posix_fallocate64(fd, offset, length);
	if (fallocate64(fd, 0, offset, length))
		err = errno;
	errno = saved_errno;
	return err;
}

IOBMD_MEMFD_EXPORT int posix_fallocate(int fd, off_t offset, off_t length)
{
	return posix_fallocate64(fd, offset, length);
}

static bool is_private_for_reading(int prot, int flags)
{
	return (flags & (MAP_TYPE | MAP_ANONYMOUS)) == MAP_PRIVATE &&
	       !(prot & (PROT_WRITE | PROT_EXEC));
}

/*
 * A private read-only mapping, which a buffer allows only for read-only descriptors. So
 * derive one; the mapping keeps it.
 */
static void *map_privately(void *address, size_t length, int prot, int flags, int fd,
			   off64_t offset)
{
	int reader, saved_errno;
	void *map;

	reader = memfd_buffer_derive_reader(fd);
	if (reader < 0)
		return MAP_FAILED;
	map = memfd_next()->mmap64(address, length, prot, flags, reader, offset);
	saved_errno = errno;
	close(reader);
	errno = saved_errno;
	return map;
}

static bool is_writable_buffer(int fd)
{
	struct iobmd_get_info info;

	return memfd_buffer_ask(fd, &info) && info.rights & IOBMD_RIGHT_WRITE;
}

/*
 * With MAP_FIXED, a call that fails may have unmapped what was there, and another thread
 * may map something there before the next. So there must be only one.
 */
static bool must_map_once(int prot, int flags, int fd)
{
	return flags & MAP_FIXED && is_private_for_reading(prot, flags) && is_writable_buffer(fd);
}

/* Whether to map privately after mmap(2) has returned @map. */
static bool may_map_again(const void *map, int prot, int flags, int fd)
{
	return map == MAP_FAILED && errno == EINVAL && !(flags & MAP_FIXED) &&
	       is_private_for_reading(prot, flags) && is_writable_buffer(fd);
}

IOBMD_MEMFD_EXPORT void *mmap(void *address, size_t length, int prot, int flags, int fd,
			      off_t offset)
{
	void *map;

	if (must_map_once(prot, flags, fd))
		return map_privately(address, length, prot, flags, fd, offset);
	map = memfd_next()->mmap(address, length, prot, flags, fd, offset);
	if (may_map_again(map, prot, flags, fd))
		return map_privately(address, length, prot, flags, fd, offset);
	return map;
}

IOBMD_MEMFD_EXPORT void *mmap64(void *address, size_t length, int prot, int flags, int fd,
				off64_t offset)
{
	void *map;

	if (must_map_once(prot, flags, fd))
		return map_privately(address, length, prot, flags, fd, offset);
	map = memfd_next()->mmap64(address, length, prot, flags, fd, offset);
	if (may_map_again(map, prot, flags, fd))
		return map_privately(address, length, prot, flags, fd, offset);
	return map;
}
