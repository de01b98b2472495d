/* SPDX-License-Identifier: GPL-2.0 */
/* A machine with memory, but without a free huge page or any that could be put together. */
#ifndef IOBMD_TEST_FRAGMENT_H
#define IOBMD_TEST_FRAGMENT_H

#include "machine.h"

#define BLOCK	16	/* pages: what is taken at a time, as a page at a time takes long */
#define GRAIN	16	/* blocks: of so many, one is kept */

static inline int create_in_blocks(void)
{
	struct iobmd_create args = { .capacity = BLOCK * page_size(), .huge = IOBMD_HUGE_NONE,
				     .alignment = BLOCK * page_size() };

	return iobmd_create_args(&args);
}

/*
 * Takes memory until there is none, by turns: what another one's block follows cannot
 * join. What is kept of it, or -1.
 */
static inline int fragment(void)
{
	uint64_t block = BLOCK * page_size();
	int others = create_in_blocks(), kept = create_in_blocks();

	for (uint64_t i = 1; !iobmd_resize(others, i * (GRAIN - 1) * block); i++) {
		if (iobmd_resize(kept, i * block))
			break;
	}
	return close(others) ? -1 : kept;
}

/* Takes the huge pages that there are nevertheless; how many buffers have them. */
static inline int huge_pages_take(int *takers, int most)
{
	uint64_t huge = huge_page_size(), take = meminfo("MemTotal:") / 4;
	int count = 0;

	while (take >= huge && count < most) {
		int fd = iobmd_create_huge(take / huge * huge, IOBMD_HUGE_REQUIRE);

		if (fd < 0)
			take /= 2;
		else
			takers[count++] = fd;
	}
	return count;
}

#endif /* IOBMD_TEST_FRAGMENT_H */
