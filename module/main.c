// SPDX-License-Identifier: GPL-2.0
/*
 * iobmd: shared buffers of kernel memory.
 *
 * The module, its device, and the pseudo filesystem that buffers live on.
 */

#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

#define IOBMD_MAGIC	0x696f626d	/* "iobm" */

static ushort device_mode = 0600;
module_param(device_mode, ushort, 0444);
MODULE_PARM_DESC(device_mode, "Permissions of /dev/iobmd (default 0600)");

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
 * Where new buffers go. Every open file of /dev/iobmd pins it, and every buffer
 * its superblock, which holds the module: so the module can go when the last of
 * them is gone, not earlier, and with no code of ours still running.
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

static int iobmd_device_open(struct inode *inode, struct file *file)
{
	return iobmd_mnt_pin();
}

static int iobmd_device_release(struct inode *inode, struct file *file)
{
	iobmd_mnt_unpin();
	return 0;
}

static const struct file_operations iobmd_device_fops = {
	.owner		= THIS_MODULE,
	.open		= iobmd_device_open,
	.release	= iobmd_device_release,
	.unlocked_ioctl	= iobmd_device_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice iobmd_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "iobmd",
	.fops	= &iobmd_device_fops,
};

static int __init iobmd_init(void)
{
	int err;

	if (device_mode & ~0666)
		return -EINVAL;
	iobmd_device.mode = device_mode;

	iobmd_memory_init();
	err = iobmd_leftover_init();
	if (err)
		return err;
	err = iobmd_batch_init();
	if (err)
		goto err_leftover_exit;
	err = iobmd_reserve_init();
	if (err)
		goto err_batch_exit;
	err = misc_register(&iobmd_device);
	if (err)
		goto err_reserve_exit;
	iobmd_list_init();
	return 0;

err_reserve_exit:
	iobmd_reserve_exit();
err_batch_exit:
	iobmd_batch_exit();
err_leftover_exit:
	iobmd_leftover_exit();
	return err;
}

static void __exit iobmd_exit(void)
{
	iobmd_list_exit();
	misc_deregister(&iobmd_device);
	iobmd_reserve_exit();
	iobmd_batch_exit();
	iobmd_leftover_exit();
	iobmd_account_exit();
	iobmd_memory_exit();
}

module_init(iobmd_init);
module_exit(iobmd_exit);

MODULE_DESCRIPTION("Shared buffers of kernel memory");
MODULE_VERSION(IOBMD_VERSION);
MODULE_LICENSE("GPL");
