// SPDX-License-Identifier: GPL-2.0
/* The peer as an importer of a dma-buf. */

#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "compat.h"
#include "internal.h"

MODULE_INFO(import_ns, "DMA_BUF");

static void iobmd_peer_set_dmabuf(struct iobmd_peer *peer, struct dma_buf *dmabuf)
{
	spin_lock(&peer->dmabuf_lock);
	peer->dmabuf = dmabuf;
	spin_unlock(&peer->dmabuf_lock);
}

/* With a reference, or NULL */
static struct dma_buf *iobmd_peer_get_dmabuf(struct iobmd_peer *peer)
{
	struct dma_buf *dmabuf;

	spin_lock(&peer->dmabuf_lock);
	dmabuf = peer->dmabuf;
	if (dmabuf)
		get_dma_buf(dmabuf);
	spin_unlock(&peer->dmabuf_lock);
	return dmabuf;
}

static int iobmd_peer_attach(struct iobmd_peer *peer, int fd)
{
	struct dma_buf_attachment *attachment;
	struct dma_buf *dmabuf;

	if (peer->dmabuf || peer->client)
		return -EBUSY;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	attachment = dma_buf_attach(dmabuf, peer->dma_device);
	if (IS_ERR(attachment)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(attachment);
	}
	peer->attachment = attachment;
	iobmd_peer_set_dmabuf(peer, dmabuf);
	return 0;
}

void iobmd_peer_release_dmabuf(struct iobmd_peer *peer)
{
	struct dma_buf *dmabuf = peer->dmabuf;

	dma_buf_detach(dmabuf, peer->attachment);
	iobmd_peer_set_dmabuf(peer, NULL);
	peer->attachment = NULL;
	dma_buf_put(dmabuf);
}

/* As the drivers of cameras and graphics cards do it: for all that they check, it may write. */
int iobmd_peer_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct dma_buf *dmabuf = iobmd_peer_get_dmabuf(file->private_data);
	int err;

	if (!dmabuf)
		return -ENOTCONN;
	err = dma_buf_mmap(dmabuf, vma, vma->vm_pgoff);
	dma_buf_put(dmabuf);
	return err;
}

struct sg_table *iobmd_peer_map_dmabuf(struct iobmd_peer *peer, u32 direction)
{
	return dma_buf_map_attachment_unlocked(peer->attachment, direction);
}

void iobmd_peer_unmap_dmabuf(struct iobmd_peer *peer)
{
	dma_buf_unmap_attachment_unlocked(peer->attachment, peer->sgt,
					  peer->direction);
}

int iobmd_peer_vmap_dmabuf(struct iobmd_peer *peer)
{
	struct iosys_map map;
	int err = dma_buf_vmap_unlocked(peer->dmabuf, &map);

	if (!err)
		peer->address = map.vaddr;
	return err;
}

void iobmd_peer_vunmap_dmabuf(struct iobmd_peer *peer)
{
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(peer->address);

	dma_buf_vunmap_unlocked(peer->dmabuf, &map);
}

int iobmd_peer_import(struct iobmd_peer *peer, unsigned int cmd,
		      struct iobmd_peer_args *args)
{
	if (cmd == IOBMD_PEER_IMPORT)
		return iobmd_peer_attach(peer, args->fd);
	if (!peer->dmabuf)
		return -ENOTCONN;
	switch (cmd) {
	case IOBMD_PEER_RELEASE:
		if (peer->sgt || peer->address)
			return -EBUSY;
		iobmd_peer_release_dmabuf(peer);
		return 0;
	case IOBMD_PEER_BEGIN_CPU:
		return dma_buf_begin_cpu_access(peer->dmabuf, args->direction);
	case IOBMD_PEER_END_CPU:
		return dma_buf_end_cpu_access(peer->dmabuf, args->direction);
	default:
		return -ENOTTY;
	}
}
