// SPDX-License-Identifier: GPL-2.0
/* Shrinking, and the look whether the memory is in use, which the seal against writing shares. */

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "internal.h"

/* How often to look whether the memory is in use, and for how many ticks. */
#define IOBMD_USED_LOOKS	4
#define IOBMD_USED_TICKS	8

/**
 * struct iobmd_look - one look whether the memory is in use
 * @buffer: The buffer.
 * @ticks: For how many ticks it has waited for folios that are.
 */
struct iobmd_look {
	struct iobmd_buffer *buffer;
	unsigned int ticks;
};

/*
 * Calls @visit with a reference to each folio from page @start on, until it
 * says true. Returns the last that it said.
 */
static bool iobmd_memory_visit(struct iobmd_look *look, pgoff_t start,
			       bool (*visit)(struct iobmd_look *look, struct folio *folio))
{
	struct address_space *mapping = look->buffer->inode->i_mapping;
	pgoff_t last = iobmd_memory_nr_pages(look->buffer) - 1;
	struct folio_batch batch;
	bool stop = false;
	unsigned int i;

	folio_batch_init(&batch);
	while (!stop && filemap_get_folios(mapping, &start, last, &batch)) {
		for (i = 0; i < folio_batch_count(&batch) && !stop; i++)
			stop = visit(look, batch.folios[i]);
		folio_batch_release(&batch);
		cond_resched();
	}
	return stop;
}

/*
 * Waits for a fault that found the folio before we had the lock, and holds it locked.
 * Returns true if the caller is to be killed.
 */
static bool iobmd_folio_wait(struct iobmd_look *look, struct folio *folio)
{
	if (folio_lock_killable(folio))
		return true;
	folio_unlock(folio);
	return false;
}

/*
 * Those of the page cache and of our visit, and the one by which the kernel keeps a page
 * with a hardware error from being used again. (The page is single then: see
 * iobmd_memory_release_folio().)
 */
static int iobmd_folio_harmless_refs(struct folio *folio)
{
	bool bad = !folio_test_large(folio) && folio_test_hwpoison(folio);

	return folio_nr_pages(folio) + 1 + bad;
}

/*
 * Other references are those of a pin, a pipe, a block request, ... Transient ones
 * (compaction) go away soon, so wait a few ticks; for all folios together, as a program
 * could release one after the other. No folio can come into use now, so a folio that has
 * been looked at needs no second look. Do not wait while a fault waits for us: it may be
 * that of the task that holds the reference.
 */
static bool iobmd_folio_is_used(struct iobmd_look *look, struct folio *folio)
{
	while (folio_ref_count(folio) > iobmd_folio_harmless_refs(folio)) {
		if (look->ticks++ >= IOBMD_USED_TICKS || fatal_signal_pending(current) ||
		    rwsem_is_contended(&look->buffer->memory.fault_lock))
			return true;
		schedule_timeout_killable(1);
	}
	return false;
}

/*
 * Newer kernels do not wait for the memory that a split takes, and give up half way. The
 * charge of the probe to the memory cgroup stays cached for this CPU once that is freed.
 */
static bool iobmd_memory_has_room_to_cut(const struct iobmd_buffer *buffer)
{
	struct mem_cgroup *old_memcg = set_active_memcg(buffer->memory.memcg);
	struct xa_node *probe = kmalloc(sizeof(*probe), IOBMD_GFP_OBJECT);
	bool has_room = probe;

	set_active_memcg(old_memcg);
	kfree(probe);
	return has_room;
}

/*
 * Cuts the unmapped, unused folio of page @first in two, before that page, which goes.
 * Modules can only call for a split by having a part of a folio truncated: that page
 * alone. What the core then makes of the rest, single pages or the largest blocks that
 * it can, none of it reaches across the cut. i_size is still behind it all, as a split
 * drops what lies beyond, and counts it where a buffer has nothing.
 *
 * If the split fails, the page has been zeroed, and the folio may be in pieces; if one
 * of them begins with the page, that is enough. So its contents are kept meanwhile,
 * unless a hardware error makes it unwise to look at them.
 */
