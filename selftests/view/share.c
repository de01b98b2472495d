// SPDX-License-Identifier: GPL-2.0
/* Handing a buffer to other processes, and what is left when they go. */
#include "peer.h"

#include <grp.h>
#include <sys/syscall.h>

#define NOBODY	65534

FIXTURE(share) {
	size_t page;
	size_t size;		/* four pages */
	uint64_t id;
	int fd;
	uint8_t *map;		/* all of it, filled with the pattern of seed 1 */
	int sockets[2];
	int event, answer;
};

FIXTURE_SETUP(share)
{
	self->page = page_size();
	self->size = 4 * self->page;
	self->fd = iobmd_create(self->size);
	ASSERT_LE(0, self->fd);
	self->id = IOBMD_INFO(self->fd, id);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	fill_pattern(self->map, 0, self->size, 1);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, self->sockets));
	self->event = event_create();
	self->answer = event_create();
}

FIXTURE_TEARDOWN(share)
{
}

/* Lets go of everything that this process has of the buffer. */
#define drop_own() do {							\
	ASSERT_EQ(0, munmap(self->map, self->size));			\
	ASSERT_EQ(0, close(self->fd));					\
} while (0)

/* For a child that is to have nothing but what it is sent. */
#define receive_only() ({						\
	drop_own();							\
	fd_receive(self->sockets[1]);					\
})

TEST_F(share, descriptor_over_a_socket_is_the_same_buffer)
{
	uint64_t frame = page_frame(self->map + self->page);
	pid_t pid;

	ASSERT_NE(0, frame);
	IN_CHILD(pid) {
		int fd = receive_only();
		uint8_t *map;

		ASSERT_LE(0, fd);
		EXPECT_EQ(self->id, IOBMD_INFO(fd, id));
		EXPECT_EQ(IOBMD_RIGHTS_ALL, IOBMD_INFO(fd, rights));
		map = map_buffer(fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, (void *)map);
		EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
		EXPECT_EQ(frame, page_frame(map + self->page));
		fill_pattern(map, 0, self->size, 2);
	}
	ASSERT_EQ(0, fd_send(self->sockets[0], self->fd));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 2));
}

TEST_F(share, receiver_keeps_the_buffer_when_the_sender_has_let_go)
{
	pid_t pid;

	IN_CHILD(pid) {
		int fd = receive_only();
		void *map;

		event_await(self->event);
		EXPECT_EQ(self->id, IOBMD_INFO(fd, id));
		map = map_buffer(fd, PROT_READ);
		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	}
	ASSERT_EQ(0, fd_send(self->sockets[0], self->fd));
	drop_own();
	event_post(self->event);
	EXPECT_EQ(0, child_status(pid));
	AWAIT(!buffer_listed(self->id));
}

