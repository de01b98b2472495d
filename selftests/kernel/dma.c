// SPDX-License-Identifier: GPL-2.0
/* Devices of other modules: the segments that they get, by the kernel API and of a dma-buf. */
#include "kernel_buffer.h"
#include "machine.h"
#include "peer.h"

#include <sys/mman.h>

/* DMA */

static void expect_segments(struct __test_metadata *_metadata, FIXTURE_DATA(kernel_buffer) *self,
			    uint64_t offset, uint64_t length, uint32_t bits,
			    uint64_t max_segment, uint64_t boundary)
{
	struct iobmd_peer_args args = {
		.offset = offset,
		.length = length,
		.direction = BOTH_WAYS,
		.bits = bits,
		.max_segment = max_segment,
		.boundary = boundary,
	};

	ASSERT_EQ(0, ioctl(self->peer, IOBMD_PEER_DMA_MAP, &args)) {
		TH_LOG("%u bits, segments of %llu, boundary %llx: %s", bits,
		       (unsigned long long)max_segment, (unsigned long long)boundary,
		       strerror(errno));
	}
	EXPECT_EQ(0, args.broken);
	EXPECT_EQ(length, args.total);
	if (offset % self->page == 0 && length % self->page == 0) {
		EXPECT_EQ(digest_of(self->map + offset, length), args.digest);
	}
	if (max_segment) {
		EXPECT_GE(max_segment, args.largest);
	}
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_DMA_UNMAP));
}

TEST_F(kernel_buffer, dma_segments_keep_to_the_limits_of_the_device)
{
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	for (int bits = 64; bits >= 32; bits -= 32) {
		expect_segments(_metadata, self, 0, self->size, bits, 0, 0);
		expect_segments(_metadata, self, 0, self->size, bits, 65536, 0);
		expect_segments(_metadata, self, 0, self->size, bits, 10000, 0);
		expect_segments(_metadata, self, 0, self->size, bits, 4096, 0);
		expect_segments(_metadata, self, 0, self->page, bits, 512, 0);
		expect_segments(_metadata, self, 0, 1, bits, 0, 0);
		expect_segments(_metadata, self, self->page - 1, 2, bits, 0, 0);
		expect_segments(_metadata, self, self->size - 1, 1, bits, 0, 0);
		expect_segments(_metadata, self, 123, self->size - 200, bits, 65536, 0);
	}
}

/* With 32 bits, memory beyond 4 GiB is in bounce buffers. */
TEST_F(kernel_buffer, dma_segments_cross_no_boundary_of_the_device)
{
	ASSERT_EQ(0, kernel_get(self->peer, self->fd, READ_WRITE));
	for (int bits = 64; bits >= 32; bits -= 32) {
		expect_segments(_metadata, self, 0, self->size, bits, 0, 0xffff);
		expect_segments(_metadata, self, 0, self->size, bits, 0, 0xfff);
		expect_segments(_metadata, self, 0, self->size, bits, 0x6000, 0xffff);
		expect_segments(_metadata, self, 123, self->size - 200, bits, 0, 0xffff);
		expect_segments(_metadata, self, 123, self->size - 200, bits, 10000, 0x3fff);
		expect_segments(_metadata, self, 100, self->page, bits, 0, 0x1ff);
		expect_segments(_metadata, self, self->page - 1, 2, bits, 0, 0x1fff);
		expect_segments(_metadata, self, 0, self->size, bits, 0, 0xffffffff);
	}
}

TEST_F(kernel_buffer, dma_in_huge_pages_has_few_segments)
{
	struct iobmd_peer_args args = { .length = 64 * MIB, .direction = BOTH_WAYS };
	int fd;

	if (variant->huge != IOBMD_HUGE_PREFER)
		return;
	fd = iobmd_create_huge(64 * MIB, IOBMD_HUGE_REQUIRE);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kernel_get(self->peer, fd, READ_WRITE));
	ASSERT_EQ(0, ioctl(self->peer, IOBMD_PEER_DMA_MAP, &args));
	EXPECT_GE(32, args.count);
	EXPECT_EQ(64 * MIB, args.total);
	EXPECT_EQ(0, args.broken);
}

