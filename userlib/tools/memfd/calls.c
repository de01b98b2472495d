// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Calls that a buffer rejects or handles differently from a memfd. Each goes to the
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

/* The size cannot be a capacity (EINVAL), or a seal forbids it (EBUSY). */
static bool may_be_size_of_buffer(int fd, struct iobmd_get_info *info)
{
	return (errno == EINVAL || errno == EBUSY) && memfd_buffer_ask(fd, info);
}

static bool is_sealed(int fd, int64_t size, uint32_t seal)
{
	struct iobmd_get_info info;

	if (size < 0 || !memfd_buffer_ask(fd, &info) || !(info.seals & seal))
		return false;
	if (seal == IOBMD_SEAL_GROW ? (uint64_t)size <= info.length : (uint64_t)size >= info.length)
		return false;
	errno = EPERM;
	return true;
}

static bool is_sealed_either_way(int fd, int64_t size)
{
	return is_sealed(fd, size, IOBMD_SEAL_GROW) || is_sealed(fd, size, IOBMD_SEAL_SHRINK);
}

static int truncate_buffer(int fd, int64_t size)
{
	struct iobmd_get_info info;

	if (!may_be_size_of_buffer(fd, &info) || !(info.rights & IOBMD_RIGHT_WRITE))
		return -1;
	return memfd_buffer_set_size(fd, &info, size);
}

IOBMD_MEMFD_EXPORT int ftruncate(int fd, off_t length)
{
	if (is_sealed_either_way(fd, length))
		return -1;
	return memfd_next()->ftruncate(fd, length) ? truncate_buffer(fd, length) : 0;
}

IOBMD_MEMFD_EXPORT int ftruncate64(int fd, off64_t length)
{
	if (is_sealed_either_way(fd, length))
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

	if (end < 0 || !may_be_size_of_buffer(fd, &info) || (uint64_t)end <= info.length)
		return -1;
	return memfd_buffer_set_size(fd, &info, end);
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

/*
 * Whether a write that returned @ret stopped at the end of a buffer. An append never
 * finds room there.
 */
static bool ended_at_end(int fd, ssize_t ret)
{
	struct iobmd_get_info info;
	int flags;

	if ((ret < 0 && errno != ENOSPC) || !memfd_buffer_ask(fd, &info))
		return false;
	flags = memfd_next()->fcntl(fd, F_GETFL);
	return flags >= 0 && !(flags & O_APPEND);
}

/*
 * After a write that returned @ret: whether to continue with the rest of @count bytes,
 * from @offset on. A memfd is extended by a write, a buffer is not. If there is room
 * already, another thread has made it, or the next write fails with another error.
 */
static bool make_room(int fd, ssize_t ret, int64_t offset, size_t count)
{
	if (!ended_at_end(fd, ret) || allocation_end(offset, count) < 0)
		return false;
	return !fallocate64(fd, 0, offset, count);
}

/* The same for the file position of @fd. */
static bool make_room_here(int fd, ssize_t ret, size_t count)
{
	if (!ended_at_end(fd, ret))
		return false;
	return make_room(fd, ret, lseek64(fd, 0, SEEK_CUR), count);
}

/* Loops, since another thread may have moved the file position meanwhile. */
IOBMD_MEMFD_EXPORT ssize_t write(int fd, const void *data, size_t count)
{
	size_t done = 0;
	ssize_t ret;

	do {
		ret = memfd_next()->write(fd, (const char *)data + done, count - done);
		if (ret > 0)
			done += ret;
	} while (done < count && make_room_here(fd, ret, count - done));
	return done ? (ssize_t)done : ret;
}

IOBMD_MEMFD_EXPORT ssize_t pwrite64(int fd, const void *data, size_t count, off64_t offset)
{
	size_t done = 0;
	ssize_t ret;

	do {
		ret = memfd_next()->pwrite64(fd, (const char *)data + done, count - done,
					     offset + done);
		if (ret > 0)
			done += ret;
	} while (done < count && make_room(fd, ret, offset + done, count - done));
	return done ? (ssize_t)done : ret;
}

#ifdef __LP64__
IOBMD_MEMFD_EXPORT ssize_t pwrite(int fd, const void *data, size_t count, off_t offset)
{
	return pwrite64(fd, data, count, offset);
}
#else
IOBMD_MEMFD_EXPORT ssize_t pwrite(int fd, const void *data, size_t count, off_t offset)
{
	ssize_t ret = memfd_next()->pwrite(fd, data, count, offset);

	if (ret == (ssize_t)count || !make_room(fd, ret, offset, count))
		return ret;
	return memfd_next()->pwrite(fd, data, count, offset);
}
#endif

/* The bytes in all of @iov; 0 if writev(2) rejects it. */
static size_t total_length(const struct iovec *iov, int count)
{
	size_t total = 0;

	for (int i = 0; i < count; i++) {
		if (__builtin_add_overflow(total, iov[i].iov_len, &total))
			return 0;
	}
	return total;
}

/* Writes what follows the first @done bytes of @iov. */
static ssize_t write_rest(int fd, const struct iovec *iov, int count, size_t done)
{
	size_t skip = done;
	ssize_t ret;

	for (int i = 0; i < count; i++) {
		if (skip >= iov[i].iov_len) {
			skip -= iov[i].iov_len;
			continue;
		}
		ret = write(fd, (const char *)iov[i].iov_base + skip, iov[i].iov_len - skip);
		if (ret > 0)
			done += ret;
		if (ret != (ssize_t)(iov[i].iov_len - skip))
			return done ? (ssize_t)done : ret;
		skip = 0;
	}
	return done;
}

IOBMD_MEMFD_EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
	ssize_t ret = memfd_next()->writev(fd, iov, count);
	size_t total, done = ret > 0 ? ret : 0;

	if (ret < 0 && errno != ENOSPC)
		return ret;
	total = total_length(iov, count);
	if (done >= total || !make_room_here(fd, ret, total - done))
		return ret;
	return write_rest(fd, iov, count, done);
}

/*
 * A private read-only mapping, which a buffer allows only for read-only descriptors. So
 * derive one; the mapping keeps it.
 */
static void *map_privately(void *address, size_t length, int prot, int flags, int fd,
			   off64_t offset)
{
	struct iobmd_get_info info;
	int reader, saved_errno;
	void *map;

	if (errno != EINVAL || (flags & MAP_TYPE) != MAP_PRIVATE || flags & MAP_ANONYMOUS ||
	    prot & (PROT_WRITE | PROT_EXEC) || !memfd_buffer_ask(fd, &info))
		return MAP_FAILED;
	if (!(info.rights & IOBMD_RIGHT_WRITE))
		return MAP_FAILED;
	reader = memfd_buffer_derive_reader(fd);
	if (reader < 0)
		return MAP_FAILED;
	map = memfd_next()->mmap64(address, length, prot, flags, reader, offset);
	saved_errno = errno;
	close(reader);
	errno = saved_errno;
	return map;
}

IOBMD_MEMFD_EXPORT void *mmap(void *address, size_t length, int prot, int flags, int fd,
			      off_t offset)
{
	void *map = memfd_next()->mmap(address, length, prot, flags, fd, offset);

	if (map != MAP_FAILED)
		return map;
	return map_privately(address, length, prot, flags, fd, offset);
}

IOBMD_MEMFD_EXPORT void *mmap64(void *address, size_t length, int prot, int flags, int fd,
				off64_t offset)
{
	void *map = memfd_next()->mmap64(address, length, prot, flags, fd, offset);

	if (map != MAP_FAILED)
		return map;
	return map_privately(address, length, prot, flags, fd, offset);
}
