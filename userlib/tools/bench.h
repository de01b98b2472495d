/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What iobmd bench compares. */
#ifndef IOBMD_TOOL_BENCH_H
#define IOBMD_TOOL_BENCH_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct made - a buffer of any make
 * @fd: To be mapped at offset 0, or -1.
 * @memory: The memfd below a udmabuf, or -1.
 */
struct made {
	int fd;
	int memory;
};

/**
 * struct peer - a make of buffers
 * @name: As in the table.
 * @create: Makes one of whole pages; 0 or a negative errno.
 * @export: Makes a dma-buf of one; NULL if it cannot, or is one.
 */
struct peer {
	const char *name;
	int (*create)(uint64_t size, struct made *made);
	int (*export)(const struct made *made, uint64_t size);
};

/* The module's come first. */
extern const struct peer peers[];
extern const size_t nr_peers;

void made_close(struct made *made);

#endif /* IOBMD_TOOL_BENCH_H */
