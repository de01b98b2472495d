// SPDX-License-Identifier: GPL-2.0
/* A buffer: its making and end, its sizes and its name. */

#include <linux/atomic.h>
#include <linux/blk_types.h>
#include <linux/dcache.h>
#include <linux/memcontrol.h>
#include <linux/nodemask.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/string_helpers.h>

#include "internal.h"
#include "trace.h"

/* What a buffer takes beside its memory, with its first descriptor, in bytes. */
#define IOBMD_BUFFER_BYTES	(sizeof(struct inode) + sizeof(struct iobmd_buffer) + \
				 IOBMD_DESCRIPTOR_BYTES)

#define IOBMD_DIRECTION_MASK	(IOBMD_DIRECTION_OUT | IOBMD_DIRECTION_IN)

static atomic64_t iobmd_last_id;

static pgoff_t iobmd_pages(u64 bytes)
{
	return DIV_ROUND_UP_ULL(bytes, PAGE_SIZE);
}

/*
 * Memory is given back in single pages, but huge pages and aligned blocks are
 * only ever added whole: so both must end where the capacity does before more
 * can follow.
 */
static int iobmd_buffer_check_capacity(const struct iobmd_buffer *buffer,
				       u64 capacity)
{
	u64 allocated = i_size_read(buffer->inode);
	int err;

	err = iobmd_account_check_capacity(capacity);
	if (err)
		return err;
	if (buffer->huge == IOBMD_HUGE_REQUIRE && !IS_ALIGNED(capacity, PMD_SIZE))
		return -EINVAL;
	if (capacity > allocated && buffer->alignment &&
	    !IS_ALIGNED(allocated, buffer->alignment))
		return -EINVAL;
	return 0;
}

static int iobmd_create_check_node(const struct iobmd_create *args)
{
	if (!(args->flags & IOBMD_CREATE_F_NODE))
		return args->node ? -EINVAL : 0;
	if (args->node < 0 || args->node >= MAX_NUMNODES)
		return -EINVAL;
	return node_online(args->node) ? 0 : -EINVAL;
}

static int iobmd_create_check(const struct iobmd_create *args)
{
	if (args->__reserved || args->direction & ~IOBMD_DIRECTION_MASK ||
	    args->huge > IOBMD_HUGE_REQUIRE)
		return -EINVAL;
	if (args->alignment &&
	    (!is_power_of_2(args->alignment) || args->alignment > PMD_SIZE))
		return -EINVAL;
	if (args->huge == IOBMD_HUGE_REQUIRE && !IOBMD_HAS_HUGE)
		return -ENOMEM;
	return iobmd_create_check_node(args);
}

static struct iobmd_buffer *iobmd_buffer_alloc_struct(const struct iobmd_create *args)
{
	struct iobmd_buffer *buffer = kzalloc(sizeof(*buffer), IOBMD_GFP_OBJECT);

	if (!buffer)
		return NULL;
	buffer->id = atomic64_inc_return(&iobmd_last_id);
	buffer->alignment = args->alignment;
	buffer->direction = args->direction ?: IOBMD_DIRECTION_MASK;
	buffer->huge = args->huge;
	buffer->node = args->flags & IOBMD_CREATE_F_NODE ? args->node : NUMA_NO_NODE;
	mutex_init(&buffer->resize_lock);
	init_rwsem(&buffer->fault_lock);
	spin_lock_init(&buffer->lock);
	buffer->holds = RB_ROOT_CACHED;
	return buffer;
}

/*
 * ftruncate(2) is RESIZE. Nothing else changes a file: no fchmod(2), fchown(2) or
 * utimensat(2), nor truncate(2) of its path in /proc, which needs no descriptor.
 * O_TRUNC has no effect, as for a block device: a buffer does not grow by writes, so
 * programs that begin a file anew could put nothing into an empty one.
 *
 * The inode's lock, which the VFS holds, protects nothing of ours, and waiting for it
 * cannot be ended: a RESIZE, which may take long, is not to hold up others there.
 */
static int iobmd_inode_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
			       struct iattr *attr)
{
	const unsigned int ftruncate = ATTR_SIZE | ATTR_FILE;
	int err;

