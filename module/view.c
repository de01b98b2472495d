// SPDX-License-Identifier: GPL-2.0
/* A view: the range of a buffer that a descriptor shows, and the rights to it. */

#include <linux/err.h>
#include <linux/slab.h>

#include "internal.h"

/*
 * A view of all of @buffer, which is new; or an ERR_PTR. For a composite, a window of
 * its parts.
 */
struct iobmd_view *iobmd_view_create(struct iobmd_buffer *buffer, u32 rights)
{
	struct iobmd_view *view = kzalloc(sizeof(*view), IOBMD_GFP_OBJECT);

	if (!view)
		return ERR_PTR(-ENOMEM);
	view->buffer = buffer;
	view->rights = rights;
	if (buffer->composite) {
		view->is_window = true;
		view->offset = iobmd_composite_start(buffer->composite);
		view->size = buffer->capacity;
	}
	return view;
}

/* Allows the buffer to shrink again as far as @view is concerned. */
void iobmd_view_put_hold(struct iobmd_view *view)
{
	if (view->has_hold)
		iobmd_hold_put(&view->hold, view->buffer);
	view->has_hold = false;
}

/* The hold must have been put already: putting it needs the buffer, which may be gone here. */
void iobmd_view_free(struct iobmd_view *view)
{
	if (view && view->account)
		iobmd_account_release_object(view->account, IOBMD_DESCRIPTOR_BYTES);
	kfree(view);
}

u64 iobmd_view_size(const struct iobmd_view *view)
{
	return view->is_window ? view->size : iobmd_buffer_length(view->buffer);
}

/*
 * Finds byte @pos of @view, and how many of the @length bytes from there on follow it
 * in the same buffer. The caller has checked that @view has them.
 */
struct iobmd_place iobmd_view_find(const struct iobmd_view *view, u64 pos, u64 length)
{
	u64 offset = view->offset + pos;
	struct iobmd_place place = {
		.buffer	= view->buffer,
		.offset	= offset,
		.length	= length,
	};

	if (view->buffer->composite)
		place = iobmd_composite_find(view->buffer->composite, offset);
	place.length = min(place.length, length);
	return place;
}

static u64 iobmd_view_huge_bytes(const struct iobmd_view *view, u64 size)
{
	u64 pos, bytes = 0;

	for (pos = 0; pos < size;) {
		struct iobmd_place place = iobmd_view_find(view, pos, size - pos);

		down_read(&place.buffer->memory.fault_lock);
		bytes += iobmd_memory_huge_bytes(place.buffer, place.offset,
						 place.offset + place.length);
		up_read(&place.buffer->memory.fault_lock);
		pos += place.length;
	}
	return bytes;
}

void iobmd_view_get_info(const struct iobmd_view *view,
			 struct iobmd_get_info *info)
{
	iobmd_buffer_get_info(view->buffer, info);
	info->rights = view->rights;
	if (view->is_window) {
		info->capacity = view->size;
		info->length = view->size;
		info->allocated = PAGE_ALIGN(view->size);
		info->huge_bytes = iobmd_view_huge_bytes(view, info->allocated);
	}
}

/* The only check of a range of bytes; a @length of 0 becomes all from @offset on. */
int iobmd_view_check_range(const struct iobmd_view *view, u64 offset, u64 *length)
{
	u64 size = iobmd_view_size(view);

	if (offset >= size || *length > size - offset)
		return -EINVAL;
	if (!*length)
		*length = size - offset;
	return 0;
}

/* For ftruncate(2) and fallocate(2), whose rights the table of ioctls does not check. */
int iobmd_view_resize(const struct iobmd_view *view, u64 capacity)
{
	if (!(view->rights & IOBMD_RIGHT_RESIZE))
		return -EACCES;
	return iobmd_buffer_resize(view->buffer, capacity);
}

int iobmd_view_extend(const struct iobmd_view *view, u64 length)
{
	if (!(view->rights & IOBMD_RIGHT_RESIZE))
		return -EACCES;
	return iobmd_buffer_extend(view->buffer, length);
}

static int iobmd_view_set_window(struct iobmd_view *view,
				 const struct iobmd_view *parent,
				 const struct iobmd_window *window)
{
	u64 length = window->length;
	int err;

	if (!PAGE_ALIGNED(window->offset))
		return -EINVAL;
	err = iobmd_view_check_range(parent, window->offset, &length);
	if (err)
		return err;
	view->is_window = true;
	view->offset = parent->offset + window->offset;
	view->size = length;
	view->rights &= ~IOBMD_RIGHT_RESIZE;
	return 0;
}

/* The parts of a composite are held already. */
static int iobmd_view_hold(struct iobmd_view *view)
{
	int err;

	if (view->buffer->composite)
		return 0;
	err = iobmd_hold_get(&view->hold, view->buffer,
			     view->is_window ? view->offset + view->size : 0);
	view->has_hold = !err;
	return err;
}

/* Charged to the caller until iobmd_view_free(). */
static struct iobmd_view *iobmd_view_alloc(void)
{
	struct iobmd_account *account = iobmd_account_get_object(IOBMD_DESCRIPTOR_BYTES);
	struct iobmd_view *view;

	if (IS_ERR(account))
		return ERR_CAST(account);
	view = kzalloc(sizeof(*view), IOBMD_GFP_OBJECT);
	if (!view) {
		iobmd_account_release_object(account, IOBMD_DESCRIPTOR_BYTES);
		return ERR_PTR(-ENOMEM);
	}
	view->account = account;
	return view;
}

/* A view of @window of @parent; or an ERR_PTR. */
struct iobmd_view *iobmd_view_derive(const struct iobmd_view *parent,
				     const struct iobmd_window *window)
{
	struct iobmd_view *view = iobmd_view_alloc();
	int err = 0;

	if (IS_ERR(view))
		return view;
	view->buffer = parent->buffer;
	view->rights = parent->rights & window->rights;
	view->is_window = parent->is_window;
	view->offset = parent->offset;
	view->size = parent->size;
	if (window->length)
		err = iobmd_view_set_window(view, parent, window);
	if (!err && (view->is_window || window->hold))
		err = iobmd_view_hold(view);
	if (err) {
		iobmd_view_free(view);
		return ERR_PTR(err);
	}
	return view;
}

/*
 * For an export or a client of @view, which may write without a mapping in a process:
 * it counts as a writable mapping, so that the seal against writing finds it. A view
 * without the right to write does not count.
 */
int iobmd_view_get_writer(const struct iobmd_view *view)
{
	if (!(view->rights & IOBMD_RIGHT_WRITE))
		return 0;
	return iobmd_buffer_get_writer(view->buffer);
}

void iobmd_view_put_writer(const struct iobmd_view *view)
{
	if (view->rights & IOBMD_RIGHT_WRITE)
		iobmd_buffer_put_writer(view->buffer);
}
