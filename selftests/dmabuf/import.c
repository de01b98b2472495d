// SPDX-License-Identifier: GPL-2.0
/* Drivers of the kernel import an export: a graphics driver, a camera. */
#include "composite.h"
#include "importers.h"
#include "peer.h"

#include <linux/dma-buf.h>
#include <sys/mman.h>

FIXTURE(graphics)
{
	size_t page;
	uint64_t size;		/* a huge page and three pages */
	int fd;
	uint8_t *map;		/* all of it, filled with the pattern of seed 1 */
	int card;
};

FIXTURE_SETUP(graphics)
{
	ASSERT_EQ(0, kernel_module_load("vgem", NULL));
	self->card = vgem_open();
	ASSERT_LE(0, self->card);
	self->page = page_size();
	self->size = huge_page_size() + 3 * self->page;
	self->fd = iobmd_create(self->size);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	fill_pattern(self->map, 0, self->size, 1);
}

FIXTURE_TEARDOWN(graphics)
{
}

/* An object of the card that is the range [@offset, end of the buffer) */
static int64_t import_range(int card, int fd, uint64_t offset)
{
	int dmabuf = iobmd_export(fd, 0, offset, 0);
	int64_t handle = vgem_import(card, dmabuf);

	close(dmabuf);
	return handle;
}

TEST_F(graphics, object_is_the_memory_of_the_buffer)
{
	int64_t handle = import_range(self->card, self->fd, self->page);
	int dmabuf = vgem_export(self->card, handle);
	uint64_t size = self->size - self->page;
	uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);

	ASSERT_LE(0, handle);
	ASSERT_LE(0, dmabuf);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, self->page, size, 1));
	fill_pattern(map, self->page, size, 2);
	EXPECT_EQ(-1, check_pattern(self->map + self->page, self->page, size, 2));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->page, 1));
}

TEST_F(graphics, object_is_synchronised)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
	int dmabuf = iobmd_export(self->fd, 0, 0, 0);

	ASSERT_LE(0, vgem_import(self->card, dmabuf));
	EXPECT_EQ(0, ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
	sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	EXPECT_EQ(0, ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 1));
}

TEST_F(graphics, object_keeps_the_buffer_from_shrinking)
{
	int64_t handle = import_range(self->card, self->fd, 0);

	ASSERT_LE(0, handle);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->size - 1));
	EXPECT_ERRNO(EBUSY, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_EQ(0, vgem_close(self->card, handle));
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(graphics, object_outlives_descriptor_mapping_and_export)
{
	uint64_t id = IOBMD_INFO(self->fd, id);
	int64_t handle = import_range(self->card, self->fd, 0);
	uint8_t *map;
	int dmabuf;

	munmap(self->map, self->size);
	close(self->fd);
	EXPECT_EQ(1, buffer_listed(id));
	dmabuf = vgem_export(self->card, handle);
	map = mmap(NULL, self->size, PROT_READ, MAP_SHARED, dmabuf, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	munmap(map, self->size);
	close(dmabuf);
	EXPECT_EQ(0, vgem_close(self->card, handle));
	AWAIT(!buffer_listed(id));
}

TEST_F(graphics, object_of_a_process_that_is_killed_goes_with_it)
{
	int ready = event_create();
	pid_t pid;

	IN_CHILD(pid) {
		int card = vgem_open();

		EXPECT_LE(0, import_range(card, self->fd, 0));
		event_post(ready);
		pause();
	}
	ASSERT_EQ(0, event_await(ready));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, 1));
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_status(pid));
	AWAIT(!iobmd_resize(self->fd, 1));
}

/* The card reads and writes: it gets no object where it may not. */
TEST_F(graphics, wider_direction_is_refused)
{
	const uint32_t directions[] = { IOBMD_DIRECTION_IN, IOBMD_DIRECTION_OUT };
	int reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);

	if (!vgem_import_maps(self->card))
		SKIP(return, "this kernel's vgem maps nothing when it imports");
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++) {
		struct iobmd_create args = { .capacity = 1, .direction = directions[i] };

		EXPECT_ERRNO(EACCES, vgem_import(self->card,
						 iobmd_export(iobmd_create_args(&args), 0, 0, 0)));
	}
	EXPECT_ERRNO(EACCES, vgem_import(self->card, iobmd_export(reader, 0, 0, 0)));
	EXPECT_ERRNO(EACCES, vgem_import(self->card, iobmd_export(self->fd,
								  IOBMD_EXPORT_F_READ_ONLY, 0, 0)));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size));
}

/*
 * Each has two objects at most: CONFIG_DMA_API_DEBUG takes more than eight mappings
 * of a place for an error.
 */
TEST_F(graphics, import_races_with_resize_and_exit)
{
	pid_t pid[3];

	for (size_t i = 0; i < ARRAY_SIZE(pid); i++) {
		IN_CHILD(pid[i]) {
			int card = vgem_open();
			int64_t kept = -1;

			for (int n = 0; n < 50; n++) {
				int64_t handle = import_range(card, self->fd, (n & 1) * self->page);

				if (handle >= 0 && n % 3 == 0) {
					vgem_close(card, kept);
					kept = handle;
				} else if (handle >= 0) {
					vgem_close(card, handle);
				}
			}
		}
	}
	for (int n = 0; n < 100; n++) {
		iobmd_resize(self->fd, 2 * self->page);
		iobmd_resize(self->fd, self->size);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pid); i++)
		EXPECT_EQ(0, child_status(pid[i]));
	AWAIT(!iobmd_resize(self->fd, 1));
}

#define FRAMES 2u

