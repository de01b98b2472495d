/* SPDX-License-Identifier: GPL-2.0 */
/* Two huge pages, of which the second is cut by shrinks. */
#ifndef IOBMD_TEST_CUT_H
#define IOBMD_TEST_CUT_H

#include "machine.h"
#include "pin.h"

#include <sys/mman.h>

struct cut {
	size_t page;
	uint64_t huge;
	uint64_t size;		/* two huge pages */
	int fd;
	uint8_t *map;		/* all of that */
};

static inline bool cut_stamp(struct cut *cut)
{
	stamp_pages(cut->map, cut->size);
	return stamps_lost(cut->map, cut->size) == -1;
}

static inline bool cut_create(struct cut *cut)
{
	cut->page = page_size();
	cut->huge = huge_page_size();
	cut->size = 2 * cut->huge;
	cut->fd = iobmd_create_huge(cut->size, IOBMD_HUGE_PREFER);
	cut->map = map_buffer(cut->fd, PROT_READ | PROT_WRITE);
	return cut->map != MAP_FAILED && IOBMD_INFO(cut->fd, huge_bytes) == cut->size &&
	       cut_stamp(cut);
}

/* Both huge pages are whole again, and all pages have their stamps. */
static inline bool cut_restore(struct cut *cut)
{
	return iobmd_resize(cut->fd, cut->huge) == 0 && iobmd_resize(cut->fd, cut->size) == 0 &&
	       IOBMD_INFO(cut->fd, huge_bytes) == cut->size && cut_stamp(cut);
}

/* How many of the bytes a new mapping has in huge pages, as far as addresses fit them. */
static inline uint64_t cut_mapped_huge(const struct cut *cut)
{
	uint64_t capacity = IOBMD_INFO(cut->fd, allocated), bytes;
	uint8_t *map = iobmd_map(cut->fd, 0, NULL, 0, capacity);

	for (uint64_t at = 0; at < capacity; at += cut->page)
		faults(map + at, false);
	bytes = smaps_bytes(map, capacity, "FilePmdMapped");
	munmap(map, capacity);
	return bytes;
}

#endif /* IOBMD_TEST_CUT_H */
