// SPDX-License-Identifier: GPL-2.0
/*
 * An export: a dma-buf over a range of a buffer.
 *
 * It has a descriptor of its own, a window that no process sees. That keeps the
 * buffer alive and in one piece up to the window's end, and becomes the file of
 * what is mapped through the dma-buf: such a mapping is like any other.
 */

#include <linux/dma-buf.h>
#include <linux/dma-direction.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/iosys-map.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

MODULE_IMPORT_NS(DMA_BUF);

/**
 * struct iobmd_dmabuf - what a dma-buf of ours is
 * @file: The descriptor of the window.
 * @pages: All pages of the window, in order. They stay, as the window does.
 * @nr_pages: How many.
 * @lock: Protects @mappings. Nests in the reservation lock.
 * @mappings: Of struct iobmd_dma_mapping.
 */
struct iobmd_dmabuf {
	struct file *file;
	struct page **pages;
	unsigned long nr_pages;
	struct mutex lock;
	struct list_head mappings;
};

/**
 * struct iobmd_dma_mapping - what an importer has mapped for its device
 * @node: In the mappings of the dma-buf.
 * @sgt: What the importer gets.
 * @dev: Its device.
 * @direction: As asked for.
 */
struct iobmd_dma_mapping {
	struct list_head node;
	struct sg_table sgt;
	struct device *dev;
	enum dma_data_direction direction;
};

static bool iobmd_dmabuf_allows(const struct iobmd_dmabuf *export,
				enum dma_data_direction direction)
{
	const struct iobmd_view *view = iobmd_descriptor_view(export->file);
	bool in = direction == DMA_FROM_DEVICE || direction == DMA_BIDIRECTIONAL;
	bool out = direction == DMA_TO_DEVICE || direction == DMA_BIDIRECTIONAL;

	if (in && !(view->rights & IOBMD_RIGHT_WRITE))
		return false;
	return (!in || view->buffer->direction & IOBMD_DIRECTION_IN) &&
	       (!out || view->buffer->direction & IOBMD_DIRECTION_OUT);
}

static int iobmd_dma_mapping_init(struct iobmd_dma_mapping *mapping,
				  const struct iobmd_dmabuf *export)
{
	unsigned int max = dma_get_max_seg_size(mapping->dev);
	int err;

	err = sg_alloc_table_from_pages_segment(&mapping->sgt, export->pages,
						export->nr_pages, 0,
						export->nr_pages << PAGE_SHIFT,
						max, GFP_KERNEL);
	if (err)
		return err;
	err = dma_map_sgtable(mapping->dev, &mapping->sgt, mapping->direction, 0);
	if (err)
		sg_free_table(&mapping->sgt);
	return err;
}

static struct sg_table *iobmd_dmabuf_map(struct dma_buf_attachment *attachment,
					 enum dma_data_direction direction)
{
	struct iobmd_dmabuf *export = attachment->dmabuf->priv;
	struct iobmd_dma_mapping *mapping;
	int err;

	if (!iobmd_dmabuf_allows(export, direction))
		return ERR_PTR(-EACCES);
	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mapping->dev = attachment->dev;
	mapping->direction = direction;
	err = iobmd_dma_mapping_init(mapping, export);
	if (err) {
		kfree(mapping);
		return ERR_PTR(err);
	}

	mutex_lock(&export->lock);
	list_add(&mapping->node, &export->mappings);
	mutex_unlock(&export->lock);
	return &mapping->sgt;
}

static void iobmd_dmabuf_unmap(struct dma_buf_attachment *attachment,
			       struct sg_table *sgt,
			       enum dma_data_direction direction)
{
	struct iobmd_dmabuf *export = attachment->dmabuf->priv;
	struct iobmd_dma_mapping *mapping =
		container_of(sgt, struct iobmd_dma_mapping, sgt);

	mutex_lock(&export->lock);
	list_del(&mapping->node);
	mutex_unlock(&export->lock);
	dma_unmap_sgtable(mapping->dev, sgt, mapping->direction, 0);
	sg_free_table(sgt);
	kfree(mapping);
}

static int iobmd_dmabuf_begin_cpu_access(struct dma_buf *dmabuf,
					 enum dma_data_direction direction)
{
	struct iobmd_dmabuf *export = dmabuf->priv;
	struct iobmd_dma_mapping *mapping;

	mutex_lock(&export->lock);
	list_for_each_entry(mapping, &export->mappings, node)
		dma_sync_sgtable_for_cpu(mapping->dev, &mapping->sgt,
					 mapping->direction);
	mutex_unlock(&export->lock);
	return 0;
}

static int iobmd_dmabuf_end_cpu_access(struct dma_buf *dmabuf,
				       enum dma_data_direction direction)
{
	struct iobmd_dmabuf *export = dmabuf->priv;
	struct iobmd_dma_mapping *mapping;

	mutex_lock(&export->lock);
	list_for_each_entry(mapping, &export->mappings, node)
		dma_sync_sgtable_for_device(mapping->dev, &mapping->sgt,
					    mapping->direction);
	mutex_unlock(&export->lock);
	return 0;
}

