/* SPDX-License-Identifier: GPL-2.0 */
/* Another module that uses buffers: the test interface of modules/iobmd_test/. */
#ifndef IOBMD_TEST_KERNEL_H
#define IOBMD_TEST_KERNEL_H

#include "modules.h"

#include "../modules/iobmd_test/iobmd_test.h"

#define PEER_DEVICE	"/dev/iobmd-peer"

#define TO_DEVICE	1	/* enum dma_data_direction */
#define FROM_DEVICE	2
#define BOTH_WAYS	0
#define NO_WAY		3

#define READ_WRITE	(IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE)

static inline int kernel_create(int peer, uint64_t capacity, uint32_t direction)
{
	struct iobmd_peer_args args = { .length = capacity, .direction = direction };

	return ioctl(peer, IOBMD_PEER_CREATE, &args);
}

static inline int kernel_open(void)
{
	return open(PEER_DEVICE, O_RDWR | O_CLOEXEC);
}

/* Loads the module and opens its device; -1 on failure. */
static inline int kernel_load(void)
{
	if (module_load(PEER_KO)) {
		printf("# cannot load %s: %s\n", PEER_KO, strerror(errno));
		return -1;
	}
	AWAIT(exists(PEER_DEVICE));
	return kernel_open();
}

static inline int kernel_unload(void)
{
	return module_unload("iobmd_test");
}

static inline int kernel_get(int peer, int fd, uint32_t rights)
{
	struct iobmd_peer_args args = { .fd = fd, .flags = rights };

	return ioctl(peer, IOBMD_PEER_GET, &args);
}

static inline int kernel_import(int peer, int dmabuf)
{
	struct iobmd_peer_args args = { .fd = dmabuf };

	return ioctl(peer, IOBMD_PEER_IMPORT, &args);
}

/* Maps what the peer has imported, from page @page on. */
static inline void *kernel_map(int peer, uint64_t page, uint64_t length, int prot)
{
	return mmap(NULL, length, prot, MAP_SHARED, peer, page * page_size());
}

/* For commands without arguments. */
static inline int kernel_do(int peer, unsigned long cmd)
{
	struct iobmd_peer_args args = { };

	return ioctl(peer, cmd, &args);
}

static inline int kernel_memory_error(int peer, uint64_t address)
{
	struct iobmd_peer_args args = { .offset = address };

	return ioctl(peer, IOBMD_PEER_MEMORY_ERROR, &args);
}

static inline int kernel_publish(int peer, uint32_t flags)
{
	struct iobmd_peer_args args = { .flags = flags };

	return ioctl(peer, IOBMD_PEER_PUBLISH, &args);
}

static inline int kernel_set_length(int peer, uint64_t length)
{
	struct iobmd_peer_args args = { .length = length };

	return ioctl(peer, IOBMD_PEER_SET_LENGTH, &args);
}

static inline uint64_t kernel_size(int peer)
{
	struct iobmd_peer_args args = { };

	return ioctl(peer, IOBMD_PEER_SIZE, &args) ? UINT64_MAX : args.length;
}

static inline uint64_t kernel_look(int peer)
{
	struct iobmd_peer_args args = { };

	return ioctl(peer, IOBMD_PEER_LOOK, &args) ? 0 : args.digest;
}

static inline int kernel_fill(int peer, uint32_t add)
{
	struct iobmd_peer_args args = { .flags = add };

	return ioctl(peer, IOBMD_PEER_FILL, &args);
}

static inline int kernel_copy(int peer, unsigned long cmd, uint64_t offset, void *address,
			      uint64_t length, bool kernel)
{
	struct iobmd_peer_args args = {
		.offset = offset,
		.length = length,
		.address = (uintptr_t)address,
		.flags = kernel,
	};

	return ioctl(peer, cmd, &args);
}

static inline int kernel_write_iter(int peer, int fd, uint64_t offset, const void *data,
				    uint64_t length)
{
	struct iobmd_peer_args args = {
		.offset = offset,
		.length = length,
		.address = (uintptr_t)data,
		.fd = fd,
	};

	return ioctl(peer, IOBMD_PEER_WRITE_ITER, &args);
}

static inline int kernel_splice_write(int peer, int fd, uint64_t offset, int pipe,
				      uint64_t length)
{
	struct iobmd_peer_args args = {
		.offset = offset,
		.length = length,
		.fd = fd,
		.flags = pipe,
	};

	return ioctl(peer, IOBMD_PEER_SPLICE_WRITE, &args);
}

static inline int kernel_set_eventfd(int peer, int eventfd)
{
	struct iobmd_peer_args args = { .fd = eventfd };

	return ioctl(peer, IOBMD_PEER_SET_EVENTFD, &args);
}

static inline int kernel_notify(int peer, unsigned long cmd, uint32_t times)
{
	struct iobmd_peer_args args = { .flags = times };

	return ioctl(peer, cmd, &args);
}

static inline int kernel_dma_map(int peer, uint64_t offset, uint64_t length, uint32_t direction)
{
	struct iobmd_peer_args args = {
		.offset = offset, .length = length, .direction = direction,
	};

	return ioctl(peer, IOBMD_PEER_DMA_MAP, &args);
}

/* The digest that the peer computes of the first words of the pages. */
static inline uint64_t digest_of(const uint8_t *map, uint64_t length)
{
	uint64_t digest = 0;

	for (uint64_t at = 0; at < length; at += page_size())
		digest = iobmd_peer_digest(digest, *(const uint64_t *)(map + at));
	return digest;
}

#endif /* IOBMD_TEST_KERNEL_H */
