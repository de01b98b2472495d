// SPDX-License-Identifier: LGPL-2.1-or-later
/* Passing descriptors: one byte and one SCM_RIGHTS for each buffer. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

/*
 * Room for other messages that a socket may be set to deliver (credentials, a security
 * label), since the kernel puts those first.
 */
#define CONTROL_SIZE 512

/* The byte of a message: its version. */
#define MESSAGE_VERSION 0

/* Linux 6.5; the C library may be older. */
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

union control {
	struct cmsghdr align;
	char bytes[CONTROL_SIZE];
};

/* Other address families send the byte and drop the descriptor silently. */
static int socket_check(int fd)
{
	socklen_t size = sizeof(int);
	int domain = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size))
		return -errno;
	return domain == AF_UNIX ? 0 : -EAFNOSUPPORT;
}

IOBMD_EXPORT int iobmd_buffer_send(const struct iobmd_buffer *buffer,
				   int socket)
{
	union control control = { .bytes = { 0 } };
	char byte = MESSAGE_VERSION;
	struct iovec payload = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &payload,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(sizeof(int)),
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
	int ret;

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &buffer->fd, sizeof(int));

	ret = socket_check(socket);
	if (ret)
		return ret;

	while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static size_t control_count(const struct cmsghdr *control)
{
	if (control->cmsg_level != SOL_SOCKET ||
	    (control->cmsg_type != SCM_RIGHTS && control->cmsg_type != SCM_PIDFD))
		return 0;
	return (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
}

/*
 * Sets @fd to the first descriptor that the peer has sent, if any, and closes the
 * others, including the pidfd of the peer that a socket with SO_PASSPIDFD delivers.
 * Returns how many the peer has sent.
 */
static int control_take_fds(struct msghdr *message, int *fd)
{
	struct cmsghdr *control;
	int got, count = 0;
	size_t i;

	for (control = CMSG_FIRSTHDR(message); control;
	     control = CMSG_NXTHDR(message, control)) {
		for (i = 0; i < control_count(control); i++) {
			memcpy(&got, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
			if (control->cmsg_type == SCM_RIGHTS && !count++)
				*fd = got;
			else if (got >= 0)
				close(got);
		}
	}
	return count;
}

/* The kernel leaves out descriptors that it cannot install, and sets MSG_CTRUNC. */
static int message_check(const struct msghdr *message, int bytes, int fds)
{
	const char *version = message->msg_iov->iov_base;

	if (!fds && message->msg_flags & MSG_CTRUNC)
		return -EMFILE;
	if (!fds && !bytes)
		return -ECONNRESET;
	if (fds != 1 || bytes != 1 ||
	    message->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EBADMSG;
	return *version == MESSAGE_VERSION ? 0 : -EPROTO;
}

static int socket_receive_fd(int socket, int *fd)
{
	union control control = { .bytes = { 0 } };
	char byte;
	struct iovec payload = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &payload,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int bytes, fds, ret;

	do {
		bytes = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (bytes < 0 && errno == EINTR);
	if (bytes < 0)
		return -errno;

	fds = control_take_fds(&message, fd);
	ret = message_check(&message, bytes, fds);
	if (ret && fds)
		close(*fd);
	return ret;
}

IOBMD_EXPORT int iobmd_buffer_receive(int socket, struct iobmd_buffer **buffer)
{
	int ret, fd = -1;

	ret = socket_check(socket);
	if (ret)
		return ret;

	ret = socket_receive_fd(socket, &fd);
	if (ret)
		return ret;

	/* -EBADF is reserved for @socket. */
	ret = iobmd_buffer_from_fd(fd, buffer);
	if (ret)
		close(fd);
	return ret == -EBADF ? -ENOTTY : ret;
}
