// SPDX-License-Identifier: GPL-2.0
/*
 * A driver for "edu", QEMU's PCI device for teaching, that uses buffers of iobmd: a
 * process passes the descriptor of a buffer, and the device reads and writes the memory
 * that all processes with that buffer have mapped.
 *
 * The device has 4 KiB of memory and one DMA engine, which copies bytes between that
 * memory and the first 256 MiB of its bus, and cannot be stopped.
 */

#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/iobmd.h>
#include <linux/iopoll.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "iobmd_edu.h"

#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_ACKNOWLEDGE	0x64
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DESTINATION	0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98

#define EDU_DMA_START		BIT(0)
#define EDU_DMA_FROM_DEVICE	BIT(1)
#define EDU_DMA_RAISE_IRQ	BIT(2)
#define EDU_IRQ_DMA		BIT(8)

#define EDU_MEMORY		0x40000
#define EDU_MAX_SEGMENT		4096
#define EDU_ADDRESS_BITS	28

static uint timeout_ms = 2000;
module_param(timeout_ms, uint, 0644);
MODULE_PARM_DESC(timeout_ms, "How long the device may take for a transfer (default 2000)");

static DEFINE_IDA(iobmd_edu_ids);

/**
 * struct iobmd_edu - a device
 * @kref: One reference for the PCI driver while it is bound, and one for each open
 *	file. The struct may outlive the device.
 * @misc: Its node in /dev; removed when the driver is unbound, before the driver's
 *	reference is put.
 * @name: The name of the node.
 * @id: The number in @name.
 * @registers: Mapped while the driver is bound. @pdev is valid as long.
 * @pdev: The PCI device.
 * @done: Completed when the current transfer has ended.
 * @lock: Held for a whole transfer. Protects @error and the open files.
 * @error: What every use of the device returns: 0, -EIO after a time-out, or -ENODEV
 *	once the driver is unbound. While it is 0 and @lock is held, @registers and
 *	@pdev are valid.
 */
struct iobmd_edu {
	struct kref kref;
	struct miscdevice misc;
	char name[24];
	int id;
	void __iomem *registers;
	struct pci_dev *pdev;
	struct completion done;
	struct mutex lock;
	int error;
};

/**
 * struct iobmd_edu_file - an open file
 * @edu: The device, with a reference.
 * @client: The attached buffer, or NULL.
 */
struct iobmd_edu_file {
	struct iobmd_edu *edu;
	struct iobmd_client *client;
};

/* Every argument begins with size and flags. */
union iobmd_edu_argument {
	struct {
		u32 size;
		u32 flags;
	};
	struct iobmd_edu_attach attach;
	struct iobmd_edu_detach detach;
	struct iobmd_edu_transfer transfer;
	struct iobmd_edu_set_eventfd set_eventfd;
};

static void iobmd_edu_free(struct kref *kref)
{
	struct iobmd_edu *edu = container_of(kref, struct iobmd_edu, kref);

	ida_free(&iobmd_edu_ids, edu->id);
	kfree(edu);
}

static irqreturn_t iobmd_edu_irq(int irq, void *arg)
{
	struct iobmd_edu *edu = arg;
	u32 status = readl(edu->registers + EDU_IRQ_STATUS);

	if (!status || PCI_POSSIBLE_ERROR(status))
		return IRQ_NONE;
	writel(status, edu->registers + EDU_IRQ_ACKNOWLEDGE);
	if (status & EDU_IRQ_DMA)
		complete(&edu->done);
	return IRQ_HANDLED;
}

/*
 * One transfer of contiguous bytes; addresses fit 32 bits. A device that does not
 * answer may still start its transfer later. So it loses access to memory, and only
 * then may the caller unmap and free what the device was told to use.
 */
static int iobmd_edu_run(struct iobmd_edu *edu, u32 source, u32 destination,
			 u32 length, u32 command)
{
	reinit_completion(&edu->done);
	writel(source, edu->registers + EDU_DMA_SOURCE);
	writel(destination, edu->registers + EDU_DMA_DESTINATION);
	writel(length, edu->registers + EDU_DMA_COUNT);
	writel(command | EDU_DMA_START | EDU_DMA_RAISE_IRQ,
	       edu->registers + EDU_DMA_COMMAND);
	if (wait_for_completion_timeout(&edu->done, msecs_to_jiffies(timeout_ms)))
		return 0;

	pci_clear_master(edu->pdev);
	edu->error = -EIO;
	return -ETIMEDOUT;
}

static int iobmd_edu_run_table(struct iobmd_edu *edu, struct sg_table *sgt,
			       u32 memory, enum dma_data_direction direction)
{
	struct scatterlist *sg;
	unsigned int i;
	int err;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		u32 address = sg_dma_address(sg);
		u32 length = sg_dma_len(sg);

		if (direction == DMA_TO_DEVICE)
			err = iobmd_edu_run(edu, address, memory, length, 0);
		else
			err = iobmd_edu_run(edu, memory, address, length,
					    EDU_DMA_FROM_DEVICE);
		if (err)
			return err;
		memory += length;
	}
	return 0;
}

