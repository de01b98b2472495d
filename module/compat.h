/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that iobmd supports, 6.1 and 6.12. This
 * header gives 6.1 the names of 6.12; nothing else tests for a version.
 */
#ifndef IOBMD_COMPAT_H
#define IOBMD_COMPAT_H

#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/version.h>

/* For importers of a dma-buf, as the tests have one: 6.1 takes the lock itself. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define dma_buf_map_attachment_unlocked dma_buf_map_attachment
#define dma_buf_unmap_attachment_unlocked dma_buf_unmap_attachment
#define dma_buf_vmap_unlocked dma_buf_vmap
#define dma_buf_vunmap_unlocked dma_buf_vunmap
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define mnt_idmap user_namespace

static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* How much a shrinker has freed, so that those who want memory stop in time. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static inline void mm_account_reclaimed_pages(unsigned long nr_pages)
{
	if (current->reclaim_state)
		current->reclaim_state->reclaimed_slab += nr_pages;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define generic_fillattr(idmap, request_mask, inode, stat) \
	generic_fillattr(idmap, inode, stat)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define eventfd_signal(ctx) eventfd_signal(ctx, 1)
#endif

typedef unsigned long (*iobmd_shrinker_t)(struct shrinker *shrinker,
					  struct shrink_control *sc);

/*
 * Makes a shrinker for each NUMA node, which frees at least @batch objects at a
 * time. NULL: no memory. 6.1 has no shrinker_alloc().
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
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
 * IOBMD_KEEP_POISONED_FOLIO: an initializer for struct address_space_operations.
 * A page with a hardware error stays in its buffer: whoever maps it is told so
 * by SIGBUS, and nobody finds other contents in its place.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
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
