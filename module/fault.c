// SPDX-License-Identifier: GPL-2.0
/*
 * Page faults: each maps the whole stretch that one page table covers (2 MiB on
 * x86-64), for reads and for writes and whatever the sizes of the folios.
 *
 * The core calls ->map_pages() only for read faults, and only for a few pages around
 * the address. So both handlers map the whole stretch, clipped to the VMA.
 */

#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/userfaultfd_k.h>

#include "internal.h"

/* The pages that the page table of a fault can map. */
struct iobmd_stretch {
	pgoff_t first;
	pgoff_t last;
};

/* For a mapping made through an export, ->vm_file is the descriptor of the export. */
static struct iobmd_buffer *iobmd_fault_buffer(const struct vm_fault *vmf)
{
	return iobmd_descriptor_view(vmf->vma->vm_file)->buffer;
}

static struct iobmd_stretch iobmd_fault_stretch(const struct vm_fault *vmf)
{
	unsigned long address = vmf->address & PAGE_MASK;
	unsigned long start = max(address & PMD_MASK, vmf->vma->vm_start);
	unsigned long last = min((address & PMD_MASK) + PMD_SIZE - 1,
				 vmf->vma->vm_end - 1);

	return (struct iobmd_stretch) {
		.first = vmf->pgoff - ((address - start) >> PAGE_SHIFT),
		.last = vmf->pgoff + ((last - address) >> PAGE_SHIFT),
	};
}

/*
 * Whether one huge page fills the stretch. If so, ->fault() returns it and the core
 * maps it with one entry; filemap_map_pages() of 6.12 would not if it is the last of
 * the buffer.
 */
static bool iobmd_stretch_is_huge(const struct vm_fault *vmf,
				  const struct iobmd_stretch *stretch,
				  struct iobmd_buffer *buffer)
{
	struct folio *folio;

	if (!pmd_none(*vmf->pmd) || !IS_ALIGNED(stretch->first, PTRS_PER_PTE) ||
	    stretch->last - stretch->first != PTRS_PER_PTE - 1)
		return false;
	folio = iobmd_memory_folio(buffer, stretch->first);
	return folio && folio_order(folio) == IOBMD_HUGE_ORDER &&
	       !iobmd_folio_has_bad(folio);
}

/* Returns 0 if it has not mapped the page of the fault. */
static vm_fault_t iobmd_fault_map_stretch(struct vm_fault *vmf,
					  struct iobmd_buffer *buffer)
{
	struct iobmd_stretch stretch = iobmd_fault_stretch(vmf);

	if (iobmd_stretch_is_huge(vmf, &stretch, buffer))
		return 0;
	return filemap_map_pages(vmf, stretch.first, stretch.last);
}

/* May not sleep: iobmd_fault() maps what this leaves. */
static vm_fault_t iobmd_map_pages(struct vm_fault *vmf, pgoff_t first,
				  pgoff_t last)
{
	struct iobmd_buffer *buffer = iobmd_fault_buffer(vmf);
	vm_fault_t ret;

	if (!down_read_trylock(&buffer->memory.fault_lock))
		return 0;
	ret = iobmd_fault_map_stretch(vmf, buffer);
	up_read(&buffer->memory.fault_lock);
	return ret;
}

/*
 * The page of the fault alone, or all of its huge page: the core decides. Pages beyond
 * i_size belong to a grow that may still fail.
 */
static vm_fault_t iobmd_fault_lock_page(struct vm_fault *vmf,
					struct iobmd_buffer *buffer, pgoff_t index)
{
	struct folio *folio;

	if (index >= iobmd_memory_nr_pages(buffer))
		return VM_FAULT_SIGBUS;
	folio = filemap_lock_folio(buffer->inode->i_mapping, index);
	if (IS_ERR_OR_NULL(folio))
		return VM_FAULT_SIGBUS;
	vmf->page = folio_file_page(folio, index);
	return VM_FAULT_LOCKED;
}

