// SPDX-License-Identifier: GPL-2.0
/*
 * A page of a buffer has a hardware memory error. Every access to it reports the
 * error, and everything else works as before.
 */
#include "kernel_peer.h"
#include "peer.h"
#include "pin.h"
#include "poison.h"

#include <sys/mman.h>

FIXTURE(memory_error)
{
	size_t page;
	uint64_t size;
	uint64_t bad;		/* where the page is */
	uint64_t frame;		/* which it is */
	bool kept;		/* for ever, with its huge page */
	int fd;
	uint8_t *map;
};

FIXTURE_VARIANT(memory_error)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(memory_error, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(memory_error, huge) { .huge = IOBMD_HUGE_PREFER };

/* In the middle of the first of two huge pages. */
FIXTURE_SETUP(memory_error)
{
	self->page = page_size();
	self->size = 2 * huge_page_size();
	self->bad = 7 * self->page;
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	stamp_pages(self->map, self->size);
	self->frame = page_frame(self->map + self->bad);
}

FIXTURE_TEARDOWN_PARENT(memory_error)
{
	kernel_unload();
	EXPECT_EQ(0, buffers_listed(0));
	AWAIT(self->kept || memory_unpoison(self->frame));
}

/* The pages beside the bad one have what they had. */
#define EXPECT_SPARED(self) do {						\
	const uint64_t __after = (self)->bad + (self)->page;			\
										\
	EXPECT_EQ(-1, stamps_lost((self)->map, (self)->bad));			\
	for (uint64_t __at = __after; __at < (self)->size; __at += (self)->page) { \
		ASSERT_EQ(0, faults((self)->map + __at, false));		\
		ASSERT_EQ(stamp_of(__at), *(uint64_t *)((self)->map + __at));	\
	}									\
} while (0)

TEST_F(memory_error, raises_sigbus_and_spares_the_rest)
{
	memory_poison(self->map + self->bad);
	EXPECT_EQ(SIGBUS, faults(self->map + self->bad, false));
	EXPECT_EQ(SIGBUS, faults(self->map + self->bad + self->page - 1, true));
	EXPECT_SPARED(self);
	EXPECT_EQ(self->size, IOBMD_INFO(self->fd, allocated));
}

TEST_F(memory_error, raises_sigbus_in_every_process_and_new_mapping)
{
	struct peer peer = peer_start(self->fd, self->map, self->size);
	uint8_t *other;

	EXPECT_EQ((uint8_t)stamp_of(self->bad), peer_read(&peer, self->bad));
	memory_poison(self->map + self->bad);
	EXPECT_EQ(-SIGBUS, peer_read(&peer, self->bad));
	EXPECT_EQ((uint8_t)stamp_of(self->bad + self->page),
		  peer_read(&peer, self->bad + self->page));
	EXPECT_EQ(0, peer_stop(&peer));
	other = map_buffer(self->fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, other);
	EXPECT_EQ(SIGBUS, faults(other + self->bad, false));
	EXPECT_EQ(0, faults(other + self->bad - 1, false));
	EXPECT_EQ(0, faults(other + self->bad + self->page, false));
	munmap(other, self->size);
}

TEST_F(memory_error, ends_a_read_and_a_write_before_it)
{
	uint8_t *data = malloc(self->size);
	loff_t from = self->bad;
	int pipe[2];

	memory_poison(self->map + self->bad);
	EXPECT_EQ(self->bad, pread(self->fd, data, self->size, 0));
	EXPECT_EQ(0, memcmp(self->map, data, self->bad));
	EXPECT_ERRNO(EIO, pread(self->fd, data, 1, self->bad));
	EXPECT_EQ(self->bad - 1, pwrite(self->fd, data + 1, self->size - 1, 1));
	EXPECT_ERRNO(EIO, pwrite(self->fd, data, 1, self->bad + self->page - 1));
	EXPECT_EQ(self->page, pread(self->fd, data, self->page, self->bad + self->page));
	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	EXPECT_ERRNO(EIO, splice(self->fd, &from, pipe[1], NULL, self->page, 0));
	free(data);
}

