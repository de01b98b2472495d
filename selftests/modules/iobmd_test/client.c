// SPDX-License-Identifier: GPL-2.0
/* The peer's device, what both kinds of it do, and the client of a buffer. */

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/iobmd.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "internal.h"

#define IOBMD_PEER_EDU_VENDOR	0x1234
#define IOBMD_PEER_EDU_DEVICE	0x11e8
#define IOBMD_PEER_ALL_BITS	64
#define IOBMD_PEER_NOTIFY_NS	(100 * NSEC_PER_USEC)

/* The first words of the pages from @address on, which is in the kernel's map. */
static u64 iobmd_peer_digest_pages(u64 digest, const void *address, u64 length)
{
	u64 at;

	for (at = 0; at < length; at += PAGE_SIZE)
		digest = iobmd_peer_digest(digest, READ_ONCE(*(const u64 *)(address + at)));
	return digest;
}

/* Runs */

struct iobmd_peer_walk {
	struct iobmd_peer_args *args;
	phys_addr_t end;
};

static int iobmd_peer_visit_run(phys_addr_t address, u64 length, void *arg)
{
	struct iobmd_peer_walk *walk = arg;
	struct iobmd_peer_args *args = walk->args;

	if (!length || (args->count && address == walk->end))
		args->broken++;
	if (args->flags && args->count == args->flags)
		return args->flags;
	args->count++;
	args->total += length;
	args->largest = max(args->largest, length);
	if (PAGE_ALIGNED(address))
		args->digest = iobmd_peer_digest_pages(args->digest, __va(address),
						       length);
	walk->end = address + length;
	return 0;
}

static int iobmd_peer_runs(struct iobmd_peer *peer, struct iobmd_peer_args *args)
{
	struct iobmd_peer_walk walk = { .args = args };

	return iobmd_client_for_each_run(peer->client, args->offset, args->length,
					 iobmd_peer_visit_run, &walk);
}

/* Reading and writing */

static ssize_t iobmd_peer_transfer(struct iobmd_peer *peer, u64 offset,
				   struct iov_iter *iter, bool write)
{
	return write ? iobmd_client_write(peer->client, offset, iter) :
		       iobmd_client_read(peer->client, offset, iter);
}

static ssize_t iobmd_peer_copy_user(struct iobmd_peer *peer,
				    struct iobmd_peer_args *args, bool write)
{
	struct iov_iter iter;

	iov_iter_ubuf(&iter, write ? ITER_SOURCE : ITER_DEST,
		      u64_to_user_ptr(args->address), args->length);
	return iobmd_peer_transfer(peer, args->offset, &iter, write);
}

static ssize_t iobmd_peer_copy_kernel(struct iobmd_peer *peer,
				      struct iobmd_peer_args *args, bool write)
{
	void __user *address = u64_to_user_ptr(args->address);
	struct kvec kvec = { .iov_len = args->length };
	struct iov_iter iter;
	ssize_t ret = -EFAULT;

	kvec.iov_base = kvzalloc(args->length, GFP_KERNEL);
	if (!kvec.iov_base)
		return -ENOMEM;
	if (write && copy_from_user(kvec.iov_base, address, args->length))
		goto out_free;
	iov_iter_kvec(&iter, write ? ITER_SOURCE : ITER_DEST, &kvec, 1, args->length);
	ret = iobmd_peer_transfer(peer, args->offset, &iter, write);
	if (!write && ret > 0 && copy_to_user(address, kvec.iov_base, ret))
		ret = -EFAULT;
out_free:
	kvfree(kvec.iov_base);
	return ret;
}

static ssize_t iobmd_peer_copy(struct iobmd_peer *peer,
			       struct iobmd_peer_args *args, bool write)
{
	return args->flags ? iobmd_peer_copy_kernel(peer, args, write) :
			     iobmd_peer_copy_user(peer, args, write);
}

/* Notifying */

static enum hrtimer_restart iobmd_peer_timer(struct hrtimer *timer)
{
	struct iobmd_peer *peer = container_of(timer, struct iobmd_peer, timer);

	iobmd_client_notify(peer->client);
	if (!--peer->notify)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, IOBMD_PEER_NOTIFY_NS);
	return HRTIMER_RESTART;
}

