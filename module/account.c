// SPDX-License-Identifier: GPL-2.0
/* How much memory a user, and a buffer, may have. */

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/xarray.h>

#include "internal.h"

#define IOBMD_PAGES_PER_MIB	(SZ_1M >> PAGE_SHIFT)

static unsigned long max_buffer_mib;
module_param(max_buffer_mib, ulong, 0644);
MODULE_PARM_DESC(max_buffer_mib, "Largest capacity of a buffer in MiB (0: half of the memory)");

static unsigned long max_user_mib;
module_param(max_user_mib, ulong, 0644);
MODULE_PARM_DESC(max_user_mib, "Most memory in buffers of one user in MiB (0: a quarter of the memory)");

/**
 * struct iobmd_account - the buffers of one user
 * @uid: The real user id of their creator; the key in iobmd_accounts.
 * @nr_buffers: How many have a reference; protected by that xarray's lock.
 * @nr_pages: Their memory.
 */
struct iobmd_account {
	uid_t uid;
	unsigned long nr_buffers;
	atomic_long_t nr_pages;
};

static DEFINE_XARRAY(iobmd_accounts);

/* A limit in pages; no more than there is, so that sums of two never wrap. */
static unsigned long iobmd_account_limit(unsigned long mib, unsigned long dflt)
{
	unsigned long all = totalram_pages();

	if (!mib)
		return dflt;
	return mib > all / IOBMD_PAGES_PER_MIB ? all : mib * IOBMD_PAGES_PER_MIB;
}

/* Once this has said 0, capacity can be rounded up to pages without a wrap. */
int iobmd_account_check_capacity(u64 capacity)
{
	unsigned long limit = iobmd_account_limit(READ_ONCE(max_buffer_mib),
						  totalram_pages() / 2);

	if (!capacity)
		return -EINVAL;
	return capacity > (u64)limit << PAGE_SHIFT ? -EFBIG : 0;
}

static struct iobmd_account *iobmd_account_find(uid_t uid)
{
	struct iobmd_account *account;

	xa_lock(&iobmd_accounts);
	account = xa_load(&iobmd_accounts, uid);
	if (account)
		account->nr_buffers++;
	xa_unlock(&iobmd_accounts);
	return account;
}

/* The account of the caller: NULL for one without limit, or an ERR_PTR. */
struct iobmd_account *iobmd_account_get(void)
{
	uid_t uid = __kuid_val(current_uid());
	struct iobmd_account *account, *old;

	if (capable(CAP_IPC_LOCK))
		return NULL;

	while (!(account = iobmd_account_find(uid))) {
		account = kzalloc(sizeof(*account), GFP_KERNEL_ACCOUNT);
		if (!account)
			return ERR_PTR(-ENOMEM);
		account->uid = uid;
		account->nr_buffers = 1;
		old = xa_cmpxchg(&iobmd_accounts, uid, NULL, account, GFP_KERNEL);
		if (!old)
			break;
		kfree(account);
		if (xa_is_err(old))
			return ERR_PTR(xa_err(old));
	}
	return account;
}

void iobmd_account_put(struct iobmd_account *account)
{
	bool last;

	if (!account)
		return;

	xa_lock(&iobmd_accounts);
	last = !--account->nr_buffers;
	if (last)
		__xa_erase(&iobmd_accounts, account->uid);
	xa_unlock(&iobmd_accounts);
	if (last)
		kfree(account);
}

int iobmd_account_charge(struct iobmd_account *account, unsigned long nr_pages)
{
	unsigned long limit = iobmd_account_limit(READ_ONCE(max_user_mib),
						  totalram_pages() / 4);

	if (!account)
		return 0;
	if (atomic_long_add_return(nr_pages, &account->nr_pages) <= limit)
		return 0;
	atomic_long_sub(nr_pages, &account->nr_pages);
	return -EDQUOT;
}

void iobmd_account_uncharge(struct iobmd_account *account, unsigned long nr_pages)
{
	if (account)
		atomic_long_sub(nr_pages, &account->nr_pages);
}
