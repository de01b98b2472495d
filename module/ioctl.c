// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls: one table for each kind of file, and a handler for each command.
 *
 * To add a command: a number and a struct in uapi/linux/iobmd.h, a member of union
 * iobmd_argument, a handler and a line in a table; see also module/README.md.
 */

#include <linux/build_bug.h>
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

#include "internal.h"

/* Every argument begins with size and flags. */
union iobmd_argument {
	struct {
		__u32 size;
		__u32 flags;
	};
	struct iobmd_create create;
	struct iobmd_compose compose;
	struct iobmd_get_info get_info;
	struct iobmd_set_length set_length;
	struct iobmd_resize resize;
	struct iobmd_map map;
	struct iobmd_set_name set_name;
	struct iobmd_derive derive;
	struct iobmd_seal seal;
	struct iobmd_export export;
	struct iobmd_sync sync;
};

/**
 * struct iobmd_call - one call of an ioctl
 * @file: The device or the descriptor.
 * @user: The argument in user memory.
 * @user_size: The size of the argument as the caller knows it, in bytes.
 * @arg: The kernel's copy, with size and flags checked, zeroed beyond @user_size.
 */
struct iobmd_call {
	struct file *file;
	void __user *user;
	u32 user_size;
	union iobmd_argument arg;
};

/**
 * struct iobmd_command - the entry of a command in the table
 * @cmd: The number.
 * @size: The size of the argument as the module knows it, in bytes.
 * @min_size: Its size when the command was introduced.
 * @flags: The valid flags.
 * @rights: The rights that the descriptor needs: an or of enum iobmd_rights.
 * @handler: Returns the result of the system call.
 */
struct iobmd_command {
	unsigned int cmd;
	u32 size;
	u32 min_size;
	u32 flags;
	u32 rights;
	long (*handler)(struct iobmd_call *call);
};

#define IOBMD_COMMAND(_cmd, _struct, _last, _flags, _rights, _handler)	\
	{								\
		.cmd		= (_cmd),				\
		.size		= sizeof(struct _struct) +		\
				  BUILD_BUG_ON_ZERO(sizeof(struct _struct) > \
						    sizeof(union iobmd_argument)), \
		.min_size	= offsetofend(struct _struct, _last),	\
		.flags		= (_flags),				\
		.rights		= (_rights),				\
		.handler	= (_handler),				\
	}

static int iobmd_call_copy_in(struct iobmd_call *call,
			      const struct iobmd_command *command)
{
	int err;

	if (get_user(call->user_size, (__u32 __user *)call->user))
		return -EFAULT;
	if (call->user_size > PAGE_SIZE)
		return -E2BIG;
	if (call->user_size < command->min_size)
		return -EINVAL;
	err = copy_struct_from_user(&call->arg, command->size, call->user,
				    call->user_size);
	if (err)
		return err;
	return call->arg.flags & ~command->flags ? -EINVAL : 0;
}

static int iobmd_call_copy_out(struct iobmd_call *call, size_t size)
{
	/* Return the size as read at first: another thread may have changed it meanwhile. */
	call->arg.size = call->user_size;
	if (copy_to_user(call->user, &call->arg, min_t(size_t, size, call->user_size)))
		return -EFAULT;
	return 0;
}

static struct iobmd_buffer *iobmd_call_buffer(const struct iobmd_call *call)
{
	return iobmd_descriptor_view(call->file)->buffer;
}

/* Nothing can fail once the descriptor is installed. */
static long iobmd_call_return_file(int fd, struct file *file)
{
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

static struct file *iobmd_call_create(const struct iobmd_call *call)
{
	struct iobmd_buffer *buffer;

	buffer = iobmd_buffer_create(iobmd_mnt->mnt_sb, &call->arg.create);
	if (IS_ERR(buffer))
		return ERR_CAST(buffer);
	return iobmd_descriptor_create(buffer, IOBMD_RIGHTS_ALL, iobmd_mnt);
}

static long iobmd_ioctl_create(struct iobmd_call *call)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd < 0)
		return fd;
	return iobmd_call_return_file(fd, iobmd_call_create(call));
}

/*
 * A new file goes on the mount of the descriptor it is made from; from the device, on
 * that of new buffers.
 */
static struct vfsmount *iobmd_call_mnt(const struct iobmd_call *call)
{
	return iobmd_descriptor_is(call->file) ? call->file->f_path.mnt : iobmd_mnt;
}

static struct file *iobmd_call_compose(const struct iobmd_call *call,
				       const struct iobmd_compose_part *parts)
{
	const struct iobmd_compose *args = &call->arg.compose;
	u32 rights = IOBMD_RIGHT_READ;

	if (!(args->flags & IOBMD_COMPOSE_F_READ_ONLY))
		rights |= IOBMD_RIGHT_WRITE;
	return iobmd_compose(iobmd_call_mnt(call), parts, args->nr_parts, rights);
}

