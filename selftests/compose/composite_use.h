/* SPDX-License-Identifier: GPL-2.0 */
/* A composite for tests of what can be done with one. */
#ifndef IOBMD_TEST_COMPOSITE_USE_H
#define IOBMD_TEST_COMPOSITE_USE_H

#include "composite.h"

/*
 * A composite of which every kind of edge is there: between two buffers, within a
 * huge page, and an end within a page.
 */
FIXTURE(composite)
{
	size_t page;
	uint64_t huge;
	struct member a;	/* a huge page and two pages */
	struct member b;	/* a huge page and a bit */
	uint64_t start;		/* of the part of a, that goes to its end: in the huge page */
	uint64_t edge;		/* of the composite: where all of b begins */
	uint64_t length;
	uint64_t whole;		/* in whole pages */
	int fd;
};

FIXTURE_VARIANT(composite)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(composite, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(composite, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(composite)
{
	self->page = page_size();
	self->huge = huge_page_size();
	ASSERT_TRUE(member_create(&self->a, self->huge + 2 * self->page, variant->huge, 1));
	ASSERT_TRUE(member_create(&self->b, self->huge + 100, variant->huge, 2));
	self->start = self->huge - 3 * self->page;
	self->edge = self->a.size - self->start;
	self->length = self->edge + self->b.size;
	self->whole = page_round(self->length);
	self->fd = compose(0, part(self->a.fd, self->start, 0), part(self->b.fd, 0, 0));
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(composite)
{
}

/* The first byte of [@offset, +@length) of the composite that is wrong in @bytes, or -1. */
#define composite_differs(bytes, offset, length)			\
	composite_check(&self->a, &self->b, self->start, bytes, offset, length)

static inline ssize_t composite_check(const struct member *a, const struct member *b,
				      uint64_t start, const uint8_t *bytes, uint64_t offset,
				      uint64_t length)
{
	uint64_t edge = a->size - start, first = 0;
	ssize_t differs;

	if (offset < edge) {
		first = length < edge - offset ? length : edge - offset;
		differs = check_pattern(bytes, start + offset, first, a->seed);
		if (differs >= 0)
			return differs;
	}
	differs = check_pattern(bytes + first, offset + first - edge, length - first, b->seed);
	return differs < 0 ? -1 : (ssize_t)first + differs;
}

#endif /* IOBMD_TEST_COMPOSITE_USE_H */
