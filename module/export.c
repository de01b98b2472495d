// SPDX-License-Identifier: GPL-2.0
/*
 * An export: a dma-buf over a range of a buffer.
 *
 * Each export has a window descriptor of its own, which no process sees. It keeps the
 * buffer alive, and its memory in place up to the end of the window. It also becomes
 * the file of mappings made through the dma-buf, which are then like any other.
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

/* MODULE_IMPORT_NS() took a bare identifier before 6.13, and takes a string since. */
MODULE_INFO(import_ns, "DMA_BUF");

/* What an export takes in addition to its descriptor, in bytes. */
#define IOBMD_EXPORT_BYTES	(sizeof(struct iobmd_dmabuf) + sizeof(struct dma_buf) + \
				 sizeof(struct inode) + sizeof(struct dentry) +	\
				 sizeof(struct file))

/**
 * struct iobmd_dmabuf - the private data of an exported dma-buf
 * @file: The descriptor of the window. The export is charged to its account.
 * @lock: Protects @mappings. Nests in the reservation lock.
 * @mappings: Of struct iobmd_dma_mapping: the mappings of all importers.
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
 * Buffers are never executable. Descriptors are on a noexec mount, where the core does
 * not add PROT_EXEC for a process with READ_IMPLIES_EXEC. On the mount of dma-bufs it
 * does, and such a request cannot be told from an explicit PROT_EXEC.
 *
 * The core has counted a writable mapping for the file that was mapped, which is that
 * of the dma-buf or of its importer, and will count one for our file when this function
 * returns. The seal against writing cannot get in between: a writable export counts as
 * a writable mapping for its whole life.
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

	/* No selftest covers this: the core warns if ->vmap() fails. */
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

/* No ->vmap(): the kernel could write through it, and the core warns if ->vmap() fails. */
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

/* Takes over @file, even on failure. */
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
 * iobmd_export_create - create a dma-buf
 * @file: The descriptor to export from. The caller holds a reference.
 * @args: The request of user space, with size and flags already checked.
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
