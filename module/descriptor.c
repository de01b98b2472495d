// SPDX-License-Identifier: GPL-2.0
/* A descriptor: the file through which a process uses a buffer. */

#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/mount.h>
#include <linux/seq_file.h>

#include "internal.h"

/* The only check of a range to map, in whole pages. */
int iobmd_descriptor_check_map(const struct file *file, u64 offset, u64 length)
{
	u64 end = PAGE_ALIGN(iobmd_view_size(iobmd_descriptor_view(file)));

	if (!length || offset >= end || length > end - offset)
		return -EINVAL;
	return 0;
}

static int iobmd_descriptor_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct iobmd_view *view = iobmd_descriptor_view(file);
	int err;

	/*
	 * A private mapping is allowed only if it can never be written: copy-on-write
	 * would replace pages of the buffer by private ones. (VM_SHARED cannot be
	 * tested here: a shared mapping of a read-only descriptor lacks it.)
	 */
	if (!(vma->vm_flags & VM_MAYSHARE) &&
	    (view->rights & IOBMD_RIGHT_WRITE || vma->vm_flags & VM_WRITE))
		return -EINVAL;
	err = iobmd_descriptor_check_map(file, (u64)vma->vm_pgoff << PAGE_SHIFT,
					 vma->vm_end - vma->vm_start);
	if (err)
		return err;

	/* dma_buf_mmap() by an importer does not check the mode of this file. */
	if (!(view->rights & IOBMD_RIGHT_WRITE)) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
	}

	/* The core already counts this mapping as writable if it may become so. */
	if (iobmd_buffer_is_write_sealed(view->buffer)) {
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		vm_flags_clear(vma, VM_MAYWRITE);
	}

	/* Keeps mremap(2) and merged mappings inside the window. */
	if (view->is_window)
		vm_flags_set(vma, VM_DONTEXPAND);
	vma->vm_pgoff += view->offset >> PAGE_SHIFT;
	vma->vm_ops = view->buffer->composite ? &iobmd_composite_vm_ops :
						&iobmd_vm_ops;
	return 0;
}

/* Chooses an address at which huge pages can be mapped, wherever the window begins. */
static unsigned long iobmd_descriptor_get_unmapped_area(struct file *file,
							unsigned long address,
							unsigned long length,
							unsigned long pgoff,
							unsigned long flags)
{
	pgoff += iobmd_descriptor_view(file)->offset >> PAGE_SHIFT;
	return thp_get_unmapped_area(file, address, length, pgoff, flags);
}

static void iobmd_descriptor_show_fdinfo(struct seq_file *m, struct file *file)
{
	const struct iobmd_view *view = iobmd_descriptor_view(file);
	struct iobmd_get_info info;

	iobmd_view_get_info(view, &info);
	seq_printf(m, "iobmd-id:\t%llu\n", info.id);
	seq_puts(m, "name:\t");
	iobmd_buffer_show_name(m, view->buffer);
	seq_putc(m, '\n');
	seq_printf(m, "capacity:\t%llu\n", info.capacity);
	seq_printf(m, "length:\t%llu\n", info.length);
	seq_printf(m, "allocated:\t%llu\n", info.allocated);
	seq_printf(m, "huge_bytes:\t%llu\n", info.huge_bytes);
	seq_printf(m, "rights:\t%c%c%c\n",
		   info.rights & IOBMD_RIGHT_READ ? 'r' : '-',
		   info.rights & IOBMD_RIGHT_WRITE ? 'w' : '-',
		   info.rights & IOBMD_RIGHT_RESIZE ? 's' : '-');
	seq_printf(m, "seals:\t%#x\n", info.seals);
}

/* Makes @file show @view, which is freed with its dentry. */
static void iobmd_descriptor_attach(struct file *file, struct iobmd_view *view)
{
	file->private_data = view;
	file->f_path.dentry->d_fsdata = view;
}

