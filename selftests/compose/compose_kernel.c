// SPDX-License-Identifier: GPL-2.0
/* A composite for other modules: users of the kernel API, and importers of its export. */
#include "composite.h"
#include "kernel_peer.h"
#include "pin.h"

FIXTURE(compose_kernel)
{
	size_t page;
	uint64_t huge;
	struct member a;	/* two huge pages */
	struct member b;	/* two huge pages */
	uint64_t edge;		/* where b begins */
	uint64_t size;
	int fd;			/* a from its second page on, and all of b */
	uint8_t *map;		/* all of it, with stamps */
	int peer;
};

FIXTURE_VARIANT(compose_kernel)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(compose_kernel, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(compose_kernel, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(compose_kernel)
{
	self->peer = kernel_load();
	ASSERT_LE(0, self->peer);
	self->page = page_size();
	self->huge = huge_page_size();
	ASSERT_TRUE(member_create(&self->a, 2 * self->huge, variant->huge, 1));
	ASSERT_TRUE(member_create(&self->b, 2 * self->huge, variant->huge, 2));
	self->edge = 2 * self->huge - self->page;
	self->size = 4 * self->huge - self->page;
	self->fd = compose(0, part(self->a.fd, self->page, 0), part(self->b.fd, 0, 0));
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	stamp_pages(self->map, self->size);
}

FIXTURE_TEARDOWN_PARENT(compose_kernel)
{
	EXPECT_EQ(0, kernel_unload());
	EXPECT_EQ(0, buffers_listed(0));
}

/* The kernel API */

TEST_F(compose_kernel, user_gets_no_more_rights_than_there_are)
{
	int reader = compose(IOBMD_COMPOSE_F_READ_ONLY, part(self->a.fd, 0, 0));
	int peer = self->peer;

	EXPECT_ERRNO(EACCES, kernel_get(peer, self->fd, IOBMD_RIGHTS_ALL));
	EXPECT_ERRNO(EACCES, kernel_get(peer, reader, READ_WRITE));
	ASSERT_EQ(0, kernel_get(peer, reader, IOBMD_RIGHT_READ));
	EXPECT_ERRNO(EACCES, kernel_do(peer, IOBMD_PEER_VMAP));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, self->page, FROM_DEVICE));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_PUT));
	ASSERT_EQ(0, kernel_get(peer, self->fd, READ_WRITE));
	EXPECT_EQ(self->size, kernel_size(peer));
	EXPECT_ERRNO(EACCES, kernel_set_length(peer, 1));
}

TEST_F(compose_kernel, runs_go_over_the_edge)
{
	const struct {
		uint64_t offset, length;
	} ranges[] = {
		{ 0, self->size }, { self->edge - self->page, 2 * self->page },
		{ self->page, self->edge }, { self->edge, self->huge },
	};

	ASSERT_EQ(0, kernel_get(self->peer, self->fd, IOBMD_RIGHT_READ));
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct iobmd_peer_args args = {
			.offset = ranges[i].offset, .length = ranges[i].length,
		};

		ASSERT_EQ(0, ioctl(self->peer, IOBMD_PEER_RUNS, &args));
		EXPECT_EQ(0, args.broken);
		EXPECT_EQ(ranges[i].length, args.total);
		EXPECT_EQ(digest_of(self->map + ranges[i].offset, ranges[i].length), args.digest);
		if (variant->huge == IOBMD_HUGE_PREFER)
			EXPECT_GE(4, args.count);
	}
}

TEST_F(compose_kernel, vmap_shows_all_parts)
{
	int window = iobmd_window(self->fd, self->edge - self->page, 3 * self->page + 1);

	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VMAP));
	EXPECT_EQ(digest_of(self->map, self->size), kernel_look(self->peer));
	EXPECT_EQ(0, kernel_fill(self->peer, 77));
	for (uint64_t at = 0; at < self->size; at += sizeof(uint64_t))
		ASSERT_EQ(at + 77, *(uint64_t *)(self->map + at));
	EXPECT_EQ(self->edge + 77, *(uint64_t *)self->b.map);
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VUNMAP));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	ASSERT_EQ(0, kernel_get(self->peer, window, READ_WRITE));
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VMAP));
	EXPECT_EQ(digest_of(self->map + self->edge - self->page, 4 * self->page),
		  kernel_look(self->peer));
}

