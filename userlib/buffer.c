// SPDX-License-Identifier: LGPL-2.1-or-later
/* Buffers: creating, querying, changing and freeing handles. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

IOBMD_EXPORT int iobmd_device_open(void)
{
	int fd = open("/dev/iobmd", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

struct iobmd_buffer *iobmd_buffer_alloc(void)
{
	struct iobmd_buffer *buffer = malloc(sizeof(*buffer));

	if (buffer)
		*buffer = (struct iobmd_buffer){
			.fd = -1,
			.lock = PTHREAD_MUTEX_INITIALIZER,
		};
	return buffer;
}

/* Allocates the handle first: nothing may fail once there is a descriptor. */
int iobmd_buffer_make(int fd, unsigned long command, const void *args,
		      struct iobmd_buffer **buffer)
{
	struct iobmd_buffer *made = iobmd_buffer_alloc();

	if (!made)
		return -ENOMEM;

	made->fd = ioctl(fd, command, args);
	if (made->fd < 0) {
		int ret = -errno;

		iobmd_buffer_free(made);
		return ret;
	}

	*buffer = made;
	return 0;
}

static bool is_zero(const void *bytes, size_t size)
{
	const char *byte = bytes;
	size_t i;

	for (i = 0; i < size; i++)
		if (byte[i])
			return false;
	return true;
}

/* @size is the size of the struct in the caller's header, which may be newer. */
static int options_check(const struct iobmd_buffer_options *options, size_t size)
{
	if (size < sizeof(*options))
		return -EINVAL;
	return is_zero(options + 1, size - sizeof(*options)) ? 0 : -E2BIG;
}

IOBMD_EXPORT int iobmd_buffer_create_with(int device,
					  const struct iobmd_buffer_options *options,
					  size_t size, struct iobmd_buffer **buffer)
{
	struct iobmd_create args = { .size = sizeof(args) };
	int ret;

	ret = options_check(options, size);
	if (ret)
		return ret;

	args.flags = options->flags;
	args.capacity = options->capacity;
	args.alignment = options->alignment;
	args.direction = options->direction;
	args.huge = options->huge;
	args.node = options->node;
	return iobmd_buffer_make(device, IOBMD_IOC_CREATE, &args, buffer);
}

IOBMD_EXPORT int iobmd_buffer_create(int device, uint64_t capacity,
				     uint64_t alignment, uint32_t direction,
				     struct iobmd_buffer **buffer)
{
	struct iobmd_buffer_options options = {
		.capacity = capacity,
		.alignment = alignment,
		.direction = direction,
	};

	return iobmd_buffer_create_with(device, &options, sizeof(options), buffer);
}

IOBMD_EXPORT int iobmd_buffer_from_fd(int fd, struct iobmd_buffer **buffer)
{
	struct iobmd_buffer *made;
	int ret;

	ret = iobmd_fd_check(fd);
	if (ret)
		return ret;

	made = iobmd_buffer_alloc();
	if (!made)
		return -ENOMEM;

	made->fd = fd;
	*buffer = made;
	return 0;
}

IOBMD_EXPORT int iobmd_buffer_fd(const struct iobmd_buffer *buffer)
{
	return buffer->fd;
}

IOBMD_EXPORT int iobmd_buffer_into_fd(struct iobmd_buffer *buffer)
{
	int fd = buffer->fd;

	iobmd_buffer_put_address_range(buffer);
	pthread_mutex_destroy(&buffer->lock);
	free(buffer);
	return fd;
}

IOBMD_EXPORT void iobmd_buffer_free(struct iobmd_buffer *buffer)
{
	int fd;

	if (!buffer)
		return;

	fd = iobmd_buffer_into_fd(buffer);
	if (fd >= 0)
		close(fd);
}

static void info_fill(struct iobmd_buffer_info *info, const struct iobmd_get_info *got)
{
	*info = (struct iobmd_buffer_info){
		.id = got->id,
		.capacity = got->capacity,
		.length = got->length,
		.allocated = got->allocated,
		.huge_bytes = got->huge_bytes,
		.alignment = got->alignment,
		.direction = got->direction,
		.huge = got->huge,
		.rights = got->rights,
		.node = got->node,
		.page_size = got->page_size,
		.huge_page_size = got->huge_page_size,
		.seals = got->seals,
	};
}

