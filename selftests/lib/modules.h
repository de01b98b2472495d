/* SPDX-License-Identifier: GPL-2.0 */
/* Loading and unloading modules of this build and of the kernel. */
#ifndef IOBMD_TEST_MODULES_H
#define IOBMD_TEST_MODULES_H

#include "iobmd_test.h"

#include <libgen.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define MODULE_DIR	"/sys/module/iobmd"	/* exists while the module is loaded */

#define IOBMD_KO	"iobmd.ko"
#define EDU_KO		"module/examples/edu/iobmd_edu.ko"
#define PEER_KO		"selftests/modules/iobmd_test/iobmd_test.ko"

/*
 * The path of @ko in the build directory; for iobmd itself, the variable IOBMD_KO
 * overrides it.
 */
static inline void module_path(char path[PATH_MAX], const char *ko)
{
	const char *given = strcmp(ko, IOBMD_KO) ? NULL : getenv("IOBMD_KO");
	char self[PATH_MAX / 2];
	struct utsname name;
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[length > 0 ? length : 0] = 0;
	uname(&name);
	if (given)
		snprintf(path, PATH_MAX, "%s", given);
	else
		snprintf(path, PATH_MAX, "%s/../%s/%s", dirname(self), name.release, ko);
}

static inline int module_open(const char *ko)
{
	char path[PATH_MAX];

	module_path(path, ko);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static inline int module_load_file(int fd, const char *parameters)
{
	return syscall(SYS_finit_module, fd, parameters, 0);
}

static inline int module_load(const char *ko)
{
	int fd = module_open(ko);
	int ret, saved_errno;

	if (fd < 0)
		return -1;
	ret = module_load_file(fd, "");
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return ret;
}

static inline int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK);
}

static inline bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static inline int run(const char *path, char *const argv[])
{
	pid_t pid;

	if (posix_spawn(&pid, path, NULL, NULL, argv, environ))
		return -1;
	return child_status(pid);
}

/* Returns 0 if the kernel has the module. @parameter may be NULL. */
static inline int kernel_module_load(const char *name, const char *parameter)
{
	return run("/sbin/modprobe",
		   (char *[]){ "modprobe", (char *)name, (char *)parameter, NULL });
}

static inline int kernel_module_unload(const char *name)
{
	return run("/sbin/modprobe", (char *[]){ "modprobe", "-r", (char *)name, NULL });
}

#endif /* IOBMD_TEST_MODULES_H */
