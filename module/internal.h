/* SPDX-License-Identifier: GPL-2.0 */
/* iobmd: the structs, and the functions that each file provides to the others. */
#ifndef IOBMD_INTERNAL_H
#define IOBMD_INTERNAL_H

#include <linux/dcache.h>
#include <linux/dma-direction.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
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

/* The order of a huge page, and whether this kernel has huge pages. */
#define IOBMD_HUGE_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define IOBMD_HAS_HUGE		IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE)
#define IOBMD_HUGE_SIZE		(IOBMD_HAS_HUGE ? PMD_SIZE : 0)
#define IOBMD_HUGE_PAGES	BIT(IOBMD_HUGE_ORDER)

/* Unmovable and zeroed; failures are not logged. */
#define IOBMD_GFP	(GFP_HIGHUSER | __GFP_ZERO | __GFP_NOWARN)

/* What the core allocates when it splits a folio, also without the OOM killer. */
#define IOBMD_GFP_SPLIT	(GFP_HIGHUSER | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* For allocations that have a fallback. */
#define IOBMD_GFP_LIGHT	(IOBMD_GFP | __GFP_NORETRY)

/*
 * For objects that represent a buffer, charged to the caller's memory cgroup, and for
 * tables allocated on behalf of a driver. Neither invokes the OOM killer.
 */
#define IOBMD_GFP_TABLE		(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)
#define IOBMD_GFP_OBJECT	(IOBMD_GFP_TABLE | __GFP_ACCOUNT)

#define IOBMD_RIGHTS_ALL	(IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE | IOBMD_RIGHT_RESIZE)
#define IOBMD_SEALS_ALL		(IOBMD_SEAL_SEAL | IOBMD_SEAL_SHRINK | \
				 IOBMD_SEAL_GROW | IOBMD_SEAL_WRITE)
#define IOBMD_DIRECTIONS_ALL	(IOBMD_DIRECTION_IN | IOBMD_DIRECTION_OUT)

/**
 * struct iobmd_hold - a reason for a buffer to keep the memory that it has
 * @node: In @holds of struct iobmd_memory.
 * @end: The memory up to this byte stays.
 */
struct iobmd_hold {
	struct rb_node node;
	u64 end;
};

/**
 * struct iobmd_memory - the memory of a buffer: folios in the page cache of its inode
 * @alignment: As requested at creation. Constant, like the four members that follow.
 * @huge: enum iobmd_huge
 * @exempt: Whether the creator was exempt from the user's ceiling.
 * @node: NUMA node, or NUMA_NO_NODE.
 * @memcg: The memory cgroup of the creator, or NULL.
 * @resize_lock: One resize at a time. Protects the set of folios.
 * @fault_lock: Shared while a page fault looks a folio up and maps or locks it;
 *	exclusive while a shrink unmaps folios and checks whether they are in use. No
 *	folio is removed while it is held shared.
 * @split: The folio that a shrink is splitting, else NULL. Written with @fault_lock
 *	exclusive.
 * @has_bad: A large folio has had a page with a hardware error.
 * @huge_bytes: How much of the memory is in huge pages. Written with @resize_lock
 *	held, read without.
 * @seals: An or of enum iobmd_seals. The lock of the buffer protects it and what
 *	follows. Written with @resize_lock held too, and IOBMD_SEAL_WRITE with
 *	@fault_lock exclusive.
 * @holds: Of struct iobmd_hold, the largest end first. None is added while @shrinking.
 * @shrinking: A resize to a smaller capacity is running. Written with @resize_lock
 *	held too; waited for by wait_var_event().
 * @nr_waiting: How many holds wait for @shrinking to be cleared. No other shrink begins
 *	while one does.
 *
 * Lock order: mmap_lock or @resize_lock; then @fault_lock; the folio lock; locks of the
 * core; last the lock of the buffer. User memory is not accessed under any of them.
 *
 * What may sleep for long: the wait, what prolongs it, and the signals that end it.
 *
 * @resize_lock
 *	RESIZE and SEAL wait for each other. A grow holds it while it allocates, which
 *	memory.high of its caller can prolong without limit. Any signal.
 * @shrinking
 *	A hold waits for one shrink, which waits for what follows. Any signal.
 * @fault_lock, exclusive
 *	A shrink or the seal against writing waits for faults that are mapping a page.
 *	SIGKILL.
 * @fault_lock, shared
 *	Faults, reads, writes and GET_INFO of a window wait for one look of a shrink or
 *	seal: the unmapping, and the ticks for references as below. The look gives up
 *	if a fault waits.
 * folio lock
 *	A shrink or seal waits for faults and memory failure. SIGKILL.
 * references to a folio
 *	A shrink or seal waits for transient references of the kernel: IOBMD_USED_TICKS
 *	for all folios of a look, IOBMD_USED_LOOKS looks. SIGKILL.
 * batches of other CPUs
 *	A refused shrink, seal or charge waits for IOBMD_DRAIN_TICKS at most. A
 *	real-time task on such a CPU does not prolong it. SIGKILL.
 * helpers of a large grow
 *	A grow waits for each to zero the folio that it has begun. They are not bound to
 *	a CPU, so a real-time task that occupies theirs does not prolong it.
 * reap_lock of the account
 *	A charge over the ceiling or a failed allocation waits for a scan of the
 *	leftovers of the same user. SIGKILL.
 * lock of an export
 *	Mapping and CPU access wait for those of others through the same export, which
 *	take as long as their syncs, if the device needs any.
 */
