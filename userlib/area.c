// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Areas of address space: the only file that maps and unmaps. It uses mmap(2), since
 * tools that trace system calls, like valgrind, do not know about mappings made by an
 * ioctl.
 */
#include <errno.h>
#include <sys/mman.h>

#include "internal.h"

#define AREA_NO_ACCESS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
#define AREA_TRIES 100

/* Maps at @address or fails. */
static int map_at(char *address, size_t size, int prot, int flags, int fd,
		  off_t offset)
{
	char *got = mmap(address, size, prot, flags | MAP_FIXED_NOREPLACE, fd,
			 offset);

	if (got == MAP_FAILED)
		return -errno;

	/* valgrind treats the address as a hint. */
	if (got != address) {
		munmap(got, size);
		return -EEXIST;
	}
	return 0;
}

static int area_flags(const struct iobmd_area *area)
{
	return MAP_SHARED | (area->prefault ? MAP_POPULATE : 0);
}

static int area_map_at(int fd, const struct iobmd_area *area, uint64_t offset)
{
	if (area->size > SIZE_MAX)
		return -ENOMEM;
	return map_at(area->address, area->size, area->prot, area_flags(area),
		      fd, offset);
}

static int area_map_anywhere(int fd, struct iobmd_area *area, uint64_t offset)
{
	if (area->size > SIZE_MAX)
		return -ENOMEM;

	area->address = mmap(NULL, area->size, area->prot, area_flags(area), fd,
			     offset);
	return area->address == MAP_FAILED ? -errno : 0;
}

static int guard_map(char *address, uint64_t size)
{
	return size ? map_at(address, size, PROT_NONE, AREA_NO_ACCESS, -1, 0) :
		      0;
}

static int guard_unmap(char *address, uint64_t size)
{
	return size && munmap(address, size) ? -errno : 0;
}

/* Maps @area at its address. Does not replace mappings: -EEXIST. */
int iobmd_area_map_fixed(int fd, struct iobmd_area *area, uint64_t offset)
{
	int ret;

	/* The errno of the kernel for an address that is too low. */
	if ((uintptr_t)area->address < area->guard)
		return -EPERM;

	ret = guard_map(area->address - area->guard, area->guard);
	if (ret)
		return ret;

	ret = area_map_at(fd, area, offset);
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

static bool area_has_huge(const struct iobmd_area *area,
			  const struct iobmd_get_info *info)
{
	return info->huge_page_size && area->size >= info->huge_page_size;
}

/*
 * Unmaps all of [@room, +@total) except [@room + @skip, +@size). The kernel may have
 * merged the room with adjacent inaccessible memory; then cutting it off needs one more
 * mapping, which vm.max_map_count may not allow.
 */
static int room_trim(char *room, uint64_t total, uint64_t skip, uint64_t size)
{
	int ret;

	ret = guard_unmap(room, skip);
	if (ret) {
		munmap(room, total);
		return ret;
	}
	ret = guard_unmap(room + skip + size, total - skip - size);
	if (ret)
		munmap(room + skip, total - skip);
	return ret;
}

/*
 * Reserves inaccessible address space for @area and its guards, aligned for huge pages
 * of the buffer. Sets the address.
 */
static int area_reserve(struct iobmd_area *area, uint64_t offset,
			const struct iobmd_get_info *info)
{
	uint64_t size = area->size + 2 * area->guard;
	uint64_t align = info->page_size;
	uintptr_t skip;
	char *room;

	if (area_has_huge(area, info))
		align = info->huge_page_size;
	if (size + align > SIZE_MAX)
		return -ENOMEM;

	room = mmap(NULL, size + align, PROT_NONE, AREA_NO_ACCESS, -1, 0);
	if (room == MAP_FAILED)
		return -errno;

	skip = (offset - (uintptr_t)room - area->guard) & (align - 1);
	area->address = room + skip + area->guard;
	return room_trim(room, size + align, skip, size);
}

/*
 * -EEXIST: another thread has mapped something where the room was. -ENOMEM: the process
 * has reached its limit of mappings, and the room cannot be split.
 */
static int area_map_in_room(int fd, struct iobmd_area *area, uint64_t offset)
{
	int ret;

	if (munmap(area->address, area->size)) {
		ret = -errno;
		iobmd_area_unmap(area);
		return ret;
	}
	ret = area_map_at(fd, area, offset);
	if (ret) {
		guard_unmap(area->address - area->guard, area->guard);
		guard_unmap(area->address + area->size, area->guard);
	}
	return ret;
}

/*
 * Without guards the kernel aligns the mapping for huge pages, except from 6.12 on for
 * 32-bit programs.
 */
static bool area_needs_room(const struct iobmd_area *area,
			    const struct iobmd_get_info *info)
{
	return area->guard || (sizeof(void *) < sizeof(uint64_t) &&
			       area_has_huge(area, info));
}

/* Maps @area anywhere, and sets its address. */
int iobmd_area_map(int fd, struct iobmd_area *area, uint64_t offset,
		   const struct iobmd_get_info *info)
{
	int tries, ret;

	if (!area_needs_room(area, info))
		return area_map_anywhere(fd, area, offset);

	for (tries = 0; tries < AREA_TRIES; tries++) {
		ret = area_reserve(area, offset, info);
		if (ret)
			return ret;

		ret = area_map_in_room(fd, area, offset);
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
