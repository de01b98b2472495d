// SPDX-License-Identifier: LGPL-2.1-or-later
/* The size of a buffer that behaves like a memfd. */
#include "memfd.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>

static int resize(int fd, uint64_t capacity)
{
	struct iobmd_resize args = { .size = sizeof(args), .capacity = capacity };

	return ioctl(fd, IOBMD_IOC_RESIZE, &args);
}

/* The capacity must be a multiple of this. */
static uint64_t capacity_unit(const struct iobmd_get_info *info)
{
	return info->huge == IOBMD_HUGE_REQUIRE ? info->huge_page_size : 1;
}

/* Zeroes the bytes that are cut off, since they must read as 0 after a later growth. */
static int set_length_below(int fd, uint64_t from, uint64_t end)
{
	if (end > from && memfd_next()->fallocate64(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
						    from, end - from))
		return -1;
	return memfd_buffer_set_length(fd, from);
}

/* A size changes in several steps, by one thread at a time. */
static pthread_mutex_t size_lock = PTHREAD_MUTEX_INITIALIZER;

struct size_guard {
	sigset_t signals;
	int cancel_state;
};

/* A signal handler may change a size too. A cancelled thread must not keep the lock. */
static void lock_size(struct size_guard *guard)
{
	sigset_t all;

	sigfillset(&all);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &guard->cancel_state);
	pthread_sigmask(SIG_SETMASK, &all, &guard->signals);
	pthread_mutex_lock(&size_lock);
}

static void unlock_size(const struct size_guard *guard)
{
	pthread_mutex_unlock(&size_lock);
	pthread_sigmask(SIG_SETMASK, &guard->signals, NULL);
	pthread_setcancelstate(guard->cancel_state, NULL);
}

/* Odd while a length exceeds what is asked for. */
static unsigned int changes;

unsigned int memfd_buffer_changes(void)
{
	return __atomic_load_n(&changes, __ATOMIC_SEQ_CST);
}

bool memfd_buffer_may_be_cut(unsigned int changes_before)
{
	return changes_before % 2 || memfd_buffer_changes() != changes_before;
}

static void count_change(void)
{
	__atomic_add_fetch(&changes, 1, __ATOMIC_SEQ_CST);
}

/* Another thread may hold the lock when this one calls fork(2). */
static void reset_lock(void)
{
	pthread_mutex_init(&size_lock, NULL);
	if (changes % 2)
		count_change();
}

/* If it fails, such a child may hang, but only in a call that changes a size. */
static __attribute__((constructor)) void reset_lock_in_children(void)
{
	(void)pthread_atfork(NULL, NULL, reset_lock);
}

static int set_size(int fd, const struct iobmd_get_info *info, int64_t size)
{
	uint64_t length = size, unit = capacity_unit(info), capacity;
	uint32_t forbids = length > info->length ? IOBMD_SEAL_GROW : IOBMD_SEAL_SHRINK;

	if (size < 0) {
		errno = EINVAL;
		return -1;
	}
	if (length == info->length)
		return 0;
	capacity = length ? (length + unit - 1) / unit * unit : unit;
	/* Unlike in a memfd, zeroing within a page counts as a write. */
	if (length < info->length && length < capacity)
		forbids |= IOBMD_SEAL_WRITE;
	if (info->seals & forbids) {
		errno = EPERM;
		return -1;
	}
	if (capacity != info->capacity && resize(fd, capacity))
		return -1;
	if (length < info->length)
		return set_length_below(fd, length, capacity < info->length ? capacity :
					info->length);
	if (length == capacity && capacity != info->capacity)
		return 0;
	return memfd_buffer_set_length(fd, length);
}

/* Like ftruncate(2) of a memfd, also if the capacity cannot be @size. */
int memfd_buffer_set_size(int fd, int64_t size)
{
	struct iobmd_get_info info;
	struct size_guard guard;
	int ret;

	lock_size(&guard);
	ret = memfd_buffer_get_info(fd, &info);
	if (!ret)
		ret = set_size(fd, &info, size);
	unlock_size(&guard);
	return ret;
}

/* Unless another process has changed it. */
static int lower_length(int fd, uint64_t from, uint64_t to)
{
	struct iobmd_get_info info;

	if (memfd_buffer_get_info(fd, &info))
		return -1;
	return info.length == from ? memfd_buffer_set_length(fd, to) : 0;
}

/* Unlike RESIZE, fallocate(2) never shrinks what another process has extended. */
static int extend_rounded(int fd, uint64_t capacity, uint64_t end)
{
	int ret;

	count_change();
	ret = memfd_next()->fallocate64(fd, 0, 0, capacity);
	if (!ret && capacity != end)
		ret = lower_length(fd, capacity, end);
	count_change();
	return ret;
}

static int extend(int fd, const struct iobmd_get_info *info, uint64_t end)
{
	uint64_t unit = capacity_unit(info);
	uint64_t capacity = end <= info->capacity ? end : (end + unit - 1) / unit * unit;

	if (end <= info->length)
		return 0;
	if (info->seals & IOBMD_SEAL_GROW) {
		errno = EPERM;
		return -1;
	}
	if (capacity > INT64_MAX) {
		errno = EFBIG;
		return -1;
	}
	return extend_rounded(fd, capacity, end);
}

/* Makes the size at least @end. */
int memfd_buffer_extend(int fd, uint64_t end)
{
	struct iobmd_get_info info;
	struct size_guard guard;
	int ret;

	lock_size(&guard);
	ret = memfd_buffer_get_info(fd, &info);
	if (!ret)
		ret = extend(fd, &info, end);
	unlock_size(&guard);
	return ret;
}

/* After a write up to @end. Where it fails, a seal or another call has set the size since. */
void memfd_buffer_keep(int fd, int64_t end)
{
	struct iobmd_get_info info;

	if (end > 0 && memfd_buffer_ask(fd, &info))
		(void)memfd_buffer_extend(fd, end);
}
