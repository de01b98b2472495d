/* SPDX-License-Identifier: GPL-2.0 */
/* vgem, a DRM driver without hardware: imports dma-bufs and exports its own memory. */
#ifndef IOBMD_TEST_VGEM_H
#define IOBMD_TEST_VGEM_H

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* As in <drm/drm.h> */
struct drm_gem_close {
	uint32_t handle;
	uint32_t pad;
};

struct drm_prime_handle {
	uint32_t handle;
	uint32_t flags;
	int32_t fd;
};

struct drm_mode_create_dumb {
	uint32_t height;
	uint32_t width;
	uint32_t bpp;
	uint32_t flags;
	uint32_t handle;
	uint32_t pitch;
	uint64_t size;
};

struct drm_mode_map_dumb {
	uint32_t handle;
	uint32_t pad;
	uint64_t offset;
};

#define DRM_IOCTL_GEM_CLOSE		_IOW('d', 0x09, struct drm_gem_close)
#define DRM_IOCTL_PRIME_HANDLE_TO_FD	_IOWR('d', 0x2d, struct drm_prime_handle)
#define DRM_IOCTL_PRIME_FD_TO_HANDLE	_IOWR('d', 0x2e, struct drm_prime_handle)
#define DRM_IOCTL_MODE_CREATE_DUMB	_IOWR('d', 0xb2, struct drm_mode_create_dumb)
#define DRM_IOCTL_MODE_MAP_DUMB		_IOWR('d', 0xb3, struct drm_mode_map_dumb)

/* Opens the card of vgem, or returns -1. */
static inline int vgem_open(void)
{
	char path[64], device[PATH_MAX] = "";

	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "/sys/class/drm/card%d/device", i);
		if (!realpath(path, device) || strcmp(basename(device), "vgem"))
			continue;
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		return open(path, O_RDWR | O_CLOEXEC);
	}
	return -1;
}

/* Returns a handle, or -1. */
static inline int64_t vgem_import(int card, int dmabuf)
{
	struct drm_prime_handle args = { .fd = dmabuf };

	return ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args) ? -1 : (int64_t)args.handle;
}

/* Exports a handle as a dma-buf, as a user of the card would; or returns -1. */
static inline int vgem_export(int card, uint32_t handle)
{
	struct drm_prime_handle args = { .handle = handle, .flags = O_RDWR | O_CLOEXEC };

	return ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args) ? -1 : args.fd;
}

/*
 * The offset in the card's file of the next object of @size bytes, in whole pages,
 * unless another is created meanwhile: the place that one of this size just had. The
 * card reports the offset of its own objects only, but imported ones have one as well.
 * All ones on failure.
 */
static inline uint64_t vgem_next_offset(int card, uint64_t size)
{
	uint32_t page = sysconf(_SC_PAGESIZE);
	struct drm_mode_create_dumb dumb = { .width = page, .height = size / page, .bpp = 8 };
	struct drm_mode_map_dumb map = { 0 };
	struct drm_gem_close args = { 0 };
	uint64_t offset = UINT64_MAX;

	if (ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		return UINT64_MAX;
	map.handle = dumb.handle;
	args.handle = dumb.handle;
	if (!ioctl(card, DRM_IOCTL_MODE_MAP_DUMB, &map))
		offset = map.offset;
	ioctl(card, DRM_IOCTL_GEM_CLOSE, &args);
	return offset;
}

static inline int vgem_close(int card, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	return ioctl(card, DRM_IOCTL_GEM_CLOSE, &args);
}

#endif /* IOBMD_TEST_VGEM_H */