/* Like vmemdup_user(), but without the OOM killer. */
static struct iobmd_compose_part *iobmd_compose_copy_parts(const struct iobmd_compose *args)
{
	size_t size = args->nr_parts * sizeof(struct iobmd_compose_part);
	struct iobmd_compose_part *parts = kvmalloc(size, IOBMD_GFP_OBJECT);

	if (!parts)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(parts, u64_to_user_ptr(args->parts), size)) {
		kvfree(parts);
		return ERR_PTR(-EFAULT);
	}
	return parts;
}

static long iobmd_ioctl_compose(struct iobmd_call *call)
{
	const struct iobmd_compose *args = &call->arg.compose;
	struct iobmd_compose_part *parts;
	int fd;

	if (args->__reserved || !args->nr_parts || args->nr_parts > IOBMD_COMPOSE_MAX)
		return -EINVAL;
	parts = iobmd_compose_copy_parts(args);
	if (IS_ERR(parts))
		return PTR_ERR(parts);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd >= 0)
		fd = iobmd_call_return_file(fd, iobmd_call_compose(call, parts));
	kvfree(parts);
	return fd;
}

static struct file *iobmd_call_derive(const struct iobmd_call *call)
{
	const struct iobmd_derive *args = &call->arg.derive;
	struct iobmd_window window = {
		.offset	= args->offset,
		.length	= args->length,
		.rights	= IOBMD_RIGHTS_ALL,
		.hold	= args->flags & IOBMD_DERIVE_F_HOLD,
	};

	if (args->flags & IOBMD_DERIVE_F_WINDOW ? !args->length : args->offset || args->length)
		return ERR_PTR(-EINVAL);
	if (args->flags & IOBMD_DERIVE_F_READ_ONLY)
		window.rights = IOBMD_RIGHT_READ;
	return iobmd_descriptor_derive(call->file, &window);
}

static long iobmd_ioctl_derive(struct iobmd_call *call)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd < 0)
		return fd;
	return iobmd_call_return_file(fd, iobmd_call_derive(call));
}

static long iobmd_ioctl_export(struct iobmd_call *call)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct dma_buf *dmabuf;

	if (fd < 0)
		return fd;
	dmabuf = iobmd_export_create(call->file, &call->arg.export);
	return iobmd_call_return_file(fd, IS_ERR(dmabuf) ? ERR_CAST(dmabuf) :
							   dmabuf->file);
}

static long iobmd_ioctl_get_info(struct iobmd_call *call)
{
	struct iobmd_get_info *info = &call->arg.get_info;

	iobmd_view_get_info(iobmd_descriptor_view(call->file), info);
	return iobmd_call_copy_out(call, sizeof(*info));
}

static long iobmd_ioctl_set_length(struct iobmd_call *call)
{
	return iobmd_buffer_set_length(iobmd_call_buffer(call),
				       call->arg.set_length.length);
}

static long iobmd_ioctl_resize(struct iobmd_call *call)
{
	return iobmd_buffer_resize(iobmd_call_buffer(call),
				   call->arg.resize.capacity);
}

static int iobmd_map_check(struct file *file, struct iobmd_map *map)
{
	u64 length = iobmd_view_size(iobmd_descriptor_view(file));

	if (!PAGE_ALIGNED(map->offset) || map->offset >= length)
		return -EINVAL;
	if (map->flags & IOBMD_MAP_F_FIXED && !PAGE_ALIGNED(map->address))
		return -EINVAL;
	if (!map->length)
		map->length = length - map->offset;
	return iobmd_descriptor_check_map(file, map->offset, map->length);
}

static unsigned long iobmd_map(struct file *file, const struct iobmd_map *map)
{
	unsigned long prot = PROT_READ;
	unsigned long flags = MAP_SHARED;

	if (!(map->flags & IOBMD_MAP_F_READ_ONLY))
		prot |= PROT_WRITE;
	if (map->flags & IOBMD_MAP_F_FIXED)
		flags |= MAP_FIXED_NOREPLACE;
	if (map->flags & IOBMD_MAP_F_PREFAULT)
		flags |= MAP_POPULATE;
	return vm_mmap(file, map->address, map->length, prot, flags, map->offset);
}

static long iobmd_ioctl_map(struct iobmd_call *call)
{
	struct iobmd_map *map = &call->arg.map;
	unsigned long address;
	int err;

	err = iobmd_map_check(call->file, map);
	if (err)
		return err;

	address = iobmd_map(call->file, map);
	if (IS_ERR_VALUE(address))
		return address;
	map->address = address;
	err = iobmd_call_copy_out(call, sizeof(*map));
	if (err)
		vm_munmap(address, map->length);
	return err;
}

static bool iobmd_name_is_valid(const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return false;
	return true;
}

static long iobmd_ioctl_set_name(struct iobmd_call *call)
{
	const struct iobmd_set_name *arg = &call->arg.set_name;
	char name[IOBMD_NAME_MAX + 1] = "";

	if (arg->__reserved || arg->name_length > IOBMD_NAME_MAX)
		return -EINVAL;
	if (copy_from_user(name, u64_to_user_ptr(arg->name), arg->name_length))
		return -EFAULT;
	if (!iobmd_name_is_valid(name, arg->name_length))
		return -EINVAL;
	iobmd_buffer_set_name(iobmd_call_buffer(call), name);
	return 0;
}

