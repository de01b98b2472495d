// SPDX-License-Identifier: GPL-2.0
/* The physically contiguous runs of a view, and mapping them into the kernel. */

#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "internal.h"

/**
 * struct iobmd_run - a run that is being assembled
 * @address: Where it begins.
 * @length: In bytes; 0 before the first.
 * @limits: Its limits.
 * @visit: Called with each complete run.
 * @arg: For @visit.
 */
struct iobmd_run {
	phys_addr_t address;
	u64 length;
	struct iobmd_run_limits limits;
	iobmd_visit_run_t visit;
	void *arg;
};

static int iobmd_run_finish(struct iobmd_run *run)
{
	return run->length ? run->visit(run->address, run->length, run->arg) : 0;
}

static bool iobmd_run_goes_on(const struct iobmd_run *run, phys_addr_t address)
{
	return run->address + run->length == address &&
	       run->length < run->limits.max && address & run->limits.boundary;
}

static int iobmd_run_add(struct iobmd_run *run, phys_addr_t address, u64 length)
{
	u64 boundary = run->limits.boundary;
	int ret;

	while (length) {
		u64 n;

		if (!iobmd_run_goes_on(run, address)) {
			ret = iobmd_run_finish(run);
			if (ret)
				return ret;
			run->address = address;
			run->length = 0;
		}
		n = min(length, run->limits.max - run->length);
		n = min(n - 1, boundary - (address & boundary)) + 1;
		run->length += n;
		address += n;
		length -= n;
	}
	return 0;
}

/*
 * Adds the bytes of @folio that belong to @place to the @length bytes found so far at
 * @address, unless they are not contiguous with those or have a hardware error.
 */
static bool iobmd_run_extend(const struct iobmd_place *place, struct folio *folio,
			     phys_addr_t *address, u64 *length)
{
	u64 offset = place->offset + *length;
	size_t start = offset_in_folio(folio, offset);
	u64 n = min_t(u64, folio_size(folio) - start, place->length - *length);
	phys_addr_t begin = PFN_PHYS(folio_pfn(folio)) + start;

	if (*length && *address + *length != begin)
		return false;
	if (iobmd_folio_is_bad(folio, offset >> PAGE_SHIFT,
			       PFN_UP(offset_in_page(start) + n)))
		return false;
	if (!*length)
		*address = begin;
	*length += n;
	return true;
}

/*
 * How many of the bytes at @place are physically contiguous, and where they begin; may
 * return fewer than there are. 0 if the first page has a hardware error. The bytes do
 * not move, but a folio may be split: by a shrink beyond the caller's hold, which the
 * lock prevents, or because of a hardware error, which a reference prevents.
 */
static u64 iobmd_run_find(const struct iobmd_place *place, phys_addr_t *address)
{
	struct iobmd_buffer *buffer = place->buffer;
	XA_STATE(xas, &buffer->inode->i_mapping->i_pages, place->offset >> PAGE_SHIFT);
	pgoff_t last = (place->offset + place->length - 1) >> PAGE_SHIFT;
	struct folio *folio;
	bool more = true;
	u64 length = 0;

	down_read(&buffer->memory.fault_lock);
	rcu_read_lock();
	xas_for_each(&xas, folio, last) {
		pgoff_t index = (place->offset + length) >> PAGE_SHIFT;

		if (xas_retry(&xas, folio))
			continue;
		if (!folio_try_get(folio)) {
			xas_set(&xas, index);
			continue;
		}
		if (folio != xas_reload(&xas) ||
		    index - folio->index >= folio_nr_pages(folio))
			xas_set(&xas, index);
		else
			more = iobmd_run_extend(place, folio, address, &length);
		folio_put(folio);
		if (!more || (length && need_resched()))
			break;
	}
	rcu_read_unlock();
	up_read(&buffer->memory.fault_lock);
	return length;
}

/*
 * Calls @visit for each physically contiguous run, within @limits, of a range of @view.
 * Returns -EIO at a page with a hardware error. The caller has checked the range and
 * has a hold on it.
 */
int iobmd_view_for_each_run(const struct iobmd_view *view, u64 offset, u64 length,
			    struct iobmd_run_limits limits, iobmd_visit_run_t visit,
			    void *arg)
{
	struct iobmd_run run = { .limits = limits, .visit = visit, .arg = arg };
	int ret;

	while (length) {
		struct iobmd_place place = iobmd_view_find(view, offset, length);
		phys_addr_t address;
		u64 n = iobmd_run_find(&place, &address);

		if (!n)
			return -EIO;
		ret = iobmd_run_add(&run, address, n);
		if (ret)
			return ret;
		offset += n;
		length -= n;
		cond_resched();
	}
	return iobmd_run_finish(&run);
}

static int iobmd_vmap_add_run(phys_addr_t address, u64 length, void *arg)
{
	struct page ***next = arg;
	unsigned long pfn = PHYS_PFN(address), end = pfn + (length >> PAGE_SHIFT);

	while (pfn < end)
		*(*next)++ = pfn_to_page(pfn++);
	return 0;
}

/*
 * Maps @size bytes of @view, in whole pages, into the kernel for reading and writing;
 * or an ERR_PTR. The caller has a hold on them.
 */
void *iobmd_view_vmap(const struct iobmd_view *view, u64 size)
{
	unsigned long nr = size >> PAGE_SHIFT;
	struct page **pages, **next;
	void *address;
	int err;

	if (!(view->rights & IOBMD_RIGHT_WRITE))
		return ERR_PTR(-EACCES);
	pages = kvmalloc_array(nr, sizeof(*pages), IOBMD_GFP_TABLE);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	next = pages;
	err = iobmd_view_for_each_run(view, 0, size, IOBMD_NO_LIMITS, iobmd_vmap_add_run,
				      &next);
	address = err ? ERR_PTR(err) : vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	return address ?: ERR_PTR(-ENOMEM);
}
