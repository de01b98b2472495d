// SPDX-License-Identifier: GPL-2.0
/* The API for other modules, documented in include/linux/iobmd.h. */

#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/export.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include "include/linux/iobmd.h"
#include "internal.h"

/**
 * struct iobmd_client - a driver that uses a buffer
 * @file: A descriptor of its own, with a hold and no more rights than the driver has
 *	requested. It also keeps this module loaded.
 * @size: How much of the buffer the hold covers, in bytes.
 * @eventfd_lock: Protects @eventfd. Held while it is signalled, so that a replaced
 *	eventfd is no longer in use and can be put.
 * @eventfd: What iobmd_client_notify() signals, with a reference, or NULL.
 */
struct iobmd_client {
	struct file *file;
	u64 size;
	spinlock_t eventfd_lock;
	struct eventfd_ctx *eventfd;
};

static const struct iobmd_view *iobmd_client_view(const struct iobmd_client *client)
{
	return iobmd_descriptor_view(client->file);
}

static int iobmd_client_check_range(const struct iobmd_client *client, u64 offset,
				    u64 length)
{
	if (!length || offset >= client->size || length > client->size - offset)
		return -EINVAL;
	return 0;
}

static struct file *iobmd_client_open(struct file *parent, u32 rights)
{
	const struct iobmd_window window = { .rights = rights, .hold = true };

	if (!(rights & IOBMD_RIGHT_READ) || rights & ~IOBMD_RIGHTS_ALL)
		return ERR_PTR(-EINVAL);
	if (rights & IOBMD_RIGHT_RESIZE && !(rights & IOBMD_RIGHT_WRITE))
		return ERR_PTR(-EINVAL);
	if (rights & ~iobmd_descriptor_view(parent)->rights)
		return ERR_PTR(-EACCES);
	return iobmd_descriptor_get(parent, &window);
}

static struct iobmd_client *iobmd_client_alloc(struct file *parent, u32 rights)
{
	struct iobmd_client *client = kzalloc(sizeof(*client), IOBMD_GFP_OBJECT);
	const struct iobmd_view *view;
	struct file *file;

	if (!client)
		return ERR_PTR(-ENOMEM);
	file = iobmd_client_open(parent, rights);
	if (IS_ERR(file)) {
		kfree(client);
		return ERR_CAST(file);
	}
	view = iobmd_descriptor_view(file);
	spin_lock_init(&client->eventfd_lock);
	client->file = file;
	client->size = view->is_window ? view->size : view->hold.end;
	return client;
}

static struct file *iobmd_client_create_file(const struct iobmd_create *args)
{
	struct iobmd_buffer *buffer = iobmd_buffer_create(iobmd_mnt->mnt_sb, args);

	if (IS_ERR(buffer))
		return ERR_CAST(buffer);
	return iobmd_descriptor_create(buffer, IOBMD_RIGHTS_ALL, iobmd_mnt);
}

struct iobmd_client *iobmd_client_create(const struct iobmd_create *args)
{
	struct iobmd_client *client;
	struct file *file;
	int err;

	if (args->flags & ~IOBMD_CREATE_F_NODE)
		return ERR_PTR(-EINVAL);
	err = iobmd_mnt_pin();
	if (err)
		return ERR_PTR(err);
	file = iobmd_client_create_file(args);
	iobmd_mnt_unpin();
	if (IS_ERR(file))
		return ERR_CAST(file);
	client = iobmd_client_alloc(file, IOBMD_RIGHTS_ALL);
	fput(file);
	return client;
}
EXPORT_SYMBOL_GPL(iobmd_client_create);

struct iobmd_client *iobmd_client_get(int fd, u32 rights)
{
	struct file *file = fget(fd);
	struct iobmd_client *client;

	if (!file)
		return ERR_PTR(-EBADF);
	if (iobmd_descriptor_is(file))
		client = iobmd_client_alloc(file, rights);
	else
		client = ERR_PTR(-EINVAL);
	fput(file);
	return client;
}
EXPORT_SYMBOL_GPL(iobmd_client_get);

static void iobmd_client_replace_eventfd(struct iobmd_client *client,
					 struct eventfd_ctx *eventfd)
{
	spin_lock_irq(&client->eventfd_lock);
	swap(client->eventfd, eventfd);
	spin_unlock_irq(&client->eventfd_lock);
	if (eventfd)
		eventfd_ctx_put(eventfd);
}

void iobmd_client_put(struct iobmd_client *client)
{
	if (!client)
		return;
	iobmd_client_replace_eventfd(client, NULL);
	iobmd_descriptor_put(client->file);
	kfree(client);
}
EXPORT_SYMBOL_GPL(iobmd_client_put);

