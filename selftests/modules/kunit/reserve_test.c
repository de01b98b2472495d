// SPDX-License-Identifier: GPL-2.0
/* What a reserve takes and gives. */

#include "reserve.c"

#include "instance.h"

#define TARGET	2

static void reserve_begin(struct iobmd_reserve *reserve)
{
	*reserve = (struct iobmd_reserve){ .target = TARGET };
	spin_lock_init(&reserve->lock);
	INIT_LIST_HEAD(&reserve->folios);
}

static void put_folio(void *folio)
{
	folio_put(folio);
}

/* The case frees it at its end, wherever it is then. */
static struct folio *new_folio(struct kunit *test)
{
	struct folio *folio = folio_alloc(IOBMD_GFP, IOBMD_HUGE_ORDER);

	KUNIT_ASSERT_NOT_NULL(test, folio);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_folio, folio));
	return folio;
}

static void full_reserve_takes_no_more(struct kunit *test)
{
	struct folio *folio = new_folio(test);
	struct iobmd_reserve reserve;
	int i;

	reserve_begin(&reserve);
	for (i = 0; i < TARGET; i++)
		KUNIT_EXPECT_TRUE(test, iobmd_reserve_add(&reserve, new_folio(test)));
	KUNIT_EXPECT_FALSE(test, iobmd_reserve_add(&reserve, folio));
	KUNIT_EXPECT_EQ(test, TARGET, reserve.held);
	for (i = 0; i < TARGET; i++)
		KUNIT_EXPECT_NOT_NULL(test, iobmd_reserve_remove_good(&reserve, 0));
	KUNIT_EXPECT_NULL(test, iobmd_reserve_remove_good(&reserve, 0));
	KUNIT_EXPECT_EQ(test, 0, reserve.held);
}

static void what_shall_be_left_is_left(struct kunit *test)
{
	struct iobmd_reserve reserve;

	reserve_begin(&reserve);
	KUNIT_EXPECT_TRUE(test, iobmd_reserve_add(&reserve, new_folio(test)));
	KUNIT_EXPECT_NULL(test, iobmd_reserve_remove_good(&reserve, 1));
	KUNIT_EXPECT_NULL(test, iobmd_reserve_remove_good(&reserve, ULONG_MAX));
	KUNIT_EXPECT_NOT_NULL(test, iobmd_reserve_remove_good(&reserve, 0));
}

/* Also if the page with the error is not the first. */
static void folio_with_an_error_goes_to_nobody(struct kunit *test)
{
	struct folio *good = new_folio(test), *bad = new_folio(test);
	struct page *page = folio_page(bad, IOBMD_HUGE_PAGES - 1);
	struct iobmd_reserve reserve;

	reserve_begin(&reserve);
	KUNIT_EXPECT_TRUE(test, iobmd_reserve_add(&reserve, good));
	KUNIT_EXPECT_TRUE(test, iobmd_reserve_add(&reserve, bad));
	SetPageHWPoison(page);
	KUNIT_EXPECT_PTR_EQ(test, good, iobmd_reserve_remove_good(&reserve, 0));
	KUNIT_EXPECT_NULL(test, iobmd_reserve_remove_good(&reserve, 0));
	KUNIT_EXPECT_EQ(test, 1, atomic64_read(&reserve.counts[IOBMD_RESERVE_BAD]));
	ClearPageHWPoison(page);
}

static struct kunit_case reserve_cases[] = {
	KUNIT_CASE(full_reserve_takes_no_more),
	KUNIT_CASE(what_shall_be_left_is_left),
	KUNIT_CASE(folio_with_an_error_goes_to_nobody),
	{}
};

static struct kunit_suite reserve_suite = {
	.name		= "iobmd_reserve",
	.test_cases	= reserve_cases,
};

kunit_test_suite(reserve_suite);
