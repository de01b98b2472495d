/* SPDX-License-Identifier: GPL-2.0 */
/* iobmd: the objects and what each file offers to the others. */
#ifndef IOBMD_INTERNAL_H
#define IOBMD_INTERNAL_H

#include <linux/dma-direction.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <linux/iobmd.h>

#include "compat.h"

struct iobmd_account;
struct iobmd_composite;
struct dma_buf;
struct iov_iter;
struct kiocb;
struct mem_cgroup;
struct pipe_inode_info;
struct seq_file;

/* The order of a huge page, and whether this kernel has any. */
#define IOBMD_HUGE_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define IOBMD_HAS_HUGE		IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE)
#define IOBMD_HUGE_SIZE		(IOBMD_HAS_HUGE ? PMD_SIZE : 0)
#define IOBMD_HUGE_PAGES	BIT(IOBMD_HUGE_ORDER)

/* Unmovable, cleared once, and no word in the log when there is none. */
#define IOBMD_GFP	(GFP_HIGHUSER | __GFP_ZERO | __GFP_NOWARN)

/* For what can be done without. */
#define IOBMD_GFP_LIGHT	(IOBMD_GFP | __GFP_NORETRY)

#define IOBMD_RIGHTS	(IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE | IOBMD_RIGHT_RESIZE)

/**
 * struct iobmd_hold - a reason for a buffer to keep the memory that it has
 * @node: In the buffer's holds.
 * @end: The memory up to this byte has to stay.
 */
struct iobmd_hold {
	struct list_head node;
	u64 end;
};

/**
 * struct iobmd_buffer - a buffer: memory that descriptors and mappings share
 * @inode: The page cache that holds the memory; @inode->i_size is the memory in
 *	bytes, whole pages, but that of a composite is beyond all there is. The
 *	inode owns this struct: its eviction, when the last file is gone, frees
 *	both. A mapping holds a file, a file the inode.
 * @rcu: For iobmd_list_show(), which looks at buffers without a reference.
 * @listed: In the list of all buffers; unused while @capacity is 0.
 * @id: Unique while the module is loaded.
 * @alignment: As asked for at creation; constant, like the five that follow.
 * @direction: As asked for, never 0.
 * @huge: enum iobmd_huge
 * @node: NUMA node, or NUMA_NO_NODE.
 * @composite: What it shows instead of memory of its own, or NULL.
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
 * @seals: An or of enum iobmd_seals. Written with @resize_lock held too, and
 *	IOBMD_SEAL_WRITE with @fault_lock exclusive.
 * @holds: Of struct iobmd_hold. Added to with @resize_lock held too.
 * @capacity: In bytes, exact. Written with @resize_lock held too.
 * @length: In bytes, at most @capacity.
 * @name: For people; may be empty.
 *
 * Lock order: mmap_lock, or @resize_lock; then @fault_lock, folio lock, the
 * kernel's own; last @lock. Nothing touches user memory under any of them.
 */
struct iobmd_buffer {
	struct inode *inode;
	struct rcu_head rcu;
	struct list_head listed;
	u64 id;
	u64 alignment;
	u32 direction;
	u32 huge;
	int node;
	struct iobmd_composite *composite;
	struct iobmd_account *account;
	struct mem_cgroup *memcg;

	struct mutex resize_lock;
	struct rw_semaphore fault_lock;
	struct folio *split;
	u64 huge_bytes;

	spinlock_t lock;
	u32 seals;
	struct list_head holds;
	u64 capacity;
	u64 length;
	char name[IOBMD_NAME_MAX + 1];
};

/**
 * struct iobmd_view - what a descriptor shows of its buffer
 * @buffer: The buffer; the descriptor's file has a reference to its inode.
 * @rights: An or of enum iobmd_rights. Also the mode of the file, so that the
 *	kernel's own checks go by it.
 * @is_window: Whether it shows but a part.
 * @offset: Where that part begins, in bytes; a multiple of the page size.
 * @size: Its size in bytes; without @is_window it is the buffer's length.
 * @has_hold: Whether @hold is in use.
 * @hold: Keeps what the view shows, or what its owner asked for.
 *
 * Constant, but for @hold, which goes with the file. The rest goes with its
 * dentry, which stat(2) looks at and a path keeps for longer than the file.
 */
struct iobmd_view {
	struct iobmd_buffer *buffer;
	u32 rights;
	bool is_window;
	bool has_hold;
	u64 offset;
	u64 size;
	struct iobmd_hold hold;
};

/**
 * struct iobmd_place - where a byte of a view lies
 * @buffer: In whose memory; not a composite.
 * @offset: Where in that, in bytes.
 * @before: How many bytes of the same window lie before it.
 * @length: How many from there on lie next to each other, in bytes.
 */