TEST_F(compose_kernel, reads_and_writes_over_the_edge)
{
	const uint64_t offset = self->edge - 5, length = self->page;
	uint8_t *data = malloc(self->page);

	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	for (int kernel = 0; kernel < 2; kernel++) {
		fill_pattern(data, 0, length, 3 + kernel);
		EXPECT_EQ(length, kernel_copy(self->peer, IOBMD_PEER_WRITE, offset, data, length,
					      kernel));
		EXPECT_EQ(-1, check_pattern(self->map + offset, 0, length, 3 + kernel));
		memset(data, 0xcc, length);
		EXPECT_EQ(length, kernel_copy(self->peer, IOBMD_PEER_READ, offset, data, length,
					      kernel));
		EXPECT_EQ(-1, check_pattern(data, 0, length, 3 + kernel));
		EXPECT_EQ(7, kernel_copy(self->peer, IOBMD_PEER_READ, self->size - 7, data, 100,
					 kernel));
	}
	free(data);
}

TEST_F(compose_kernel, user_keeps_the_parts)
{
	uint64_t digest = digest_of(self->map, self->size);

	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	munmap(self->map, self->size);
	close(self->fd);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->b.fd, 1));
	EXPECT_ERRNO(EBUSY, iobmd_seal(self->b.fd, IOBMD_SEAL_WRITE));
	member_drop(&self->a);
	member_drop(&self->b);
	EXPECT_ERRNO(EWOULDBLOCK, module_unload("iobmd"));
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VMAP));
	EXPECT_EQ(digest, kernel_look(self->peer));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VUNMAP));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_PUT));
	EXPECT_EQ(0, buffers_listed(0));
}

TEST_F(compose_kernel, published_descriptor_is_of_the_composite)
{
	int fd;

	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	fd = kernel_publish(self->peer, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(IOBMD_INFO(self->fd, id), IOBMD_INFO(fd, id));
	EXPECT_EQ(READ_WRITE, IOBMD_INFO(fd, rights));
	EXPECT_EQ(self->size, IOBMD_INFO(fd, length));
}

/* Devices, by the kernel API and of a dma-buf */

static void expect_segments(struct __test_metadata *_metadata,
			    FIXTURE_DATA(compose_kernel) *self, uint64_t offset, uint64_t length,
			    uint64_t max_segment, uint64_t max_count)
{
	struct iobmd_peer_args args = {
		.offset = offset,
		.length = length,
		.direction = BOTH_WAYS,
		.max_segment = max_segment,
	};

	ASSERT_EQ(0, ioctl(self->peer, IOBMD_PEER_DMA_MAP, &args));
	EXPECT_EQ(0, args.broken);
	EXPECT_EQ(length, args.total);
	EXPECT_EQ(digest_of(self->map + offset, length), args.digest);
	EXPECT_GE(max_count, args.count);
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_DMA_UNMAP));
}

TEST_F(compose_kernel, device_gets_segments_of_all_parts)
{
	const uint64_t few = variant->huge == IOBMD_HUGE_PREFER ? 4 : UINT64_MAX;

	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	expect_segments(_metadata, self, 0, self->size, 0, few);
	expect_segments(_metadata, self, 0, self->size, 65536, UINT64_MAX);
	expect_segments(_metadata, self, self->edge - self->page, 2 * self->page, 0, 2);
	expect_segments(_metadata, self, self->edge, self->page, 0, 1);
	EXPECT_ERRNO(EINVAL, kernel_dma_map(self->peer, 0, self->size + 1, TO_DEVICE));
	EXPECT_ERRNO(EINVAL, kernel_dma_map(self->peer, self->size, 1, TO_DEVICE));
}