/* The mapping is no memory there for a system call either. */
TEST_F(memory_error, is_efault_or_eio_for_those_who_take_the_address)
{
	int disk = disk_open(O_DIRECT), pipe[2];

	ASSERT_LE(0, disk);
	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	memory_poison(self->map + self->bad);
	EXPECT_EQ(-1, pread(disk, self->map + self->bad, self->page, 0));
	EXPECT_EQ(-1, write(pipe[1], self->map + self->bad, 1));
	EXPECT_EQ(-1, pipe_put(pipe[1], self->map + self->bad));
	EXPECT_EQ(self->page, pipe_put(pipe[1], self->map + self->bad + self->page));
	EXPECT_EQ(0, pipe_take(pipe[0], stamp_of(self->bad + self->page)));
}

TEST_F(memory_error, is_eio_for_drivers)
{
	uint8_t *data = malloc(self->size);
	struct iobmd_peer_args walk = { .length = self->size };
	int peer, dmabuf;

	peer = kernel_load();
	ASSERT_EQ(0, kernel_get(peer, self->fd, READ_WRITE));
	memory_poison(self->map + self->bad);
	EXPECT_EQ(self->bad, kernel_copy(peer, IOBMD_PEER_READ, 0, data, self->size, true));
	EXPECT_ERRNO(EIO, kernel_copy(peer, IOBMD_PEER_WRITE, self->bad, data, 1, true));
	EXPECT_ERRNO(EIO, kernel_dma_map(peer, 0, self->size, BOTH_WAYS));
	EXPECT_ERRNO(EIO, kernel_dma_map(peer, self->bad + self->page - 1, 2, BOTH_WAYS));
	EXPECT_ERRNO(EIO, ioctl(peer, IOBMD_PEER_RUNS, &walk));
	EXPECT_ERRNO(EIO, kernel_do(peer, IOBMD_PEER_VMAP));
	EXPECT_EQ(0, kernel_dma_map(peer, 0, self->bad, BOTH_WAYS));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_DMA_UNMAP));
	EXPECT_EQ(0, kernel_dma_map(peer, self->bad + self->page,
				    self->size - self->bad - self->page, BOTH_WAYS));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_DMA_UNMAP));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_PUT));

	dmabuf = iobmd_export(self->fd, 0, 0, 0);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, kernel_import(peer, dmabuf));
	EXPECT_ERRNO(EIO, kernel_dma_map(peer, 0, self->size, BOTH_WAYS));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_RELEASE));
	close(dmabuf);
	close(peer);
	free(data);
}

/* The buffer has other memory there then. */
TEST_F(memory_error, goes_with_a_shrink)
{
	memory_poison(self->map + self->bad);
	ASSERT_EQ(0, iobmd_resize(self->fd, self->bad));
	ASSERT_EQ(0, iobmd_resize(self->fd, self->size));
	EXPECT_EQ(-1, stamps_lost(self->map, self->bad));
	EXPECT_EQ(-1, check_bytes(self->map + self->bad, self->size - self->bad, 0));
}

/* The cut goes through a huge page that has it, if this kernel lets it be one. */
TEST_F(memory_error, does_not_keep_a_shrink_off)
{
	memory_poison(self->map + self->bad);
	ASSERT_EQ(0, iobmd_resize(self->fd, self->bad + 3 * self->page));
	ASSERT_EQ(0, iobmd_resize(self->fd, self->bad + self->page / 2));
	ASSERT_EQ(0, iobmd_resize(self->fd, self->size));
	EXPECT_EQ(-1, stamps_lost(self->map, self->bad));
	EXPECT_EQ(SIGBUS, faults(self->map + self->bad, false));
	EXPECT_EQ(-1, check_bytes(self->map + self->bad + self->page,
				  self->size - self->bad - self->page, 0));
}

TEST_F(memory_error, stays_when_the_buffer_grows)
{
	memory_poison(self->map + self->bad);
	ASSERT_EQ(0, iobmd_resize(self->fd, 2 * self->size));
	EXPECT_EQ(SIGBUS, faults(self->map + self->bad, false));
	EXPECT_SPARED(self);
}

