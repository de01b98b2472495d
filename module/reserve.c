// SPDX-License-Identifier: GPL-2.0
/* The folios of the reserve: how they are handed out, and how they are given back. */

#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/vmstat.h>

#include "reserve.h"

/* A caller that takes one folio often takes more: do not compete with it for memory. */
#define IOBMD_RESERVE_DELAY	(HZ / 50)

/* How long to leave memory to others after it was short. */
#define IOBMD_RESERVE_BACKOFF	(10 * HZ)

unsigned long iobmd_reserve_mib;
struct workqueue_struct *iobmd_reserve_wq;
struct iobmd_reserve *iobmd_reserves;

/* Accounts the folio as memory that a shrinker can free. */
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

/* Takes the folio that was added last, since parts of it may be cached. Leaves @keep folios. */
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
 * For a folio that is neither free nor in a page cache, the kernel only marks the bad
 * page, and it does not check for the mark when a large folio is freed. So a folio with
 * a bad page is never freed.
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

/* Gives up to @nr folios back to the kernel, but leaves @keep. Returns how many. */
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

/* The same under memory pressure: there is no refill for a while. */
unsigned long iobmd_reserve_yield(struct iobmd_reserve *reserve, unsigned long nr)
{
	unsigned long given;

	WRITE_ONCE(reserve->quiet_until, jiffies + IOBMD_RESERVE_BACKOFF);
	given = iobmd_reserve_give_back(reserve, nr, 0);
	iobmd_reserve_refill_after(reserve, IOBMD_RESERVE_BACKOFF);
	return given;
}

/**
 * iobmd_reserve_node - find the node whose reserve to take from first
 * @asked: The requested node, or NUMA_NO_NODE.
 *
 * Return: a node, or NUMA_NO_NODE if the allocator should be tried first.
 */
int iobmd_reserve_node(int asked)
{
	int node = iobmd_node_first(asked);

	if (!iobmd_reserve_is_on() || node == NUMA_NO_NODE ||
	    !iobmd_node_is_allowed(node, asked))
		return NUMA_NO_NODE;
	return node;
}

/**
 * iobmd_reserve_take - take a huge folio from the reserve of a node
 * @node: What iobmd_reserve_node() returned.
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
 * iobmd_reserve_take_any - take a huge folio from any reserve that may be used
 * @asked: The requested node, or NUMA_NO_NODE.
 *
 * For use after the allocator has failed, since the node may be remote.
 *
 * Return: as iobmd_reserve_take().
 */
struct folio *iobmd_reserve_take_any(int asked)
{
	struct folio *folio = NULL;
	int node;

	if (!iobmd_reserve_is_on())
		return NULL;
	for_each_node_state(node, N_MEMORY) {
		if (READ_ONCE(iobmd_reserves[node].held) &&
		    iobmd_node_is_allowed(node, asked))
			folio = iobmd_reserve_take(node);
		if (folio)
			break;
	}
	return folio;
}

/**
 * iobmd_reserve_release - give back the reserves that the caller can then allocate from
 * @asked: The requested node, or NUMA_NO_NODE.
 *
 * The kernel does not call the shrinker while there is free memory, even if all free
 * blocks are too small.
 *
 * Return: whether any folio was given back.
 */
bool iobmd_reserve_release(int asked)
{
	unsigned long given = 0;
	int node;

	if (!iobmd_reserve_is_on())
		return false;
	for_each_node_state(node, N_MEMORY) {
		if (READ_ONCE(iobmd_reserves[node].held) &&
		    iobmd_node_is_allowed(node, asked))
			given += iobmd_reserve_yield(&iobmd_reserves[node], ULONG_MAX);
	}
	return given;
}