TEST_F(compose_kernel, importer_gets_segments_of_all_parts)
{
	const uint64_t few = variant->huge == IOBMD_HUGE_PREFER ? 4 : UINT64_MAX;
	int dmabuf = iobmd_export(self->fd, 0, 0, 0);

	ASSERT_EQ(0, kernel_import(self->peer, dmabuf));
	expect_segments(_metadata, self, 0, self->size, 0, few);
	expect_segments(_metadata, self, 0, self->size, 4096, UINT64_MAX);
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VMAP));
	EXPECT_EQ(digest_of(self->map, self->size), kernel_look(self->peer));
	EXPECT_EQ(0, kernel_fill(self->peer, 5));
	EXPECT_EQ(self->edge + 5, *(uint64_t *)self->b.map);
	EXPECT_EQ(5, *(uint64_t *)(self->a.map + self->page));
	EXPECT_EQ(self->edge - 8 + 5, *(uint64_t *)(self->a.map + self->a.size - 8));
}

TEST_F(compose_kernel, importer_outlives_all_else)
{
	uint64_t digest = digest_of(self->map, self->size);
	int dmabuf = iobmd_export(self->fd, 0, 0, 0);
	struct iobmd_peer_args args = { .direction = TO_DEVICE };

	ASSERT_EQ(0, kernel_import(self->peer, dmabuf));
	close(dmabuf);
	munmap(self->map, self->size);
	close(self->fd);
	member_drop(&self->a);
	member_drop(&self->b);
	EXPECT_LE(2, buffers_listed(0));
	EXPECT_ERRNO(EWOULDBLOCK, module_unload("iobmd"));
	ASSERT_EQ(0, ioctl(self->peer, IOBMD_PEER_DMA_MAP, &args));
	EXPECT_EQ(digest, args.digest);
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VMAP));
	EXPECT_EQ(digest, kernel_look(self->peer));
	close(self->peer);
	AWAIT(!buffers_listed(0));
}

/* A member that devices may only read, or only write, makes the composite so. */
TEST_F(compose_kernel, directions_are_those_of_all_parts)
{
	struct iobmd_create in = { .capacity = self->page, .direction = IOBMD_DIRECTION_IN };
	struct iobmd_create out = { .capacity = self->page, .direction = IOBMD_DIRECTION_OUT };
	int in_fd = iobmd_create_args(&in), out_fd = iobmd_create_args(&out);
	int written = compose(0, part(self->a.fd, 0, 0), part(in_fd, 0, 0));
	int neither = compose(0, part(out_fd, 0, 0), part(in_fd, 0, 0));
	int peer = self->peer, dmabuf = iobmd_export(written, 0, 0, 0);

	ASSERT_EQ(0, kernel_get(peer, written, READ_WRITE));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, self->page, TO_DEVICE));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, self->page, BOTH_WAYS));
	EXPECT_EQ(0, kernel_dma_map(peer, 0, self->page, FROM_DEVICE));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_DMA_UNMAP));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_PUT));
	ASSERT_EQ(0, kernel_import(peer, dmabuf));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, 0, TO_DEVICE));
	EXPECT_EQ(0, kernel_dma_map(peer, 0, 0, FROM_DEVICE));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_DMA_UNMAP));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_RELEASE));
	ASSERT_EQ(0, kernel_get(peer, neither, READ_WRITE));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, self->page, TO_DEVICE));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, self->page, FROM_DEVICE));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_VMAP));
}

TEST_F(compose_kernel, same_memory_twice_is_read_twice)
{
	int fd = compose(0, part(self->b.fd, 0, self->page), part(self->b.fd, 0, self->page));
	struct iobmd_peer_args args = { .length = 2 * self->page, .direction = TO_DEVICE };
	uint8_t *map = map_buffer(fd, PROT_READ);

	ASSERT_EQ(0, kernel_get(self->peer, fd, IOBMD_RIGHT_READ));
	ASSERT_EQ(0, ioctl(self->peer, IOBMD_PEER_DMA_MAP, &args));
	EXPECT_EQ(2, args.count);
	EXPECT_EQ(2 * self->page, args.total);
	EXPECT_EQ(digest_of(map, 2 * self->page), args.digest);
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_DMA_UNMAP));
}

TEST_HARNESS_MAIN
