// SPDX-License-Identifier: GPL-2.0
/*
 * The pseudo filesystem of buffers: its mount and superblock, and what the VFS calls for
 * their inodes and dentries. The ->d_fsdata of a dentry is the view of its descriptor.
 */

#include <linux/blk_types.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/stat.h>
#include <linux/string.h>

#include "internal.h"

#define IOBMD_MAGIC	0x696f626d	/* "iobm" */

/*
 * ftruncate(2) is RESIZE. No other attribute can be changed: not by fchmod(2),
 * fchown(2) or utimensat(2), nor by truncate(2) of the path in /proc, which needs no
 * descriptor. O_TRUNC has no effect, as for a block device: a buffer does not grow by
 * writes, so a program that truncates a file before writing it could write nothing.
 *
 * The VFS holds the inode lock, which protects nothing here. A task that waits for it
 * cannot be killed, and a RESIZE may take long, so drop it meanwhile.
 */
static int iobmd_inode_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
			       struct iattr *attr)
{
	const unsigned int ftruncate = ATTR_SIZE | ATTR_FILE;
	int err;

	if (attr->ia_valid & ATTR_OPEN)
		return 0;
	if ((attr->ia_valid & ftruncate) != ftruncate)
		return -EPERM;
	inode_unlock(d_inode(dentry));
	err = iobmd_view_resize(dentry->d_fsdata, attr->ia_size);
	inode_lock(d_inode(dentry));
	return err;
}

/* The size is that of the descriptor's view, not that of the memory in the page cache. */
static int iobmd_inode_getattr(struct mnt_idmap *idmap, const struct path *path,
			       struct kstat *stat, u32 request_mask,
			       unsigned int flags)
{
	const struct iobmd_view *view = path->dentry->d_fsdata;
	struct inode *inode = d_inode(path->dentry);
	u64 allocated = view->is_window ? PAGE_ALIGN(view->size) : i_size_read(inode);

	generic_fillattr(idmap, request_mask, inode, stat);
	if (!(view->rights & IOBMD_RIGHT_WRITE))
		stat->mode &= ~0222;
	stat->size = iobmd_view_size(view);
	stat->blocks = allocated >> SECTOR_SHIFT;
	return 0;
}

const struct inode_operations iobmd_inode_operations = {
	.getattr	= iobmd_inode_getattr,
	.setattr	= iobmd_inode_setattr,
};

/*
 * /dev/iobmd:ID or /dev/iobmd:ID:NAME, then "(deleted)" as simple_dname() appends it,
 * which modules cannot call. The name begins with /dev because programs that look for
 * deleted libraries skip that directory.
 */
static char *iobmd_dentry_name(struct dentry *dentry, char *text, int size)
{
	struct iobmd_buffer *buffer = d_inode(dentry)->i_private;
	char name[IOBMD_NAME_ESCAPED], shown[IOBMD_NAME_ESCAPED + 48];
	int length;

	iobmd_buffer_escape_name(buffer, name);
	length = scnprintf(shown, sizeof(shown), "/dev/iobmd:%llu%s%s (deleted)",
			   buffer->id, *name ? ":" : "", name) + 1;
	if (length > size)
		return ERR_PTR(-ENAMETOOLONG);
	return memcpy(text + size - length, shown, length);
}

/* The dentry has no view if its file could not be created. */
static void iobmd_dentry_release(struct dentry *dentry)
{
	iobmd_view_free(dentry->d_fsdata);
}

static const struct dentry_operations iobmd_dentry_operations = {
	.d_dname	= iobmd_dentry_name,
	.d_release	= iobmd_dentry_release,
};

static const struct super_operations iobmd_super_operations = {
	.statfs		= simple_statfs,
	.drop_inode	= inode_just_drop,
	.evict_inode	= iobmd_buffer_evict,
};

static int iobmd_init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, IOBMD_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->ops = &iobmd_super_operations;
	ctx->dops = &iobmd_dentry_operations;
	fc->s_iflags |= SB_I_NOEXEC;
	return 0;
}

static struct file_system_type iobmd_fs_type = {
	.owner			= THIS_MODULE,
	.name			= "iobmd",
	.init_fs_context	= iobmd_init_fs_context,
	.kill_sb		= kill_anon_super,
};

/*
 * The mount of new buffers. Every open file of /dev/iobmd pins it, every buffer pins
 * its superblock, and the superblock pins the module. So the module can be unloaded
 * only after the last of them is gone, when none of its code is running.
 */
struct vfsmount *iobmd_mnt;
static int iobmd_mnt_count;

int iobmd_mnt_pin(void)
{
	return simple_pin_fs(&iobmd_fs_type, &iobmd_mnt, &iobmd_mnt_count);
}

void iobmd_mnt_unpin(void)
{
	simple_release_fs(&iobmd_mnt, &iobmd_mnt_count);
}
