// SPDX-License-Identifier: GPL-2.0
/*
 * Huge pages in a composite: mapped as such where a part has a whole one at an
 * address that fits, and never where one entry would show what is not the part's.
 */
#include "composite.h"
#include "machine.h"

FIXTURE(compose_huge)
{
	size_t page;
	uint64_t huge;
	struct member small;	/* a huge page's worth of small ones, and one more */
	struct member a;	/* two huge pages */
	struct member b;	/* two huge pages */
};

FIXTURE_SETUP(compose_huge)
{
	memory_tidy();
	self->page = page_size();
	self->huge = huge_page_size();
	ASSERT_TRUE(member_create(&self->small, self->huge + self->page, IOBMD_HUGE_NONE, 1));
	ASSERT_TRUE(member_create(&self->a, 2 * self->huge, IOBMD_HUGE_REQUIRE, 2));
	ASSERT_TRUE(member_create(&self->b, 2 * self->huge, IOBMD_HUGE_REQUIRE, 3));
}

FIXTURE_TEARDOWN(compose_huge)
{
}

static uint64_t mapped_huge(const void *map, uint64_t size)
{
	return smaps_bytes(map, size, "FilePmdMapped");
}

/* One touch in each stretch. */
static void touch(const uint8_t *map, uint64_t size, uint64_t step, bool write)
{
	for (uint64_t at = 0; at < size; at += step)
		faults(map + at, write);
}

/* A part, and what it shows. */
struct piece {
	const struct member *member;
	uint64_t offset;
	uint64_t length;
};

/* The composite of these pieces. */
static int compose_pieces(const struct piece *pieces, size_t count)
{
	struct iobmd_compose_part parts[8];

	for (size_t i = 0; i < count; i++)
		parts[i] = part(pieces[i].member->fd, pieces[i].offset, pieces[i].length);
	return iobmd_compose(0, parts, count);
}

/* The first page of @map that does not begin as it should, or -1. */
static ssize_t pages_differ(const uint8_t *map, const struct piece *pieces, size_t count)
{
	uint64_t start = 0;

	for (size_t i = 0; i < count; start += pieces[i++].length) {
		for (uint64_t at = 0; at < pieces[i].length; at += page_size()) {
			if (check_pattern(map + start + at, pieces[i].offset + at, 16,
					  pieces[i].member->seed) >= 0)
				return (start + at) / page_size();
		}
	}
	return -1;
}

/* Where the first touch of a mapping goes, and how; then all is looked at. */
enum order { FORWARDS, BACKWARDS, FROM_THE_MIDDLE, EVERY_OTHER, ORDERS };

static void touch_in_order(const uint8_t *map, uint64_t size, enum order order, bool write)
{
	uint64_t page = page_size(), pages = size / page;

	for (uint64_t i = 0; i < pages; i++) {
		const uint64_t at[ORDERS] = {
			[FORWARDS] = i,
			[BACKWARDS] = pages - 1 - i,
			[FROM_THE_MIDDLE] = (i + pages / 2) % pages,
			[EVERY_OTHER] = i * 2 % pages + (pages % 2 == 0 && i >= pages / 2),
		};

		faults(map + at[order] * page, write);
	}
}