/* An IOMMU gives the memory addresses that the device has, as long as it has any. */
TEST_F(kernel_buffer, dma_of_more_than_the_device_has_addresses_fails)
{
	struct iobmd_peer_args args = {
		.length = 32 * MIB, .bits = 24, .direction = BOTH_WAYS, .flags = 1,
	};
	int fd = iobmd_create_huge(32 * MIB, variant->huge), peer = self->peer;

	ASSERT_LE(0, fd);
	if (kernel_do(peer, IOBMD_PEER_USE_IOMMU)) {
		ASSERT_EQ(ENODEV, errno);
		SKIP(return, "no device behind an IOMMU");
	}
	ASSERT_EQ(0, kernel_get(peer, fd, READ_WRITE));
	EXPECT_ERRNO(ENOMEM, ioctl(peer, IOBMD_PEER_DMA_MAP, &args));
	args.length = 4 * MIB;
	AWAIT(!ioctl(peer, IOBMD_PEER_DMA_MAP, &args));	/* freed addresses come back late */
	EXPECT_EQ(4 * MIB, args.total);
	EXPECT_EQ(0, args.broken);
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_DMA_UNMAP));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_PUT));
	EXPECT_EQ(0, iobmd_resize(fd, self->page));
}

TEST_F(kernel_buffer, dma_outside_is_refused)
{
	int peer = self->peer;

	ASSERT_EQ(0, kernel_get(peer, self->fd, READ_WRITE));
	EXPECT_ERRNO(EINVAL, kernel_dma_map(peer, 0, 0, TO_DEVICE));
	EXPECT_ERRNO(EINVAL, kernel_dma_map(peer, 0, self->size + 1, TO_DEVICE));
	EXPECT_ERRNO(EINVAL, kernel_dma_map(peer, self->size, 1, TO_DEVICE));
	EXPECT_ERRNO(EINVAL, kernel_dma_map(peer, self->page, UINT64_MAX, TO_DEVICE));
	EXPECT_ERRNO(EINVAL, kernel_dma_map(peer, 0, self->page, NO_WAY));
}

TEST_F(kernel_buffer, dma_is_not_wider_than_right_and_direction)
{
	struct iobmd_create create = { .capacity = 1, .direction = IOBMD_DIRECTION_OUT };
	int out = iobmd_create_args(&create), peer = self->peer;

	ASSERT_EQ(0, kernel_get(peer, self->fd, IOBMD_RIGHT_READ));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, 1, FROM_DEVICE));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, 1, BOTH_WAYS));
	EXPECT_EQ(0, kernel_dma_map(peer, 0, 1, TO_DEVICE));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_DMA_UNMAP));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_PUT));
	ASSERT_EQ(0, kernel_get(peer, out, READ_WRITE));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, 1, FROM_DEVICE));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, 1, BOTH_WAYS));
	EXPECT_EQ(0, kernel_dma_map(peer, 0, 1, TO_DEVICE));
}

/* Importing a dma-buf */

TEST_F(kernel_buffer, importer_maps_the_memory)
{
	uint64_t offset = huge_page_size() - 2 * self->page, length = 5 * self->page;
	int dmabuf = iobmd_export(self->fd, 0, offset, length);
	struct iobmd_peer_args args = { .direction = BOTH_WAYS };

	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, kernel_import(self->peer, dmabuf));
	ASSERT_EQ(0, ioctl(self->peer, IOBMD_PEER_DMA_MAP, &args));
	EXPECT_EQ(length, args.total);
	EXPECT_EQ(0, args.broken);
	EXPECT_EQ(digest_of(self->map + offset, length), args.digest);
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VMAP));
	EXPECT_EQ(args.digest, kernel_look(self->peer));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_BEGIN_CPU));
	EXPECT_EQ(0, kernel_fill(self->peer, 5));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_END_CPU));
	for (uint64_t at = 0; at < length; at += sizeof(uint64_t))
		ASSERT_EQ(at + 5, *(uint64_t *)(self->map + offset + at));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VUNMAP));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_DMA_UNMAP));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_RELEASE));
}

