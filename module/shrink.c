// SPDX-License-Identifier: GPL-2.0
/* Shrinking, and checking whether memory is in use, which the seal against writing shares. */

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "internal.h"

/* How often to check whether the memory is in use, and how many ticks to wait each time. */
#define IOBMD_USED_LOOKS	4
#define IOBMD_USED_TICKS	8

/**
 * struct iobmd_look - one check whether the memory is in use
 * @buffer: The buffer.
 * @ticks: How many ticks it has waited so far for folios in use.
 */
struct iobmd_look {
	struct iobmd_buffer *buffer;
	unsigned int ticks;
};

/*
 * Calls @visit with a reference to each folio from page @start on, until it returns
 * true. Returns the last value that it returned.
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
 * Waits for a fault that found the folio before fault_lock was taken, and holds it
 * locked. Returns true if the caller is being killed.
 */
static bool iobmd_folio_wait(struct iobmd_look *look, struct folio *folio)
{
	if (folio_lock_killable(folio))
		return true;
	folio_unlock(folio);
	return false;
}

/*
 * The references of the page cache and of the visit, and the one that keeps a page with
 * a hardware error from being reused. (Such a page is not in a large folio here: see
 * iobmd_memory_release_folio().)
 */
static int iobmd_folio_harmless_refs(struct folio *folio)
{
	bool bad = !folio_test_large(folio) && folio_test_hwpoison(folio);

	return folio_nr_pages(folio) + 1 + bad;
}

/*
 * Any other reference belongs to a pin, a pipe, a block request or the like. Transient
 * references (compaction) go away soon, so wait a few ticks; for all folios together,
 * since a program could release one after the other. No folio can come into use now, so
 * each is checked only once. Do not wait while a fault waits for fault_lock: the
 * faulting task may be the one that holds the reference.
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
 * Newer kernels do not wait for the memory that a split needs, and give up half way.
 * Once the probe is freed, its charge to the memory cgroup stays cached for this CPU.
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
 * Splits the unmapped, unused folio of page @first in front of that page, which is
 * freed. Modules can only request a split by truncating a part of a folio, so truncate
 * that page alone. The core splits the rest into single pages or into the largest
 * possible blocks, none of which extends across the cut. i_size still includes
 * everything, since a split drops the pages beyond it, and takes them out of dirty
 * accounting, which a buffer does not have.
 *
 * If the split fails, the page has been zeroed, and the folio may be split partly; it
 * is enough if one of the pieces begins with the page. So save its contents, unless it
 * has a hardware error and must not be read.
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
 * Unmaps everything from page @start on. Returns -EBUSY if it is in use nevertheless.
 *
 * With faults shut out and everything unmapped, no task can gain a reference, so the
 * reference counts tell whether the kernel uses a folio. A lockless GUP in flight may
 * take a reference for a moment, but drops it when it sees that the page-table entry is
 * gone. (There are no private copies to unmap, but unmapping those also removes the
 * hwpoison entries.)
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
 * A folio that straddles the new end counts as a whole: it has to be split, and a folio
 * in use cannot be.
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
 * Calls @try with faults shut out, and again if it returns -EBUSY. The reference may be
 * a transient one of the kernel, which draining releases, or that of a task that can
 * continue now that faults are allowed again.
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
 * iobmd_memory_shrink - free memory at the end
 * @buffer: The buffer. The caller holds its resize_lock.
 * @nr_pages: How many pages it will have: fewer than now, and not 0.
 *
 * Return: 0, or -EBUSY if the kernel or a device uses what would be freed, -EINTR if the
 * caller is being killed, -ENOMEM if a huge page could not be split. After an error the
 * memory is unchanged, but may be in smaller folios.
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
