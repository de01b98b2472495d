// SPDX-License-Identifier: GPL-2.0
/* The size of the reserve: module parameter, refill, shrinker, and statistics. */

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "reserve.h"

/* The delay before the next attempt after no huge page could be allocated. */
#define IOBMD_RESERVE_RETRY	(5 * HZ)

static const char * const iobmd_reserve_count_names[] = {
	[IOBMD_RESERVE_TAKEN]		= "taken",
	[IOBMD_RESERVE_MISSED]		= "missed",
	[IOBMD_RESERVE_REFILLED]	= "refilled",
	[IOBMD_RESERVE_GIVEN_BACK]	= "given_back",
	[IOBMD_RESERVE_BAD]		= "bad",
	[IOBMD_RESERVE_ZEROING_NS]	= "zeroing_ns",
};

static struct shrinker *iobmd_reserve_shrinker;

/* The parameter may be written before the module is initialized, and after it exits. */
static DEFINE_MUTEX(iobmd_reserve_mutex);

static unsigned long iobmd_reserve_all_held(void)
{
	unsigned long held = 0;
	int node;

	for_each_node(node)
		held += READ_ONCE(iobmd_reserves[node].held);
	return held;
}

/* The folios of the reserve count as available memory, but not for refilling it. */
static bool iobmd_reserve_has_room(void)
{
	return iobmd_account_has_room((iobmd_reserve_all_held() + 1) * IOBMD_HUGE_PAGES);
}

/* Without kswapd, which would reclaim from others and then empty the reserve. */
static bool iobmd_reserve_add_new(struct iobmd_reserve *reserve)
{
	gfp_t gfp = (IOBMD_GFP_LIGHT | __GFP_THISNODE) & ~__GFP_KSWAPD_RECLAIM;
	u64 start = ktime_get_ns();
	struct folio *folio;

	if (!node_state(reserve->node, N_MEMORY) || !iobmd_reserve_has_room())
		return false;
	folio = __folio_alloc_node(gfp, IOBMD_HUGE_ORDER, reserve->node);
	iobmd_reserve_count(reserve, IOBMD_RESERVE_ZEROING_NS, ktime_get_ns() - start);
	if (!folio)
		return false;
	if (iobmd_reserve_add(reserve, folio))
		iobmd_reserve_count(reserve, IOBMD_RESERVE_REFILLED, 1);
	else
		folio_put(folio);
	return true;
}

static void iobmd_reserve_refill(struct work_struct *work)
{
	struct iobmd_reserve *reserve = container_of(to_delayed_work(work),
						     struct iobmd_reserve, refill);
	unsigned long quiet_until = READ_ONCE(reserve->quiet_until);
	unsigned long delay = IOBMD_RESERVE_RETRY;

	if (READ_ONCE(reserve->held) >= READ_ONCE(reserve->target))
		return;
	if (time_before(jiffies, quiet_until))
		delay = quiet_until - jiffies;
	else if (iobmd_reserve_add_new(reserve))
		delay = 0;
	iobmd_reserve_refill_after(reserve, delay);
}

static unsigned long iobmd_reserve_count_objects(struct shrinker *shrinker,
						 struct shrink_control *sc)
{
	return READ_ONCE(iobmd_reserves[sc->nid].held) * IOBMD_HUGE_PAGES;
}

/* Counts pages, not folios, so that reclaim takes the same share of it as of other caches. */
static unsigned long iobmd_reserve_scan_objects(struct shrinker *shrinker,
						struct shrink_control *sc)
{
	unsigned long nr = DIV_ROUND_UP(sc->nr_to_scan, IOBMD_HUGE_PAGES);

	nr = iobmd_reserve_yield(&iobmd_reserves[sc->nid], nr);
	if (!nr)
		return SHRINK_STOP;
	sc->nr_scanned = nr * IOBMD_HUGE_PAGES;
	mm_account_reclaimed_pages(sc->nr_scanned);
	return sc->nr_scanned;
}

static void iobmd_reserve_set_target(struct iobmd_reserve *reserve, unsigned long target)
{
	spin_lock(&reserve->lock);
	WRITE_ONCE(reserve->target, target);
	spin_unlock(&reserve->lock);
	iobmd_reserve_give_back(reserve, ULONG_MAX, target);
	WRITE_ONCE(reserve->quiet_until, jiffies);
	if (target)
		mod_delayed_work(iobmd_reserve_wq, &reserve->refill, 0);
	else
		cancel_delayed_work_sync(&reserve->refill);
}

