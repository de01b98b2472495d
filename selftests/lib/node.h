/* SPDX-License-Identifier: GPL-2.0 */
/* NUMA nodes of memory and of processes. */
#ifndef IOBMD_TEST_NODE_H
#define IOBMD_TEST_NODE_H

#include "iobmd_test.h"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define NODES		"/sys/devices/system/node"
#define NODES_MAX	1024

static inline bool node_is_online(int node)
{
	char path[64];

	snprintf(path, sizeof(path), NODES "/node%d", node);
	return !access(path, F_OK);
}

/* The first node after @node, -1 if that was the last. Numbers may be left out. */
static inline int node_next(int node)
{
	while (++node < NODES_MAX) {
		if (node_is_online(node))
			return node;
	}
	return -1;
}

#define for_each_node(node)	\
	for (int node = node_next(-1); node >= 0; node = node_next(node))

static inline int node_last(void)
{
	int last = -1;

	for_each_node(node)
		last = node;
	return last;
}

/* A number that no node has */
static inline int node_offline(void)
{
	int node = 0;

	while (node_is_online(node))
		node++;
	return node;
}

static inline int create_on_node(uint64_t capacity, int node, uint32_t huge)
{
	struct iobmd_create args = {
		.flags = IOBMD_CREATE_F_NODE,
		.capacity = capacity,
		.huge = huge,
		.node = node,
	};

	return iobmd_create_args(&args);
}

/* How many of the buffer's huge pages are on @node. */
static inline uint64_t huge_pages_on(int fd, int node)
{
	uint64_t size = IOBMD_INFO(fd, huge_bytes), huge = huge_page_size(), count = 0;
	uint8_t *map = map_buffer(fd, PROT_READ);

	for (uint64_t at = 0; at < size; at += huge) {
		void *address = map + at;
		int status = -1;

		faults(address, false);
		syscall(SYS_move_pages, 0, 1, &address, NULL, &status, 0);
		count += status == node;
	}
	munmap(map, size);
	return count;
}

/* Moves the caller to a CPU of @node. */
static inline int run_on_node(unsigned int node)
{
	unsigned int cpu_node;

	for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET(cpu, &cpus);
		if (!sched_setaffinity(0, sizeof(cpus), &cpus) &&
		    !syscall(SYS_getcpu, NULL, &cpu_node, NULL) && cpu_node == node)
			return 0;
	}
	return -1;
}

static inline int set_policy(int mode, unsigned long nodes)
{
	return syscall(SYS_set_mempolicy, mode, nodes ? &nodes : NULL, 8 * sizeof(nodes));
}

#endif /* IOBMD_TEST_NODE_H */
