// SPDX-License-Identifier: GPL-2.0
/* For root in debugfs: the list of all buffers, and what the reserve has done. */

#include <linux/debugfs.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>

#include "reserve.h"

/* Readers walk it under RCU; iobmd_buffer_evict() frees after that. */
static LIST_HEAD(iobmd_list);
static DEFINE_SPINLOCK(iobmd_list_lock);
static struct dentry *iobmd_debugfs;

void iobmd_list_add(struct iobmd_buffer *buffer)
{
	spin_lock(&iobmd_list_lock);
	list_add_tail_rcu(&buffer->listed, &iobmd_list);
	spin_unlock(&iobmd_list_lock);
}

void iobmd_list_del(struct iobmd_buffer *buffer)
{
	spin_lock(&iobmd_list_lock);
	list_del_rcu(&buffer->listed);
	spin_unlock(&iobmd_list_lock);
}

static void iobmd_list_show_buffer(struct seq_file *m,
				   struct iobmd_buffer *buffer)
{
	struct iobmd_get_info info;

	iobmd_buffer_get_info(buffer, &info);
	seq_printf(m, "%llu\t%llu\t%llu\t%llu\t%llu\t", info.id, info.capacity,
		   info.length, info.allocated, info.huge_bytes);
	iobmd_buffer_show_name(m, buffer);
	seq_putc(m, '\n');
}

static int iobmd_list_show(struct seq_file *m, void *unused)
{
	struct iobmd_buffer *buffer;

	seq_puts(m, "id\tcapacity\tlength\tallocated\thuge_bytes\tname\n");
	rcu_read_lock();
	list_for_each_entry_rcu(buffer, &iobmd_list, listed)
		iobmd_list_show_buffer(m, buffer);
	rcu_read_unlock();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(iobmd_list);
DEFINE_SHOW_ATTRIBUTE(iobmd_reserve);

/* Nothing here depends on debugfs, so its errors are not looked at. */
void iobmd_list_init(void)
{
	iobmd_debugfs = debugfs_create_dir("iobmd", NULL);
	debugfs_create_file("buffers", 0400, iobmd_debugfs, NULL,
			    &iobmd_list_fops);
	debugfs_create_file("reserve", 0400, iobmd_debugfs, NULL,
			    &iobmd_reserve_fops);
}

void iobmd_list_exit(void)
{
	debugfs_remove(iobmd_debugfs);
}
