// SPDX-License-Identifier: GPL-2.0
/* Another module tells processes by an eventfd that it is done with something. */
#include "kernel_peer.h"
#include "machine.h"
#include "peer.h"

#include <poll.h>
#include <sys/epoll.h>

FIXTURE(kernel_notify)
{
	int fd;
	int peer;
	int eventfd;
};

FIXTURE_VARIANT(kernel_notify)
{
	unsigned long notify;
};

FIXTURE_VARIANT_ADD(kernel_notify, process) { .notify = IOBMD_PEER_NOTIFY };
FIXTURE_VARIANT_ADD(kernel_notify, interrupt) { .notify = IOBMD_PEER_NOTIFY_IRQ };

static int eventfd_open(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* What has been added since the last look; it becomes 0. */
static uint64_t eventfd_take(int eventfd)
{
	eventfd_t value;

	return eventfd_read(eventfd, &value) ? 0 : value;
}

/* Waits until @count have been added, and tells whether it were not more. */
static bool eventfd_await(int eventfd, uint64_t count)
{
	uint64_t seen = 0;

	while (seen < count) {
		struct pollfd poll_fd = { .fd = eventfd, .events = POLLIN };

		if (poll(&poll_fd, 1, -1) != 1 || poll_fd.revents != POLLIN)
			return false;
		seen += eventfd_take(eventfd);
	}
	return seen == count;
}

static void move_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* The number that the kernel has given it: the lowest that was free. */
static uint64_t eventfd_id(int eventfd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", eventfd);
	return file_number(path, "eventfd-id: ");
}

/* The ID that a new one gets: reused if nothing refers to the old one any more. */
static uint64_t eventfd_next_id(void)
{
	int eventfd = eventfd_open();
	uint64_t id = eventfd_id(eventfd);

	close(eventfd);
	return id;
}

FIXTURE_SETUP(kernel_notify)
{
	self->peer = kernel_load();
	ASSERT_LE(0, self->peer);
	self->fd = iobmd_create(page_size());
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	self->eventfd = eventfd_open();
	ASSERT_LE(0, self->eventfd);
}

FIXTURE_TEARDOWN_PARENT(kernel_notify)
{
	EXPECT_EQ(0, kernel_unload());
	EXPECT_EQ(0, buffers_listed(0));
}

#define NOTIFY(self, times)						\
	ASSERT_EQ(0, kernel_notify((self)->peer, variant->notify, times))

#define SET(self, eventfd)						\
	ASSERT_EQ(0, kernel_set_eventfd((self)->peer, eventfd))

TEST_F(kernel_notify, each_adds_one)
{
	SET(self, self->eventfd);
	EXPECT_EQ(0, eventfd_take(self->eventfd));
	NOTIFY(self, 1);
	EXPECT_TRUE(eventfd_await(self->eventfd, 1));
	NOTIFY(self, 100);
	EXPECT_TRUE(eventfd_await(self->eventfd, 100));
}

TEST_F(kernel_notify, wakes_a_process_that_sleeps_in_epoll)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	char path[64], state = 0;
	pid_t pid;

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->eventfd, &event));
	SET(self, self->eventfd);
	IN_CHILD(pid) {
		ASSERT_EQ(1, epoll_wait(epoll, &event, 1, -1));
		EXPECT_EQ(EPOLLIN, event.events);
		EXPECT_EQ(1, eventfd_take(self->eventfd));
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'S') {
		FILE *stat = fopen(path, "re");

		ASSERT_EQ(1, fscanf(stat, "%*d (%*[^)]) %c", &state));
		fclose(stat);
	}
	NOTIFY(self, 1);
	EXPECT_EQ(0, child_status(pid));
}

/* PUT sees to it that none is still under way. */
TEST_F(kernel_notify, nobody_is_told_without_an_eventfd)
{
	NOTIFY(self, 3);
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	SET(self, self->eventfd);
	SET(self, -1);
	NOTIFY(self, 3);
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	EXPECT_EQ(0, eventfd_take(self->eventfd));
}

