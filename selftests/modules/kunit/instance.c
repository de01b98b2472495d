// SPDX-License-Identifier: GPL-2.0
/*
 * A second instance of iobmd, made of the same sources, into which tests look and which
 * they set up as no process can. It has no device. The tests' files include the sources
 * whose static functions they call; this file includes all others. What the module
 * exports is missing here: the tests call that in the module itself.
 */

#include "batch.c"
#include "compose.c"
#include "descriptor.c"
#include "export.c"
#include "fs.c"
#include "hold.c"
#include "io.c"
#include "ioctl.c"
#include "leftover.c"
#include "memory.c"
#include "node.c"
#include "reserve_refill.c"
#include "resize.c"
#include "seal.c"
#include "shrink.c"

#include <linux/module.h>
#include <linux/mount.h>

#include "instance.h"

int iobmd_instance_begin(struct kunit_suite *suite)
{
	int err;

	iobmd_memory_init();
	err = iobmd_leftover_init();
	if (err)
		return err;
	iobmd_batch_wq = system_unbound_wq;
	iobmd_mnt = kern_mount(&iobmd_fs_type);
	return PTR_ERR_OR_ZERO(iobmd_mnt);
}

void iobmd_instance_end(struct kunit_suite *suite)
{
	kern_unmount(iobmd_mnt);
	iobmd_leftover_exit();
	iobmd_account_exit();
	iobmd_memory_exit();
}

static void iobmd_instance_iput(void *inode)
{
	iput(inode);
}

/*
 * A buffer that says it had @capacity, which may be more than there is: it has no
 * memory. It goes with the case.
 */
struct iobmd_buffer *iobmd_instance_buffer(struct kunit *test, u64 capacity)
{
	struct iobmd_buffer *buffer = iobmd_buffer_alloc(iobmd_mnt->mnt_sb);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, buffer);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, iobmd_instance_iput,
							   buffer->inode));
	iobmd_buffer_publish(buffer, capacity);
	return buffer;
}

/* Only the case itself holds @buffer, or keeps it from being sealed. */
void iobmd_instance_expect_unused(struct kunit *test, struct iobmd_buffer *buffer)
{
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&buffer->memory.holds.rb_root));
	KUNIT_EXPECT_FALSE(test, mapping_writably_mapped(buffer->inode->i_mapping));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&buffer->inode->i_count));
}

MODULE_DESCRIPTION("Tests of what no process can reach of iobmd");
MODULE_LICENSE("GPL");