static int iobmd_dmabuf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct iobmd_dmabuf *export = dmabuf->priv;
	int err;

	err = export->file->f_op->mmap(export->file, vma);
	if (!err)
		vma_set_file(vma, export->file);
	return err;
}

static int iobmd_dmabuf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct iobmd_dmabuf *export = dmabuf->priv;
	void *address;

	if (!iobmd_dmabuf_allows(export, DMA_BIDIRECTIONAL))
		return -EACCES;
	address = vmap(export->pages, export->nr_pages, VM_MAP, PAGE_KERNEL);
	if (!address)
		return -ENOMEM;
	iosys_map_set_vaddr(map, address);
	return 0;
}

static void iobmd_dmabuf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

static void iobmd_dmabuf_free(struct iobmd_dmabuf *export)
{
	const struct iobmd_view *view = iobmd_descriptor_view(export->file);

	if (view->rights & IOBMD_RIGHT_WRITE)
		mapping_unmap_writable(view->buffer->inode->i_mapping);
	fput(export->file);
	kvfree(export->pages);
	kfree(export);
}

static void iobmd_dmabuf_release(struct dma_buf *dmabuf)
{
	iobmd_dmabuf_free(dmabuf->priv);
}

static const struct dma_buf_ops iobmd_dmabuf_ops = {
	.map_dma_buf		= iobmd_dmabuf_map,
	.unmap_dma_buf		= iobmd_dmabuf_unmap,
	.begin_cpu_access	= iobmd_dmabuf_begin_cpu_access,
	.end_cpu_access		= iobmd_dmabuf_end_cpu_access,
	.mmap			= iobmd_dmabuf_mmap,
	.vmap			= iobmd_dmabuf_vmap,
	.vunmap			= iobmd_dmabuf_vunmap,
	.release		= iobmd_dmabuf_release,
};

static struct file *iobmd_export_window(struct file *parent,
					const struct iobmd_export *args)
{
	struct iobmd_derive window = {
		.flags	= IOBMD_DERIVE_F_WINDOW,
		.offset	= args->offset,
		.length	= args->length,
	};
	int err;

	err = iobmd_view_check_range(iobmd_descriptor_view(parent), args->offset,
				     &window.length);
	if (err)
		return ERR_PTR(err);
	if (args->flags & IOBMD_EXPORT_F_READ_ONLY)
		window.flags |= IOBMD_DERIVE_F_READ_ONLY;
	return iobmd_descriptor_derive(parent, &window);
}

static int iobmd_dmabuf_find_pages(struct iobmd_dmabuf *export)
{
	const struct iobmd_view *view = iobmd_descriptor_view(export->file);
	pgoff_t first = view->offset >> PAGE_SHIFT;
	unsigned long i;

	export->nr_pages = DIV_ROUND_UP_ULL(view->size, PAGE_SIZE);
	export->pages = kvmalloc_array(export->nr_pages, sizeof(*export->pages),
				       GFP_KERNEL_ACCOUNT);
	if (!export->pages)
		return -ENOMEM;
	for (i = 0; i < export->nr_pages; i++) {
		struct folio *folio = iobmd_memory_folio(view->buffer, first + i);

		export->pages[i] = folio_file_page(folio, first + i);
	}
	return 0;
}

/* Takes over @file, also when it fails. */
static struct iobmd_dmabuf *iobmd_dmabuf_alloc(struct file *file)
{
	const struct iobmd_view *view = iobmd_descriptor_view(file);
	struct iobmd_dmabuf *export = kzalloc(sizeof(*export), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!export)
		goto err_fput;
	export->file = file;
	mutex_init(&export->lock);
	INIT_LIST_HEAD(&export->mappings);

	/* It counts as a writable mapping, for the seal against writing. */
	if (view->rights & IOBMD_RIGHT_WRITE) {
		err = mapping_map_writable(view->buffer->inode->i_mapping);
		if (err)
			goto err_free;
	}
	err = iobmd_dmabuf_find_pages(export);
	if (err) {
		iobmd_dmabuf_free(export);
		return ERR_PTR(err);
	}
	return export;

err_free:
	kfree(export);
err_fput:
	fput(file);
	return ERR_PTR(err);
}

/**
 * iobmd_export_create - make a dma-buf
 * @file: The descriptor to export from. The caller holds a reference.
 * @args: What user space asks for, size and flags already checked.
 *
 * Return: the dma-buf, or an ERR_PTR.
 */
struct dma_buf *iobmd_export_create(struct file *file,
				    const struct iobmd_export *args)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct iobmd_dmabuf *export;
	struct dma_buf *dmabuf;

	file = iobmd_export_window(file, args);
	if (IS_ERR(file))
		return ERR_CAST(file);
	export = iobmd_dmabuf_alloc(file);
	if (IS_ERR(export))
		return ERR_CAST(export);

	info.ops = &iobmd_dmabuf_ops;
	info.size = export->nr_pages << PAGE_SHIFT;
	info.flags = file->f_mode & FMODE_WRITE ? O_RDWR : O_RDONLY;
	info.priv = export;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		iobmd_dmabuf_free(export);
	return dmabuf;
}
