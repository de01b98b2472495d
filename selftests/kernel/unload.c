// SPDX-License-Identifier: GPL-2.0
/* The module goes when nothing of it is in use, and leaves nothing behind. */
#include "composite.h"
#include "machine.h"
#include "modules.h"
#include "peer.h"
#include "pin.h"

#include <sys/mman.h>

#define DEBUGFS_DIR	"/sys/kernel/debug/iobmd"

FIXTURE(unload)
{
	uint64_t size;
	int fd;
};

FIXTURE_SETUP(unload)
{
	self->size = huge_page_size() + 5 * page_size();
	self->fd = iobmd_create(self->size);
	ASSERT_LE(0, self->fd);
}

/* Whatever has happened, the next test finds the module. */
FIXTURE_TEARDOWN_PARENT(unload)
{
	if (!exists(MODULE_DIR)) {
		EXPECT_EQ(0, module_load(IOBMD_KO));
	}
	EXPECT_TRUE(exists(IOBMD_DEVICE));
	EXPECT_EQ(0, buffers_listed(0));
}

#define EXPECT_REFUSED() do {						\
	EXPECT_ERRNO(EWOULDBLOCK, module_unload("iobmd"));			\
	EXPECT_TRUE(exists(IOBMD_DEVICE));				\
	EXPECT_TRUE(exists(DEBUGFS_DIR));				\
} while (0)

#define EXPECT_UNLOADS() do {						\
	EXPECT_EQ(0, module_unload("iobmd"));					\
	EXPECT_FALSE(exists(MODULE_DIR));				\
	EXPECT_FALSE(exists(IOBMD_DEVICE));				\
	EXPECT_FALSE(exists(DEBUGFS_DIR));				\
} while (0)

TEST_F(unload, refused_while_a_descriptor_is_open)
{
	EXPECT_REFUSED();
	EXPECT_EQ(self->size, IOBMD_INFO(self->fd, capacity));
	close(self->fd);
	EXPECT_UNLOADS();
}

TEST_F(unload, refused_while_the_device_is_open)
{
	int device = iobmd_open();

	close(self->fd);
	EXPECT_REFUSED();
	close(device);
	EXPECT_UNLOADS();
}

TEST_F(unload, refused_while_a_window_is_left)
{
	int window = iobmd_window(self->fd, 0, 1);

	close(self->fd);
	EXPECT_REFUSED();
	close(window);
	EXPECT_UNLOADS();
}

TEST_F(unload, refused_while_a_composite_is_left)
{
	int fd = compose(0, part(self->fd, 0, page_size()), part(self->fd, 0, 0));
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	close(self->fd);
	EXPECT_REFUSED();
	close(fd);
	EXPECT_REFUSED();
	EXPECT_EQ(0, faults(map, true));
	munmap(map, page_size() + self->size);
	EXPECT_UNLOADS();
}

TEST_F(unload, refused_while_an_export_is_left)
{
	int dmabuf = iobmd_export(self->fd, 0, 0, 0);
	uint8_t *map;

	ASSERT_LE(0, dmabuf);
	close(self->fd);
	EXPECT_REFUSED();
	map = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	close(dmabuf);
	EXPECT_REFUSED();
	EXPECT_EQ(0, faults(map, true));
	munmap(map, page_size());
	EXPECT_UNLOADS();
}

TEST_F(unload, refused_while_a_path_to_a_descriptor_is_left)
{
	char path[64];
	int by_path;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	by_path = open(path, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, by_path);
	close(self->fd);
	EXPECT_REFUSED();
	close(by_path);
	EXPECT_UNLOADS();
}

TEST_F(unload, refused_while_a_mapping_is_left)
{
	char *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	close(self->fd);
	EXPECT_REFUSED();
	stamp_pages(map, self->size);
	EXPECT_EQ(-1, stamps_lost(map, self->size));
	munmap(map, self->size);
	EXPECT_UNLOADS();
}

TEST_F(unload, refused_while_a_descriptor_is_in_flight)
{
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(0, fd_send(sockets[0], self->fd));
	close(self->fd);
	EXPECT_REFUSED();
	close(fd_receive(sockets[1]));
	EXPECT_UNLOADS();
}

