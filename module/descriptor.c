// SPDX-License-Identifier: GPL-2.0
/* A descriptor: the file that stands for a buffer in a process. */

#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/mount.h>
#include <linux/seq_file.h>

#include "internal.h"

struct iobmd_buffer *iobmd_descriptor_buffer(const struct file *file)
{
	return file->private_data;
}

/* The mode of the file says it, and nobody can open the file once more. */
u32 iobmd_descriptor_rights(const struct file *file)
{
	return (file->f_mode & FMODE_READ ? IOBMD_RIGHT_READ : 0) |
	       (file->f_mode & FMODE_WRITE ? IOBMD_RIGHT_WRITE : 0);
}

/* The one check of a range to map: against the length in whole pages. */
int iobmd_descriptor_check_range(struct file *file, u64 offset, u64 length)
{
	struct iobmd_buffer *buffer = iobmd_descriptor_buffer(file);
	u64 end = PAGE_ALIGN(iobmd_buffer_length(buffer));

	if (!length || offset >= end || length > end - offset)
		return -EINVAL;
	return 0;
}

static int iobmd_descriptor_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err;

	/* VM_SHARED would be missing for a descriptor that is read-only. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	err = iobmd_descriptor_check_range(file, (u64)vma->vm_pgoff << PAGE_SHIFT,
					   vma->vm_end - vma->vm_start);
	if (err)
		return err;

	vma->vm_ops = &iobmd_vm_ops;
	return 0;
}

static void iobmd_descriptor_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct iobmd_buffer *buffer = iobmd_descriptor_buffer(file);
	u32 rights = iobmd_descriptor_rights(file);
	char name[IOBMD_NAME_MAX + 1];
	struct iobmd_get_info info;

	iobmd_buffer_get_info(buffer, &info);
	iobmd_buffer_get_name(buffer, name);
	seq_printf(m, "iobmd-id:\t%llu\n", info.id);
	seq_printf(m, "name:\t%s\n", name);
	seq_printf(m, "capacity:\t%llu\n", info.capacity);
	seq_printf(m, "length:\t%llu\n", info.length);
	seq_printf(m, "allocated:\t%llu\n", info.allocated);
	seq_printf(m, "huge:\t%llu\n", info.huge_bytes);
	seq_printf(m, "rights:\t%c%c\n", rights & IOBMD_RIGHT_READ ? 'r' : '-',
		   rights & IOBMD_RIGHT_WRITE ? 'w' : '-');
}

/*
 * No .owner: such a file begins and ends without a word to the module loader.
 * It holds its mount, that the superblock, and that the module.
 */
static const struct file_operations iobmd_descriptor_fops = {
	.mmap			= iobmd_descriptor_mmap,
	.get_unmapped_area	= thp_get_unmapped_area,
	.unlocked_ioctl		= iobmd_descriptor_ioctl,
	.compat_ioctl		= compat_ptr_ioctl,
	.show_fdinfo		= iobmd_descriptor_show_fdinfo,
};

/**
 * iobmd_descriptor_create - make a buffer and its first descriptor
 * @args: What user space asks for, size and flags already checked.
 * @mnt: The mount of the superblock that buffers live on; pinned by the caller.
 *
 * Return: a file with all rights, or an ERR_PTR.
 */
struct file *iobmd_descriptor_create(const struct iobmd_create *args,
				     struct vfsmount *mnt)
{
	struct iobmd_buffer *buffer = iobmd_buffer_create(mnt->mnt_sb, args);
	struct file *file;
	char name[32];

	if (IS_ERR(buffer))
		return ERR_CAST(buffer);

	snprintf(name, sizeof(name), "iobmd:%llu", buffer->id);
	file = alloc_file_pseudo(buffer->inode, mnt, name, O_RDWR,
				 &iobmd_descriptor_fops);
	if (IS_ERR(file)) {
		iput(buffer->inode);
		return file;
	}
	file->private_data = buffer;
	return file;
}
