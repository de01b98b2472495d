// SPDX-License-Identifier: LGPL-2.1-or-later
/* The other kinds of shared buffers that Linux has. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-heap.h>
#include <linux/udmabuf.h>

#include "bench.h"
#include "tool.h"

static int result(int fd)
{
	return fd < 0 ? -errno : fd;
}

void made_close(struct made *made)
{
	if (made->fd >= 0)
		close(made->fd);
	if (made->memory >= 0)
		close(made->memory);
	made->fd = -1;
	made->memory = -1;
}

static int iobmd_make(uint64_t size, struct made *made)
{
	struct iobmd_create args = { .capacity = size };

	made->fd = buffer_create(&args);
	return made->fd < 0 ? made->fd : 0;
}

static int iobmd_export(const struct made *made, uint64_t size)
{
	return buffer_export(made->fd);
}

static int memfd_sized(uint64_t size, unsigned int flags)
{
	int fd = memfd_create("iobmd bench", MFD_CLOEXEC | flags);
	int err;

	if (fd < 0)
		return -errno;
	if (!ftruncate(fd, size))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int memfd_make(uint64_t size, struct made *made)
{
	made->fd = memfd_sized(size, 0);
	return made->fd < 0 ? made->fd : 0;
}

static int hugetlb_make(uint64_t size, struct made *made)
{
	made->fd = memfd_sized(size, MFD_HUGETLB);
	return made->fd < 0 ? made->fd : 0;
}

static int udmabuf_of(int memfd, uint64_t size)
{
	struct udmabuf_create args = {
		.memfd = memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = size,
	};
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd;

	if (device < 0)
		return -errno;
	fd = result(ioctl(device, UDMABUF_CREATE, &args));
	close(device);
	return fd;
}

static int udmabuf_make(uint64_t size, struct made *made)
{
	int err;

	made->memory = memfd_sized(size, MFD_ALLOW_SEALING);
	if (made->memory < 0)
		return made->memory;
	err = result(fcntl(made->memory, F_ADD_SEALS, F_SEAL_SHRINK));
	if (!err) {
		made->fd = udmabuf_of(made->memory, size);
		err = made->fd < 0 ? made->fd : 0;
	}
	if (err)
		made_close(made);
	return err;
}

static int udmabuf_export(const struct made *made, uint64_t size)
{
	return udmabuf_of(made->memory, size);
}

static int heap_make(uint64_t size, struct made *made)
{
	struct dma_heap_allocation_data args = {
		.len = size,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int device = open("/dev/dma_heap/system", O_RDONLY | O_CLOEXEC);
	int err;

	if (device < 0)
		return -errno;
	err = result(ioctl(device, DMA_HEAP_IOCTL_ALLOC, &args));
	close(device);
	made->fd = err ? -1 : (int)args.fd;
	return err;
}

const struct peer peers[] = {
	{ "iobmd", iobmd_make, iobmd_export },
	{ "memfd", memfd_make, NULL },
	{ "hugetlb", hugetlb_make, NULL },
	{ "udmabuf", udmabuf_make, udmabuf_export },
	{ "dma-heap", heap_make, NULL },
};

const size_t nr_peers = ARRAY_SIZE(peers);
