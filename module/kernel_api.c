// SPDX-License-Identifier: GPL-2.0
/* What other modules can do with buffers: include/linux/iobmd.h tells. */

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
 * struct iobmd_user - a driver that uses a buffer
 * @file: A descriptor of its own, with a hold and no more rights than the driver
 *	has asked for; so also what keeps this module.
 * @size: How much of the buffer the hold covers, in bytes.
 * @eventfd_lock: Protects @eventfd. Held while that is signalled, so that nobody
 *	does once another has taken its place: who replaced it may put it.
 * @eventfd: What iobmd_user_notify() signals, with a reference, or NULL.
 */
struct iobmd_user {
	struct file *file;
	u64 size;
	spinlock_t eventfd_lock;
	struct eventfd_ctx *eventfd;
};

static const struct iobmd_view *iobmd_user_view(const struct iobmd_user *user)
{
	return iobmd_descriptor_view(user->file);
}

static int iobmd_user_check_range(const struct iobmd_user *user, u64 offset,
				  u64 length)
{
	if (!length || offset >= user->size || length > user->size - offset)
		return -EINVAL;
	return 0;
}

static struct file *iobmd_user_open(struct file *parent, u32 rights)
{
	struct iobmd_derive args = { .flags = IOBMD_DERIVE_F_HOLD };
	struct file *file;

	if (!(rights & IOBMD_RIGHT_READ) || rights & ~IOBMD_RIGHTS)
		return ERR_PTR(-EINVAL);
	if (rights & IOBMD_RIGHT_RESIZE && !(rights & IOBMD_RIGHT_WRITE))
		return ERR_PTR(-EINVAL);
	if (rights & ~iobmd_descriptor_view(parent)->rights)
		return ERR_PTR(-EACCES);
	if (!(rights & IOBMD_RIGHT_WRITE))
		args.flags |= IOBMD_DERIVE_F_READ_ONLY;
	file = iobmd_descriptor_keep(parent, &args);
	if (!IS_ERR(file))
		iobmd_descriptor_view(file)->rights &= rights;
	return file;
}

static struct iobmd_user *iobmd_user_alloc(struct file *parent, u32 rights)
{
	struct iobmd_user *user = kzalloc(sizeof(*user), IOBMD_GFP_OBJECT);
	const struct iobmd_view *view;
	struct file *file;

	if (!user)
		return ERR_PTR(-ENOMEM);
	file = iobmd_user_open(parent, rights);
	if (IS_ERR(file)) {
		kfree(user);
		return ERR_CAST(file);
	}
	view = iobmd_descriptor_view(file);
	spin_lock_init(&user->eventfd_lock);
	user->file = file;
	user->size = view->is_window ? view->size : view->hold.end;
	return user;
}

struct iobmd_user *iobmd_user_create(const struct iobmd_create *args)
{
	struct iobmd_user *user;
	struct file *file;
	int err;

	if (args->flags & ~IOBMD_CREATE_F_NODE)
		return ERR_PTR(-EINVAL);
	err = iobmd_mnt_pin();
	if (err)
		return ERR_PTR(err);
	file = iobmd_descriptor_create(iobmd_buffer_create(iobmd_mnt->mnt_sb, args),
				       IOBMD_RIGHTS, iobmd_mnt);
	iobmd_mnt_unpin();
	if (IS_ERR(file))
		return ERR_CAST(file);
	user = iobmd_user_alloc(file, IOBMD_RIGHTS);
	fput(file);
	return user;
}
EXPORT_SYMBOL_GPL(iobmd_user_create);

struct iobmd_user *iobmd_user_get(int fd, u32 rights)
{
	struct file *file = fget(fd);
	struct iobmd_user *user;

	if (!file)
		return ERR_PTR(-EBADF);
	if (iobmd_descriptor_is(file))
		user = iobmd_user_alloc(file, rights);
	else
		user = ERR_PTR(-EINVAL);
	fput(file);
	return user;
}
EXPORT_SYMBOL_GPL(iobmd_user_get);

static void iobmd_user_replace_eventfd(struct iobmd_user *user,
				       struct eventfd_ctx *eventfd)
{
	spin_lock_irq(&user->eventfd_lock);
	swap(user->eventfd, eventfd);
	spin_unlock_irq(&user->eventfd_lock);
	if (eventfd)
		eventfd_ctx_put(eventfd);
}

void iobmd_user_put(struct iobmd_user *user)
{
	if (!user)
		return;
	iobmd_user_replace_eventfd(user, NULL);
	iobmd_descriptor_drop(user->file);
	kfree(user);
}
EXPORT_SYMBOL_GPL(iobmd_user_put);

