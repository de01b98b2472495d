// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a buffer: folios in the page cache of its inode.
 *
 * The kernel's own page-cache code maps them, takes them apart and frees them.
 * Ours allocates them, and sees to it that a shrink takes nothing from anybody
 * who uses it.
 *
 * A folio is marked dirty for as long as it lives. There is nowhere to write it
 * to; it tells the kernel that the page cache has the only copy, so that neither
 * fadvise(2) nor a memory error nor a failed split makes it drop one.
 */

#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "internal.h"

/* Unmovable, cleared once, and no word in the log when there is none. */
#define IOBMD_GFP	(GFP_HIGHUSER | __GFP_ZERO | __GFP_NOWARN)

/* For what the buffer cannot do without: try hard, but kill nobody for it. */
#define IOBMD_GFP_HARD	(IOBMD_GFP | __GFP_RETRY_MAYFAIL)

/* For a block that a smaller one can stand in for. */
#define IOBMD_GFP_LIGHT	(IOBMD_GFP | __GFP_NORETRY)

/* Pages that no buffer takes: 1/32 of the machine, for all others to live on. */
#define IOBMD_ROOM_FOR_OTHERS	(totalram_pages() / 32)

/* How often a shrink looks again for whether somebody uses the memory. */
#define IOBMD_SHRINK_TRIES	6

static int iobmd_memory_migrate_folio(struct address_space *mapping,
				      struct folio *dst, struct folio *src,
				      enum migrate_mode mode)
{
	return -EBUSY;
}

/*
 * The kernel asks before it splits a folio. On its own it would do so for
 * madvise(2) on a part, or when it wants to migrate, and would so make small
 * pages of what shall be huge. Worse, a split drops the pages beyond i_size,
 * which are there while a buffer grows or shrinks. So only the split that a
 * shrink is about is allowed, and that of a folio with a memory error.
 */
static bool iobmd_memory_release_folio(struct folio *folio, gfp_t gfp)
{
	struct inode *inode = folio->mapping->host;
	const struct iobmd_buffer *buffer = inode->i_private;

	if (!folio_test_large(folio) || folio_pos(folio) >= i_size_read(inode))
		return false;
	return folio == READ_ONCE(buffer->split) || folio_test_has_hwpoisoned(folio);
}

const struct address_space_operations iobmd_memory_aops = {
	.dirty_folio	= noop_dirty_folio,
	.migrate_folio	= iobmd_memory_migrate_folio,
	.release_folio	= iobmd_memory_release_folio,
	IOBMD_KEEP_POISONED_FOLIO,
};

/*
 * The folio of page @index, or NULL beyond the end. It stays as it is for as
 * long as the caller holds one of the two locks, in any way.
 */
struct folio *iobmd_memory_folio(struct iobmd_buffer *buffer, pgoff_t index)
{
	return xa_load(&buffer->inode->i_mapping->i_pages, index);
}

/**
 * iobmd_memory_get_folio - get hold of the memory at some byte
 * @buffer: The buffer.
 * @offset: In bytes.
 * @write: Whether the caller will change it.
 *
 * The reference makes a shrink or a seal that would concern the folio fail.
 *
 * Return: the folio, NULL beyond the end, or an ERR_PTR: -EPERM if it may not be
 * written, -EIO if it has a hardware error.
 */
struct folio *iobmd_memory_get_folio(struct iobmd_buffer *buffer, u64 offset,
				     bool write)
{
	pgoff_t index = offset >> PAGE_SHIFT;
	struct folio *folio = NULL;

	down_read(&buffer->fault_lock);
	if (write && iobmd_buffer_is_frozen(buffer))
		folio = ERR_PTR(-EPERM);
	else if (index < iobmd_memory_nr_pages(buffer))
		folio = filemap_get_folio(buffer->inode->i_mapping, index);
	up_read(&buffer->fault_lock);

	if (!IS_ERR_OR_NULL(folio) && PageHWPoison(folio_file_page(folio, index))) {
		folio_put(folio);
		folio = ERR_PTR(-EIO);
	}
	return folio;
}

