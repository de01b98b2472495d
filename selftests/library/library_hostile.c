// SPDX-License-Identifier: GPL-2.0
/* libiobmd: descriptors and messages of a peer that means harm. */
#include "library.h"
#include "fuse_server.h"

#include <pthread.h>
#include <sys/socket.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

static int send_byte_and_fd(int socket, char byte, int fd)
{
	union { struct cmsghdr header; char bytes[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

/* What receive makes of @fd, sent over a non-blocking socket. */
static int receive_fd(int fd, struct iobmd_buffer **buffer)
{
	int pair[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return -errno;
	ret = send_byte_and_fd(pair[0], 0, fd) ?: iobmd_buffer_receive(pair[1], buffer);
	close(pair[0]);
	close(pair[1]);
	return ret;
}

FIXTURE(foreign_file)
{
	struct fuse_server server;
};

FIXTURE_VARIANT(foreign_file)
{
	int answer;
};

FIXTURE_VARIANT_ADD(foreign_file, says_0) { .answer = 0 };
FIXTURE_VARIANT_ADD(foreign_file, says_7) { .answer = 7 };
FIXTURE_VARIANT_ADD(foreign_file, never_answers) { .answer = FUSE_NEVER };

FIXTURE_SETUP(foreign_file)
{
	if (!fuse_server_start(&self->server, variant->answer))
		SKIP(return, "no FUSE: %s", strerror(errno));
}

FIXTURE_TEARDOWN(foreign_file)
{
	fuse_server_stop(&self->server);
}

TEST_F(foreign_file, is_no_buffer_and_is_asked_nothing)
{
	struct iobmd_buffer *buffer = MARKER;
	int fds = open_fds();

	EXPECT_EQ(-ENOTTY, iobmd_buffer_from_fd(self->server.fd, &buffer));
	EXPECT_EQ(-ENOTTY, receive_fd(self->server.fd, &buffer));
	EXPECT_EQ(MARKER, buffer);
	EXPECT_EQ(fds, open_fds());
	EXPECT_EQ(0, shared_load(self->server.ioctls));
}

/* Without /proc the file has to be asked: what it answers is looked at. */
TEST_F(foreign_file, is_no_buffer_where_there_is_no_proc)
{
	struct iobmd_buffer *buffer = MARKER, *ours;
	int fd = iobmd_create(1);
	pid_t pid;

	if (variant->answer == FUSE_NEVER)
		SKIP(return, "would wait for the answer");
	IN_CHILD(pid) {
		ASSERT_EQ(0, unshare(CLONE_NEWNS));
		ASSERT_EQ(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
		ASSERT_EQ(0, mount("none", "/proc", "tmpfs", 0, NULL));
		EXPECT_EQ(-ENOTTY, iobmd_buffer_from_fd(self->server.fd, &buffer));
		EXPECT_EQ(MARKER, buffer);
		EXPECT_EQ(1, shared_load(self->server.ioctls));
		ASSERT_EQ(0, iobmd_buffer_from_fd(fd, &ours));
		iobmd_buffer_free(ours);
	}
	EXPECT_EQ(0, child_status(pid));
	close(fd);
}

static void *from_fd_of_own_table(void *arg)
{
	struct iobmd_buffer *buffer;
	int fd, *result = arg;

	if (unshare(CLONE_FILES))
		return NULL;
	fd = dup2(iobmd_create(1), 500);
	*result = iobmd_buffer_from_fd(fd, &buffer);
	if (!*result)
		iobmd_buffer_free(buffer);
	return NULL;
}

/* /proc/self has the table of the first thread. */
TEST(buffer_of_a_thread_with_descriptors_of_its_own_is_one)
{
	int null = fcntl(open("/dev/null", O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC, 500);
	pthread_t thread;
	int result = 1;

	ASSERT_EQ(500, null);
	ASSERT_EQ(0, pthread_create(&thread, NULL, from_fd_of_own_table, &result));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, result);
}

/* A descriptor of a buffer that can be used for nothing */
TEST(path_descriptor_is_no_buffer)
{
	int fd = iobmd_create(1), fds = open_fds(), path;
	struct iobmd_buffer *buffer = MARKER;
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	path = open(name, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, path);
	EXPECT_EQ(-ENOTTY, iobmd_buffer_from_fd(path, &buffer));
	EXPECT_EQ(-ENOTTY, receive_fd(path, &buffer));
	EXPECT_EQ(MARKER, buffer);
	EXPECT_EQ(0, close(path));
	EXPECT_EQ(fds, open_fds());
	close(fd);
}

/* A lock of a file is shown before what tells that it is a buffer. */
TEST(buffer_with_many_locks_is_one)
{
	struct iobmd_buffer *buffer;
	int fd = iobmd_create(MIB);

	for (int i = 0; i < 1000; i++) {
		struct flock lock = { .l_type = F_WRLCK, .l_start = 2 * i, .l_len = 1 };

		ASSERT_EQ(0, fcntl(fd, F_OFD_SETLK, &lock));
	}
	ASSERT_EQ(0, iobmd_buffer_from_fd(fd, &buffer));
	iobmd_buffer_free(buffer);
}

TEST(message_of_another_version_is_refused)
{
	struct iobmd_buffer *received = MARKER;
	int fd = iobmd_create(1), pair[2], fds;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	fds = open_fds();
	for (int version = 1; version < 256; version++) {
		ASSERT_EQ(0, send_byte_and_fd(pair[0], version, fd));
		EXPECT_EQ(-EPROTO, iobmd_buffer_receive(pair[1], &received));
	}
	EXPECT_EQ(MARKER, received);
	EXPECT_EQ(fds, open_fds());
	close(fd);
}

TEST(receive_closes_the_pidfd_of_each_message)
{
	struct iobmd_buffer *sent = create_buffer(1), *received = MARKER;
	int pair[2], on = 1, fds;

	ASSERT_NE(NULL, sent);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	if (setsockopt(pair[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)))
		SKIP(return, "this kernel sends no pidfds");
	fds = open_fds();
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, iobmd_buffer_send(sent, pair[0]));
		ASSERT_EQ(0, iobmd_buffer_receive(pair[1], &received));
		EXPECT_EQ(buffer_id(sent), buffer_id(received));
		iobmd_buffer_free(received);
		ASSERT_EQ(1, send(pair[0], "", 1, 0));
		EXPECT_EQ(-EBADMSG, iobmd_buffer_receive(pair[1], &received));
		EXPECT_EQ(fds, open_fds());
	}
	iobmd_buffer_free(sent);
}

TEST_HARNESS_MAIN
