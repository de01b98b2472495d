// SPDX-License-Identifier: GPL-2.0
/* Allocating batches of huge folios, with the help of other processors. */

#include <linux/cpumask.h>
#include <linux/cpuset.h>
#include <linux/mempolicy.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "batch.h"

/* The largest batch: how far a buffer can exceed its memory cgroup for a moment. */
#define IOBMD_BATCH_MAX		(SZ_32M / PMD_SIZE)

/* To wake another processor has to pay. */
#define IOBMD_BATCH_PER_CPU	2UL

/* A helper waits for nothing: what it does not find, the caller may look for. */
#define IOBMD_GFP_BATCH	(IOBMD_GFP_LIGHT & ~__GFP_DIRECT_RECLAIM)

static struct workqueue_struct *iobmd_batch_wq;

/*
 * The node to allocate from, if one is as good as what the allocator would choose
 * for the caller: neither the policy nor the cpuset of the caller binds a helper.
 */
static int iobmd_batch_node(int node)
{
	if (!nodes_subset(node_states[N_MEMORY], cpuset_current_mems_allowed))
		return NUMA_NO_NODE;
	if (node != NUMA_NO_NODE)
		return node;
#ifdef CONFIG_NUMA
	if (current->mempolicy && current->mempolicy->mode != MPOL_LOCAL)
		return NUMA_NO_NODE;
#endif
	return numa_mem_id();
}

/* @node: The one that was asked for, or NUMA_NO_NODE. */
void iobmd_batch_begin(struct iobmd_batch *batch, int node)
{
	batch->node = iobmd_batch_node(node);
	batch->held = 0;
	spin_lock_init(&batch->lock);
	INIT_LIST_HEAD(&batch->folios);
}

/* Returns whether there may be more to do. */
static bool iobmd_batch_add_new(struct iobmd_batch *batch)
{
	struct folio *folio;

	if (atomic_dec_if_positive(&batch->wanted) < 0)
		return false;
	folio = __folio_alloc_node(IOBMD_GFP_BATCH, IOBMD_HUGE_ORDER, batch->node);
	if (!folio)
		return false;

	spin_lock(&batch->lock);
	list_add(&folio->lru, &batch->folios);
	batch->held++;
	spin_unlock(&batch->lock);
	cond_resched();
	return true;
}

static void iobmd_batch_help(struct work_struct *work)
{
	struct iobmd_batch_helper *helper =
		container_of(work, struct iobmd_batch_helper, work);

	while (iobmd_batch_add_new(helper->batch))
		;
}

static void iobmd_batch_start(struct iobmd_batch *batch, unsigned int nr_helpers)
{
	unsigned int i;

	for (i = 0; i < nr_helpers; i++) {
		batch->helpers[i].batch = batch;
		INIT_WORK_ONSTACK(&batch->helpers[i].work, iobmd_batch_help);
		queue_work(iobmd_batch_wq, &batch->helpers[i].work);
	}
}

/* Helpers that have not begun by now never do. */
static void iobmd_batch_stop(struct iobmd_batch *batch, unsigned int nr_helpers)
{
	unsigned int i;

	atomic_set(&batch->wanted, 0);
	for (i = 0; i < nr_helpers; i++) {
		cancel_work_sync(&batch->helpers[i].work);
		destroy_work_on_stack(&batch->helpers[i].work);
	}
}

static void iobmd_batch_fill(struct iobmd_batch *batch, unsigned long nr)
{
	unsigned int nr_cpus = min3(nr / IOBMD_BATCH_PER_CPU,
				    (unsigned long)num_online_cpus(),
				    IOBMD_BATCH_HELPERS + 1UL);

	if (nr_cpus < 2)
		return;
	atomic_set(&batch->wanted, nr);
	iobmd_batch_start(batch, nr_cpus - 1);
	while (!fatal_signal_pending(current) && iobmd_batch_add_new(batch))
		;
	iobmd_batch_stop(batch, nr_cpus - 1);

	/* Where there are not enough of them, it would be the same the next time. */
	if (batch->held < nr)
		batch->node = NUMA_NO_NODE;
}

/**
 * iobmd_batch_take - take a huge folio, of a new batch if there is none
 * @batch: The batch, begun.
 * @nr: How many the caller is going to need, this one included.
 *
 * Return: the folio, zeroed, with a reference for the caller, or NULL.
 */
struct folio *iobmd_batch_take(struct iobmd_batch *batch, unsigned long nr)
{
	struct folio *folio;

	if (!batch->held && batch->node != NUMA_NO_NODE)
		iobmd_batch_fill(batch, min(nr, IOBMD_BATCH_MAX));
	if (!batch->held)
		return NULL;
	folio = list_first_entry(&batch->folios, struct folio, lru);
	list_del(&folio->lru);
	batch->held--;
	return folio;
}

void iobmd_batch_end(struct iobmd_batch *batch)
{
	struct folio *folio, *next;

	list_for_each_entry_safe(folio, next, &batch->folios, lru)
		folio_put(folio);
}

int iobmd_batch_init(void)
{
	iobmd_batch_wq = alloc_workqueue("iobmd_batch", WQ_UNBOUND | WQ_SYSFS, 0);
	return iobmd_batch_wq ? 0 : -ENOMEM;
}

void iobmd_batch_exit(void)
{
	destroy_workqueue(iobmd_batch_wq);
}
