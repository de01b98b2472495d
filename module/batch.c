// SPDX-License-Identifier: GPL-2.0
/* Allocation of huge folios in batches, on several CPUs. */

#include <linux/cpumask.h>
#include <linux/list_sort.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched/prio.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "batch.h"

/*
 * The first batch and the largest: 8 and 32 MiB on x86-64. The folios of a batch are
 * not charged yet, so the first is small, in case the charge is refused. There are no
 * batches where a single huge page is larger than that.
 */
#define IOBMD_BATCH_MIN		4UL
#define IOBMD_BATCH_MAX		(SZ_32M / PMD_SIZE)

/* Waking another CPU must pay off: allocate at least this many folios on each. */
#define IOBMD_BATCH_PER_CPU	2UL

/* No direct reclaim or compaction for a batch: the caller allocates what is missing. */
#define IOBMD_GFP_BATCH	((IOBMD_GFP_LIGHT & ~__GFP_DIRECT_RECLAIM) | __GFP_NOMEMALLOC)

static struct workqueue_struct *iobmd_batch_wq;

void iobmd_batch_begin(struct iobmd_batch *batch, int asked)
{
	batch->asked = asked;
	batch->size = min(IOBMD_BATCH_MIN, IOBMD_BATCH_MAX);
	batch->held = 0;
	spin_lock_init(&batch->lock);
	INIT_LIST_HEAD(&batch->folios);
}

/*
 * At most as many as the caller may run on. A real-time or deadline task does not wait
 * for helpers.
 */
static unsigned int iobmd_batch_nr_helpers(unsigned long nr)
{
	unsigned int nr_cpus = min(num_online_cpus(), cpumask_weight(current->cpus_ptr));

	if (current->prio < MAX_RT_PRIO || nr < IOBMD_BATCH_PER_CPU)
		return 0;
	return min3(nr / IOBMD_BATCH_PER_CPU - 1, nr_cpus - 1UL,
		    (unsigned long)IOBMD_BATCH_HELPERS);
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
		queue_work_node(batch->node, iobmd_batch_wq, &batch->helpers[i].work);
	}
}

/* Helpers that have not started by now are cancelled. */
static void iobmd_batch_stop(struct iobmd_batch *batch, unsigned int nr_helpers)
{
	unsigned int i;

	atomic_set(&batch->wanted, 0);
	for (i = 0; i < nr_helpers; i++) {
		cancel_work_sync(&batch->helpers[i].work);
		destroy_work_on_stack(&batch->helpers[i].work);
	}
}

static int iobmd_batch_compare(void *unused, const struct list_head *a,
			       const struct list_head *b)
{
	return folio_pfn(list_entry(a, struct folio, lru)) >
	       folio_pfn(list_entry(b, struct folio, lru));
}

static void iobmd_batch_fill(struct iobmd_batch *batch, unsigned long nr)
{
	unsigned int nr_helpers = iobmd_batch_nr_helpers(nr);

	batch->node = iobmd_node_first(batch->asked);
	if (batch->node == NUMA_NO_NODE || !iobmd_node_is_unbound(batch->asked) || !nr_helpers)
		return;
	atomic_set(&batch->wanted, nr);
	iobmd_batch_start(batch, nr_helpers);
	while (!fatal_signal_pending(current) && iobmd_batch_add_new(batch))
		;
	iobmd_batch_stop(batch, nr_helpers);

	/* Makes neighbours in memory neighbours in the buffer. */
	list_sort(NULL, &batch->folios, iobmd_batch_compare);

	/* Stop batching if memory ran out or the caller is being killed. */
	batch->size = batch->held < nr ? 0 : min(2 * batch->size, IOBMD_BATCH_MAX);
}

/**
 * iobmd_batch_take - take a huge folio, allocating a new batch if this one is empty
 * @batch: The batch, initialized by iobmd_batch_begin().
 * @nr: How many folios the caller still needs, including this one.
 *
 * Return: the folio, zeroed, with a reference for the caller, or NULL.
 */
struct folio *iobmd_batch_take(struct iobmd_batch *batch, unsigned long nr)
{
	struct folio *folio;

	if (!batch->held)
		iobmd_batch_fill(batch, min(nr, batch->size));
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