/* @size is the size of the struct in the caller's header, which may be older or newer. */
IOBMD_EXPORT int iobmd_buffer_get_info(const struct iobmd_buffer *buffer,
				       struct iobmd_buffer_info *info, size_t size)
{
	struct iobmd_buffer_info known;
	struct iobmd_get_info got;
	int ret;

	ret = iobmd_fd_get_info(buffer->fd, &got);
	if (ret)
		return ret;

	info_fill(&known, &got);
	memset(info, 0, size);
	memcpy(info, &known, size < sizeof(known) ? size : sizeof(known));
	return 0;
}

IOBMD_EXPORT int iobmd_buffer_get_length(const struct iobmd_buffer *buffer,
					 uint64_t *length)
{
	struct iobmd_get_info info;
	int ret;

	ret = iobmd_fd_get_info(buffer->fd, &info);
	if (ret)
		return ret;

	*length = info.length;
	return 0;
}

IOBMD_EXPORT int iobmd_buffer_set_length(struct iobmd_buffer *buffer,
					 uint64_t length)
{
	struct iobmd_set_length args = {
		.size = sizeof(args),
		.length = length,
	};

	return iobmd_fd_call(buffer->fd, IOBMD_IOC_SET_LENGTH, &args);
}

IOBMD_EXPORT int iobmd_buffer_resize(struct iobmd_buffer *buffer,
				     uint64_t capacity)
{
	struct iobmd_resize args = {
		.size = sizeof(args),
		.capacity = capacity,
	};

	return iobmd_fd_call(buffer->fd, IOBMD_IOC_RESIZE, &args);
}

IOBMD_EXPORT int iobmd_buffer_set_name(struct iobmd_buffer *buffer,
				       const char *name)
{
	struct iobmd_set_name args = {
		.size = sizeof(args),
		.name = (uintptr_t)name,
		.name_length = name ? strnlen(name, IOBMD_NAME_MAX + 1) : 0,
	};

	return iobmd_fd_call(buffer->fd, IOBMD_IOC_SET_NAME, &args);
}

IOBMD_EXPORT int iobmd_buffer_derive(const struct iobmd_buffer *buffer,
				     uint32_t flags, uint64_t offset,
				     uint64_t length,
				     struct iobmd_buffer **derived)
{
	struct iobmd_derive args = {
		.size = sizeof(args),
		.flags = flags,
		.offset = offset,
		.length = length,
	};

	return iobmd_buffer_make(buffer->fd, IOBMD_IOC_DERIVE, &args, derived);
}

IOBMD_EXPORT int iobmd_buffer_seal(struct iobmd_buffer *buffer, uint32_t seals)
{
	struct iobmd_seal args = {
		.size = sizeof(args),
		.seals = seals,
	};

	return iobmd_fd_call(buffer->fd, IOBMD_IOC_SEAL, &args);
}

IOBMD_EXPORT int iobmd_buffer_export(const struct iobmd_buffer *buffer,
				     uint32_t flags, uint64_t offset,
				     uint64_t length)
{
	struct iobmd_export args = {
		.size = sizeof(args),
		.flags = flags,
		.offset = offset,
		.length = length,
	};
	int fd = ioctl(buffer->fd, IOBMD_IOC_EXPORT, &args);

	return fd < 0 ? -errno : fd;
}

IOBMD_EXPORT int iobmd_buffer_sync(const struct iobmd_buffer *buffer,
				   uint64_t offset, uint64_t length,
				   uint32_t direction, uint32_t *flags)
{
	struct iobmd_sync args = {
		.size = sizeof(args),
		.offset = offset,
		.length = length,
		.direction = direction,
	};
	int ret;

	ret = iobmd_fd_call(buffer->fd, IOBMD_IOC_SYNC, &args);
	if (!ret && flags)
		*flags = args.flags;
	return ret;
}
