// SPDX-License-Identifier: LGPL-2.1-or-later
/* The address range of a handle: all of the buffer, mapped once. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "internal.h"

/*
 * How much to map for a buffer that ends at @end. If the buffer has outgrown a range,
 * reserve addresses beyond the end: doubling the size each time makes appending cost
 * few mappings and, in total, less than four times the address space of the buffer.
 */
static uint64_t range_room(const struct iobmd_range *outgrown, uint64_t end)
{
	uint64_t twice = outgrown ? 2 * outgrown->area.size : 0;

	return twice > end ? twice : end;
}

/* If there is no room beyond the end (RLIMIT_AS, mlockall(2)), map only up to the end. */
static int range_grow(struct iobmd_area *area, uint64_t end, uint64_t room, int flags)
{
	int ret = area->size < room ? iobmd_area_grow(area, room, flags) : 0;

	if (!ret || area->size >= end)
		return 0;
	return room > end ? iobmd_area_grow(area, end, flags) : ret;
}

static int range_prot(const struct iobmd_get_info *info, uint32_t flags)
{
	if (flags & IOBMD_MAPPING_READ_ONLY || info->seals & IOBMD_SEAL_WRITE ||
	    !(info->rights & IOBMD_RIGHT_WRITE))
		return PROT_READ;
	return PROT_READ | PROT_WRITE;
}

static int range_map_length(struct iobmd_area *area, int fd,
			    const struct iobmd_get_info *info)
{
	int ret;

	area->size = iobmd_round_up(info->length, info->page_size);

	ret = iobmd_area_map(fd, area, 0, info);
	/* Sealed against writing since @info was read. */
	if (ret == -EPERM) {
		area->prot = PROT_READ;
		ret = iobmd_area_map(fd, area, 0, info);
	}
	/* The length has become smaller. Unless it is 0, at least one page can be mapped. */
	if (ret == -EINVAL) {
		area->size = info->page_size;
		ret = iobmd_area_map(fd, area, 0, info);
	}
	return ret;
}

/*
 * A new mapping must not extend beyond the length, but an existing one may: it is
 * extended to the capacity before its address is returned. -EINVAL: the length is 0.
 */
static int range_map(struct iobmd_range *range, int fd,
		     const struct iobmd_get_info *info)
{
	uint64_t end = iobmd_round_up(info->capacity, info->page_size);
	struct iobmd_area *area = &range->area;
	int ret;

	ret = range_map_length(area, fd, info);
	if (ret)
		return ret;

	ret = range_grow(area, end, range_room(range->next, end), MREMAP_MAYMOVE);
	if (ret)
		iobmd_area_unmap(area);
	return ret;
}

static int range_create(struct iobmd_range **newest, int fd, uint32_t flags,
			const struct iobmd_get_info *info)
{
	struct iobmd_range *range = calloc(1, sizeof(*range));
	int ret;

	if (!range)
		return -ENOMEM;

	range->next = *newest;
	range->area.prot = range_prot(info, flags);
	ret = range_map(range, fd, info);
	if (ret) {
		free(range);
		return ret;
	}

	*newest = range;
	return 0;
}

/* Whether the newest range covers the length, or can be extended in place to do so. */
static bool range_covers(struct iobmd_range *newest, const struct iobmd_get_info *info)
{
	uint64_t end = iobmd_round_up(info->capacity, info->page_size);

	return info->length <= newest->area.size ||
	       !range_grow(&newest->area, end, range_room(newest, end), 0);
}

static int get_address_range_locked(struct iobmd_buffer *buffer, uint32_t flags,
				    struct iobmd_address_segment *segment)
{
	struct iobmd_range **newest = &buffer->ranges[!!flags];
	struct iobmd_get_info info;
	int ret;

	ret = iobmd_fd_get_info(buffer->fd, &info);
	if (ret)
		return ret;

	if (info.length && !(*newest && range_covers(*newest, &info))) {
		ret = range_create(newest, buffer->fd, flags, &info);
		/* The length has become 0. */
		if (ret == -EINVAL)
			info.length = 0;
		else if (ret)
			return ret;
	}

	*segment = (struct iobmd_address_segment){ .length = info.length };
	if (*newest) {
		segment->address = (*newest)->area.address;
		if (!((*newest)->area.prot & PROT_WRITE))
			segment->flags = IOBMD_MAPPING_READ_ONLY;
	}
	return 0;
}

IOBMD_EXPORT int iobmd_buffer_get_address_range(struct iobmd_buffer *buffer, uint32_t flags,
						struct iobmd_address_segment *segment)
{
	int ret;

	if (flags & ~(uint32_t)IOBMD_MAPPING_READ_ONLY)
		return -EINVAL;

	pthread_mutex_lock(&buffer->lock);
	ret = get_address_range_locked(buffer, flags, segment);
	pthread_mutex_unlock(&buffer->lock);
	return ret;
}

static void ranges_free(struct iobmd_range **newest)
{
	struct iobmd_range *next, *range = *newest;

	*newest = NULL;
	while (range) {
		next = range->next;
		iobmd_area_unmap(&range->area);
		free(range);
		range = next;
	}
}

IOBMD_EXPORT void iobmd_buffer_put_address_range(struct iobmd_buffer *buffer)
{
	pthread_mutex_lock(&buffer->lock);
	ranges_free(&buffer->ranges[0]);
	ranges_free(&buffer->ranges[1]);
	pthread_mutex_unlock(&buffer->lock);
}

IOBMD_EXPORT void *iobmd_segment_at(const struct iobmd_address_segment *segment,
				    uint64_t offset, uint64_t length)
{
	if (!segment->address || offset > segment->length || length > segment->length - offset)
		return NULL;
	return (char *)segment->address + offset;
}
