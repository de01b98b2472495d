/* SPDX-License-Identifier: GPL-2.0 */
/* The account of a user. */
#ifndef IOBMD_ACCOUNT_H
#define IOBMD_ACCOUNT_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>

#include "internal.h"

/**
 * struct iobmd_account - what is charged to a user
 * @uid: The real user id of the creator; the key in iobmd_accounts.
 * @nr_refs: One for each buffer, derived descriptor, composite and leftover folio, and
 *	those of running calls. Drops to 0 only with the lock of iobmd_accounts held,
 *	which also removes the account.
 * @nr_pages: The memory of its buffers and its leftovers.
 * @objects: Bytes in its objects: see account.c.
 * @reap_lock: Held while the leftovers are scanned. Only @lock nests inside it.
 * @lock: Protects @leftovers. Innermost.
 * @leftovers: Folios that have outlived their buffer: see leftover.c.
 */
struct iobmd_account {
	uid_t uid;
	atomic_long_t nr_refs;
	atomic_long_t nr_pages;
	atomic64_t objects;

	struct mutex reap_lock;
	spinlock_t lock;
	struct folio *leftovers;
};

struct iobmd_account *iobmd_account_get_next(uid_t uid);

#endif /* IOBMD_ACCOUNT_H */
