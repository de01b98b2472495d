// SPDX-License-Identifier: GPL-2.0
/* The data of the buffers: a stamp at the start of each page, and zeros. */

#include "pin.h"

#include "bench.h"

void pages_write(uint8_t *map, uint64_t from, uint64_t end)
{
	uint64_t page = bench_page_size();

	for (uint64_t at = from; at < end; at += page)
		*(volatile uint64_t *)(map + at) = stamp_of(at);
}

uint64_t pages_read(const uint8_t *map, uint64_t size)
{
	uint64_t page = bench_page_size(), sum = 0;

	for (uint64_t at = 0; at < size; at += page)
		sum += *(const volatile uint64_t *)(map + at);
	return sum;
}

/* Of all words */
uint64_t pages_sum(const uint8_t *map, uint64_t size)
{
	const uint64_t *words = (const uint64_t *)map;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < size / sizeof(*words); i++)
		sum += words[i];
	return sum;
}

uint64_t stamps_sum(uint64_t size)
{
	uint64_t page = bench_page_size(), sum = 0;

	for (uint64_t at = 0; at < size; at += page)
		sum += stamp_of(at);
	return sum;
}

void check_stamps(struct trial *trial, const uint8_t *map, uint64_t size)
{
	if (stamps_lost(map, size) >= 0)
		trial->failure = "a page has lost what was written to it";
}

/* All but the first @skip bytes of each page */
void check_zero(struct trial *trial, const uint8_t *map, uint64_t size, uint64_t skip)
{
	uint64_t page = bench_page_size();

	for (uint64_t at = 0; at < size; at += page) {
		if (check_bytes(map + at + skip, page - skip, 0) >= 0)
			trial->failure = "new memory is not zero";
	}
}
