// SPDX-License-Identifier: GPL-2.0
/*
 * Holds and seals: what a buffer may not do any more.
 *
 * A hold keeps the memory up to some end. Windows, exports and kernel users have
 * one each, and so does a descriptor whose owner asked for it. A seal is for the
 * rest of the buffer's life.
 */

#include <linux/lockdep.h>
#include <linux/pagemap.h>

#include "internal.h"

#define IOBMD_SEALS	(IOBMD_SEAL_SEAL | IOBMD_SEAL_SHRINK |		\
			 IOBMD_SEAL_GROW | IOBMD_SEAL_WRITE)

/**
 * iobmd_hold_get - keep the memory of a buffer from being taken away
 * @hold: Belongs to @buffer until iobmd_hold_put().
 * @buffer: The buffer; the caller holds a reference.
 * @end: Up to which byte; 0 means the length of now.
 *
 * Context: process context, may wait for a resize.
 * Return: 0, or -EINTR, or -EINVAL if the buffer does not reach to @end.
 */
int iobmd_hold_get(struct iobmd_hold *hold, struct iobmd_buffer *buffer, u64 end)
{
	int err = 0;

	if (mutex_lock_killable(&buffer->resize_lock))
		return -EINTR;
	spin_lock(&buffer->lock);
	if (end > buffer->capacity) {
		err = -EINVAL;
	} else {
		hold->end = end ?: buffer->length;
		list_add(&hold->node, &buffer->holds);
	}
	spin_unlock(&buffer->lock);
	mutex_unlock(&buffer->resize_lock);
	return err;
}

void iobmd_hold_put(struct iobmd_hold *hold, struct iobmd_buffer *buffer)
{
	spin_lock(&buffer->lock);
	list_del(&hold->node);
	spin_unlock(&buffer->lock);
}

static bool iobmd_hold_is_beyond(struct iobmd_buffer *buffer, u64 capacity)
{
	struct iobmd_hold *hold;
	bool beyond = false;

	spin_lock(&buffer->lock);
	list_for_each_entry(hold, &buffer->holds, node)
		beyond |= hold->end > capacity;
	spin_unlock(&buffer->lock);
	return beyond;
}

/* Whether seals and holds let the buffer have @capacity. */
int iobmd_hold_check_resize(struct iobmd_buffer *buffer, u64 capacity)
{
	lockdep_assert_held(&buffer->resize_lock);

	if (capacity < buffer->capacity && buffer->seals & IOBMD_SEAL_SHRINK)
		return -EBUSY;
	if (capacity > buffer->capacity && buffer->seals & IOBMD_SEAL_GROW)
		return -EBUSY;
	return iobmd_hold_is_beyond(buffer, capacity) ? -EBUSY : 0;
}

static int iobmd_buffer_seal_locked(struct iobmd_buffer *buffer, u32 seals)
{
	u32 new = seals & ~buffer->seals;
	int err;

	if (new && buffer->seals & IOBMD_SEAL_SEAL)
		return -EPERM;
	if (new & IOBMD_SEAL_WRITE) {
		err = iobmd_memory_freeze(buffer);
		if (err)
			return err;
	}
	spin_lock(&buffer->lock);
	buffer->seals |= new;
	spin_unlock(&buffer->lock);
	return 0;
}

/**
 * iobmd_buffer_seal - forbid changes for good
 * @buffer: The buffer; the caller holds a reference and none of its locks.
 * @seals: An or of enum iobmd_seals.
 *
 * Return: 0, or -EBUSY, -EINTR, -EINVAL, -EPERM with nothing changed.
 */
int iobmd_buffer_seal(struct iobmd_buffer *buffer, u32 seals)
{
	int err;

	if (seals & ~IOBMD_SEALS)
		return -EINVAL;
	if (mutex_lock_killable(&buffer->resize_lock))
		return -EINTR;
	err = iobmd_buffer_seal_locked(buffer, seals);
	mutex_unlock(&buffer->resize_lock);
	return err;
}