/* Divides @mib evenly among the nodes that have memory. */
static void iobmd_reserve_set_targets(unsigned long mib)
{
	unsigned long left = DIV_ROUND_UP_ULL((u64)mib * SZ_1M, PMD_SIZE);
	nodemask_t nodes = node_states[N_MEMORY];
	unsigned int nr_nodes = nodes_weight(nodes);
	int node;

	for_each_node(node) {
		unsigned long target = 0;

		if (node_isset(node, nodes)) {
			target = DIV_ROUND_UP(left, nr_nodes);
			nr_nodes--;
		}
		iobmd_reserve_set_target(&iobmd_reserves[node], target);
		left -= target;
	}
}

static int iobmd_reserve_set_mib(const char *value, const struct kernel_param *kp)
{
	unsigned long max = IOBMD_HAS_HUGE ? totalram_pages() / 2 : 0;
	unsigned long mib;
	int err;

	err = kstrtoul(value, 0, &mib);
	if (err)
		return err;
	if (mib > max / (SZ_1M >> PAGE_SHIFT))
		return -EINVAL;

	mutex_lock(&iobmd_reserve_mutex);
	WRITE_ONCE(iobmd_reserve_mib, mib);
	if (iobmd_reserves)
		iobmd_reserve_set_targets(mib);
	mutex_unlock(&iobmd_reserve_mutex);
	return 0;
}

static const struct kernel_param_ops iobmd_reserve_mib_ops = {
	.set	= iobmd_reserve_set_mib,
	.get	= param_get_ulong,
};

module_param_cb(reserve_mib, &iobmd_reserve_mib_ops, &iobmd_reserve_mib, 0644);
MODULE_PARM_DESC(reserve_mib, "Huge pages kept zeroed for new buffers, in MiB (0: none)");

int iobmd_reserve_show(struct seq_file *m, void *unused)
{
	s64 sums[IOBMD_RESERVE_NR_COUNTS] = {};
	unsigned long target = 0;
	int node, i;

	for_each_node(node) {
		target += READ_ONCE(iobmd_reserves[node].target);
		for (i = 0; i < IOBMD_RESERVE_NR_COUNTS; i++)
			sums[i] += atomic64_read(&iobmd_reserves[node].counts[i]);
	}
	seq_printf(m, "target %llu\n", (u64)target * PMD_SIZE);
	seq_printf(m, "held %llu\n", (u64)iobmd_reserve_all_held() * PMD_SIZE);
	for_each_node_state(node, N_MEMORY)
		seq_printf(m, "node%d %llu\n", node,
			   (u64)READ_ONCE(iobmd_reserves[node].held) * PMD_SIZE);
	for (i = 0; i < IOBMD_RESERVE_NR_COUNTS; i++)
		seq_printf(m, "%s %lld\n", iobmd_reserve_count_names[i], sums[i]);
	return 0;
}

static struct iobmd_reserve *iobmd_reserves_alloc(void)
{
	struct iobmd_reserve *reserves = kcalloc(nr_node_ids, sizeof(*reserves), GFP_KERNEL);
	int node;

	if (!reserves)
		return NULL;
	for_each_node(node) {
		reserves[node].node = node;
		reserves[node].quiet_until = jiffies;
		INIT_DELAYED_WORK(&reserves[node].refill, iobmd_reserve_refill);
		spin_lock_init(&reserves[node].lock);
		INIT_LIST_HEAD(&reserves[node].folios);
	}
	return reserves;
}

static int iobmd_reserve_init_locked(void)
{
	iobmd_reserves = iobmd_reserves_alloc();
	if (!iobmd_reserves)
		return -ENOMEM;
	iobmd_reserve_wq = alloc_workqueue("iobmd_reserve",
					   WQ_UNBOUND | WQ_FREEZABLE | WQ_SYSFS, 0);
	if (!iobmd_reserve_wq)
		goto err_free;
	iobmd_reserve_shrinker = iobmd_shrinker_create(iobmd_reserve_count_objects,
						       iobmd_reserve_scan_objects,
						       IOBMD_HUGE_PAGES);
	if (!iobmd_reserve_shrinker)
		goto err_destroy_wq;
	iobmd_reserve_set_targets(iobmd_reserve_mib);
	return 0;

err_destroy_wq:
	destroy_workqueue(iobmd_reserve_wq);
err_free:
	kfree(iobmd_reserves);
	iobmd_reserves = NULL;
	return -ENOMEM;
}

int iobmd_reserve_init(void)
{
	int err;

	mutex_lock(&iobmd_reserve_mutex);
	err = iobmd_reserve_init_locked();
	mutex_unlock(&iobmd_reserve_mutex);
	return err;
}

/* No buffer exists any more, and none can be created. */
void iobmd_reserve_exit(void)
{
	mutex_lock(&iobmd_reserve_mutex);
	shrinker_free(iobmd_reserve_shrinker);
	iobmd_reserve_set_targets(0);
	destroy_workqueue(iobmd_reserve_wq);
	kfree(iobmd_reserves);
	iobmd_reserves = NULL;
	mutex_unlock(&iobmd_reserve_mutex);
}
