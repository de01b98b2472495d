// SPDX-License-Identifier: GPL-2.0
/* Whether a user has got back what it may have. */
#include "common.h"
#include "machine.h"

#include <sys/syscall.h>

#define ROOM_SECONDS	20

/* 0, or the errno of CREATE. */
static int user_try_create(int device, uint64_t capacity)
{
	struct iobmd_create args = { .size = sizeof(args), .capacity = capacity };
	int fd = ioctl(device, IOBMD_IOC_CREATE, &args);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/*
 * Waits until user @uid can have a buffer of @capacity bytes. Pages that have left a pipe
 * come back soon, those in a batch of some processor only when that is emptied.
 */
bool user_await_room(int device, unsigned int uid, uint64_t capacity)
{
	pid_t pid;
	int status;

	for (int i = 0; i < ROOM_SECONDS * 10; i++) {
		pid = child_fork();
		if (pid == 0) {
			if (syscall(SYS_setresuid, uid, uid, uid))
				_exit(EPERM);
			_exit(user_try_create(device, capacity));
		}
		status = child_status(pid);
		if (status != EDQUOT)
			return status == 0;
		if (i == 10)
			file_write("/proc/sys/vm/compact_memory", "1");
		usleep(100000);
	}
	return false;
}
