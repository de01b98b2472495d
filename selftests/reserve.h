/* SPDX-License-Identifier: GPL-2.0 */
/* The module's reserve of zeroed huge pages. */
#ifndef IOBMD_TEST_RESERVE_H
#define IOBMD_TEST_RESERVE_H

#include "machine.h"

#define RESERVE_STATISTICS	"/sys/kernel/debug/iobmd/reserve"

static inline uint64_t reserve_number(const char *key)
{
	char line[32];

	snprintf(line, sizeof(line), "%s ", key);
	return file_number(RESERVE_STATISTICS, line);
}

static inline uint64_t reserve_of_node(int node)
{
	char key[16];

	snprintf(key, sizeof(key), "node%d", node);
	return reserve_number(key);
}

static inline int reserve_set(uint64_t bytes)
{
	return parameter_set("reserve_mib", bytes / MIB);
}

static inline bool reserve_is_full(void)
{
	return reserve_number("held") == reserve_number("target");
}

/* Bytes that it can have, as nodes have the same each. */
static inline uint64_t reserve_size(uint64_t huge_pages_per_node)
{
	uint64_t nodes = 0;

	while (reserve_of_node(nodes) != UINT64_MAX)
		nodes++;
	return nodes * huge_pages_per_node * huge_page_size();
}

#define RESERVE_FILL(bytes) do {					\
	ASSERT_EQ(0, reserve_set(bytes));				\
	AWAIT(reserve_is_full());					\
} while (0)

#endif /* IOBMD_TEST_RESERVE_H */