TEST_F(kernel_buffer, importer_gets_segments_within_its_limits)
{
	int dmabuf = iobmd_export(self->fd, 0, 0, 0);

	ASSERT_EQ(0, kernel_import(self->peer, dmabuf));
	for (uint64_t max = 4096; max <= 4 * MIB; max *= 4)
		expect_segments(_metadata, self, 0, self->size, 64, max, 0);
	expect_segments(_metadata, self, 0, self->size, 64, 0, 0);
	expect_segments(_metadata, self, 0, self->size, 32, 0, 0);
	expect_segments(_metadata, self, 0, self->size, 64, 0, 0xffff);
	expect_segments(_metadata, self, 0, self->size, 32, 0x6000, 0x7fff);
}

TEST_F(kernel_buffer, importer_of_huge_pages_gets_few_segments)
{
	struct iobmd_peer_args args = { .direction = BOTH_WAYS };
	int fd, dmabuf;

	if (variant->huge != IOBMD_HUGE_PREFER)
		return;
	fd = iobmd_create_huge(64 * MIB, IOBMD_HUGE_REQUIRE);
	dmabuf = iobmd_export(fd, 0, 0, 0);
	ASSERT_EQ(0, kernel_import(self->peer, dmabuf));
	ASSERT_EQ(0, ioctl(self->peer, IOBMD_PEER_DMA_MAP, &args));
	EXPECT_GE(32, args.count);
	EXPECT_EQ(64 * MIB, args.total);
}

TEST_F(kernel_buffer, importer_outlives_all_else)
{
	uint64_t digest = digest_of(self->map, self->size);
	int dmabuf = iobmd_export(self->fd, 0, 0, 0);
	struct iobmd_peer_args args = { .direction = TO_DEVICE };

	ASSERT_EQ(0, kernel_import(self->peer, dmabuf));
	close(dmabuf);
	close(self->fd);
	munmap(self->map, self->size);
	EXPECT_EQ(1, buffers_listed(0));
	EXPECT_ERRNO(EWOULDBLOCK, module_unload("iobmd"));
	ASSERT_EQ(0, ioctl(self->peer, IOBMD_PEER_DMA_MAP, &args));
	EXPECT_EQ(digest, args.digest);
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VMAP));
	EXPECT_EQ(digest, kernel_look(self->peer));
	close(self->peer);
	AWAIT(!buffers_listed(0));
}

TEST_F(kernel_buffer, importer_outlives_the_process_that_exported)
{
	int sockets[2], dmabuf;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	IN_CHILD(pid) {
		int fd = iobmd_create(self->size);
		uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

		stamp_pages(map, self->size);
		EXPECT_EQ(0, fd_send(sockets[0], iobmd_export(fd, 0, 0, 0)));
	}
	ASSERT_EQ(0, child_status(pid));
	dmabuf = fd_receive(sockets[1]);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, kernel_import(self->peer, dmabuf));
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_VMAP));
	EXPECT_EQ(digest_of(self->map, self->size), kernel_look(self->peer));
}

TEST_F(kernel_buffer, importer_may_not_go_wider_than_the_buffer)
{
	struct iobmd_create create = { .capacity = self->page, .direction = IOBMD_DIRECTION_IN };
	int in = iobmd_export(iobmd_create_args(&create), 0, 0, 0);
	int read_only = iobmd_export(self->fd, IOBMD_EXPORT_F_READ_ONLY, 0, 0);
	int peer = self->peer;

	ASSERT_EQ(0, kernel_import(peer, in));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, 0, TO_DEVICE));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, 0, BOTH_WAYS));
	EXPECT_EQ(0, kernel_dma_map(peer, 0, 0, FROM_DEVICE));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_DMA_UNMAP));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_RELEASE));
	ASSERT_EQ(0, kernel_import(peer, read_only));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, 0, FROM_DEVICE));
	EXPECT_ERRNO(EACCES, kernel_dma_map(peer, 0, 0, BOTH_WAYS));
	EXPECT_ERRNO(EINVAL, kernel_do(peer, IOBMD_PEER_VMAP));
	EXPECT_EQ(0, kernel_dma_map(peer, 0, 0, TO_DEVICE));
}

