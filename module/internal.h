/* SPDX-License-Identifier: GPL-2.0 */
/* iobmd: the objects and what each file offers to the others. */
#ifndef IOBMD_INTERNAL_H
#define IOBMD_INTERNAL_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <linux/iobmd.h>

#include "compat.h"

struct iobmd_account;
struct mem_cgroup;
struct seq_file;

/* The order of a huge page, and whether this kernel has any. */
#define IOBMD_HUGE_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define IOBMD_HAS_HUGE		IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE)
#define IOBMD_HUGE_SIZE		(IOBMD_HAS_HUGE ? PMD_SIZE : 0)

/**
 * struct iobmd_buffer - a buffer: memory that descriptors and mappings share
 * @inode: The page cache that holds the memory; @inode->i_size is the memory in
 *	bytes, whole pages. The inode owns this struct: its eviction, when the
 *	last file is gone, frees both. A mapping holds a file, a file the inode.
 * @rcu: For iobmd_list_show(), which looks at buffers without a reference.
 * @id: Unique while the module is loaded.
 * @alignment: As asked for at creation; constant, like the four that follow.
 * @direction: As asked for, never 0.
 * @huge: enum iobmd_huge
 * @node: NUMA node, or NUMA_NO_NODE.
 * @account: Whom the memory counts for, or NULL for a privileged creator.
 * @memcg: The memory cgroup of the creator, or NULL.
 * @resize_lock: One resize at a time. Protects the set of folios.
 * @fault_lock: Shared while a page fault looks a folio up and maps it or locks
 *	it; exclusive while a shrink unmaps folios and looks whether anybody
 *	uses them. Who holds it shared can rely on every folio being there.
 * @split: The folio that a shrink has split, else NULL. Written with @fault_lock
 *	exclusive.
 * @huge_bytes: How much of the memory is in huge pages. Written with
 *	@resize_lock held, read without.
 * @lock: Protects all that follows. Innermost.
 * @capacity: In bytes, exact.
 * @length: In bytes, at most @capacity.
 * @name: For people; may be empty.
 *
 * Lock order: mmap_lock, or @resize_lock; then @fault_lock, folio lock, the
 * kernel's own; last @lock. Nothing touches user memory under any of them.
 */
struct iobmd_buffer {
	struct inode *inode;
	struct rcu_head rcu;
	u64 id;
	u64 alignment;
	u32 direction;
	u32 huge;
	int node;
	struct iobmd_account *account;
	struct mem_cgroup *memcg;

	struct mutex resize_lock;
	struct rw_semaphore fault_lock;
	struct folio *split;
	u64 huge_bytes;

	spinlock_t lock;
	u64 capacity;
	u64 length;
	char name[IOBMD_NAME_MAX + 1];
};

/* account.c */
struct iobmd_account *iobmd_account_get(void);
void iobmd_account_put(struct iobmd_account *account);
int iobmd_account_charge(struct iobmd_account *account, unsigned long nr_pages);
void iobmd_account_uncharge(struct iobmd_account *account, unsigned long nr_pages);
int iobmd_account_check_capacity(u64 capacity);

/* memory.c */
extern const struct address_space_operations iobmd_memory_aops;
struct folio *iobmd_memory_folio(struct iobmd_buffer *buffer, pgoff_t index);
int iobmd_memory_grow(struct iobmd_buffer *buffer, pgoff_t nr_pages);
int iobmd_memory_shrink(struct iobmd_buffer *buffer, pgoff_t nr_pages);
void iobmd_memory_zero_page_tail(struct iobmd_buffer *buffer, u64 offset);

static inline pgoff_t iobmd_memory_nr_pages(const struct iobmd_buffer *buffer)
{
	return i_size_read(buffer->inode) >> PAGE_SHIFT;
}

/* buffer.c */
struct iobmd_buffer *iobmd_buffer_create(struct super_block *sb,
					 const struct iobmd_create *args);
void iobmd_buffer_evict(struct inode *inode);
int iobmd_buffer_resize(struct iobmd_buffer *buffer, u64 capacity);
int iobmd_buffer_set_length(struct iobmd_buffer *buffer, u64 length);
void iobmd_buffer_set_name(struct iobmd_buffer *buffer, const char *name);
u64 iobmd_buffer_length(struct iobmd_buffer *buffer);
void iobmd_buffer_get_info(struct iobmd_buffer *buffer,
			   struct iobmd_get_info *info);
void iobmd_buffer_get_name(struct iobmd_buffer *buffer,
			   char name[IOBMD_NAME_MAX + 1]);

/* list.c */
int iobmd_list_add(struct iobmd_buffer *buffer);
void iobmd_list_del(struct iobmd_buffer *buffer);
void iobmd_list_init(void);
void iobmd_list_exit(void);

/* fault.c */
extern const struct vm_operations_struct iobmd_vm_ops;

/* descriptor.c */
struct file *iobmd_descriptor_create(const struct iobmd_create *args,
				     struct vfsmount *mnt);
struct iobmd_buffer *iobmd_descriptor_buffer(const struct file *file);
u32 iobmd_descriptor_rights(const struct file *file);
int iobmd_descriptor_check_range(struct file *file, u64 offset, u64 length);

/* ioctl.c */
long iobmd_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long iobmd_descriptor_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg);

/* main.c */
extern struct vfsmount *iobmd_mnt;

#endif /* IOBMD_INTERNAL_H */
