// SPDX-License-Identifier: GPL-2.0
/* Physically contiguous runs of a view, and their mapping for a device. */

#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "internal.h"

/**
 * struct iobmd_run - a run that is being put together
 * @address: Where it begins.
 * @length: In bytes; 0 before the first.
 * @limits: What it has to keep.
 * @visit: Called with each when it is complete.
 * @arg: For @visit.
 */
struct iobmd_run {
	phys_addr_t address;
	u64 length;
	struct iobmd_run_limits limits;
	iobmd_visit_run_t visit;
	void *arg;
};

static int iobmd_run_finish(struct iobmd_run *run)
{
	return run->length ? run->visit(run->address, run->length, run->arg) : 0;
}

static bool iobmd_run_goes_on(const struct iobmd_run *run, phys_addr_t address)
{
	return run->address + run->length == address &&
	       run->length < run->limits.max && address & run->limits.boundary;
}

static int iobmd_run_add(struct iobmd_run *run, phys_addr_t address, u64 length)
{
	u64 boundary = run->limits.boundary;
	int ret;

	while (length) {
		u64 n;

		if (!iobmd_run_goes_on(run, address)) {
			ret = iobmd_run_finish(run);
			if (ret)
				return ret;
			run->address = address;
			run->length = 0;
		}
		n = min(length, run->limits.max - run->length);
		n = min(n - 1, boundary - (address & boundary)) + 1;
		run->length += n;
		address += n;
		length -= n;
	}
	return 0;
}

/*
 * Adds what @folio has of @place behind the @length bytes that have been found at
 * @address, unless it lies elsewhere or has a hardware error there.
 */
static bool iobmd_run_extend(const struct iobmd_place *place, struct folio *folio,
			     phys_addr_t *address, u64 *length)
{
	u64 offset = place->offset + *length;
	size_t start = offset_in_folio(folio, offset);
	u64 n = min_t(u64, folio_size(folio) - start, place->length - *length);
	phys_addr_t begin = PFN_PHYS(folio_pfn(folio)) + start;

	if (*length && *address + *length != begin)
		return false;
	if (iobmd_folio_is_bad(folio, offset >> PAGE_SHIFT,
			       PFN_UP(offset_in_page(start) + n)))
		return false;
	if (!*length)
		*address = begin;
	*length += n;
	return true;
}

/*
 * How many of the bytes at @place lie one behind the other in memory, and where; 0
 * if the first folio has a hardware error there. It may be fewer than there are.
 * They stay there, but a folio may be split: by a shrink beyond the caller's hold,
 * which the lock shuts out, or because of a hardware error, which a reference does.
 */
static u64 iobmd_run_find(const struct iobmd_place *place, phys_addr_t *address)
{
	struct iobmd_buffer *buffer = place->buffer;
	XA_STATE(xas, &buffer->inode->i_mapping->i_pages, place->offset >> PAGE_SHIFT);
	pgoff_t last = (place->offset + place->length - 1) >> PAGE_SHIFT;
	struct folio *folio;
	bool more = true;
	u64 length = 0;

	down_read(&buffer->fault_lock);
	rcu_read_lock();
	xas_for_each(&xas, folio, last) {
		pgoff_t index = (place->offset + length) >> PAGE_SHIFT;

		if (xas_retry(&xas, folio))
			continue;
		if (!folio_try_get(folio)) {
			xas_set(&xas, index);
			continue;
		}
		if (folio != xas_reload(&xas) ||
		    index - folio->index >= folio_nr_pages(folio))
			xas_set(&xas, index);
		else
			more = iobmd_run_extend(place, folio, address, &length);
		folio_put(folio);
		if (!more || (length && need_resched()))
			break;
	}
	rcu_read_unlock();
	up_read(&buffer->fault_lock);
	return length;
}

/*
 * Calls @visit for each physically contiguous run, within @limits, in a range of
 * @view, unless there is a page with a hardware error: -EIO. The caller has checked
 * the range and has a hold on it.
 */
int iobmd_view_for_each_run(const struct iobmd_view *view, u64 offset, u64 length,
			    struct iobmd_run_limits limits, iobmd_visit_run_t visit,
			    void *arg)
{
	struct iobmd_run run = { .limits = limits, .visit = visit, .arg = arg };
	int ret;

	while (length) {
		struct iobmd_place place = iobmd_view_find(view, offset, length);
		phys_addr_t address;
		u64 n = iobmd_run_find(&place, &address);

		if (!n)
			return -EIO;
		ret = iobmd_run_add(&run, address, n);
		if (ret)
			return ret;
		offset += n;
		length -= n;
		cond_resched();
	}
	return iobmd_run_finish(&run);
}

bool iobmd_dma_is_allowed(const struct iobmd_view *view,
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
 * How long a segment may be: whole pages, unless the device cannot take one. A
 * device that may need bounce buffers can have no more than one of them is.
 */
static u64 iobmd_dma_max_segment(struct device *dev)
{
	size_t max = min_t(size_t, dma_get_max_seg_size(dev),
			   dma_max_mapping_size(dev));

	return max > PAGE_SIZE ? ALIGN_DOWN(max, PAGE_SIZE) : max;
}

/*
 * The boundary is one of the device's addresses, and these are physical ones.
 * Without an IOMMU they agree on where it lies, but for a bus whose addresses
 * are shifted by less than the boundary. An IOMMU or a bounce buffer puts each
 * segment that is no longer than the boundary is wide where it crosses none.
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
	/* A hardware error since the first walk */
	if (err)
		sg_free_table(sgt);
	return err;
}

/*
 * By the device's addresses alone: an importer's table is not ours while it is
 * mapped, and CONFIG_DMABUF_DEBUG makes its pages unusable. And only where there
 * is something to do: CONFIG_DMA_API_DEBUG does not know one mapping of a place
 * from another.
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
 * The same memory may be mapped more than once at a time, as for two importers.
 * The DMA API wants to be told so: by leaving the syncs to the caller.
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

static int iobmd_vmap_add_run(phys_addr_t address, u64 length, void *arg)
{
	struct page ***next = arg;
	unsigned long pfn = PHYS_PFN(address), end = pfn + (length >> PAGE_SHIFT);

	while (pfn < end)
		*(*next)++ = pfn_to_page(pfn++);
	return 0;
}

/*
 * Maps @size bytes of @view, whole pages, into the kernel, to read and to write;
 * or an ERR_PTR. The caller has a hold on them.
 */
void *iobmd_view_vmap(const struct iobmd_view *view, u64 size)
{
	unsigned long nr = size >> PAGE_SHIFT;
	struct page **pages, **next;
	void *address;
	int err;

	if (!(view->rights & IOBMD_RIGHT_WRITE))
		return ERR_PTR(-EACCES);
	pages = kvmalloc_array(nr, sizeof(*pages), IOBMD_GFP_TABLE);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	next = pages;
	err = iobmd_view_for_each_run(view, 0, size, IOBMD_NO_LIMITS, iobmd_vmap_add_run,
				      &next);
	address = err ? ERR_PTR(err) : vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	return address ?: ERR_PTR(-ENOMEM);
}
