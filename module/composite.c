// SPDX-License-Identifier: GPL-2.0
/*
 * A composite: a buffer without memory of its own, which shows windows of other buffers
 * one after the other. This file keeps its parts and finds which of them has a byte.
 *
 * Each part has a hold, like the descriptor of a window, but no file, since the number
 * of open files is limited. A composite that becomes a part is replaced by its own
 * parts: there are no cycles and no nesting, and one search finds the memory of a byte.
 *
 * The memory that a composite maps is not in the page cache of its own inode, so the
 * reverse mapping from the memory does not find these mappings. That is safe while the
 * memory stays, and the holds keep it: a shrink or a seal finds it in use.
 */

#include <linux/atomic.h>
#include <linux/bsearch.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * struct iobmd_part - a range of a composite that lies in one buffer
 * @buffer: The buffer, with a reference to its inode.
 * @mnt: The mount of @buffer, with a reference.
 * @hold: Keeps the window.
 * @offset: Where the window begins in the buffer, in bytes.
 * @start: Where it begins in the composite, in bytes.
 * @end: Where it ends; a multiple of the page size.
 */
struct iobmd_part {
	struct iobmd_buffer *buffer;
	struct vfsmount *mnt;
	struct iobmd_hold hold;
	u64 offset;
	u64 start;
	u64 end;
};

/**
 * struct iobmd_composite - what a composite shows
 * @files: How many files show it. The last one releases the parts. The struct stays,
 *	since a path keeps the inode for longer than its files.
 * @account: That of the task that created the composite, with a reference.
 * @bytes: How much is charged to @account.
 * @is_writer: Whether each part counts as a writable mapping of its buffer.
 * @size: In bytes.
 * @max: How many parts there is room for.
 * @nr: How many parts there are.
 * @parts: In order, without gaps. The first need not begin at 0: all are shifted so
 *	that a mapping of the whole can map the huge pages of the longest part.
 */
struct iobmd_composite {
	atomic_t files;
	struct iobmd_account *account;
	size_t bytes;
	bool is_writer;
	u64 size;
	unsigned int max;
	unsigned int nr;
	struct iobmd_part parts[];
};

u64 iobmd_composite_size(const struct iobmd_composite *composite)
{
	return composite->size;
}

u64 iobmd_composite_start(const struct iobmd_composite *composite)
{
	return composite->parts[0].start;
}

static int iobmd_part_compare(const void *key, const void *element)
{
	const struct iobmd_part *part = element;
	u64 offset = *(const u64 *)key;

	if (offset < part->start)
		return -1;
	return offset >= part->end;
}

/* The part that has byte @offset. The caller has checked that there is one. */
static const struct iobmd_part *
iobmd_composite_part(const struct iobmd_composite *composite, u64 offset)
{
	return bsearch(&offset, composite->parts, composite->nr,
		       sizeof(composite->parts[0]), iobmd_part_compare);
}

/* Where byte @offset lies, and how far its part extends before and behind it. */
struct iobmd_place iobmd_composite_find(const struct iobmd_composite *composite,
					u64 offset)
{
	const struct iobmd_part *part = iobmd_composite_part(composite, offset);

	return (struct iobmd_place) {
		.buffer	= part->buffer,
		.offset	= part->offset + offset - part->start,
		.before	= offset - part->start,
		.length	= part->end - offset,
	};
}

/**
 * iobmd_composite_alloc - allocate a composite that has no parts yet
 * @max: How many parts it has room for; charged to the caller.
 * @is_writer: Whether the composite may be written.
 *
 * Return: the composite, for iobmd_composite_free(), or an ERR_PTR: -EDQUOT, -ENFILE,
 * -ENOMEM.
 */
struct iobmd_composite *iobmd_composite_alloc(unsigned int max, bool is_writer)
{
	size_t bytes = struct_size_t(struct iobmd_composite, parts, max);
	struct iobmd_account *account = iobmd_account_get_object(bytes);
	struct iobmd_composite *composite;

	if (IS_ERR(account))
		return ERR_CAST(account);
	composite = kvzalloc(bytes, IOBMD_GFP_OBJECT);
	if (!composite) {
		iobmd_account_release_object(account, bytes);
		return ERR_PTR(-ENOMEM);
	}
	composite->account = account;
	composite->bytes = bytes;
	composite->is_writer = is_writer;
	composite->max = max;
	return composite;
}

static void iobmd_part_release(struct iobmd_part *part, bool is_writer)
{
	if (is_writer)
		iobmd_buffer_put_writer(part->buffer);
	iobmd_hold_put(&part->hold, part->buffer);
	iput(part->buffer->inode);
	mntput(part->mnt);
}