/* How much of [@offset, @end) is in huge pages, in bytes; whole pages count. */
u64 iobmd_memory_huge_bytes(struct iobmd_buffer *buffer, u64 offset, u64 end)
{
	u64 start, bytes = 0;

	if (!IOBMD_HAS_HUGE)
		return 0;
	down_read(&buffer->fault_lock);
	for (start = ALIGN_DOWN(offset, PMD_SIZE); start < end; start += PMD_SIZE) {
		struct folio *folio = iobmd_memory_folio(buffer, start >> PAGE_SHIFT);

		if (folio && folio_order(folio) == IOBMD_HUGE_ORDER)
			bytes += min(start + PMD_SIZE, end) - max(start, offset);
	}
	up_read(&buffer->fault_lock);
	return bytes;
}

/*
 * Puts @folio and makes this CPU put the folios that its LRU batches hold; of
 * what modules can call, only the release of a batch does that.
 */
static void iobmd_folio_put_and_drain(struct folio *folio)
{
	struct folio_batch batch;

	folio_batch_init(&batch);
	folio_batch_add(&batch, folio);
	folio_batch_release(&batch);
}

static long iobmd_drain_this_cpu(void *folio)
{
	folio_get(folio);
	iobmd_folio_put_and_drain(folio);
	return 0;
}

/* Makes every CPU put the folios in its LRU batches. @folio is any folio. */
static void iobmd_drain_all_cpus(struct folio *folio)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		work_on_cpu(cpu, iobmd_drain_this_cpu, folio);
	cpus_read_unlock();
}

/* Growing */

/**
 * struct iobmd_fill - allocation of the pages from @index to @end
 * @buffer: Whom they are for.
 * @index: The next page to allocate.
 * @end: The page behind the last.
 * @min_order: A block may not be smaller than this, unless @end cuts it short.
 * @max_order: Nor larger than this; falls when there is no such block, until the
 *	next huge page could begin.
 * @huge_bytes: How much of what has been added is in huge pages.
 */
struct iobmd_fill {
	struct iobmd_buffer *buffer;
	pgoff_t index;
	pgoff_t end;
	unsigned int min_order;
	unsigned int max_order;
	u64 huge_bytes;
};

static unsigned int iobmd_fill_min_order(const struct iobmd_buffer *buffer)
{
	if (buffer->huge == IOBMD_HUGE_REQUIRE)
		return IOBMD_HUGE_ORDER;
	return buffer->alignment > PAGE_SIZE ? get_order(buffer->alignment) : 0;
}

static unsigned int iobmd_fill_max_order(const struct iobmd_buffer *buffer)
{
	if (buffer->huge != IOBMD_HUGE_NONE && IOBMD_HAS_HUGE)
		return IOBMD_HUGE_ORDER;
	return iobmd_fill_min_order(buffer);
}

/*
 * The page cache wants a folio of 2^n pages to begin at a multiple of 2^n. It
 * begins at a multiple of the smallest block, since a buffer with an alignment
 * does not grow from a block that was cut short.
 */
static unsigned int iobmd_fill_order(const struct iobmd_fill *fill)
{
	unsigned int order = ilog2(fill->end - fill->index);

	if (fill->index)
		order = min_t(unsigned int, order, __ffs(fill->index));
	return clamp(order, fill->min_order, fill->max_order);
}

/* Takes over the caller's reference to @folio, also when it fails. */
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

static int iobmd_fill_folio(struct iobmd_fill *fill, unsigned int order)
{
	gfp_t gfp = order > fill->min_order ? IOBMD_GFP_LIGHT : IOBMD_GFP_HARD;
	int node = fill->buffer->node;
	struct folio *folio;

	if (node == NUMA_NO_NODE)
		folio = folio_alloc(gfp, order);
	else
		folio = __folio_alloc_node(gfp, order, node);
	return folio ? iobmd_fill_add(fill, folio) : -ENOMEM;
}

