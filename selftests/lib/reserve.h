/* SPDX-License-Identifier: GPL-2.0 */
/* The module's reserve of zeroed huge pages. */
#ifndef IOBMD_TEST_RESERVE_H
#define IOBMD_TEST_RESERVE_H

#include "machine.h"
#include "node.h"

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

/* The size in bytes of a reserve of so many huge pages on each node. */
static inline uint64_t reserve_size(uint64_t huge_pages_per_node)
{
	uint64_t nodes = 0;

	while (reserve_of_node(nodes) != UINT64_MAX)
		nodes++;
	return nodes * huge_pages_per_node * huge_page_size();
}

/*
 * Whether each node has this many free huge pages. The kernel tries hard to compact
 * memory for hugetlb, but hardly for the reserve.
 */
static inline bool reserve_has_room(uint64_t huge_pages_per_node)
{
	bool enough = true;
	char path[128];

	for_each_node(node) {
		snprintf(path, sizeof(path),
			 NODES "/node%d/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages",
			 node, (uint64_t)(huge_page_size() / KIB));
		file_write_number(path, huge_pages_per_node);
		enough &= file_number(path, "") >= huge_pages_per_node;
		file_write_number(path, 0);
	}
	return enough;
}

#define RESERVE_FILL(bytes) do {					\
	ASSERT_EQ(0, reserve_set(bytes));				\
	AWAIT(reserve_is_full());					\
} while (0)

#endif /* IOBMD_TEST_RESERVE_H */
