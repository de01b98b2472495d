/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs that memfd_preload runs print of their calls. */
#ifndef IOBMD_TEST_MEMFD_SHOW_H
#define IOBMD_TEST_MEMFD_SHOW_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* show(ftruncate(fd, 0)): the call, what it returned, and the error. */
#define show(call) do {							\
	errno = 0;							\
	show_result(#call, (long)(call));				\
} while (0)

static inline void show_result(const char *call, long ret)
{
	int saved_errno = errno;

	printf("%s = %ld%s%s\n", call, ret, ret == -1 ? " " : "",
	       ret == -1 ? strerrorname_np(saved_errno) : "");
}

static inline long size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : (long)st.st_size;
}

#endif /* IOBMD_TEST_MEMFD_SHOW_H */
