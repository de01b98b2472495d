// SPDX-License-Identifier: LGPL-2.1-or-later
/* Areas of address space: the one place that maps and unmaps. */
#include <errno.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "internal.h"

#define AREA_NO_ACCESS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
#define AREA_TRIES 100

/* A size of 0 means up to the length of the buffer, and becomes that. */
static int area_ioctl(int fd, struct iobmd_area *area, uint32_t flags,
		      uint64_t offset)
{
	struct iobmd_map map = {
		.size = sizeof(map),
		.flags = flags,
		.address = (uintptr_t)area->address,
		.offset = offset,
		.length = area->size,
	};

	if (ioctl(fd, IOBMD_IOC_MAP, &map))
		return -errno;

	area->address = (char *)(uintptr_t)map.address;
	area->size = map.length;
	return 0;
}

static int guard_map(char *address, uint64_t size)
{
	void *guard;

	if (!size)
		return 0;

	guard = mmap(address, size, PROT_NONE,
		     AREA_NO_ACCESS | MAP_FIXED_NOREPLACE, -1, 0);
	return guard == MAP_FAILED ? -errno : 0;
}

static void guard_unmap(char *address, uint64_t size)
{
	if (size)
		munmap(address, size);
}

/* Maps @area where it says. Replaces nothing: -EEXIST. */
int iobmd_area_map_fixed(int fd, struct iobmd_area *area, uint32_t flags,
			 uint64_t offset)
{
	int ret;

	ret = guard_map(area->address - area->guard, area->guard);
	if (ret)
		return ret;

	ret = area_ioctl(fd, area, flags | IOBMD_MAP_F_FIXED, offset);
	if (ret)
		goto err_unmap_guard;

	ret = guard_map(area->address + area->size, area->guard);
	if (ret)
		goto err_unmap;

	return 0;

err_unmap:
	munmap(area->address, area->size);
err_unmap_guard:
	guard_unmap(area->address - area->guard, area->guard);
	return ret;
}

/*
 * Makes room for @area and its guards, all of it inaccessible, where huge pages
 * of the buffer can be mapped as such. Sets the address.
 */
static int area_reserve(struct iobmd_area *area, uint64_t offset,
			const struct iobmd_get_info *info)
{
	uint64_t size = area->size + 2 * area->guard;
	uint64_t align = info->page_size;
	uintptr_t skip;
	char *room;

	if (info->huge_page_size && area->size >= info->huge_page_size)
		align = info->huge_page_size;
	if (size + align > SIZE_MAX)
		return -ENOMEM;

	room = mmap(NULL, size + align, PROT_NONE, AREA_NO_ACCESS, -1, 0);
	if (room == MAP_FAILED)
		return -errno;

	skip = (offset - (uintptr_t)room - area->guard) & (align - 1);
	guard_unmap(room, skip);
	guard_unmap(room + skip + size, align - skip);
	area->address = room + skip + area->guard;
	return 0;
}

/* -EEXIST: another thread has mapped something where the room was. */
static int area_map_in_room(int fd, struct iobmd_area *area, uint32_t flags,
			    uint64_t offset)
{
	int ret;

	munmap(area->address, area->size);
	ret = area_ioctl(fd, area, flags | IOBMD_MAP_F_FIXED, offset);
	if (ret) {
		guard_unmap(area->address - area->guard, area->guard);
		guard_unmap(area->address + area->size, area->guard);
	}
	return ret;
}

/*
 * Without guards the kernel finds a place that fits huge pages, but 6.12 not for
 * 32-bit programs. Room can be made only for a size that is known (not 0).
 */
static bool area_needs_room(const struct iobmd_area *area)
{
	return area->guard ||
	       (area->size && sizeof(void *) < sizeof(uint64_t));
}

/* Maps @area anywhere, and sets its address. */
int iobmd_area_map(int fd, struct iobmd_area *area, uint32_t flags,
		   uint64_t offset, const struct iobmd_get_info *info)
{
	int tries, ret;

	area->address = NULL;
	if (!area_needs_room(area))
		return area_ioctl(fd, area, flags, offset);

	for (tries = 0; tries < AREA_TRIES; tries++) {
		ret = area_reserve(area, offset, info);
		if (ret)
			return ret;

		ret = area_map_in_room(fd, area, flags, offset);
		if (ret != -EEXIST)
			return ret;
	}
	return -EAGAIN;
}

/* Only for areas without guards. With MREMAP_MAYMOVE the address may change. */
int iobmd_area_grow(struct iobmd_area *area, uint64_t size, int flags)
{
	void *address;

	if (size > SIZE_MAX)
		return -ENOMEM;

	address = mremap(area->address, area->size, size, flags);
	if (address == MAP_FAILED)
		return -errno;

	area->address = address;
	area->size = size;
	return 0;
}

void iobmd_area_unmap(const struct iobmd_area *area)
{
	munmap(area->address - area->guard, area->size + 2 * area->guard);
}
