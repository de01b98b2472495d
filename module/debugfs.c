// SPDX-License-Identifier: GPL-2.0
/* Files in debugfs: the list of all buffers, and the statistics of the reserve. */

#include <linux/debugfs.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>

#include "reserve.h"

static struct dentry *iobmd_debugfs;

static void iobmd_buffers_show_one(struct seq_file *m,
				   struct iobmd_buffer *buffer)
{
	struct iobmd_get_info info;

	iobmd_buffer_get_info(buffer, &info);
	seq_printf(m, "%llu\t%llu\t%llu\t%llu\t%llu\t", info.id, info.capacity,
		   info.length, info.allocated, info.huge_bytes);
	iobmd_buffer_show_name(m, buffer);
	seq_putc(m, '\n');
}

static int iobmd_buffers_show(struct seq_file *m, void *unused)
{
	struct iobmd_buffer *buffer;

	seq_puts(m, "id\tcapacity\tlength\tallocated\thuge_bytes\tname\n");
	rcu_read_lock();
	list_for_each_entry_rcu(buffer, &iobmd_buffers, listed)
		iobmd_buffers_show_one(m, buffer);
	rcu_read_unlock();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(iobmd_buffers);
DEFINE_SHOW_ATTRIBUTE(iobmd_reserve);

/* Everything else works without debugfs, so its errors are ignored. */
void iobmd_debugfs_init(void)
{
	iobmd_debugfs = debugfs_create_dir("iobmd", NULL);
	debugfs_create_file("buffers", 0400, iobmd_debugfs, NULL,
			    &iobmd_buffers_fops);
	debugfs_create_file("reserve", 0400, iobmd_debugfs, NULL,
			    &iobmd_reserve_fops);
}

void iobmd_debugfs_exit(void)
{
	debugfs_remove(iobmd_debugfs);
}
