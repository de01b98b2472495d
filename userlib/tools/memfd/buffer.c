// SPDX-License-Identifier: LGPL-2.1-or-later
/* A buffer that behaves like a memfd: creation and seals. */
#include "memfd.h"

#include <assert.h>
#include <errno.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

/* Seals that both have use the same bits, so that they need no translation. */
#define BOTH_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
static_assert(F_SEAL_SEAL == IOBMD_SEAL_SEAL && F_SEAL_SHRINK == IOBMD_SEAL_SHRINK &&
	      F_SEAL_GROW == IOBMD_SEAL_GROW && F_SEAL_WRITE == IOBMD_SEAL_WRITE,
	      "seals have other numbers than those of a memfd");

static int close_with_errno(int fd)
{
	int saved_errno = errno;

	close(fd);
	errno = saved_errno;
	return -1;
}

int memfd_buffer_get_info(int fd, struct iobmd_get_info *info)
{
	*info = (struct iobmd_get_info) { .size = sizeof(*info) };
	return ioctl(fd, IOBMD_IOC_GET_INFO, info);
}

int memfd_buffer_set_length(int fd, uint64_t length)
{
	struct iobmd_set_length args = { .size = sizeof(args), .length = length };

	return ioctl(fd, IOBMD_IOC_SET_LENGTH, &args);
}

static int seal(int fd, uint32_t seals)
{
	struct iobmd_seal args = { .size = sizeof(args), .seals = seals };

	return ioctl(fd, IOBMD_IOC_SEAL, &args);
}

/* Appends what fits, without characters that a name must not have. */
static size_t append_name(char name[IOBMD_NAME_MAX], size_t length, const char *more)
{
	for (; *more && length < IOBMD_NAME_MAX; more++)
		name[length++] = (unsigned char)*more < 0x20 || *more == 0x7f ? '?' : *more;
	return length;
}

/* The name is only informative: the buffer is usable without it. */
static void set_name(int fd, const char *prefix, const char *name)
{
	char text[IOBMD_NAME_MAX];
	struct iobmd_set_name args = { .size = sizeof(args), .name = (uintptr_t)text };

	args.name_length = append_name(text, append_name(text, 0, prefix), name);
	(void)ioctl(fd, IOBMD_IOC_SET_NAME, &args);
}

static int create(int device, uint32_t huge, uint64_t capacity)
{
	const struct memfd_options *options = memfd_options();
	struct iobmd_create args = {
		.size = sizeof(args),
		.capacity = capacity,
		.huge = huge,
	};

	if (options->has_node) {
		args.flags = IOBMD_CREATE_F_NODE;
		args.node = options->node;
	}
	return ioctl(device, IOBMD_IOC_CREATE, &args);
}

/* The size of a huge page, which only a buffer reports; 0 on failure. */
static uint64_t huge_page_size(int device)
{
	struct iobmd_get_info info;
	int fd = create(device, IOBMD_HUGE_PREFER, 1);

	if (fd < 0)
		return 0;
	if (memfd_buffer_get_info(fd, &info)) {
		close_with_errno(fd);
		return 0;
	}
	close(fd);
	if (!info.huge_page_size)
		errno = ENOMEM;
	return info.huge_page_size;
}

/* Creates a buffer of huge pages only, of which it needs at least one. */
static int create_huge(int device, unsigned int flags)
{
	unsigned int shift = flags >> MFD_HUGE_SHIFT & MFD_HUGE_MASK;
	uint64_t size = huge_page_size(device);

	if (!size)
		return -1;
	if (flags & MFD_HUGETLB && shift && UINT64_C(1) << shift != size) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return create(device, IOBMD_HUGE_REQUIRE, size);
}

/* A new descriptor is the lowest that is free, but the device had that one. */
static int move_down(int fd)
{
	int lower = memfd_next()->fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (lower < 0)
		return fd;
	close(lower < fd ? fd : lower);
	return lower < fd ? lower : fd;
}

static int create_any(unsigned int flags)
{
	uint32_t huge = flags & MFD_HUGETLB ? IOBMD_HUGE_REQUIRE : memfd_options()->huge;
	int fd, device = open("/dev/iobmd", O_RDWR | O_CLOEXEC);

	if (device < 0)
		return -1;
	if (huge == IOBMD_HUGE_REQUIRE)
		fd = create_huge(device, flags);
	else
		fd = create(device, huge, 1);
	close_with_errno(device);
	return fd < 0 ? fd : move_down(fd);
}

/*
 * A new memfd is empty. A buffer has at least one byte, so set its length to 0. Whether
 * it may be sealed is stored in the buffer itself, so that it applies in every process
 * that receives it.
 */
int memfd_buffer_create(const char *name, unsigned int flags)
{
	int fd = create_any(flags);

	if (fd < 0)
		return -1;
	set_name(fd, memfd_options()->prefix, name);
	if (memfd_buffer_set_length(fd, 0))
		return close_with_errno(fd);
	if (!(flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL)) && seal(fd, IOBMD_SEAL_SEAL))
		return close_with_errno(fd);
	if (!(flags & MFD_CLOEXEC) && fcntl(fd, F_SETFD, 0))
		return close_with_errno(fd);
	return fd;
}

/*
 * Whether @fd is a buffer. Preserves errno. Another driver may use the number of this
 * command for something else, but no driver creates regular files.
 */
bool memfd_buffer_ask(int fd, struct iobmd_get_info *info)
{
	int saved_errno = errno;
	struct stat64 st;
	bool is_buffer;

	is_buffer = !fstat64(fd, &st) && S_ISREG(st.st_mode) && !memfd_buffer_get_info(fd, info);
	errno = saved_errno;
	return is_buffer;
}

/*
 * A buffer is never executable, so that seal is implied. It does not support
 * F_SEAL_FUTURE_WRITE, which leaves existing mappings writable.
 */
int memfd_buffer_add_seals(int fd, const struct iobmd_get_info *info, unsigned int seals)
{
	if (seals & ~(unsigned int)(BOTH_SEALS | F_SEAL_EXEC)) {
		errno = EINVAL;
		return -1;
	}
	if (info->seals & IOBMD_SEAL_SEAL) {
		errno = EPERM;
		return -1;
	}
	if (!seal(fd, seals & BOTH_SEALS))
		return 0;
	if (errno == EACCES)
		errno = EPERM;
	return -1;
}

int memfd_buffer_derive_reader(int fd)
{
	struct iobmd_derive args = { .size = sizeof(args), .flags = IOBMD_DERIVE_F_READ_ONLY };

	return ioctl(fd, IOBMD_IOC_DERIVE, &args);
}
