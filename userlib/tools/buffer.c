// SPDX-License-Identifier: LGPL-2.1-or-later
/* Descriptors: created, queried, passed on, and taken from other processes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iobmd.h>

#include "scan.h"
#include "tool.h"

static int result(int ret)
{
	return ret < 0 ? -errno : ret;
}

int device_open(void)
{
	return iobmd_device_open();
}

int buffer_create(struct iobmd_create *args)
{
	int device = iobmd_device_open();
	int fd;

	if (device < 0)
		return device;
	args->size = sizeof(*args);
	fd = result(ioctl(device, IOBMD_IOC_CREATE, args));
	close(device);
	return fd;
}

int buffer_get_info(int fd, struct iobmd_get_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return result(ioctl(fd, IOBMD_IOC_GET_INFO, info));
}

int buffer_set_length(int fd, uint64_t length)
{
	struct iobmd_set_length args = { .size = sizeof(args), .length = length };

	return result(ioctl(fd, IOBMD_IOC_SET_LENGTH, &args));
}

int buffer_resize(int fd, uint64_t capacity)
{
	struct iobmd_resize args = { .size = sizeof(args), .capacity = capacity };

	return result(ioctl(fd, IOBMD_IOC_RESIZE, &args));
}

int buffer_set_name(int fd, const char *name)
{
	struct iobmd_set_name args = {
		.size = sizeof(args),
		.name = (uintptr_t)name,
		.name_length = strlen(name),
	};

	return result(ioctl(fd, IOBMD_IOC_SET_NAME, &args));
}

int buffer_derive(int fd, const struct view *view)
{
	struct iobmd_derive args = {
		.size = sizeof(args),
		.flags = view->flags,
		.offset = view->offset,
		.length = view->length,
	};

	return result(ioctl(fd, IOBMD_IOC_DERIVE, &args));
}

/* Exports the whole buffer. */
int buffer_export(int fd)
{
	struct iobmd_export args = { .size = sizeof(args) };

	return result(ioctl(fd, IOBMD_IOC_EXPORT, &args));
}

int buffer_send(int fd, int socket)
{
	struct iobmd_buffer *buffer;
	int copy = result(fcntl(fd, F_DUPFD_CLOEXEC, 0));
	int err;

	if (copy < 0)
		return copy;
	err = iobmd_buffer_from_fd(copy, &buffer);
	if (err) {
		close(copy);
		return err;
	}
	err = iobmd_buffer_send(buffer, socket);
	iobmd_buffer_free(buffer);
	return err;
}

int buffer_receive(int socket)
{
	struct iobmd_buffer *buffer;
	int fd = iobmd_buffer_receive(socket, &buffer);

	if (fd)
		return fd;
	fd = result(fcntl(iobmd_buffer_fd(buffer), F_DUPFD_CLOEXEC, 0));
	iobmd_buffer_free(buffer);
	return fd;
}

/* Replaces @fd by a descriptor of what the options allow. */
int buffer_pass_on(int fd, const struct view *view)
{
	int derived;

	if (!view->flags)
		return fd;
	derived = buffer_derive(fd, view);
	if (derived == -EINVAL && view->flags & IOBMD_DERIVE_F_WINDOW)
		fail(0, "--window: beyond the buffer, or OFFSET is no multiple of a page");
	if (derived < 0)
		fail(-derived, "no descriptor with fewer rights");
	close(fd);
	return derived;
}

/* "PID:FD", "FD" of this process, or NULL for the inherited descriptor. */
void target_parse(const char *text, struct target *target)
{
	const char *given = text ? text : getenv("IOBMD_FD");
	const char *colon;
	uint64_t pid = 0, fd;
	char *copy;

	if (!given)
		usage_error("which buffer? PID:FD, or IOBMD_FD in the environment");
	colon = strchr(given, ':');
	copy = strndup(given, colon ? (size_t)(colon - given) : 0);
	if (!copy)
		fail(ENOMEM, "%.60s", given);
	if ((colon && (!number_parse(copy, INT_MAX, &pid) || !pid)) ||
	    !number_parse(colon ? colon + 1 : given, INT_MAX, &fd))
		usage_error("%s: \"%.60s\"", text ? "not PID:FD" : "not a descriptor in IOBMD_FD",
			    given);
	free(copy);
	target->pid = pid;
	target->fd = fd;
}

void target_fail(int err, const struct target *target)
{
	if (err == ENOTTY)
		fail(0, "descriptor %d is not of a buffer", target->fd);
	if (!target->pid)
		fail(err, "descriptor %d", target->fd);
	if (err == ESRCH || err == EINVAL)
		fail(0, "there is no process %d", target->pid);
	if (err == EBADF)
		fail(0, "process %d has no descriptor %d", target->pid, target->fd);
	if (err == EPERM || err == EACCES)
		fail(0, "no right to descriptors of process %d (root, or kernel.yama.ptrace_scope)",
		     target->pid);
	fail(err, "descriptor %d of process %d", target->fd, target->pid);
}

/*
 * Takes a descriptor only if it is of a buffer: the server of a FUSE file need not answer,
 * neither to an ioctl nor when a copy of the descriptor is closed.
 */
static int target_take(const struct target *target)
{
	struct seen seen;
	struct user user;
	enum fd_kind kind;
	int pidfd, fd;

	if (!target->pid)
		return result(fcntl(target->fd, F_DUPFD_CLOEXEC, 0));
	pidfd = result(syscall(SYS_pidfd_open, target->pid, 0));
	if (pidfd < 0)
		return pidfd;
	kind = fd_read(target->pid, target->fd, &seen, &user);
	if (kind == FD_BUFFER || kind == FD_HIDDEN)
		fd = result(syscall(SYS_pidfd_getfd, pidfd, target->fd, 0));
	else
		fd = -ENOTTY;
	close(pidfd);
	return fd;
}

/* Returns a descriptor of a buffer, to be closed, or a negative errno. */
int target_try(const struct target *target)
{
	struct iobmd_buffer *buffer;
	int fd = target_take(target);
	int err;

	if (fd < 0)
		return fd;
	err = iobmd_buffer_from_fd(fd, &buffer);
	if (!err)
		return iobmd_buffer_into_fd(buffer);
	close(fd);
	return err;
}

/* Like target_try(), but ends the program on failure. */
int target_open(const struct target *target)
{
	int fd = target_try(target);

	if (fd < 0)
		target_fail(-fd, target);
	return fd;
}
