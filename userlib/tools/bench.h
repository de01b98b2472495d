/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What iobmd bench compares. */
#ifndef IOBMD_TOOL_BENCH_H
#define IOBMD_TOOL_BENCH_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct made - a buffer of any kind
 * @fd: To be mapped at offset 0, or -1.
 * @memory: The memfd below a udmabuf, or -1.
 */
struct made {
	int fd;
	int memory;
};

/**
 * struct peer - a kind of buffers
 * @name: The name in the table.
 * @create: Creates one of whole pages; 0 or a negative errno, and then nothing is open.
 * @export: Creates a dma-buf of one; NULL if not supported, or if it is one.
 */
struct peer {
	const char *name;
	int (*create)(uint64_t size, struct made *made);
	int (*export)(const struct made *made, uint64_t size);
};

/* Those of the module come first. */
extern const struct peer peers[];
extern const size_t nr_peers;

void made_close(struct made *made);

#endif /* IOBMD_TOOL_BENCH_H */