struct iobmd_memory {
	u64 alignment;
	u8 huge;
	bool exempt;
	int node;
	struct mem_cgroup *memcg;

	struct mutex resize_lock;
	struct rw_semaphore fault_lock;
	struct folio *split;
	bool has_bad;
	u64 huge_bytes;

	u32 seals;
	struct rb_root_cached holds;
	bool shrinking;
	unsigned int nr_waiting;
};

/**
 * struct iobmd_buffer - a buffer: bytes that descriptors and mappings share
 * @inode: Its ->i_size is the size of the memory, in whole pages; for a composite see
 *	iobmd_composite_inode_size(). The inode owns this struct: its eviction, after
 *	the last file is gone, frees both. A mapping holds a file, a file the inode.
 * @rcu: For debugfs, which reads buffers without a reference.
 * @listed: In iobmd_buffers; unused while @capacity is 0.
 * @id: Unique while the module is loaded.
 * @direction: As requested, or what all parts of a composite allow. Never 0; constant.
 * @account: The account of the creator, charged with the memory and the inode; a
 *	reference.
 * @memory: The memory; empty if @composite is set.
 * @composite: The parts of a composite, else NULL.
 * @lock: Protects all that follows, and a part of @memory. Innermost.
 * @capacity: In bytes, exact. Written with the resize_lock of @memory held too.
 * @length: In bytes, at most @capacity.
 * @name: For display only; may be empty.
 */
struct iobmd_buffer {
	struct inode *inode;
	struct rcu_head rcu;
	struct list_head listed;
	u64 id;
	u8 direction;
	struct iobmd_account *account;
	struct iobmd_memory memory;
	struct iobmd_composite *composite;

	spinlock_t lock;
	u64 capacity;
	u64 length;
	char name[IOBMD_NAME_MAX + 1];
};

/**
 * struct iobmd_view - what a descriptor shows of its buffer
 * @account: The account of the task that created the descriptor; a reference. NULL for
 *	the first descriptor of a buffer, which is charged with the buffer.
 * @buffer: The buffer; the descriptor's file has a reference to its inode.
 * @rights: An or of enum iobmd_rights. The mode of the file matches them, so that the
 *	checks of the VFS apply.
 * @is_window: Whether it shows only a part.
 * @offset: Where that part begins, in bytes; a multiple of the page size.
 * @size: Its size in bytes; without @is_window it is the buffer's length.
 * @has_hold: Whether @hold is in use.
 * @hold: Keeps the window, or the length at creation if a hold was requested.
 *
 * Constant, except for @hold and @has_hold: the hold is put with the file. The rest is
 * freed with the dentry, which a path may keep for longer than the file, and which stat(2)
 * uses.
 */
struct iobmd_view {
	struct iobmd_account *account;
	struct iobmd_buffer *buffer;
	u32 rights;
	bool is_window;
	bool has_hold;
	u64 offset;
	u64 size;
	struct iobmd_hold hold;
};

/**
 * struct iobmd_window - the range and the rights of a view to be derived
 * @offset: Where it begins in the parent, in bytes; a multiple of the page size.
 * @length: In bytes; 0 for no window, but all that the parent shows.
 * @rights: An or of enum iobmd_rights. Rights that the parent lacks are not added.
 * @hold: Whether to keep the memory up to the current length, even without a window.
 */
