// SPDX-License-Identifier: GPL-2.0
/* When a buffer ends: with its last descriptor and mapping, and not before. */
#include "machine.h"
#include "peer.h"
#include "pin.h"

#include <sys/mman.h>

enum holder { DEVICE, DESCRIPTOR, MAPPING, HOLDERS };

FIXTURE(lifetime)
{
	size_t page;
	uint64_t size;
	uint64_t id;
	int device;
	int fd;
	uint8_t *map;
};

FIXTURE_SETUP(lifetime)
{
	self->page = page_size();
	self->size = huge_page_size() + 3 * self->page;
	self->device = iobmd_open();
	ASSERT_LE(0, self->device);
	self->fd = iobmd_create(self->size);
	ASSERT_LE(0, self->fd);
	self->id = IOBMD_INFO(self->fd, id);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	stamp_pages(self->map, self->size);
	ASSERT_EQ(1, buffer_listed(self->id));
}

FIXTURE_TEARDOWN(lifetime)
{
}

static int let_go(FIXTURE_DATA(lifetime) *self, enum holder holder)
{
	switch (holder) {
	case DEVICE:
		return close(self->device);
	case DESCRIPTOR:
		return close(self->fd);
	default:
		return munmap(self->map, self->size);
	}
}

/* A descriptor or a mapping keeps the buffer whole; the device keeps nothing. */
static void let_go_in_order(struct __test_metadata *_metadata, FIXTURE_DATA(lifetime) *self,
			    enum holder first, enum holder second, enum holder third)
{
	const enum holder order[] = { first, second, third };
	bool held[HOLDERS] = { true, true, true };

	for (int i = 0; i < HOLDERS; i++) {
		ASSERT_EQ(0, let_go(self, order[i]));
		held[order[i]] = false;
		EXPECT_EQ(held[DESCRIPTOR] || held[MAPPING], buffer_listed(self->id));
		if (held[DESCRIPTOR]) {
			EXPECT_EQ(self->size, IOBMD_INFO(self->fd, capacity));
		}
		if (held[MAPPING]) {
			EXPECT_EQ(-1, stamps_lost(self->map, self->size));
		}
	}
}

TEST_F(lifetime, device_then_descriptor_then_mapping)
{
	let_go_in_order(_metadata, self, DEVICE, DESCRIPTOR, MAPPING);
}

TEST_F(lifetime, device_then_mapping_then_descriptor)
{
	let_go_in_order(_metadata, self, DEVICE, MAPPING, DESCRIPTOR);
}

TEST_F(lifetime, descriptor_then_device_then_mapping)
{
	let_go_in_order(_metadata, self, DESCRIPTOR, DEVICE, MAPPING);
}

TEST_F(lifetime, descriptor_then_mapping_then_device)
{
	let_go_in_order(_metadata, self, DESCRIPTOR, MAPPING, DEVICE);
}

TEST_F(lifetime, mapping_then_device_then_descriptor)
{
	let_go_in_order(_metadata, self, MAPPING, DEVICE, DESCRIPTOR);
}

TEST_F(lifetime, mapping_then_descriptor_then_device)
{
	let_go_in_order(_metadata, self, MAPPING, DESCRIPTOR, DEVICE);
}

/* Makes a buffer in a child, which then ends by @end: was it listed till then? */
static void buffer_of_a_process_that_ends(struct __test_metadata *_metadata, void (*end)(void),
					  int status)
{
	uint64_t *id = shared_memory(sizeof(*id));
	pid_t pid;

	ASSERT_NE(MAP_FAILED, id);
	IN_CHILD(pid) {
		int fd = iobmd_create(MIB);
		char *map = map_buffer(fd, PROT_READ | PROT_WRITE);

		ASSERT_NE(MAP_FAILED, map);
		map[0] = 1;
		*id = IOBMD_INFO(fd, id);
		EXPECT_EQ(1, buffer_listed(*id));
		end();
	}
	EXPECT_EQ(status, child_status(pid));
	EXPECT_NE(0, *id);
	EXPECT_EQ(0, buffer_listed(*id));
	munmap(id, sizeof(*id));
}

static void end_by_exit(void)
{
	_exit(0);
}

static void end_by_kill(void)
{
	raise(SIGKILL);
}

static void end_by_exec(void)
{
	execl("/bin/true", "true", NULL);
}

TEST(exit_ends_a_buffer)
{
	buffer_of_a_process_that_ends(_metadata, end_by_exit, 0);
}