/* A user of the page keeps it, with or without the error. */
TEST_F(memory_error, beside_a_pin_is_busy)
{
	int pipe[2];

	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	ASSERT_EQ(self->page, pipe_put(pipe[1], self->map + self->bad + self->page));
	memory_poison(self->map + self->bad);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->bad));
	EXPECT_EQ(0, pipe_take(pipe[0], stamp_of(self->bad + self->page)));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->bad));
}

/* Whether one of the pages at @map is that of @frame; or the kernel does not tell. */
static bool has_frame(const uint8_t *map, uint64_t size, uint64_t frame)
{
	uint64_t pages = size / page_size(), *frames = malloc(pages * sizeof(*frames));
	bool found = false;

	page_frames(map, frames, pages);
	for (uint64_t i = 0; i < pages && !found; i++)
		found = !frames[i] || frames[i] == frame;
	free(frames);
	return found;
}

/* No buffer that is made now has the page of @frame. (A page that came free is the next to go.) */
static void expect_unused(struct __test_metadata *_metadata, uint64_t frame, uint64_t size,
			  uint32_t huge)
{
	ASSERT_NE(0, frame);
	for (int i = 0; i < 2; i++) {
		int fd = iobmd_create_huge(size, huge);
		uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

		ASSERT_NE(MAP_FAILED, map);
		ASSERT_EQ(0, madvise(map, size, MADV_POPULATE_WRITE));
		ASSERT_FALSE(has_frame(map, size, frame));
		munmap(map, size);
		close(fd);
	}
}

TEST_F(memory_error, never_comes_to_another_buffer)
{
	memory_poison(self->map + self->bad);
	munmap(self->map, self->size);
	close(self->fd);
	expect_unused(_metadata, self->frame, 8 * self->size, variant->huge);
}

/* The page of @frame is still a part of its huge page, and not of free memory. */
static bool is_kept(uint64_t frame)
{
	int kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	uint64_t flags = page_flags(kpageflags, frame);

	close(kpageflags);
	return flags & KPF(THP) && flags & KPF(HWPOISON);
}

/* While a pipe has the page beside it, the kernel cannot take its huge page apart. */
TEST_F(memory_error, in_a_page_that_is_in_use_never_comes_to_another_buffer)
{
	uint8_t *other;
	int pipe[2];

	self->kept = variant->huge == IOBMD_HUGE_PREFER;
	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	ASSERT_EQ(self->page, pipe_put(pipe[1], self->map + self->bad + self->page));
	memory_poison(self->map + self->bad);
	other = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, other);
	for (uint64_t at = 0; at < self->size; at += self->page)
		ASSERT_EQ(at == self->bad ? SIGBUS : 0, faults(other + at, at & self->page));
	munmap(other, self->size);
	munmap(self->map, self->size);
	close(self->fd);
	EXPECT_EQ(0, pipe_take(pipe[0], stamp_of(self->bad + self->page)));
	AWAIT(buffers_listed(0) == 0);
	EXPECT_EQ(self->kept, is_kept(self->frame));
	expect_unused(_metadata, self->frame, 8 * self->size, variant->huge);
}

/* The same of a huge page that a shrink takes away as a whole. */
TEST_F(memory_error, in_a_page_that_was_in_use_never_comes_back_after_a_shrink)
{
	uint8_t *bad = self->map + self->size / 2 + self->bad;
	int pipe[2];

	self->frame = page_frame(bad);
	self->kept = variant->huge == IOBMD_HUGE_PREFER;
	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	ASSERT_EQ(self->page, pipe_put(pipe[1], bad + self->page));
	memory_poison(bad);
	EXPECT_EQ(0, pipe_take(pipe[0], stamp_of(self->size / 2 + self->bad + self->page)));
	ASSERT_EQ(0, iobmd_resize(self->fd, self->size / 2));
	EXPECT_EQ(self->kept, is_kept(self->frame));
	expect_unused(_metadata, self->frame, 8 * self->size, variant->huge);
}

TEST_HARNESS_MAIN