struct iobmd_window {
	u64 offset;
	u64 length;
	u32 rights;
	bool hold;
};

/**
 * struct iobmd_place - where a byte of a view lies
 * @buffer: The buffer that has the memory; not a composite.
 * @offset: The offset in @buffer, in bytes.
 * @before: How many bytes of the same part of a composite lie before it.
 * @length: How many bytes from @offset on belong to the view without a gap.
 */
struct iobmd_place {
	struct iobmd_buffer *buffer;
	u64 offset;
	u64 before;
	u64 length;
};

/**
 * struct iobmd_run_limits - limits of a physically contiguous run
 * @max: The maximum length in bytes, 1 or more.
 * @boundary: A mask of low bits. A run does not cross an address that has none of
 *	them set.
 */
struct iobmd_run_limits {
	u64 max;
	u64 boundary;
};

#define IOBMD_NO_LIMITS	((struct iobmd_run_limits) { U64_MAX, U64_MAX })

/**
 * struct iobmd_dma_mapping - a range that is mapped for a device
 * @node: For a list that the caller keeps.
 * @sgt: Its segments.
 * @dev: The device.
 * @direction: As requested.
 */
struct iobmd_dma_mapping {
	struct list_head node;
	struct sg_table sgt;
	struct device *dev;
	enum dma_data_direction direction;
};

/* The view of a descriptor. */
static inline const struct iobmd_view *iobmd_descriptor_view(const struct file *file)
{
	return file->private_data;
}

/* What a descriptor is charged, in bytes. */
#define IOBMD_DESCRIPTOR_BYTES	(sizeof(struct file) + sizeof(struct dentry) + \
				 sizeof(struct iobmd_view))

/* The functions of each file, in the order of Kbuild, from the bottom up. */

/* account.c */
void iobmd_account_get(struct iobmd_account *account, unsigned long nr);
void iobmd_account_put(struct iobmd_account *account, unsigned long nr);
void iobmd_account_exit(void);
bool iobmd_account_is_exempt(void);
bool iobmd_account_has_room(unsigned long nr_pages);
int iobmd_account_charge(struct iobmd_account *account, unsigned long nr_pages,
			 bool exempt);
void iobmd_account_uncharge(struct iobmd_account *account, unsigned long nr_pages);
bool iobmd_cgroup_has_room(void);
int iobmd_account_charge_object(struct iobmd_account *account, size_t bytes);
void iobmd_account_uncharge_object(struct iobmd_account *account, size_t bytes);
struct iobmd_account *iobmd_account_get_object(size_t bytes);
void iobmd_account_release_object(struct iobmd_account *account, size_t bytes);
int iobmd_account_check_capacity(u64 capacity);

/* memory.c */
void iobmd_folio_put_and_drain(struct folio *folio);
extern const struct address_space_operations iobmd_memory_aops;
struct folio *iobmd_memory_folio(struct iobmd_buffer *buffer, pgoff_t index);
bool iobmd_folio_is_bad(struct folio *folio, pgoff_t index, unsigned long nr);
void iobmd_memory_keep_bad(struct iobmd_buffer *buffer, pgoff_t start);

/* Whether any page of a large folio has a hardware error. */
static inline bool iobmd_folio_has_bad(struct folio *folio)
{
	return folio_test_large(folio) && folio_test_has_hwpoisoned(folio);
}

struct folio *iobmd_memory_get_folio(struct iobmd_buffer *buffer, u64 offset,
				     bool write);
u64 iobmd_memory_huge_bytes(struct iobmd_buffer *buffer, u64 offset, u64 end);
void iobmd_memory_zero_page_tail(struct iobmd_buffer *buffer, u64 offset);
void iobmd_memory_drain_all_cpus(void);
void iobmd_memory_init(void);
void iobmd_memory_exit(void);

/*
 * Whether the seal against writing is set. The seal is refused while the page cache has
 * a writable mapping. So a writer must either count as such a mapping before this
 * check, or make it with @fault_lock held and take a reference to a folio under the
 * lock.
 */
static inline bool iobmd_buffer_is_write_sealed(const struct iobmd_buffer *buffer)
{
	return READ_ONCE(buffer->memory.seals) & IOBMD_SEAL_WRITE;
}