static int iobmd_edu_check_transfer(const struct iobmd_edu_transfer *args)
{
	if (args->__reserved || (args->direction != IOBMD_DIRECTION_IN &&
				 args->direction != IOBMD_DIRECTION_OUT))
		return -EINVAL;
	if (args->device_offset >= IOBMD_EDU_MEMORY_SIZE ||
	    args->length > IOBMD_EDU_MEMORY_SIZE - args->device_offset)
		return -EINVAL;
	return 0;
}

/*
 * Mapping for each transfer uses no resources of the IOMMU or of the bounce buffers
 * while idle. The data is in place only once it is unmapped, so notify after that.
 */
static int iobmd_edu_transfer(struct iobmd_edu_file *file,
			      const union iobmd_edu_argument *arg)
{
	const struct iobmd_edu_transfer *args = &arg->transfer;
	bool in = args->direction == IOBMD_DIRECTION_IN;
	enum dma_data_direction direction = in ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
	struct iobmd_edu *edu = file->edu;
	struct sg_table *sgt;
	int err;

	if (!file->client)
		return -ENOTCONN;
	err = iobmd_edu_check_transfer(args);
	if (err)
		return err;
	sgt = iobmd_client_dma_map(file->client, &edu->pdev->dev, args->offset,
				   args->length, direction);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	err = iobmd_edu_run_table(edu, sgt, EDU_MEMORY + args->device_offset,
				  direction);
	iobmd_client_dma_unmap(file->client, sgt);
	if (!err)
		iobmd_client_notify(file->client);
	return err;
}

static int iobmd_edu_attach(struct iobmd_edu_file *file,
			    const union iobmd_edu_argument *arg)
{
	struct iobmd_client *client;

	if (file->client)
		return -EBUSY;
	client = iobmd_client_get(arg->attach.fd, arg->attach.rights);
	if (IS_ERR(client))
		return PTR_ERR(client);
	file->client = client;
	return 0;
}

static int iobmd_edu_detach(struct iobmd_edu_file *file,
			    const union iobmd_edu_argument *arg)
{
	if (!file->client)
		return -ENOTCONN;
	iobmd_client_put(file->client);
	file->client = NULL;
	return 0;
}

static int iobmd_edu_set_eventfd(struct iobmd_edu_file *file,
				 const union iobmd_edu_argument *arg)
{
	if (!file->client)
		return -ENOTCONN;
	if (arg->set_eventfd.__reserved)
		return -EINVAL;
	return iobmd_client_set_eventfd(file->client, arg->set_eventfd.fd);
}

/**
 * struct iobmd_edu_command - an ioctl
 * @cmd: Its number.
 * @size: The size of its argument, in bytes.
 * @run: Called with the device's lock held, while the device is usable.
 */
struct iobmd_edu_command {
	unsigned int cmd;
	u32 size;
	int (*run)(struct iobmd_edu_file *file, const union iobmd_edu_argument *arg);
};

static const struct iobmd_edu_command iobmd_edu_commands[] = {
	{ IOBMD_EDU_IOC_ATTACH, sizeof(struct iobmd_edu_attach), iobmd_edu_attach },
	{ IOBMD_EDU_IOC_DETACH, sizeof(struct iobmd_edu_detach), iobmd_edu_detach },
	{ IOBMD_EDU_IOC_TRANSFER, sizeof(struct iobmd_edu_transfer),
	  iobmd_edu_transfer },
	{ IOBMD_EDU_IOC_SET_EVENTFD, sizeof(struct iobmd_edu_set_eventfd),
	  iobmd_edu_set_eventfd },
};

static const struct iobmd_edu_command *iobmd_edu_find_command(unsigned int cmd)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(iobmd_edu_commands); i++)
		if (iobmd_edu_commands[i].cmd == cmd)
			return &iobmd_edu_commands[i];
	return NULL;
}

static int iobmd_edu_copy_argument(union iobmd_edu_argument *arg, u32 size,
				   const void __user *user)
{
	u32 user_size;
	int err;

	if (get_user(user_size, (const u32 __user *)user))
		return -EFAULT;
	if (user_size > PAGE_SIZE)
		return -E2BIG;
	if (user_size < size)
		return -EINVAL;
	err = copy_struct_from_user(arg, size, user, user_size);
	if (err)
		return err;
	return arg->flags ? -EINVAL : 0;
}

/* User memory may lie in the buffer itself: no lock is held while it is read. */
static long iobmd_edu_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	const struct iobmd_edu_command *command = iobmd_edu_find_command(cmd);
	struct iobmd_edu_file *file = filp->private_data;
	union iobmd_edu_argument argument;
	int err;

	if (!command)
		return -ENOTTY;
	err = iobmd_edu_copy_argument(&argument, command->size, (void __user *)arg);
	if (err)
		return err;
	if (mutex_lock_interruptible(&file->edu->lock))
		return -ERESTARTSYS;
	err = file->edu->error ?: command->run(file, &argument);
	mutex_unlock(&file->edu->lock);
	return err;
}