/* Whatever is touched first and how, at addresses that fit huge pages or do not. */
static void expect_right_pages(struct __test_metadata *_metadata, const struct piece *pieces,
			       size_t count)
{
	int fd = compose_pieces(pieces, count);
	uint64_t size = IOBMD_INFO(fd, length), huge = huge_page_size();
	uint8_t *room = mmap(NULL, size + 2 * huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *aligned = address_round(room, huge);
	uint8_t *places[] = { NULL, aligned, aligned + page_size(), aligned + huge / 2 };

	ASSERT_LE(0, fd);
	for (int i = 0; i < ARRAY_SIZE(places) * ORDERS * 2; i++) {
		uint8_t *place = places[i % ARRAY_SIZE(places)];
		enum order order = i / ARRAY_SIZE(places) % ORDERS;
		bool write = i / (ARRAY_SIZE(places) * ORDERS);
		uint8_t *map = mmap(place, size, PROT_READ | PROT_WRITE,
				    MAP_SHARED | (place ? MAP_FIXED : 0), fd, 0);

		ASSERT_NE(MAP_FAILED, (void *)map);
		touch_in_order(map, size, order, write);
		EXPECT_EQ(-1, pages_differ(map, pieces, count)) {
			TH_LOG("at %p, order %d, %s", (void *)map, order, write ? "write" : "read");
		}
		munmap(map, size);
	}
	close(fd);
}

TEST_F(compose_huge, two_buffers_are_mapped_whole)
{
	int fd = compose(0, part(self->a.fd, 0, 0), part(self->b.fd, 0, 0));
	uint64_t size = 4 * self->huge;

	EXPECT_EQ(size, IOBMD_INFO(fd, huge_bytes));
	for (int write = 0; write < 2; write++) {
		uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

		ASSERT_NE(MAP_FAILED, (void *)map);
		touch(map, size, self->huge, write);
		EXPECT_EQ(size, mapped_huge(map, size));
		EXPECT_SHOWS(map, self->a, 0, self->a.size);
		EXPECT_SHOWS(map + self->a.size, self->b, 0, self->b.size);
		munmap(map, size);
	}
}

TEST_F(compose_huge, payload_behind_a_header_is_mapped_whole)
{
	int fd = compose(0, part(self->small.fd, 0, self->page), part(self->a.fd, 0, 0));
	uint64_t size = self->page + self->a.size;
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	if (!ADDRESSES_FIT_HUGE_PAGES)
		SKIP(return, NO_ADDRESS_FITS);
	ASSERT_NE(MAP_FAILED, (void *)map);
	touch(map, size, self->page, true);
	EXPECT_EQ(self->a.size, mapped_huge(map, size));
	EXPECT_SHOWS(map, self->small, 0, self->page);
	EXPECT_SHOWS(map + self->page, self->a, 0, self->a.size);
	munmap(map, size);
	map = iobmd_map(fd, IOBMD_MAP_F_PREFAULT, NULL, 0, 0);
	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(self->a.size, mapped_huge(map, size));
	EXPECT_EQ(size, smaps_bytes(map, size, "Rss"));
	munmap(map, size);
	map = mmap(NULL, size - self->page, PROT_READ, MAP_SHARED, fd, self->page);
	ASSERT_NE(MAP_FAILED, (void *)map);
	touch(map, self->a.size, self->huge, false);
	EXPECT_EQ(self->a.size, mapped_huge(map, self->a.size));
}

/* The longest has its huge pages, and so have those that happen to fit as it does. */
TEST_F(compose_huge, longest_part_decides)
{
	int fd = compose(0, part(self->small.fd, 0, 7 * self->page),
			 part(self->b.fd, self->huge, 0), part(self->small.fd, 0, self->page),
			 part(self->a.fd, 0, 0), part(self->b.fd, 0, self->huge));
	uint64_t size = 8 * self->page + 4 * self->huge, longest = 8 * self->page + self->huge;
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	if (!ADDRESSES_FIT_HUGE_PAGES)
		SKIP(return, NO_ADDRESS_FITS);
	ASSERT_NE(MAP_FAILED, (void *)map);
	touch(map, size, self->page, false);
	EXPECT_EQ(3 * self->huge, mapped_huge(map, size));
	EXPECT_SHOWS(map + 7 * self->page, self->b, self->huge, self->huge);
	EXPECT_SHOWS(map + longest, self->a, 0, self->a.size);
	EXPECT_SHOWS(map + longest + self->a.size, self->b, 0, self->huge);
}

TEST_F(compose_huge, window_of_a_composite_is_mapped_whole_where_it_fits)
{
	int fd = compose(0, part(self->small.fd, 0, 3 * self->page), part(self->a.fd, 0, 0));
	int window = iobmd_window(fd, self->page, 2 * self->page + self->huge);
	uint64_t size = 2 * self->page + self->huge;
	uint8_t *map = map_buffer(window, PROT_READ);

	if (!ADDRESSES_FIT_HUGE_PAGES)
		SKIP(return, NO_ADDRESS_FITS);
	ASSERT_NE(MAP_FAILED, (void *)map);
	touch(map, size, self->page, false);
	EXPECT_EQ(self->huge, mapped_huge(map, size));
	EXPECT_SHOWS(map, self->small, self->page, 2 * self->page);
	EXPECT_SHOWS(map + 2 * self->page, self->a, 0, self->huge);
}

TEST_F(compose_huge, read_only_is_mapped_whole_and_stays_so)
{
	int fd = compose(IOBMD_COMPOSE_F_READ_ONLY, part(self->a.fd, 0, 0));
	uint8_t *map = map_buffer(fd, PROT_READ);

	ASSERT_NE(MAP_FAILED, (void *)map);
	touch(map, self->a.size, self->huge, false);
	EXPECT_EQ(self->a.size, mapped_huge(map, self->a.size));
	EXPECT_EQ(SIGSEGV, faults(map + self->huge, true));
	EXPECT_EQ(SIGSEGV, faults(map + self->huge + self->page, true));
}

TEST_F(compose_huge, whole_only_where_all_of_it_is_mapped)
{
	int fd = compose(0, part(self->a.fd, 0, 0));
	uint8_t *map = mmap(address_hint(fd, self->a.size), self->a.size,
			    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(0, munmap(map + self->page, self->page));
	EXPECT_EQ(0, faults(map, true));
	EXPECT_EQ(SIGSEGV, faults(map + self->page, false));
	EXPECT_EQ(0, mapped_huge(map, self->huge));
	touch(map, self->a.size, self->page, true);
	EXPECT_EQ(self->huge, mapped_huge(map, self->a.size));
	EXPECT_SHOWS(map + 2 * self->page, self->a, 2 * self->page, self->a.size - 2 * self->page);
}

TEST_F_TIMEOUT(compose_huge, part_that_begins_within_a_huge_page_shows_its_own, 120)
{
	const struct piece pieces[] = {
		{ &self->a, 5 * self->page, self->huge },
	};
	const struct piece middle[] = {
		{ &self->a, self->huge / 2, self->huge }, { &self->b, self->page, self->huge },
	};

	expect_right_pages(_metadata, pieces, ARRAY_SIZE(pieces));
	expect_right_pages(_metadata, middle, ARRAY_SIZE(middle));
}

/* It fills a stretch, but other pages of its huge pages would be there. */
TEST_F_TIMEOUT(compose_huge, part_at_addresses_that_do_not_fit_shows_its_own, 120)
{
	const struct piece behind[] = {
		{ &self->a, 0, 2 * self->huge }, { &self->small, 0, 3 * self->page },
		{ &self->b, 0, 2 * self->huge },
	};
	const struct piece cut[] = {
		{ &self->a, 0, 2 * self->huge },
		{ &self->b, self->page, 2 * self->huge - self->page },
	};

	expect_right_pages(_metadata, behind, ARRAY_SIZE(behind));
	expect_right_pages(_metadata, cut, ARRAY_SIZE(cut));
}

TEST_F_TIMEOUT(compose_huge, two_halves_in_one_stretch_show_their_own, 120)
{
	const uint64_t half = self->huge / 2;
	const struct piece halves[] = { { &self->a, 0, half }, { &self->b, half, half } };
	const struct piece same[] = { { &self->a, 0, half }, { &self->a, half, half } };
	const struct piece swapped[] = { { &self->a, half, half }, { &self->a, 0, half } };

	expect_right_pages(_metadata, halves, ARRAY_SIZE(halves));
	expect_right_pages(_metadata, same, ARRAY_SIZE(same));
	expect_right_pages(_metadata, swapped, ARRAY_SIZE(swapped));
}

/* All but a page of a huge page, and another buffer's where that would be. */
TEST_F_TIMEOUT(compose_huge, one_page_of_another_in_a_stretch_is_shown, 120)
{
	const uint64_t page = self->page, most = self->huge - page;
	const struct piece last[] = { { &self->a, 0, most }, { &self->b, most, page } };
	const struct piece first[] = { { &self->b, 0, page }, { &self->a, page, most } };
	const struct piece middle[] = {
		{ &self->a, 0, 9 * page }, { &self->b, 9 * page, page },
		{ &self->a, 10 * page, self->huge - 10 * page },
		{ &self->a, self->huge, self->huge },
	};

	expect_right_pages(_metadata, last, ARRAY_SIZE(last));
	expect_right_pages(_metadata, first, ARRAY_SIZE(first));
	expect_right_pages(_metadata, middle, ARRAY_SIZE(middle));
}

TEST_F_TIMEOUT(compose_huge, same_huge_page_at_two_places_is_shown_at_both, 120)
{
	const struct piece fits[] = {
		{ &self->a, self->huge, self->huge }, { &self->a, self->huge, self->huge },
	};
	const struct piece apart[] = {
		{ &self->a, 0, self->huge }, { &self->small, 0, 3 * self->page },
		{ &self->a, 0, self->huge },
	};

	expect_right_pages(_metadata, fits, ARRAY_SIZE(fits));
	expect_right_pages(_metadata, apart, ARRAY_SIZE(apart));
}

TEST_F_TIMEOUT(compose_huge, small_and_huge_pages_side_by_side_are_shown, 120)
{
	const struct piece pieces[] = {
		{ &self->small, self->page, self->huge }, { &self->a, 0, self->huge },
		{ &self->small, 0, self->page }, { &self->b, self->huge, self->huge },
	};

	expect_right_pages(_metadata, pieces, ARRAY_SIZE(pieces));
}

/* Of a folio of each size between, a part at each end and one in the middle. */
TEST_F_TIMEOUT(compose_huge, parts_of_folios_of_any_size_show_their_own, 120)
{
	const uint64_t page = self->page, half = self->huge / 2;
	struct member mixed;
	const struct piece pieces[] = {
		{ &mixed, page, half - 2 * page }, { &self->small, 0, page },
		{ &mixed, half + 3 * page, half / 2 }, { &mixed, half - page, 2 * page },
		{ &self->a, 7 * page, 9 * page }, { &mixed, self->huge - 18 * page, 17 * page },
	};
	const struct piece in_place[] = {
		{ &mixed, 0, half / 2 }, { &self->b, half / 2, half / 2 },
		{ &mixed, half, half - page },
	};

	ASSERT_TRUE(member_create(&mixed, self->huge - page, IOBMD_HUGE_PREFER, 4));
	expect_right_pages(_metadata, pieces, ARRAY_SIZE(pieces));
	expect_right_pages(_metadata, in_place, ARRAY_SIZE(in_place));
	member_drop(&mixed);
}

TEST_F(compose_huge, written_at_one_place_is_read_at_the_other)
{
	int fd = compose(0, part(self->a.fd, 0, self->huge), part(self->small.fd, 0, self->page),
			 part(self->a.fd, 0, self->huge));
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);
	uint8_t *second = map + self->huge + self->page;

	ASSERT_NE(MAP_FAILED, (void *)map);
	fill_pattern(map, 0, self->huge, 7);
	EXPECT_EQ(-1, check_pattern(second, 0, self->huge, 7));
	EXPECT_EQ(-1, check_pattern(self->a.map, 0, self->huge, 7));
	fill_pattern(second, 0, self->huge, 8);
	EXPECT_EQ(-1, check_pattern(map, 0, self->huge, 8));
	for (uint64_t at = 0; at < self->huge; at += self->page)
		ASSERT_EQ(page_frame(map + at), page_frame(second + at));
}

/* As a shrink takes the huge page apart, the next mapping is of small ones. */
TEST_F(compose_huge, taken_apart_shows_the_same)
{
	struct member cut;
	uint64_t half = self->huge / 2, size = half + self->b.size;
	uint8_t *map;
	int fd;

	if (!ADDRESSES_FIT_HUGE_PAGES)
		SKIP(return, NO_ADDRESS_FITS);
	ASSERT_TRUE(member_create(&cut, self->huge, IOBMD_HUGE_PREFER, 4));
	fd = compose(0, part(cut.fd, 0, half), part(self->b.fd, 0, 0));
	EXPECT_EQ(size, IOBMD_INFO(fd, huge_bytes));
	ASSERT_EQ(0, iobmd_resize(cut.fd, half));
	EXPECT_EQ(self->b.size, IOBMD_INFO(fd, huge_bytes));
	map = map_buffer(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_SHOWS(map, cut, 0, half);
	EXPECT_SHOWS(map + half, self->b, 0, self->b.size);
	EXPECT_EQ(self->b.size, mapped_huge(map, size));
}

TEST_HARNESS_MAIN
