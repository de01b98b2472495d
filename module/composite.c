// SPDX-License-Identifier: GPL-2.0
/*
 * A composite: a buffer that has no memory of its own but shows windows of others,
 * one after the other.
 *
 * Each part has a view with a hold, as a window's descriptor has one, but no file,
 * of which the system has not so many. A composite among the parts is taken apart
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
 * @view: The window, with a reference to the inode of its buffer.
 * @mnt: The mount of that; a reference.
 * @start: Where it begins in the composite, in bytes.
 * @end: Where it ends; a multiple of the page size.
 */
struct iobmd_part {
	struct iobmd_view *view;
	struct vfsmount *mnt;
	u64 start;
	u64 end;
};

/**
 * struct iobmd_composite - what a composite shows
 * @files: How many files show it. With the last the parts go; the rest stays, as a
 *	path keeps an inode for longer than its files.
 * @size: In bytes.
 * @nr: How many parts there are.
 * @parts: In order, without gaps. The first need not begin at 0: offsets count
 *	from a place from which the longest part has its huge pages where a
 *	mapping of the whole can have them.
 */
struct iobmd_composite {
	atomic_t files;
	u64 size;
	unsigned int nr;
	struct iobmd_part parts[];
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
	const struct iobmd_view *view = part->view;

	return (struct iobmd_place) {
		.buffer	= view->buffer,
		.offset	= view->offset + offset - part->start,
		.before	= offset - part->start,
		.length	= part->end - offset,
	};
}

/*
 * Of @parent, which the caller holds a reference to. A part that may write counts
 * as a writable mapping: nobody sees those of the composite.
 */
static int iobmd_part_init(struct iobmd_part *part, const struct iobmd_view *parent,
			   struct vfsmount *mnt, const struct iobmd_derive *window)
{
	struct iobmd_view *view = iobmd_view_derive(parent, window);
	int err;

	if (IS_ERR(view))
		return PTR_ERR(view);
	err = iobmd_view_get_writer(view);
	if (err) {
		iobmd_view_put_hold(view);
		iobmd_view_free(view);
		return err;
	}
	ihold(view->buffer->inode);
	part->view = view;
	part->mnt = mntget(mnt);
	return 0;
}

static void iobmd_part_release(struct iobmd_part *part)
{
	struct inode *inode = part->view->buffer->inode;

	iobmd_view_put_writer(part->view);
	iobmd_view_put_hold(part->view);
	iobmd_view_free(part->view);
	iput(inode);
	mntput(part->mnt);
}

/* Adds @length bytes from @offset on of @parent, which is not of a composite. */
static int iobmd_composite_add(struct iobmd_composite *composite,
			       const struct iobmd_view *parent, struct vfsmount *mnt,
			       u64 offset, u64 length, u32 rights)
{
	struct iobmd_part *part = &composite->parts[composite->nr];
	struct iobmd_derive window = {
		.flags	= IOBMD_DERIVE_F_WINDOW,
		.offset	= offset,
		.length	= length,
	};
	int err;

	if (composite->nr == IOBMD_COMPOSE_MAX)
		return -EINVAL;
	if (!(rights & IOBMD_RIGHT_WRITE))
		window.flags |= IOBMD_DERIVE_F_READ_ONLY;
	err = iobmd_part_init(part, parent, mnt, &window);
	if (err)
		return err;
	part->start = composite->size;
	part->end = composite->size + PAGE_ALIGN(length);
	composite->size += length;
	composite->nr++;
	return 0;
}

/* The same for @offset of another composite, in all that it has there. */
static int iobmd_composite_add_parts(struct iobmd_composite *composite,
				     const struct iobmd_composite *other,
				     u64 offset, u64 length, u32 rights)
{
	int err = 0;

	while (length && !err) {
		const struct iobmd_part *part = iobmd_composite_part(other, offset);
		u64 n = min(length, part->end - offset);

		err = iobmd_composite_add(composite, part->view, part->mnt,
					  offset - part->start, n, rights);
		offset += n;
		length -= n;
	}
	return err;
}

