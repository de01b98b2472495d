/* SPDX-License-Identifier: GPL-2.0 */
/* Users without privilege, and ceilings that they soon reach. */
#ifndef IOBMD_TEST_USERS_H
#define IOBMD_TEST_USERS_H

#include "machine.h"

#include <sys/resource.h>

#define USER_ONE	65534
#define USER_TWO	65533

/* For good, with all rights of root gone */
static inline int become(uid_t user)
{
	return setresuid(user, user, user);
}

/* CREATE on a device that the caller may not be able to open any more */
static inline int create_on(int device, uint64_t capacity, uint32_t huge)
{
	struct iobmd_create args = {
		.size = sizeof(args),
		.capacity = capacity,
		.huge = huge,
	};

	return ioctl(device, IOBMD_IOC_CREATE, &args);
}

/* As many descriptors as the system lets a process have. */
static inline int allow_many_files(uint64_t files)
{
	struct rlimit limit = { .rlim_cur = files, .rlim_max = files };

	return setrlimit(RLIMIT_NOFILE, &limit);
}

#endif /* IOBMD_TEST_USERS_H */
