// SPDX-License-Identifier: GPL-2.0
/*
 * Leftovers: folios that have outlived their buffer.
 *
 * When a buffer is freed, some of its memory may still be in use: spliced into a pipe
 * or a socket, or pinned for DMA. Such a folio is not free, so it stays charged, unless
 * its creator is exempt from the ceiling. The account keeps a reference to it, and
 * checks from time to time whether that is the last one; then the folio is freed and
 * uncharged. A refused charge checks at once. Unloading the module drops the
 * references.
 *
 * Freeing a buffer must not depend on an allocation: leftovers are linked through
 * ->private, which the kernel does not use in a folio without PG_private.
 */

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "account.h"

/* The delay of the first scan for free leftovers, and the longest after scans that free none. */
#define IOBMD_LEFTOVER_SOON	(HZ / 10)
#define IOBMD_LEFTOVER_LATE	(2 * HZ)

static struct workqueue_struct *iobmd_leftover_wq;
static struct delayed_work iobmd_leftover_reaper;
static unsigned long iobmd_leftover_delay;
static atomic_long_t iobmd_nr_leftovers;

/* Adds the chain from @first to @last to the account. */
static void iobmd_leftover_add(struct iobmd_account *account, struct folio *first,
			       struct folio *last)
{
	spin_lock(&account->lock);
	last->private = account->leftovers;
	WRITE_ONCE(account->leftovers, first);
	spin_unlock(&account->lock);
}

static struct folio *iobmd_leftover_take_all(struct iobmd_account *account)
{
	struct folio *first;

	spin_lock(&account->lock);
	first = account->leftovers;
	WRITE_ONCE(account->leftovers, NULL);
	spin_unlock(&account->lock);
	return first;
}

static void iobmd_leftover_free(struct iobmd_account *account, struct folio *folio)
{
	iobmd_account_uncharge(account, folio_nr_pages(folio));
	folio->private = NULL;
	/* Never free it: see iobmd_memory_keep_bad(). */
	if (!iobmd_folio_has_bad(folio))
		folio_put(folio);
}

/*
 * Frees the leftovers that nothing else uses, or with @all every one. The caller has a
 * reference to @account. Returns the number of folios freed.
 */
static unsigned long iobmd_leftover_reap(struct iobmd_account *account, bool all)
{
	struct folio *folio, *next, *first = NULL, *last = NULL;
	unsigned long nr = 0;

	lockdep_assert_held(&account->reap_lock);

	for (folio = iobmd_leftover_take_all(account); folio; folio = next) {
		next = folio->private;
		if (all || folio_ref_count(folio) == 1) {
			iobmd_leftover_free(account, folio);
			nr++;
		} else {
			last = last ?: folio;
			folio->private = first;
			first = folio;
		}
		cond_resched();
	}
	if (first)
		iobmd_leftover_add(account, first, last);
	atomic_long_sub(nr, &iobmd_nr_leftovers);
	iobmd_account_put(account, nr);
	return nr;
}

/**
 * iobmd_leftover_make_room - free leftovers for a refused charge or allocation
 * @account: The account to free leftovers of; the caller has a reference.
 * @drain: Whether to drain the batches of all CPUs first.
 *
 * Return: whether there were leftovers, so that it is worth trying again.
 */
bool iobmd_leftover_make_room(struct iobmd_account *account, bool drain)
{
	if (!READ_ONCE(account->leftovers) && !mutex_is_locked(&account->reap_lock))
		return false;
	if (drain)
		iobmd_memory_drain_all_cpus();
	if (mutex_lock_killable(&account->reap_lock))
		return false;
	iobmd_leftover_reap(account, false);
	mutex_unlock(&account->reap_lock);
	return true;
}

/* Returns the number of folios freed. */
static unsigned long iobmd_leftover_reap_accounts(bool all)
{
	struct iobmd_account *account;
	unsigned long nr = 0;
	u64 uid = 0;

	while (uid <= UINT_MAX && (account = iobmd_account_get_next(uid))) {
		uid = (u64)account->uid + 1;
		mutex_lock(&account->reap_lock);
		nr += iobmd_leftover_reap(account, all);
		mutex_unlock(&account->reap_lock);
		iobmd_account_put(account, 1);
	}
	return nr;
}