static int iobmd_composite_add_window(struct iobmd_composite *composite,
				      struct file *file,
				      const struct iobmd_compose_part *args,
				      u32 rights)
{
	const struct iobmd_view *view = iobmd_descriptor_view(file);
	u64 length = args->length;
	int err;

	/* Only the last part may end within a page: this one comes after it. */
	if (args->__reserved || !PAGE_ALIGNED(args->offset) ||
	    !PAGE_ALIGNED(composite->size))
		return -EINVAL;
	err = iobmd_view_check_range(view, args->offset, &length);
	if (err)
		return err;
	if (rights & ~view->rights)
		return -EACCES;
	if (view->buffer->composite)
		return iobmd_composite_add_parts(composite, view->buffer->composite,
						 view->offset + args->offset, length,
						 rights);
	return iobmd_composite_add(composite, view, file->f_path.mnt, args->offset,
				   length, rights);
}

static int iobmd_composite_add_fd(struct iobmd_composite *composite,
				  const struct iobmd_compose_part *args, u32 rights)
{
	struct file *file = fget(args->fd);
	int err = -EINVAL;

	if (!file)
		return -EBADF;
	if (iobmd_descriptor_is(file))
		err = iobmd_composite_add_window(composite, file, args, rights);
	fput(file);
	return err;
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
	shift = (longest->view->offset - longest->start) & ~PMD_MASK;
	for (part = composite->parts; part < composite->parts + composite->nr; part++) {
		part->start += shift;
		part->end += shift;
	}
}

static void iobmd_composite_release_parts(struct iobmd_composite *composite)
{
	while (composite->nr)
		iobmd_part_release(&composite->parts[--composite->nr]);
}

void iobmd_composite_free(struct iobmd_composite *composite)
{
	iobmd_composite_release_parts(composite);
	kvfree(composite);
}

/* For a new file of @composite: the first, or one derived from another. */
void iobmd_composite_get(struct iobmd_composite *composite)
{
	atomic_inc(&composite->files);
}

void iobmd_composite_put(struct iobmd_composite *composite)
{
	if (atomic_dec_and_test(&composite->files))
		iobmd_composite_release_parts(composite);
}

static size_t iobmd_composite_bytes(unsigned int nr)
{
	return struct_size_t(struct iobmd_composite, parts, nr);
}

/* How many parts there will be only shows when all have been added. */
static struct iobmd_composite *
iobmd_composite_build(const struct iobmd_compose_part *args, u32 nr, u32 rights)
{
	struct iobmd_composite *composite, *exact;
	int err = 0;
	u32 i;

	composite = kvzalloc(iobmd_composite_bytes(IOBMD_COMPOSE_MAX), GFP_KERNEL);
	if (!composite)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < nr && !err; i++)
		err = iobmd_composite_add_fd(composite, &args[i], rights);
	if (!err)
		err = iobmd_account_check_capacity(composite->size);
	if (err)
		goto err_free;
	exact = kvmalloc(iobmd_composite_bytes(composite->nr), GFP_KERNEL_ACCOUNT);
	err = -ENOMEM;
	if (!exact)
		goto err_free;
	memcpy(exact, composite, iobmd_composite_bytes(composite->nr));
	kvfree(composite);
	iobmd_composite_align(exact);
	return exact;

err_free:
	iobmd_composite_free(composite);
	return ERR_PTR(err);
}

static u32 iobmd_composite_direction(const struct iobmd_composite *composite)
{
	u32 direction = IOBMD_DIRECTION_IN | IOBMD_DIRECTION_OUT;
	unsigned int i;

	for (i = 0; i < composite->nr; i++)
		direction &= composite->parts[i].view->buffer->direction;
	return direction;
}

/**
 * iobmd_composite_create - make a composite
 * @sb: The superblock for its inode.
 * @parts: What user space asks for; nothing of it has been checked.
 * @nr_parts: How many, 1 to IOBMD_COMPOSE_MAX.
 * @rights: That the composite shall have, and all parts with it.
 *
 * Return: the composite, whose inode holds the caller's only reference to it, or
 * an ERR_PTR: -EACCES, -EBADF, -EFBIG, -EINTR, -EINVAL, -ENFILE, -ENOMEM, -EPERM.
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
	/* Or the core would take huge pages for some that the file's end cuts. */
	i_size_write(buffer->inode, MAX_LFS_FILESIZE);
	iobmd_buffer_publish(buffer, composite->size);
	return buffer;
}