TEST_F(share, descriptor_on_its_way_keeps_the_buffer)
{
	int fd;

	ASSERT_EQ(0, fd_send(self->sockets[0], self->fd));
	drop_own();
	EXPECT_EQ(1, buffer_listed(self->id));
	fd = fd_receive(self->sockets[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(self->id, IOBMD_INFO(fd, id));
	EXPECT_EQ(-1, check_pattern(map_buffer(fd, PROT_READ), 0, self->size, 1));
}

TEST_F(share, descriptor_never_received_goes_with_its_socket)
{
	ASSERT_EQ(0, fd_send(self->sockets[0], self->fd));
	drop_own();
	EXPECT_EQ(1, buffer_listed(self->id));
	ASSERT_EQ(0, close(self->sockets[0]));
	ASSERT_EQ(0, close(self->sockets[1]));
	AWAIT(!buffer_listed(self->id));
}

/* Closing a socket starts the collector of sockets that only hold each other. */
static void start_collector(void)
{
	close(socket(AF_UNIX, SOCK_SEQPACKET, 0));
}

TEST_F(share, descriptor_in_a_cycle_of_sockets_is_collected)
{
	ASSERT_EQ(0, fd_send(self->sockets[0], self->fd));
	ASSERT_EQ(0, fd_send(self->sockets[0], self->sockets[0]));
	ASSERT_EQ(0, fd_send(self->sockets[0], self->sockets[1]));
	drop_own();
	EXPECT_EQ(1, buffer_listed(self->id));
	ASSERT_EQ(0, close(self->sockets[0]));
	ASSERT_EQ(0, close(self->sockets[1]));
	EXPECT_EQ(1, buffer_listed(self->id));
	AWAIT((start_collector(), !buffer_listed(self->id)));
}

TEST_F(share, descriptor_taken_by_pidfd_getfd_is_the_same_buffer)
{
	pid_t parent = getpid(), pid;

	IN_CHILD(pid) {
		int pidfd = syscall(SYS_pidfd_open, parent, 0);
		int number = self->fd, fd;

		ASSERT_LE(0, pidfd);
		drop_own();
		fd = syscall(SYS_pidfd_getfd, pidfd, number, 0);
		ASSERT_LE(0, fd);
		EXPECT_EQ(self->id, IOBMD_INFO(fd, id));
		EXPECT_EQ(-1, check_pattern(map_buffer(fd, PROT_READ), 0, self->size, 1));
		EXPECT_EQ(0, iobmd_set_length(fd, 5));
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(5, IOBMD_INFO(self->fd, length));
}

TEST_F(share, descriptor_inherited_over_fork_is_the_same_buffer)
{
	pid_t pid;

	IN_CHILD(pid) {
		EXPECT_EQ(self->id, IOBMD_INFO(self->fd, id));
		EXPECT_EQ(0, iobmd_resize(self->fd, 6 * self->page));
		EXPECT_EQ(0, close(self->fd));
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(6 * self->page, IOBMD_INFO(self->fd, capacity));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
}

TEST_F(share, child_keeps_what_it_inherited_when_the_parent_lets_go)
{
	pid_t pid;

	IN_CHILD(pid) {
		event_await(self->event);
		EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
		EXPECT_EQ(self->id, IOBMD_INFO(self->fd, id));
	}
	drop_own();
	EXPECT_EQ(1, buffer_listed(self->id));
	event_post(self->event);
	EXPECT_EQ(0, child_status(pid));
	AWAIT(!buffer_listed(self->id));
}

TEST_F(share, killed_process_gives_everything_back)
{
	pid_t pid;

	IN_CHILD(pid) {
		int fd = iobmd_create(huge_page_size() + 1);
		void *map = map_buffer(fd, PROT_READ | PROT_WRITE);

		ASSERT_NE(MAP_FAILED, map);
		memset(map, 1, huge_page_size() + 1);
		ASSERT_EQ(0, iobmd_set_name(fd, "to be killed"));
		ASSERT_EQ(0, fd_send(self->sockets[0], fd));
		event_post(self->answer);
		pause();
	}
	event_await(self->answer);
	drop_own();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, child_status(pid));
	AWAIT(!buffer_listed(self->id));

	/* What it had sent before lives on */
	self->fd = fd_receive(self->sockets[1]);
	ASSERT_LE(0, self->fd);
	self->id = IOBMD_INFO(self->fd, id);
	EXPECT_EQ(1, buffer_listed(self->id));
	ASSERT_EQ(0, close(self->fd));
	AWAIT(!buffer_listed(self->id));
}

TEST_F(share, killed_while_it_makes_and_maps_buffers_leaves_none)
{
	int before = buffers_listed(0);
	pid_t pid;

	for (int i = 0; i < 10; i++) {
		IN_CHILD(pid) {
			event_post(self->answer);
			for (;;) {
				int fd = iobmd_create(huge_page_size() + self->page);

				memset(map_buffer(fd, PROT_READ | PROT_WRITE), 1, self->page);
				close(fd);
			}
		}
		event_await(self->answer);
		AWAIT(buffers_listed(0) > before);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		EXPECT_EQ(128 + SIGKILL, child_status(pid));
		AWAIT(buffers_listed(0) == before);
	}
}

TEST_F(share, duplicate_is_the_same_buffer_and_lives_on_its_own)
{
	int copy = dup(self->fd), other = dup2(self->fd, self->fd + 100);

	ASSERT_LE(0, copy);
	ASSERT_LE(0, other);
	EXPECT_EQ(self->id, IOBMD_INFO(copy, id));
	EXPECT_EQ(self->id, IOBMD_INFO(other, id));
	drop_own();
	EXPECT_EQ(1, buffer_listed(self->id));
	ASSERT_EQ(0, close(copy));
	EXPECT_EQ(self->size, IOBMD_INFO(other, capacity));
	ASSERT_EQ(0, close(other));
	EXPECT_EQ(0, buffer_listed(self->id));
}

TEST_F(share, descriptor_replaced_by_dup2_lets_go)
{
	ASSERT_EQ(0, munmap(self->map, self->size));
	ASSERT_EQ(self->fd, dup2(STDERR_FILENO, self->fd));
	EXPECT_EQ(0, buffer_listed(self->id));
}

/* Runs a shell command in place of the child. */
static void exec_shell(const char *command)
{
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

TEST_F(share, exec_closes_and_unmaps)
{
	char command[128];
	pid_t pid;

	snprintf(command, sizeof(command),
		 "! test -e /proc/self/fd/%d && ! grep -q iobmd: /proc/self/maps", self->fd);
	IN_CHILD(pid) {
		exec_shell(command);
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(share, exec_keeps_a_descriptor_that_is_told_to_stay)
{
	char command[128];
	pid_t pid;

	snprintf(command, sizeof(command), "grep -q 'iobmd-id:.%llu$' /proc/self/fdinfo/%d",
		 (unsigned long long)self->id, self->fd);
	IN_CHILD(pid) {
		ASSERT_EQ(0, fcntl(self->fd, F_SETFD, 0));
		exec_shell(command);
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(share, a_hundred_processes_share_one_buffer)
{
	uint32_t *counter = (uint32_t *)self->map;
	uint64_t frame = page_frame(self->map);
	pid_t pids[100];

	*counter = 0;
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		IN_CHILD(pids[i]) {
			uint32_t *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);

			ASSERT_NE(MAP_FAILED, (void *)map);
			EXPECT_EQ(0, faults(map, false));
			EXPECT_EQ(frame, page_frame(map));
			event_post(self->answer);
			event_await(self->event);
			for (int n = 0; n < 100; n++)
				__atomic_fetch_add(map, 1, __ATOMIC_SEQ_CST);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		event_await(self->answer);
	EXPECT_EQ(1, buffers_listed(self->id));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		event_post(self->event);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		EXPECT_EQ(0, child_status(pids[i]));
	EXPECT_EQ(100 * ARRAY_SIZE(pids), *counter);
}

static int become_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY))
		return -1;
	return setresuid(NOBODY, NOBODY, NOBODY);
}

TEST_F(share, nobody_cannot_open_the_device)
{
	ASSERT_EQ(0, become_nobody());
	EXPECT_ERRNO(EACCES, open(IOBMD_DEVICE, O_RDWR));
	EXPECT_ERRNO(EACCES, open(IOBMD_DEVICE, O_RDONLY));
	EXPECT_ERRNO(EACCES, open(IOBMD_DEVICE, O_WRONLY));
}

TEST_F(share, nobody_has_every_right_to_what_he_was_given)
{
	pid_t pid;

	IN_CHILD(pid) {
		int fd = receive_only();
		uint8_t *map;

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, become_nobody());
		map = iobmd_map(fd, 0, NULL, 0, 0);
		ASSERT_NE(MAP_FAILED, (void *)map);
		EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
		EXPECT_EQ(0, iobmd_set_length(fd, 3));
		EXPECT_EQ(0, iobmd_set_name(fd, "nobody's"));
		EXPECT_EQ(0, iobmd_resize(fd, 2 * self->page));
		fill_pattern(map, 0, 2 * self->page, 2);
	}
	ASSERT_EQ(0, fd_send(self->sockets[0], self->fd));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(2 * self->page, IOBMD_INFO(self->fd, capacity));
	EXPECT_EQ(-1, check_pattern(self->map, 0, 2 * self->page, 2));
	EXPECT_EQ(SIGBUS, faults(self->map + 2 * self->page, false));
}

TEST_HARNESS_MAIN