/*
 * A contiguous block of 2^@order pages as single pages: for one that @end cuts
 * short, whose rest goes back; for two pages, as no kernel before 6.9 has folios
 * of order 1 in its page cache; and where it has no large folios at all.
 */
static int iobmd_fill_pages(struct iobmd_fill *fill, unsigned int order)
{
	unsigned long nr = 1UL << order;
	unsigned long used = min_t(unsigned long, nr, fill->end - fill->index);
	int node = fill->buffer->node;
	struct page *page;
	unsigned long i;
	int err = 0;

	if (node == NUMA_NO_NODE)
		page = alloc_pages(IOBMD_GFP_HARD, order);
	else
		page = alloc_pages_node(node, IOBMD_GFP_HARD, order);
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

/*
 * Nothing can be reclaimed from a buffer: to take the last page would leave the
 * next one who needs some to the OOM killer. So look first whether there is
 * enough for all that is to come, and again from time to time.
 */
static bool iobmd_fill_has_room(const struct iobmd_fill *fill)
{
	pgoff_t nr_pages = fill->end - fill->index;

	return si_mem_available() >= (long)(nr_pages + IOBMD_ROOM_FOR_OTHERS);
}

static int iobmd_fill_check(const struct iobmd_fill *fill)
{
	bool first = fill->index == iobmd_memory_nr_pages(fill->buffer);

	if (fatal_signal_pending(current))
		return -EINTR;
	if ((first || IS_ALIGNED(fill->index, PTRS_PER_PTE)) &&
	    !iobmd_fill_has_room(fill))
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

/**
 * iobmd_memory_grow - add zeroed memory at the end
 * @buffer: The buffer. The caller holds its resize_lock, or is the only user.
 * @nr_pages: How many pages it shall have, at least as many as now.
 *
 * Faults never see a page before all are there: they stop at i_size.
 *
 * Return: 0, or -EDQUOT, -EINTR, -ENOMEM with nothing changed.
 */
int iobmd_memory_grow(struct iobmd_buffer *buffer, pgoff_t nr_pages)
{
	pgoff_t start = iobmd_memory_nr_pages(buffer);
	struct iobmd_fill fill = {
		.buffer = buffer,
		.index = start,
		.end = nr_pages,
		.min_order = iobmd_fill_min_order(buffer),
		.max_order = iobmd_fill_max_order(buffer),
	};
	struct mem_cgroup *old_memcg;
	int err;

	err = iobmd_account_charge(buffer->account, nr_pages - start);
	if (err)
		return err;

	old_memcg = set_active_memcg(buffer->memcg);
	err = iobmd_fill(&fill);
	set_active_memcg(old_memcg);
	if (err)
		goto err_undo;

	WRITE_ONCE(buffer->huge_bytes, buffer->huge_bytes + fill.huge_bytes);
	i_size_write(buffer->inode, (loff_t)nr_pages << PAGE_SHIFT);
	return 0;

err_undo:
	truncate_inode_pages(buffer->inode->i_mapping, (loff_t)start << PAGE_SHIFT);
	iobmd_account_uncharge(buffer->account, nr_pages - start);
	return err;
}

/* Zeroes from byte @offset to the end of its page, which may be mapped. */
void iobmd_memory_zero_page_tail(struct iobmd_buffer *buffer, u64 offset)
{
	struct folio *folio;
	size_t start;

	lockdep_assert_held(&buffer->resize_lock);

	if (!offset_in_page(offset))
		return;
	folio = iobmd_memory_folio(buffer, offset >> PAGE_SHIFT);
	start = offset_in_folio(folio, offset);
	folio_zero_segment(folio, start, ALIGN(start, PAGE_SIZE));
}

/* Shrinking */

/*
 * Calls @visit with a reference to each folio from page @start on, until it
 * says true. Returns the last that it said.
 */
static bool iobmd_memory_visit(struct iobmd_buffer *buffer, pgoff_t start,
			       bool (*visit)(struct folio *folio))
{
	struct address_space *mapping = buffer->inode->i_mapping;
	struct folio_batch batch;
	bool stop = false;
	unsigned int i;

	folio_batch_init(&batch);
	while (!stop && filemap_get_folios(mapping, &start, -1, &batch)) {
		for (i = 0; i < folio_batch_count(&batch) && !stop; i++)
			stop = visit(batch.folios[i]);
		folio_batch_release(&batch);
		cond_resched();
	}
	return stop;
}

/* A fault that found the folio before we had the lock holds it locked. */
static bool iobmd_folio_wait(struct folio *folio)
{
	folio_lock(folio);
	folio_unlock(folio);
	return false;
}

/* Beside the page cache and our visit: a pin, a pipe, a block request, ... */
static bool iobmd_folio_is_used(struct folio *folio)
{
	return folio_ref_count(folio) != folio_nr_pages(folio) + 1;
}

/*
 * Makes single pages of the unmapped, unused folio from page @first up to page
 * @end. Modules can only call for that by having a part of it truncated, and if
 * the split then fails, the part has been zeroed: so it is the folio's last
 * page, which goes anyway if all is well, and whose contents are kept meanwhile.
 */
static int iobmd_memory_split(struct iobmd_buffer *buffer, pgoff_t first,
			      pgoff_t end)
{
	loff_t pos = (loff_t)(end - 1) << PAGE_SHIFT;
	struct folio *folio = iobmd_memory_folio(buffer, first);
	struct page *last = folio_page(folio, end - 1 - first);
	struct page *copy = alloc_page(GFP_KERNEL);
	int err = 0;

	if (!copy)
		return -ENOMEM;
	copy_highpage(copy, last);
	WRITE_ONCE(buffer->split, folio);
	truncate_inode_pages_range(buffer->inode->i_mapping, pos,
				   pos + PAGE_SIZE - 1);
	WRITE_ONCE(buffer->split, NULL);
	if (iobmd_memory_folio(buffer, end - 1)) {
		copy_highpage(last, copy);
		err = folio_ref_count(folio) == folio_nr_pages(folio) ? -ENOMEM : -EBUSY;
	}
	__free_page(copy);
	return err;
}

/* The bytes of huge folios that begin at page @start or behind it. */
static u64 iobmd_memory_huge_tail(struct iobmd_buffer *buffer, pgoff_t start)
{
	pgoff_t end = iobmd_memory_nr_pages(buffer);
	struct folio *folio;
	u64 bytes = 0;

	for (; start < end; start = folio_next_index(folio)) {
		folio = iobmd_memory_folio(buffer, start);
		if (folio_order(folio) == IOBMD_HUGE_ORDER)
			bytes += PMD_SIZE;
		cond_resched();
	}
	return bytes;
}

/*
 * Unmaps everything from page @start on, and says -EBUSY if somebody uses it all
 * the same. With faults shut out and everything unmapped nobody can gain a
 * reference, so that the reference counts tell whether the kernel uses a folio.
 * A lockless GUP in flight may take one for a moment, but gives it back when it
 * sees that the page-table entry is gone.
 */
static int iobmd_memory_unmap(struct iobmd_buffer *buffer, pgoff_t start)
{
	lockdep_assert_held_write(&buffer->fault_lock);

	iobmd_memory_visit(buffer, start, iobmd_folio_wait);
	unmap_mapping_pages(buffer->inode->i_mapping, start, 0, false);
	return iobmd_memory_visit(buffer, start, iobmd_folio_is_used) ? -EBUSY : 0;
}

/*
 * A folio that straddles the new end counts as a whole: it has to be split, and
 * a folio in use cannot be.
 */
static int iobmd_memory_try_shrink(struct iobmd_buffer *buffer, pgoff_t nr_pages)
{
	struct inode *inode = buffer->inode;
	struct folio *cut = iobmd_memory_folio(buffer, nr_pages);
	pgoff_t start = cut->index;
	pgoff_t cut_end = folio_next_index(cut);
	u64 huge_bytes;
	int err;

	err = iobmd_memory_unmap(buffer, start);
	if (err)
		return err;

	huge_bytes = iobmd_memory_huge_tail(buffer, start);
	if (start < nr_pages) {
		err = iobmd_memory_split(buffer, start, cut_end);
		if (err)
			return err;
	}
	WRITE_ONCE(buffer->huge_bytes, buffer->huge_bytes - huge_bytes);
	truncate_setsize(inode, (loff_t)nr_pages << PAGE_SHIFT);
	return 0;
}

/*
 * Who seems to use the memory may be the kernel's bookkeeping, which can be made
 * to stop, or somebody who only takes a look, like compaction. False if the
 * caller is being killed.
 */
static bool iobmd_memory_wait_for_users(struct iobmd_buffer *buffer,
					unsigned int tries)
{
	if (tries == 0)
		iobmd_drain_all_cpus(iobmd_memory_folio(buffer, 0));
	else
		schedule_timeout_killable(1 << (tries - 1));
	return !fatal_signal_pending(current);
}

/*
 * Calls @try with faults shut out, and some more times if it says that somebody
 * uses a folio.
 */
static int iobmd_memory_exclusively(struct iobmd_buffer *buffer,
				    int (*try)(struct iobmd_buffer *, pgoff_t),
				    pgoff_t arg)
{
	unsigned int tries = 0;
	int err;

	lockdep_assert_held(&buffer->resize_lock);

	do {
		down_write(&buffer->fault_lock);
		err = try(buffer, arg);
		up_write(&buffer->fault_lock);
	} while (err == -EBUSY && tries < IOBMD_SHRINK_TRIES &&
		 iobmd_memory_wait_for_users(buffer, tries++));
	return err;
}

/**
 * iobmd_memory_shrink - take memory away from the end
 * @buffer: The buffer. The caller holds its resize_lock.
 * @nr_pages: How many pages it shall have: fewer than now, and not 0.
 *
 * Return: 0, or -EBUSY if the kernel or a device uses what would go, or -ENOMEM
 * if a huge page could not be split, both with nothing changed.
 */
int iobmd_memory_shrink(struct iobmd_buffer *buffer, pgoff_t nr_pages)
{
	pgoff_t old = iobmd_memory_nr_pages(buffer);
	int err;

	err = iobmd_memory_exclusively(buffer, iobmd_memory_try_shrink, nr_pages);
	if (!err)
		iobmd_account_uncharge(buffer->account, old - nr_pages);
	return err;
}

static int iobmd_memory_try_freeze(struct iobmd_buffer *buffer, pgoff_t unused)
{
	struct address_space *mapping = buffer->inode->i_mapping;
	int err;

	err = mapping_deny_writable(mapping);
	if (err)
		return err;
	err = iobmd_memory_unmap(buffer, 0);
	if (!err) {
		spin_lock(&buffer->lock);
		buffer->seals |= IOBMD_SEAL_WRITE;
		spin_unlock(&buffer->lock);
	}
	/* Whoever is let in again has to see the seal. */
	smp_mb__before_atomic();
	mapping_allow_writable(mapping);
	return err;
}

/**
 * iobmd_memory_freeze - apply the seal against writing
 * @buffer: The buffer. The caller holds its resize_lock.
 *
 * Return: 0, or -EBUSY while a writable mapping exists, or the kernel or a
 * device uses the memory.
 */
int iobmd_memory_freeze(struct iobmd_buffer *buffer)
{
	return iobmd_memory_exclusively(buffer, iobmd_memory_try_freeze, 0);
}
