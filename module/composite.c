// SPDX-License-Identifier: GPL-2.0
/*
 * A composite: a buffer that has no memory of its own but shows windows of others,
 * one after the other.
 *
 * Each part has a hold, as a window's descriptor has one, but no file, of which the
 * system has not so many. A composite among the parts is taken apart
 * right away: so there are no cycles and no depth, and one search finds the memory
 * of a byte.
 *
 * What it maps is not in the page cache of its own inode, so the kernel does not
 * find these mappings from the memory. That is right as long as nobody takes the
 * memory away, which the parts see to; who would have to unmap it finds it in use.
 */

#include <linux/atomic.h>
#include <linux/bsearch.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * struct iobmd_part - a stretch of a composite that lies in one buffer
 * @buffer: The buffer, with a reference to its inode.
 * @mnt: The mount of that; a reference.
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
 * @files: How many files show it. With the last the parts go; the rest stays, as a
 *	path keeps an inode for longer than its files.
 * @account: That of the task that made the composite; a reference.
 * @bytes: What counts.
 * @is_writer: Whether each part counts as a writable mapping of its buffer.
 * @size: In bytes.
 * @max: How many parts there is room for.
 * @nr: How many parts there are.
 * @parts: In order, without gaps. The first need not begin at 0: offsets count
 *	from a place from which the longest part has its huge pages where a
 *	mapping of the whole can have them.
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

/**
 * struct iobmd_source - where COMPOSE takes parts from
 * @file: A descriptor; a reference.
 * @offset: Where in it, in bytes.
 * @length: How much, in bytes.
 */
struct iobmd_source {
	struct file *file;
	u64 offset;
	u64 length;
};

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

/* Which part byte @offset is of. The caller has checked that there is one. */
static const struct iobmd_part *
iobmd_composite_part(const struct iobmd_composite *composite, u64 offset)
{
	return bsearch(&offset, composite->parts, composite->nr,
		       sizeof(composite->parts[0]), iobmd_part_compare);
}

/* Where byte @offset lies, with all of its part around it. */
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

static void iobmd_part_release(struct iobmd_part *part, bool is_writer)
{
	if (is_writer)
		iobmd_buffer_put_writer(part->buffer);
	iobmd_hold_put(&part->hold, part->buffer);
	iput(part->buffer->inode);
	mntput(part->mnt);
}

/*
 * Adds @length bytes of @buffer from @offset on, which it holds. Those of a composite
 * that can be written count as a writable mapping: the seal does not see its own.
 */
static int iobmd_composite_add(struct iobmd_composite *composite,
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

/* The same for @offset of another composite, in all that it has there. */
static int iobmd_composite_add_parts(struct iobmd_composite *composite,
				     const struct iobmd_composite *other,
				     u64 offset, u64 length)
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

static int iobmd_composite_add_source(struct iobmd_composite *composite,
				      const struct iobmd_source *source)
{
	const struct iobmd_view *view = iobmd_descriptor_view(source->file);
	u64 offset = view->offset + source->offset;

	if (view->buffer->composite)
		return iobmd_composite_add_parts(composite, view->buffer->composite,
						 offset, source->length);
	return iobmd_composite_add(composite, view->buffer, source->file->f_path.mnt,
				   offset, source->length);
}

/* Moves all so that the longest part has its huge pages at multiples of their size. */
static void iobmd_composite_align(struct iobmd_composite *composite)
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

/* For one that is opened by a path, which keeps no parts. */
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
static unsigned int iobmd_composite_count(const struct iobmd_composite *composite,
					  u64 offset, u64 length)
{
	const struct iobmd_part *first = iobmd_composite_part(composite, offset);
	const struct iobmd_part *last = iobmd_composite_part(composite, offset + length - 1);

	return last - first + 1;
}

/* Fills in @source, whose file is there. Returns how many parts it will make. */
static int iobmd_source_init(struct iobmd_source *source,
			     const struct iobmd_compose_part *args, u32 rights)
{
	const struct iobmd_view *view;
	int err;

	if (!iobmd_descriptor_is(source->file) || args->__reserved ||
	    !PAGE_ALIGNED(args->offset))
		return -EINVAL;
	view = iobmd_descriptor_view(source->file);
	source->offset = args->offset;
	source->length = args->length;
	err = iobmd_view_check_range(view, source->offset, &source->length);
	if (err)
		return err;
	if (rights & ~view->rights)
		return -EACCES;
	if (!view->buffer->composite)
		return 1;
	return iobmd_composite_count(view->buffer->composite, view->offset + source->offset,
				     source->length);
}

/* Returns how many parts all the @sources make, or an error; only the last may be ragged. */
static int iobmd_sources_init(struct iobmd_source *sources,
			      const struct iobmd_compose_part *args, u32 nr, u32 rights)
{
	int ret, sum = 0;
	u32 i;

	for (i = 0; i < nr; i++) {
		if (i && !PAGE_ALIGNED(sources[i - 1].length))
			return -EINVAL;
		sources[i].file = fget(args[i].fd);
		if (!sources[i].file)
			return -EBADF;
		ret = iobmd_source_init(&sources[i], &args[i], rights);
		if (ret < 0)
			return ret;
		sum += ret;
		if (sum > IOBMD_COMPOSE_MAX)
			return -EINVAL;
	}
	return sum;
}

static void iobmd_sources_free(struct iobmd_source *sources, u32 nr)
{
	u32 i;

	for (i = 0; i < nr && sources[i].file; i++)
		fput(sources[i].file);
	kvfree(sources);
}

/* Room for @max parts, counted for the caller; or an ERR_PTR. */
static struct iobmd_composite *iobmd_composite_alloc(unsigned int max, u32 rights)
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
	composite->is_writer = rights & IOBMD_RIGHT_WRITE;
	composite->max = max;
	return composite;
}