FIXTURE(camera)
{
	uint64_t frame;		/* bytes of a frame in whole pages */
	uint32_t size;		/* bytes of a frame */
	int fd;
	uint8_t *map;		/* room for the frames, one after the other */
	int camera;
};

/* How the driver gets at the memory */
FIXTURE_VARIANT(camera)
{
	const char *allocators;
	uint64_t alignment;
};

FIXTURE_VARIANT_ADD(camera, maps_it_for_the_cpu) {
	.allocators = "allocators=0",
};

FIXTURE_VARIANT_ADD(camera, maps_it_for_a_device) {
	.allocators = "allocators=1",
	.alignment = 1 * MIB,
};

/* As a device, vivid reaches 4 GiB: on the first node no memory lies beyond. */
FIXTURE_SETUP(camera)
{
	struct iobmd_create args = {
		.flags = IOBMD_CREATE_F_NODE,
		.capacity = FRAMES * MIB,
		.alignment = variant->alignment,
	};

	kernel_module_unload("vivid");
	ASSERT_EQ(0, kernel_module_load("vivid", variant->allocators));
	AWAIT((self->camera = vivid_open()) >= 0);
	self->size = vivid_prepare(self->camera, FRAMES);
	ASSERT_EQ(640 * 360 * 3, self->size);
	self->frame = 1 * MIB;
	self->fd = iobmd_create_args(&args);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	memset(self->map, 0x77, FRAMES * self->frame);
}

FIXTURE_TEARDOWN(camera)
{
	close(self->camera);
	kernel_module_unload("vivid");
}

/* White, yellow, cyan, green, magenta, red, blue, black: the column that is not, or -1 */
static int colour_bars_differ(const uint8_t *line)
{
	static const uint8_t bars[8] = { 7, 6, 3, 2, 5, 4, 1, 0 };	/* red green blue */

	for (int bar = 0; bar < 8; bar++) {
		const uint8_t *pixel = line + 3 * (80 * bar + 40);

		for (int i = 0; i < 3; i++) {
			if ((pixel[i] > 0x60) != (bars[bar] >> (2 - i) & 1))
				return 80 * bar + 40;
		}
	}
	return -1;
}

TEST_F(camera, frames_arrive_in_the_buffer)
{
	int index;

	for (uint32_t i = 0; i < FRAMES; i++) {
		int dmabuf = iobmd_export(self->fd, 0, i * self->frame, self->size);

		ASSERT_LE(0, dmabuf);
		ASSERT_EQ(0, vivid_queue(self->camera, i, dmabuf));
		close(dmabuf);
	}
	ASSERT_EQ(0, vivid_stream(self->camera, true));
	for (uint32_t n = 0; n < FRAMES; n++) {
		uint8_t *frame;

		index = vivid_take(self->camera);
		ASSERT_LE(0, index);
		frame = self->map + index * self->frame;
		EXPECT_EQ(-1, colour_bars_differ(frame));
		EXPECT_EQ(-1, colour_bars_differ(frame + 359 * 640 * 3));
		EXPECT_EQ(-1, check_bytes(frame + self->size, self->frame - self->size, 0x77));
	}
	EXPECT_EQ(0, memcmp(self->map, self->map + self->frame, 640 * 3));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->frame));
	EXPECT_EQ(0, vivid_stream(self->camera, false));
	close(self->camera);
	AWAIT(!iobmd_resize(self->fd, self->frame));
}

/* One frame is a composite: it begins in one buffer and ends in another. */
TEST_F(camera, frame_arrives_in_two_buffers)
{
	const uint64_t half = self->frame / 2, last = 359 * 640 * 3;
	int second = iobmd_create(half), composite, dmabufs[FRAMES];
	uint8_t *map = map_buffer(second, PROT_READ);

	/* To a device without an IOMMU, two buffers are not contiguous */
	if (variant->alignment)
		return;
	composite = compose(0, part(self->fd, 0, half), part(second, 0, half));
	dmabufs[0] = iobmd_export(composite, 0, 0, self->size);
	dmabufs[1] = iobmd_export(self->fd, 0, self->frame, self->size);
	for (uint32_t i = 0; i < FRAMES; i++)
		ASSERT_EQ(0, vivid_queue(self->camera, i, dmabufs[i]));
	ASSERT_EQ(0, vivid_stream(self->camera, true));
	for (uint32_t n = 0; n < FRAMES; n++)
		ASSERT_LE(0, vivid_take(self->camera));
	EXPECT_EQ(-1, colour_bars_differ(self->map));
	EXPECT_EQ(-1, colour_bars_differ(map + last - half));
	EXPECT_EQ(0, memcmp(self->map, self->map + self->frame, 640 * 3));
	EXPECT_EQ(-1, check_bytes(self->map + half, half, 0x77));
	EXPECT_EQ(-1, check_bytes(map + self->size - half, 2 * half - self->size, 0));
	EXPECT_EQ(0, vivid_stream(self->camera, false));
}

TEST_F(camera, gets_no_buffer_that_it_may_not_write)
{
	struct iobmd_create args = { .capacity = MIB, .direction = IOBMD_DIRECTION_OUT };
	int out = iobmd_create_args(&args);

	EXPECT_EQ(-1, vivid_queue(self->camera, 0, iobmd_export(self->fd, IOBMD_EXPORT_F_READ_ONLY,
								0, self->size)));
	if (variant->alignment)
		EXPECT_EQ(-1, vivid_queue(self->camera, 0, iobmd_export(out, 0, 0, self->size)));
	EXPECT_EQ(-1, vivid_queue(self->camera, 0,
				  iobmd_export(self->fd, 0, 0, self->size - 4096)));
	EXPECT_EQ(-1, check_bytes(self->map, FRAMES * self->frame, 0x77));
}

TEST_HARNESS_MAIN
