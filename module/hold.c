// SPDX-License-Identifier: GPL-2.0
/*
 * Holds: each keeps the memory of a buffer up to a given end.
 *
 * Windows, exports, parts of composites and clients have one each, and so does a
 * descriptor that was derived with IOBMD_DERIVE_F_HOLD. There may be very many, so they
 * are in a tree, sorted by descending end.
 */

#include <linux/lockdep.h>
#include <linux/rbtree.h>
#include <linux/wait_bit.h>

#include "internal.h"

static bool iobmd_hold_is_larger(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct iobmd_hold, node)->end >
	       rb_entry(b, struct iobmd_hold, node)->end;
}

static int iobmd_hold_get_locked(struct iobmd_hold *hold, struct iobmd_buffer *buffer,
				 u64 end)
{
	lockdep_assert_held(&buffer->lock);

	if (end > buffer->capacity)
		return -EINVAL;
	hold->end = end ?: buffer->length;
	rb_add_cached(&hold->node, &buffer->memory.holds, iobmd_hold_is_larger);
	return 0;
}

/**
 * iobmd_hold_get - keep a shrink from freeing the memory of a buffer
 * @hold: Belongs to @buffer until iobmd_hold_put().
 * @buffer: The buffer; the caller holds a reference.
 * @end: Up to which byte; 0 means the current length.
 *
 * Does not wait for a grow. Waits for at most one shrink: while a hold waits, no other
 * shrink begins.
 *
 * Context: process context.
 * Return: 0, or -ERESTARTSYS, or -EINVAL if the buffer does not reach to @end.
 */
int iobmd_hold_get(struct iobmd_hold *hold, struct iobmd_buffer *buffer, u64 end)
{
	int err = 0;

	spin_lock(&buffer->lock);
	if (buffer->memory.shrinking) {
		buffer->memory.nr_waiting++;
		spin_unlock(&buffer->lock);
		err = wait_var_event_interruptible(&buffer->memory.shrinking,
						   !READ_ONCE(buffer->memory.shrinking));
		spin_lock(&buffer->lock);
		buffer->memory.nr_waiting--;
	}
	if (!err)
		err = iobmd_hold_get_locked(hold, buffer, end);
	spin_unlock(&buffer->lock);
	return err;
}

void iobmd_hold_put(struct iobmd_hold *hold, struct iobmd_buffer *buffer)
{
	spin_lock(&buffer->lock);
	rb_erase_cached(&hold->node, &buffer->memory.holds);
	spin_unlock(&buffer->lock);
}

static bool iobmd_hold_is_beyond(const struct iobmd_buffer *buffer, u64 capacity)
{
	struct rb_node *largest = rb_first_cached(&buffer->memory.holds);

	return largest && rb_entry(largest, struct iobmd_hold, node)->end > capacity;
}

/**
 * iobmd_hold_begin_resize - check whether seals and holds allow a resize
 * @buffer: The buffer. The caller holds its resize_lock.
 * @capacity: The new capacity.
 *
 * Return: 0 or -EBUSY. After 0 for a smaller capacity, new holds wait for
 * iobmd_hold_end_resize().
 */
int iobmd_hold_begin_resize(struct iobmd_buffer *buffer, u64 capacity)
{
	bool shrink = capacity < buffer->capacity;
	int err = 0;

	lockdep_assert_held(&buffer->memory.resize_lock);

	if (shrink && buffer->memory.seals & IOBMD_SEAL_SHRINK)
		return -EBUSY;
	if (capacity > buffer->capacity && buffer->memory.seals & IOBMD_SEAL_GROW)
		return -EBUSY;

	spin_lock(&buffer->lock);
	if (shrink && (buffer->memory.nr_waiting || iobmd_hold_is_beyond(buffer, capacity)))
		err = -EBUSY;
	else
		WRITE_ONCE(buffer->memory.shrinking, shrink);
	spin_unlock(&buffer->lock);
	return err;
}

void iobmd_hold_end_resize(struct iobmd_buffer *buffer)
{
	lockdep_assert_held(&buffer->memory.resize_lock);

	if (!buffer->memory.shrinking)
		return;
	spin_lock(&buffer->lock);
	WRITE_ONCE(buffer->memory.shrinking, false);
	spin_unlock(&buffer->lock);
	/* Orders the store before wake_up_var()'s check for waiters. */
	smp_mb();
	wake_up_var(&buffer->memory.shrinking);
}