	if (attr->ia_valid & ATTR_OPEN)
		return 0;
	if ((attr->ia_valid & ftruncate) != ftruncate)
		return -EPERM;
	inode_unlock(d_inode(dentry));
	err = iobmd_view_resize(dentry->d_fsdata, attr->ia_size);
	inode_lock(d_inode(dentry));
	return err;
}

/* The size is what the descriptor shows, not the memory in the page cache. */
static int iobmd_inode_getattr(struct mnt_idmap *idmap, const struct path *path,
			       struct kstat *stat, u32 request_mask,
			       unsigned int flags)
{
	const struct iobmd_view *view = path->dentry->d_fsdata;
	struct inode *inode = d_inode(path->dentry);
	u64 allocated = view->is_window ? PAGE_ALIGN(view->size) : i_size_read(inode);

	generic_fillattr(idmap, request_mask, inode, stat);
	if (!(view->rights & IOBMD_RIGHT_WRITE))
		stat->mode &= ~0222;
	stat->size = iobmd_view_size(view);
	stat->blocks = allocated >> SECTOR_SHIFT;
	return 0;
}

static const struct inode_operations iobmd_inode_operations = {
	.getattr	= iobmd_inode_getattr,
	.setattr	= iobmd_inode_setattr,
};

/* On success the inode owns @buffer. */
static int iobmd_buffer_alloc_inode(struct iobmd_buffer *buffer,
				    struct super_block *sb)
{
	struct inode *inode = alloc_anon_inode(sb);

	if (IS_ERR(inode))
		return PTR_ERR(inode);

	/*
	 * A regular file, for fstat(2) and sendfile(2). Which processes may open it again
	 * is up to /proc, and what for to the descriptor there: not to the inode's owner.
	 */
	inode->i_mode = S_IFREG | 0666;
	/* On no path, as a memfd: so lsof +L1 lists it, and core dumps have its mappings. */
	clear_nlink(inode);
	inode->i_flags |= S_NOCMTIME;
	inode->i_ino = buffer->id;
	inode->i_op = &iobmd_inode_operations;
	inode->i_mapping->a_ops = &iobmd_memory_aops;
	mapping_set_gfp_mask(inode->i_mapping, IOBMD_GFP_SPLIT);
	mapping_set_unevictable(inode->i_mapping);
	mapping_set_large_folios(inode->i_mapping);
	mapping_set_release_always(inode->i_mapping);
	/* A file that may be open for writing is none that khugepaged may collapse. */
	atomic_set(&inode->i_writecount, 1);
	inode->i_private = buffer;
	buffer->inode = inode;
	return 0;
}

static struct iobmd_buffer *iobmd_buffer_alloc_object(struct super_block *sb,
						      const struct iobmd_create *args)
{
	struct iobmd_buffer *buffer = iobmd_buffer_alloc_struct(args);
	int err;

	if (!buffer)
		return ERR_PTR(-ENOMEM);
	err = iobmd_buffer_alloc_inode(buffer, sb);
	if (err) {
		kfree(buffer);
		return ERR_PTR(err);
	}
	return buffer;
}

/**
 * iobmd_buffer_alloc - make a buffer without memory
 * @sb: The superblock for its inode.
 * @args: What user space asks for, checked.
 *
 * Return: the buffer, whose inode holds the caller's only reference to it, or
 * an ERR_PTR: -EDQUOT, -ENFILE, -ENOMEM.
 */
struct iobmd_buffer *iobmd_buffer_alloc(struct super_block *sb,
					const struct iobmd_create *args)
{
	struct iobmd_account *account = iobmd_account_get_object(IOBMD_BUFFER_BYTES);
	struct iobmd_buffer *buffer;

	if (IS_ERR(account))
		return ERR_CAST(account);
	buffer = iobmd_buffer_alloc_object(sb, args);
	if (IS_ERR(buffer))
		iobmd_account_release_object(account, IOBMD_BUFFER_BYTES);
	else
		buffer->account = account;
	return buffer;
}

static void iobmd_buffer_set_sizes(struct iobmd_buffer *buffer, u64 capacity)
{
	spin_lock(&buffer->lock);
	buffer->capacity = capacity;
	buffer->length = capacity;
	spin_unlock(&buffer->lock);
}

