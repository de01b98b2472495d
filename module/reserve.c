// SPDX-License-Identifier: GPL-2.0
/* The reserve's folios: who gets them, and how they go back. */

#include <linux/cpuset.h>
#include <linux/jiffies.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/vmstat.h>

#include "reserve.h"

/* Whoever takes a folio is likely to take more, and not to be disturbed in that. */
#define IOBMD_RESERVE_DELAY	(HZ / 50)

/* How long to leave memory to those for whom it was short. */
#define IOBMD_RESERVE_BACKOFF	(10 * HZ)

struct iobmd_reserve *iobmd_reserves;

/* In the kernel's books: memory that a shrinker can free. */
static void iobmd_reserve_book(struct folio *folio, int sign)
{
	mod_node_page_state(folio_pgdat(folio), NR_KERNEL_MISC_RECLAIMABLE,
			    sign * (long)IOBMD_HUGE_PAGES);
}

/* Takes over the reference to @folio, unless the reserve is full. */
bool iobmd_reserve_add(struct iobmd_reserve *reserve, struct folio *folio)
{
	bool wanted;

	spin_lock(&reserve->lock);
	wanted = reserve->held < reserve->target;
	if (wanted) {
		list_add(&folio->lru, &reserve->folios);
		WRITE_ONCE(reserve->held, reserve->held + 1);
	}
	spin_unlock(&reserve->lock);
	if (wanted)
		iobmd_reserve_book(folio, 1);
	return wanted;
}

/* The folio that was added last, as caches may have some of it; none of the last @keep. */
static struct folio *iobmd_reserve_remove(struct iobmd_reserve *reserve,
					  unsigned long keep)
{
	struct folio *folio = NULL;

	if (READ_ONCE(reserve->held) <= keep)
		return NULL;

	spin_lock(&reserve->lock);
	if (reserve->held > keep) {
		folio = list_first_entry(&reserve->folios, struct folio, lru);
		list_del(&folio->lru);
		WRITE_ONCE(reserve->held, reserve->held - 1);
	}
	spin_unlock(&reserve->lock);
	if (folio)
		iobmd_reserve_book(folio, -1);
	return folio;
}

/*
 * The kernel does nothing about an error in a folio that is neither free nor in a
 * page cache but mark the page, nor does it look for a mark in a large one that is
 * freed: so this one is never freed.
 */
static bool iobmd_reserve_is_bad(struct iobmd_reserve *reserve, struct folio *folio)
{
	unsigned long i;

	for (i = 0; i < IOBMD_HUGE_PAGES; i++) {
		if (PageHWPoison(folio_page(folio, i))) {
			iobmd_reserve_count(reserve, IOBMD_RESERVE_BAD, 1);
			return true;
		}
	}
	return false;
}

static struct folio *iobmd_reserve_remove_good(struct iobmd_reserve *reserve,
					       unsigned long keep)
{
	struct folio *folio;

	do {
		folio = iobmd_reserve_remove(reserve, keep);
	} while (folio && iobmd_reserve_is_bad(reserve, folio));
	return folio;
}

/* How many of @nr folios it could give back to the kernel, @keep being left. */
unsigned long iobmd_reserve_give_back(struct iobmd_reserve *reserve, unsigned long nr,
				      unsigned long keep)
{
	unsigned long given;

	for (given = 0; given < nr; given++) {
		struct folio *folio = iobmd_reserve_remove_good(reserve, keep);

		if (!folio)
			break;
		folio_put(folio);
		cond_resched();
	}
	iobmd_reserve_count(reserve, IOBMD_RESERVE_GIVEN_BACK, given);
	return given;
}

void iobmd_reserve_refill_after(struct iobmd_reserve *reserve, unsigned long delay)
{
	if (READ_ONCE(reserve->held) < READ_ONCE(reserve->target))
		queue_delayed_work(iobmd_reserve_wq, &reserve->refill, delay);
}