TEST_F(kernel_buffer, importer_keeps_the_buffer_from_shrinking)
{
	int dmabuf = iobmd_export(self->fd, 0, 0, self->page);

	ASSERT_EQ(0, kernel_import(self->peer, dmabuf));
	close(dmabuf);
	EXPECT_EQ(0, iobmd_resize(self->fd, self->page));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page - 1));
	EXPECT_EQ(0, kernel_do(self->peer, IOBMD_PEER_RELEASE));
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

/* The kernel's checks of DMA want that at most one device writes. */
TEST_F(kernel_buffer, several_importers_come_and_go_in_any_order)
{
	int dmabuf = iobmd_export(self->fd, 0, 0, 0);
	uint64_t digest = digest_of(self->map, self->size);
	int peers[4];

	for (int i = 0; i < 4; i++) {
		struct iobmd_peer_args args = {
			.direction = TO_DEVICE, .max_segment = 4096u << 4 * i,
		};

		peers[i] = kernel_open();
		ASSERT_EQ(0, kernel_import(peers[i], dmabuf));
		ASSERT_EQ(0, ioctl(peers[i], IOBMD_PEER_DMA_MAP, &args));
		EXPECT_EQ(digest, args.digest);
		ASSERT_EQ(0, kernel_do(peers[i], IOBMD_PEER_VMAP));
	}
	close(peers[1]);
	EXPECT_EQ(0, kernel_do(peers[3], IOBMD_PEER_DMA_UNMAP));
	EXPECT_EQ(0, kernel_do(peers[0], IOBMD_PEER_BEGIN_CPU));
	EXPECT_EQ(0, kernel_do(peers[0], IOBMD_PEER_END_CPU));
	EXPECT_EQ(digest, kernel_look(peers[3]));
	close(peers[3]);
	EXPECT_EQ(digest, kernel_look(peers[2]));
	EXPECT_EQ(0, kernel_do(peers[2], IOBMD_PEER_VUNMAP));
	close(dmabuf);
	EXPECT_EQ(0, kernel_do(peers[2], IOBMD_PEER_DMA_UNMAP));
	EXPECT_EQ(0, kernel_do(peers[2], IOBMD_PEER_RELEASE));
	EXPECT_EQ(digest, kernel_look(peers[0]));
}

static void import_and_use(int dmabuf, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		struct iobmd_peer_args args = { .direction = TO_DEVICE };
		int peer = kernel_open();

		if (peer < 0 || kernel_import(peer, dmabuf) ||
		    ioctl(peer, IOBMD_PEER_DMA_MAP, &args) ||
		    kernel_do(peer, IOBMD_PEER_BEGIN_CPU) ||
		    kernel_do(peer, IOBMD_PEER_VMAP) || !kernel_look(peer) ||
		    kernel_do(peer, IOBMD_PEER_END_CPU))
			_exit(1);
		close(peer);
	}
}

TEST_F(kernel_buffer, importers_and_users_at_the_same_time_as_resizes)
{
	int dmabuf = iobmd_export(self->fd, 0, 0, 0);
	pid_t pids[4];

	for (int i = 0; i < 4; i++) {
		IN_CHILD(pids[i]) {
			if (i < 2)
				import_and_use(dmabuf, 30);
			for (int j = 0; i >= 2 && j < 60; j++) {
				EXPECT_EQ(0, iobmd_resize(self->fd,
							  self->size + (j % 5) * self->page));
				EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page));
			}
		}
	}
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, child_status(pids[i]));
	EXPECT_EQ(-1, stamps_lost(self->map, self->size));
}

TEST_HARNESS_MAIN
