// SPDX-License-Identifier: GPL-2.0
/* Holds keep what their owner relies on; seals forbid for good. */
#include "machine.h"
#include "peer.h"
#include "pin.h"

#include <sys/mman.h>

FIXTURE(seal)
{
	size_t page;
	uint64_t size;		/* a huge page, two pages and a bit */
	int fd;
	int pipe[2];
};

FIXTURE_VARIANT(seal)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(seal, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(seal, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(seal)
{
	uint8_t *map;

	self->page = page_size();
	self->size = huge_page_size() + 2 * self->page + 100;
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	fill_pattern(map, 0, self->size, 1);
	munmap(map, self->size);
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
}

FIXTURE_TEARDOWN(seal)
{
}

static int iobmd_hold(int fd)
{
	return iobmd_derive(fd, IOBMD_DERIVE_F_HOLD, 0, 0);
}

TEST_F(seal, hold_keeps_the_length_of_its_time)
{
	int hold;

	ASSERT_EQ(0, iobmd_set_length(self->fd, 2 * self->page));
	hold = iobmd_hold(self->fd);
	ASSERT_LE(0, hold);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, 2 * self->page - 1));
	EXPECT_ERRNO(EBUSY, iobmd_resize(hold, 1));
	EXPECT_EQ(0, iobmd_resize(self->fd, 2 * self->page));
	EXPECT_EQ(0, iobmd_resize(self->fd, 9 * self->page));
	EXPECT_EQ(0, iobmd_resize(hold, 2 * self->page));
	EXPECT_EQ(0, iobmd_set_length(self->fd, 0));
	EXPECT_EQ(IOBMD_RIGHTS_ALL, IOBMD_INFO(hold, rights));
	close(hold);
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(seal, descriptor_without_a_hold_does_not_hold)
{
	ASSERT_LE(0, iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0));
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(seal, each_hold_counts)
{
	int holds[] = { iobmd_hold(self->fd), iobmd_hold(self->fd), -1 };

	ASSERT_EQ(0, iobmd_set_length(self->fd, self->page));
	holds[2] = iobmd_hold(self->fd);
	close(holds[0]);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->size - 1));
	close(holds[1]);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page - 1));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->page));
	close(holds[2]);
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

/* What it derives without one has none; a mapping made with it keeps it. */
TEST_F(seal, hold_belongs_to_its_descriptor)
{
	int hold = iobmd_hold(self->fd);
	int plain = iobmd_derive(hold, 0, 0, 0);
	uint8_t *map = map_buffer(hold, PROT_READ);

	ASSERT_LE(0, plain);
	ASSERT_NE(MAP_FAILED, map);
	close(hold);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, 1));
	munmap(map, self->size);
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
	EXPECT_EQ(1, IOBMD_INFO(plain, length));
}

TEST_F(seal, hold_in_another_process_lasts_as_long_as_that)
{
	struct peer peer = peer_start(-1, NULL, 0);
	int hold = iobmd_hold(self->fd);

	ASSERT_EQ(0, peer_give(&peer, hold));
	close(hold);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page));
	EXPECT_EQ(pattern_byte(self->size - 1, 1), peer_read(&peer, self->size - 1));
	EXPECT_EQ(0, peer_stop(&peer));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->page));
}

TEST_F(seal, hold_on_its_way_through_a_socket)
{
	int hold = iobmd_hold(self->fd), sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(0, fd_send(sockets[0], hold));
	close(hold);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page));
	close(sockets[0]);
	close(sockets[1]);
	EXPECT_EQ(0, iobmd_resize(self->fd, self->page));
}

/* A path is no descriptor. */
TEST_F(seal, hold_ends_though_a_path_to_it_is_left)
{
	int hold = iobmd_hold(self->fd);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", hold);
	ASSERT_LE(0, open(path, O_PATH | O_CLOEXEC));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, 1));
	close(hold);
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(seal, against_shrinking)
{
	ASSERT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_SHRINK));
	EXPECT_EQ(IOBMD_SEAL_SHRINK, IOBMD_INFO(self->fd, seals));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->size - 1));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size));
	EXPECT_EQ(0, iobmd_resize(self->fd, 2 * self->size));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->size));
	EXPECT_EQ(0, iobmd_set_length(self->fd, 1));
}

TEST_F(seal, against_growing)
{
	ASSERT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_GROW));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->size + 1));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->page));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->size));
}

