// SPDX-License-Identifier: GPL-2.0
/* The makes of buffers that are dma-bufs. */

#include "vgem.h"

#include <linux/dma-heap.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <unistd.h>

#include "bench.h"

#define UDMABUF_DEVICE	"/dev/udmabuf"
#define HEAP_DEVICE	"/dev/dma_heap/system"

/* Opened once, and for good. */
static int device_open(int *device, const char *path)
{
	if (*device < 0)
		*device = open(path, O_RDWR | O_CLOEXEC);
	return *device < 0 ? -errno : 0;
}

static int dmabuf_export(struct buffer *buffer)
{
	int fd = fcntl(buffer->fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static void dmabuf_destroy(struct buffer *buffer)
{
	close(buffer->fd);
	if (buffer->memfd >= 0)
		close(buffer->memfd);
}

/* udmabuf */

static int udmabuf_create(struct buffer *buffer)
{
	static int device = -1;
	struct udmabuf_create args = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = buffer->size };
	int err = device_open(&device, UDMABUF_DEVICE);

	if (err)
		return err;
	buffer->memfd = memfd_make(buffer, MFD_ALLOW_SEALING | buffer->peer->argument);
	if (buffer->memfd < 0)
		return buffer->memfd;
	args.memfd = buffer->memfd;
	fcntl(buffer->memfd, F_ADD_SEALS, F_SEAL_SHRINK);
	buffer->fd = ioctl(device, UDMABUF_CREATE, &args);
	if (buffer->fd >= 0)
		return 0;
	err = -errno;
	close(buffer->memfd);
	return err;
}

const struct peer udmabuf_peer = {
	.name = "udmabuf",
	.what = "udmabuf over a memfd",
	.create = udmabuf_create,
	.export = dmabuf_export,
	.destroy = dmabuf_destroy,
};

const struct peer udmabuf_hugetlb_peer = {
	.name = "udmabuf-hugetlb",
	.what = "udmabuf over a memfd with MFD_HUGETLB",
	.huge_unit = true,
	.argument = MFD_HUGETLB,
	.create = udmabuf_create,
	.export = dmabuf_export,
	.destroy = dmabuf_destroy,
};

/* dma-heap */

static int heap_create(struct buffer *buffer)
{
	static int device = -1;
	struct dma_heap_allocation_data args = {
		.len = buffer->size,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int err = device_open(&device, HEAP_DEVICE);

	if (err)
		return err;
	if (ioctl(device, DMA_HEAP_IOCTL_ALLOC, &args))
		return -errno;
	buffer->fd = args.fd;
	return 0;
}

const struct peer heap_peer = {
	.name = "dma-heap",
	.what = "the system heap of dma-heaps",
	.create = heap_create,
	.export = dmabuf_export,
	.destroy = dmabuf_destroy,
};

/* vgem: a handle of the card's descriptor. As a picture a buffer has a page in each line. */

#define VGEM_BITS	32

static int vgem_map_offset(struct buffer *buffer)
{
	struct drm_mode_map_dumb args = { .handle = buffer->handle };

	if (ioctl(buffer->fd, DRM_IOCTL_MODE_MAP_DUMB, &args))
		return -errno;
	buffer->offset = args.offset;
	return 0;
}

static int vgem_create(struct buffer *buffer)
{
	struct drm_mode_create_dumb args = {
		.width = bench_page_size() / (VGEM_BITS / 8),
		.height = buffer->size / bench_page_size(),
		.bpp = VGEM_BITS,
	};
	static int card = -1;

	if (card < 0)
		card = vgem_open();
	if (card < 0)
		return -ENODEV;
	if (ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &args))
		return -errno;
	buffer->fd = card;
	buffer->handle = args.handle;
	return vgem_map_offset(buffer);
}

static int vgem_peer_export(struct buffer *buffer)
{
	int fd = vgem_export(buffer->fd, buffer->handle);

	return fd < 0 ? -errno : fd;
}

static void vgem_destroy(struct buffer *buffer)
{
	vgem_close(buffer->fd, buffer->handle);
}

const struct peer vgem_peer = {
	.name = "vgem",
	.what = "a dumb buffer of the DRM driver vgem",
	.create = vgem_create,
	.export = vgem_peer_export,
	.share = vgem_peer_export,
	.destroy = vgem_destroy,
};
