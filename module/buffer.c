// SPDX-License-Identifier: GPL-2.0
/* A buffer: creation and eviction, its name, and the list of all buffers. */

#include <linux/atomic.h>
#include <linux/memcontrol.h>
#include <linux/nodemask.h>
#include <linux/pagemap.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/string_helpers.h>

#include "internal.h"
#include "trace.h"

/* What a buffer and its first descriptor take in addition to the memory, in bytes. */
#define IOBMD_BUFFER_BYTES	(sizeof(struct inode) + sizeof(struct iobmd_buffer) + \
				 IOBMD_DESCRIPTOR_BYTES)

static atomic64_t iobmd_last_id;

/* Walked under RCU: iobmd_buffer_evict() frees a buffer after a grace period. */
LIST_HEAD(iobmd_buffers);
static DEFINE_SPINLOCK(iobmd_buffers_lock);

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
	if (args->__reserved || args->direction & ~IOBMD_DIRECTIONS_ALL ||
	    args->huge > IOBMD_HUGE_REQUIRE)
		return -EINVAL;
	if (args->alignment &&
	    (!is_power_of_2(args->alignment) || args->alignment > PMD_SIZE))
		return -EINVAL;
	if (args->huge == IOBMD_HUGE_REQUIRE && !IOBMD_HAS_HUGE)
		return -ENOMEM;
	return iobmd_create_check_node(args);
}

static struct iobmd_buffer *iobmd_buffer_alloc_struct(void)
{
	struct iobmd_buffer *buffer = kzalloc(sizeof(*buffer), IOBMD_GFP_OBJECT);

	if (!buffer)
		return NULL;
	buffer->id = atomic64_inc_return(&iobmd_last_id);
	buffer->direction = IOBMD_DIRECTIONS_ALL;
	buffer->memory.node = NUMA_NO_NODE;
	mutex_init(&buffer->memory.resize_lock);
	init_rwsem(&buffer->memory.fault_lock);
	spin_lock_init(&buffer->lock);
	buffer->memory.holds = RB_ROOT_CACHED;
	return buffer;
}

/* On success the inode owns @buffer. */
static int iobmd_buffer_alloc_inode(struct iobmd_buffer *buffer,
				    struct super_block *sb)
{
	struct inode *inode = alloc_anon_inode(sb);

	if (IS_ERR(inode))
		return PTR_ERR(inode);

	/*
	 * A regular file, for fstat(2) and sendfile(2). Access through /proc is checked
	 * there and by the descriptor's rights, not by the inode's owner and mode. The
	 * first descriptor sets the operations.
	 */
	inode->i_mode = S_IFREG | 0666;
	/*
	 * On no path, like a memfd: lsof +L1 lists it, and core dumps include its mappings.
	 * It also ends inotify's marks with any dentry. They must not outlive the inode: the
	 * superblock, which does not list it, would wait for them forever.
	 */
	clear_nlink(inode);
	inode->i_flags |= S_NOCMTIME;
	inode->i_ino = buffer->id;
	inode->i_mapping->a_ops = &iobmd_memory_aops;
	mapping_set_gfp_mask(inode->i_mapping, IOBMD_GFP_SPLIT);
	mapping_set_unevictable(inode->i_mapping);
	mapping_set_large_folios(inode->i_mapping);
	mapping_set_release_always(inode->i_mapping);
	/* khugepaged does not collapse a file that may be open for writing. */
	atomic_set(&inode->i_writecount, 1);
	inode->i_private = buffer;
	buffer->inode = inode;
	return 0;
}

static struct iobmd_buffer *iobmd_buffer_alloc_object(struct super_block *sb)
{
	struct iobmd_buffer *buffer = iobmd_buffer_alloc_struct();
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
 *
 * Return: the buffer, whose inode holds the caller's only reference to it, or
 * an ERR_PTR: -EDQUOT, -ENFILE, -ENOMEM.
 */
struct iobmd_buffer *iobmd_buffer_alloc(struct super_block *sb)
{
	struct iobmd_account *account = iobmd_account_get_object(IOBMD_BUFFER_BYTES);
	struct iobmd_buffer *buffer;

