// SPDX-License-Identifier: GPL-2.0
/* The capacity and the length of a buffer. */

#include <linux/lockdep.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "internal.h"
#include "trace.h"

/*
 * A shrink frees single pages, but a grow adds whole huge pages and aligned blocks. So
 * the capacity has to end at a whole one before it can grow further.
 */
int iobmd_buffer_check_capacity(const struct iobmd_buffer *buffer, u64 capacity)
{
	u64 allocated = i_size_read(buffer->inode);
	int err;

	err = iobmd_account_check_capacity(capacity);
	if (err)
		return err;
	if (buffer->memory.huge == IOBMD_HUGE_REQUIRE && !IS_ALIGNED(capacity, PMD_SIZE))
		return -EINVAL;
	if (capacity > allocated && buffer->memory.alignment &&
	    !IS_ALIGNED(allocated, buffer->memory.alignment))
		return -EINVAL;
	return 0;
}

void iobmd_buffer_set_sizes(struct iobmd_buffer *buffer, u64 capacity)
{
	spin_lock(&buffer->lock);
	buffer->capacity = capacity;
	buffer->length = capacity;
	spin_unlock(&buffer->lock);
}

static int iobmd_buffer_resize_locked(struct iobmd_buffer *buffer, u64 capacity)
{
	pgoff_t nr_pages = DIV_ROUND_UP_ULL(capacity, PAGE_SIZE);
	pgoff_t old_nr_pages = iobmd_memory_nr_pages(buffer);
	u64 old = buffer->capacity;
	int err = 0;

	if (nr_pages < old_nr_pages)
		err = iobmd_memory_shrink(buffer, nr_pages);
	else if (nr_pages > old_nr_pages)
		err = iobmd_memory_grow(buffer, nr_pages,
					buffer->memory.exempt && iobmd_account_is_exempt());
	if (err)
		return err;

	/* Mappings may have written beyond the old capacity, but the new bytes must be zero. */
	if (capacity > old)
		iobmd_memory_zero_page_tail(buffer, old);
	iobmd_buffer_set_sizes(buffer, capacity);
	trace_iobmd_resize(buffer->id, old, capacity);
	return 0;
}

static int iobmd_buffer_change(struct iobmd_buffer *buffer, u64 capacity)
{
	int err;

	err = iobmd_buffer_check_capacity(buffer, capacity);
	if (err)
		return err;
	err = iobmd_hold_begin_resize(buffer, capacity);
	if (err)
		return err;
	err = iobmd_buffer_resize_locked(buffer, capacity);
	iobmd_hold_end_resize(buffer);
	return err;
}

/**
 * iobmd_buffer_resize - change the capacity, and set the length to it
 * @buffer: The buffer; the caller holds a reference and none of its locks.
 * @capacity: In bytes.
 *
 * Return: 0, or -EBUSY, -EDQUOT, -EFBIG, -EINTR, -EINVAL, -ENOMEM, -ERESTARTSYS
 * with nothing changed.
 */
int iobmd_buffer_resize(struct iobmd_buffer *buffer, u64 capacity)
{
	int err;

	if (mutex_lock_interruptible(&buffer->memory.resize_lock))
		return -ERESTARTSYS;
	err = iobmd_buffer_change(buffer, capacity);
	mutex_unlock(&buffer->memory.resize_lock);
	return err;
}

/**
 * iobmd_buffer_extend - make the length at least @length
 * @buffer: The buffer; the caller holds a reference and none of its locks.
 * @length: In bytes. Beyond the capacity, it becomes the capacity too.
 *
 * Return: as iobmd_buffer_resize().
 */
int iobmd_buffer_extend(struct iobmd_buffer *buffer, u64 length)
{
	int err = 0;

	if (mutex_lock_interruptible(&buffer->memory.resize_lock))
		return -ERESTARTSYS;
	if (length > buffer->capacity) {
		err = iobmd_buffer_change(buffer, length);
	} else {
		spin_lock(&buffer->lock);
		buffer->length = max(buffer->length, length);
		spin_unlock(&buffer->lock);
	}
	mutex_unlock(&buffer->memory.resize_lock);
	return err;
}

int iobmd_buffer_set_length(struct iobmd_buffer *buffer, u64 length)
{
	int err = 0;

	spin_lock(&buffer->lock);
	if (length <= buffer->capacity)
		buffer->length = length;
	else
		err = -EINVAL;
	spin_unlock(&buffer->lock);
	return err;
}

u64 iobmd_buffer_length(struct iobmd_buffer *buffer)
{
	u64 length;

	spin_lock(&buffer->lock);
	length = buffer->length;
	spin_unlock(&buffer->lock);
	return length;
}
