// SPDX-License-Identifier: GPL-2.0
/* Growing: allocates the memory of a buffer. */

#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "batch.h"
#include "reserve.h"

/* For memory that the buffer cannot do without: try hard, but without the OOM killer. */
#define IOBMD_GFP_HARD	(IOBMD_GFP | __GFP_RETRY_MAYFAIL)

/**
 * struct iobmd_fill - allocation of the pages from @index to @end
 * @buffer: The buffer that they are for.
 * @index: The next page to allocate.
 * @end: The page behind the last.
 * @min_order: The minimum order of a block, unless @end cuts it short.
 * @max_order: The maximum order. Lowered when there is no such block, and reset where
 *	the next huge page could begin.
 * @reserve_node: The node whose reserve is tried first, or NUMA_NO_NODE.
 * @batch: Huge folios that are allocated ahead, tried next.
 * @huge_bytes: How much of the memory added so far is in huge pages.
 */
struct iobmd_fill {
	struct iobmd_buffer *buffer;
	pgoff_t index;
	pgoff_t end;
	unsigned int min_order;
	unsigned int max_order;
	int reserve_node;
	struct iobmd_batch batch;
	u64 huge_bytes;
};

static unsigned int iobmd_fill_min_order(const struct iobmd_buffer *buffer)
{
	if (buffer->memory.huge == IOBMD_HUGE_REQUIRE)
		return IOBMD_HUGE_ORDER;
	return buffer->memory.alignment > PAGE_SIZE ? get_order(buffer->memory.alignment) : 0;
}

static unsigned int iobmd_fill_max_order(const struct iobmd_buffer *buffer)
{
	if (buffer->memory.huge != IOBMD_HUGE_NONE && IOBMD_HAS_HUGE)
		return IOBMD_HUGE_ORDER;
	return iobmd_fill_min_order(buffer);
}

/*
 * A folio of 2^n pages must begin at a multiple of 2^n in the page cache. @index is
 * always a multiple of the smallest block, since a buffer with an alignment does not
 * grow from a block that was cut short.
 */
static unsigned int iobmd_fill_order(const struct iobmd_fill *fill)
{
	unsigned int order = ilog2(fill->end - fill->index);

	if (fill->index)
		order = min_t(unsigned int, order, __ffs(fill->index));
	return clamp(order, fill->min_order, fill->max_order);
}

/* Takes over the caller's reference to @folio, even on failure. */
static int iobmd_fill_add(struct iobmd_fill *fill, struct folio *folio)
{
	struct address_space *mapping = fill->buffer->inode->i_mapping;
	int err;

	folio_mark_uptodate(folio);
	err = filemap_add_folio(mapping, folio, fill->index, IOBMD_GFP_HARD);
	if (err) {
		folio_put(folio);
		return err;
	}
	folio_mark_dirty(folio);
	fill->index += folio_nr_pages(folio);
	if (folio_order(folio) == IOBMD_HUGE_ORDER)
		fill->huge_bytes += PMD_SIZE;
	folio_unlock(folio);
	if (fill->index == fill->end)
		iobmd_folio_put_and_drain(folio);
	else
		folio_put(folio);
	return 0;
}

static struct folio *iobmd_fill_alloc(const struct iobmd_fill *fill, gfp_t gfp,
				      unsigned int order)
{
	int node = fill->buffer->memory.node;

	if (node == NUMA_NO_NODE)
		return folio_alloc(gfp, order);
	return __folio_alloc_node(gfp, order, node);
}

static unsigned long iobmd_fill_nr_huge(const struct iobmd_fill *fill)
{
	return (fill->end - fill->index) >> IOBMD_HUGE_ORDER;
}

/*
 * The folios in the nearest node's reserve are zeroed already. Those of other nodes are
 * better than smaller blocks. They are also better than trying hard, which makes the
 * kernel reclaim the whole reserve.
 */
static int iobmd_fill_huge(struct iobmd_fill *fill, gfp_t gfp)
{
	struct folio *folio = NULL;

	if (!fill->batch.held)
		folio = iobmd_reserve_take(fill->reserve_node);
	if (!folio)
		folio = iobmd_batch_take(&fill->batch, iobmd_fill_nr_huge(fill));
	if (!folio)
		folio = iobmd_fill_alloc(fill, IOBMD_GFP_LIGHT, IOBMD_HUGE_ORDER);
	if (!folio)
		folio = iobmd_reserve_take_any(fill->buffer->memory.node);
	if (!folio && gfp != IOBMD_GFP_LIGHT)
		folio = iobmd_fill_alloc(fill, gfp, IOBMD_HUGE_ORDER);
	return folio ? iobmd_fill_add(fill, folio) : -ENOMEM;
}

static int iobmd_fill_folio(struct iobmd_fill *fill, unsigned int order)
{
	gfp_t gfp = order > fill->min_order ? IOBMD_GFP_LIGHT : IOBMD_GFP_HARD;
	struct folio *folio;

	if (order == IOBMD_HUGE_ORDER)
		return iobmd_fill_huge(fill, gfp);

	folio = iobmd_fill_alloc(fill, gfp, order);
	if (!folio && gfp == IOBMD_GFP_HARD && iobmd_reserve_release(fill->buffer->memory.node))
		folio = iobmd_fill_alloc(fill, gfp, order);
	return folio ? iobmd_fill_add(fill, folio) : -ENOMEM;
}

static struct page *iobmd_fill_alloc_pages(const struct iobmd_fill *fill,
					   unsigned int order)
{
	int node = fill->buffer->memory.node;

	if (node == NUMA_NO_NODE)
		return alloc_pages(IOBMD_GFP_HARD, order);
	return alloc_pages_node(node, IOBMD_GFP_HARD, order);
}