TEST_F(kernel_notify, other_files_are_refused_and_change_nothing)
{
	SET(self, self->eventfd);
	EXPECT_ERRNO(EBADF, kernel_set_eventfd(self->peer, next_fd()));
	EXPECT_ERRNO(EBADF, kernel_set_eventfd(self->peer, -2));
	EXPECT_ERRNO(EBADF, kernel_set_eventfd(self->peer, INT_MAX));
	EXPECT_ERRNO(EINVAL, kernel_set_eventfd(self->peer, self->fd));
	EXPECT_ERRNO(EINVAL, kernel_set_eventfd(self->peer, self->peer));
	NOTIFY(self, 1);
	EXPECT_TRUE(eventfd_await(self->eventfd, 1));
}

/* The interrupt comes on another CPU. None is lost, or goes to one that has been replaced. */
TEST_F(kernel_notify, replaced_while_it_notifies)
{
	const uint32_t times = 2000;
	uint64_t seen = 0;
	int eventfd = -1;

	SET(self, self->eventfd);
	move_to_cpu(0);
	NOTIFY(self, times);
	move_to_cpu(1);
	while (seen < times) {
		eventfd = eventfd_open();
		SET(self, eventfd);
		seen += eventfd_take(self->eventfd);
		EXPECT_EQ(0, eventfd_take(self->eventfd));
		close(self->eventfd);
		self->eventfd = eventfd;
	}
	EXPECT_EQ(times, seen);
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	EXPECT_EQ(0, eventfd_take(self->eventfd));
}

TEST_F(kernel_notify, users_of_one_buffer_notify_each_for_itself)
{
	int peer = kernel_open(), other = eventfd_open();

	ASSERT_EQ(0, kernel_get(peer, self->fd, IOBMD_RIGHT_READ));
	SET(self, self->eventfd);
	ASSERT_EQ(0, kernel_set_eventfd(peer, other));
	NOTIFY(self, 2);
	EXPECT_TRUE(eventfd_await(self->eventfd, 2));
	EXPECT_EQ(0, eventfd_take(other));
	close(self->peer);
	ASSERT_EQ(0, kernel_notify(peer, variant->notify, 1));
	EXPECT_TRUE(eventfd_await(other, 1));
	close(peer);
}

/* Whose descriptor it was does not matter, nor whether it is still open. */
TEST_F(kernel_notify, eventfd_of_a_process_that_is_gone)
{
	int sockets[2], eventfd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	IN_CHILD(pid) {
		eventfd = eventfd_open();
		SET(self, eventfd);
		EXPECT_EQ(0, fd_send(sockets[0], eventfd));
	}
	ASSERT_EQ(0, child_status(pid));
	NOTIFY(self, 1);
	eventfd = fd_receive(sockets[1]);
	EXPECT_TRUE(eventfd_await(eventfd, 1));
	NOTIFY(self, 1);
	EXPECT_TRUE(eventfd_await(eventfd, 1));
}

TEST_F(kernel_notify, keeps_an_eventfd_that_all_have_closed)
{
	uint64_t id = eventfd_id(self->eventfd);

	SET(self, self->eventfd);
	close(self->eventfd);
	NOTIFY(self, 3);
	EXPECT_NE(id, eventfd_next_id());
	SET(self, -1);
	EXPECT_EQ(id, eventfd_next_id());
}

TEST_F(kernel_notify, gives_the_eventfd_back_when_replaced_and_with_put)
{
	uint64_t id = eventfd_id(self->eventfd);
	int other = eventfd_open();
	uint64_t other_id = eventfd_id(other);

	SET(self, self->eventfd);
	close(self->eventfd);
	SET(self, other);
	EXPECT_EQ(id, eventfd_next_id());
	close(other);
	self->eventfd = eventfd_open();
	EXPECT_NE(other_id, eventfd_next_id());
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	EXPECT_EQ(other_id, eventfd_next_id());
}

TEST_HARNESS_MAIN
