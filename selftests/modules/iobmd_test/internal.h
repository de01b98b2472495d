/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOBMD_TEST_INTERNAL_H
#define IOBMD_TEST_INTERNAL_H

#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "iobmd_test.h"

struct device;
struct dma_buf;
struct dma_buf_attachment;
struct file;
struct iobmd_client;
struct platform_device;
struct sg_table;
struct vm_area_struct;

/**
 * struct iobmd_peer - an open file: a client of a buffer, or an importer
 * @lock: Protects all that follows; one ioctl at a time.
 * @device: Its own.
 * @dma_device: The one that memory is mapped for, @device's or QEMU's edu; with a
 *	reference.
 * @client: The buffer that it uses, or NULL.
 * @timer: Notifies with @client; cancelled before that is put.
 * @notify: How often it has to. Its own while it runs.
 * @dmabuf_lock: Protects @dmabuf as well: mmap(2) reads it with only this lock held.
 * @dmabuf: The dma-buf that it has imported, or NULL; never both.
 * @attachment: Of @dma_device to @dmabuf.
 * @sgt: What is mapped for @dma_device, or NULL; @direction belongs to it.
 * @direction: enum dma_data_direction
 * @address: Where it is mapped in the kernel, or NULL.
 *
 * Lock order: @lock, mmap_lock, @dmabuf_lock. The ioctls touch user memory under @lock,
 * and mmap(2) comes with mmap_lock held.
 */
struct iobmd_peer {
	struct mutex lock;
	struct platform_device *device;
	struct device *dma_device;
	struct iobmd_client *client;
	struct hrtimer timer;
	u32 notify;
	spinlock_t dmabuf_lock;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attachment;
	struct sg_table *sgt;
	u32 direction;
	void *address;
};

/* client.c */
int iobmd_peer_use(struct iobmd_peer *peer, unsigned int cmd,
		   struct iobmd_peer_args *args);

/* importer.c */
int iobmd_peer_import(struct iobmd_peer *peer, unsigned int cmd,
		      struct iobmd_peer_args *args);
int iobmd_peer_mmap(struct file *file, struct vm_area_struct *vma);
void iobmd_peer_release_dmabuf(struct iobmd_peer *peer);
int iobmd_peer_vmap_dmabuf(struct iobmd_peer *peer);
void iobmd_peer_vunmap_dmabuf(struct iobmd_peer *peer);
struct sg_table *iobmd_peer_map_dmabuf(struct iobmd_peer *peer, u32 direction);
void iobmd_peer_unmap_dmabuf(struct iobmd_peer *peer);

/* writer.c */
long iobmd_peer_write_file(unsigned int cmd, const struct iobmd_peer_args *args);

#endif /* IOBMD_TEST_INTERNAL_H */
