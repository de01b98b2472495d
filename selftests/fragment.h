/* SPDX-License-Identifier: GPL-2.0 */
/* A machine with memory, but without a free huge page or any that could be put together. */
#ifndef IOBMD_TEST_FRAGMENT_H
#define IOBMD_TEST_FRAGMENT_H

#include "machine.h"

#define GRAIN	256	/* pages: of so many, one is kept */

/* Takes memory until there is none, by turns: what another one's page follows cannot join. */
static inline int fragment(int kept)
{
	uint64_t page = page_size();
	int others = iobmd_create_huge(page, IOBMD_HUGE_NONE);

	for (uint64_t i = 1; !iobmd_resize(others, i * (GRAIN - 1) * page); i++) {
		if (iobmd_resize(kept, i * page))
			break;
	}
	return close(others);
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
