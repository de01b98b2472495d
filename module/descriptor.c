// SPDX-License-Identifier: GPL-2.0
/* A descriptor: the file that stands for a buffer in a process. */

#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/mount.h>
#include <linux/seq_file.h>

#include "internal.h"

/* The one check of a range to map: whole pages count. */
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
	 * A private mapping is for those who never write to it: a page of their own
	 * in the place of the buffer's would be no mapping of the buffer. (VM_SHARED
	 * would be missing for a descriptor that is read-only.)
	 */
	if (!(vma->vm_flags & VM_MAYSHARE) &&
	    (view->rights & IOBMD_RIGHT_WRITE || vma->vm_flags & VM_WRITE))
		return -EINVAL;
	err = iobmd_descriptor_check_map(file, (u64)vma->vm_pgoff << PAGE_SHIFT,
					 vma->vm_end - vma->vm_start);
	if (err)
		return err;

	/* An importer of an export has not looked at the mode of its file. */
	if (!(view->rights & IOBMD_RIGHT_WRITE)) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
	}

	/* The core has counted a mapping that may become writable as one. */
	if (iobmd_buffer_is_write_sealed(view->buffer)) {
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		vm_flags_clear(vma, VM_MAYWRITE);
	}

	/* So that neither mremap(2) nor a merge of mappings leads out of it. */
	if (view->is_window)
		vm_flags_set(vma, VM_DONTEXPAND);
	vma->vm_pgoff += view->offset >> PAGE_SHIFT;
	vma->vm_ops = view->buffer->composite ? &iobmd_composite_vm_ops :
						&iobmd_vm_ops;
	return 0;
}

/* An address that fits the huge pages, wherever a window begins. */
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

/* @file now shows @view, which goes with its dentry. */
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

/* Takes over @view, or fails and leaves @file as it is. */
static int iobmd_descriptor_open_as(struct file *file, struct iobmd_view *view)
{
	struct iobmd_composite *composite = view->buffer->composite;
	struct inode *inode = view->buffer->inode;
	struct dentry *dentry;

	/* The path may be all that is left of a composite. */
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
 * Opens a link to a descriptor in /proc/PID/fd: as DERIVE from it, read-only unless
 * opened for writing. The VFS has opened the dentry of that descriptor, and gives it to
 * all who open the link of this file in turn: they would get the rights that are not
 * given here. So this file gets a dentry of its own, before any other can see it.
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
 * No .owner: such a file begins and ends without a word to the module loader.
 * It holds its mount, that the superblock, and that the module.
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
	.release		= iobmd_descriptor_release,
};

bool iobmd_descriptor_is(const struct file *file)
{
	return file->f_op == &iobmd_descriptor_fops;
}

/* Takes over @view and a reference to the inode of its buffer, or fails. */
static struct file *iobmd_descriptor_alloc(struct iobmd_view *view,
					   struct vfsmount *mnt)
{
	int flags = view->rights & IOBMD_RIGHT_WRITE ? O_RDWR : O_RDONLY;
	struct file *file;

	/* Without O_LARGEFILE ftruncate(2) goes up to 2 GiB. */
	file = alloc_file_pseudo(view->buffer->inode, mnt, "iobmd", flags | O_LARGEFILE,
				 &iobmd_descriptor_fops);
	if (IS_ERR(file))
		return file;
	/*
	 * As open(2) of a regular file would. A read(2) that stalls, as in a page that
	 * userfaultfd keeps away, holds up others that use the position of the same
	 * open file: that is so for every file, and pread(2) does not.
	 */
	file->f_mode |= FMODE_PREAD | FMODE_PWRITE | FMODE_ATOMIC_POS;
	iobmd_descriptor_attach(file, view);
	if (view->buffer->composite)
		iobmd_composite_get(view->buffer->composite);
	return file;
}

/**
 * iobmd_descriptor_create - make the first descriptor of a buffer
 * @buffer: The new buffer, with the only reference to its inode, which the file
 *	takes over.
 * @rights: An or of enum iobmd_rights.
 * @mnt: The mount of the superblock that it lives on; pinned by the caller.
 *
 * Return: a file, or an ERR_PTR, and then the buffer is gone.
 */
struct file *iobmd_descriptor_create(struct iobmd_buffer *buffer, u32 rights,
				     struct vfsmount *mnt)
{
	struct iobmd_view *view;
	struct file *file;

	/* Only a file leads to them, and this is the first. */
	buffer->inode->i_op = &iobmd_inode_operations;
	buffer->inode->i_fop = &iobmd_descriptor_fops;
	view = iobmd_view_create(buffer, rights);
	if (IS_ERR(view)) {
		file = ERR_CAST(view);
		goto err_iput;
	}
	/* Again: the memory of the buffer may have been the last. */
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
 * iobmd_descriptor_derive - make a descriptor that shows and may do less
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
 * Its user maps the memory for a device or for the kernel, which the page cache does not
 * see: so it counts as a writable mapping if it may write.
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
