/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The reserve: huge folios that are zeroed in advance for future buffers.
 *
 * A work item for each NUMA node refills its reserve in the background, one folio at a
 * time, and a shrinker gives folios back when memory is short. The kernel counts them
 * as reclaimable and available memory. A folio is charged to a memory cgroup only when
 * it is added to a buffer.
 */
#ifndef IOBMD_RESERVE_H
#define IOBMD_RESERVE_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "internal.h"

enum iobmd_reserve_count {
	IOBMD_RESERVE_TAKEN,
	IOBMD_RESERVE_MISSED,
	IOBMD_RESERVE_REFILLED,
	IOBMD_RESERVE_GIVEN_BACK,
	IOBMD_RESERVE_BAD,
	IOBMD_RESERVE_ZEROING_NS,
	IOBMD_RESERVE_NR_COUNTS,
};

/**
 * struct iobmd_reserve - the reserve of a NUMA node
 * @node: The node.
 * @refill: Adds a folio; queued again until @target is reached.
 * @quiet_until: In jiffies; no refill runs before that.
 * @counts: Statistics; see iobmd_reserve_count_names.
 * @lock: Protects what follows. Held only to add a folio to the list or to remove one.
 *	Innermost.
 * @folios: Linked by their lru.
 * @held: How many folios are on @folios; read without @lock.
 * @target: How many folios to keep ready; read without @lock.
 */
struct iobmd_reserve {
	int node;
	struct delayed_work refill;
	unsigned long quiet_until;
	atomic64_t counts[IOBMD_RESERVE_NR_COUNTS];

	spinlock_t lock ____cacheline_aligned_in_smp;
	struct list_head folios;
	unsigned long held;
	unsigned long target;
};

/* The module parameter, in MiB. */
extern unsigned long iobmd_reserve_mib;

/* Indexed by node; NULL before the module is initialized and after it exits. */
extern struct iobmd_reserve *iobmd_reserves;
extern struct workqueue_struct *iobmd_reserve_wq;

static inline bool iobmd_reserve_is_on(void)
{
	return IOBMD_HAS_HUGE && READ_ONCE(iobmd_reserve_mib);
}

static inline void iobmd_reserve_count(struct iobmd_reserve *reserve,
				       enum iobmd_reserve_count what, s64 nr)
{
	atomic64_add(nr, &reserve->counts[what]);
}

/* reserve.c: for buffers */
int iobmd_reserve_node(int asked);
struct folio *iobmd_reserve_take(int node);
struct folio *iobmd_reserve_take_any(int asked);
bool iobmd_reserve_release(int asked);

/* reserve.c: for reserve_refill.c */
bool iobmd_reserve_add(struct iobmd_reserve *reserve, struct folio *folio);
unsigned long iobmd_reserve_give_back(struct iobmd_reserve *reserve, unsigned long nr,
				      unsigned long keep);
unsigned long iobmd_reserve_yield(struct iobmd_reserve *reserve, unsigned long nr);
void iobmd_reserve_refill_after(struct iobmd_reserve *reserve, unsigned long delay);

/* reserve_refill.c */
int iobmd_reserve_show(struct seq_file *m, void *unused);
int iobmd_reserve_init(void);
void iobmd_reserve_exit(void);

#endif /* IOBMD_RESERVE_H */
