// SPDX-License-Identifier: GPL-2.0
/* The peer as kernel code that writes to a file by the file's own operations. */

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/stat.h>
#include <linux/string.h>
#include <linux/uio.h>

#include "internal.h"

static ssize_t iobmd_peer_write_iter(struct file *file, const struct iobmd_peer_args *args)
{
	struct kvec kvec = { .iov_len = args->length };
	struct iov_iter iter;
	struct kiocb kiocb;
	ssize_t ret;

	if (!file->f_op->write_iter)
		return -EINVAL;
	kvec.iov_base = vmemdup_user(u64_to_user_ptr(args->address), args->length);
	if (IS_ERR(kvec.iov_base))
		return PTR_ERR(kvec.iov_base);
	init_sync_kiocb(&kiocb, file);
	kiocb.ki_pos = args->offset;
	iov_iter_kvec(&iter, ITER_SOURCE, &kvec, 1, args->length);
	ret = file->f_op->write_iter(&kiocb, &iter);
	kvfree(kvec.iov_base);
	return ret;
}

static ssize_t iobmd_peer_splice_write(struct file *file, const struct iobmd_peer_args *args)
{
	struct file *pipe = fget(args->flags);
	loff_t pos = args->offset;
	ssize_t ret = -EINVAL;

	if (!pipe)
		return -EBADF;
	if (S_ISFIFO(file_inode(pipe)->i_mode) && file->f_op->splice_write)
		ret = file->f_op->splice_write(pipe->private_data, file, &pos, args->length, 0);
	fput(pipe);
	return ret;
}

long iobmd_peer_write_file(unsigned int cmd, const struct iobmd_peer_args *args)
{
	struct file *file = fget(args->fd);
	long ret = -ENOTTY;

	if (!file)
		return -EBADF;
	if (cmd == IOBMD_PEER_WRITE_ITER)
		ret = iobmd_peer_write_iter(file, args);
	else if (cmd == IOBMD_PEER_SPLICE_WRITE)
		ret = iobmd_peer_splice_write(file, args);
	fput(file);
	return ret;
}
