// SPDX-License-Identifier: GPL-2.0
/* COMPOSE: takes the descriptors of the parts and creates a composite of them. */

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * struct iobmd_source - a range of a descriptor that becomes one or more parts
 * @file: A descriptor, with a reference.
 * @offset: Where the range begins in what the descriptor shows, in bytes.
 * @length: Its length in bytes.
 */
struct iobmd_source {
	struct file *file;
	u64 offset;
	u64 length;
};

static int iobmd_compose_add_source(struct iobmd_composite *composite,
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

/* Checks @args and initializes @source, whose file is set. Returns how many parts it makes. */
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

/* Returns how many parts all @sources make, or an error. Only the last may end within a page. */
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

static struct iobmd_composite *
iobmd_compose_from_sources(const struct iobmd_source *sources, u32 nr,
			   unsigned int nr_parts, u32 rights)
{
	struct iobmd_composite *composite;
	int err = 0;
	u32 i;

	composite = iobmd_composite_alloc(nr_parts, rights & IOBMD_RIGHT_WRITE);
	if (IS_ERR(composite))
		return composite;
	for (i = 0; i < nr && !err; i++)
		err = iobmd_compose_add_source(composite, &sources[i]);
	if (!err)
		err = iobmd_account_check_capacity(iobmd_composite_size(composite));
	if (err) {
		iobmd_composite_free(composite);
		return ERR_PTR(err);
	}
	iobmd_composite_align(composite);
	return composite;
}

static struct iobmd_composite *
iobmd_compose_build(const struct iobmd_compose_part *args, u32 nr, u32 rights)
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
		composite = iobmd_compose_from_sources(sources, nr, nr_parts, rights);
	iobmd_sources_free(sources, nr);
	return composite;
}

static struct iobmd_buffer *
iobmd_compose_buffer(struct super_block *sb, const struct iobmd_compose_part *args, u32 nr,
		     u32 rights)
{
	struct iobmd_composite *composite = iobmd_compose_build(args, nr, rights);
	struct iobmd_buffer *buffer;

	if (IS_ERR(composite))
		return ERR_CAST(composite);
	buffer = iobmd_buffer_alloc(sb);
	if (IS_ERR(buffer)) {
		iobmd_composite_free(composite);
		return buffer;
	}
	iobmd_composite_attach(composite, buffer);
	iobmd_buffer_publish(buffer, iobmd_composite_size(composite));
	return buffer;
}

/**
 * iobmd_compose - create a composite
 * @mnt: The mount that it lives on; pinned by the caller.
 * @args: The parts, as passed by user space; unchecked.
 * @nr: How many parts, 1 to IOBMD_COMPOSE_MAX.
 * @rights: The rights of the composite, which each part must have.
 *
 * Return: a descriptor, or an ERR_PTR: -EACCES, -EBADF, -EDQUOT, -EFBIG, -EINVAL,
 * -ENFILE, -ENOMEM, -EPERM, -ERESTARTSYS.
 */
struct file *iobmd_compose(struct vfsmount *mnt, const struct iobmd_compose_part *args,
			   u32 nr, u32 rights)
{
	struct iobmd_buffer *buffer = iobmd_compose_buffer(mnt->mnt_sb, args, nr, rights);

	if (IS_ERR(buffer))
		return ERR_CAST(buffer);
	return iobmd_descriptor_create(buffer, rights, mnt);
}
