// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a buffer: folios in the page cache of its inode.
 *
 * The core's page-cache code maps, splits and frees them. This module allocates them
 * (grow.c), and ensures that a shrink frees none that is in use (shrink.c).
 *
 * A folio stays dirty for its whole life, though there is no backing store: it tells
 * the kernel that the page cache has the only copy, so that fadvise(2), a memory error
 * or a failed split does not drop it.
 */

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/percpu.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "internal.h"

/* How many ticks to wait for all CPUs to drain their batches. */
#define IOBMD_DRAIN_TICKS	8

static DEFINE_PER_CPU(struct work_struct, iobmd_drain_works);

static int iobmd_memory_migrate_folio(struct address_space *mapping,
				      struct folio *dst, struct folio *src,
				      enum migrate_mode mode)
{
	return -EBUSY;
}

/*
 * The kernel calls this before it splits a folio. It would split on its own for
 * madvise(2) on a part or for migration, and lose huge pages. Worse, a split drops the
 * pages beyond i_size, which exist while a buffer grows or shrinks. So allow only the
 * split that a shrink requests, and that of a folio with a memory error.
 */
static bool iobmd_memory_release_folio(struct folio *folio, gfp_t gfp)
{
	struct inode *inode = folio->mapping->host;
	struct iobmd_buffer *buffer = inode->i_private;

	if (iobmd_folio_has_bad(folio))
		WRITE_ONCE(buffer->memory.has_bad, true);
	if (!folio_test_large(folio) || folio_pos(folio) >= i_size_read(inode))
		return false;
	return folio == READ_ONCE(buffer->memory.split) || iobmd_folio_has_bad(folio);
}

const struct address_space_operations iobmd_memory_aops = {
	.dirty_folio	= noop_dirty_folio,
	.migrate_folio	= iobmd_memory_migrate_folio,
	.release_folio	= iobmd_memory_release_folio,
	IOBMD_KEEP_POISONED_FOLIO,
};

/*
 * The folio of page @index, or NULL beyond the end. While the caller holds either of
 * the two locks in any mode, the folio stays, and only a hardware error can split it. A
 * caller that relies on its size also needs a reference, which keeps the kernel from
 * splitting it.
 */
struct folio *iobmd_memory_folio(struct iobmd_buffer *buffer, pgoff_t index)
{
	return xa_load(&buffer->inode->i_mapping->i_pages, index);
}

/* Whether any of the @nr pages from @index on, all in @folio, has a hardware error. */
bool iobmd_folio_is_bad(struct folio *folio, pgoff_t index, unsigned long nr)
{
	unsigned long i;

	if (!folio_test_large(folio))
		return folio_test_hwpoison(folio);
	if (!iobmd_folio_has_bad(folio))
		return false;
	for (i = 0; i < nr; i++) {
		if (PageHWPoison(folio_file_page(folio, index + i)))
			return true;
	}
	return false;
}

/*
 * Keeps large folios with a bad page for ever, from page @start on. The core could not
 * split these: it would free the bad page with the rest, and allocate it again. (The
 * core itself keeps a single bad page.)
 */
void iobmd_memory_keep_bad(struct iobmd_buffer *buffer, pgoff_t start)
{
	XA_STATE(xas, &buffer->inode->i_mapping->i_pages, start);
	unsigned int nr = 0;
	struct folio *folio;

	if (!READ_ONCE(buffer->memory.has_bad))
		return;
	xas_lock_irq(&xas);
	xas_for_each(&xas, folio, ULONG_MAX) {
		if (iobmd_folio_has_bad(folio))
			folio_get(folio);
		if (++nr % XA_CHECK_SCHED)
			continue;
		xas_pause(&xas);
		xas_unlock_irq(&xas);
		cond_resched();
		xas_lock_irq(&xas);
	}
	xas_unlock_irq(&xas);
}

/**
 * iobmd_memory_get_folio - get a reference to the folio of a byte
 * @buffer: The buffer.
 * @offset: In bytes.
 * @write: Whether the caller will change it.
 *
 * While the reference is held, a shrink or a seal that concerns the folio fails.
 *
 * Return: the folio, NULL beyond the end, or an ERR_PTR: -EPERM if it may not be
 * written, -EIO if it has a hardware error.
 */