struct iobmd_place {
	struct iobmd_buffer *buffer;
	u64 offset;
	u64 before;
	u64 length;
};

/**
 * struct iobmd_run_limits - how long a physically contiguous run may be
 * @max: In bytes, 1 or more.
 * @boundary: Low bits, all set: no run goes on across an address that has none
 *	of them.
 */
struct iobmd_run_limits {
	u64 max;
	u64 boundary;
};

#define IOBMD_NO_LIMITS	((struct iobmd_run_limits) { U64_MAX, U64_MAX })

/**
 * struct iobmd_dma_mapping - a range that is mapped for a device
 * @node: For whoever keeps a list of them.
 * @sgt: Its segments.
 * @dev: The device.
 * @direction: As asked for.
 */
struct iobmd_dma_mapping {
	struct list_head node;
	struct sg_table sgt;
	struct device *dev;
	enum dma_data_direction direction;
};

/* account.c */
struct iobmd_account *iobmd_account_get(void);
void iobmd_account_put(struct iobmd_account *account);
int iobmd_account_charge(struct iobmd_account *account, unsigned long nr_pages);
void iobmd_account_uncharge(struct iobmd_account *account, unsigned long nr_pages);
int iobmd_account_check_capacity(u64 capacity);

/* memory.c */
void iobmd_folio_put_and_drain(struct folio *folio);
extern const struct address_space_operations iobmd_memory_aops;
struct folio *iobmd_memory_folio(struct iobmd_buffer *buffer, pgoff_t index);
bool iobmd_folio_is_bad(struct folio *folio, pgoff_t index, unsigned long nr);
struct folio *iobmd_memory_get_folio(struct iobmd_buffer *buffer, u64 offset,
				     bool write);
u64 iobmd_memory_huge_bytes(struct iobmd_buffer *buffer, u64 offset, u64 end);
void iobmd_memory_zero_page_tail(struct iobmd_buffer *buffer, u64 offset);

/*
 * Whether the seal against writing is on. It is refused while the page cache has
 * a writable mapping: so whoever is about to write has to count as one, or hold
 * @fault_lock and then a folio, before this tells.
 */
static inline bool iobmd_buffer_is_frozen(const struct iobmd_buffer *buffer)
{
	return READ_ONCE(buffer->seals) & IOBMD_SEAL_WRITE;
}

static inline pgoff_t iobmd_memory_nr_pages(const struct iobmd_buffer *buffer)
{
	return buffer->composite ? 0 : i_size_read(buffer->inode) >> PAGE_SHIFT;
}

/* grow.c */
bool iobmd_memory_has_room(pgoff_t nr_pages);
int iobmd_memory_grow(struct iobmd_buffer *buffer, pgoff_t nr_pages);

/* batch.c */
int iobmd_batch_init(void);
void iobmd_batch_exit(void);

/* reserve.c */
int iobmd_reserve_node(int node);
struct folio *iobmd_reserve_take(int node);
struct folio *iobmd_reserve_take_any(int node);
bool iobmd_reserve_release(int node);

/* refill.c */
extern unsigned long iobmd_reserve_mib;
int iobmd_reserve_show(struct seq_file *m, void *unused);
int iobmd_reserve_init(void);
void iobmd_reserve_exit(void);

static inline bool iobmd_reserve_is_on(void)
{
	return IOBMD_HAS_HUGE && READ_ONCE(iobmd_reserve_mib);
}

/* shrink.c */
int iobmd_memory_shrink(struct iobmd_buffer *buffer, pgoff_t nr_pages);
int iobmd_memory_freeze(struct iobmd_buffer *buffer);

/* buffer.c */
struct iobmd_buffer *iobmd_buffer_alloc(struct super_block *sb,
					const struct iobmd_create *args);
struct iobmd_buffer *iobmd_buffer_create(struct super_block *sb,
					 const struct iobmd_create *args);
void iobmd_buffer_evict(struct inode *inode);
void iobmd_buffer_publish(struct iobmd_buffer *buffer, u64 capacity);
int iobmd_buffer_resize(struct iobmd_buffer *buffer, u64 capacity);
int iobmd_buffer_set_length(struct iobmd_buffer *buffer, u64 length);
void iobmd_buffer_set_name(struct iobmd_buffer *buffer, const char *name);
u64 iobmd_buffer_length(struct iobmd_buffer *buffer);
void iobmd_buffer_get_info(struct iobmd_buffer *buffer,
			   struct iobmd_get_info *info);
void iobmd_buffer_get_name(struct iobmd_buffer *buffer,
			   char name[IOBMD_NAME_MAX + 1]);