/* The first scan after a folio was added also drains the batches of all CPUs. */
static void iobmd_leftover_work(struct work_struct *work)
{
	unsigned long delay = READ_ONCE(iobmd_leftover_delay);

	if (delay == IOBMD_LEFTOVER_SOON)
		iobmd_memory_drain_all_cpus();
	if (!iobmd_leftover_reap_accounts(false))
		WRITE_ONCE(iobmd_leftover_delay,
			   min_t(unsigned long, 2 * delay, IOBMD_LEFTOVER_LATE));
	if (atomic_long_read(&iobmd_nr_leftovers))
		queue_delayed_work(iobmd_leftover_wq, &iobmd_leftover_reaper,
				   READ_ONCE(iobmd_leftover_delay));
}

/*
 * Whether anything besides the page cache uses @folio. A folio with a hardware error is
 * never reused: the core or iobmd_memory_keep_bad() keeps it, so it is no leftover.
 */
static bool iobmd_leftover_is_used(struct folio *folio)
{
	if (iobmd_folio_has_bad(folio) || folio_test_hwpoison(folio))
		return false;
	return folio_ref_count(folio) > folio_nr_pages(folio);
}

/*
 * The folio of page @index with a reference if it is in use, else NULL. Also returns
 * where the next begins.
 */
static struct folio *iobmd_leftover_find(struct address_space *mapping, pgoff_t index,
					 pgoff_t *next)
{
	struct folio *folio;
	bool used;

	rcu_read_lock();
	folio = xa_load(&mapping->i_pages, index);
	*next = folio ? folio_next_index(folio) : index + 1;
	used = folio && iobmd_leftover_is_used(folio) && folio_try_get(folio);
	rcu_read_unlock();
	return used ? folio : NULL;
}

/**
 * iobmd_leftover_collect - keep the folios of a freed buffer that are still in use
 * @account: The account they are charged to; the caller has a reference.
 * @mapping: The page cache of the buffer; only its folios can still have users.
 * @end: How many pages it has.
 *
 * Return: how many pages stay charged.
 */
unsigned long iobmd_leftover_collect(struct iobmd_account *account,
				     struct address_space *mapping, pgoff_t end)
{
	struct folio *folio, *first = NULL, *last = NULL;
	unsigned long nr_folios = 0, nr_pages = 0;
	pgoff_t index = 0;

	while (index < end) {
		folio = iobmd_leftover_find(mapping, index, &index);
		if (folio) {
			last = last ?: folio;
			folio->private = first;
			first = folio;
			nr_folios++;
			nr_pages += folio_nr_pages(folio);
		}
		cond_resched();
	}
	if (!first)
		return 0;

	iobmd_account_get(account, nr_folios);
	atomic_long_add(nr_folios, &iobmd_nr_leftovers);
	iobmd_leftover_add(account, first, last);
	WRITE_ONCE(iobmd_leftover_delay, IOBMD_LEFTOVER_SOON);
	/* Does not postpone a pending scan, since leftovers may keep coming. */
	queue_delayed_work(iobmd_leftover_wq, &iobmd_leftover_reaper, IOBMD_LEFTOVER_SOON);
	return nr_pages;
}

int iobmd_leftover_init(void)
{
	INIT_DELAYED_WORK(&iobmd_leftover_reaper, iobmd_leftover_work);
	iobmd_leftover_wq = alloc_workqueue("iobmd_leftover", WQ_UNBOUND, 0);
	return iobmd_leftover_wq ? 0 : -ENOMEM;
}

/* No buffer is left. Remaining users of leftovers have references of their own. */
void iobmd_leftover_exit(void)
{
	cancel_delayed_work_sync(&iobmd_leftover_reaper);
	iobmd_leftover_reap_accounts(true);
	destroy_workqueue(iobmd_leftover_wq);
}
