// SPDX-License-Identifier: GPL-2.0
/* Random choices, the same again for the same seed. */
#include "common.h"

/* A number of the environment; @otherwise if it is not there. */
uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/*
 * All choices of operation @index come from the seed and its own number: to leave
 * one operation out does not change the others.
 */
void random_seed(struct random *random, uint64_t seed, uint64_t index)
{
	random->state = seed;
	random->state = random_next(random) ^ index * 0xd1342543de82ef95ull;
}

/* 0 to @limit - 1; 0 if there is no such number. */
uint64_t random_below(struct random *random, uint64_t limit)
{
	uint64_t value = random_next(random);

	return limit ? value % limit : 0;
}

bool random_chance(struct random *random, unsigned int percent)
{
	return random_below(random, 100) < percent;
}

/* What no call may take for a sum that wraps or a negative number. */
uint64_t random_absurd(struct random *random)
{
	const uint64_t values[] = {
		1ull << 50, 1ull << 63, (1ull << 63) - 1, (1ull << 63) - random->page,
		UINT64_MAX, UINT64_MAX - random->page + 1, UINT64_MAX - random->page,
		UINT64_MAX - random->huge + 1,
	};

	return RANDOM_OF(random, values);
}

static uint64_t random_edge(struct random *random, uint64_t limit)
{
	const uint64_t values[] = {
		0, 1, random->page - 1, random->page, random->page + 1, random->huge - 1,
		random->huge, random->huge + 1, limit - 1, limit, limit + 1,
		page_round(limit), page_round(limit) + random->page,
	};

	return RANDOM_OF(random, values);
}

/* An offset or a length: mostly one that fits something of @limit bytes. */
uint64_t random_offset(struct random *random, uint64_t limit)
{
	unsigned int kind = random_below(random, 100);

	if (kind < 45)
		return random_below(random, page_round(limit) / random->page) * random->page;
	if (kind < 70)
		return random_below(random, limit);
	if (kind < 96)
		return random_edge(random, limit);
	return random_absurd(random);
}

/* The same, but a multiple of the page size more often than not. */
uint64_t random_page_offset(struct random *random, uint64_t limit)
{
	uint64_t offset = random_offset(random, limit);

	return random_chance(random, 85) ? offset / random->page * random->page : offset;
}

uint64_t random_helped(struct random *random)
{
	return CAPACITY_HELPED + random_below(random, CAPACITY_HELPED_MAX - CAPACITY_HELPED);
}

/* At most two huge pages and sixteen small ones, but for a few; or absurd. */
uint64_t random_capacity(struct random *random)
{
	unsigned int kind = random_below(random, 100);

	if (kind < 35)
		return 1 + random_below(random, 16 * random->page);
	if (kind < 50)
		return (1 + random_below(random, 16)) * random->page;
	if (kind < 65)
		return (1 + random_below(random, 2)) * random->huge;
	if (kind < 92)
		return random->huge + random_below(random, random->huge + 8 * random->page);
	if (kind < 96)
		return random_edge(random, random->huge);
	if (kind < 98)
		return random_helped(random);
	return random_absurd(random);
}

void random_fill(struct random *random, void *bytes, size_t length)
{
	uint64_t word = random_next(random);

	for (size_t i = 0; i < length; i += sizeof(word)) {
		word = word * 6364136223846793005ull + 1442695040888963407ull;
		memcpy((uint8_t *)bytes + i, &word,
		       length - i < sizeof(word) ? length - i : sizeof(word));
	}
}
