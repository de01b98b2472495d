// SPDX-License-Identifier: GPL-2.0
/* libiobmd: handing buffers over. */
#include "library.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

FIXTURE(library_socket)
{
	struct iobmd_buffer *buffer, *received;
	int pair[2];
};

FIXTURE_VARIANT(library_socket)
{
	int type;
};

FIXTURE_VARIANT_ADD(library_socket, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(library_socket, datagram) { .type = SOCK_DGRAM };
FIXTURE_VARIANT_ADD(library_socket, seqpacket) { .type = SOCK_SEQPACKET };

FIXTURE_SETUP(library_socket)
{
	self->received = MARKER;
	self->buffer = create_buffer(100);
	ASSERT_NE(NULL, self->buffer);
	ASSERT_EQ(0, socketpair(AF_UNIX, variant->type | SOCK_CLOEXEC, 0, self->pair));
}

FIXTURE_TEARDOWN(library_socket)
{
	if (self->received != MARKER)
		iobmd_buffer_free(self->received);
	iobmd_buffer_free(self->buffer);
	close(self->pair[0]);
	close(self->pair[1]);
}

static ssize_t send_fds(int socket, size_t bytes, int fd, size_t count)
{
	char payload[8] = { 0 }, control[CMSG_SPACE(253 * sizeof(int))] = { 0 };
	struct iovec iov = { payload, bytes };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *rights = (struct cmsghdr *)control;

	rights->cmsg_len = CMSG_LEN(count * sizeof(int));
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	for (size_t i = 0; i < count; i++)
		((int *)CMSG_DATA(rights))[i] = fd;
	if (count) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	return sendmsg(socket, &message, 0);
}

TEST_F(library_socket, hands_a_buffer_to_another_process)
{
	pid_t pid;

	IN_CHILD(pid) {
		ASSERT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
		fill_pattern(buffer_address(self->received), 0, 100, 3);
	}
	ASSERT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	ASSERT_EQ(0, child_status(pid));
	EXPECT_EQ(-1, check_pattern(buffer_address(self->buffer), 0, 100, 3));
}

TEST_F(library_socket, hands_over_one_buffer_at_a_time_in_order)
{
	struct iobmd_buffer *second = create_buffer(200);

	ASSERT_EQ(0, iobmd_buffer_send(second, self->pair[0]));
	ASSERT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	ASSERT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
	EXPECT_EQ(buffer_id(second), buffer_id(self->received));
	EXPECT_EQ(FD_CLOEXEC, fcntl(iobmd_buffer_fd(self->received), F_GETFD));
	iobmd_buffer_free(self->received);
	ASSERT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
	EXPECT_EQ(buffer_id(self->buffer), buffer_id(self->received));
	iobmd_buffer_free(second);
}

TEST_F(library_socket, receives_beside_credentials)
{
	int on = 1;

	ASSERT_EQ(0, setsockopt(self->pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	ASSERT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	ASSERT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
	EXPECT_EQ(buffer_id(self->buffer), buffer_id(self->received));
}

#define TICKS 50

static volatile sig_atomic_t ticks;
static int enough_ticks;

static void count_tick(int sig)
{
	(void)sig;
	if (++ticks == TICKS)
		event_post(enough_ticks);
}

/* A signal each millisecond; after enough of them posts the event. */
static void ticks_start(void)
{
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction action = { .sa_handler = count_tick };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

static void ticks_stop(void)
{
	struct itimerval off = { { 0, 0 }, { 0, 0 } };

	setitimer(ITIMER_REAL, &off, NULL);
}

TEST_F(library_socket, receive_is_not_interrupted_by_signals)
{
	pid_t pid;

	enough_ticks = event_create();
	IN_CHILD(pid) {
		event_await(enough_ticks);
		EXPECT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	}
	ticks_start();
	EXPECT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
	ticks_stop();
	EXPECT_LE(TICKS, ticks);
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(library_socket, send_is_not_interrupted_by_signals)
{
	int queued = 0;
	pid_t pid;

	while (send(self->pair[0], "", 1, MSG_DONTWAIT) == 1)
		queued++;
	ASSERT_LT(0, queued);
	enough_ticks = event_create();
	IN_CHILD(pid) {
		char byte;

		event_await(enough_ticks);
		while (queued--)
			EXPECT_EQ(1, recv(self->pair[1], &byte, 1, 0));
	}
	ticks_start();
	EXPECT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	ticks_stop();
	EXPECT_LE(TICKS, ticks);
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(library_socket, tells_that_nothing_is_there_or_no_room)
{
	int ret;

	fcntl(self->pair[0], F_SETFL, O_NONBLOCK);
	fcntl(self->pair[1], F_SETFL, O_NONBLOCK);
	EXPECT_EQ(-EAGAIN, iobmd_buffer_receive(self->pair[1], &self->received));
	do {
		ret = iobmd_buffer_send(self->buffer, self->pair[0]);
	} while (!ret);
	EXPECT_EQ(-EAGAIN, ret);
	EXPECT_EQ(MARKER, self->received);
}

TEST_F(library_socket, tells_that_nobody_is_there)
{
	int error = variant->type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;

	close(self->pair[1]);
	EXPECT_EQ(error, iobmd_buffer_send(self->buffer, self->pair[0]));
	if (variant->type != SOCK_DGRAM)
		EXPECT_EQ(-ECONNRESET, iobmd_buffer_receive(self->pair[0], &self->received));
	EXPECT_EQ(MARKER, self->received);
}

TEST_F(library_socket, receives_what_was_sent_before_the_other_end_closed)
{
	ASSERT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	close(self->pair[0]);
	EXPECT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
}

/* Each of these is refused, and each descriptor that came is closed. */
TEST_F(library_socket, refuses_what_is_no_buffer)
{
	struct { size_t bytes, fds; bool foreign; int error; } messages[] = {
		{ 1, 0, false, -EBADMSG }, { 1, 2, false, -EBADMSG }, { 1, 253, false, -EBADMSG },
		{ 1, 1, true, -ENOTTY }, { 2, 1, false, -EBADMSG },
	};
	int null = open("/dev/null", O_RDWR), fds = open_fds();
	size_t count = sizeof(messages) / sizeof(*messages) - (variant->type == SOCK_STREAM);

	for (size_t i = 0; i < count; i++) {
		ASSERT_EQ((ssize_t)messages[i].bytes,
			  send_fds(self->pair[0], messages[i].bytes,
				   messages[i].foreign ? null : iobmd_buffer_fd(self->buffer),
				   messages[i].fds));
		EXPECT_EQ(messages[i].error,
			  iobmd_buffer_receive(self->pair[1], &self->received));
		EXPECT_EQ(fds, open_fds());
	}
	EXPECT_EQ(MARKER, self->received);
	ASSERT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	EXPECT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
	close(null);
}

TEST_F(library_socket, tells_that_the_table_of_descriptors_is_full)
{
	struct rlimit limit = { .rlim_cur = next_fd(), .rlim_max = 4096 };

	ASSERT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, iobmd_buffer_receive(self->pair[1], &self->received));
	EXPECT_EQ(MARKER, self->received);
}

TEST_F(library_socket, refuses_other_files)
{
	int inet = socket(AF_INET, variant->type == SOCK_STREAM ? SOCK_STREAM : SOCK_DGRAM, 0);
	int null = open("/dev/null", O_RDWR);
	int alone = socket(AF_UNIX, variant->type, 0);

	EXPECT_EQ(-EAFNOSUPPORT, iobmd_buffer_send(self->buffer, inet));
	EXPECT_EQ(-EAFNOSUPPORT, iobmd_buffer_receive(inet, &self->received));
	EXPECT_EQ(-ENOTSOCK, iobmd_buffer_send(self->buffer, null));
	EXPECT_EQ(-ENOTSOCK, iobmd_buffer_receive(null, &self->received));
	EXPECT_EQ(-EBADF, iobmd_buffer_send(self->buffer, -1));
	EXPECT_EQ(-EBADF, iobmd_buffer_receive(-1, &self->received));
	EXPECT_EQ(-ENOTCONN, iobmd_buffer_send(self->buffer, alone));
	EXPECT_EQ(MARKER, self->received);
	close(alone);
	close(null);
	close(inet);
}

TEST_HARNESS_MAIN