static long iobmd_ioctl_seal(struct iobmd_call *call)
{
	if (call->arg.seal.__reserved)
		return -EINVAL;
	return iobmd_buffer_seal(iobmd_call_buffer(call), call->arg.seal.seals);
}

static long iobmd_ioctl_sync(struct iobmd_call *call)
{
	const struct iobmd_view *view = iobmd_descriptor_view(call->file);
	struct iobmd_sync *sync = &call->arg.sync;
	u64 length = sync->length;
	int err;

	if (!sync->direction || sync->__reserved ||
	    sync->direction & ~view->buffer->direction)
		return -EINVAL;
	err = iobmd_view_check_range(view, sync->offset, &length);
	if (err)
		return err;
	/* Orders the caller's accesses to the buffer before and after the call. */
	smp_mb();
	sync->flags = IOBMD_SYNC_F_NOOP;
	return iobmd_call_copy_out(call, sizeof(*sync));
}

static const struct iobmd_command iobmd_device_commands[] = {
	IOBMD_COMMAND(IOBMD_IOC_CREATE, iobmd_create, __reserved,
		      IOBMD_CREATE_F_NODE, 0, iobmd_ioctl_create),
	IOBMD_COMMAND(IOBMD_IOC_COMPOSE, iobmd_compose, __reserved,
		      IOBMD_COMPOSE_F_READ_ONLY, 0, iobmd_ioctl_compose),
};

static const struct iobmd_command iobmd_descriptor_commands[] = {
	IOBMD_COMMAND(IOBMD_IOC_GET_INFO, iobmd_get_info, __reserved,
		      0, 0, iobmd_ioctl_get_info),
	IOBMD_COMMAND(IOBMD_IOC_SET_LENGTH, iobmd_set_length, length,
		      0, IOBMD_RIGHT_RESIZE, iobmd_ioctl_set_length),
	IOBMD_COMMAND(IOBMD_IOC_RESIZE, iobmd_resize, capacity,
		      0, IOBMD_RIGHT_RESIZE, iobmd_ioctl_resize),
	IOBMD_COMMAND(IOBMD_IOC_MAP, iobmd_map, length,
		      IOBMD_MAP_F_FIXED | IOBMD_MAP_F_READ_ONLY |
		      IOBMD_MAP_F_PREFAULT, 0, iobmd_ioctl_map),
	IOBMD_COMMAND(IOBMD_IOC_SET_NAME, iobmd_set_name, __reserved,
		      0, IOBMD_RIGHT_WRITE, iobmd_ioctl_set_name),
	IOBMD_COMMAND(IOBMD_IOC_DERIVE, iobmd_derive, length,
		      IOBMD_DERIVE_F_READ_ONLY | IOBMD_DERIVE_F_WINDOW |
		      IOBMD_DERIVE_F_HOLD, 0, iobmd_ioctl_derive),
	IOBMD_COMMAND(IOBMD_IOC_SEAL, iobmd_seal, __reserved,
		      0, IOBMD_RIGHT_RESIZE, iobmd_ioctl_seal),
	IOBMD_COMMAND(IOBMD_IOC_EXPORT, iobmd_export, length,
		      IOBMD_EXPORT_F_READ_ONLY, 0, iobmd_ioctl_export),
	IOBMD_COMMAND(IOBMD_IOC_SYNC, iobmd_sync, __reserved,
		      0, 0, iobmd_ioctl_sync),
	IOBMD_COMMAND(IOBMD_IOC_COMPOSE, iobmd_compose, __reserved,
		      IOBMD_COMPOSE_F_READ_ONLY, 0, iobmd_ioctl_compose),
};

static const struct iobmd_command *
iobmd_command_find(const struct iobmd_command *commands, size_t nr,
		   unsigned int cmd)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (commands[i].cmd == cmd)
			return &commands[i];
	return NULL;
}

/* @rights: The rights of the descriptor; commands of the device need none. */
static long iobmd_ioctl(const struct iobmd_command *command, struct file *file,
			unsigned long arg, u32 rights)
{
	struct iobmd_call call = { .file = file, .user = (void __user *)arg };
	int err;

	if (!command)
		return -ENOTTY;
	err = iobmd_call_copy_in(&call, command);
	if (err)
		return err;
	if (command->rights & ~rights)
		return -EACCES;
	return command->handler(&call);
}

long iobmd_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return iobmd_ioctl(iobmd_command_find(iobmd_device_commands,
					      ARRAY_SIZE(iobmd_device_commands),
					      cmd),
			   file, arg, 0);
}

long iobmd_descriptor_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	return iobmd_ioctl(iobmd_command_find(iobmd_descriptor_commands,
					      ARRAY_SIZE(iobmd_descriptor_commands),
					      cmd),
			   file, arg, iobmd_descriptor_view(file)->rights);
}