/* The last step of making @buffer: it is there for all to see. */
void iobmd_buffer_publish(struct iobmd_buffer *buffer, u64 capacity)
{
	iobmd_buffer_set_sizes(buffer, capacity);
	iobmd_list_add(buffer);
	trace_iobmd_create(buffer->id, capacity, buffer->huge_bytes);
}

static int iobmd_buffer_init(struct iobmd_buffer *buffer, u64 capacity)
{
	int err;

	err = iobmd_buffer_check_capacity(buffer, capacity);
	if (err)
		return err;

	buffer->memcg = get_mem_cgroup_from_mm(current->mm);
	buffer->exempt = iobmd_account_is_exempt();
	err = iobmd_memory_grow(buffer, iobmd_pages(capacity), buffer->exempt);
	if (!err)
		iobmd_buffer_publish(buffer, capacity);
	return err;
}

/**
 * iobmd_buffer_create - make a buffer
 * @sb: The superblock for its inode.
 * @args: What user space asks for, size and flags already checked.
 *
 * Return: the buffer, whose inode holds the caller's only reference to it, or
 * an ERR_PTR: -EDQUOT, -EFBIG, -EINTR, -EINVAL, -ENFILE, -ENOMEM.
 */
struct iobmd_buffer *iobmd_buffer_create(struct super_block *sb,
					 const struct iobmd_create *args)
{
	struct iobmd_buffer *buffer;
	int err;

	err = iobmd_create_check(args);
	if (err)
		return ERR_PTR(err);

	buffer = iobmd_buffer_alloc(sb, args);
	if (IS_ERR(buffer))
		return buffer;
	err = iobmd_buffer_init(buffer, args->capacity);
	if (err) {
		iput(buffer->inode);
		return ERR_PTR(err);
	}
	return buffer;
}

/**
 * iobmd_buffer_evict - the end of a buffer, whole or half-built
 * @inode: Its inode, or the root of the superblock, which has no buffer.
 */
void iobmd_buffer_evict(struct inode *inode)
{
	struct iobmd_buffer *buffer = inode->i_private;
	unsigned long leftover = 0;

	if (buffer)
		iobmd_memory_keep_bad(buffer, 0);
	/* Of a creator without a ceiling nothing needs to stay charged. */
	if (buffer && !buffer->exempt)
		leftover = iobmd_leftover_collect(buffer->account, &inode->i_data,
						  iobmd_memory_nr_pages(buffer));
	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	if (!buffer)
		return;

	if (buffer->capacity) {
		trace_iobmd_free(buffer->id, buffer->capacity);
		iobmd_list_del(buffer);
	}
	if (buffer->composite)
		iobmd_composite_free(buffer->composite);
	iobmd_account_uncharge(buffer->account, iobmd_memory_nr_pages(buffer) - leftover);
	iobmd_account_release_object(buffer->account, IOBMD_BUFFER_BYTES);
	mem_cgroup_put(buffer->memcg);
	kfree_rcu(buffer, rcu);
}

static int iobmd_buffer_resize_locked(struct iobmd_buffer *buffer, u64 capacity)
{
	pgoff_t nr_pages = iobmd_pages(capacity);
	pgoff_t old_nr_pages = iobmd_memory_nr_pages(buffer);
	u64 old = buffer->capacity;
	int err = 0;

	if (nr_pages < old_nr_pages)
		err = iobmd_memory_shrink(buffer, nr_pages);
	else if (nr_pages > old_nr_pages)
		err = iobmd_memory_grow(buffer, nr_pages,
					buffer->exempt && iobmd_account_is_exempt());
	if (err)
		return err;

	/* Mappings may have written there, but the new bytes must be zero. */
	if (capacity > old)
		iobmd_memory_zero_page_tail(buffer, old);
	iobmd_buffer_set_sizes(buffer, capacity);
	trace_iobmd_resize(buffer->id, old, capacity);
	return 0;
}

static int iobmd_buffer_change(struct iobmd_buffer *buffer, u64 capacity)
{
	int err;

	err = iobmd_buffer_check_capacity(buffer, capacity);
	if (err)
		return err;
	err = iobmd_hold_begin_resize(buffer, capacity);
	if (err)
		return err;
	err = iobmd_buffer_resize_locked(buffer, capacity);
	iobmd_hold_end_resize(buffer);
	return err;
}

