/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The differences between the supported kernels, 6.1 to 7.3. This header gives older
 * kernels the names of the newest. It depends on what the kernel's headers declare
 * (compat.mk looks, and defines IOBMD_HAS_...), not on the version, since distributions
 * backport changes to older kernels.
 */
#ifndef IOBMD_COMPAT_H
#define IOBMD_COMPAT_H

#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>

#ifdef IOBMD_HAS_FOLIO_BATCH_H
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

#ifndef IOBMD_HAS_MNT_IDMAP
#define mnt_idmap user_namespace
#endif

#ifndef IOBMD_HAS_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* Reports what a shrinker has freed, so that reclaim stops in time. */
#ifndef IOBMD_HAS_MM_ACCOUNT_RECLAIMED_PAGES
static inline void mm_account_reclaimed_pages(unsigned long nr_pages)
{
	if (current->reclaim_state)
		current->reclaim_state->reclaimed_slab += nr_pages;
}
#endif

#ifndef IOBMD_HAS_FILLATTR_REQUEST_MASK
#define generic_fillattr(idmap, request_mask, inode, stat) \
	generic_fillattr(idmap, inode, stat)
#endif

#ifndef IOBMD_HAS_EVENTFD_SIGNAL_WITHOUT_COUNT
#define eventfd_signal(ctx) eventfd_signal(ctx, 1)
#endif

/* The path of a file that is being opened. */
#ifdef IOBMD_HAS_CONST_F_PATH
#define iobmd_file_path(file) (&(file)->__f_path)
#else
#define iobmd_file_path(file) (&(file)->f_path)
#endif

/* Newer kernels refuse a lease where there is no ->setlease. */
#ifndef IOBMD_HAS_SIMPLE_NOSETLEASE
#define simple_nosetlease NULL
#endif

#ifndef IOBMD_HAS_INODE_JUST_DROP
#define inode_just_drop generic_delete_inode
#endif

/*
 * Whether the core may map the whole folio that any file's ->fault() returns, and may
 * have freed the page table that was allocated for the fault. Kernels that do so have
 * vmf_insert_page_mkwrite() to map a single page, except 6.14.
 */
#if defined(CONFIG_PT_RECLAIM) && !defined(IOBMD_HAS_VMF_INSERT_PAGE_MKWRITE)
#error "CONFIG_PT_RECLAIM without vmf_insert_page_mkwrite(): composites are not safe here"
#endif

#ifdef IOBMD_HAS_VMF_INSERT_PAGE_MKWRITE
#define IOBMD_CORE_MAPS_FOLIOS	true
#else
#define IOBMD_CORE_MAPS_FOLIOS	false

static inline vm_fault_t vmf_insert_page_mkwrite(struct vm_fault *vmf,
						 struct page *page, bool write)
{
	return VM_FAULT_SIGBUS;
}
#endif

typedef unsigned long (*iobmd_shrinker_t)(struct shrinker *shrinker,
					  struct shrink_control *sc);

/*
 * Allocates a NUMA-aware shrinker that frees at least @batch objects at a time; NULL if
 * out of memory. 6.1 has no shrinker_alloc().
 */
#ifdef IOBMD_HAS_SHRINKER_ALLOC
static inline struct shrinker *iobmd_shrinker_create(iobmd_shrinker_t count,
						     iobmd_shrinker_t scan,
						     long batch)
{
	struct shrinker *shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "iobmd");

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->batch = batch;
	shrinker_register(shrinker);
	return shrinker;
}
#else
static inline struct shrinker *iobmd_shrinker_create(iobmd_shrinker_t count,
						     iobmd_shrinker_t scan,
						     long batch)
{
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->batch = batch;
	shrinker->seeks = DEFAULT_SEEKS;
	shrinker->flags = SHRINKER_NUMA_AWARE;
	if (register_shrinker(shrinker, "iobmd")) {
		kfree(shrinker);
		return NULL;
	}
	return shrinker;
}

static inline void shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#endif

/*
 * IOBMD_KEEP_POISONED_FOLIO: an initializer for struct address_space_operations. A page
 * with a hardware error stays in its buffer: accesses get SIGBUS, and never find other
 * contents in its place.
 */
#ifdef IOBMD_HAS_ERROR_REMOVE_FOLIO
static inline int iobmd_error_remove_folio(struct address_space *mapping,
					   struct folio *folio)
{
	return MF_DELAYED;
}

#define IOBMD_KEEP_POISONED_FOLIO .error_remove_folio = iobmd_error_remove_folio
#else
static inline int iobmd_error_remove_page(struct address_space *mapping,
					  struct page *page)
{
	return MF_DELAYED;
}

#define IOBMD_KEEP_POISONED_FOLIO .error_remove_page = iobmd_error_remove_page
#endif

#endif /* IOBMD_COMPAT_H */
