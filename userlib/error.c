// SPDX-License-Identifier: LGPL-2.1-or-later
/* Explanations of errnos, and the version. */
#include <errno.h>

#include "internal.h"

static const struct {
	int error;
	const char *hint;
} error_hints[] = {
	{ E2BIG, "the program asks for what this library or this kernel module does not know" },
	{ EACCES, "no right to /dev/iobmd (see its group and mode), or the descriptor lacks it" },
	{ EAGAIN, "nothing is ready, or mlockall(2) applies and RLIMIT_MEMLOCK is exceeded" },
	{ EBUSY, "memory is in use or needed by a window or a hold, may be written, or is sealed" },
	{ EDQUOT, "over the user's ceiling: /sys/module/iobmd/parameters/max_user_mib" },
	{ EEXIST, "something is mapped at this address" },
	{ EFBIG, "over the ceiling of one buffer: /sys/module/iobmd/parameters/max_buffer_mib" },
	{ EMFILE, "the process has no file descriptor left: RLIMIT_NOFILE" },
	{ ENFILE, "the system has no file left: fs.file-max" },
	{ ENOENT, "the module is not loaded: modprobe iobmd" },
	{ ENOMEM, "no memory in the machine or the cgroup, no addresses, or vm.max_map_count" },
	{ ENOTTY, "the descriptor is not of a buffer, or the device is not /dev/iobmd" },
	{ EPERM, "the buffer is sealed, or the address is below vm.mmap_min_addr" },
	{ EPROTO, "the message is of a newer version of the library" },
};

IOBMD_EXPORT const char *iobmd_error_hint(int error)
{
	size_t i;

	for (i = 0; i < sizeof(error_hints) / sizeof(*error_hints); i++)
		if (error_hints[i].error == error || -error_hints[i].error == error)
			return error_hints[i].hint;
	return "";
}

IOBMD_EXPORT uint32_t iobmd_version(void)
{
	return LIBIOBMD_VERSION;
}
