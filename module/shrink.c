// SPDX-License-Identifier: GPL-2.0
/* Shrinking, and the seal against writing: what needs to know that nobody uses the memory. */

#include <linux/cpu.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "internal.h"

/* How often to look whether somebody uses the memory, and for how many ticks. */
#define IOBMD_USED_LOOKS	4
#define IOBMD_USED_TICKS	8

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

/*
 * Calls @visit with a reference to each folio from page @start on, until it
 * says true. Returns the last that it said.
 */
static bool iobmd_memory_visit(struct iobmd_buffer *buffer, pgoff_t start,
			       bool (*visit)(struct iobmd_buffer *buffer,
					     struct folio *folio))
{
	struct address_space *mapping = buffer->inode->i_mapping;
	pgoff_t last = iobmd_memory_nr_pages(buffer) - 1;
	struct folio_batch batch;
	bool stop = false;
	unsigned int i;

	folio_batch_init(&batch);
	while (!stop && filemap_get_folios(mapping, &start, last, &batch)) {
		for (i = 0; i < folio_batch_count(&batch) && !stop; i++)
			stop = visit(buffer, batch.folios[i]);
		folio_batch_release(&batch);
		cond_resched();
	}
	return stop;
}

/* A fault that found the folio before we had the lock holds it locked. */
static bool iobmd_folio_wait(struct iobmd_buffer *buffer, struct folio *folio)
{
	folio_lock(folio);
	folio_unlock(folio);
	return false;
}

/*
 * The page cache, our visit, and who keeps a page with a hardware error from ever
 * being used again. (It is a page of its own then: see iobmd_memory_release_folio().)
 */
static int iobmd_folio_harmless_refs(struct folio *folio)
{
	bool bad = !folio_test_large(folio) && folio_test_hwpoison(folio);

	return folio_nr_pages(folio) + 1 + bad;
}

/*
 * Beside those: a pin, a pipe, a block request, ... Who only takes a look at every
 * page, as compaction does, is soon gone; and as nobody can come to use the folio
 * now, those looked at before need no new look. But if a fault waits for us, it may
 * be that of the user whom we wait for.
 */
static bool iobmd_folio_is_used(struct iobmd_buffer *buffer, struct folio *folio)
{
	unsigned int ticks = 0;

	while (folio_ref_count(folio) > iobmd_folio_harmless_refs(folio)) {
		if (ticks++ == IOBMD_USED_TICKS ||
		    rwsem_is_contended(&buffer->fault_lock))
			return true;
		schedule_timeout_uninterruptible(1);
	}
	return false;
}

/*
 * Makes single pages of the unmapped, unused folio from page @first up to page
 * @end. Modules can only call for that by having a part of it truncated, and if
 * the split then fails, the part has been zeroed: so it is the folio's last
 * page, which goes anyway if all is well, and whose contents are kept meanwhile,
 * unless a hardware error makes it unwise to look at them.
 */
static int iobmd_memory_split(struct iobmd_buffer *buffer, pgoff_t first,
			      pgoff_t end)
{
	loff_t pos = (loff_t)(end - 1) << PAGE_SHIFT;
	struct folio *folio = iobmd_memory_folio(buffer, first);
	struct page *last = folio_page(folio, end - 1 - first);
	struct page *copy = alloc_page(GFP_KERNEL);
	bool good = !iobmd_folio_is_bad(folio, end - 1, 1);
	int err = 0;

	if (!copy)
		return -ENOMEM;
	if (good)
		copy_highpage(copy, last);
	WRITE_ONCE(buffer->split, folio);
	truncate_inode_pages_range(buffer->inode->i_mapping, pos,
				   pos + PAGE_SIZE - 1);
	WRITE_ONCE(buffer->split, NULL);
	if (iobmd_memory_folio(buffer, end - 1)) {
		if (good)
			copy_highpage(last, copy);
		err = folio_ref_count(folio) == folio_nr_pages(folio) ? -ENOMEM : -EBUSY;
	}
	__free_page(copy);
	return err;
}

/*
 * Unmaps everything from page @start on, and says -EBUSY if somebody uses it all
 * the same. With faults shut out and everything unmapped nobody can gain a
 * reference, so that the reference counts tell whether the kernel uses a folio.
 * A lockless GUP in flight may take one for a moment, but gives it back when it
 * sees that the page-table entry is gone. (There are no private copies, but to ask
 * for them takes the entries away, too, that stand for a hardware error.)
 */
static int iobmd_memory_unmap(struct iobmd_buffer *buffer, pgoff_t start)
{
	lockdep_assert_held_write(&buffer->fault_lock);

	iobmd_memory_visit(buffer, start, iobmd_folio_wait);
	unmap_mapping_pages(buffer->inode->i_mapping, start, 0, true);
	return iobmd_memory_visit(buffer, start, iobmd_folio_is_used) ? -EBUSY : 0;
}

/*
 * A folio that straddles the new end counts as a whole: it has to be split, and
 * a folio in use cannot be.
 */
static int iobmd_memory_try_shrink(struct iobmd_buffer *buffer, pgoff_t nr_pages)
{
	loff_t size = (loff_t)nr_pages << PAGE_SHIFT;
	struct inode *inode = buffer->inode;
	struct folio *cut = filemap_get_folio(inode->i_mapping, nr_pages);
	pgoff_t start = cut->index;
	pgoff_t cut_end = folio_next_index(cut);
	u64 huge_bytes;
	int err;

	folio_put(cut);
	err = iobmd_memory_unmap(buffer, start);
	if (err)
		return err;

	huge_bytes = iobmd_memory_huge_bytes(buffer, (u64)start << PAGE_SHIFT,
					     i_size_read(inode));
	if (start < nr_pages) {
		err = iobmd_memory_split(buffer, start, cut_end);
		if (err)
			return err;
	}
	WRITE_ONCE(buffer->huge_bytes, buffer->huge_bytes - huge_bytes);
	i_size_write(inode, size);
	truncate_inode_pages(inode->i_mapping, size);
	return 0;
}

/*
 * Calls @try with faults shut out; again if it says that somebody uses a folio.
 * That may be the kernel's bookkeeping, which can be made to stop, or somebody
 * who gets on now that faults are let in.
 */
static int iobmd_memory_exclusively(struct iobmd_buffer *buffer,
				    int (*try)(struct iobmd_buffer *, pgoff_t),
				    pgoff_t arg)
{
	unsigned int looks = 0;
	int err;

	lockdep_assert_held(&buffer->resize_lock);

	while (true) {
		down_write(&buffer->fault_lock);
		err = try(buffer, arg);
		up_write(&buffer->fault_lock);
		if (err != -EBUSY || ++looks == IOBMD_USED_LOOKS ||
		    fatal_signal_pending(current))
			return err;
		if (looks == 1)
			iobmd_drain_all_cpus(iobmd_memory_folio(buffer, 0));
		else
			schedule_timeout_killable(1 << (looks - 2));
	}
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