static inline pgoff_t iobmd_memory_nr_pages(const struct iobmd_buffer *buffer)
{
	return buffer->composite ? 0 : i_size_read(buffer->inode) >> PAGE_SHIFT;
}

/* node.c */
int iobmd_node_first(int asked);
bool iobmd_node_is_allowed(int node, int asked);
bool iobmd_node_is_unbound(int asked);

/* batch.c */
int iobmd_batch_init(void);
void iobmd_batch_exit(void);

/* leftover.c */
bool iobmd_leftover_make_room(struct iobmd_account *account, bool drain);
unsigned long iobmd_leftover_collect(struct iobmd_account *account,
				     struct address_space *mapping, pgoff_t end);
int iobmd_leftover_init(void);
void iobmd_leftover_exit(void);

/* shrink.c */
int iobmd_memory_unmap(struct iobmd_buffer *buffer, pgoff_t start);
int iobmd_memory_exclusively(struct iobmd_buffer *buffer,
			     int (*try)(struct iobmd_buffer *buffer, unsigned long arg),
			     unsigned long arg);
int iobmd_memory_shrink(struct iobmd_buffer *buffer, pgoff_t nr_pages);

/* grow.c */
int iobmd_memory_grow(struct iobmd_buffer *buffer, pgoff_t nr_pages, bool exempt);

/* hold.c */
int iobmd_hold_get(struct iobmd_hold *hold, struct iobmd_buffer *buffer, u64 end);
void iobmd_hold_put(struct iobmd_hold *hold, struct iobmd_buffer *buffer);
int iobmd_hold_begin_resize(struct iobmd_buffer *buffer, u64 capacity);
void iobmd_hold_end_resize(struct iobmd_buffer *buffer);

/* seal.c */
int iobmd_buffer_get_writer(struct iobmd_buffer *buffer);
void iobmd_buffer_put_writer(struct iobmd_buffer *buffer);
int iobmd_buffer_seal(struct iobmd_buffer *buffer, u32 seals);

/* resize.c */
int iobmd_buffer_check_capacity(const struct iobmd_buffer *buffer, u64 capacity);
void iobmd_buffer_set_sizes(struct iobmd_buffer *buffer, u64 capacity);
int iobmd_buffer_resize(struct iobmd_buffer *buffer, u64 capacity);
int iobmd_buffer_extend(struct iobmd_buffer *buffer, u64 length);
int iobmd_buffer_set_length(struct iobmd_buffer *buffer, u64 length);
u64 iobmd_buffer_length(struct iobmd_buffer *buffer);

/* composite.c */
struct iobmd_composite *iobmd_composite_alloc(unsigned int max, bool is_writer);
int iobmd_composite_add(struct iobmd_composite *composite, struct iobmd_buffer *buffer,
			struct vfsmount *mnt, u64 offset, u64 length);
int iobmd_composite_add_parts(struct iobmd_composite *composite,
			      const struct iobmd_composite *other, u64 offset,
			      u64 length);
void iobmd_composite_align(struct iobmd_composite *composite);
void iobmd_composite_attach(struct iobmd_composite *composite, struct iobmd_buffer *buffer);
void iobmd_composite_free(struct iobmd_composite *composite);
void iobmd_composite_get(struct iobmd_composite *composite);
bool iobmd_composite_tryget(struct iobmd_composite *composite);
void iobmd_composite_put(struct iobmd_composite *composite);
u64 iobmd_composite_size(const struct iobmd_composite *composite);
u64 iobmd_composite_start(const struct iobmd_composite *composite);
unsigned int iobmd_composite_count(const struct iobmd_composite *composite, u64 offset,
				   u64 length);
struct iobmd_place iobmd_composite_find(const struct iobmd_composite *composite,
					u64 offset);

/* buffer.c */
extern struct list_head iobmd_buffers;
struct iobmd_buffer *iobmd_buffer_alloc(struct super_block *sb);
struct iobmd_buffer *iobmd_buffer_create(struct super_block *sb,
					 const struct iobmd_create *args);
void iobmd_buffer_evict(struct inode *inode);
void iobmd_buffer_publish(struct iobmd_buffer *buffer, u64 capacity);
void iobmd_buffer_set_name(struct iobmd_buffer *buffer, const char *name);
void iobmd_buffer_get_info(struct iobmd_buffer *buffer,
			   struct iobmd_get_info *info);