TEST_F(seal, against_further_seals)
{
	ASSERT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_SEAL | IOBMD_SEAL_GROW));
	EXPECT_ERRNO(EPERM, iobmd_seal(self->fd, IOBMD_SEAL_SHRINK));
	EXPECT_ERRNO(EPERM, iobmd_seal(self->fd, IOBMD_SEAL_WRITE | IOBMD_SEAL_GROW));
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_GROW));
	EXPECT_EQ(0, iobmd_seal(self->fd, 0));
	EXPECT_EQ(IOBMD_SEAL_SEAL | IOBMD_SEAL_GROW, IOBMD_INFO(self->fd, seals));
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(seal, adds_up_and_shows_on_every_descriptor)
{
	int reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	char text[64];

	ASSERT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_SHRINK));
	ASSERT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_GROW));
	ASSERT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_SHRINK));
	EXPECT_EQ(IOBMD_SEAL_SHRINK | IOBMD_SEAL_GROW, IOBMD_INFO(reader, seals));
	EXPECT_TRUE(fdinfo_get(reader, "seals", text));
	EXPECT_STREQ("0x6", text);
	EXPECT_EQ(0, IOBMD_INFO(iobmd_create(1), seals));
}

TEST_F(seal, unknown_is_einval)
{
	for (int bit = 4; bit < 32; bit++)
		EXPECT_ERRNO(EINVAL, iobmd_seal(self->fd, 1u << bit | IOBMD_SEAL_GROW));
	EXPECT_EQ(0, IOBMD_INFO(self->fd, seals));
}

#define EXPECT_SEALED(self) do {					\
	EXPECT_EQ(IOBMD_SEAL_WRITE, IOBMD_INFO((self)->fd, seals));	\
	EXPECT_ERRNO(EPERM, pwrite((self)->fd, "x", 1, 0));		\
	EXPECT_MAP_ERRNO(EPERM, map_buffer((self)->fd, PROT_READ | PROT_WRITE)); \
} while (0)

/* Refused, with nothing changed: the buffer can be written as before. */
#define EXPECT_SEAL_BUSY(self, _seals) do {				\
	EXPECT_ERRNO(EBUSY, iobmd_seal((self)->fd, _seals));		\
	EXPECT_EQ(0, IOBMD_INFO((self)->fd, seals));			\
	EXPECT_EQ(1, pwrite((self)->fd, "x", 1, 9));			\
	EXPECT_EQ(0, munmap(map_buffer((self)->fd, PROT_READ | PROT_WRITE), (self)->size)); \
} while (0)

TEST_F(seal, against_writing_forbids_every_way)
{
	int window = iobmd_window(self->fd, 0, self->page);
	off_t at = 0;

	ASSERT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_SEALED(self);
	EXPECT_ERRNO(EPERM, write(self->fd, "x", 1));
	EXPECT_ERRNO(EPERM, pwrite(window, "x", 1, 0));
	EXPECT_MAP_ERRNO(EPERM, map_buffer(window, PROT_READ | PROT_WRITE));
	EXPECT_MAP_ERRNO(EPERM, iobmd_map(self->fd, 0, NULL, 0, 0));
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	EXPECT_ERRNO(EPERM, splice(self->pipe[0], NULL, self->fd, &at, 1, 0));
	EXPECT_ERRNO(EPERM, iobmd_export(self->fd, 0, 0, 0));
	EXPECT_ERRNO(EPERM, iobmd_export(window, 0, 0, 0));
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_LE(0, iobmd_export(self->fd, IOBMD_EXPORT_F_READ_ONLY, 0, 0));
}

TEST_F(seal, against_writing_lets_read_with_any_descriptor)
{
	uint8_t *data = malloc(self->size), *map;
	int reader, dmabuf;

	ASSERT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	ASSERT_EQ(self->size, pread(self->fd, data, self->size, 0));
	EXPECT_EQ(-1, check_pattern(data, 0, self->size, 1));
	map = map_buffer(self->fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	EXPECT_EQ(SIGSEGV, faults(map, true));
	EXPECT_ERRNO(EACCES, mprotect(map, self->page, PROT_READ | PROT_WRITE));
	EXPECT_NE(MAP_FAILED, iobmd_map(self->fd, IOBMD_MAP_F_READ_ONLY, NULL, 0, 0));
	reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	EXPECT_NE(MAP_FAILED, map_buffer(reader, PROT_READ));
	dmabuf = iobmd_export(reader, 0, 0, 0);
	ASSERT_LE(0, dmabuf);
	EXPECT_NE(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED, dmabuf, 0));
	free(data);
}

