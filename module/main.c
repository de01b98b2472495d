// SPDX-License-Identifier: GPL-2.0
/*
 * iobmd: shared buffers of kernel memory.
 *
 * The module and its device.
 */

#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "reserve.h"

static ushort device_mode = 0600;
module_param(device_mode, ushort, 0444);
MODULE_PARM_DESC(device_mode, "Permissions of /dev/iobmd (default 0600)");

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
	iobmd_debugfs_init();
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
	iobmd_debugfs_exit();
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