struct folio *iobmd_memory_get_folio(struct iobmd_buffer *buffer, u64 offset,
				     bool write)
{
	pgoff_t index = offset >> PAGE_SHIFT;
	struct folio *folio = NULL;

	down_read(&buffer->memory.fault_lock);
	if (write && iobmd_buffer_is_write_sealed(buffer))
		folio = ERR_PTR(-EPERM);
	else if (index < iobmd_memory_nr_pages(buffer))
		folio = filemap_get_folio(buffer->inode->i_mapping, index);
	up_read(&buffer->memory.fault_lock);

	if (!IS_ERR_OR_NULL(folio) && iobmd_folio_is_bad(folio, index, 1)) {
		folio_put(folio);
		folio = ERR_PTR(-EIO);
	}
	return folio;
}

/*
 * How many bytes of [@offset, @end), rounded to whole pages, are in huge pages. The
 * caller holds fault_lock.
 */
u64 iobmd_memory_huge_bytes(struct iobmd_buffer *buffer, u64 offset, u64 end)
{
	u64 start, bytes = 0;

	lockdep_assert_held(&buffer->memory.fault_lock);

	if (!IOBMD_HAS_HUGE)
		return 0;
	for (start = ALIGN_DOWN(offset, PMD_SIZE); start < end; start += PMD_SIZE) {
		struct folio *folio = iobmd_memory_folio(buffer, start >> PAGE_SHIFT);

		if (folio && folio_order(folio) == IOBMD_HUGE_ORDER)
			bytes += min(start + PMD_SIZE, end) - max(start, offset);
	}
	return bytes;
}

/*
 * Puts @folio and drains the LRU batches of this CPU. Releasing a folio batch is the
 * only function for that which is exported to modules.
 */
void iobmd_folio_put_and_drain(struct folio *folio)
{
	struct folio_batch batch;

	folio_batch_init(&batch);
	folio_batch_add(&batch, folio);
	folio_batch_release(&batch);
}

static void iobmd_memory_drain_this_cpu(struct work_struct *work)
{
	struct folio *folio = page_folio(ZERO_PAGE(0));

	folio_get(folio);
	iobmd_folio_put_and_drain(folio);
}

/*
 * Drains the LRU batches of all CPUs. A CPU that is occupied by a real-time task may do
 * so later. That is fine: draining only removes transient references, so do not wait
 * for it. The same applies to a CPU that goes offline meanwhile, which the core drains.
 */
void iobmd_memory_drain_all_cpus(void)
{
	unsigned int ticks = 0;
	int cpu;

	for_each_online_cpu(cpu)
		queue_work_on(cpu, system_highpri_wq, per_cpu_ptr(&iobmd_drain_works, cpu));
	for_each_online_cpu(cpu) {
		while (work_busy(per_cpu_ptr(&iobmd_drain_works, cpu)) &&
		       ticks++ < IOBMD_DRAIN_TICKS && !fatal_signal_pending(current))
			schedule_timeout_killable(1);
	}
}

void iobmd_memory_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		INIT_WORK(per_cpu_ptr(&iobmd_drain_works, cpu), iobmd_memory_drain_this_cpu);
}

void iobmd_memory_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		cancel_work_sync(per_cpu_ptr(&iobmd_drain_works, cpu));
}

/*
 * Zeroes from byte @offset to the end of its page, which may be mapped. A page with a
 * hardware error is skipped: it cannot be accessed anyway.
 */
void iobmd_memory_zero_page_tail(struct iobmd_buffer *buffer, u64 offset)
{
	pgoff_t index = offset >> PAGE_SHIFT;
	struct folio *folio;
	size_t start;

	lockdep_assert_held(&buffer->memory.resize_lock);

	if (!offset_in_page(offset))
		return;
	folio = filemap_get_folio(buffer->inode->i_mapping, index);
	if (!iobmd_folio_is_bad(folio, index, 1)) {
		start = offset_in_folio(folio, offset);
		folio_zero_segment(folio, start, ALIGN(start, PAGE_SIZE));
	}
	folio_put(folio);
}
