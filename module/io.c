// SPDX-License-Identifier: GPL-2.0
/*
 * read(2), write(2), splice(2), lseek(2) and fallocate(2) on a descriptor. It behaves
 * as a file without holes that writes do not extend: a read or write that extends
 * beyond the end is short, at the end a read returns 0 and a write ENOSPC.
 *
 * No lock is held while user memory is accessed, since it may be a mapping of the same
 * buffer: a reference to the folio is enough.
 */

#include <linux/fs.h>
#include <linux/falloc.h>	/* after fs.h, from which its types come */
#include <linux/highmem.h>
#include <linux/pagemap.h>
#include <linux/pipe_fs_i.h>
#include <linux/sched/signal.h>
#include <linux/splice.h>
#include <linux/uio.h>

#include "internal.h"

/*
 * How many bytes to copy at once: one page if the folio has a bad page, since only the
 * first page was checked. Such a folio exists only until the kernel splits it, or if
 * the split failed.
 */
static size_t iobmd_io_limit(struct folio *folio, size_t start)
{
	if (iobmd_folio_has_bad(folio))
		return PAGE_SIZE - offset_in_page(start);
	return folio_size(folio) - start;
}

/*
 * The folio of byte @pos of the view, with a reference; NULL if a shrink has removed
 * it; or an ERR_PTR. @start: returns where in the folio the byte lies. @length: in, how
 * many bytes to access; out, how many of them the folio has.
 */
static struct folio *iobmd_io_get_folio(const struct iobmd_view *view, u64 pos,
					bool write, size_t *start, u64 *length)
{
	struct iobmd_place place = iobmd_view_find(view, pos, *length);
	struct folio *folio;

	folio = iobmd_memory_get_folio(place.buffer, place.offset, write);
	if (IS_ERR_OR_NULL(folio))
		return folio;
	*start = offset_in_folio(folio, place.offset);
	*length = min_t(u64, iobmd_io_limit(folio, *start), place.length);
	return folio;
}

/* Copies within one folio, from or to byte @pos of the view. */
static ssize_t iobmd_io_copy(const struct iobmd_view *view, u64 pos,
			     struct iov_iter *iter, bool write)
{
	u64 length = iov_iter_count(iter);
	size_t start, copied;
	struct folio *folio;

	folio = iobmd_io_get_folio(view, pos, write, &start, &length);
	if (IS_ERR_OR_NULL(folio))
		return PTR_ERR(folio);

	if (write)
		copied = copy_page_from_iter(&folio->page, start, length, iter);
	else
		copied = copy_folio_to_iter(folio, start, length, iter);
	folio_put(folio);
	return copied ?: -EFAULT;
}

/**
 * iobmd_io - copy between a view and an iov_iter
 * @view: The view.
 * @pos: The offset in @view, in bytes, below @size. Advanced by what is copied.
 * @size: Where to stop, in bytes from the start of the view.
 * @iter: The other side, and how much. Advanced too; keeps what is beyond @size.
 * @write: Whether to copy from @iter to @view.
 *
 * Return: the bytes copied, 0 or more; or an error if nothing was copied: -EFAULT,
 * -EINTR, -EIO, -EPERM.
 */
ssize_t iobmd_io(const struct iobmd_view *view, loff_t *pos, u64 size,
		 struct iov_iter *iter, bool write)
{
	size_t beyond = iov_iter_count(iter);
	loff_t start = *pos;
	ssize_t ret = 0;

	iov_iter_truncate(iter, size - start);
	beyond -= iov_iter_count(iter);
	while (iov_iter_count(iter)) {
		ret = iobmd_io_copy(view, *pos, iter, write);
		if (ret <= 0)
			break;
		*pos += ret;
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		cond_resched();
	}
	iov_iter_reexpand(iter, iov_iter_count(iter) + beyond);
	return *pos - start ?: ret;
}

ssize_t iobmd_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	const struct iobmd_view *view = iobmd_descriptor_view(iocb->ki_filp);
	u64 size = iobmd_view_size(view);

	if (iocb->ki_pos >= size)
		return 0;
	return iobmd_io(view, &iocb->ki_pos, size, to, false);
}

ssize_t iobmd_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	const struct iobmd_view *view = iobmd_descriptor_view(iocb->ki_filp);
	u64 size = iobmd_view_size(view);

	/* A caller in the kernel may not have checked the mode of the file. */
	if (!(view->rights & IOBMD_RIGHT_WRITE))
		return -EACCES;
	if (!iov_iter_count(from))
		return 0;
	/* Appending would extend beyond the end. */
	if (iocb->ki_pos >= size || iocb->ki_flags & IOCB_APPEND)
		return -ENOSPC;
	/* 0 bytes: a concurrent shrink removed the memory. */
	return iobmd_io(view, &iocb->ki_pos, size, from, true) ?: -ENOSPC;
}

