/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A batch: the huge folios that a large buffer needs next, allocated by several
 * processors at once. To allocate is to zero, which is nearly all of the work; the
 * rest the caller does alone: it alone has the memory cgroup and the page cache.
 */
#ifndef IOBMD_BATCH_H
#define IOBMD_BATCH_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "internal.h"

/* How many processors may help the caller's. */
#define IOBMD_BATCH_HELPERS	3

struct iobmd_batch;

struct iobmd_batch_helper {
	struct work_struct work;
	struct iobmd_batch *batch;
};

/**
 * struct iobmd_batch - huge folios for one call
 * @asked: The NUMA node that was asked for, or NUMA_NO_NODE.
 * @node: The one that this batch is allocated from.
 * @size: How many folios the next one may have; 0 if there is to be none.
 * @wanted: How many of this one are still to be begun.
 * @lock: Protects what follows while helpers run.
 * @folios: Linked by lru, zeroed, and charged to nobody.
 * @held: How many.
 * @helpers: In use while a batch is allocated.
 */
struct iobmd_batch {
	int asked;
	int node;
	unsigned long size;
	atomic_t wanted;

	spinlock_t lock;
	struct list_head folios;
	unsigned long held;

	struct iobmd_batch_helper helpers[IOBMD_BATCH_HELPERS];
};

void iobmd_batch_begin(struct iobmd_batch *batch, int asked);
struct folio *iobmd_batch_take(struct iobmd_batch *batch, unsigned long nr);
void iobmd_batch_end(struct iobmd_batch *batch);

#endif /* IOBMD_BATCH_H */