u64 iobmd_user_size(const struct iobmd_user *user)
{
	return user->size;
}
EXPORT_SYMBOL_GPL(iobmd_user_size);

int iobmd_user_set_length(struct iobmd_user *user, u64 length)
{
	if (!(iobmd_user_view(user)->rights & IOBMD_RIGHT_RESIZE))
		return -EACCES;
	return iobmd_buffer_set_length(iobmd_user_view(user)->buffer, length);
}
EXPORT_SYMBOL_GPL(iobmd_user_set_length);

int iobmd_user_set_eventfd(struct iobmd_user *user, int fd)
{
	struct eventfd_ctx *eventfd = fd == -1 ? NULL : eventfd_ctx_fdget(fd);

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	iobmd_user_replace_eventfd(user, eventfd);
	return 0;
}
EXPORT_SYMBOL_GPL(iobmd_user_set_eventfd);

void iobmd_user_notify(struct iobmd_user *user)
{
	unsigned long flags;

	spin_lock_irqsave(&user->eventfd_lock, flags);
	if (user->eventfd)
		eventfd_signal(user->eventfd);
	spin_unlock_irqrestore(&user->eventfd_lock, flags);
}
EXPORT_SYMBOL_GPL(iobmd_user_notify);

int iobmd_user_for_each_run(struct iobmd_user *user, u64 offset, u64 length,
			    int (*visit)(phys_addr_t address, u64 length, void *arg),
			    void *arg)
{
	int err = iobmd_user_check_range(user, offset, length);

	if (err)
		return err;
	return iobmd_view_for_each_run(iobmd_user_view(user), offset, length,
				       IOBMD_NO_LIMITS, visit, arg);
}
EXPORT_SYMBOL_GPL(iobmd_user_for_each_run);

void *iobmd_user_vmap(struct iobmd_user *user)
{
	if (!user->size)
		return ERR_PTR(-EINVAL);
	return iobmd_view_vmap(iobmd_user_view(user), PAGE_ALIGN(user->size));
}
EXPORT_SYMBOL_GPL(iobmd_user_vmap);

void iobmd_user_vunmap(struct iobmd_user *user, void *address)
{
	vunmap(address);
}
EXPORT_SYMBOL_GPL(iobmd_user_vunmap);

static ssize_t iobmd_user_io(struct iobmd_user *user, u64 offset,
			     struct iov_iter *iter, bool write)
{
	loff_t pos = offset;

	if (offset >= user->size)
		return 0;
	return iobmd_io(iobmd_user_view(user), &pos, user->size, iter, write);
}

ssize_t iobmd_user_read(struct iobmd_user *user, u64 offset, struct iov_iter *to)
{
	return iobmd_user_io(user, offset, to, false);
}
EXPORT_SYMBOL_GPL(iobmd_user_read);

ssize_t iobmd_user_write(struct iobmd_user *user, u64 offset, struct iov_iter *from)
{
	if (!(iobmd_user_view(user)->rights & IOBMD_RIGHT_WRITE))
		return -EACCES;
	return iobmd_user_io(user, offset, from, true);
}
EXPORT_SYMBOL_GPL(iobmd_user_write);

struct sg_table *iobmd_user_dma_map(struct iobmd_user *user, struct device *dev,
				    u64 offset, u64 length,
				    enum dma_data_direction direction)
{
	struct iobmd_dma_mapping *mapping;
	int err = iobmd_user_check_range(user, offset, length);

	if (err)
		return ERR_PTR(err);
	mapping = iobmd_dma_map(iobmd_user_view(user), offset, length, dev, direction);
	return IS_ERR(mapping) ? ERR_CAST(mapping) : &mapping->sgt;
}
EXPORT_SYMBOL_GPL(iobmd_user_dma_map);

void iobmd_user_dma_unmap(struct iobmd_user *user, struct sg_table *sgt)
{
	iobmd_dma_unmap(container_of(sgt, struct iobmd_dma_mapping, sgt));
}
EXPORT_SYMBOL_GPL(iobmd_user_dma_unmap);

int iobmd_user_publish(struct iobmd_user *user, u32 flags)
{
	struct iobmd_derive args = { .flags = flags };
	struct file *file;
	int fd;

	if (flags & ~(IOBMD_DERIVE_F_READ_ONLY | IOBMD_DERIVE_F_HOLD))
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = iobmd_descriptor_derive(user->file, &args);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}
EXPORT_SYMBOL_GPL(iobmd_user_publish);
