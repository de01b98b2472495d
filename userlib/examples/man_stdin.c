// SPDX-License-Identifier: 0BSD
/* An inherited buffer. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <iobmd.h>

int from_stdin(struct iobmd_buffer **buffer)
{
	int err, fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	err = iobmd_buffer_from_fd(fd, buffer);
	if (err)
		close(fd);
	return err;
}