static int iobmd_peer_notify_irq(struct iobmd_peer *peer,
				 const struct iobmd_peer_args *args)
{
	if (!args->flags)
		return -EINVAL;
	hrtimer_cancel(&peer->timer);
	peer->notify = args->flags;
	hrtimer_start(&peer->timer, IOBMD_PEER_NOTIFY_NS, HRTIMER_MODE_REL_HARD);
	return 0;
}

static int iobmd_peer_notify(struct iobmd_peer *peer,
			     const struct iobmd_peer_args *args)
{
	u32 i;

	for (i = 0; i < args->flags; i++)
		iobmd_client_notify(peer->client);
	return 0;
}

/* The client of a buffer */

static int iobmd_peer_set_user(struct iobmd_peer *peer, struct iobmd_client *client)
{
	if (IS_ERR(client))
		return PTR_ERR(client);
	peer->client = client;
	return 0;
}

static int iobmd_peer_create(struct iobmd_peer *peer, struct iobmd_peer_args *args)
{
	struct iobmd_create create = {
		.capacity	= args->length,
		.direction	= args->direction,
	};

	return iobmd_peer_set_user(peer, iobmd_client_create(&create));
}

static int iobmd_peer_begin(struct iobmd_peer *peer, unsigned int cmd,
			    struct iobmd_peer_args *args)
{
	if (peer->client || peer->dmabuf)
		return -EBUSY;
	if (cmd == IOBMD_PEER_CREATE)
		return iobmd_peer_create(peer, args);
	return iobmd_peer_set_user(peer, iobmd_client_get(args->fd, args->flags));
}

static int iobmd_peer_put(struct iobmd_peer *peer)
{
	if (peer->sgt || peer->address)
		return -EBUSY;
	hrtimer_cancel(&peer->timer);
	iobmd_client_put(peer->client);
	peer->client = NULL;
	return 0;
}

int iobmd_peer_use(struct iobmd_peer *peer, unsigned int cmd,
		   struct iobmd_peer_args *args)
{
	if (cmd == IOBMD_PEER_CREATE || cmd == IOBMD_PEER_GET)
		return iobmd_peer_begin(peer, cmd, args);
	if (!peer->client)
		return -ENOTCONN;
	switch (cmd) {
	case IOBMD_PEER_PUT:
		return iobmd_peer_put(peer);
	case IOBMD_PEER_SIZE:
		args->length = iobmd_client_size(peer->client);
		return 0;
	case IOBMD_PEER_SET_LENGTH:
		return iobmd_client_set_length(peer->client, args->length);
	case IOBMD_PEER_PUBLISH:
		return iobmd_client_publish(peer->client, args->flags);
	case IOBMD_PEER_RUNS:
		return iobmd_peer_runs(peer, args);
	case IOBMD_PEER_READ:
		return iobmd_peer_copy(peer, args, false);
	case IOBMD_PEER_WRITE:
		return iobmd_peer_copy(peer, args, true);
	case IOBMD_PEER_SET_EVENTFD:
		return iobmd_client_set_eventfd(peer->client, args->fd);
	case IOBMD_PEER_NOTIFY:
		return iobmd_peer_notify(peer, args);
	case IOBMD_PEER_NOTIFY_IRQ:
		return iobmd_peer_notify_irq(peer, args);
	default:
		return -ENOTTY;
	}
}

/* The mapping into the kernel */

static int iobmd_peer_vmap(struct iobmd_peer *peer)
{
	void *address;

	if (peer->address)
		return -EBUSY;
	if (peer->dmabuf)
		return iobmd_peer_vmap_dmabuf(peer);
	address = iobmd_client_vmap(peer->client);
	if (IS_ERR(address))
		return PTR_ERR(address);
	peer->address = address;
	return 0;
}

static void iobmd_peer_vunmap(struct iobmd_peer *peer)
{
	if (peer->dmabuf)
		iobmd_peer_vunmap_dmabuf(peer);
	else
		iobmd_client_vunmap(peer->client, peer->address);
	peer->address = NULL;
}

static u64 iobmd_peer_size(const struct iobmd_peer *peer)
{
	return peer->dmabuf ? peer->dmabuf->size : iobmd_client_size(peer->client);
}

