// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a buffer: folios in the page cache of its inode.
 *
 * The kernel's own page-cache code maps them, takes them apart and frees them.
 * Ours allocates them (grow.c), and sees to it that a shrink takes nothing from
 * anybody who uses it (shrink.c).
 *
 * A folio is marked dirty for as long as it lives. There is nowhere to write it
 * to; it tells the kernel that the page cache has the only copy, so that neither
 * fadvise(2) nor a memory error nor a failed split makes it drop one.
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
 * The kernel asks before it splits a folio. On its own it would do so for
 * madvise(2) on a part, or when it wants to migrate, and would so make small
 * pages of what shall be huge. Worse, a split drops the pages beyond i_size,
 * which are there while a buffer grows or shrinks. So only the split that a
 * shrink is about is allowed, and that of a folio with a memory error.
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
 * The folio of page @index, or NULL beyond the end. It stays as it is for as
 * long as the caller holds one of the two locks, in any way, but for a hardware
 * error: who goes by the size of the folio needs a reference, too, which keeps the
 * kernel from splitting it.
 */
struct folio *iobmd_memory_folio(struct iobmd_buffer *buffer, pgoff_t index)
{
	return xa_load(&buffer->inode->i_mapping->i_pages, index);
}

/* Whether one of the @nr pages from @index on, all in @folio, has a hardware error. */
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
 * Keeps the folios from page @start on for ever that have a page with a hardware error
 * among others, as the core could not split them: it would free the bad page with the
 * rest, and hand it out again. (It keeps a single one.)
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
 * How much of [@offset, @end) is in huge pages, in bytes; whole pages count. The
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
 * Puts @folio and makes this CPU put the folios that its LRU batches hold; of
 * what modules can call, only the release of a batch does that.
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
 * Has all CPUs put the folios in their LRU batches. A CPU that a real-time task
 * occupies may do it later, when it can: this is a help to see what uses a folio, so
 * there is no need to wait for it. The same goes for one that goes offline meanwhile;
 * then the core drains it.
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
 * Zeroes from byte @offset to the end of its page, which may be mapped; but nobody
 * gets at one with a hardware error.
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