/*
 * Adds @length bytes of @buffer from @offset on, with a hold. The part of a writable
 * composite counts as a writable mapping of @buffer, since the seal does not see the
 * mappings of the composite.
 */
int iobmd_composite_add(struct iobmd_composite *composite,
			struct iobmd_buffer *buffer, struct vfsmount *mnt,
			u64 offset, u64 length)
{
	struct iobmd_part *part = &composite->parts[composite->nr];
	int err;

	if (composite->nr == composite->max)
		return -EINVAL;
	err = iobmd_hold_get(&part->hold, buffer, offset + length);
	if (err)
		return err;
	err = composite->is_writer ? iobmd_buffer_get_writer(buffer) : 0;
	if (err) {
		iobmd_hold_put(&part->hold, buffer);
		return err;
	}
	ihold(buffer->inode);
	part->buffer = buffer;
	part->mnt = mntget(mnt);
	part->offset = offset;
	part->start = composite->size;
	part->end = composite->size + PAGE_ALIGN(length);
	composite->size += length;
	composite->nr++;
	return 0;
}

/*
 * Adds @length bytes of @other from @offset on, as one part for each part of @other in
 * that range.
 */
int iobmd_composite_add_parts(struct iobmd_composite *composite,
			      const struct iobmd_composite *other, u64 offset,
			      u64 length)
{
	int err = 0;

	while (length && !err) {
		const struct iobmd_part *part = iobmd_composite_part(other, offset);
		u64 n = min(length, part->end - offset);

		err = iobmd_composite_add(composite, part->buffer, part->mnt,
					  part->offset + offset - part->start, n);
		offset += n;
		length -= n;
	}
	return err;
}

/* Shifts all parts so that the huge pages of the longest lie at multiples of their size. */
void iobmd_composite_align(struct iobmd_composite *composite)
{
	const struct iobmd_part *longest = &composite->parts[0];
	struct iobmd_part *part;
	u64 shift;

	for (part = composite->parts; part < composite->parts + composite->nr; part++)
		if (part->end - part->start > longest->end - longest->start)
			longest = part;
	shift = (longest->offset - longest->start) & ~PMD_MASK;
	for (part = composite->parts; part < composite->parts + composite->nr; part++) {
		part->start += shift;
		part->end += shift;
	}
}

static void iobmd_composite_release_parts(struct iobmd_composite *composite)
{
	while (composite->nr) {
		iobmd_part_release(&composite->parts[--composite->nr], composite->is_writer);
		cond_resched();
	}
}

void iobmd_composite_free(struct iobmd_composite *composite)
{
	iobmd_composite_release_parts(composite);
	iobmd_account_release_object(composite->account, composite->bytes);
	kvfree(composite);
}

/* For a new file of @composite: the first, or one derived from another. */
void iobmd_composite_get(struct iobmd_composite *composite)
{
	atomic_inc(&composite->files);
}

/* For a file that is opened by a path, which does not keep the parts. */
bool iobmd_composite_tryget(struct iobmd_composite *composite)
{
	return atomic_inc_not_zero(&composite->files);
}

void iobmd_composite_put(struct iobmd_composite *composite)
{
	if (atomic_dec_and_test(&composite->files))
		iobmd_composite_release_parts(composite);
}

/* How many parts of @composite the @length bytes from @offset on touch. */
unsigned int iobmd_composite_count(const struct iobmd_composite *composite, u64 offset,
				   u64 length)
{
	const struct iobmd_part *first = iobmd_composite_part(composite, offset);
	const struct iobmd_part *last = iobmd_composite_part(composite, offset + length - 1);

	return last - first + 1;
}

static u32 iobmd_composite_direction(const struct iobmd_composite *composite)
{
	u32 direction = IOBMD_DIRECTIONS_ALL;
	unsigned int i;

	for (i = 0; i < composite->nr; i++)
		direction &= composite->parts[i].buffer->direction;
	return direction;
}

/*
 * The size of the inode of @composite. The core does not map a huge page as a whole if
 * it extends beyond the end of the mapping's file, and takes the offset of the page in
 * its own file for that. So this inode is at least as large as that of any part.
 */
static u64 iobmd_composite_inode_size(const struct iobmd_composite *composite)
{
	u64 size = composite->parts[composite->nr - 1].end;
	unsigned int i;

	for (i = 0; i < composite->nr; i++)
		size = max_t(u64, size, i_size_read(composite->parts[i].buffer->inode));
	return size;
}

/* Makes @buffer show @composite, whose parts are complete; the buffer takes it over. */
void iobmd_composite_attach(struct iobmd_composite *composite, struct iobmd_buffer *buffer)
{
	buffer->composite = composite;
	buffer->direction = iobmd_composite_direction(composite);
	i_size_write(buffer->inode, iobmd_composite_inode_size(composite));
}