/*
 * Adds a contiguous block of 2^@order pages as single pages. Used for a block that @end
 * cuts short, whose remainder is freed; for order 1, which the page cache does not
 * support before 6.9; and on kernels without large folios.
 */
static int iobmd_fill_pages(struct iobmd_fill *fill, unsigned int order)
{
	unsigned long nr = 1UL << order;
	unsigned long used = min_t(unsigned long, nr, fill->end - fill->index);
	struct page *page;
	unsigned long i;
	int err = 0;

	page = iobmd_fill_alloc_pages(fill, order);
	if (!page && iobmd_reserve_release(fill->buffer->memory.node))
		page = iobmd_fill_alloc_pages(fill, order);
	if (!page)
		return -ENOMEM;

	split_page(page, order);
	for (i = 0; i < used && !err; i++)
		err = iobmd_fill_add(fill, page_folio(page + i));
	for (; i < nr; i++)
		__free_page(page + i);
	return err;
}

static int iobmd_fill_block(struct iobmd_fill *fill, unsigned int order)
{
	if (!IOBMD_HAS_HUGE || order == 1 || fill->end - fill->index < 1UL << order)
		return iobmd_fill_pages(fill, order);
	return iobmd_fill_folio(fill, order);
}

/* Checks from time to time that there is enough memory for all remaining pages. */
static int iobmd_fill_check(const struct iobmd_fill *fill)
{
	pgoff_t nr_pages = fill->end - fill->index;
	pgoff_t held = min(fill->batch.held * IOBMD_HUGE_PAGES, nr_pages);
	bool first = fill->index == iobmd_memory_nr_pages(fill->buffer);

	if (fatal_signal_pending(current))
		return -EINTR;
	if ((first || IS_ALIGNED(fill->index, PTRS_PER_PTE)) &&
	    !iobmd_account_has_room(nr_pages - held))
		return -ENOMEM;
	return 0;
}

static int iobmd_fill(struct iobmd_fill *fill)
{
	while (fill->index < fill->end) {
		unsigned int order = iobmd_fill_order(fill);
		int err;

		err = iobmd_fill_check(fill);
		if (err)
			return err;

		err = iobmd_fill_block(fill, order);
		if (err == -ENOMEM && order > fill->min_order)
			fill->max_order = order - 1;
		else if (err)
			return err;
		else if (IS_ALIGNED(fill->index, PTRS_PER_PTE))
			fill->max_order = iobmd_fill_max_order(fill->buffer);
		cond_resched();
	}
	return 0;
}

/* Adds the pages up to @nr_pages, which are already charged to the account. */
static int iobmd_memory_fill(struct iobmd_buffer *buffer, pgoff_t nr_pages)
{
	pgoff_t start = iobmd_memory_nr_pages(buffer);
	struct iobmd_fill fill = {
		.buffer = buffer,
		.index = start,
		.end = nr_pages,
		.min_order = iobmd_fill_min_order(buffer),
		.max_order = iobmd_fill_max_order(buffer),
		.reserve_node = iobmd_reserve_node(buffer->memory.node),
	};
	struct mem_cgroup *old_memcg;
	int err;

	iobmd_batch_begin(&fill.batch, buffer->memory.node);
	old_memcg = set_active_memcg(buffer->memory.memcg);
	err = iobmd_fill(&fill);
	set_active_memcg(old_memcg);
	iobmd_batch_end(&fill.batch);
	if (err) {
		iobmd_memory_keep_bad(buffer, start);
		truncate_inode_pages(buffer->inode->i_mapping, (loff_t)start << PAGE_SHIFT);
		return err;
	}
	WRITE_ONCE(buffer->memory.huge_bytes, buffer->memory.huge_bytes + fill.huge_bytes);
	i_size_write(buffer->inode, (loff_t)nr_pages << PAGE_SHIFT);
	return 0;
}

/*
 * Tries again after freeing leftovers, and once more after draining the batches of all
 * CPUs first.
 */
static int iobmd_memory_charge(struct iobmd_buffer *buffer, unsigned long nr_pages,
			       bool exempt)
{
	struct iobmd_account *account = buffer->account;
	int err = iobmd_account_charge(account, nr_pages, exempt);

	if (err && iobmd_leftover_make_room(account, false))
		err = iobmd_account_charge(account, nr_pages, exempt);
	if (err && iobmd_leftover_make_room(account, true))
		err = iobmd_account_charge(account, nr_pages, exempt);
	return err;
}

/**
 * iobmd_memory_grow - add zeroed memory at the end
 * @buffer: The buffer. The caller holds its resize_lock, or is the only user.
 * @nr_pages: How many pages it will have, at least as many as now.
 * @exempt: The user's ceiling does not apply.
 *
 * Faults stop at i_size, so they do not see a page before all of them are there.
 *
 * Return: 0, or -EDQUOT, -EINTR, -ENOMEM with nothing changed.
 */
int iobmd_memory_grow(struct iobmd_buffer *buffer, pgoff_t nr_pages, bool exempt)
{
	unsigned long more = nr_pages - iobmd_memory_nr_pages(buffer);
	int err;

	err = iobmd_memory_charge(buffer, more, exempt);
	if (err)
		return err;
	err = iobmd_memory_fill(buffer, nr_pages);
	if (err == -ENOMEM && iobmd_leftover_make_room(buffer->account, true))
		err = iobmd_memory_fill(buffer, nr_pages);
	if (err)
		iobmd_account_uncharge(buffer->account, more);
	return err;
}
