/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of /dev/iobmd-peer: kernel code that does with a buffer what a test
 * tells it. Each open file is one client of a buffer (the kernel API), or one
 * importer of a dma-buf, with a device of its own. mmap(2) maps what an importer has
 * imported; ENOTCONN if that is nothing. A close undoes what is left, but for mappings.
 */
#ifndef IOBMD_PEER_H
#define IOBMD_PEER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct iobmd_peer_args - what all of the ioctls take
 * @offset: In bytes; the physical address for MEMORY_ERROR.
 * @length: In bytes; the capacity for CREATE.
 * @address: Of user memory.
 * @fd: A descriptor of a buffer or a dma-buf; an eventfd for SET_EVENTFD; of any file for
 *	WRITE_ITER and SPLICE_WRITE.
 * @flags: Rights for GET, flags for PUBLISH, whether to copy by way of kernel
 *	memory for READ and WRITE, what to add to each word for FILL, how many
 *	times for NOTIFY and NOTIFY_IRQ, whether to leave the memory alone (no @digest) for
 *	DMA_MAP, a descriptor of the pipe for SPLICE_WRITE.
 * @direction: enum dma_data_direction; for CREATE that of the buffer.
 * @bits: How many address bits the device has.
 * @max_segment: Its largest segment in bytes; 0 for no limit.
 * @boundary: A mask; none of its segments crosses a multiple of it plus one. 0 for
 *	no such limit.
 * @count: Out. Runs or segments.
 * @total: Out. Bytes in them.
 * @largest: Out. Bytes in the largest.
 * @digest: Out. See iobmd_peer_digest().
 * @broken: Out. How often a rule did not hold: runs that could have been one;
 *	segments beyond a limit of the device, or not on a page.
 */
struct iobmd_peer_args {
	__u64 offset;
	__u64 length;
	__u64 address;
	__s32 fd;
	__u32 flags;
	__u32 direction;
	__u32 bits;
	__u64 max_segment;
	__u64 boundary;
	__u64 count;
	__u64 total;
	__u64 largest;
	__u64 digest;
	__u64 broken;
};

/* The first word of each page makes part of the digest, in order. */
static inline __u64 iobmd_peer_digest(__u64 digest, __u64 word)
{
	return (digest ^ word) * 0x100000001b3ull + 1;
}

#define IOBMD_PEER(nr)		_IOWR(0xBF, nr, struct iobmd_peer_args)

/* The kernel API */
#define IOBMD_PEER_CREATE	IOBMD_PEER(0x40)
#define IOBMD_PEER_GET		IOBMD_PEER(0x41)
#define IOBMD_PEER_PUT		IOBMD_PEER(0x42)
#define IOBMD_PEER_SIZE		IOBMD_PEER(0x43)
#define IOBMD_PEER_SET_LENGTH	IOBMD_PEER(0x44)
#define IOBMD_PEER_PUBLISH	IOBMD_PEER(0x45)
#define IOBMD_PEER_RUNS		IOBMD_PEER(0x46)
#define IOBMD_PEER_READ		IOBMD_PEER(0x47)
#define IOBMD_PEER_WRITE	IOBMD_PEER(0x48)
#define IOBMD_PEER_SET_EVENTFD	IOBMD_PEER(0x49)
#define IOBMD_PEER_NOTIFY	IOBMD_PEER(0x4a)
/* The same from a timer's hard interrupt; returns at once. Until PUT or all are done. */
#define IOBMD_PEER_NOTIFY_IRQ	IOBMD_PEER(0x4b)

/* The hardware reports an error in the page at @offset; the kernel sees to it soon. */
#define IOBMD_PEER_MEMORY_ERROR	IOBMD_PEER(0x4e)

/*
 * From now on its device is QEMU's edu, without a driver and behind an IOMMU;
 * ENODEV if there is no such thing. Its addresses are not those of the memory:
 * DMA_MAP has to leave that alone.
 */
#define IOBMD_PEER_USE_IOMMU	IOBMD_PEER(0x4f)

/* For both: the mapping into the kernel, looked at and written page by page */
#define IOBMD_PEER_VMAP		IOBMD_PEER(0x50)
#define IOBMD_PEER_LOOK		IOBMD_PEER(0x51)
#define IOBMD_PEER_FILL		IOBMD_PEER(0x52)
#define IOBMD_PEER_VUNMAP	IOBMD_PEER(0x53)

/* For both: for the device; a file may map once */
#define IOBMD_PEER_DMA_MAP	IOBMD_PEER(0x60)
#define IOBMD_PEER_DMA_UNMAP	IOBMD_PEER(0x61)

/* A dma-buf */
#define IOBMD_PEER_IMPORT	IOBMD_PEER(0x70)
#define IOBMD_PEER_RELEASE	IOBMD_PEER(0x71)
#define IOBMD_PEER_BEGIN_CPU	IOBMD_PEER(0x72)
#define IOBMD_PEER_END_CPU	IOBMD_PEER(0x73)

/*
 * Any file: calls the operation of that name itself. The VFS, which would check whether the
 * file is open for writing, is not asked. Return the bytes written.
 */
#define IOBMD_PEER_WRITE_ITER	IOBMD_PEER(0x80)
#define IOBMD_PEER_SPLICE_WRITE	IOBMD_PEER(0x81)

#endif /* IOBMD_PEER_H */