/* misc_deregister() waits for this function, so the PCI driver still has its reference. */
static int iobmd_edu_open(struct inode *inode, struct file *filp)
{
	struct miscdevice *misc = filp->private_data;
	struct iobmd_edu_file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return -ENOMEM;
	file->edu = container_of(misc, struct iobmd_edu, misc);
	kref_get(&file->edu->kref);
	filp->private_data = file;
	return 0;
}

static int iobmd_edu_release(struct inode *inode, struct file *filp)
{
	struct iobmd_edu_file *file = filp->private_data;

	iobmd_client_put(file->client);
	kref_put(&file->edu->kref, iobmd_edu_free);
	kfree(file);
	return 0;
}

static const struct file_operations iobmd_edu_fops = {
	.owner		= THIS_MODULE,
	.open		= iobmd_edu_open,
	.release	= iobmd_edu_release,
	.unlocked_ioctl	= iobmd_edu_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static void iobmd_edu_put(void *edu)
{
	kref_put(&((struct iobmd_edu *)edu)->kref, iobmd_edu_free);
}

/* devm puts the driver's reference after it has freed the interrupt. */
static struct iobmd_edu *iobmd_edu_alloc(struct pci_dev *pdev)
{
	struct iobmd_edu *edu = kzalloc(sizeof(*edu), GFP_KERNEL);
	int id = ida_alloc(&iobmd_edu_ids, GFP_KERNEL);
	int err = id < 0 ? id : -ENOMEM;

	if (!edu || id < 0)
		goto err_free;
	edu->id = id;
	kref_init(&edu->kref);
	mutex_init(&edu->lock);
	init_completion(&edu->done);
	edu->pdev = pdev;
	snprintf(edu->name, sizeof(edu->name), "iobmd-edu%d", edu->id);
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.name = edu->name;
	edu->misc.fops = &iobmd_edu_fops;
	edu->misc.parent = &pdev->dev;
	err = devm_add_action_or_reset(&pdev->dev, iobmd_edu_put, edu);
	return err ? ERR_PTR(err) : edu;

err_free:
	if (id >= 0)
		ida_free(&iobmd_edu_ids, id);
	kfree(edu);
	return ERR_PTR(err);
}

static int iobmd_edu_request_irq(struct iobmd_edu *edu)
{
	int nr = pci_alloc_irq_vectors(edu->pdev, 1, 1, PCI_IRQ_ALL_TYPES);

	if (nr < 0)
		return nr;
	return devm_request_irq(&edu->pdev->dev, pci_irq_vector(edu->pdev, 0),
				iobmd_edu_irq, IRQF_SHARED, edu->name, edu);
}

/* Enable DMA last, after anything that a time-out may have left is over. */
static int iobmd_edu_start(struct iobmd_edu *edu)
{
	struct device *dev = &edu->pdev->dev;
	u32 command;
	int err;

	err = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(EDU_ADDRESS_BITS));
	if (err)
		return err;
	dma_set_max_seg_size(dev, EDU_MAX_SEGMENT);
	err = iobmd_edu_request_irq(edu);
	if (err)
		return err;
	err = readl_poll_timeout(edu->registers + EDU_DMA_COMMAND, command,
				 !(command & EDU_DMA_START), USEC_PER_MSEC,
				 USEC_PER_SEC);
	if (!err)
		pci_set_master(edu->pdev);
	return err;
}

static int iobmd_edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct iobmd_edu *edu;
	int err;

	err = pcim_enable_device(pdev);
	if (err)
		return err;
	edu = iobmd_edu_alloc(pdev);
	if (IS_ERR(edu))
		return PTR_ERR(edu);
	pci_set_drvdata(pdev, edu);
	err = pcim_iomap_regions(pdev, BIT(0), KBUILD_MODNAME);
	if (err)
		return err;
	edu->registers = pcim_iomap_table(pdev)[0];
	err = iobmd_edu_start(edu);
	if (err)
		return err;
	return misc_register(&edu->misc);
}

/* Once @lock is taken no transfer is running, and once @error is set none can begin. */
static void iobmd_edu_remove(struct pci_dev *pdev)
{
	struct iobmd_edu *edu = pci_get_drvdata(pdev);

	misc_deregister(&edu->misc);
	mutex_lock(&edu->lock);
	edu->error = -ENODEV;
	mutex_unlock(&edu->lock);
}

static const struct pci_device_id iobmd_edu_devices[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, iobmd_edu_devices);

static struct pci_driver iobmd_edu_driver = {
	.name		= KBUILD_MODNAME,
	.id_table	= iobmd_edu_devices,
	.probe		= iobmd_edu_probe,
	.remove		= iobmd_edu_remove,
};
module_pci_driver(iobmd_edu_driver);

MODULE_DESCRIPTION("QEMU's edu device on iobmd's buffers");
MODULE_LICENSE("GPL");
