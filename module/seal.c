// SPDX-License-Identifier: GPL-2.0
/*
 * Seals: changes to a buffer that are forbidden for the rest of its life.
 *
 * A resize checks the seals against shrinking and growing (hold.c). The seal against
 * writing is refused while the page cache has a writable mapping. A writer without a
 * mapping either counts as one, or checks for the seal under @fault_lock.
 */

#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/spinlock.h>

#include "internal.h"

/* Counts as a writable mapping, so that the seal against writing is refused. */
int iobmd_buffer_get_writer(struct iobmd_buffer *buffer)
{
	struct address_space *mapping = buffer->inode->i_mapping;
	int err = mapping_map_writable(mapping);

	if (!err && iobmd_buffer_is_write_sealed(buffer)) {
		mapping_unmap_writable(mapping);
		err = -EPERM;
	}
	return err;
}

void iobmd_buffer_put_writer(struct iobmd_buffer *buffer)
{
	mapping_unmap_writable(buffer->inode->i_mapping);
}

static void iobmd_buffer_add_seals(struct iobmd_buffer *buffer, u32 seals)
{
	spin_lock(&buffer->lock);
	buffer->memory.seals |= seals;
	spin_unlock(&buffer->lock);
}

/*
 * While writers are denied, the core refuses a mapping that may become writable with
 * EPERM. So deny them last, when nothing else can fail any more. Memory that has been
 * unmapped and is not in use remains so while @fault_lock is held.
 */
static int iobmd_buffer_try_seal_write(struct iobmd_buffer *buffer, unsigned long seals)
{
	struct address_space *mapping = buffer->inode->i_mapping;
	int err;

	if (mapping_writably_mapped(mapping))
		return -EBUSY;
	err = iobmd_memory_unmap(buffer, 0);
	if (err)
		return err;
	err = mapping_deny_writable(mapping);
	if (err)
		return err;
	iobmd_buffer_add_seals(buffer, seals);
	/* Mappings are allowed again only after the seal is visible to them. */
	smp_mb__before_atomic();
	mapping_allow_writable(mapping);
	return 0;
}

static int iobmd_buffer_seal_locked(struct iobmd_buffer *buffer, u32 seals)
{
	u32 new = seals & ~buffer->memory.seals;

	if (new && buffer->memory.seals & IOBMD_SEAL_SEAL)
		return -EPERM;
	if (new & IOBMD_SEAL_WRITE)
		return iobmd_memory_exclusively(buffer, iobmd_buffer_try_seal_write, new);
	iobmd_buffer_add_seals(buffer, new);
	return 0;
}

/**
 * iobmd_buffer_seal - forbid changes for good
 * @buffer: The buffer; the caller holds a reference and none of its locks.
 * @seals: An or of enum iobmd_seals.
 *
 * Return: 0, or with nothing changed: -EBUSY while a writable mapping exists or the
 * kernel or a device uses the memory, -EINTR, -EINVAL, -EPERM, -ERESTARTSYS.
 */
int iobmd_buffer_seal(struct iobmd_buffer *buffer, u32 seals)
{
	int err;

	if (seals & ~IOBMD_SEALS_ALL)
		return -EINVAL;
	if (mutex_lock_interruptible(&buffer->memory.resize_lock))
		return -ERESTARTSYS;
	err = iobmd_buffer_seal_locked(buffer, seals);
	mutex_unlock(&buffer->memory.resize_lock);
	return err;
}