static struct iobmd_view *iobmd_descriptor_open_view(const struct file *file)
{
	const struct iobmd_view *parent = file->f_path.dentry->d_fsdata;
	struct iobmd_window window = { .rights = IOBMD_RIGHTS_ALL };

	if (!(file->f_mode & FMODE_WRITE))
		window.rights = IOBMD_RIGHT_READ;
	else if (!(parent->rights & IOBMD_RIGHT_WRITE))
		return ERR_PTR(-EACCES);
	return iobmd_view_derive(parent, &window);
}

/* Takes over @view; on failure, leaves it and @file unchanged. */
static int iobmd_descriptor_open_as(struct file *file, struct iobmd_view *view)
{
	struct iobmd_composite *composite = view->buffer->composite;
	struct inode *inode = view->buffer->inode;
	struct dentry *dentry;

	/* A path may outlive the parts of a composite. */
	if (composite && !iobmd_composite_tryget(composite))
		return -ENXIO;
	dentry = d_alloc_anon(inode->i_sb);
	if (!dentry) {
		if (composite)
			iobmd_composite_put(composite);
		return -ENOMEM;
	}
	ihold(inode);
	d_instantiate(dentry, inode);
	swap(iobmd_file_path(file)->dentry, dentry);
	dput(dentry);
	iobmd_descriptor_attach(file, view);
	return 0;
}

/*
 * Opens a link to a descriptor in /proc/PID/fd, like DERIVE from it; read-only unless
 * opened for writing. The VFS opens the dentry of that descriptor. If this file kept
 * it, opening this file's own link would derive from the other descriptor again, with
 * rights that this file lacks. So this file gets a dentry of its own before it becomes
 * visible.
 */
static int iobmd_descriptor_open(struct inode *inode, struct file *file)
{
	struct iobmd_view *view = iobmd_descriptor_open_view(file);
	int err;

	if (IS_ERR(view))
		return PTR_ERR(view);
	err = iobmd_descriptor_open_as(file, view);
	if (err) {
		iobmd_view_put_hold(view);
		iobmd_view_free(view);
	}
	return err;
}

static int iobmd_descriptor_release(struct inode *inode, struct file *file)
{
	struct iobmd_view *view = file->private_data;

	iobmd_view_put_hold(view);
	if (view->buffer->composite)
		iobmd_composite_put(view->buffer->composite);
	return 0;
}

/*
 * No .owner: opening and closing such a file needs no module reference. The file holds
 * its mount, the mount the superblock, and the superblock the module.
 */
static const struct file_operations iobmd_descriptor_fops = {
	.open			= iobmd_descriptor_open,
	.llseek			= iobmd_llseek,
	.fsync			= noop_fsync,
	.fallocate		= iobmd_fallocate,
	.read_iter		= iobmd_read_iter,
	.write_iter		= iobmd_write_iter,
	.splice_read		= iobmd_splice_read,
	.splice_write		= iter_file_splice_write,
	.mmap			= iobmd_descriptor_mmap,
	.get_unmapped_area	= iobmd_descriptor_get_unmapped_area,
	.unlocked_ioctl		= iobmd_descriptor_ioctl,
	.compat_ioctl		= compat_ptr_ioctl,
	.show_fdinfo		= iobmd_descriptor_show_fdinfo,
	.setlease		= simple_nosetlease,
	.release		= iobmd_descriptor_release,
};

bool iobmd_descriptor_is(const struct file *file)
{
	return file->f_op == &iobmd_descriptor_fops;
}

/* Takes over @view and a reference to the inode of its buffer; takes over neither on failure. */
static struct file *iobmd_descriptor_alloc(struct iobmd_view *view,
					   struct vfsmount *mnt)
{
	int flags = view->rights & IOBMD_RIGHT_WRITE ? O_RDWR : O_RDONLY;
	struct file *file;

