// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writes, which extend a memfd, but not a buffer. */
#include "memfd.h"

#include <errno.h>

static bool appends(int fd)
{
	int flags = memfd_next()->fcntl(fd, F_GETFL);

	return flags < 0 || flags & O_APPEND;
}

/*
 * Whether a write that returned @ret may have stopped at the end of a buffer. An append
 * never finds room there.
 */
static bool may_continue(int fd, ssize_t ret, struct iobmd_get_info *info)
{
	if ((ret < 0 && errno != ENOSPC) || !memfd_buffer_ask(fd, info))
		return false;
	if (info->seals & IOBMD_SEAL_WRITE) {
		if (ret < 0)
			errno = EPERM;
		return false;
	}
	return !appends(fd);
}

/*
 * Whether to continue with the rest of @count bytes, from @offset on. If it is below the
 * end, another thread has made room, or the next write fails with the error that made
 * this one short.
 */
static bool make_room(int fd, const struct iobmd_get_info *info, int64_t offset, size_t count)
{
	int64_t end;

	if (offset < 0 || __builtin_add_overflow(offset, count, &end))
		return false;
	return (uint64_t)offset < info->length || !fallocate64(fd, 0, offset, count);
}

static ssize_t write_once(int fd, const void *data, size_t count)
{
	unsigned int changes = memfd_buffer_changes();
	ssize_t ret = memfd_next()->write(fd, data, count);

	if (ret > 0 && memfd_buffer_may_be_cut(changes))
		memfd_buffer_keep(fd, lseek64(fd, 0, SEEK_CUR));
	return ret;
}

/* Loops, since another thread may have moved the file position meanwhile. */
IOBMD_MEMFD_EXPORT ssize_t write(int fd, const void *data, size_t count)
{
	struct iobmd_get_info info;
	size_t done = 0;
	ssize_t ret;

	do {
		ret = write_once(fd, (const char *)data + done, count - done);
		if (ret > 0)
			done += ret;
	} while (done < count && may_continue(fd, ret, &info) &&
		 make_room(fd, &info, lseek64(fd, 0, SEEK_CUR), count - done));
	return done ? (ssize_t)done : ret;
}

static ssize_t pwrite_once(int fd, const void *data, size_t count, int64_t offset)
{
	unsigned int changes = memfd_buffer_changes();
	ssize_t ret = memfd_next()->pwrite64(fd, data, count, offset);

	if (ret > 0 && memfd_buffer_may_be_cut(changes))
		memfd_buffer_keep(fd, offset + ret);
	return ret;
}

IOBMD_MEMFD_EXPORT ssize_t pwrite64(int fd, const void *data, size_t count, off64_t offset)
{
	struct iobmd_get_info info;
	size_t done = 0;
	ssize_t ret;

	do {
		ret = pwrite_once(fd, (const char *)data + done, count - done, offset + done);
		if (ret > 0)
			done += ret;
	} while (done < count && may_continue(fd, ret, &info) &&
		 make_room(fd, &info, offset + done, count - done));
	return done ? (ssize_t)done : ret;
}

IOBMD_MEMFD_EXPORT ssize_t pwrite(int fd, const void *data, size_t count, off_t offset)
{
	return pwrite64(fd, data, count, offset);
}

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
	unsigned int changes = memfd_buffer_changes();
	ssize_t ret = memfd_next()->writev(fd, iov, count);
	size_t total, done = ret > 0 ? ret : 0;
	struct iobmd_get_info info;

	if (ret < 0 && errno != ENOSPC)
		return ret;
	if (ret > 0 && memfd_buffer_may_be_cut(changes))
		memfd_buffer_keep(fd, lseek64(fd, 0, SEEK_CUR));
	total = total_length(iov, count);
	if (done >= total || !may_continue(fd, ret, &info) ||
	    !make_room(fd, &info, lseek64(fd, 0, SEEK_CUR), total - done))
		return ret;
	return write_rest(fd, iov, count, done);
}