static int iobmd_memory_cut(struct iobmd_buffer *buffer, pgoff_t first)
{
	loff_t pos = (loff_t)first << PAGE_SHIFT;
	struct folio *folio = iobmd_memory_folio(buffer, first);
	struct page *page = folio_page(folio, first - folio->index);
	struct page *copy = alloc_page(IOBMD_GFP_TABLE);
	bool good = !iobmd_folio_is_bad(folio, first, 1);
	int err = 0;

	if (!copy)
		return -ENOMEM;
	if (!iobmd_memory_has_room_to_cut(buffer)) {
		__free_page(copy);
		return -ENOMEM;
	}
	if (good)
		copy_highpage(copy, page);
	WRITE_ONCE(buffer->memory.split, folio);
	truncate_inode_pages_range(buffer->inode->i_mapping, pos,
				   pos + PAGE_SIZE - 1);
	WRITE_ONCE(buffer->memory.split, NULL);
	folio = iobmd_memory_folio(buffer, first);
	if (folio && folio->index < first) {
		if (good)
			copy_highpage(page, copy);
		err = folio_ref_count(folio) == folio_nr_pages(folio) ? -ENOMEM : -EBUSY;
	}
	__free_page(copy);
	return err;
}

/*
 * Unmaps everything from page @start on. Returns -EBUSY if it is in use all the same.
 *
 * With faults shut out and everything unmapped, no task can gain a reference: so the
 * reference counts tell whether the kernel uses a folio. A lockless GUP in flight may
 * take a reference for a moment, but gives it back when it sees that the page-table
 * entry is gone. (There are no private copies to unmap, but unmapping those also removes
 * the entries that stand for a hardware error.)
 */
int iobmd_memory_unmap(struct iobmd_buffer *buffer, pgoff_t start)
{
	struct iobmd_look look = { .buffer = buffer };

	lockdep_assert_held_write(&buffer->memory.fault_lock);

	if (iobmd_memory_visit(&look, start, iobmd_folio_wait))
		return -EINTR;
	unmap_mapping_pages(buffer->inode->i_mapping, start, 0, true);
	return iobmd_memory_visit(&look, start, iobmd_folio_is_used) ? -EBUSY : 0;
}

/*
 * A folio that straddles the new end counts as a whole: it has to be split, and
 * a folio in use cannot be.
 */
static int iobmd_memory_try_shrink(struct iobmd_buffer *buffer, unsigned long nr_pages)
{
	loff_t size = (loff_t)nr_pages << PAGE_SHIFT;
	struct inode *inode = buffer->inode;
	struct folio *cut = filemap_get_folio(inode->i_mapping, nr_pages);
	pgoff_t start = cut->index;
	u64 huge_bytes;
	int err;

	folio_put(cut);
	err = iobmd_memory_unmap(buffer, start);
	if (err)
		return err;

	huge_bytes = iobmd_memory_huge_bytes(buffer, (u64)start << PAGE_SHIFT,
					     i_size_read(inode));
	if (start < nr_pages) {
		err = iobmd_memory_cut(buffer, nr_pages);
		if (err)
			huge_bytes -= iobmd_memory_huge_bytes(buffer, (u64)start << PAGE_SHIFT,
							      i_size_read(inode));
	}
	WRITE_ONCE(buffer->memory.huge_bytes, buffer->memory.huge_bytes - huge_bytes);
	if (err)
		return err;
	iobmd_memory_keep_bad(buffer, nr_pages);
	i_size_write(inode, size);
	truncate_inode_pages(inode->i_mapping, size);
	return 0;
}

/*
 * Calls @try with faults shut out; again if it says that a folio is in use. A reference
 * may be one of the kernel's bookkeeping, which draining releases, or that of a task that
 * can go on now that faults are let in.
 */
int iobmd_memory_exclusively(struct iobmd_buffer *buffer,
			     int (*try)(struct iobmd_buffer *buffer, unsigned long arg),
			     unsigned long arg)
{
	unsigned int looks = 0;
	int err;

	lockdep_assert_held(&buffer->memory.resize_lock);

	while (true) {
		if (down_write_killable(&buffer->memory.fault_lock))
			return -EINTR;
		err = try(buffer, arg);
		up_write(&buffer->memory.fault_lock);
		if (err != -EBUSY || ++looks == IOBMD_USED_LOOKS ||
		    fatal_signal_pending(current))
			return err;
		if (looks == 1)
			iobmd_memory_drain_all_cpus();
		else
			schedule_timeout_killable(1 << (looks - 2));
	}
}

/**
 * iobmd_memory_shrink - take memory away from the end
 * @buffer: The buffer. The caller holds its resize_lock.
 * @nr_pages: How many pages it will have: fewer than now, and not 0.
 *
 * Return: 0, or -EBUSY if the kernel or a device uses what would go, -EINTR if the
 * caller is to be killed, -ENOMEM if a huge page could not be split, all with the
 * memory as it was, but perhaps in smaller pieces.
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