TEST(sigkill_ends_a_buffer)
{
	buffer_of_a_process_that_ends(_metadata, end_by_kill, 128 + SIGKILL);
}

TEST(exec_ends_a_buffer)
{
	buffer_of_a_process_that_ends(_metadata, end_by_exec, 0);
}

TEST_F(lifetime, child_that_inherited_it_keeps_it)
{
	struct peer child = peer_start(self->fd, self->map, self->size);

	munmap(self->map, self->size);
	close(self->fd);
	EXPECT_EQ(1, buffer_listed(self->id));
	EXPECT_EQ(stamp_of(self->page) & 0xff, peer_read(&child, self->page));
	EXPECT_EQ(0, peer_do(&child, PEER_CLOSE, 0));
	EXPECT_EQ(1, buffer_listed(self->id));
	EXPECT_EQ(stamp_of(0) & 0xff, peer_read(&child, 0));
	EXPECT_EQ(0, peer_do(&child, PEER_UNMAP, 0));
	EXPECT_EQ(0, buffer_listed(self->id));
	EXPECT_EQ(0, peer_stop(&child));
}

TEST_F(lifetime, duplicate_of_the_descriptor_keeps_it)
{
	int copy = dup(self->fd);

	munmap(self->map, self->size);
	close(self->fd);
	EXPECT_EQ(1, buffer_listed(self->id));
	EXPECT_EQ(self->size, IOBMD_INFO(copy, capacity));
	close(copy);
	EXPECT_EQ(0, buffer_listed(self->id));
}

TEST_F(lifetime, descriptor_in_flight_keeps_it)
{
	uint8_t *map;
	int sockets[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(0, fd_send(sockets[0], self->fd));
	munmap(self->map, self->size);
	close(self->fd);
	EXPECT_EQ(1, buffer_listed(self->id));
	fd = fd_receive(sockets[1]);
	ASSERT_LE(0, fd);
	map = map_buffer(fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, stamps_lost(map, self->size));
	munmap(map, self->size);
	close(fd);
	EXPECT_EQ(0, buffer_listed(self->id));
}

TEST_F(lifetime, descriptor_that_was_never_received_ends_with_its_socket)
{
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(0, fd_send(sockets[0], self->fd));
	munmap(self->map, self->size);
	close(self->fd);
	close(sockets[0]);
	close(sockets[1]);
	AWAIT(!buffer_listed(self->id));
}

TEST_F(lifetime, part_of_a_mapping_keeps_it)
{
	close(self->fd);
	munmap(self->map + self->page, self->size - self->page);
	EXPECT_EQ(1, buffer_listed(self->id));
	EXPECT_EQ(-1, stamps_lost(self->map, self->page));
	munmap(self->map, self->page);
	EXPECT_EQ(0, buffer_listed(self->id));
}

TEST_F(lifetime, page_in_a_pipe_outlives_it)
{
	int pipe[2];

	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	ASSERT_EQ(self->page, pipe_put(pipe[1], self->map + self->page));
	munmap(self->map, self->size);
	close(self->fd);
	EXPECT_EQ(0, buffer_listed(self->id));
	memory_tidy();
	EXPECT_EQ(0, pipe_take(pipe[0], stamp_of(self->page)));
}

TEST_F(lifetime, ids_are_never_used_again)
{
	uint64_t last = self->id;

	for (int i = 0; i < 100; i++) {
		int fd = iobmd_create(1);

		EXPECT_LT(last, IOBMD_INFO(fd, id));
		last = IOBMD_INFO(fd, id);
		close(fd);
	}
}

static void create_and_free(struct __test_metadata *_metadata, int buffers)
{
	uint64_t size = 6 * page_size();

	for (int i = 0; i < buffers; i++) {
		int fd = iobmd_create(size);
		char *map = map_buffer(fd, PROT_READ | PROT_WRITE);

		ASSERT_NE(MAP_FAILED, map);
		map[0] = 1;
		munmap(map, size);
		close(fd);
	}
	EXPECT_EQ(0, buffers_listed(0));
	memory_tidy();
	slabs_shrink();
}

TEST(thousand_buffers_leave_nothing_behind)
{
	uint64_t free_before, unreclaimable;

	create_and_free(_metadata, 100);	/* what the kernel caches, it has now */
	free_before = memory_free();
	unreclaimable = meminfo("SUnreclaim:");
	create_and_free(_metadata, 1000);
	AWAIT(memory_free() + 8 * MIB > free_before);
	AWAIT(meminfo("SUnreclaim:") < unreclaimable + MIB);
}

TEST_HARNESS_MAIN