/*
 * Maps only the page of the fault, which is locked; the core would map its whole folio.
 * On kernels without vmf_insert_page_mkwrite() the core does not.
 *
 * The insert finds an entry for the whole stretch if another fault has set it before
 * the folio had a hardware error. It is not told about a write, or it would treat an
 * existing entry as a mistake; the protection of the VMA permits the write at once.
 */
static vm_fault_t iobmd_fault_map_alone(struct vm_fault *vmf)
{
	struct page *page = vmf->page;
	vm_fault_t ret = VM_FAULT_NOPAGE;

	if (!IOBMD_CORE_MAPS_FOLIOS || PageHWPoison(page))
		return VM_FAULT_LOCKED;
	if (!pmd_trans_huge(*vmf->pmd))
		ret = vmf_insert_page_mkwrite(vmf, page, false);
	vmf->page = NULL;
	folio_unlock(page_folio(page));
	put_page(page);
	return ret;
}

static vm_fault_t iobmd_fault(struct vm_fault *vmf)
{
	struct iobmd_buffer *buffer = iobmd_fault_buffer(vmf);
	vm_fault_t ret = 0;

	down_read(&buffer->memory.fault_lock);
	if (!uffd_disable_fault_around(vmf->vma))
		ret = iobmd_fault_map_stretch(vmf, buffer);
	if (!ret)
		ret = iobmd_fault_lock_page(vmf, buffer, vmf->pgoff);
	up_read(&buffer->memory.fault_lock);

	/* Do not map pages around it that have a hardware error. */
	if (ret == VM_FAULT_LOCKED && !userfaultfd_armed(vmf->vma) &&
	    iobmd_folio_has_bad(page_folio(vmf->page)))
		ret = iobmd_fault_map_alone(vmf);
	return ret;
}

const struct vm_operations_struct iobmd_vm_ops = {
	.fault		= iobmd_fault,
	.map_pages	= iobmd_map_pages,
};

/*
 * The core maps a huge page with one entry wherever the VMA has an aligned stretch for
 * it, and newer kernels map any folio as a whole. Both assume that the whole stretch
 * belongs to one buffer. For a composite that holds only if the part extends that far
 * on both sides.
 */
static bool iobmd_place_fills_stretch(const struct vm_fault *vmf,
				      const struct iobmd_place *place)
{
	u64 before = vmf->address & ~PMD_MASK & PAGE_MASK;

	return (place->offset & ~PMD_MASK) == before && place->before >= before &&
	       place->length >= PMD_SIZE - before;
}

/*
 * Maps the page of the fault alone, or a huge page. The memory is not in the page cache
 * of the VMA's file, and filemap_map_pages() looks in no other.
 */
static vm_fault_t iobmd_composite_fault(struct vm_fault *vmf)
{
	struct iobmd_place place =
		iobmd_composite_find(iobmd_fault_buffer(vmf)->composite,
				     (u64)vmf->pgoff << PAGE_SHIFT);
	bool fills = iobmd_place_fills_stretch(vmf, &place);
	vm_fault_t ret;

	/*
	 * Current kernels do not allow userfaultfd on such a mapping (VM_DONTEXPAND);
	 * older ones did.
	 */
	if (IOBMD_CORE_MAPS_FOLIOS && userfaultfd_armed(vmf->vma))
		return VM_FAULT_SIGBUS;

	/* If there is a page table already, the core only sets entries in it. */
	if (!fills && pmd_none(*vmf->pmd) &&
	    apply_to_page_range(vmf->vma->vm_mm, vmf->address & PAGE_MASK, PAGE_SIZE,
				NULL, NULL))
		return VM_FAULT_OOM;

	down_read(&place.buffer->memory.fault_lock);
	ret = iobmd_fault_lock_page(vmf, place.buffer, place.offset >> PAGE_SHIFT);
	up_read(&place.buffer->memory.fault_lock);
	if (ret == VM_FAULT_LOCKED && (!fills || iobmd_folio_has_bad(page_folio(vmf->page))))
		ret = iobmd_fault_map_alone(vmf);
	return ret;
}

const struct vm_operations_struct iobmd_composite_vm_ops = {
	.fault		= iobmd_composite_fault,
};
