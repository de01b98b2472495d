// SPDX-License-Identifier: LGPL-2.1-or-later
/* Mappings: a byte-exact part of a buffer, in whole pages. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "internal.h"

#define MAPPING_FLAGS                                    \
	(IOBMD_MAPPING_READ_ONLY | IOBMD_MAPPING_FIXED | \
	 IOBMD_MAPPING_PREFAULT | IOBMD_MAPPING_GUARD)

/**
 * struct iobmd_mapping - see iobmd.h
 * @area: The mapped pages.
 * @offset: The offset of the first byte in the buffer; exact.
 * @length: In bytes; exact.
 * @head: How far the first byte is from the start of @area.
 */
struct iobmd_mapping {
	struct iobmd_area area;
	uint64_t offset;
	uint64_t length;
	uint64_t head;
};

/* The only bounds check: no sum can wrap. */
static int mapping_set_part(struct iobmd_mapping *mapping, uint64_t offset,
			    uint64_t length, const struct iobmd_get_info *info)
{
	if (offset >= info->length || length > info->length - offset)
		return -EINVAL;

	mapping->offset = offset;
	mapping->length = length ? length : info->length - offset;
	mapping->head = offset % info->page_size;
	mapping->area.size = iobmd_round_up(mapping->head + mapping->length,
					    info->page_size);
	return 0;
}

static int mapping_map(struct iobmd_mapping *mapping,
		       const struct iobmd_buffer *buffer, uint32_t flags,
		       void *address, const struct iobmd_get_info *info)
{
	uint64_t page = mapping->offset - mapping->head;

	mapping->area.prot = PROT_READ;
	if (!(flags & IOBMD_MAPPING_READ_ONLY))
		mapping->area.prot |= PROT_WRITE;
	mapping->area.prefault = flags & IOBMD_MAPPING_PREFAULT;
	if (flags & IOBMD_MAPPING_GUARD)
		mapping->area.guard = info->page_size;

	if (!(flags & IOBMD_MAPPING_FIXED))
		return iobmd_area_map(buffer->fd, &mapping->area, page, info);

	if ((uintptr_t)address % info->page_size != mapping->head)
		return -EINVAL;

	mapping->area.address = (char *)address - mapping->head;
	return iobmd_area_map_fixed(buffer->fd, &mapping->area, page);
}

IOBMD_EXPORT int iobmd_mapping_create(const struct iobmd_buffer *buffer,
				      uint32_t flags, void *address,
				      uint64_t offset, uint64_t length,
				      struct iobmd_mapping **mapping)
{
	struct iobmd_get_info info;
	struct iobmd_mapping *made;
	int ret;

	if (flags & ~MAPPING_FLAGS ||
	    (address && !(flags & IOBMD_MAPPING_FIXED)))
		return -EINVAL;

	ret = iobmd_fd_get_info(buffer->fd, &info);
	if (ret)
		return ret;

	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;

	ret = mapping_set_part(made, offset, length, &info);
	if (ret)
		goto err_free;

	ret = mapping_map(made, buffer, flags, address, &info);
	if (ret)
		goto err_free;

	*mapping = made;
	return 0;

err_free:
	free(made);
	return ret;
}

IOBMD_EXPORT void *iobmd_mapping_address(const struct iobmd_mapping *mapping)
{
	return mapping->area.address + mapping->head;
}

IOBMD_EXPORT uint64_t iobmd_mapping_length(const struct iobmd_mapping *mapping)
{
	return mapping->length;
}

IOBMD_EXPORT uint64_t iobmd_mapping_offset(const struct iobmd_mapping *mapping)
{
	return mapping->offset;
}

IOBMD_EXPORT void *iobmd_mapping_at(const struct iobmd_mapping *mapping,
				    uint64_t offset, uint64_t length)
{
	if (offset > mapping->length || length > mapping->length - offset)
		return NULL;
	return mapping->area.address + mapping->head + offset;
}

IOBMD_EXPORT void iobmd_mapping_free(struct iobmd_mapping *mapping)
{
	if (!mapping)
		return;

	iobmd_area_unmap(&mapping->area);
	free(mapping);
}