/* Escaping makes up to four bytes of each. */
#define IOBMD_NAME_ESCAPED	(4 * IOBMD_NAME_MAX + 1)
void iobmd_buffer_escape_name(struct iobmd_buffer *buffer, char *escaped);
void iobmd_buffer_show_name(struct seq_file *m, struct iobmd_buffer *buffer);

/* view.c */
struct iobmd_view *iobmd_view_create(struct iobmd_buffer *buffer, u32 rights);
struct iobmd_view *iobmd_view_derive(const struct iobmd_view *parent,
				     const struct iobmd_window *window);
void iobmd_view_put_hold(struct iobmd_view *view);
void iobmd_view_free(struct iobmd_view *view);
u64 iobmd_view_size(const struct iobmd_view *view);
struct iobmd_place iobmd_view_find(const struct iobmd_view *view, u64 pos, u64 length);
void iobmd_view_get_info(const struct iobmd_view *view,
			 struct iobmd_get_info *info);
int iobmd_view_check_range(const struct iobmd_view *view, u64 offset, u64 *length);
int iobmd_view_resize(const struct iobmd_view *view, u64 capacity);
int iobmd_view_extend(const struct iobmd_view *view, u64 length);
int iobmd_view_get_writer(const struct iobmd_view *view);
void iobmd_view_put_writer(const struct iobmd_view *view);

/* fs.c */
extern const struct inode_operations iobmd_inode_operations;
extern struct vfsmount *iobmd_mnt;
int iobmd_mnt_pin(void);
void iobmd_mnt_unpin(void);

/* runs.c */
typedef int (*iobmd_visit_run_t)(phys_addr_t address, u64 length, void *arg);
int iobmd_view_for_each_run(const struct iobmd_view *view, u64 offset, u64 length,
			    struct iobmd_run_limits limits, iobmd_visit_run_t visit,
			    void *arg);
void *iobmd_view_vmap(const struct iobmd_view *view, u64 size);

/* dma.c */
struct iobmd_dma_mapping *iobmd_dma_map(const struct iobmd_view *view, u64 offset,
					u64 length, struct device *dev,
					enum dma_data_direction direction);
void iobmd_dma_unmap(struct iobmd_dma_mapping *mapping);
void iobmd_dma_sync_for_cpu(struct iobmd_dma_mapping *mapping);
void iobmd_dma_sync_for_device(struct iobmd_dma_mapping *mapping);

/* fault.c */
extern const struct vm_operations_struct iobmd_vm_ops;
extern const struct vm_operations_struct iobmd_composite_vm_ops;

/* io.c */
ssize_t iobmd_io(const struct iobmd_view *view, loff_t *pos, u64 size,
		 struct iov_iter *iter, bool write);
ssize_t iobmd_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t iobmd_write_iter(struct kiocb *iocb, struct iov_iter *from);
ssize_t iobmd_splice_read(struct file *file, loff_t *pos,
			  struct pipe_inode_info *pipe, size_t length,
			  unsigned int flags);
loff_t iobmd_llseek(struct file *file, loff_t offset, int whence);
long iobmd_fallocate(struct file *file, int mode, loff_t offset, loff_t length);

/* descriptor.c */
struct file *iobmd_descriptor_create(struct iobmd_buffer *buffer, u32 rights,
				     struct vfsmount *mnt);
struct file *iobmd_descriptor_derive(struct file *parent,
				     const struct iobmd_window *window);
struct file *iobmd_descriptor_get(struct file *parent, const struct iobmd_window *window);
void iobmd_descriptor_put(struct file *file);
int iobmd_descriptor_check_map(const struct file *file, u64 offset, u64 length);
bool iobmd_descriptor_is(const struct file *file);

/* export.c */
struct dma_buf *iobmd_export_create(struct file *file,
				    const struct iobmd_export *args);

/* compose.c */
struct file *iobmd_compose(struct vfsmount *mnt, const struct iobmd_compose_part *args,
			   u32 nr, u32 rights);

/* debugfs.c */
void iobmd_debugfs_init(void);
void iobmd_debugfs_exit(void);

/* ioctl.c */
long iobmd_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long iobmd_descriptor_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg);

#endif /* IOBMD_INTERNAL_H */