static struct iobmd_composite *
iobmd_composite_from_sources(const struct iobmd_source *sources, u32 nr,
			     unsigned int nr_parts, u32 rights)
{
	struct iobmd_composite *composite = iobmd_composite_alloc(nr_parts, rights);
	int err = 0;
	u32 i;

	if (IS_ERR(composite))
		return composite;
	for (i = 0; i < nr && !err; i++)
		err = iobmd_composite_add_source(composite, &sources[i]);
	if (!err)
		err = iobmd_account_check_capacity(composite->size);
	if (err) {
		iobmd_composite_free(composite);
		return ERR_PTR(err);
	}
	iobmd_composite_align(composite);
	return composite;
}

static struct iobmd_composite *
iobmd_composite_build(const struct iobmd_compose_part *args, u32 nr, u32 rights)
{
	struct iobmd_source *sources = kvcalloc(nr, sizeof(*sources), IOBMD_GFP_OBJECT);
	struct iobmd_composite *composite;
	int nr_parts;

	if (!sources)
		return ERR_PTR(-ENOMEM);
	nr_parts = iobmd_sources_init(sources, args, nr, rights);
	if (nr_parts < 0)
		composite = ERR_PTR(nr_parts);
	else
		composite = iobmd_composite_from_sources(sources, nr, nr_parts, rights);
	iobmd_sources_free(sources, nr);
	return composite;
}

static u32 iobmd_composite_direction(const struct iobmd_composite *composite)
{
	u32 direction = IOBMD_DIRECTION_IN | IOBMD_DIRECTION_OUT;
	unsigned int i;

	for (i = 0; i < composite->nr; i++)
		direction &= composite->parts[i].buffer->direction;
	return direction;
}

/*
 * Where the inode of @composite ends. The core does not map a huge page whole that
 * reaches beyond the end of the mapping's file, and goes by where it lies in its own:
 * so this is as far as that of any part.
 */
static u64 iobmd_composite_inode_size(const struct iobmd_composite *composite)
{
	u64 size = composite->parts[composite->nr - 1].end;
	unsigned int i;

	for (i = 0; i < composite->nr; i++)
		size = max_t(u64, size, i_size_read(composite->parts[i].buffer->inode));
	return size;
}

/**
 * iobmd_composite_create - make a composite
 * @sb: The superblock for its inode.
 * @parts: What user space asks for; nothing of it has been checked.
 * @nr_parts: How many, 1 to IOBMD_COMPOSE_MAX.
 * @rights: That the composite shall have, and all parts with it.
 *
 * Return: the composite, whose inode holds the caller's only reference to it, or
 * an ERR_PTR: -EACCES, -EBADF, -EDQUOT, -EFBIG, -EINVAL, -ENFILE, -ENOMEM, -EPERM,
 * -ERESTARTSYS.
 */
struct iobmd_buffer *
iobmd_composite_create(struct super_block *sb,
		       const struct iobmd_compose_part *parts, u32 nr_parts,
		       u32 rights)
{
	const struct iobmd_create args = {};
	struct iobmd_composite *composite;
	struct iobmd_buffer *buffer;

	composite = iobmd_composite_build(parts, nr_parts, rights);
	if (IS_ERR(composite))
		return ERR_CAST(composite);
	buffer = iobmd_buffer_alloc(sb, &args);
	if (IS_ERR(buffer)) {
		iobmd_composite_free(composite);
		return buffer;
	}
	buffer->composite = composite;
	buffer->direction = iobmd_composite_direction(composite);
	i_size_write(buffer->inode, iobmd_composite_inode_size(composite));
	iobmd_buffer_publish(buffer, composite->size);
	return buffer;
}
