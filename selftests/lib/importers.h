/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Real importers of dma-bufs: vgem, a DRM driver without hardware, and vivid, a video
 * camera without hardware. Both are part of Debian's kernels.
 */
#ifndef IOBMD_TEST_IMPORTERS_H
#define IOBMD_TEST_IMPORTERS_H

#include "machine.h"
#include "modules.h"
#include "vgem.h"

#include <dirent.h>
#include <linux/videodev2.h>

/* CONFIG_DMA_API_DEBUG reports more mappings of the same memory as an error. */
#define DMA_MAPPINGS_MAX	7

/* The descriptor of vivid's camera, or -1. */
static inline int vivid_open(void)
{
	char path[64], name[64] = "";
	FILE *file;

	for (int i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/sys/class/video4linux/video%d/name", i);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (!fgets(name, sizeof(name), file))
			name[0] = 0;
		fclose(file);
		snprintf(path, sizeof(path), "/dev/video%d", i);
		if (!strcmp(name, "vivid-000-vid-cap\n"))
			return open(path, O_RDWR | O_CLOEXEC);
	}
	return -1;
}

/*
 * Sets the camera to 640 columns of 24 bits and to @count frames; returns the size of a
 * frame, or 0.
 */
static inline uint32_t vivid_prepare(int camera, uint32_t count)
{
	struct v4l2_format format = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.fmt.pix = {
			.width = 640, .height = 360, .pixelformat = V4L2_PIX_FMT_RGB24,
			.field = V4L2_FIELD_NONE,
		},
	};
	struct v4l2_requestbuffers request = {
		.count = count,
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
	};

	if (ioctl(camera, VIDIOC_S_FMT, &format) || format.fmt.pix.width != 640 ||
	    format.fmt.pix.pixelformat != V4L2_PIX_FMT_RGB24)
		return 0;
	if (ioctl(camera, VIDIOC_REQBUFS, &request) || request.count != count)
		return 0;
	return format.fmt.pix.sizeimage;
}

/* Queues a dma-buf to the camera. */
static inline int vivid_queue(int camera, uint32_t index, int dmabuf)
{
	struct v4l2_buffer frame = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
		.index = index,
		.m.fd = dmabuf,
	};

	return ioctl(camera, VIDIOC_QBUF, &frame);
}

/* Waits for a frame; returns its index, or -1. */
static inline int vivid_take(int camera)
{
	struct v4l2_buffer frame = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
	};

	return ioctl(camera, VIDIOC_DQBUF, &frame) ? -1 : (int)frame.index;
}

static inline int vivid_stream(int camera, bool on)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

	return ioctl(camera, on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &type);
}

/*
 * Whether the driver maps a dma-buf for reading and writing when it imports it, so that
 * the exporter can refuse. Newer kernels map it only when the object is used.
 */
static inline bool vgem_import_maps(int card)
{
	int fd = iobmd_create(1), dmabuf = iobmd_export(fd, IOBMD_EXPORT_F_READ_ONLY, 0, 0);
	int64_t handle = vgem_import(card, dmabuf);

	if (handle >= 0)
		vgem_close(card, handle);
	close(dmabuf);
	close(fd);
	return handle < 0;
}

#endif /* IOBMD_TEST_IMPORTERS_H */