/* Every word gets its offset, plus what the test wants. */
static void iobmd_peer_fill(const struct iobmd_peer *peer, u64 add)
{
	u64 at;

	for (at = 0; at < PAGE_ALIGN(iobmd_peer_size(peer)); at += sizeof(u64))
		WRITE_ONCE(*(u64 *)(peer->address + at), at + add);
}

static int iobmd_peer_use_mapping(struct iobmd_peer *peer, unsigned int cmd,
				  struct iobmd_peer_args *args)
{
	if (cmd == IOBMD_PEER_VMAP)
		return iobmd_peer_vmap(peer);
	if (!peer->address)
		return -ENOTCONN;
	if (cmd == IOBMD_PEER_LOOK)
		args->digest = iobmd_peer_digest_pages(0, peer->address,
						       iobmd_peer_size(peer));
	else if (cmd == IOBMD_PEER_FILL)
		iobmd_peer_fill(peer, args->flags);
	else
		iobmd_peer_vunmap(peer);
	return 0;
}

/* For the device */

static int iobmd_peer_use_iommu(struct iobmd_peer *peer)
{
	struct pci_dev *edu = pci_get_device(IOBMD_PEER_EDU_VENDOR,
					     IOBMD_PEER_EDU_DEVICE, NULL);

	if (peer->dmabuf || peer->sgt || !edu || edu->dev.driver ||
	    !device_iommu_mapped(&edu->dev)) {
		pci_dev_put(edu);
		return -ENODEV;
	}
	put_device(peer->dma_device);
	peer->dma_device = &edu->dev;
	return 0;
}

static int iobmd_peer_set_limits(struct iobmd_peer *peer,
				 const struct iobmd_peer_args *args)
{
	struct device *dev = peer->dma_device;

	dma_set_max_seg_size(dev, args->max_segment ?: UINT_MAX);
	dma_set_seg_boundary(dev, args->boundary ?: ULONG_MAX);
	return dma_set_mask_and_coherent(dev, DMA_BIT_MASK(args->bits ?: IOBMD_PEER_ALL_BITS));
}

static void iobmd_peer_check_segment(struct iobmd_peer_args *args, dma_addr_t address,
				     u64 length)
{
	u64 mask = DMA_BIT_MASK(args->bits ?: IOBMD_PEER_ALL_BITS);

	if (!length || (args->max_segment && length > args->max_segment))
		args->broken++;
	if (address > mask || length - 1 > mask - address)
		args->broken++;
	if (args->boundary && (address ^ (address + length - 1)) & ~args->boundary)
		args->broken++;
}

/*
 * What the device sees. Without an IOMMU before it its addresses are physical
 * ones, of the buffer or of a bounce buffer. Those of the pages, which an importer
 * must not look at anyway, would tell less.
 */
static void iobmd_peer_look_at_table(struct sg_table *sgt, struct iobmd_peer_args *args)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		u64 skip = PAGE_ALIGN(args->total) - args->total;
		dma_addr_t address = sg_dma_address(sg);
		u64 length = sg_dma_len(sg);

		iobmd_peer_check_segment(args, address, length);
		if (skip < length && !args->flags)
			args->digest = iobmd_peer_digest_pages(args->digest,
							       __va(address) + skip,
							       length - skip);
		args->count++;
		args->total += length;
		args->largest = max(args->largest, length);
	}
}

static int iobmd_peer_dma_map(struct iobmd_peer *peer, struct iobmd_peer_args *args)
{
	struct sg_table *sgt;
	int err;

	if (peer->sgt)
		return -EBUSY;
	err = iobmd_peer_set_limits(peer, args);
	if (err)
		return err;
	if (peer->dmabuf)
		sgt = iobmd_peer_map_dmabuf(peer, args->direction);
	else
		sgt = iobmd_client_dma_map(peer->client, peer->dma_device, args->offset,
					   args->length, args->direction);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	peer->sgt = sgt;
	peer->direction = args->direction;
	iobmd_peer_look_at_table(sgt, args);
	return 0;
}

static void iobmd_peer_dma_unmap(struct iobmd_peer *peer)
{
	if (peer->dmabuf)
		iobmd_peer_unmap_dmabuf(peer);
	else
		iobmd_client_dma_unmap(peer->client, peer->sgt);
	peer->sgt = NULL;
}

