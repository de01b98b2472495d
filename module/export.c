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
#include <linux/personality.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

/* The argument of MODULE_IMPORT_NS() was no string once. */
MODULE_INFO(import_ns, "DMA_BUF");

/* What an export takes beside its descriptor, in bytes. */
#define IOBMD_EXPORT_BYTES	(sizeof(struct iobmd_dmabuf) + sizeof(struct dma_buf) + \
				 sizeof(struct inode) + sizeof(struct dentry) +	\
				 sizeof(struct file))

/**
 * struct iobmd_dmabuf - what a dma-buf of ours is
 * @file: The descriptor of the window. The export counts for its account.
 * @lock: Protects @mappings. Nests in the reservation lock.
 * @mappings: Of struct iobmd_dma_mapping: what importers have mapped.
 */
struct iobmd_dmabuf {
	struct file *file;
	struct mutex lock;
	struct list_head mappings;
};

static struct sg_table *iobmd_dmabuf_map(struct dma_buf_attachment *attachment,
					 enum dma_data_direction direction)
{
	struct iobmd_dmabuf *export = attachment->dmabuf->priv;
	struct iobmd_dma_mapping *mapping;

	mapping = iobmd_dma_map(iobmd_descriptor_view(export->file), 0,
				attachment->dmabuf->size, attachment->dev,
				direction);
	if (IS_ERR(mapping))
		return ERR_CAST(mapping);

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
	iobmd_dma_unmap(mapping);
}

static int iobmd_dmabuf_begin_cpu_access(struct dma_buf *dmabuf,
					 enum dma_data_direction direction)
{
	struct iobmd_dmabuf *export = dmabuf->priv;
	struct iobmd_dma_mapping *mapping;

	mutex_lock(&export->lock);
	list_for_each_entry(mapping, &export->mappings, node)
		iobmd_dma_sync_for_cpu(mapping);
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
		iobmd_dma_sync_for_device(mapping);
	mutex_unlock(&export->lock);
	return 0;
}

/*
 * A buffer is not executed. Our own files are on a mount that forbids it, where the
 * core does not add the right for a process with READ_IMPLIES_EXEC either; on that of
 * dma-bufs it does, and such a process cannot be told from one that has asked.
 *
 * The core has counted a writable mapping for the file that was mapped, that of the
 * dma-buf or of its importer, and counts it for ours when this has returned. The seal
 * against writing does not come in between, as an export that may write counts as a
 * writable mapping for as long as it lives.
 */
static int iobmd_dmabuf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct iobmd_dmabuf *export = dmabuf->priv;
	int err;

	if (vma->vm_flags & VM_EXEC && !(current->personality & READ_IMPLIES_EXEC))
		return -EPERM;
	vm_flags_clear(vma, VM_EXEC | VM_MAYEXEC);
	err = export->file->f_op->mmap(export->file, vma);
	if (!err)
		vma_set_file(vma, export->file);
	return err;
}

static int iobmd_dmabuf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct iobmd_dmabuf *export = dmabuf->priv;
	const struct iobmd_view *view = iobmd_descriptor_view(export->file);
	void *address = iobmd_view_vmap(view, dmabuf->size);

	/* No test comes here: the core warns of a failure. */
	if (IS_ERR(address))
		return PTR_ERR(address);
	iosys_map_set_vaddr(map, address);
	return 0;
}

static void iobmd_dmabuf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

static struct iobmd_account *iobmd_export_account(struct file *file)
{
	return iobmd_descriptor_view(file)->account;
}

static void iobmd_dmabuf_free(struct iobmd_dmabuf *export)
{
	iobmd_account_uncharge_object(iobmd_export_account(export->file), IOBMD_EXPORT_BYTES);
	iobmd_descriptor_put(export->file);
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

/* No ->vmap(): its mapping may be written, and the core warns if it returns an error. */
static const struct dma_buf_ops iobmd_dmabuf_read_only_ops = {
	.map_dma_buf		= iobmd_dmabuf_map,
	.unmap_dma_buf		= iobmd_dmabuf_unmap,
	.begin_cpu_access	= iobmd_dmabuf_begin_cpu_access,
	.end_cpu_access		= iobmd_dmabuf_end_cpu_access,
	.mmap			= iobmd_dmabuf_mmap,
	.release		= iobmd_dmabuf_release,
};

static struct file *iobmd_export_window(struct file *parent,
					const struct iobmd_export *args)
{
	struct iobmd_window window = {
		.offset	= args->offset,
		.length	= args->length,
		.rights	= IOBMD_RIGHTS_ALL,
	};
	int err;

	err = iobmd_view_check_range(iobmd_descriptor_view(parent), args->offset,
				     &window.length);
	if (err)
		return ERR_PTR(err);
	if (args->flags & IOBMD_EXPORT_F_READ_ONLY)
		window.rights = IOBMD_RIGHT_READ;
	return iobmd_descriptor_get(parent, &window);
}

/* Takes over @file, also when it fails. */
static struct iobmd_dmabuf *iobmd_dmabuf_alloc(struct file *file)
{
	struct iobmd_account *account = iobmd_export_account(file);
	struct iobmd_dmabuf *export;
	int err;

	err = iobmd_account_charge_object(account, IOBMD_EXPORT_BYTES);
	if (err)
		goto err_put_file;
	export = kzalloc(sizeof(*export), IOBMD_GFP_OBJECT);
	if (!export) {
		err = -ENOMEM;
		goto err_uncharge;
	}
	export->file = file;
	mutex_init(&export->lock);
	INIT_LIST_HEAD(&export->mappings);
	return export;

err_uncharge:
	iobmd_account_uncharge_object(account, IOBMD_EXPORT_BYTES);
err_put_file:
	iobmd_descriptor_put(file);
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
	bool writable;

	file = iobmd_export_window(file, args);
	if (IS_ERR(file))
		return ERR_CAST(file);
	export = iobmd_dmabuf_alloc(file);
	if (IS_ERR(export))
		return ERR_CAST(export);

	writable = file->f_mode & FMODE_WRITE;
	info.ops = writable ? &iobmd_dmabuf_ops : &iobmd_dmabuf_read_only_ops;
	info.size = PAGE_ALIGN(iobmd_view_size(iobmd_descriptor_view(file)));
	info.flags = writable ? O_RDWR : O_RDONLY;
	info.priv = export;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		iobmd_dmabuf_free(export);
	return dmabuf;
}