	/* Without O_LARGEFILE, ftruncate(2) is limited to 2 GiB. */
	file = alloc_file_pseudo(view->buffer->inode, mnt, "iobmd", flags | O_LARGEFILE,
				 &iobmd_descriptor_fops);
	if (IS_ERR(file))
		return file;
	/*
	 * As open(2) sets them for a regular file. A read(2) that stalls, for example
	 * in a page that userfaultfd handles, blocks other users of the file position,
	 * as it does for every file; pread(2) does not.
	 */
	file->f_mode |= FMODE_PREAD | FMODE_PWRITE | FMODE_ATOMIC_POS;
	iobmd_descriptor_attach(file, view);
	if (view->buffer->composite)
		iobmd_composite_get(view->buffer->composite);
	return file;
}

/**
 * iobmd_descriptor_create - create the first descriptor of a buffer
 * @buffer: The new buffer, with the only reference to its inode, which the file
 *	takes over.
 * @rights: An or of enum iobmd_rights.
 * @mnt: The mount of the superblock that it lives on; pinned by the caller.
 *
 * Return: a file, or an ERR_PTR, in which case the buffer is freed.
 */
struct file *iobmd_descriptor_create(struct iobmd_buffer *buffer, u32 rights,
				     struct vfsmount *mnt)
{
	struct iobmd_view *view;
	struct file *file;

	/* These are reachable only through a file, and this is the first. */
	buffer->inode->i_op = &iobmd_inode_operations;
	buffer->inode->i_fop = &iobmd_descriptor_fops;
	view = iobmd_view_create(buffer, rights);
	if (IS_ERR(view)) {
		file = ERR_CAST(view);
		goto err_iput;
	}
	/* Check again: allocating the memory of the buffer may have used up the cgroup. */
	if (!iobmd_cgroup_has_room()) {
		file = ERR_PTR(-ENOMEM);
		goto err_free_view;
	}
	file = iobmd_descriptor_alloc(view, mnt);
	if (IS_ERR(file))
		goto err_free_view;
	return file;

err_free_view:
	iobmd_view_free(view);
err_iput:
	iput(buffer->inode);
	return file;
}

/**
 * iobmd_descriptor_derive - create a descriptor with a smaller window or fewer rights
 * @parent: The descriptor to derive from. The caller holds a reference.
 * @window: What it shows, and its rights.
 *
 * Return: a file, or an ERR_PTR.
 */
struct file *iobmd_descriptor_derive(struct file *parent,
				     const struct iobmd_window *window)
{
	struct iobmd_view *view;
	struct file *file;

	view = iobmd_view_derive(iobmd_descriptor_view(parent), window);
	if (IS_ERR(view))
		return ERR_CAST(view);
	ihold(view->buffer->inode);
	file = iobmd_descriptor_alloc(view, parent->f_path.mnt);
	if (IS_ERR(file)) {
		iobmd_view_put_hold(view);
		iput(view->buffer->inode);
		iobmd_view_free(view);
	}
	return file;
}

/**
 * iobmd_descriptor_get - derive a descriptor for the kernel's own use
 * @parent: The descriptor to derive from. The caller holds a reference.
 * @window: What it shows, and its rights.
 *
 * A driver or an importer maps the memory for a device or into the kernel, which the page
 * cache does not see. So the descriptor counts as a writable mapping if it may write.
 *
 * Return: a file, to give to iobmd_descriptor_put(), or an ERR_PTR.
 */
struct file *iobmd_descriptor_get(struct file *parent, const struct iobmd_window *window)
{
	struct file *file = iobmd_descriptor_derive(parent, window);
	int err;

	if (IS_ERR(file))
		return file;
	err = iobmd_view_get_writer(iobmd_descriptor_view(file));
	if (err) {
		fput(file);
		return ERR_PTR(err);
	}
	return file;
}

void iobmd_descriptor_put(struct file *file)
{
	iobmd_view_put_writer(iobmd_descriptor_view(file));
	fput(file);
}
