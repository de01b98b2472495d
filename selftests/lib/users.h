/* SPDX-License-Identifier: GPL-2.0 */
/* Unprivileged users, and low ceilings for them. */
#ifndef IOBMD_TEST_USERS_H
#define IOBMD_TEST_USERS_H

#include "machine.h"

#include <sys/resource.h>

#define USER_ONE	65534
#define USER_TWO	65533

/* Drops all privileges of root for good. */
static inline int become(uid_t user)
{
	return setresuid(user, user, user);
}

/* CREATE on a device that the caller may no longer be able to open. */
static inline int create_on(int device, uint64_t capacity, uint32_t huge)
{
	struct iobmd_create args = {
		.size = sizeof(args),
		.capacity = capacity,
		.huge = huge,
	};

	return ioctl(device, IOBMD_IOC_CREATE, &args);
}

/* Sets the limit of open files, at most to what the system allows. */
static inline int allow_many_files(uint64_t files)
{
	struct rlimit limit = { .rlim_cur = files, .rlim_max = files };

	return setrlimit(RLIMIT_NOFILE, &limit);
}

#endif /* IOBMD_TEST_USERS_H */
