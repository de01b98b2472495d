// SPDX-License-Identifier: GPL-2.0
/* The peer as an importer of a dma-buf. */

#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/iosys-map.h>
#include <linux/module.h>

#include "compat.h"
#include "internal.h"

MODULE_IMPORT_NS(DMA_BUF);

static int iobmd_peer_attach(struct iobmd_peer *peer, int fd)
{
	struct dma_buf_attachment *attachment;
	struct dma_buf *dmabuf;

	if (peer->dmabuf || peer->user)
		return -EBUSY;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	attachment = dma_buf_attach(dmabuf, peer->dma_device);
	if (IS_ERR(attachment)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(attachment);
	}
	peer->dmabuf = dmabuf;
	peer->attachment = attachment;
	return 0;
}

void iobmd_peer_release_dmabuf(struct iobmd_peer *peer)
{
	dma_buf_detach(peer->dmabuf, peer->attachment);
	dma_buf_put(peer->dmabuf);
	peer->dmabuf = NULL;
	peer->attachment = NULL;
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