/* The pipe gets references to the pages, and must neither steal nor modify them. */
static int iobmd_splice_add(struct splice_pipe_desc *spd,
			    const struct iobmd_view *view, u64 pos, size_t length)
{
	struct iobmd_place place = iobmd_view_find(view, pos, length);
	u64 offset = place.offset;
	struct folio *folio;

	folio = iobmd_memory_get_folio(place.buffer, offset, false);
	if (IS_ERR_OR_NULL(folio))
		return folio ? PTR_ERR(folio) : -ENODATA;
	spd->pages[spd->nr_pages] = folio_file_page(folio, offset >> PAGE_SHIFT);
	spd->partial[spd->nr_pages].offset = offset_in_page(offset);
	spd->partial[spd->nr_pages].len = length;
	spd->nr_pages++;
	return 0;
}

static void iobmd_splice_release(struct splice_pipe_desc *spd, unsigned int i)
{
	put_page(spd->pages[i]);
}

ssize_t iobmd_splice_read(struct file *file, loff_t *pos,
			  struct pipe_inode_info *pipe, size_t length,
			  unsigned int flags)
{
	const struct iobmd_view *view = iobmd_descriptor_view(file);
	struct partial_page partial[PIPE_DEF_BUFFERS];
	struct page *pages[PIPE_DEF_BUFFERS];
	struct splice_pipe_desc spd = {
		.pages		= pages,
		.partial	= partial,
		.nr_pages_max	= PIPE_DEF_BUFFERS,
		.ops		= &nosteal_pipe_buf_ops,
		.spd_release	= iobmd_splice_release,
	};
	u64 end = iobmd_view_size(view);
	u64 next = *pos;
	ssize_t ret = 0;

	if (next >= end)
		return 0;
	end = next + min_t(u64, length, end - next);
	while (next < end && spd.nr_pages < spd.nr_pages_max && !ret) {
		size_t n = min_t(u64, end - next,
				 PAGE_SIZE - offset_in_page(next));

		ret = iobmd_splice_add(&spd, view, next, n);
		next += n;
	}
	if (!spd.nr_pages)
		return ret == -ENODATA ? 0 : ret;
	ret = splice_to_pipe(pipe, &spd);
	if (ret > 0)
		*pos += ret;
	return ret;
}

/* Everything is data; the only hole is at the end. */
loff_t iobmd_llseek(struct file *file, loff_t offset, int whence)
{
	u64 size = iobmd_view_size(iobmd_descriptor_view(file));

	return generic_file_llseek_size(file, offset, whence, size, size);
}

/* Zeroes a range as a write of zeros would. */
static int iobmd_io_zero(const struct iobmd_view *view, u64 pos, u64 end)
{
	while (pos < end) {
		u64 length = end - pos;
		struct folio *folio;
		size_t start;

		folio = iobmd_io_get_folio(view, pos, true, &start, &length);
		if (IS_ERR_OR_NULL(folio))
			return PTR_ERR_OR_ZERO(folio);
		folio_zero_segment(folio, start, start + length);
		folio_put(folio);
		pos += length;
		if (pos < end && fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/*
 * All memory is allocated already, so allocating means growing if necessary. No memory
 * can be freed in the middle, so punching holes is not supported. Some callers in the
 * kernel bypass the checks of fallocate(2).
 */
long iobmd_fallocate(struct file *file, int mode, loff_t offset, loff_t length)
{
	const struct iobmd_view *view = iobmd_descriptor_view(file);
	bool keep = mode & FALLOC_FL_KEEP_SIZE, zero = mode & FALLOC_FL_ZERO_RANGE;
	u64 size = iobmd_view_size(view), end = (u64)offset + length;
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (offset < 0 || length <= 0)
		return -EINVAL;
	if (!(view->rights & IOBMD_RIGHT_WRITE))
		return -EACCES;
	/* Check before anything grows. */
	if (zero && iobmd_buffer_is_write_sealed(view->buffer))
		return -EPERM;
	if (end > size && !keep) {
		err = iobmd_view_extend(view, end);
		if (err)
			return err;
	} else if (end > size) {
		if (!zero)
			return -EOPNOTSUPP;
		end = size;
	}
	return zero ? iobmd_io_zero(view, offset, end) : 0;
}