/**
 * iobmd_buffer_resize - change the capacity, and set the length to it
 * @buffer: The buffer; the caller holds a reference and none of its locks.
 * @capacity: In bytes.
 *
 * Return: 0, or -EBUSY, -EDQUOT, -EFBIG, -EINTR, -EINVAL, -ENOMEM, -ERESTARTSYS
 * with nothing changed.
 */
int iobmd_buffer_resize(struct iobmd_buffer *buffer, u64 capacity)
{
	int err;

	if (mutex_lock_interruptible(&buffer->resize_lock))
		return -ERESTARTSYS;
	err = iobmd_buffer_change(buffer, capacity);
	mutex_unlock(&buffer->resize_lock);
	return err;
}

/**
 * iobmd_buffer_extend - make the length at least so large
 * @buffer: The buffer; the caller holds a reference and none of its locks.
 * @length: In bytes. Beyond the capacity, it becomes the capacity too.
 *
 * Return: as iobmd_buffer_resize().
 */
int iobmd_buffer_extend(struct iobmd_buffer *buffer, u64 length)
{
	int err = 0;

	if (mutex_lock_interruptible(&buffer->resize_lock))
		return -ERESTARTSYS;
	if (length > buffer->capacity) {
		err = iobmd_buffer_change(buffer, length);
	} else {
		spin_lock(&buffer->lock);
		buffer->length = max(buffer->length, length);
		spin_unlock(&buffer->lock);
	}
	mutex_unlock(&buffer->resize_lock);
	return err;
}

int iobmd_buffer_set_length(struct iobmd_buffer *buffer, u64 length)
{
	int err = 0;

	spin_lock(&buffer->lock);
	if (length <= buffer->capacity)
		buffer->length = length;
	else
		err = -EINVAL;
	spin_unlock(&buffer->lock);
	return err;
}

u64 iobmd_buffer_length(struct iobmd_buffer *buffer)
{
	u64 length;

	spin_lock(&buffer->lock);
	length = buffer->length;
	spin_unlock(&buffer->lock);
	return length;
}

void iobmd_buffer_set_name(struct iobmd_buffer *buffer, const char *name)
{
	spin_lock(&buffer->lock);
	strscpy(buffer->name, name, sizeof(buffer->name));
	spin_unlock(&buffer->lock);
}

/*
 * The name as it is shown. A name may have bytes that a terminal obeys: what is not
 * printable ASCII is escaped. @escaped: IOBMD_NAME_ESCAPED bytes.
 */
void iobmd_buffer_escape_name(struct iobmd_buffer *buffer, char *escaped)
{
	char name[IOBMD_NAME_MAX + 1];
	int length;

	spin_lock(&buffer->lock);
	strscpy(name, buffer->name, sizeof(name));
	spin_unlock(&buffer->lock);
	length = string_escape_mem(name, strlen(name), escaped, IOBMD_NAME_ESCAPED - 1,
				   ESCAPE_OCTAL | ESCAPE_NAP | ESCAPE_APPEND, "\\");
	escaped[length] = '\0';
}

void iobmd_buffer_show_name(struct seq_file *m, struct iobmd_buffer *buffer)
{
	char name[IOBMD_NAME_ESCAPED];

	iobmd_buffer_escape_name(buffer, name);
	seq_puts(m, name);
}

/* Fills in all but what belongs to a descriptor. */
void iobmd_buffer_get_info(struct iobmd_buffer *buffer,
			   struct iobmd_get_info *info)
{
	*info = (struct iobmd_get_info) {
		.size		= sizeof(*info),
		.id		= buffer->id,
		.allocated	= (u64)iobmd_memory_nr_pages(buffer) << PAGE_SHIFT,
		.huge_bytes	= READ_ONCE(buffer->huge_bytes),
		.alignment	= buffer->alignment,
		.direction	= buffer->direction,
		.huge		= buffer->huge,
		.node		= buffer->node,
		.page_size	= PAGE_SIZE,
		.huge_page_size	= IOBMD_HUGE_SIZE,
	};

	spin_lock(&buffer->lock);
	info->capacity = buffer->capacity;
	info->length = buffer->length;
	info->seals = buffer->seals;
	spin_unlock(&buffer->lock);
}
