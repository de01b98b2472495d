// SPDX-License-Identifier: GPL-2.0
/* Operations: what the driver of a device does with a dma-buf of the buffer. */

#include "kernel_peer.h"

#include "bench.h"

/* In @data of the trial */
struct importer {
	int peer;
	int dmabuf;
};

static bool importer_is_ours;

static int importer_open(void)
{
	int peer = kernel_open();

	if (peer >= 0 || errno != ENOENT)
		return peer;
	peer = kernel_load();
	importer_is_ours = peer >= 0;
	return peer;
}

void importer_end(void)
{
	if (importer_is_ours)
		kernel_unload();
}

static int importer_prepare(struct trial *trial)
{
	struct importer *importer = calloc(1, sizeof(*importer));

	if (!importer)
		return -ENOMEM;
	trial->data = importer;
	importer->dmabuf = -1;
	importer->peer = importer_open();
	return importer->peer < 0 ? NO_SUCH_THING : 0;
}

static void importer_finish(struct trial *trial)
{
	struct importer *importer = trial->data;

	if (!importer)
		return;
	if (importer->dmabuf >= 0)
		close(importer->dmabuf);
	if (importer->peer >= 0)
		close(importer->peer);
	free(importer);
}

/* dma */

static int import(struct importer *importer, struct buffer *buffer)
{
	importer->dmabuf = buffer_export(buffer);
	if (importer->dmabuf < 0)
		return importer->dmabuf;
	return kernel_import(importer->peer, importer->dmabuf) ? -errno : 0;
}

static int release(struct importer *importer)
{
	if (kernel_do(importer->peer, IOBMD_PEER_RELEASE))
		return -errno;
	close(importer->dmabuf);
	importer->dmabuf = -1;
	return 0;
}

static int dma_run(struct trial *trial)
{
	struct iobmd_peer_args args = { .flags = 1, .direction = BOTH_WAYS };
	struct importer *importer = trial->data;
	int err = import(importer, trial->buffer);

	if (err)
		return err;
	if (ioctl(importer->peer, IOBMD_PEER_DMA_MAP, &args) ||
	    kernel_do(importer->peer, IOBMD_PEER_DMA_UNMAP))
		return -errno;
	trial->note = args.count;
	return release(importer);
}

/* Once more, with a look at the memory from the device's side */
static void dma_check(struct trial *trial)
{
	struct iobmd_peer_args args = { .direction = BOTH_WAYS };
	struct importer *importer = trial->data;

	if (import(importer, trial->buffer) ||
	    ioctl(importer->peer, IOBMD_PEER_DMA_MAP, &args) ||
	    args.digest != digest_of(trial->buffer->map, trial->buffer->size))
		trial->failure = "the device sees another memory";
	kernel_do(importer->peer, IOBMD_PEER_DMA_UNMAP);
	release(importer);
}

const struct operation op_dma = {
	.name = "dma",
	.what = "export, attach, map for a device, and all back",
	.floor = &floor_ioctl,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.asks = EXPORT,
	.again = true,
	.noted = "scatter entries",
	.prepare = importer_prepare,
	.run = dma_run,
	.check = dma_check,
	.finish = importer_finish,
};

/* vmap */

static int vmap_prepare(struct trial *trial)
{
	int err = importer_prepare(trial);

	return err ?: import(trial->data, trial->buffer);
}

static int vmap_run(struct trial *trial)
{
	struct importer *importer = trial->data;

	return kernel_do(importer->peer, IOBMD_PEER_VMAP) ||
	       kernel_do(importer->peer, IOBMD_PEER_VUNMAP) ? -errno : 0;
}

static void vmap_check(struct trial *trial)
{
	struct importer *importer = trial->data;

	if (kernel_do(importer->peer, IOBMD_PEER_VMAP) ||
	    kernel_look(importer->peer) != digest_of(trial->buffer->map, trial->buffer->size))
		trial->failure = "the kernel sees another memory";
	kernel_do(importer->peer, IOBMD_PEER_VUNMAP);
}

const struct operation op_vmap = {
	.name = "vmap",
	.what = "map it into the kernel, and unmap it",
	.floor = &floor_ioctl,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.asks = EXPORT,
	.again = true,
	.prepare = vmap_prepare,
	.run = vmap_run,
	.check = vmap_check,
	.finish = importer_finish,
};
