// SPDX-License-Identifier: 0BSD
/* A buffer as a frame of a camera. */
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <linux/videodev2.h>
#include <iobmd.h>

/* Returns the dma-buf, to be closed by the caller, or a negative errno. */
int queue_frame(int video, unsigned int index, const struct iobmd_buffer *buffer)
{
	struct v4l2_buffer frame = {
		.index = index,
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
	};
	int err;

	frame.m.fd = iobmd_buffer_export(buffer, 0, 0, 0);
	if (frame.m.fd < 0)
		return frame.m.fd;
	if (ioctl(video, VIDIOC_QBUF, &frame) == 0)
		return frame.m.fd;
	err = -errno;
	close(frame.m.fd);
	return err;
}

int access_frame(int dmabuf, int begins)
{
	struct dma_buf_sync sync = {
		.flags = DMA_BUF_SYNC_READ | (begins ? DMA_BUF_SYNC_START : DMA_BUF_SYNC_END),
	};

	return ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync) ? -errno : 0;
}
