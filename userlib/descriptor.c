// SPDX-License-Identifier: LGPL-2.1-or-later
/* Descriptors: calling their commands, and telling them from descriptors of other files. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

/* For commands that return 0. */
int iobmd_fd_call(int fd, unsigned long command, void *args)
{
	int ret = ioctl(fd, command, args);

	if (ret < 0)
		return -errno;
	return ret ? -ENOTTY : 0;
}

/* The properties that the arithmetic of the library relies on. */
static bool info_is_sound(const struct iobmd_get_info *info)
{
	return info->id && info->page_size == (uint64_t)sysconf(_SC_PAGESIZE) &&
	       !(info->huge_page_size & (info->huge_page_size - 1)) &&
	       info->length <= info->capacity;
}

int iobmd_fd_get_info(int fd, struct iobmd_get_info *info)
{
	struct iobmd_get_info got = { .size = sizeof(got) };
	int ret;

	ret = iobmd_fd_call(fd, IOBMD_IOC_GET_INFO, &got);
	if (ret)
		return ret;
	if (!info_is_sound(&got))
		return -ENOTTY;

	*info = got;
	return 0;
}

/* A line longer than @line is read in pieces; only the first begins a line. */
static bool fdinfo_find_id(FILE *fdinfo, uint64_t *id)
{
	bool begins_line = true;
	char line[128];

	while (fgets(line, sizeof(line), fdinfo)) {
		if (begins_line && sscanf(line, "iobmd-id:%" SCNu64, id) == 1)
			return true;
		begins_line = strchr(line, '\n');
	}
	return false;
}

/*
 * Finds out what @fd is from the kernel, without calling the file: the server of a FUSE
 * file can answer any ioctl as it likes, or never, but cannot add a line to its fdinfo.
 * fstat(2) of a FUSE file calls the server too, and a path can have any name. Sets @id
 * to 0 if /proc is not mounted.
 */
static int fd_get_id(int fd, uint64_t *id)
{
	char path[64];
	FILE *fdinfo;
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", fd);
	fdinfo = fopen(path, "re");
	if (!fdinfo) {
		*id = 0;
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;
	}
	if (!fdinfo_find_id(fdinfo, id))
		ret = ferror(fdinfo) ? -ENOMEM : -ENOTTY;
	fclose(fdinfo);
	return ret;
}

/* Whether @fd is a descriptor of a buffer. Not every other driver returns ENOTTY. */
int iobmd_fd_check(int fd)
{
	struct iobmd_get_info info;
	uint64_t id;
	int ret;

	if (fcntl(fd, F_GETFD) < 0)
		return -EBADF;

	ret = fd_get_id(fd, &id);
	if (ret)
		return ret;
	/* It is a buffer, so an error comes from a security module. */
	ret = iobmd_fd_get_info(fd, &info);
	if (ret)
		return id ? ret : -ENOTTY;
	return id && id != info.id ? -ENOTTY : 0;
}