/* hold.c */
int iobmd_hold_get(struct iobmd_hold *hold, struct iobmd_buffer *buffer, u64 end);
void iobmd_hold_put(struct iobmd_hold *hold, struct iobmd_buffer *buffer);
int iobmd_hold_check_resize(struct iobmd_buffer *buffer, u64 capacity);
int iobmd_buffer_seal(struct iobmd_buffer *buffer, u32 seals);

/* list.c */
void iobmd_list_add(struct iobmd_buffer *buffer);
void iobmd_list_del(struct iobmd_buffer *buffer);
void iobmd_list_init(void);
void iobmd_list_exit(void);

/* fault.c */
extern const struct vm_operations_struct iobmd_vm_ops;
extern const struct vm_operations_struct iobmd_composite_vm_ops;

/* composite.c */
struct iobmd_buffer *
iobmd_composite_create(struct super_block *sb,
		       const struct iobmd_compose_part *parts, u32 nr_parts,
		       u32 rights);
void iobmd_composite_free(struct iobmd_composite *composite);
void iobmd_composite_get(struct iobmd_composite *composite);
void iobmd_composite_put(struct iobmd_composite *composite);
u64 iobmd_composite_start(const struct iobmd_composite *composite);
struct iobmd_place iobmd_composite_find(const struct iobmd_composite *composite,
					u64 offset);

/* view.c */
struct iobmd_view *iobmd_view_create(struct iobmd_buffer *buffer, u32 rights);
struct iobmd_view *iobmd_view_derive(const struct iobmd_view *parent,
				     const struct iobmd_derive *args);
void iobmd_view_put_hold(struct iobmd_view *view);
void iobmd_view_free(struct iobmd_view *view);
u64 iobmd_view_size(const struct iobmd_view *view);
struct iobmd_place iobmd_view_find(const struct iobmd_view *view, u64 pos, u64 length);
void iobmd_view_get_info(const struct iobmd_view *view,
			 struct iobmd_get_info *info);
int iobmd_view_check_range(const struct iobmd_view *view, u64 offset, u64 *length);

int iobmd_view_get_writer(const struct iobmd_view *view);
void iobmd_view_put_writer(const struct iobmd_view *view);

/* io.c */
ssize_t iobmd_io(const struct iobmd_view *view, loff_t *pos, u64 size,
		 struct iov_iter *iter, bool write);
ssize_t iobmd_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t iobmd_write_iter(struct kiocb *iocb, struct iov_iter *from);
ssize_t iobmd_splice_read(struct file *file, loff_t *pos,
			  struct pipe_inode_info *pipe, size_t length,
			  unsigned int flags);
loff_t iobmd_llseek(struct file *file, loff_t offset, int whence);

/* dma.c */
typedef int (*iobmd_visit_run_t)(phys_addr_t address, u64 length, void *arg);
int iobmd_view_for_each_run(const struct iobmd_view *view, u64 offset, u64 length,
			    struct iobmd_run_limits limits, iobmd_visit_run_t visit,
			    void *arg);
bool iobmd_dma_is_allowed(const struct iobmd_view *view,
			  enum dma_data_direction direction);
struct iobmd_dma_mapping *iobmd_dma_map(const struct iobmd_view *view, u64 offset,
					u64 length, struct device *dev,
					enum dma_data_direction direction);
void iobmd_dma_unmap(struct iobmd_dma_mapping *mapping);
void iobmd_dma_sync_for_cpu(struct iobmd_dma_mapping *mapping);
void iobmd_dma_sync_for_device(struct iobmd_dma_mapping *mapping);
void *iobmd_view_vmap(const struct iobmd_view *view, u64 size);

/* export.c */
struct dma_buf *iobmd_export_create(struct file *file,
				    const struct iobmd_export *args);

/* descriptor.c */
extern const struct dentry_operations iobmd_dentry_operations;
struct file *iobmd_descriptor_create(struct iobmd_buffer *buffer, u32 rights,
				     struct vfsmount *mnt);
struct file *iobmd_descriptor_derive(struct file *parent,
				     const struct iobmd_derive *args);
struct file *iobmd_descriptor_keep(struct file *parent,
				   const struct iobmd_derive *args);
void iobmd_descriptor_drop(struct file *file);
struct iobmd_view *iobmd_descriptor_view(const struct file *file);
int iobmd_descriptor_check_map(const struct file *file, u64 offset, u64 length);

bool iobmd_descriptor_is(const struct file *file);

/* ioctl.c */
long iobmd_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long iobmd_descriptor_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg);

/* main.c */
extern struct vfsmount *iobmd_mnt;
int iobmd_mnt_pin(void);
void iobmd_mnt_unpin(void);

#endif /* IOBMD_INTERNAL_H */
