// SPDX-License-Identifier: GPL-2.0
/* Allocating batches of huge folios, with the help of other processors. */

#include <linux/cpumask.h>
#include <linux/list_sort.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched/prio.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "batch.h"

/*
 * The first batch and the largest: 8 and 32 MiB on x86-64. What is in one is charged
 * to nobody yet, so the first is small, for those who are refused more. Where a huge
 * page alone is that large there are no batches.
 */
#define IOBMD_BATCH_MIN		4UL
#define IOBMD_BATCH_MAX		(SZ_32M / PMD_SIZE)

/* Waking another processor must pay off: so many folios for each, at least. */
#define IOBMD_BATCH_PER_CPU	2UL

/* Nobody reclaims or compacts for a batch: what is missing, the caller looks for. */
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

/* As many as the caller may run on. A real-time or deadline task waits for no helper. */
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

	/* So that neighbours in memory become neighbours in the buffer. */
	list_sort(NULL, &batch->folios, iobmd_batch_compare);

	/* Where there are too few, or the caller is about to die, this was the last. */
	batch->size = batch->held < nr ? 0 : min(2 * batch->size, IOBMD_BATCH_MAX);
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