TEST_F(unload, refused_while_a_child_has_the_descriptor)
{
	struct peer child = peer_start(self->fd, NULL, 0);

	close(self->fd);
	EXPECT_REFUSED();
	EXPECT_EQ(0, peer_stop(&child));
	EXPECT_UNLOADS();
}

TEST_F(unload, refused_while_a_child_has_a_mapping)
{
	char *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	struct peer child = peer_start(self->fd, map, self->size);

	munmap(map, self->size);
	close(self->fd);
	EXPECT_EQ(0, peer_do(&child, PEER_CLOSE, 0));
	EXPECT_REFUSED();
	EXPECT_EQ(0, peer_read(&child, self->size - 1));
	EXPECT_EQ(0, peer_stop(&child));
	EXPECT_UNLOADS();
}

TEST_F(unload, works_at_once_after_a_process_was_killed)
{
	char *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	struct peer child = peer_start(self->fd, map, self->size);

	munmap(map, self->size);
	close(self->fd);
	kill(child.pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_status(child.pid));
	EXPECT_UNLOADS();
}

/* The page belongs to the pipe now; the module is not needed to free it. */
TEST_F(unload, leaves_a_page_in_a_pipe_as_it_is)
{
	char *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	int pipe[2];

	ASSERT_NE(MAP_FAILED, map);
	stamp_pages(map, self->size);
	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	ASSERT_EQ(page_size(), pipe_put(pipe[1], map + page_size()));
	munmap(map, self->size);
	close(self->fd);
	EXPECT_UNLOADS();
	memory_tidy();
	EXPECT_EQ(0, pipe_take(pipe[0], stamp_of(page_size())));
}

TEST_F(unload, leaves_memory_that_io_uring_has_pinned)
{
	char *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	int ring;

	ASSERT_NE(MAP_FAILED, map);
	ring = ring_pin(map, self->size);
	EXPECT_EQ(kernel_registers_files(), ring >= 0);
	munmap(map, self->size);
	close(self->fd);
	EXPECT_UNLOADS();
	memory_tidy();
	if (ring >= 0) {
		EXPECT_EQ(0, ring_unpin(ring));
	}
}

static void load_use_unload(struct __test_metadata *_metadata, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		char *map;
		int fd;

		ASSERT_EQ(0, module_load(IOBMD_KO));
		AWAIT(exists(IOBMD_DEVICE));
		fd = iobmd_create(3 * page_size());
		map = map_buffer(fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, map);
		map[0] = 1;
		munmap(map, 3 * page_size());
		close(fd);
		EXPECT_UNLOADS();
	}
	memory_tidy();
	slabs_shrink();
}

TEST_F(unload, hundred_times_leaves_nothing_behind)
{
	uint64_t free_before, unreclaimable;

	close(self->fd);
	EXPECT_UNLOADS();
	load_use_unload(_metadata, 20);
	free_before = memory_free();
	unreclaimable = meminfo("SUnreclaim:");
	load_use_unload(_metadata, 100);
	AWAIT(memory_free() + 8 * MIB > free_before);
	AWAIT(meminfo("SUnreclaim:") < unreclaimable + MIB);
}

/* Opens, creates and closes all the time; the device may be gone. */
static void use_until(const bool *stop)
{
	while (!__atomic_load_n(stop, __ATOMIC_SEQ_CST)) {
		int fd = iobmd_create(page_size());

		if (fd >= 0)
			close(fd);
	}
}

TEST_F_TIMEOUT(unload, while_others_open_the_device_goes_or_is_refused, 120)
{
	bool *stop = shared_memory(sizeof(*stop));
	pid_t pid;

	ASSERT_NE(MAP_FAILED, stop);
	close(self->fd);
	IN_CHILD(pid) {
		use_until(stop);
	}
	for (int i = 0; i < 30; i++) {
		if (!module_unload("iobmd")) {
			EXPECT_EQ(0, module_load(IOBMD_KO));
		} else {
			EXPECT_EQ(EWOULDBLOCK, errno);
		}
	}
	*stop = true;
	EXPECT_EQ(0, child_status(pid));
	EXPECT_UNLOADS();
}

TEST_HARNESS_MAIN
