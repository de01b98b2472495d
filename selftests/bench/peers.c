// SPDX-License-Identifier: GPL-2.0
/* The makes of buffers: files of memory, and what is the same for all. */

#include "iobmd_test.h"

#include <linux/memfd.h>
#include <sys/syscall.h>

#include "bench.h"

uint64_t bench_page_size(void)
{
	static uint64_t size;

	if (!size)
		size = page_size();
	return size;
}

uint64_t bench_huge_page_size(void)
{
	static uint64_t size;

	if (!size)
		size = huge_page_size();
	return size;
}

/* Files of memory */

int memfd_make(struct buffer *buffer, unsigned int flags)
{
	int fd = memfd_create("bench", MFD_CLOEXEC | flags);
	int err;

	if (fd < 0)
		return -errno;
	if (!ftruncate(fd, buffer->size))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int memfd_peer_create(struct buffer *buffer)
{
	buffer->fd = memfd_make(buffer, buffer->peer->argument);
	return buffer->fd < 0 ? buffer->fd : 0;
}

static int file_resize(struct buffer *buffer, uint64_t size)
{
	return ftruncate(buffer->fd, size) ? -errno : 0;
}

void file_destroy(struct buffer *buffer)
{
	close(buffer->fd);
}

static const struct peer memfd_peer = {
	.name = "memfd",
	.what = "memfd",
	.create = memfd_peer_create,
	.resize = file_resize,
	.destroy = file_destroy,
};

static const struct peer memfd_thp_peer = {
	.name = "memfd-thp",
	.what = "memfd with MADV_HUGEPAGE (where shmem_enabled allows it)",
	.advice = MADV_HUGEPAGE,
	.create = memfd_peer_create,
	.resize = file_resize,
	.destroy = file_destroy,
};

static const struct peer memfd_hugetlb_peer = {
	.name = "memfd-hugetlb",
	.what = "memfd with MFD_HUGETLB, from a pool that was reserved before",
	.huge_unit = true,
	.argument = MFD_HUGETLB,
	.create = memfd_peer_create,
	.resize = file_resize,
	.destroy = file_destroy,
};

static int secret_create(struct buffer *buffer)
{
	buffer->fd = syscall(SYS_memfd_secret, O_CLOEXEC);
	if (buffer->fd < 0)
		return -errno;
	return file_resize(buffer, buffer->size);
}

static const struct peer secret_peer = {
	.name = "memfd-secret",
	.what = "memfd_secret()",
	.create = secret_create,
	.resize = file_resize,
	.destroy = file_destroy,
};

const struct peer *const peers[] = {
	&memfd_peer, &memfd_thp_peer, &memfd_hugetlb_peer, &udmabuf_peer, &udmabuf_hugetlb_peer,
	&heap_peer, &vgem_peer, &secret_peer, &iobmd_peer, &iobmd_none_peer, &iobmd_require_peer,
	&iobmd_reserve_peer, NULL
};

/* The floor: memory of the process's own, in huge pages */

static int anonymous_create(struct buffer *buffer)
{
	return 0;
}

static void anonymous_destroy(struct buffer *buffer)
{
}

const struct peer floor_peer = {
	.name = "floor",
	.what = "memory of the process itself",
	.floor = true,
	.advice = MADV_HUGEPAGE,
	.create = anonymous_create,
	.destroy = anonymous_destroy,
};

/* What is the same for all */

uint64_t peer_round(const struct peer *peer, uint64_t size)
{
	uint64_t unit = peer->huge_unit ? bench_huge_page_size() : bench_page_size();

	return (size + unit - 1) / unit * unit;
}

int buffer_create(struct buffer *buffer, const struct peer *peer, uint64_t size)
{
	int err;

	*buffer = (struct buffer){
		.peer = peer,
		.size = peer_round(peer, size),
		.fd = -1,
		.memfd = -1,
	};
	err = peer->create(buffer);
	if (err)
		buffer_destroy(buffer);
	return err;
}

int buffer_map(struct buffer *buffer)
{
	int flags = buffer->peer->floor ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	void *map = mmap(NULL, buffer->size, PROT_READ | PROT_WRITE, flags, buffer->fd,
			 buffer->offset);

	if (map == MAP_FAILED)
		return -errno;
	buffer->map = map;
	buffer->mapped = buffer->size;
	if (buffer->peer->advice)
		madvise(map, buffer->size, buffer->peer->advice);
	return 0;
}

void buffer_unmap(struct buffer *buffer)
{
	if (buffer->map)
		munmap(buffer->map, buffer->mapped);
	buffer->map = NULL;
}

void buffer_destroy(struct buffer *buffer)
{
	if (buffer->peer && (buffer->fd >= 0 || buffer->peer->floor))
		buffer->peer->destroy(buffer);
	buffer->peer = NULL;
}

int buffer_resize(struct buffer *buffer, uint64_t size)
{
	int err = buffer->peer->resize ? buffer->peer->resize(buffer, size) : NO_SUCH_THING;

	if (!err)
		buffer->size = size;
	return err;
}

int buffer_export(struct buffer *buffer)
{
	return buffer->peer->export ? buffer->peer->export(buffer) : NO_SUCH_THING;
}

/* What it says to a real buffer is a result; this is whether there is anything to ask. */
bool peer_is_there(const struct peer *peer)
{
	struct buffer buffer;
	int err = buffer_create(&buffer, peer, 1);

	if (!err)
		buffer_destroy(&buffer);
	return err != -ENOENT && err != -ENODEV && err != -ENOSYS && err != -ENXIO;
}