u64 iobmd_client_size(const struct iobmd_client *client)
{
	return client->size;
}
EXPORT_SYMBOL_GPL(iobmd_client_size);

int iobmd_client_set_length(struct iobmd_client *client, u64 length)
{
	if (!(iobmd_client_view(client)->rights & IOBMD_RIGHT_RESIZE))
		return -EACCES;
	return iobmd_buffer_set_length(iobmd_client_view(client)->buffer, length);
}
EXPORT_SYMBOL_GPL(iobmd_client_set_length);

int iobmd_client_set_eventfd(struct iobmd_client *client, int fd)
{
	struct eventfd_ctx *eventfd = fd == -1 ? NULL : eventfd_ctx_fdget(fd);

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	iobmd_client_replace_eventfd(client, eventfd);
	return 0;
}
EXPORT_SYMBOL_GPL(iobmd_client_set_eventfd);

void iobmd_client_notify(struct iobmd_client *client)
{
	unsigned long flags;

	spin_lock_irqsave(&client->eventfd_lock, flags);
	if (client->eventfd)
		eventfd_signal(client->eventfd);
	spin_unlock_irqrestore(&client->eventfd_lock, flags);
}
EXPORT_SYMBOL_GPL(iobmd_client_notify);

int iobmd_client_for_each_run(struct iobmd_client *client, u64 offset, u64 length,
			      int (*visit)(phys_addr_t address, u64 length, void *arg),
			      void *arg)
{
	int err = iobmd_client_check_range(client, offset, length);

	if (err)
		return err;
	return iobmd_view_for_each_run(iobmd_client_view(client), offset, length,
				       IOBMD_NO_LIMITS, visit, arg);
}
EXPORT_SYMBOL_GPL(iobmd_client_for_each_run);

void *iobmd_client_vmap(struct iobmd_client *client)
{
	if (!client->size)
		return ERR_PTR(-EINVAL);
	return iobmd_view_vmap(iobmd_client_view(client), PAGE_ALIGN(client->size));
}
EXPORT_SYMBOL_GPL(iobmd_client_vmap);

void iobmd_client_vunmap(struct iobmd_client *client, void *address)
{
	vunmap(address);
}
EXPORT_SYMBOL_GPL(iobmd_client_vunmap);

static ssize_t iobmd_client_io(struct iobmd_client *client, u64 offset,
			       struct iov_iter *iter, bool write)
{
	loff_t pos = offset;

	if (offset >= client->size)
		return 0;
	return iobmd_io(iobmd_client_view(client), &pos, client->size, iter, write);
}

ssize_t iobmd_client_read(struct iobmd_client *client, u64 offset, struct iov_iter *to)
{
	return iobmd_client_io(client, offset, to, false);
}
EXPORT_SYMBOL_GPL(iobmd_client_read);

ssize_t iobmd_client_write(struct iobmd_client *client, u64 offset, struct iov_iter *from)
{
	if (!(iobmd_client_view(client)->rights & IOBMD_RIGHT_WRITE))
		return -EACCES;
	return iobmd_client_io(client, offset, from, true);
}
EXPORT_SYMBOL_GPL(iobmd_client_write);

struct sg_table *iobmd_client_dma_map(struct iobmd_client *client, struct device *dev,
				      u64 offset, u64 length,
				      enum dma_data_direction direction)
{
	struct iobmd_dma_mapping *mapping;
	int err = iobmd_client_check_range(client, offset, length);

	if (err)
		return ERR_PTR(err);
	mapping = iobmd_dma_map(iobmd_client_view(client), offset, length, dev, direction);
	return IS_ERR(mapping) ? ERR_CAST(mapping) : &mapping->sgt;
}
EXPORT_SYMBOL_GPL(iobmd_client_dma_map);

void iobmd_client_dma_unmap(struct iobmd_client *client, struct sg_table *sgt)
{
	iobmd_dma_unmap(container_of(sgt, struct iobmd_dma_mapping, sgt));
}
EXPORT_SYMBOL_GPL(iobmd_client_dma_unmap);

int iobmd_client_publish(struct iobmd_client *client, u32 flags)
{
	struct iobmd_window window = {
		.rights	= flags & IOBMD_DERIVE_F_READ_ONLY ? IOBMD_RIGHT_READ : IOBMD_RIGHTS_ALL,
		.hold	= flags & IOBMD_DERIVE_F_HOLD,
	};
	struct file *file;
	int fd;

	if (flags & ~(IOBMD_DERIVE_F_READ_ONLY | IOBMD_DERIVE_F_HOLD))
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = iobmd_descriptor_derive(client->file, &window);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}
EXPORT_SYMBOL_GPL(iobmd_client_publish);