	if (IS_ERR(account))
		return ERR_CAST(account);
	buffer = iobmd_buffer_alloc_object(sb);
	if (IS_ERR(buffer))
		iobmd_account_release_object(account, IOBMD_BUFFER_BYTES);
	else
		buffer->account = account;
	return buffer;
}

static void iobmd_buffer_list(struct iobmd_buffer *buffer)
{
	spin_lock(&iobmd_buffers_lock);
	list_add_tail_rcu(&buffer->listed, &iobmd_buffers);
	spin_unlock(&iobmd_buffers_lock);
}

static void iobmd_buffer_unlist(struct iobmd_buffer *buffer)
{
	spin_lock(&iobmd_buffers_lock);
	list_del_rcu(&buffer->listed);
	spin_unlock(&iobmd_buffers_lock);
}

/* The last step of creating @buffer: from here on it is listed. */
void iobmd_buffer_publish(struct iobmd_buffer *buffer, u64 capacity)
{
	iobmd_buffer_set_sizes(buffer, capacity);
	iobmd_buffer_list(buffer);
	trace_iobmd_create(buffer->id, capacity, buffer->memory.huge_bytes);
}

static int iobmd_buffer_init(struct iobmd_buffer *buffer, const struct iobmd_create *args)
{
	u64 capacity = args->capacity;
	int err;

	buffer->memory.alignment = args->alignment;
	buffer->memory.huge = args->huge;
	if (args->direction)
		buffer->direction = args->direction;
	if (args->flags & IOBMD_CREATE_F_NODE)
		buffer->memory.node = args->node;
	err = iobmd_buffer_check_capacity(buffer, capacity);
	if (err)
		return err;

	buffer->memory.memcg = get_mem_cgroup_from_mm(current->mm);
	buffer->memory.exempt = iobmd_account_is_exempt();
	err = iobmd_memory_grow(buffer, DIV_ROUND_UP_ULL(capacity, PAGE_SIZE),
				buffer->memory.exempt);
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

	buffer = iobmd_buffer_alloc(sb);
	if (IS_ERR(buffer))
		return buffer;
	err = iobmd_buffer_init(buffer, args);
	if (err) {
		iput(buffer->inode);
		return ERR_PTR(err);
	}
	return buffer;
}

/**
 * iobmd_buffer_evict - free a buffer, complete or half-built
 * @inode: Its inode, or the root of the superblock, which has no buffer.
 */
void iobmd_buffer_evict(struct inode *inode)
{
	struct iobmd_buffer *buffer = inode->i_private;
	unsigned long leftover = 0;

	if (buffer)
		iobmd_memory_keep_bad(buffer, 0);
	/* If the creator was exempt from the ceiling, nothing needs to stay charged. */
	if (buffer && !buffer->memory.exempt)
		leftover = iobmd_leftover_collect(buffer->account, &inode->i_data,
						  iobmd_memory_nr_pages(buffer));
	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	if (!buffer)
		return;

	if (buffer->capacity) {
		trace_iobmd_free(buffer->id, buffer->capacity);
		iobmd_buffer_unlist(buffer);
	}
	if (buffer->composite)
		iobmd_composite_free(buffer->composite);
	iobmd_account_uncharge(buffer->account, iobmd_memory_nr_pages(buffer) - leftover);
	iobmd_account_release_object(buffer->account, IOBMD_BUFFER_BYTES);
	mem_cgroup_put(buffer->memory.memcg);
	kfree_rcu(buffer, rcu);
}

void iobmd_buffer_set_name(struct iobmd_buffer *buffer, const char *name)
{
	spin_lock(&buffer->lock);
	strscpy(buffer->name, name, sizeof(buffer->name));
	spin_unlock(&buffer->lock);
}

/*
 * The name for display: bytes that are not printable ASCII are escaped, since a
 * terminal may interpret them. @escaped: IOBMD_NAME_ESCAPED bytes.
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

/* Fills in everything that does not depend on a descriptor. */
void iobmd_buffer_get_info(struct iobmd_buffer *buffer,
			   struct iobmd_get_info *info)
{
	*info = (struct iobmd_get_info) {
		.size		= sizeof(*info),
		.id		= buffer->id,
		.allocated	= (u64)iobmd_memory_nr_pages(buffer) << PAGE_SHIFT,
		.huge_bytes	= READ_ONCE(buffer->memory.huge_bytes),
		.alignment	= buffer->memory.alignment,
		.direction	= buffer->direction,
		.huge		= buffer->memory.huge,
		.node		= buffer->memory.node,
		.page_size	= PAGE_SIZE,
		.huge_page_size	= IOBMD_HUGE_SIZE,
	};

	spin_lock(&buffer->lock);
	info->capacity = buffer->capacity;
	info->length = buffer->length;
	info->seals = buffer->memory.seals;
	spin_unlock(&buffer->lock);
}
