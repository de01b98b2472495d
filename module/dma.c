// SPDX-License-Identifier: GPL-2.0
/* Mapping a range of a view for a device. */

#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "internal.h"

static bool iobmd_dma_is_allowed(const struct iobmd_view *view,
				 enum dma_data_direction direction)
{
	bool in = direction == DMA_FROM_DEVICE || direction == DMA_BIDIRECTIONAL;
	bool out = direction == DMA_TO_DEVICE || direction == DMA_BIDIRECTIONAL;

	if (in && !(view->rights & IOBMD_RIGHT_WRITE))
		return false;
	return (!in || view->buffer->direction & IOBMD_DIRECTION_IN) &&
	       (!out || view->buffer->direction & IOBMD_DIRECTION_OUT);
}

static int iobmd_dma_count_run(phys_addr_t address, u64 length, void *arg)
{
	unsigned int *nr = arg;

	(*nr)++;
	return 0;
}

static int iobmd_dma_set_run(phys_addr_t address, u64 length, void *arg)
{
	struct scatterlist **sg = arg;

	sg_set_page(*sg, pfn_to_page(PHYS_PFN(address)), length,
		    offset_in_page(address));
	*sg = sg_next(*sg);
	return 0;
}

/*
 * The maximum length of a segment: whole pages, unless the device cannot handle one. If
 * the device may need bounce buffers, also at most the size of a bounce buffer.
 */
static u64 iobmd_dma_max_segment(struct device *dev)
{
	size_t max = min_t(size_t, dma_get_max_seg_size(dev),
			   dma_max_mapping_size(dev));

	return max > PAGE_SIZE ? ALIGN_DOWN(max, PAGE_SIZE) : max;
}

/*
 * The boundary applies to addresses of the device, but these are physical addresses.
 * Without an IOMMU both cross it at the same places, unless the bus shifts addresses by
 * less than the boundary. An IOMMU or a bounce buffer places each segment that is no
 * longer than the boundary so that it crosses none.
 */
static struct iobmd_run_limits iobmd_dma_limits(struct device *dev)
{
	return (struct iobmd_run_limits) {
		.max = iobmd_dma_max_segment(dev),
		.boundary = dma_get_seg_boundary(dev),
	};
}

static int iobmd_dma_alloc_table(struct sg_table *sgt,
				 const struct iobmd_view *view, u64 offset,
				 u64 length, struct device *dev)
{
	struct iobmd_run_limits limits = iobmd_dma_limits(dev);
	struct scatterlist *sg;
	unsigned int nr = 0;
	int err;

	err = iobmd_view_for_each_run(view, offset, length, limits, iobmd_dma_count_run, &nr);
	if (!err)
		err = sg_alloc_table(sgt, nr, IOBMD_GFP_TABLE);
	if (err)
		return err;
	sg = sgt->sgl;
	err = iobmd_view_for_each_run(view, offset, length, limits, iobmd_dma_set_run, &sg);
	/* A hardware error since the first walk. */
	if (err)
		sg_free_table(sgt);
	return err;
}

/*
 * Syncs by DMA addresses only: the table belongs to the importer while it is mapped,
 * and CONFIG_DMABUF_DEBUG mangles its page links. Skipped where the device needs no
 * syncs, since CONFIG_DMA_API_DEBUG cannot tell two mappings of the same memory apart.
 */
static void iobmd_dma_sync(struct iobmd_dma_mapping *mapping,
			   void (*sync)(struct device *dev, dma_addr_t address,
					size_t size, enum dma_data_direction direction))
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(&mapping->sgt, sg, i)
		if (dma_need_sync(mapping->dev, sg_dma_address(sg)))
			sync(mapping->dev, sg_dma_address(sg), sg_dma_len(sg),
			     mapping->direction);
}

void iobmd_dma_sync_for_cpu(struct iobmd_dma_mapping *mapping)
{
	iobmd_dma_sync(mapping, dma_sync_single_for_cpu);
}

void iobmd_dma_sync_for_device(struct iobmd_dma_mapping *mapping)
{
	iobmd_dma_sync(mapping, dma_sync_single_for_device);
}

/**
 * iobmd_dma_map - map a range of a view for a device
 * @view: The view.
 * @offset: In bytes.
 * @length: In bytes. The caller has checked the range and has a hold on it.
 * @dev: The device.
 * @direction: What it will do.
 *
 * The same memory may be mapped several times at once, for example by two importers. The
 * DMA API then requires that the caller does the syncs.
 *
 * Return: the mapping, or an ERR_PTR: -EACCES, -EIO, -ENOMEM, ...
 */
struct iobmd_dma_mapping *iobmd_dma_map(const struct iobmd_view *view, u64 offset,
					u64 length, struct device *dev,
					enum dma_data_direction direction)
{
	struct iobmd_dma_mapping *mapping;
	int err;

	if (!valid_dma_direction(direction))
		return ERR_PTR(-EINVAL);
	if (!iobmd_dma_is_allowed(view, direction))
		return ERR_PTR(-EACCES);
	mapping = kzalloc(sizeof(*mapping), IOBMD_GFP_TABLE);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mapping->dev = dev;
	mapping->direction = direction;
	err = iobmd_dma_alloc_table(&mapping->sgt, view, offset, length, dev);
	if (err)
		goto err_free;
	err = dma_map_sgtable(dev, &mapping->sgt, direction, DMA_ATTR_SKIP_CPU_SYNC);
	if (err)
		goto err_free_table;
	iobmd_dma_sync_for_device(mapping);
	return mapping;

err_free_table:
	sg_free_table(&mapping->sgt);
err_free:
	kfree(mapping);
	return ERR_PTR(err);
}

void iobmd_dma_unmap(struct iobmd_dma_mapping *mapping)
{
	iobmd_dma_sync_for_cpu(mapping);
	dma_unmap_sgtable(mapping->dev, &mapping->sgt, mapping->direction,
			  DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(&mapping->sgt);
	kfree(mapping);
}