static int iobmd_peer_use_dma(struct iobmd_peer *peer, unsigned int cmd,
			      struct iobmd_peer_args *args)
{
	if (cmd == IOBMD_PEER_DMA_MAP)
		return iobmd_peer_dma_map(peer, args);
	if (!peer->sgt)
		return -ENOTCONN;
	iobmd_peer_dma_unmap(peer);
	return 0;
}

/* The file */

static long iobmd_peer_do(struct iobmd_peer *peer, unsigned int cmd,
			  struct iobmd_peer_args *args)
{
	unsigned int nr = _IOC_NR(cmd);

	lockdep_assert_held(&peer->lock);

	if (cmd != IOBMD_PEER(nr))
		return -ENOTTY;
	if (cmd == IOBMD_PEER_USE_IOMMU)
		return iobmd_peer_use_iommu(peer);
	if (cmd == IOBMD_PEER_MEMORY_ERROR) {
		memory_failure_queue(PHYS_PFN(args->offset), 0);
		return 0;
	}
	if (nr < _IOC_NR(IOBMD_PEER_VMAP))
		return iobmd_peer_use(peer, cmd, args);
	if (nr >= _IOC_NR(IOBMD_PEER_WRITE_ITER))
		return iobmd_peer_write_file(cmd, args);
	if (nr >= _IOC_NR(IOBMD_PEER_IMPORT))
		return iobmd_peer_import(peer, cmd, args);
	if (!peer->client && !peer->dmabuf)
		return -ENOTCONN;
	if (nr < _IOC_NR(IOBMD_PEER_DMA_MAP))
		return iobmd_peer_use_mapping(peer, cmd, args);
	return iobmd_peer_use_dma(peer, cmd, args);
}

static long iobmd_peer_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct iobmd_peer *peer = file->private_data;
	void __user *argp = (void __user *)arg;
	struct iobmd_peer_args args;
	long ret;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	args.count = 0;
	args.total = 0;
	args.largest = 0;
	args.digest = 0;
	args.broken = 0;
	mutex_lock(&peer->lock);
	ret = iobmd_peer_do(peer, cmd, &args);
	mutex_unlock(&peer->lock);
	if (cmd != IOBMD_PEER_PUBLISH && copy_to_user(argp, &args, sizeof(args)))
		return -EFAULT;
	return ret;
}

static int iobmd_peer_open(struct inode *inode, struct file *file)
{
	struct iobmd_peer *peer = kzalloc(sizeof(*peer), GFP_KERNEL);
	struct platform_device *device;

	if (!peer)
		return -ENOMEM;
	device = platform_device_register_simple("iobmd-peer", PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(device)) {
		kfree(peer);
		return PTR_ERR(device);
	}
	mutex_init(&peer->lock);
	spin_lock_init(&peer->dmabuf_lock);
	hrtimer_setup(&peer->timer, iobmd_peer_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	peer->device = device;
	peer->dma_device = get_device(&device->dev);
	file->private_data = peer;
	return 0;
}

static int iobmd_peer_release(struct inode *inode, struct file *file)
{
	struct iobmd_peer *peer = file->private_data;

	if (peer->sgt)
		iobmd_peer_dma_unmap(peer);
	if (peer->address)
		iobmd_peer_vunmap(peer);
	if (peer->dmabuf)
		iobmd_peer_release_dmabuf(peer);
	hrtimer_cancel(&peer->timer);
	iobmd_client_put(peer->client);
	put_device(peer->dma_device);
	platform_device_unregister(peer->device);
	kfree(peer);
	return 0;
}

static const struct file_operations iobmd_peer_fops = {
	.owner		= THIS_MODULE,
	.open		= iobmd_peer_open,
	.release	= iobmd_peer_release,
	.mmap		= iobmd_peer_mmap,
	.unlocked_ioctl	= iobmd_peer_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice iobmd_peer_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "iobmd-peer",
	.fops	= &iobmd_peer_fops,
};
module_misc_device(iobmd_peer_device);

MODULE_DESCRIPTION("Test-only client of iobmd's kernel API and importer of its dma-bufs");
MODULE_LICENSE("GPL");