/* The same for those who are short of memory: what they get is not taken away again. */
unsigned long iobmd_reserve_yield(struct iobmd_reserve *reserve, unsigned long nr)
{
	unsigned long given;

	WRITE_ONCE(reserve->quiet_until, jiffies + IOBMD_RESERVE_BACKOFF);
	given = iobmd_reserve_give_back(reserve, nr, 0);
	iobmd_reserve_refill_after(reserve, IOBMD_RESERVE_BACKOFF);
	return given;
}

/*
 * Whether the caller may have memory of @node: not if it is bound to others. To ask
 * for a node (@asked) goes before a policy, but not before a cpuset.
 */
static bool iobmd_reserve_may_take(int node, bool asked)
{
	if (!node_isset(node, cpuset_current_mems_allowed))
		return false;
#ifdef CONFIG_NUMA
	if (!asked && current->mempolicy && current->mempolicy->mode == MPOL_BIND)
		return node_isset(node, current->mempolicy->nodes);
#endif
	return true;
}

/* Where the allocator would look first; NUMA_NO_NODE if its policy is to choose. */
static int iobmd_reserve_nearest(void)
{
#ifdef CONFIG_NUMA
	const struct mempolicy *policy = current->mempolicy;

	if (policy && policy->mode != MPOL_BIND && policy->mode != MPOL_LOCAL)
		return NUMA_NO_NODE;
#endif
	return numa_mem_id();
}

/**
 * iobmd_reserve_node - whose reserve a buffer should take from first
 * @node: The node that was asked for, or NUMA_NO_NODE.
 *
 * Return: a node, or NUMA_NO_NODE if the allocator comes first.
 */
int iobmd_reserve_node(int node)
{
	bool asked = node != NUMA_NO_NODE;

	if (!iobmd_reserve_is_on())
		return NUMA_NO_NODE;
	if (!asked)
		node = iobmd_reserve_nearest();
	if (node == NUMA_NO_NODE || !iobmd_reserve_may_take(node, asked))
		return NUMA_NO_NODE;
	return node;
}

/**
 * iobmd_reserve_take - take a huge folio from the reserve of a node
 * @node: What iobmd_reserve_node() says.
 *
 * Return: the folio, zeroed, with a reference for the caller, or NULL.
 */
struct folio *iobmd_reserve_take(int node)
{
	struct iobmd_reserve *reserve;
	struct folio *folio;

	if (node == NUMA_NO_NODE)
		return NULL;
	reserve = &iobmd_reserves[node];
	folio = iobmd_reserve_remove_good(reserve, 0);
	iobmd_reserve_count(reserve, folio ? IOBMD_RESERVE_TAKEN : IOBMD_RESERVE_MISSED, 1);
	iobmd_reserve_refill_after(reserve, IOBMD_RESERVE_DELAY);
	return folio;
}

/**
 * iobmd_reserve_take_any - take a huge folio where the allocator finds none
 * @node: The node that was asked for, or NUMA_NO_NODE.
 *
 * Return: as iobmd_reserve_take(), but also from nodes that are not near.
 */
struct folio *iobmd_reserve_take_any(int node)
{
	bool asked = node != NUMA_NO_NODE;
	struct folio *folio = NULL;

	if (!iobmd_reserve_is_on())
		return NULL;
	for_each_node_state(node, N_MEMORY) {
		if (READ_ONCE(iobmd_reserves[node].held) &&
		    iobmd_reserve_may_take(node, asked))
			folio = iobmd_reserve_take(node);
		if (folio)
			break;
	}
	return folio;
}

/**
 * iobmd_reserve_release - give all back that the caller might get then
 * @node: The node that was asked for, or NUMA_NO_NODE.
 *
 * The kernel itself does not ask for it while there is free memory, even if that is
 * all in blocks that are too small.
 *
 * Return: whether there was anything.
 */
bool iobmd_reserve_release(int node)
{
	bool asked = node != NUMA_NO_NODE;
	unsigned long given = 0;

	if (!iobmd_reserve_is_on())
		return false;
	for_each_node_state(node, N_MEMORY) {
		if (READ_ONCE(iobmd_reserves[node].held) &&
		    iobmd_reserve_may_take(node, asked))
			given += iobmd_reserve_yield(&iobmd_reserves[node], ULONG_MAX);
	}
	return given;
}
