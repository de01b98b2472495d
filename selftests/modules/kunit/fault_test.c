// SPDX-License-Identifier: GPL-2.0
/* What a page fault maps around it, anywhere in the address space. */

#include "fault.c"

#include "instance.h"

#define PAGE	PAGE_SIZE
#define LAST	(PTRS_PER_PTE - 1)

/* An aligned address in the middle, and the last page table that there can be */
#define MIDDLE	(0x7f12UL << 32)
#define TOP	(ULONG_MAX & PMD_MASK)

static struct iobmd_stretch stretch_of(unsigned long start, unsigned long end, pgoff_t pgoff,
				       unsigned long address)
{
	struct vm_area_struct vma = { .vm_start = start, .vm_end = end, .vm_pgoff = pgoff };
	struct vm_fault vmf = {
		.vma = &vma,
		.address = address,
		.pgoff = pgoff + ((address - start) >> PAGE_SHIFT),
	};

	return iobmd_fault_stretch(&vmf);
}

static void stretch_is_the_page_table_clipped_to_the_mapping(struct kunit *test)
{
	static const struct {
		unsigned long start, end;
		pgoff_t pgoff;
		unsigned long address;
		pgoff_t first, last;
	} faults[] = {
		/* As much as a page table shows */
		{ MIDDLE, MIDDLE + PMD_SIZE, 0, MIDDLE, 0, LAST },
		{ MIDDLE, MIDDLE + PMD_SIZE, 0, MIDDLE + 5 * PAGE, 0, LAST },
		{ MIDDLE, MIDDLE + PMD_SIZE, 0, MIDDLE + PMD_SIZE - 1, 0, LAST },
		{ MIDDLE, MIDDLE + PMD_SIZE, 7, MIDDLE + 5 * PAGE, 7, 7 + LAST },
		/* One page */
		{ MIDDLE, MIDDLE + PAGE, 3, MIDDLE + 9, 3, 3 },
		{ MIDDLE + PMD_SIZE - PAGE, MIDDLE + PMD_SIZE, 3, MIDDLE + PMD_SIZE - 1, 3, 3 },
		/* From the middle of one to the middle of the third */
		{ MIDDLE + PAGE, MIDDLE + 2 * PMD_SIZE + 2 * PAGE, 0,
		  MIDDLE + PMD_SIZE - PAGE, 0, LAST - 1 },
		{ MIDDLE + PAGE, MIDDLE + 2 * PMD_SIZE + 2 * PAGE, 0,
		  MIDDLE + PMD_SIZE, LAST, 2 * LAST },
		{ MIDDLE + PAGE, MIDDLE + 2 * PMD_SIZE + 2 * PAGE, 0,
		  MIDDLE + 2 * PMD_SIZE, 2 * LAST + 1, 2 * LAST + 2 },
		/* More than 32 bits of pages into the buffer */
		{ MIDDLE, MIDDLE + PMD_SIZE, 1UL << 40, MIDDLE + PAGE, 1UL << 40,
		  (1UL << 40) + LAST },
		/* Both ends of the address space */
		{ 0, PMD_SIZE, 0, PAGE, 0, LAST },
		{ TOP, -PAGE, 0, TOP + PAGE, 0, LAST - 1 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		struct iobmd_stretch stretch = stretch_of(faults[i].start, faults[i].end,
							  faults[i].pgoff, faults[i].address);

		KUNIT_EXPECT_EQ_MSG(test, faults[i].first, stretch.first, "fault %d", i);
		KUNIT_EXPECT_EQ_MSG(test, faults[i].last, stretch.last, "fault %d", i);
	}
}

/* The core believes it: to say yes wrongly maps memory of others. */
static void part_fills_a_stretch_only_with_all_of_a_huge_page(struct kunit *test)
{
	static const struct {
		unsigned long address;
		struct iobmd_place place;
		bool fills;
	} faults[] = {
		{ MIDDLE, { .offset = 0, .before = 0, .length = PMD_SIZE }, true },
		{ MIDDLE + 1, { .offset = 0, .before = 0, .length = PMD_SIZE }, true },
		{ MIDDLE, { .offset = 0, .before = 0, .length = PMD_SIZE - PAGE } },
		{ MIDDLE, { .offset = PAGE, .before = PAGE, .length = PMD_SIZE } },
		{ MIDDLE, { .offset = PMD_SIZE, .before = 0, .length = PMD_SIZE }, true },
		{ MIDDLE + 3 * PAGE,
		  { .offset = 3 * PAGE, .before = 3 * PAGE, .length = PMD_SIZE - 3 * PAGE }, true },
		{ MIDDLE + 3 * PAGE,
		  { .offset = 3 * PAGE, .before = 2 * PAGE, .length = PMD_SIZE - 3 * PAGE } },
		{ MIDDLE + 3 * PAGE,
		  { .offset = 3 * PAGE, .before = 3 * PAGE, .length = PMD_SIZE - 4 * PAGE } },
		{ MIDDLE + 3 * PAGE,
		  { .offset = 4 * PAGE, .before = 4 * PAGE, .length = PMD_SIZE } },
		{ MIDDLE + PMD_SIZE - 1,
		  { .offset = -PAGE, .before = PMD_SIZE - PAGE, .length = PAGE }, true },
		{ MIDDLE + PMD_SIZE - 1,
		  { .offset = -PAGE, .before = PMD_SIZE - 2 * PAGE, .length = PAGE } },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		struct vm_fault vmf = { .address = faults[i].address };

		KUNIT_EXPECT_EQ_MSG(test, faults[i].fills,
				    iobmd_place_fills_stretch(&vmf, &faults[i].place),
				    "fault %d", i);
	}
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE(stretch_is_the_page_table_clipped_to_the_mapping),
	KUNIT_CASE(part_fills_a_stretch_only_with_all_of_a_huge_page),
	{}
};

static struct kunit_suite fault_suite = {
	.name		= "iobmd_fault",
	.test_cases	= fault_cases,
};

kunit_test_suite(fault_suite);