/* Unless the other seals are on too */
TEST_F(seal, against_writing_lets_resize)
{
	uint8_t *map;

	ASSERT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_EQ(0, iobmd_resize(self->fd, 2 * self->size));
	map = map_buffer(self->fd, PROT_READ);
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	EXPECT_EQ(-1, check_bytes(map + self->size, self->size, 0));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->page));
	EXPECT_EQ(SIGBUS, faults(map + self->page, false));
	EXPECT_SEALED(self);
}

TEST_F(seal, against_writing_waits_for_writable_mappings)
{
	uint8_t *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	EXPECT_SEAL_BUSY(self, IOBMD_SEAL_WRITE);
	EXPECT_SEAL_BUSY(self, IOBMD_SEAL_WRITE | IOBMD_SEAL_SHRINK);
	/* It may become writable again */
	ASSERT_EQ(0, mprotect(map, self->size, PROT_READ));
	EXPECT_SEAL_BUSY(self, IOBMD_SEAL_WRITE);
	munmap(map, self->page);
	EXPECT_SEAL_BUSY(self, IOBMD_SEAL_WRITE);
	munmap(map, self->size);
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_SEALED(self);
}

TEST_F(seal, against_writing_waits_for_writable_mappings_elsewhere)
{
	int window = iobmd_window(self->fd, self->page, self->page);
	struct peer peer = peer_start(-1, NULL, 0);

	ASSERT_EQ(0, peer_give(&peer, window));
	EXPECT_SEAL_BUSY(self, IOBMD_SEAL_WRITE);
	EXPECT_EQ(0, peer_write(&peer, 0, 'x'));
	EXPECT_EQ(0, peer_do(&peer, PEER_UNMAP, 0));
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_SEALED(self);
	EXPECT_EQ(0, peer_stop(&peer));
}

TEST_F(seal, against_writing_does_not_mind_readers)
{
	int reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY | IOBMD_DERIVE_F_HOLD, 0, 0);
	uint8_t *map = map_buffer(reader, PROT_READ);

	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	EXPECT_LE(0, iobmd_export(reader, 0, 0, 0));
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	EXPECT_SEALED(self);
}

TEST_F(seal, against_writing_waits_for_writable_exports)
{
	int dmabuf = iobmd_export(self->fd, 0, 0, 0);

	ASSERT_LE(0, dmabuf);
	EXPECT_SEAL_BUSY(self, IOBMD_SEAL_WRITE);
	close(dmabuf);
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_SEALED(self);
}

TEST_F(seal, against_writing_waits_for_pages_in_pipes)
{
	int reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	uint8_t *map = map_buffer(reader, PROT_READ), *data = malloc(self->page);

	ASSERT_EQ(self->page, pipe_put(self->pipe[1], map + self->page));
	EXPECT_SEAL_BUSY(self, IOBMD_SEAL_WRITE);
	ASSERT_EQ(self->page, read(self->pipe[0], data, self->page));
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_SEALED(self);
	free(data);
}

TEST_F(seal, against_writing_waits_for_pinned_pages)
{
	uint8_t *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	int ring = ring_pin(map + self->page, self->page);

	if (!kernel_registers_files()) {
		EXPECT_EQ(-1, ring);
		return;
	}
	ASSERT_LE(0, ring);
	munmap(map, self->size);
	EXPECT_SEAL_BUSY(self, IOBMD_SEAL_WRITE);
	ASSERT_EQ(0, ring_unpin(ring));
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_SEALED(self);
}

TEST_F(seal, against_writing_races_with_writers)
{
	uint8_t *map;
	pid_t pid;

	IN_CHILD(pid) {
		for (;;) {
			map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
			if (map == MAP_FAILED)
				_exit(errno != EPERM);
			*map = 'x';
			munmap(map, self->size);
			if (pwrite(self->fd, "x", 1, 0) != 1)
				_exit(errno != EPERM);
		}
	}
	while (iobmd_seal(self->fd, IOBMD_SEAL_WRITE))
		ASSERT_EQ(EBUSY, errno);
	EXPECT_EQ(0, child_status(pid));
	EXPECT_SEALED(self);
}

TEST_HARNESS_MAIN
