/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A batch: the huge folios that a large buffer needs next, allocated on several CPUs at
 * once. Zeroing them is nearly all of the work. Charging them to the memory cgroup and
 * adding them to the page cache remains with the caller.
 */
#ifndef IOBMD_BATCH_H
#define IOBMD_BATCH_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "internal.h"

/* How many CPUs may help that of the caller. */
#define IOBMD_BATCH_HELPERS	3

struct iobmd_batch;

struct iobmd_batch_helper {
	struct work_struct work;
	struct iobmd_batch *batch;
};

/**
 * struct iobmd_batch - huge folios for one call
 * @asked: The requested NUMA node, or NUMA_NO_NODE.
 * @node: The node that this batch is allocated from.
 * @size: How many folios the next batch may have; 0 for no more batches.
 * @wanted: How many folios of this batch no CPU has begun to allocate.
 * @lock: Protects what follows while helpers run.
 * @folios: Linked by lru, zeroed, and not charged yet.
 * @held: How many folios are on @folios.
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
